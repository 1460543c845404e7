"""A text as the PDUs that carry it: cut where it may be cut, numbered the way the account wants; and how to read a part.

The number of parts is what the text was priced at. Within that number no letter is torn from its marks; where the parts
are so full that it cannot be helped, a mark may open the next part, and a handset joins them before it draws.
Source: 3GPP TS 23.040 9.2.3.24 (headers), SMPP 3.4 5.3.2 (sar_*, message_payload).
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from providers.smpp.alphabet import EXTENDED, Alphabet, encoded
from providers.smpp.codes import Tag

UDHI = 0x40  # esm_class: the text starts with a header
MOST_PARTS = 255


class Concatenation(StrEnum):
    """How a carrier wants a long text.

    `udh16` has a header of one octet more: 152 letters or 66 UCS-2 units a part, so a text may need one part more than it
    was priced at. With `payload` the carrier cuts by itself.
    """

    UDH8 = "udh8"
    UDH16 = "udh16"
    SAR = "sar"
    PAYLOAD = "payload"


class Room(NamedTuple):
    """Septets (GSM, Latin-1) or UTF-16 units that fit in a text sent alone, and in each part of a longer one."""

    alone: int
    part: int


_SEPTETS, _UNITS = Room(160, 153), Room(70, 67)
_LONG_HEADER = {_SEPTETS: Room(160, 152), _UNITS: Room(70, 66)}


class Part(NamedTuple):
    """What one submit_sm holds: `esm_class` bits to set, short_message (header included), optional parameters."""

    esm_class: int
    short_message: bytes
    tlvs: Mapping[int, bytes]


def parts(text: str, alphabet: Alphabet, concatenation: Concatenation, reference: int) -> list[Part]:
    """The PDUs of a text, in order; `reference` tells the parts of one text from those of another to the same person.

    Raises ValueError for a text that the alphabet does not have, or that needs more than 255 parts.
    """
    pieces = _pieces(text, alphabet, concatenation is Concatenation.UDH16)
    if len(pieces) == 1:
        return [Part(0, pieces[0], {})]
    if concatenation is Concatenation.PAYLOAD:
        return [Part(0, b"", {Tag.MESSAGE_PAYLOAD: b"".join(pieces)})]
    number = _NUMBERED[concatenation]
    return [number(piece, reference, len(pieces), at) for at, piece in enumerate(pieces, start=1)]


def _udh8(piece: bytes, reference: int, total: int, number: int) -> Part:
    return Part(UDHI, bytes((5, 0, 3, reference & 0xFF, total, number)) + piece, {})


def _udh16(piece: bytes, reference: int, total: int, number: int) -> Part:
    high, low = (reference & 0xFFFF).to_bytes(2, "big")
    return Part(UDHI, bytes((6, 8, 4, high, low, total, number)) + piece, {})


def _sar(piece: bytes, reference: int, total: int, number: int) -> Part:
    told: dict[int, bytes] = {
        Tag.SAR_MSG_REF_NUM: (reference & 0xFFFF).to_bytes(2, "big"),
        Tag.SAR_TOTAL_SEGMENTS: bytes((total,)),
        Tag.SAR_SEGMENT_SEQNUM: bytes((number,)),
    }
    return Part(0, piece, told)


_NUMBERED = {Concatenation.UDH8: _udh8, Concatenation.UDH16: _udh16, Concatenation.SAR: _sar}


# A wave has one text for thousands of people, or a few.
@lru_cache(maxsize=1024)
def _pieces(text: str, alphabet: Alphabet, long_header: bool) -> tuple[bytes, ...]:
    """The octets of each part; one, perhaps empty, for a text that fits alone."""
    whole = encoded(text, alphabet)
    room = _UNITS if alphabet is Alphabet.UCS2 else _SEPTETS
    room = _LONG_HEADER[room] if long_header else room
    widths = [_width(char, alphabet) for char in text]
    if sum(widths) <= room.alone:
        return (whole,)
    cuts = _cuts(text, widths, room.part)
    if len(cuts) > MOST_PARTS:
        raise ValueError(f"a text of {len(cuts)} parts; {MOST_PARTS} is the most that can be numbered")
    return tuple(encoded(text[start:end], alphabet) for start, end in zip([0, *cuts], cuts, strict=False))


def _width(char: str, alphabet: Alphabet) -> int:
    """Latin-1 counts in septets too: the carrier turns it into the GSM alphabet for the air."""
    return 2 if (char > "\uffff" if alphabet is Alphabet.UCS2 else char in EXTENDED) else 1


def _cuts(text: str, widths: Sequence[int], capacity: int) -> list[int]:
    """Where each part ends: as few parts as there can be, and of all such cuts those between whole letters."""
    filled, end = [0, *accumulate(widths)], len(text)
    reach = [bisect_right(filled, filled[start] + capacity) - 1 for start in range(end)]
    needed = [0] * (end + 1)
    for start in reversed(range(end)):
        needed[start] = 1 + needed[reach[start]]
    cuts = [0]
    for left in reversed(range(needed[0])):
        last = reach[cuts[-1]]
        fitting = [cut for cut in range(last, cuts[-1], -1) if needed[cut] <= left]
        cuts.append(next((cut for cut in fitting if not _sticks(text, cut)), last))
    return cuts[1:]


_JOINER, _FLAGS, _TONES = "\u200d", ("\U0001f1e6", "\U0001f1ff"), ("\U0001f3fb", "\U0001f3ff")
_JAMO = ("\u1160", "\u11ff")  # vowels and finals of Korean


def _sticks(text: str, at: int) -> bool:
    """Whether the character at `at` belongs to the letter before it: marks, joined emoji, skin tones, flags, CR LF."""
    before, char = text[at - 1], text[at : at + 1]
    if char < "\u0300":
        return before + char == "\r\n"
    return (
        unicodedata.category(char).startswith("M")
        or _JOINER in (before, char)
        or _TONES[0] <= char <= _TONES[1]
        or _JAMO[0] <= char <= _JAMO[1]
        or (_flag(char) and _flags_before(text, at) % 2 == 1)
    )


def _flag(char: str) -> bool:
    return _FLAGS[0] <= char <= _FLAGS[1]


def _flags_before(text: str, at: int) -> int:
    """A flag is two such letters: only after an odd number of them is one unfinished."""
    start = at
    while start and _flag(text[start - 1]):
        start -= 1
    return at - start


class Piece(NamedTuple):
    """A part that came in. `reference` is None for a text that is whole, and then `total` and `number` are 1."""

    reference: int | None
    total: int
    number: int
    octets: bytes


def piece(esm_class: int, content: bytes, tlvs: Mapping[int, bytes]) -> Piece:
    """Read a message's text and its place among the parts, from a header or from sar_*.

    A numbering that cannot be (part 3 of 2) is left unread, as the standard wants. Raises ValueError for a header longer
    than the text.
    """
    if not esm_class & UDHI:
        return Piece(*_placed(_sar_place(tlvs)), content)
    size = 1 + content[0] if content else 1
    if size > len(content):
        raise ValueError("a header longer than the text")
    return Piece(*_placed(_header_place(content[1:size])), content[size:])


_Place = tuple[int | None, int, int]
_ALONE: _Place = (None, 1, 1)
_CONCATENATIONS = {(0x00, 3), (0x08, 4)}  # information element and its length: 8-bit and 16-bit reference


def _placed(place: _Place) -> _Place:
    _, total, number = place
    return place if total > 1 and 1 <= number <= total else _ALONE


def _sar_place(tlvs: Mapping[int, bytes]) -> _Place:
    told = [tlvs.get(tag, b"") for tag in (Tag.SAR_MSG_REF_NUM, Tag.SAR_TOTAL_SEGMENTS, Tag.SAR_SEGMENT_SEQNUM)]
    if [len(value) for value in told] != [2, 1, 1]:
        return _ALONE
    reference, total, number = (int.from_bytes(value, "big") for value in told)
    return reference, total, number


def _header_place(header: bytes) -> _Place:
    """The first concatenation among the information elements; the others (ports, national tables) are passed over."""
    at = 0
    while at + 2 <= len(header):
        element, size = header[at], header[at + 1]
        value = header[at + 2 : at + 2 + size]
        if (element, len(value)) in _CONCATENATIONS and len(value) == size:
            return int.from_bytes(value[:-2], "big"), value[-2], value[-1]
        at += 2 + size
    return _ALONE
