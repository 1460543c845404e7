"""A submission as the submit_sm bodies that carry it, most of them made once for all who get the same text."""

from __future__ import annotations

import random
from itertools import count

from providers.base import Encoding, Submission
from providers.smpp.alphabet import Alphabet
from providers.smpp.codes import Tag
from providers.smpp.options import SmppOptions
from providers.smpp.parts import parts
from providers.smpp.pdu import Message, envelope

# Texts whose PDUs are kept: a wave has one for each area and language.
MOST_TEXTS = 1_000
WITH_RECEIPT = 1

_REFERENCE = Tag.USER_MESSAGE_REFERENCE.to_bytes(2, "big") + b"\x00\x02"


class Wording:
    """How one account wants its texts."""

    def __init__(self, sender: str, options: SmppOptions) -> None:
        self._options = options
        self._alphabets = {
            Encoding.GSM7: (options.alphabet, options.gsm_data_coding),
            Encoding.UCS2: (Alphabet.UCS2, options.ucs2_data_coding),
        }
        self._message = Message(
            service_type=options.service_type.encode(),
            source_ton=options.source_ton,
            source_npi=options.source_npi,
            source=sender.encode("latin-1"),
            dest_ton=options.dest_ton,
            dest_npi=options.dest_npi,
            priority=options.priority,
            validity=_validity(options.validity_minutes),
            registered_delivery=WITH_RECEIPT if options.receipts else 0,
        )
        self._envelopes: dict[tuple[str, Encoding], list[tuple[bytes, bytes]]] = {}
        # Two texts to one person that arrive together are told apart by it; after a restart it starts elsewhere.
        self._references = count(random.randrange(0x10000))  # noqa: S311  guards nothing

    def bodies(self, submission: Submission) -> list[bytes]:
        """One body, or one for each part. Raises ValueError for a text that cannot be said to this carrier."""
        number = submission.msisdn.encode()
        tail = b""
        if self._options.user_reference:
            tail = _REFERENCE + bytes.fromhex(submission.message_id[:4])  # its message_tag
        made = self._envelopes.get((submission.text, submission.encoding)) or self._made(submission)
        return [before + number + after + tail for before, after in made]

    def _made(self, submission: Submission) -> list[tuple[bytes, bytes]]:
        alphabet, coding = self._alphabets[submission.encoding]
        pieces = parts(submission.text, alphabet, self._options.concatenation, next(self._references))
        made = [
            envelope(
                self._message._replace(esm_class=piece.esm_class, data_coding=coding, text=octets, tlvs=piece.tlvs)
            )
            for piece in pieces
            for octets in [piece.short_message]
        ]
        if len(self._envelopes) >= MOST_TEXTS:
            self._envelopes.clear()
        self._envelopes[submission.text, submission.encoding] = made
        return made


def _validity(minutes: int | None) -> bytes:
    """Relative time, `YYMMDDhhmmss000R`; months are left out, they have no length (SMPP 3.4, 7.1.1)."""
    if minutes is None:
        return b""
    days, rest = divmod(minutes, 24 * 60)
    return f"0000{days:02}{rest // 60:02}{rest % 60:02}00000R".encode()
