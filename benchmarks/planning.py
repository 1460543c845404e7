"""Planning a wave for many people less a suppression list of as many, beside a bare COPY of as many rows.

Run with `python -m benchmarks.planning [PEOPLE]`. Half of the list's people are in the audience too. Bare is a COPY of rows with
the columns of a message into a logged table: one without indexes, and one laid out and indexed as that of the messages.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.importing import Spent
from benchmarks.rig import prepare, start
from dispatcher.embedded import Embedded
from dispatcher.expansion import next_slice
from dispatcher.importing import Order, import_suppressions
from dispatcher.keyring import open_keyring
from dispatcher.settings import load_routes
from dispatcher.store import campaigns
from dispatcher.store.database import Connection, migrate, new_pool

PEOPLE = 1_000_000
FIRST = 10_000_000  # of the numbers that `prepare` makes
BATCH = 2_000
ROUTES = """
[[route]]
name = "only"
provider = "esms"
networks = ["*"]
sender = "CA LANGSON"
tps = 1000
[route.options]
base_url = "http://127.0.0.1:9/"
api_key = "none"
secret_key = "none"
"""
COLUMNS = "id, wave_id, batch_id, msisdn_hash, text_id, segments, status, changed_at, network, area_code, group_name"
LAYOUTS = {
    "bare": "CREATE TABLE bare AS SELECT {columns} FROM stored_messages LIMIT 0",
    "laid_out": "CREATE TABLE laid_out (LIKE stored_messages INCLUDING ALL) WITH (fillfactor = 45)",
}


async def refuse(connection: Connection, folder: Path, people: int) -> None:
    """A list of `people`, of whom half are in the audience."""
    path = folder / "refused.csv"
    first = FIRST + people // 2
    path.write_text("SĐT\n" + "".join(f"09{n:08}\n" for n in range(first, first + people)))
    keyring = open_keyring(folder / "keys" / "keyring.json", create=False)
    order = Order(path, "", "author")
    await import_suppressions(connection, keyring, order, "asked", lambda _done, _total: None)
    await connection.commit()
    await connection.execute("ANALYZE suppressions")
    await connection.commit()


async def plan(connection: Connection, folder: Path) -> Spent:
    """Plan the one wave, a slice a transaction."""
    (wave,) = await campaigns.open_due_waves(connection)
    await connection.commit()
    routes = load_routes(folder / "routes.toml")
    before = Spent.so_far(connection)
    while True:
        progress = await next_slice(connection, wave, routes, BATCH)
        await connection.commit()
        if progress is None or progress.done == progress.total:
            return Spent.so_far(connection) - before


async def copy(connection: Connection, layout: str) -> Spent:
    """What was planned, copied into a table of that layout from memory."""
    await connection.execute(LAYOUTS[layout].format(columns=COLUMNS))
    async with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY (SELECT {COLUMNS} FROM stored_messages) TO STDOUT") as out,
    ):
        rows = b"".join([bytes(part) async for part in out])
    before = Spent.so_far(connection)
    async with connection.cursor() as cursor, cursor.copy(f"COPY {layout} ({COLUMNS}) FROM STDIN") as into:
        await into.write(rows)
    await connection.commit()
    return Spent.so_far(connection) - before


async def measure(folder: Path, url: str, people: int) -> None:
    (folder / "routes.toml").write_text(ROUTES)
    await prepare(folder, url, people)
    await start(url, folder)
    async with new_pool(url, 1) as pool, pool.connection() as connection:
        await refuse(connection, folder, people)
        planned = await plan(connection, folder)
        cursor = await connection.execute("SELECT status::text, count(*) FROM stored_messages GROUP BY 1 ORDER BY 1")
        print(", ".join(f"{count:,} {status}" for status, count in await cursor.fetchall()))
        report("planning", planned, planned, people)
        for layout in LAYOUTS:
            report(f"COPY, {layout}", await copy(connection, layout), planned, people)


def report(what: str, spent: Spent, planned: Spent, people: int) -> None:
    print(
        f"{what:16} {spent.passed:7.1f} s; PostgreSQL's processor {spent.there / people * 1e6:6.2f} us each;"
        f" planning takes {planned.passed / spent.passed:5.1f} x, by processor {planned.there / spent.there:5.1f} x",
        flush=True,
    )


def main(people: int = PEOPLE) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o700)
        with Embedded(Path(folder) / "var") as servers:
            migrate(servers.database_url)
            asyncio.run(measure(Path(folder), servers.database_url, people))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
