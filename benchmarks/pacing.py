"""How a route's limit is kept and used, read from the carrier's own log, with four worker processes.

Run with `python -m benchmarks.pacing [TPS ...]`.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import deque
from pathlib import Path

from benchmarks.rig import finished, installation_with, running

RATES = (20, 200, 1000)
SECONDS = 20
WORKERS = 4


def arrivals(ledger: Path) -> list[tuple[float, int]]:
    """(monotonic second, segments) of every request that the carrier saw, in its order."""
    entries = (json.loads(line) for line in ledger.read_text("utf-8").splitlines())
    return sorted((e["time"], e["segments"]) for e in entries if e["kind"] == "request")


def over(seen: list[tuple[float, int]], tps: float) -> tuple[int, int]:
    """(most segments in any sliding second, how many arrivals close a second that holds more than the limit)."""
    window: deque[tuple[float, int]] = deque()
    held = most = beyond = 0
    for at, segments in seen:
        window.append((at, segments))
        held += segments
        while window[0][0] <= at - 1:
            held -= window.popleft()[1]
        most = max(most, held)
        beyond += held > tps
    return most, beyond


def measure(tps: int) -> None:
    """Send for about `SECONDS` at the route's pace, and print what the carrier saw."""
    with tempfile.TemporaryDirectory() as folder:
        people = tps * SECONDS
        with installation_with(Path(folder) / "var", people, tps, 64, {}) as rig, running(rig, WORKERS):
            whole = finished(rig, SECONDS * 4 + 60)
        seen = arrivals(rig.ledger)
    span = seen[-1][0] - seen[0][0]
    total = sum(segments for _, segments in seen)
    most, beyond = over(seen, tps)
    used = (total - seen[0][1]) / span / tps
    print(f"{tps:>6} {total:>9,} {span:>8.1f} {used:>10.1%} {most:>9} {beyond:>7}{'' if whole else '  NOT FINISHED'}")


if __name__ == "__main__":
    print("   tps  segments  seconds   of limit  most in 1 s  beyond")
    for rate in [int(argument) for argument in sys.argv[1:]] or RATES:
        measure(rate)
