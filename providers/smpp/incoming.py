"""What comes in over the link, read into receipts and texts from people."""

from __future__ import annotations

import re

import structlog

from providers.base import Inbound, Part, Receipt
from providers.blanking import blanked
from providers.smpp.alphabet import alphabet_of, decoded
from providers.smpp.memory import Memory
from providers.smpp.options import SmppOptions, dialect
from providers.smpp.parts import Concatenation, piece
from providers.smpp.pdu import Message
from providers.smpp.receipt import is_receipt, report

log = structlog.get_logger()

MOST_NAME = 40
_LOCAL = re.compile(r"(?:\+|00)?(?:84|0)([1-9][0-9]{7,10})")


class Ear:
    """How one account is to be understood."""

    def __init__(self, options: SmppOptions, memory: Memory) -> None:
        self._alphabet = options.alphabet
        self._dialect = dialect(options)
        self._in_parts = options.concatenation is not Concatenation.PAYLOAD
        self._memory = memory

    def understood(self, messages: list[Message]) -> list[Receipt | Inbound]:
        """What they say. One that cannot be read is logged and left out: it would be no better the second time."""
        found: list[Receipt | Inbound] = []
        for message in messages:
            try:
                found.append(self._receipt(message) if is_receipt(message) else self._inbound(message))
            except ValueError as error:
                said = blanked(message.content[:200].decode("latin-1"))
                log.warning("smpp.unreadable", error=blanked(str(error), limit=200), said=said)
        return found

    def _receipt(self, message: Message) -> Receipt:
        told = report(message, self._dialect)
        return Receipt(
            told.outcome,
            self._memory.name(told.reference) if told.reference else None,
            told.reference,
            told.code,
            None,
            told.raw,
            self._in_parts,
            number(message.source),
            told.user_reference,
        )

    def _inbound(self, message: Message) -> Inbound:
        part = piece(message.esm_class, message.content, message.tlvs)
        return Inbound(
            msisdn=number(message.source),
            to=_printable(message.dest[:MOST_NAME].decode("latin-1")),
            text=decoded(part.octets, alphabet_of(message.data_coding, self._alphabet)),
            part=None if part.reference is None else Part(part.reference, part.total, part.number),
        )


def number(address: bytes) -> str:
    """A Vietnamese number as in `Submission`, however it is written; anything else, such as a short code, as it came."""
    name = address[:MOST_NAME].decode("latin-1")
    if name.startswith("84") and name.isdecimal():
        return name
    found = _LOCAL.fullmatch(name)
    return f"84{found[1]}" if found else _printable(name)


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)
