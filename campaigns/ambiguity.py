"""What a Vietnamese text may be taken for once its accents are gone: "tư vấn" (advice) and "tự vẫn" (suicide).

Nearly every syllable has several readings, so only pairs that were written down (data/ambiguous.csv, our own list) are
told, and words that stand side by side and become the same. The rest is for the person who reads both forms.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from campaigns.tables import rows
from campaigns.text import nfc, plain
from campaigns.tones import syllables, toned


@dataclass(frozen=True, slots=True)
class Reading:
    """A pair whose plain forms are one: what the author means, and what else it says. Both with accents."""

    intended: str
    reading: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """`written` at character `position` (from 1) becomes `plain`, which also reads as `reading`."""

    written: str
    position: int
    plain: str
    reading: str
    note: str


Key = tuple[str, ...]


@cache
def known() -> tuple[Reading, ...]:
    """The pairs that ship with the package."""
    return tuple(Reading(row["intended"], row["reading"], row["note"]) for row in rows("ambiguous.csv"))


def ambiguities(text: str, own: Iterable[Reading] = ()) -> list[Ambiguity]:
    """Places of an accented text where its plain form can be read as something else; `own` are an office's own pairs.

    Phrases match whatever their case and tone placement, over spaces and commas; a longer phrase hides those in it.
    """
    text = nfc(text)
    words = list(syllables(text))
    found = {one.position: one for one in _side_by_side(text, words)}
    pairs = _pairs([*known(), *own])
    longest = max(map(len, pairs))
    place = 0
    while place < len(words):
        length, readings = _longest(text, words[place : place + longest], pairs)
        for reading in readings:
            found.setdefault(words[place][0], _told(text, words[place : place + length], reading))
        place += max(length, 1)
    return [found[position] for position in sorted(found)]


def _pairs(readings: Iterable[Reading]) -> Mapping[Key, list[Reading]]:
    pairs: dict[Key, list[Reading]] = defaultdict(list)
    for reading in readings:
        pairs[_key(word for _, word in syllables(nfc(reading.intended)))].append(reading)
    return pairs


def _key(words: Iterable[str]) -> Key:
    return tuple(toned(word.lower()) for word in words)


def _longest(text: str, words: list[tuple[int, str]], pairs: Mapping[Key, list[Reading]]) -> tuple[int, list[Reading]]:
    """How many of these words the longest known phrase at their start takes, and what it may be read as."""
    for length in range(len(words), 0, -1):
        readings = pairs.get(_key(word for _, word in words[:length]))
        if readings and _together(text, words[:length]):
            return length, readings
    return 0, []


def _together(text: str, words: list[tuple[int, str]]) -> bool:
    """Whether nothing but spaces and commas stands between the words."""
    ends = [position - 1 + len(word) for position, word in words]
    gaps = (text[end : start - 1] for end, (start, _) in zip(ends, words[1:], strict=False))
    return not any(gap.strip(" ,\n") for gap in gaps)


def _told(text: str, words: list[tuple[int, str]], reading: Reading) -> Ambiguity:
    start, (last, end) = words[0][0], words[-1]
    written = text[start - 1 : last - 1 + len(end)]
    return Ambiguity(written, start, plain(written), reading.reading, reading.note)


def _side_by_side(text: str, words: list[tuple[int, str]]) -> Iterator[Ambiguity]:
    """Neighbours that are two words with accents and one word twice without: "đừng dùng"."""
    for one, other in pairwise(words):
        (_, left), (_, right) = one, other
        if (
            plain(left).lower() == plain(right).lower()
            and _key([left]) != _key([right])
            and _together(text, [one, other])
        ):
            note = "hai chữ khác nhau thành một chữ lặp lại"
            yield _told(text, [one, other], Reading(f"{left} {right}", f"{right} {left}", note))
