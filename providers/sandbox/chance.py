"""Draws that depend on the seed, the subject (a number, or a text to it) and the purpose alone: the same run again."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

from providers.sandbox.dials import Spread


class Chance:
    """All draws of one pretend carrier."""

    def __init__(self, seed: int) -> None:
        self._key = str(seed).encode()

    def draw(self, subject: str, purpose: str) -> float:
        """A number in [0, 1)."""
        digest = blake2b(f"{purpose}:{subject}".encode(), key=self._key, digest_size=7).digest()
        return int.from_bytes(digest, "big") / 2**56

    def happens(self, share: float, subject: str, purpose: str) -> bool:
        """True for `share` of all subjects."""
        return share > 0 and self.draw(subject, purpose) < share

    def pick(self, shares: Mapping[str, float], subject: str, purpose: str) -> str | None:
        """One of the keys, each for its share of all subjects; None for the rest."""
        if not shares:
            return None
        rest = self.draw(subject, purpose)
        for key in sorted(shares):
            rest -= shares[key]
            if rest < 0:
                return key
        return None

    def seconds(self, spread: Spread, subject: str, purpose: str) -> float:
        """A duration."""
        if not spread.jitter:
            return spread.mean
        return max(0.0, spread.mean + spread.jitter * (2 * self.draw(subject, purpose) - 1))
