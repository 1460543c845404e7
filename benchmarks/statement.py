"""How long a statement of one number takes over a long log, its proofs included, beside reading one seal's rows once.

Run with `python -m benchmarks.statement [--messages N] [--waves N]`. The person asked about has one message of each wave,
each with an attempt and a receipt, so twice as many seals must be read as there are waves.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import median

from campaigns.calendar import VIETNAM
from dispatcher import sealing, statement
from dispatcher.embedded import Embedded
from dispatcher.keyring import open_keyring
from dispatcher.reports import making
from dispatcher.signing import open_signing_key
from dispatcher.statement import Asked, Means
from dispatcher.store import seals
from dispatcher.store.database import Pool, migrate, new_pool
from dispatcher.store.seals import FORMS
from dispatcher.verify_log import read_note

NUMBER = "84960000001"
CHUNK = 500
ROUNDS = 10
CAMPAIGN = """
INSERT INTO campaigns (organisation_id, edition, slug, year, title, definition, content_hash, author, approved_by, approved_at)
VALUES (1, 'year-2026', 'year', 2026, 'A year', '{}', '', 'an', 'binh', now())
"""
WAVE = """
WITH wave AS (
    INSERT INTO waves (uid, campaign_id, slug, title, opens_at, closes_at, window_from, window_to, status)
    VALUES (gen_random_uuid(), 1, %(slug)s, '', now() - interval '1 day', now(), '07:00', '22:00', 'done') RETURNING id, uid
),
said AS (
    INSERT INTO texts (wave_id, body, encoding, segments, language) SELECT id, 'Noi khong voi ma tuy', 'gsm7', 1, '' FROM wave
    RETURNING id, wave_id
)
INSERT INTO stored_messages (id, wave_id, msisdn_hash, text_id, segments, attempts, status, changed_at, network)
SELECT message_id(wave.uid, person.hash), wave.id, person.hash, said.id, 1, 1, 'delivered', now(), 'viettel'
FROM wave, said, (
    SELECT %(hash)s::bytea AS hash UNION ALL
    SELECT substring(sha256(int8send(i)) FOR 16) FROM generate_series(2, %(people)s) AS i
) AS person (hash)
RETURNING id
"""
LOG = """
WITH tried AS (
    INSERT INTO attempts (message_id, number, route, started_at, ended_at, outcome, reference, segments)
    SELECT id, 1, 'main', clock_timestamp(), clock_timestamp(), 'accepted', 'ref', 1 FROM unnest(%(ids)s::uuid[]) AS t (id)
    RETURNING id, message_id
)
INSERT INTO receipts (id, received_at, route, message_id, outcome, code, raw)
SELECT id, clock_timestamp(), 'main', message_id, 'delivered', '0', repeat('x', 200) FROM tried
"""


async def lay(pool: Pool, hashed: bytes, messages: int, waves: int) -> None:
    async with pool.connection() as connection:
        await connection.execute(CAMPAIGN)
    for wave in range(waves):
        async with pool.connection() as connection:
            values = {"slug": f"wave-{wave}", "hash": hashed, "people": messages // waves}
            ids = [row.id async for row in await connection.execute(WAVE, values)]
            for at in range(0, len(ids), CHUNK):
                await connection.execute(LOG, {"ids": ids[at : at + CHUNK]})
    async with pool.connection() as connection:
        await connection.execute("ANALYZE")


async def compare(pool: Pool, folder: Path, messages: int, waves: int) -> None:
    keyring = open_keyring(folder / "keyring.json", create=True)
    key = open_signing_key(folder / "signing.pem", create=True)
    await lay(pool, keyring.hash(NUMBER), messages, waves)
    began = time.perf_counter()
    await sealing.seal_all(pool, key)
    await sealing.checkpoint(pool, key)
    print(f"{messages:,} messages of {waves} waves, two rows each, sealed in {time.perf_counter() - began:.1f} s")
    office = making.load(Path("reports.example.toml")).office(date(2026, 6, 30))
    today = datetime.now(VIETNAM).date()
    asked = Asked(NUMBER, today - timedelta(days=30), today, "An authority", "12/CV", today, "An article")
    spent, worked, one = [], [], []
    for _ in range(ROUNDS):
        async with pool.connection() as connection:
            request = await statement.ask(connection, keyring, asked, "an")
        means = Means(keyring, key, office, "x.jsonl", lambda _made: None)
        began, processor = time.perf_counter(), time.process_time()
        made = await statement.release(pool, means, request, NUMBER, "binh")
        spent.append(time.perf_counter() - began)
        worked.append(time.process_time() - processor)
        one.append(await _read_one(pool))
        assert (made.messages, made.unproved) == (waves, ())
    print(
        f"statement with letter and extract: median {median(spent):.2f} s, worst {max(spent):.2f} s, of it our own processor"
        f" {median(worked):.2f} s; reading the rows of one seal {median(one) * 1000:.0f} ms,"
        f" so {median(spent) / median(one) / waves / 2:.2f} readings for each seal that it needs"
    )


async def _read_one(pool: Pool) -> float:
    async with pool.connection() as connection:
        seal = await seals.numbered(connection, 2)
        began = time.perf_counter()
        await seals.records(connection, FORMS["attempts"], read_note(seal.note).ids)
        return time.perf_counter() - began


async def measure(messages: int, waves: int) -> None:
    with tempfile.TemporaryDirectory() as folder, Embedded(Path(folder) / "var") as servers:
        migrate(servers.database_url)
        async with new_pool(servers.database_url, 4) as pool:
            await compare(pool, Path(folder), messages, waves)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--waves", type=int, default=24)
    asked = parser.parse_args()
    asyncio.run(measure(asked.messages, asked.waves))


if __name__ == "__main__":
    main()
