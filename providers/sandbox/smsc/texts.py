"""What a pretend SMSC makes of the octets it gets: parts, texts, and whether a handset could have been sent them.

Written apart from the sender's alphabet and headers on purpose: two readings that agree are worth more than one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from providers.sandbox.counting import segments
from providers.smpp.pdu import Message

# 3GPP TS 23.038 6.2.1, by septet; the escape is a question mark where it stands alone.
_ROWS = (
    "@£$¥èéùìòÇ\nØø\rÅå",
    "Δ_ΦΓΛΩΠΨΣΘΞ?ÆæßÉ",
    " !\"#¤%&'()*+,-./",
    "0123456789:;<=>?",
    "¡ABCDEFGHIJKLMNO",
    "PQRSTUVWXYZÄÖÑÜ§",
    "¿abcdefghijklmno",
    "pqrstuvwxyzäöñüà",
)
_TABLE = "".join(_ROWS)
_EXTENSION = {0x0A: "\f", **dict(zip(b"\x14\x28\x29\x2f\x3c\x3d\x3e\x40\x65", "^{}\\[~]|€", strict=True))}
_OCTETS = 140  # of a message over the air
SAR_REFERENCE, SAR_TOTAL, SAR_NUMBER, PAYLOAD = 0x020C, 0x020E, 0x020F, 0x0424


class Unreadable(ValueError):  # noqa: N818  reads as the sentence it is
    """A submit_sm that no handset could be sent."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """A text, or one part of it. `reference` is -1 for a text that is whole; `unicode` is how it goes over the air."""

    reference: int
    total: int
    number: int
    octets: bytes
    coding: str
    segments: int

    @property
    def unicode(self) -> bool:
        return self.coding == "ucs2"


def fragment(message: Message, default_alphabet: str) -> Fragment:
    """Read a submit_sm. Raises `Unreadable`."""
    coding = {0: default_alphabet, 1: "gsm", 3: "latin1", 8: "ucs2"}.get(message.data_coding)
    if coding is None:
        raise Unreadable(f"data_coding {message.data_coding}")
    if PAYLOAD in message.tlvs and not message.text:
        return _payload(message.tlvs[PAYLOAD], coding)
    if message.esm_class & 0x40:
        return _headed(message.text, coding)
    reference, total, number = _sar(message.tlvs)
    return _checked(Fragment(reference, total, number, message.text, coding, 1), 6 if total > 1 else 0)


def text(fragments: Sequence[Fragment]) -> str:
    """The text of all parts of a message, given in order. Raises `Unreadable`."""
    return _decoded(b"".join(one.octets for one in fragments), fragments[0].coding)


def _payload(octets: bytes, coding: str) -> Fragment:
    count = segments(_decoded(octets, coding), coding == "ucs2")
    if not count:
        raise Unreadable("a payload in no alphabet")
    return Fragment(-1, 1, 1, octets, coding, count)


def _headed(octets: bytes, coding: str) -> Fragment:
    """Exactly one concatenation and nothing else: that is all we ever send."""
    header = octets[1 : 1 + octets[0]] if octets else b""
    if len(header) == 5 and header[:2] == b"\x00\x03":
        reference = header[2]
    elif len(header) == 6 and header[:2] == b"\x08\x04":
        reference = header[2] << 8 | header[3]
    else:
        raise Unreadable(f"header {header.hex()}")
    total, number = header[-2:]
    return _checked(Fragment(reference, total, number, octets[1 + len(header) :], coding, 1), 1 + len(header))


def _sar(tlvs: Mapping[int, bytes]) -> tuple[int, int, int]:
    values = [tlvs.get(tag) for tag in (SAR_REFERENCE, SAR_TOTAL, SAR_NUMBER)]
    if values == [None, None, None]:
        return -1, 1, 1
    reference, total, number = (int.from_bytes(value or b"", "big") for value in values)
    return reference, total, number


def _checked(found: Fragment, header: int) -> Fragment:
    if not 1 <= found.number <= found.total:
        raise Unreadable(f"part {found.number} of {found.total}")
    size = header + (len(found.octets) if found.unicode else (_septets(found) * 7 + 7) // 8)
    if size > _OCTETS:
        raise Unreadable(f"{size} octets over the air")
    text([found])  # each by itself: no letter may be cut in two
    return found


def _septets(found: Fragment) -> int:
    if found.coding == "gsm":
        return len(found.octets)
    read = _decoded(found.octets, found.coding)
    return len(read) + sum(letter in _EXTENSION.values() for letter in read)


def _decoded(octets: bytes, coding: str) -> str:
    try:
        if coding == "ucs2":
            return octets.decode("utf-16-be")
        return octets.decode("latin-1") if coding == "latin1" else _from_gsm(octets)
    except (UnicodeDecodeError, LookupError) as error:
        raise Unreadable(f"octets that are not {coding}") from error


def _from_gsm(octets: bytes) -> str:
    each = iter(octets)
    return "".join(_EXTENSION[next(each, -1)] if septet == 0x1B else _TABLE[septet] for septet in each)
