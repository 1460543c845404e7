"""Searching, counting, exporting and telling the story of one message in a log of ten million.

Run with `python -m benchmarks.search [--messages N] [--folder DIR] [--plans FILE] [--only search|export|cost]`. With `--folder`
the log is made once and kept there; about 1 GB for each million. The log is written by set-based statements, its numbers by
the import.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import random
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import mean, median
from typing import Any, TypeVar
from uuid import UUID

import psycopg

from benchmarks.engine.stage import Load, Stage
from benchmarks.sealing import compare
from campaigns import places
from campaigns.calendar import VIETNAM
from dispatcher import searching
from dispatcher.delivery_log import PAGE, Format, export
from dispatcher.embedded import Embedded
from dispatcher.importing import Order, import_audience
from dispatcher.inspection import SNAPSHOT
from dispatcher.keyring import Keyring, open_keyring
from dispatcher.lifecycle import Status
from dispatcher.searching import Query
from dispatcher.store import log, tallies
from dispatcher.store import search as ways
from dispatcher.store.database import Connection, migrate, new_pool, one

T = TypeVar("T")

CAMPAIGNS = 10
WAVES_EACH = 4
PAGES = 3
CAMPAIGN_LOAD = {"many a request": Load(people=50_000, window=2_000, many=True)}
INDEXES = (
    "messages_by_exception",
    "messages_by_place",
    "attempts_by_code",
    "receipts_by_code",
    "receipts_by_reference",
)

CAMPAIGN = """
INSERT INTO campaigns (organisation_id, edition, slug, year, title, definition, content_hash, status, author, approved_by,
                       approved_at, approved_hash)
SELECT 1, 'campaign-' || i || '-2026', 'campaign-' || i, 2026, 'Campaign ' || i, '{"slug": "campaign"}', '', 'finished',
       'author', 'approver-' || i %% 3, now(), ''
FROM generate_series(1, %(campaigns)s) AS i
"""
WAVES = """
INSERT INTO waves (uid, campaign_id, slug, title, opens_at, closes_at, window_from, window_to, audience_id, status,
                   expanded_to, planned, segments)
SELECT gen_random_uuid(), c.id, 'wave-' || i, 'Wave ' || i, at, at + interval '12 hours', '08:00', '20:00', 1, 'done',
       %(people)s, %(people)s, %(people)s
FROM campaigns c CROSS JOIN generate_series(1, %(waves)s) AS i,
     LATERAL (SELECT timestamptz '2026-01-05 01:00Z' + interval '7 days' * (c.id - 1) + interval '1 day' * (i - 1) AS at) AS day
ORDER BY c.id, i
"""
TEXTS = """
INSERT INTO texts (wave_id, area_code, body, encoding, segments, language)
SELECT id, NULL, 'Noi khong voi ma tuy.', 'gsm7', 1, '' FROM waves
"""
BATCHES = """
INSERT INTO batches (wave_id, route, ordinal, size, segments, done, due_at)
SELECT w.id, r.route, n, 500, 500, true, w.opens_at
FROM waves w, (VALUES ('viettel', 7), ('vinaphone', 2), ('mobifone', 1)) AS r (route, share),
     generate_series(0, %(people)s / 5000 * r.share - 1) AS n
ORDER BY w.id, r.route, n
"""
# A share in ten thousand each, by a number that is as good as drawn: the same log every time.
MESSAGES = """
WITH batch AS (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM batches WHERE wave_id = %(wave)s),
person AS (
    SELECT a.msisdn_hash, (a.n - 1) / 500 AS place, a.n, abs(hashint8(a.n * 1000 + %(wave)s)) %% 10000 AS draw
    FROM audience_members a WHERE a.n <= %(people)s
)
INSERT INTO stored_messages (id, wave_id, batch_id, msisdn_hash, text_id, segments, attempts, status, changed_at, network,
                             area_code)
SELECT message_id(w.uid, p.msisdn_hash), w.id, CASE WHEN draw >= 9900 THEN NULL ELSE b.id END, p.msisdn_hash, t.id, 1,
       CASE WHEN draw >= 9900 THEN 0 ELSE 1 END,
       (CASE WHEN draw < 8800 THEN 'delivered' WHEN draw < 9450 THEN 'undelivered' WHEN draw < 9600 THEN 'submitted'
             WHEN draw < 9800 THEN 'rejected' WHEN draw < 9850 THEN 'unconfirmed' WHEN draw < 9880 THEN 'failed'
             WHEN draw < 9890 THEN 'expired' WHEN draw < 9895 THEN 'cancelled' WHEN draw < 9900 THEN 'uncertain'
             ELSE 'suppressed' END)::message_status,
       w.opens_at + interval '10 milliseconds' * p.n + CASE WHEN draw %% 50 = 0 THEN interval '1 day' ELSE interval '8 s' END,
       'viettel', (%(areas)s::text[])[1 + p.n %% %(count)s]
FROM person p JOIN waves w ON w.id = %(wave)s JOIN texts t ON t.wave_id = w.id LEFT JOIN batch b ON b.place = p.place
ORDER BY b.id, 1
"""
ATTEMPTS = """
INSERT INTO attempts (message_id, number, route, started_at, ended_at, outcome, reference, reason, code, segments, exchange_id)
SELECT m.id, 1, b.route, m.changed_at - interval '1 s', m.changed_at - interval '1 s',
       CASE WHEN m.status = 'rejected' THEN 'refused' WHEN m.status = 'failed' THEN 'not_sent'
            WHEN m.status IN ('uncertain', 'unconfirmed') THEN 'uncertain' ELSE 'accepted' END,
       CASE WHEN m.status NOT IN ('rejected', 'failed', 'uncertain', 'unconfirmed') THEN left(md5(m.id::text), 20) END,
       NULL, CASE WHEN m.status = 'rejected' THEN (99 + abs(hashtext(m.id::text)) %% 20)::text
                  WHEN m.status = 'failed' THEN 'ConnectError'
                  WHEN m.status IN ('uncertain', 'unconfirmed') THEN 'ReadTimeout' ELSE '100' END, 1, NULL
FROM stored_messages m JOIN batches b ON b.id = m.batch_id WHERE m.wave_id = %(wave)s ORDER BY m.changed_at
"""
RECEIPTS = """
INSERT INTO receipts (id, received_at, route, message_id, reference, outcome, code, raw, moved_from, moved_to)
SELECT %(wave)s::bigint * 100000000 + row_number() OVER (), m.changed_at, b.route, m.id, left(md5(m.id::text), 20), m.status,
       CASE WHEN m.status = 'delivered' THEN '5' ELSE (1 + abs(hashtext(m.id::text)) %% 30)::text END,
       'SMSID=' || m.id || '&SendStatus=5', 'submitted', m.status
FROM stored_messages m JOIN batches b ON b.id = m.batch_id
WHERE m.wave_id = %(wave)s AND m.status IN ('delivered', 'undelivered')
"""
COUNTED = (
    "INSERT INTO status_counts SELECT wave_id, status, count(*) FROM stored_messages WHERE wave_id = %s GROUP BY 1, 2"
)

# As the clock's folding would have left it: this wave is to be counted anew.
MOVED = "INSERT INTO tallied (wave_id, moved) VALUES (%s, 1)"


@contextmanager
def log_of(messages: int, kept: Path | None) -> Iterator[tuple[Path, str]]:
    """A folder and the address of its database, filled unless it was before."""
    with tempfile.TemporaryDirectory() as passing:
        folder = kept or Path(passing)
        with Embedded(folder / "var") as servers:
            migrate(servers.database_url)
            if not _filled(servers.database_url):
                fill(servers.database_url, folder, messages)
            yield folder, servers.database_url


def _filled(url: str) -> bool:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT FROM waves LIMIT 1").fetchone() is not None


def fill(url: str, folder: Path, messages: int) -> None:
    began = time.monotonic()
    people = messages // CAMPAIGNS // WAVES_EACH
    asyncio.run(_people(url, folder, people))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        for source in ("attempts", "receipts"):
            connection.execute(f"ALTER TABLE {source} DISABLE TRIGGER await_seal")
        size = {"people": people, "waves": WAVES_EACH, "campaigns": CAMPAIGNS}
        for statement in (CAMPAIGN, WAVES, TEXTS, BATCHES):
            connection.execute(statement, size)
        areas = list(places.areas())
        for (wave,) in connection.execute("SELECT id FROM waves ORDER BY id").fetchall():
            given = {"wave": wave, "people": people, "areas": areas, "count": len(areas)}
            for act in (MESSAGES, ATTEMPTS, RECEIPTS):
                connection.execute(act, given)
            connection.execute(COUNTED, [wave])
            connection.execute(MOVED, [wave])
            print(f"wave {wave}: {time.monotonic() - began:.0f} s", flush=True)
        for source in ("stored_messages", "attempts", "receipts", "batches", "waves", "campaigns"):
            connection.execute(f"VACUUM ANALYZE {source}")
    print(f"filled in {time.monotonic() - began:.0f} s", flush=True)


async def _people(url: str, folder: Path, people: int) -> None:
    roster = folder / "roster.csv"
    roster.write_text("SĐT\n" + "".join(f"09{n:08}\n" for n in range(10_000_000, 10_000_000 + people)))
    keyring = open_keyring(folder / "keyring.json", create=True)
    async with new_pool(url, 1) as pool, pool.connection() as connection:
        await import_audience(connection, keyring, Order(roster, "everybody", "author"), lambda _done, _total: None)


@dataclass(frozen=True)
class Things:
    """What there is to ask about, drawn with the same dice every time."""

    dice: random.Random
    people: int
    references: list[str]
    ids: list[UUID]

    def number(self) -> str:
        return f"09{10_000_000 + self.dice.randrange(self.people):08}"

    def campaign(self) -> str:
        return f"campaign-{1 + self.dice.randrange(CAMPAIGNS)}-2026"

    def wave(self) -> str:
        return f"wave-{1 + self.dice.randrange(WAVES_EACH)}"

    def place(self) -> str:
        return self.dice.choice(sorted(places.areas()))

    def day(self) -> dict[str, datetime]:
        """A day on which a wave went out."""
        since = datetime(2026, 1, 5, tzinfo=VIETNAM) + timedelta(
            days=7 * self.dice.randrange(CAMPAIGNS) + self.dice.randrange(WAVES_EACH)
        )
        return {"since": since, "until": since + timedelta(days=1)}


S = Status
ASKED: dict[str, Callable[[Things], dict[str, Any]]] = {
    "nothing": lambda _: {},
    "number": lambda t: {"number": t.number()},
    "number, campaign": lambda t: {"number": t.number(), "campaign": t.campaign()},
    "campaign": lambda t: {"campaign": t.campaign()},
    "campaign, wave": lambda t: {"campaign": t.campaign(), "wave": t.wave()},
    "status: delivered": lambda _: {"statuses": (S.DELIVERED,)},
    "status: submitted (1.5 %)": lambda t: {"campaign": t.campaign(), "statuses": (S.SUBMITTED,)},
    "status: cancelled (0.05 %)": lambda t: {"campaign": t.campaign(), "statuses": (S.CANCELLED,)},
    "status: undelivered": lambda _: {"statuses": (S.UNDELIVERED,)},
    "status: uncertain (0.05 %)": lambda t: {"campaign": t.campaign(), "statuses": (S.UNCERTAIN,)},
    "four statuses of trouble": lambda _: {"statuses": (S.FAILED, S.REJECTED, S.UNCERTAIN, S.UNDELIVERED)},
    "route": lambda t: {"campaign": t.campaign(), "route": t.dice.choice(("viettel", "vinaphone", "mobifone"))},
    "commune": lambda t: {"place": t.place()},
    "province": lambda t: {"place": t.dice.choice(("Lạng Sơn", "Hà Nội", "Cà Mau"))},
    "day": lambda t: t.day(),
    "approver": lambda t: {"approver": f"approver-{t.dice.randrange(3)}"},
    "error at once": lambda t: {"error": str(99 + t.dice.randrange(20))},
    "error in a receipt": lambda t: {"error": str(1 + t.dice.randrange(30))},
    "reference": lambda t: {"reference": t.dice.choice(t.references)},
    "commune, status": lambda t: {"place": t.place(), "statuses": (S.UNDELIVERED,)},
    "campaign, route, status": lambda t: {"campaign": t.campaign(), "route": "mobifone", "statuses": (S.REJECTED,)},
    "campaign, error": lambda t: {"campaign": t.campaign(), "error": str(99 + t.dice.randrange(20))},
    "wave, day, status": lambda t: {**t.day(), "wave": t.wave(), "statuses": (S.UNDELIVERED,)},
}


class Clock:
    """Time passed, and time that the two processes were on a processor: other work on the machine slows only the former."""

    def __init__(self, backend: int) -> None:
        self._backend = Path(f"/proc/{backend}/schedstat")
        self.passed: list[float] = []
        self.worked: list[float] = []

    async def time(self, act: Awaitable[T]) -> T:
        passed, worked = time.perf_counter(), self._worked()
        answer = await act
        self.worked.append((self._worked() - worked) * 1000)
        self.passed.append((time.perf_counter() - passed) * 1000)
        return answer

    def _worked(self) -> float:
        return time.process_time() + int(self._backend.read_text().split()[0]) / 1e9

    def __str__(self) -> str:
        return " ".join(f"{median(spent):>8.1f} {late(spent):>7.1f}" for spent in (self.passed, self.worked))


def late(spent: list[float]) -> float:
    return sorted(spent)[int(len(spent) * 0.95)]


async def search(url: str, folder: Path, times: int, plans: Path | None) -> None:
    """Every kind of question, so many of it, each asked once before: its first pages, its count; as many messages' stories."""
    keyring = open_keyring(folder / "keyring.json", create=False)
    async with new_pool(url, 1) as pool, pool.connection() as connection:
        await connection.set_autocommit(True)
        await connection.execute("SET max_parallel_workers_per_gather = 0")  # one process to be timed
        await tally(connection)
        things = await drawn(connection)
        print(f"\n{'ms':28} {'page p50':>8} {'p95':>7} {'cpu p50':>8} {'p95':>7} {'rows':>5} "
              f"{'count p50':>10} {'p95':>7} {'cpu p50':>8} {'p95':>7}", flush=True)  # fmt: skip
        for name, ask in ASKED.items():
            queries = [Query(**ask(things)) for _ in range(times)]
            await answered(connection, keyring, queries)  # from the disk, and the first time planned
            pages, counts, rows = await answered(connection, keyring, queries)
            print(f"{name:28} {pages} {mean(rows):>5.0f}   {counts}", flush=True)
        stories = Clock(connection.info.backend_pid)
        for message in things.ids[:times]:
            await stories.time(_whole(connection, keyring, message))
        print(f"{'the story of a message':28} {stories}", flush=True)
        if plans:
            await explain(connection, keyring, things, plans)


async def answered(
    connection: Connection, keyring: Keyring, queries: Sequence[Query]
) -> tuple[Clock, Clock, list[int]]:
    """The first pages and the count of each question: how long pages took, and counts, and how many rows a page had."""
    pages, counts, rows = Clock(connection.info.backend_pid), Clock(connection.info.backend_pid), []
    for query in queries:
        after: str | None = ""
        for _ in range(PAGES):
            page = await pages.time(searching.page(connection, keyring, query, after=after or None))
            rows.append(len(page.messages))
            if (after := page.after) is None:
                break
        await counts.time(searching.count(connection, keyring, query))
    return pages, counts, rows


async def _whole(connection: Connection, keyring: Keyring, message: UUID) -> None:
    found = await searching.story(connection, keyring, message)
    if found is None:
        raise SystemExit(f"no message {message}")
    await searching.origin(connection, found[0])


async def tally(connection: Connection) -> None:
    """Count what has not been counted yet, as the clock does."""
    clock = Clock(connection.info.backend_pid)
    while await clock.time(tallies.refresh(connection)):
        pass
    if len(clock.passed) > 1:
        print(
            f"{len(clock.passed) - 1} waves counted in {sum(clock.passed) / 1000:.0f} s, cpu {sum(clock.worked) / 1000:.1f} s"
        )


async def drawn(connection: Connection) -> Things:
    cursor = await connection.execute(
        "SELECT message_id, reference FROM attempts TABLESAMPLE BERNOULLI (0.05) REPEATABLE (1)"
        " WHERE reference IS NOT NULL LIMIT 2000"
    )
    found = await cursor.fetchall()
    people = await one(connection, "SELECT max(planned) AS n FROM waves")
    return Things(random.Random(1), people.n, [row.reference for row in found], [row.message_id for row in found])


async def explain(connection: Connection, keyring: Keyring, things: Things, path: Path) -> None:
    """The plan of one step of every way."""
    with path.open("w", encoding="utf-8") as file:
        for name, ask in ASKED.items():
            wanted = searching.wanted(Query(**ask(things)), keyring)
            given = {"waves": await ways.waves(connection, wanted), **ways.Spot()._asdict(), "size": 51}
            statement = f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {ways.statement(wanted)}"
            cursor = await connection.execute(statement, {**ways.arguments(wanted), **given}, prepare=False)
            lines = [row[0] async for row in cursor]
            file.write(f"== {name}\n" + "\n".join(lines) + "\n\n")


def exports(url: str, folder: Path) -> None:
    """A campaign's hundred thousandth and its whole, in every form, each in a process of its own."""
    print(f"\n{'export':10} {'rows':>10} {'s':>7} {'us a row':>9} {'MB on disk':>11} {'peak MB':>8}", flush=True)
    context = multiprocessing.get_context("spawn")
    for form in Format:
        for query in (Query(campaign="campaign-1-2026", place="Hà Nội"), Query(campaign="campaign-1-2026")):
            with context.Pool(1) as pool:
                rows, seconds, size, peak = pool.apply(_export, (url, folder, form, query))
            each = seconds / rows * 1e6
            print(f"{form:10} {rows:>10,} {seconds:>7.1f} {each:>9.1f} {size:>11.1f} {peak:>8.0f}", flush=True)


def _export(url: str, folder: Path, form: Format, query: Query) -> tuple[int, float, float, float]:
    async def act() -> int:
        keyring = open_keyring(folder / "keyring.json", create=False)
        async with new_pool(url, 1) as pool, pool.connection() as connection:
            await connection.execute(SNAPSHOT)
            pages = log.pages(connection, searching.wanted(query, keyring), PAGE)
            about = await searching.about(connection, query, "benchmark", "")
            silent = lambda _done: None  # noqa: E731
            return (await export(pages, keyring, path, form, reveal=False, progress=silent, about=about)).messages

    path = folder / f"export.{form}"
    began = time.monotonic()
    rows = asyncio.run(act())
    spent, size = time.monotonic() - began, path.stat().st_size / 1e6
    path.unlink()
    return rows, spent, size, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _without_indexes(stage: Stage) -> None:
    """As it was before anybody searched."""
    with psycopg.connect(stage.servers.database_url, autocommit=True) as connection:
        for index in INDEXES:
            connection.execute(f"DROP INDEX {index}")
        connection.execute("ALTER TABLE stored_messages DROP COLUMN exception")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--times", type=int, default=40)
    parser.add_argument("--plans", type=Path, help="a file for the query plans")
    parser.add_argument("--only", choices=("search", "export", "cost"))
    parser.add_argument("--rounds", type=int, default=3, help="of what the indexes cost a campaign")
    asked = parser.parse_args()
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    if asked.only in (None, "cost"):
        compare("indexes", asked.rounds, CAMPAIGN_LOAD, _without_indexes)
    if asked.only == "cost":
        return
    with log_of(asked.messages, asked.folder) as (folder, url):
        if asked.only in (None, "search"):
            asyncio.run(search(url, folder, asked.times, asked.plans))
        if asked.only in (None, "export"):
            exports(url, folder)


if __name__ == "__main__":
    main()
