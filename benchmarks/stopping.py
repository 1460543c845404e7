"""How fast a stop is: from the command to the last request in the carrier's own log, under load, many times over.

Run with `python -m benchmarks.stopping [STOPS]`.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

from benchmarks.pacing import arrivals
from benchmarks.rig import Rig, installation_with, running
from dispatcher import control
from dispatcher.lifecycle import Act
from dispatcher.store.database import new_pool

STOPS = 50
WORKERS = 2
TPS = 400
RUN_SECONDS = (0.6, 1.4)
QUIET_SECONDS = 2.5
EDITION = "benchmark-2026"


async def stop_often(rig: Rig, stops: int) -> list[tuple[float, int]]:
    """(monotonic second of the command, messages that it said were under way) of each stop; a resume after each."""
    told = []
    dice = random.Random(7)
    async with new_pool(rig.database_url, 1) as pool:
        for _ in range(stops):
            await asyncio.sleep(dice.uniform(*RUN_SECONDS))
            at = time.monotonic()
            async with pool.connection() as connection:
                stopped = await control.stop(connection, EDITION, "approver", Act.PAUSE)
            told.append((at, stopped.in_flight))
            await asyncio.sleep(QUIET_SECONDS)
            async with pool.connection() as connection:
                await control.resume(connection, EDITION, "approver")
    return told


def main(stops: int) -> None:
    """Print median, 99th percentile and worst of the delays, and how many requests came after a command."""
    with tempfile.TemporaryDirectory() as folder:
        people = int(TPS * stops * RUN_SECONDS[1]) + 5 * TPS
        dials: dict[str, object] = {"latency_seconds": {"mean": 0.05, "jitter": 0.03}}
        with installation_with(Path(folder) / "var", people, TPS, 64, dials) as rig, running(rig, WORKERS):
            time.sleep(4)
            told = asyncio.run(stop_often(rig, stops))
        seen = [at for at, _ in arrivals(rig.ledger)]
    late = [[at - stop for at in seen if stop < at < stop + QUIET_SECONDS] for stop, _ in told]
    delays = sorted(max(after, default=0.0) for after in late)
    busy = sum(any(stop - 1 < at <= stop for at in seen) for stop, _ in told)
    print(f"{stops} stops at {TPS} segments/s with {WORKERS} workers, {busy} of them while messages were going out")
    p99 = quantiles(delays, n=100, method="inclusive")[98]
    print(f"last request after the command: median {median(delays):.3f} s, p99 {p99:.3f} s, worst {delays[-1]:.3f} s")
    print(f"requests after a command: mean {sum(map(len, late)) / stops:.1f}, most {max(map(len, late))}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else STOPS)
