"""Whether a person who texts us wants no more texts: by words, whatever their accents, case and punctuation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from campaigns.text import plain

_BETWEEN = re.compile(r"[\W_]+")


def refuses(text: str, words: Sequence[str]) -> bool:
    """Whether `text` is one of `words`, or begins with one that ends in `*`. Accents, case and signs do not count.

    `huy` is no more than that: it is a given name too. `tc*` is also `TC QC`, never `tcxd`.
    """
    said = _folded(text)
    return bool(said) and any(
        said == word or (longer and said.startswith(f"{word} ")) for word, longer in _read(tuple(words))
    )


@lru_cache(maxsize=16)
def _read(words: tuple[str, ...]) -> tuple[tuple[str, bool], ...]:
    return tuple((_folded(word), word.endswith("*")) for word in words if _folded(word))


def _folded(text: str) -> str:
    return _BETWEEN.sub(" ", plain(text).casefold()).strip()
