"""The error budget of a wave: when carriers refuse too many of the last messages, somebody should look before the rest goes."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from dispatcher.lifecycle import Status

LAST = 500
FEWEST = 50
SHARE = 0.3

REFUSED = (Status.REJECTED, Status.FAILED)


@dataclass
class Budget:
    """Remembers how a wave's counts grew, as far back as the last `LAST` tries."""

    seen: deque[tuple[int, int]] = field(default_factory=lambda: deque([(0, 0)]))

    def spent(self, counts: Mapping[str, int]) -> str | None:
        """Note what tries came to (`counters.tries`); in words why the wave should be held, None while all is well.

        Counts are the whole wave's so far. Only what is newer than the last decision to let it go on is judged.
        """
        tried, refused = sum(counts.values()), sum(counts.get(s, 0) for s in REFUSED)
        self.seen.append((tried, refused))
        while len(self.seen) > 2 and tried - self.seen[1][0] >= LAST:
            self.seen.popleft()
        tries, refusals = tried - self.seen[0][0], refused - self.seen[0][1]
        if tries < FEWEST or refusals < SHARE * tries:
            return None
        return f"nhà mạng từ chối {refusals} trong {tries} tin gần nhất"

    def forgive(self, counts: Mapping[str, int]) -> None:
        """Start anew from these counts."""
        self.seen.clear()
        self.spent(counts)
