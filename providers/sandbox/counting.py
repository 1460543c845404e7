"""How a carrier counts what it is sent: parts of a text, and segments in a sliding second.

Written apart from the sender's counting on purpose: two counts that agree are worth more than one.
"""

from __future__ import annotations

from collections import deque
from functools import lru_cache

# 3GPP TS 23.038: the default alphabet (one septet) and its extension (two).
BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("^{}\\[~]|€\f")


@lru_cache(maxsize=4096)
def segments(text: str, unicode: bool) -> int | None:
    """Parts of a text: 160 or 153 septets, 70 or 67 UTF-16 units each; None where plain is asked for and impossible.

    A character is never cut in two, so a part may stay one short.
    """
    sizes = [_units(c) if unicode else _septets(c) for c in text]
    if 0 in sizes:
        return None
    alone, part = (70, 67) if unicode else (160, 153)
    return 1 if sum(sizes) <= alone else _filled(sizes, part)


def _filled(sizes: list[int], part: int) -> int:
    parts, used = 1, 0
    for size in sizes:
        if used + size > part:
            parts, used = parts + 1, 0
        used += size
    return parts


def _units(character: str) -> int:
    return 2 if character > "\uffff" else 1


def _septets(character: str) -> int:
    return 1 if character in BASIC else 2 if character in EXTENSION else 0


class SlidingSecond:
    """Segments in the last second, and the most there ever were."""

    def __init__(self) -> None:
        self._arrivals: deque[tuple[float, int]] = deque()
        self.now = 0
        self.most = 0

    def forget(self, time: float) -> None:
        """Drop what is a second old or older."""
        while self._arrivals and self._arrivals[0][0] <= time - 1.0:
            self.now -= self._arrivals.popleft()[1]

    def add(self, time: float, count: int) -> None:
        """Count `count` segments at `time`; times never go back."""
        self.forget(time)
        self._arrivals.append((time, count))
        self.now += count
        self.most = max(self.most, self.now)

    def room(self, time: float, count: int, limit: int) -> bool:
        """Whether `count` more would stay within `limit`."""
        self.forget(time)
        return self.now + count <= limit
