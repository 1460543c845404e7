"""How often a program may ask: a bucket for each token, in this process's memory."""

from __future__ import annotations

import time

# Requests that a token may make at once, and how many come back each second.
BURST, PER_SECOND = 100, 20.0


class Meter:
    def __init__(self) -> None:
        self._empty_at: dict[int, float] = {}

    def wait_seconds(self, token_id: int, now: float | None = None) -> float:
        """0 where the request may be made, which then counts; else how long to wait."""
        at = time.monotonic() if now is None else now
        spent = max(self._empty_at.get(token_id, at), at) - at
        if spent + 1 / PER_SECOND > BURST / PER_SECOND:
            return spent + 1 / PER_SECOND - BURST / PER_SECOND
        self._empty_at[token_id] = at + spent + 1 / PER_SECOND
        return 0.0
