"""Where a tone mark stands: "hoà" and "hòa" are the same word in two schools of spelling, equal in every comparison.

Both are correct and in official use, often within one document, so neither is ever turned into the other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from campaigns.text import nfc

TONES = "\u0300\u0301\u0303\u0309\u0323"
_SYLLABLE = re.compile(r"[^\W\d_]+")


def comparable(text: str) -> str:
    """The form to compare: case folded, NFC, each tone mark moved to the end of its syllable, spaces evened out."""
    return " ".join(_SYLLABLE.sub(lambda found: toned(found.group()), nfc(text)).casefold().split())


def same(one: str, other: str) -> bool:
    """Whether two texts differ at most in case, spaces, normal form and tone placement."""
    return comparable(one) == comparable(other)


@lru_cache(maxsize=65_536)
def toned(syllable: str) -> str:
    """A syllable with its tone marks at the end, other marks in place: "thuý" and "thúy" become one."""
    letters = unicodedata.normalize("NFD", syllable)
    tones = "".join(mark for mark in letters if mark in TONES)
    return nfc("".join(mark for mark in letters if mark not in TONES)) + tones


def syllables(text: str) -> Iterator[tuple[int, str]]:
    """The syllables of an NFC text, each with its position (characters, from 1)."""
    return ((found.start() + 1, found.group()) for found in _SYLLABLE.finditer(text))


def two_ways(text: str) -> list[tuple[str, str]]:
    """Words that a text spells in both schools, as (first way met, other way)."""
    first: dict[str, str] = {}
    pairs: dict[tuple[str, str], None] = {}
    for _, written in syllables(nfc(text).casefold()):
        known = first.setdefault(toned(written), written)
        if known != written:
            pairs[known, written] = None
    return list(pairs)
