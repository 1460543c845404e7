"""What the seal costs a campaign, and how fast a long log is verified: each as a ratio within one run.

Run with `python -m benchmarks.sealing [--rounds N] [--events N] [--only cost|verify] [--no-export]`. Off is the same product
without the triggers that queue rows for their seal. The rate is that until everything is sent and received; how much later
the last row is sealed is said beside it, and the processor time is counted until then.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import psycopg

from benchmarks.engine.rounds import REACHED
from benchmarks.engine.stage import WORKERS, Figures, Load, Stage, listening, measured, set_up_ours, staged, wait_for
from benchmarks.rig import start
from dispatcher import inspection, sealing, verify_log
from dispatcher.embedded import Embedded
from dispatcher.signing import open_signing_key
from dispatcher.store.database import migrate, new_pool
from dispatcher.store.seals import FORMS, records_sql

LOADS = {
    "a request a message": Load(people=30_000, window=256),
    "many a request": Load(people=200_000, window=2_000, many=True),
    "SMPP": Load(people=100_000, window=4_000, smpp=True),
}
PAGE = 4096


def cost(rounds: int) -> None:
    compare("seal", rounds, LOADS, _switch_off)


def compare(what: str, rounds: int, loads: Mapping[str, Load], switch_off: Callable[[Stage], None]) -> None:
    """Rates with and without, rounds in turn, and the medians of what stood beside each other."""
    print(
        f"\n{what:22} {'':>4} {'messages/s':>11} {'us each':>8} {'PostgreSQL':>11} {'clock':>6} {'sealed s later':>15}",
        flush=True,
    )
    for name, load in loads.items():
        seen: dict[bool, list[Figures]] = {True: [], False: []}
        late: dict[bool, list[float]] = {True: [], False: []}
        for number in range(rounds):
            for on in (True, False) if number % 2 else (False, True):
                figures, seconds = _round(load, None if on else switch_off)
                seen[on].append(figures)
                late[on].append(seconds)
        for on, found in seen.items():
            each = [_each(figures) for figures in found]
            parts = [median(f.processor[part] / f.people for f in found) * 1e6 for part in ("PostgreSQL", "clock")]
            print(
                f"{name:22} {'on' if on else 'off':>4} {median(f.rate for f in found):>11,.0f} {median(each):>8.0f}"
                f" {parts[0]:>11.0f} {parts[1]:>6.0f} {median(late[on]):>15.1f}",
                flush=True,
            )
        pairs = list(zip(seen[False], seen[True], strict=True))
        work, rate = median(_each(a) / _each(b) for a, b in pairs), median(b.rate / a.rate for a, b in pairs)
        print(f"{name}: processor time off / on {work:.2f}, rate on / off {rate:.2f}", flush=True)


def _each(figures: Figures) -> float:
    return sum(figures.processor.values()) / figures.people * 1e6


def _round(load: Load, switch_off: Callable[[Stage], None] | None) -> tuple[Figures, float]:
    """Figures with the seconds until everything was received, and how much later everything was sealed."""
    ends = Ends(load)
    with tempfile.TemporaryDirectory() as folder, staged(Path(folder) / "var", load) as stage:
        set_up_ours(stage)
        if switch_off:
            switch_off(stage)
        for part in ("clock", "web"):
            stage.start(part, "dispatcher", part)
        for _ in range(WORKERS):
            stage.start("worker", "dispatcher", "worker")
        wait_for(lambda: listening(stage.web_port) and stage.said("worker", "worker.started") == WORKERS, "processes")
        time.sleep(1)
        found = measured(stage, lambda: asyncio.run(start(stage.servers.database_url, stage.folder)), ends.over)
        later = time.monotonic() - ends.received_at
        return replace(found, seconds=found.seconds - later), later


def _switch_off(stage: Stage) -> None:
    with psycopg.connect(stage.servers.database_url, autocommit=True) as connection:
        for source in FORMS:
            connection.execute(f"DROP TRIGGER await_seal ON {source}")
        connection.execute("TRUNCATE seal_queue")


class Ends:
    """When a round is over; `received_at` is the moment at which everything was received."""

    def __init__(self, load: Load) -> None:
        self._asked = {"status": "delivered", "people": load.people}
        self.received_at = 0.0

    def over(self, connection: psycopg.Connection[Any]) -> bool:
        asked = f"SELECT ({REACHED}) >= %(people)s AS received, NOT EXISTS (SELECT FROM seal_queue) AS sealed"
        received, sealed = connection.execute(asked, self._asked).fetchone() or (False, False)
        if received and not self.received_at:
            self.received_at = time.monotonic()
        return bool(received and sealed)


FILL = """
INSERT INTO attempts (message_id, number, route, started_at, ended_at, outcome, reference, reason, code, segments, exchange_id)
SELECT gen_random_uuid(), 1, 'esms-viettel', clock_timestamp(), clock_timestamp(), 'accepted', gen_random_uuid()::text, NULL,
       '100', 1, i FROM generate_series(1, %(rows)s) AS i;
INSERT INTO receipts (id, received_at, route, message_id, reference, outcome, code, raw, moved_from, moved_to)
SELECT %(first)s + i, clock_timestamp(), 'esms-viettel', gen_random_uuid(), NULL, 'delivered', '5',
       'SMSID=' || gen_random_uuid() || '&SendStatus=5&SendSuccess=1', 'submitted', 'delivered'
FROM generate_series(1, %(rows)s) AS i
"""


def verify(events: int, *, exports: bool) -> None:
    """A log of so many events, half attempts and half receipts: sealed, verified, and its bytes just hashed."""
    with tempfile.TemporaryDirectory() as name, Embedded(Path(name) / "var") as servers:
        url, folder = servers.database_url, Path(name)
        migrate(url)
        with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
            for first in range(0, events // 2, PAGE):
                connection.execute(FILL, {"rows": min(PAGE, events // 2 - first), "first": first})
            connection.execute("VACUUM ANALYZE attempts")
            connection.execute("VACUUM ANALYZE receipts")
        print(f"\n{events:,} events", flush=True)
        took = {title: _apart(title, act, url, folder) for title, act in (ACTS | EXPORTS if exports else ACTS).items()}
        for bare in ("read and hashed", "hashing alone, row by row", "hashing alone, one pass"):
            print(f"log verify / {bare}: {took['log verify'] / took[bare]:.2f}", flush=True)


def _apart(title: str, act: Callable[[str, Path], float], url: str, folder: Path) -> float:
    """In a process of its own, so that its memory is its own."""
    context = multiprocessing.get_context("spawn")
    server = _server(url)
    before = _worked(server)
    with context.Pool(1) as pool:
        seconds, worked, megabytes = pool.apply(_measured, (act, url, folder))
    there = _worked(server) - before
    print(
        f"{title:30} {seconds:>8.2f} s   processor {worked:>7.2f} s, PostgreSQL {there:>7.2f} s   peak {megabytes:>5.0f} MB",
        flush=True,
    )
    return seconds


def _server(url: str) -> psutil.Process:
    with psycopg.connect(url) as connection:
        server: psutil.Process = psutil.Process(connection.info.backend_pid).parent()
        return server


def _worked(server: psutil.Process) -> float:
    """Processor time of PostgreSQL so far, of the processes that have ended, too."""
    spent = sum(server.cpu_times())
    for process in server.children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it has ended just now: then the server counts it
            times = process.cpu_times()
            spent += times.user + times.system
    return spent


def _measured(act: Callable[[str, Path], float], url: str, folder: Path) -> tuple[float, float, float]:
    began = time.process_time()
    seconds = act(url, folder)
    return seconds, time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _seal(url: str, folder: Path) -> float:
    async def act() -> None:
        key = open_signing_key(folder / "signing.pem", create=True)
        async with new_pool(url, 2) as pool:
            await sealing.seal_all(pool, key)
            await sealing.checkpoint(pool, key, folder)

    return _timed(lambda: asyncio.run(act()))


def _verify(url: str, folder: Path) -> float:
    async def act() -> None:
        keys = (open_signing_key(folder / "signing.pem", create=False).private.public_key(),)
        given = verify_log.read_checkpoint((folder / sealing.WITNESS_NAME).read_text(), keys)
        async with new_pool(url, 2) as pool, pool.connection() as connection:
            seen = await inspection.inspect(connection, keys, given, lambda _done, _total: None)
        if not seen.chain.whole:
            raise SystemExit(f"not whole: {seen.chain.findings[:3]}")

    return _timed(lambda: asyncio.run(act()))


def _export(url: str, folder: Path) -> float:
    async def act() -> None:
        async with new_pool(url, 2) as pool, pool.connection() as connection:
            await connection.execute(inspection.SNAPSHOT)
            await inspection.export(connection, folder / "log.jsonl.gz", lambda _done, _total: None)

    return _timed(lambda: asyncio.run(act()))


def _offline(_url: str, folder: Path) -> float:
    key = open_signing_key(folder / "signing.pem", create=False)
    (folder / "key.pub").write_text(key.public.written)

    def act() -> None:
        chain, _ = verify_log.verify(folder / "log.jsonl.gz", folder / sealing.WITNESS_NAME, folder / "key.pub")
        if not chain.whole:
            raise SystemExit(f"not whole: {chain.findings[:3]}")

    return _timed(act)


def _hashing(act: Callable[[], object]) -> float:
    """Processor seconds: nothing is waited for in hashing, and other work on the machine does not count."""
    began = time.process_time()
    act()
    return time.process_time() - began


def _timed(act: Callable[[], None]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def _read(url: str, _folder: Path) -> float:
    return _timed(lambda: [len(page) for page in _pages(url)] and None)


def _bare(url: str, _folder: Path) -> float:
    """The time of the hashing alone; reading the bytes does not count."""
    digest, spent = hashlib.sha256(), 0.0
    for page in _pages(url):
        content = b"".join(page)
        spent += _hashing(lambda content=content: digest.update(content))  # type: ignore[misc]
    return spent


def _pass(url: str, _folder: Path) -> float:
    """The bytes read and hashed, and nothing else."""
    digest = hashlib.sha256()

    def act() -> None:
        for page in _pages(url):
            digest.update(b"".join(page))

    return _timed(act)


def _bare_rows(url: str, _folder: Path) -> float:
    spent = 0.0
    for page in _pages(url):
        spent += _hashing(lambda page=page: [hashlib.sha256(row).digest() for row in page])  # type: ignore[misc]
    return spent


def _pages(url: str) -> Any:
    """The records of all rows, in pages."""
    with psycopg.connect(url) as connection:
        for source in ("attempts", "receipts"):
            (last,) = connection.execute(f"SELECT max(id) FROM {source}").fetchone() or (0,)
            for first in range(1, last + 1, PAGE):
                cursor = connection.cursor(binary=True)
                cursor.execute(records_sql(FORMS[source], "BETWEEN %s AND %s"), [first, first + PAGE - 1])  # type: ignore[arg-type]
                yield [row[0] for row in cursor.fetchall()]


ACTS = {
    "seal": _seal,
    "hashing alone, one pass": _bare,
    "hashing alone, row by row": _bare_rows,
    "read only": _read,
    "read and hashed": _pass,
    "log verify": _verify,
}
EXPORTS = {"sealed export": _export, "verify_log.py on the export": _offline}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sealing", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--only", choices=("cost", "verify"))
    parser.add_argument("--no-export", action="store_true", help="leave out the export and its verification")
    asked = parser.parse_args()
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    if asked.only in (None, "cost"):
        cost(asked.rounds)
    if asked.only in (None, "verify"):
        verify(asked.events, exports=not asked.no_export)


if __name__ == "__main__":
    main()
