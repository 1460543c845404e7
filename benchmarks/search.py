"""Searching, counting, exporting and telling the story of one message in a log of ten million.

Run with `python -m benchmarks.search [--messages N] [--folder DIR] [--plans]`. With `--folder` the log is made once and kept
there; about 1 GB for each million. The log is written by set-based statements, its numbers by the import.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from campaigns import places
from dispatcher.embedded import Embedded
from dispatcher.importing import Order, import_audience
from dispatcher.keyring import open_keyring
from dispatcher.store.database import migrate, new_pool

PEOPLE = 250_000
WAVES_EACH = 4

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


@contextmanager
def log_of(messages: int, kept: Path | None) -> Iterator[tuple[Path, str]]:
    """A folder and the address of its database, filled unless it was before."""
    with tempfile.TemporaryDirectory() as passing:
        folder = kept or Path(passing)
        with Embedded(folder / "var") as servers:
            if migrate(servers.database_url):
                fill(servers.database_url, folder, messages)
            yield folder, servers.database_url


def fill(url: str, folder: Path, messages: int) -> None:
    began = time.monotonic()
    people = min(PEOPLE, messages // WAVES_EACH)
    asyncio.run(_people(url, folder, people))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        for source in ("attempts", "receipts"):
            connection.execute(f"ALTER TABLE {source} DISABLE TRIGGER await_seal")
        size = {"people": people, "waves": WAVES_EACH, "campaigns": messages // people // WAVES_EACH}
        for statement in (CAMPAIGN, WAVES, TEXTS, BATCHES):
            connection.execute(statement, size)
        areas = list(places.areas())
        for (wave,) in connection.execute("SELECT id FROM waves ORDER BY id").fetchall():
            given = {"wave": wave, "people": people, "areas": areas, "count": len(areas)}
            for act in (MESSAGES, ATTEMPTS, RECEIPTS):
                connection.execute(act, given)
            connection.execute(COUNTED, [wave])
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


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    with log_of(asked.messages, asked.folder):
        pass


if __name__ == "__main__":
    main()
