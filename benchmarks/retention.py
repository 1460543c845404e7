"""Letting go of a log of a million messages: how long, by slices, and that the dry run says what the run then does.

Run with `python -m benchmarks.retention [--messages N]`. The log is that of `benchmarks.search`, sealed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from benchmarks.search import log_of
from dispatcher import retention, sealing
from dispatcher.retention import Clocks
from dispatcher.signing import SigningKey, open_signing_key
from dispatcher.store.database import new_pool
from dispatcher.store.retention import Forgotten

QUEUE = """
INSERT INTO seal_queue (source, ids) SELECT %s, array_agg(id) FROM {} GROUP BY id / 4096 ORDER BY min(id)
"""
# A wave with a message that is still open stays.
SETTLE = (
    "UPDATE stored_messages SET status = 'unconfirmed' WHERE status IN ('submitted', 'uncertain')",
    "TRUNCATE status_counts",
    "INSERT INTO status_counts SELECT wave_id, status, count(*) FROM stored_messages GROUP BY 1, 2",
    "VACUUM ANALYZE stored_messages",
)
# Everything is older than this.
LATER = timedelta(days=365)


def seal(url: str, key: SigningKey) -> int:
    with psycopg.connect(url, autocommit=True) as connection:
        for source in ("attempts", "receipts"):
            connection.execute(QUEUE.format(source), [source])
        for statement in SETTLE:
            connection.execute(statement)

    async def act() -> int:
        async with new_pool(url, 2) as pool:
            return await sealing.seal_all(pool, key)

    return asyncio.run(act())


async def run(url: str, key: SigningKey, *, dry: bool) -> tuple[Forgotten, list[float], float]:
    """What went, how long each slice took, and all of it."""
    moment = datetime.now(UTC) + LATER
    slices: list[float] = []
    began = last = time.monotonic()

    def move(_done: float, _total: float) -> None:
        nonlocal last
        slices.append(time.monotonic() - last)
        last = time.monotonic()

    async with new_pool(url, 2) as pool:
        done = await retention.run(pool, key, Clocks(moment, moment - 10 * LATER), "benchmark", dry=dry, progress=move)
    return done, slices, time.monotonic() - began


def measure(url: str, key: SigningKey) -> None:
    done: list[Forgotten] = []
    for name, dry in (("dry run", True), ("run", False), ("again", False)):
        forgotten, slices, seconds = asyncio.run(run(url, key, dry=dry))
        done.append(forgotten)
        print(
            f"{name:8} {seconds:7.1f} s, {len(slices)} slices, the longest {max(slices, default=0):.1f} s", flush=True
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"the same as foreseen: {done[0] == done[1]}; {peak:.0f} MB at most; {done[1].plain()}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retention", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    asked = parser.parse_args()
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder, log_of(asked.messages, Path(folder)) as (kept, url):
        key = open_signing_key(kept / "signing.pem", create=True)
        began = time.monotonic()
        rows = seal(url, key)
        print(f"{rows:,} rows sealed in {time.monotonic() - began:.0f} s", flush=True)
        measure(url, key)


if __name__ == "__main__":
    main()
