"""Words that a text should not use: those that stigmatise (data/words.csv), and an office's own list.

They are found whatever their case, accents, tone placement and spacing, and only as whole words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from campaigns.tables import rows
from campaigns.text import nfc, plain
from campaigns.tones import syllables, toned


@dataclass(frozen=True, slots=True)
class Word:
    """A word or phrase, what to write instead ("" where there is nothing better), and why."""

    word: str
    instead: str = ""
    reason: str = ""

    def __str__(self) -> str:
        why = f" ({self.reason})" if self.reason else ""
        return f'"{self.word}"{why}; ' + (f'viết "{self.instead}"' if self.instead else "bỏ đi")


@cache
def stigmatising() -> tuple[Word, ...]:
    """HIV law 64/2006/QH11 Art. 9 forbids a negative image; the words of the field have changed since."""
    return tuple(Word(row["word"], row["instead"], row["reason"]) for row in rows("words.csv"))


def named(text: str, words: Iterable[Word]) -> Iterator[Word]:
    """Those of `words` that a text uses, with their accents or altogether without."""
    spelled = _spelled(text)
    for word in words:
        if _spelled(word.word) in spelled or _spelled(plain(word.word)) in spelled:
            yield word


def _spelled(text: str) -> str:
    """The words of a text between single spaces, so that a phrase is found whole."""
    return f" {' '.join(toned(word.casefold()) for _, word in syllables(nfc(text)))} "
