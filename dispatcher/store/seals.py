"""The seal's own tables, and the sealed ones as they are read for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row, scalar_row

from dispatcher.store.database import Connection, array, one
from dispatcher.verify_log import Checkpoint, Form, Seal, split

# What is sealed: table/version, then its columns with the type that each is written as; the first numbers the rows. Whoever
# changes a sealed table writes the new list here under the next version. Old seals carry the list that they were made with,
# so those columns must stay.
FORMS = {
    form.source: form
    for form in (
        Form(
            "attempts/1 id=int8 message_id=uuid number=int8 route=text started_at=timestamptz ended_at=timestamptz"
            " outcome=text reference=text reason=text code=text segments=int8 exchange_id=int8"
        ),
        Form(
            "receipts/1 id=int8 received_at=timestamptz route=text message_id=uuid reference=text outcome=text code=text"
            " network=text raw=text moved_from=text moved_to=text asked_in=text"
        ),
        Form(
            "exchanges/1 id=int8 route=text started_at=timestamptz elapsed=float8 http_status=int8 request=text response=text"
        ),
        Form("audit_trail/1 id=int8 at=timestamptz who=text act=text subject=text detail=text"),
    )
}

# One sealer at a time: the chain has one end.
LOCK = "SELECT pg_advisory_xact_lock(7203117015)"

HEAD = "SELECT n, hash FROM seals ORDER BY n DESC LIMIT 1"

# The oldest entry says which table; entries of that table follow until there are enough rows.
TAKE = """
WITH oldest AS (SELECT source FROM seal_queue ORDER BY n LIMIT 1),
waiting AS (
    SELECT q.n, q.ids, q.at, sum(cardinality(q.ids)) OVER (ORDER BY q.n) - cardinality(q.ids) AS before
    FROM (SELECT * FROM seal_queue WHERE source = (SELECT source FROM oldest) ORDER BY n LIMIT %(rows)s) AS q
),
taken AS (
    DELETE FROM seal_queue WHERE n IN (SELECT n FROM waiting WHERE before < %(rows)s) RETURNING source, ids, at
)
SELECT min(source) AS source, min(at) AS queued_from, max(at) AS queued_to, clock_timestamp() AS now,
       (SELECT array_agg(DISTINCT id) FROM taken, unnest(ids) AS id) AS ids
FROM taken
"""

PUT = """
INSERT INTO seals (n, form, rows, queued_from, queued_to, sealed_at, root, previous, hash, note, signature)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""

UNSEALED = """
SELECT q.source, sum(cardinality(q.ids))::bigint AS rows, min(q.at) AS since FROM seal_queue q GROUP BY q.source ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """Rows of one table that wait for their seal, out of the queue now."""

    form: Form
    ids: list[int]
    queued_from: datetime
    queued_to: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Unsealed:
    source: str
    rows: int
    since: datetime


async def take(connection: Connection, rows: int) -> Taken | None:
    """Take about so many rows of one table out of the queue, in the caller's transaction, and be the only one who does."""
    await connection.execute(LOCK)
    row = await one(connection, TAKE, {"rows": rows})
    return Taken(FORMS[row.source], row.ids, row.queued_from, row.queued_to, row.now) if row.source else None


async def head(connection: Connection) -> tuple[int, bytes] | None:
    """Number and hash of the last seal."""
    row = await (await connection.execute(HEAD)).fetchone()
    return (row.n, row.hash) if row else None


def records_sql(form: Form, where: str) -> str:
    """The statement that gives rows in the canonical form, by number: that form is what `record_send` writes."""
    columns = ", ".join(f"{name}::{kind} AS c{place}" for place, (name, kind) in enumerate(form.columns))
    number = form.columns[0][0]
    given = f"SELECT '{form.name}'::text AS form, {columns} FROM {form.source} WHERE {number} {where}"
    return f"SELECT record_send(r) FROM ({given}) AS r ORDER BY r.c0"


async def records(connection: Connection, form: Form, ids: Sequence[int]) -> list[bytes]:
    """The rows of these numbers as they are now, in the order of their numbers."""
    async with connection.cursor(binary=True, row_factory=scalar_row) as cursor:
        await cursor.execute(records_sql(form, "= ANY(%s::bigint[])"), [array(ids)])
        return await cursor.fetchall()


async def put(connection: Connection, seal: Seal) -> None:
    await connection.execute(PUT, [getattr(seal, name) for name in Seal.__slots__])


async def put_branches(connection: Connection, n: int, hashes: Sequence[bytes]) -> None:
    """Keep the roots of a seal's branches: nothing that is trusted, only what saves reading all of its rows."""
    await connection.execute("INSERT INTO seal_branches (n, hashes) VALUES (%s, %s)", [n, b"".join(hashes)])


async def branches(connection: Connection, n: int) -> list[bytes]:
    """The roots of a seal's branches; none of a seal that was made before they were kept."""
    row = await (await connection.execute("SELECT hashes FROM seal_branches WHERE n = %s", [n])).fetchone()
    return split(row.hashes, 32) if row else []


async def all_(connection: Connection, page: int = 64) -> AsyncIterator[Seal]:
    """Every seal in its order, through a cursor of the server."""
    async with connection.cursor(name="seals", row_factory=class_row(Seal), binary=True) as cursor:
        cursor.itersize = page
        await cursor.execute(f"SELECT {', '.join(Seal.__slots__)} FROM seals ORDER BY n")
        async for seal in cursor:
            yield seal


async def now(connection: Connection) -> datetime:
    """The real time, also in a rehearsal: seals are about when the database was told."""
    row = await one(connection, "SELECT clock_timestamp() AS now")
    moment: datetime = row.now
    return moment


async def hashes_since(connection: Connection, n: int) -> list[bytes]:
    cursor = await connection.execute("SELECT hash FROM seals WHERE n > %s ORDER BY n", [n])
    return [row.hash async for row in cursor]


async def totals(connection: Connection) -> tuple[int, int]:
    """How many seals there are, and rows in them."""
    row = await one(connection, "SELECT coalesce(max(n), 0) AS last, coalesce(sum(rows), 0)::bigint AS rows FROM seals")
    return row.last, row.rows


async def checkpointed(connection: Connection) -> tuple[int, int]:
    """Number of the last checkpoint, and how many seals it is over."""
    row = await one(
        connection, "SELECT coalesce(max(number), 0) AS number, coalesce(max(seals), 0) AS seals FROM checkpoints"
    )
    return row.number, row.seals


async def unsealed(connection: Connection) -> list[Unsealed]:
    """What waits for its seal, by table."""
    cursor = await connection.execute(UNSEALED)
    return [Unsealed(*row) async for row in cursor]


async def queued_ids(connection: Connection, source: str) -> list[int]:
    cursor = await connection.execute("SELECT unnest(ids) AS id FROM seal_queue WHERE source = %s", [source])
    return [row.id async for row in cursor]


async def count(connection: Connection, source: str) -> int:
    """Rows that the table has now."""
    row = await one(connection, f"SELECT count(*) AS n FROM {FORMS[source].source}")
    return int(row.n)


async def numbers(connection: Connection, source: str) -> AsyncIterator[list[int]]:
    """The numbers of all rows that the table has now, in pages."""
    form = FORMS[source]
    async with connection.cursor(name="numbers", row_factory=scalar_row, binary=True) as cursor:
        await cursor.execute(f"SELECT {form.columns[0][0]}::int8 FROM {source}")
        while page := await cursor.fetchmany(50_000):
            yield page


async def checkpoints(connection: Connection) -> list[str]:
    """The texts of all checkpoints, in their order."""
    cursor = await connection.execute("SELECT text FROM checkpoints ORDER BY number")
    return [row.text async for row in cursor]


async def prunings(connection: Connection) -> list[str]:
    """The texts of all orders by which sealed rows were deleted."""
    cursor = await connection.execute("SELECT text FROM prunings ORDER BY n")
    return [row.text async for row in cursor]


async def last_checkpoint(connection: Connection) -> str | None:
    row = await (await connection.execute("SELECT text FROM checkpoints ORDER BY number DESC LIMIT 1")).fetchone()
    return row.text if row else None


async def put_checkpoint(connection: Connection, checkpoint: Checkpoint, text: str) -> None:
    await connection.execute(
        "INSERT INTO checkpoints (number, seals, at, head, text) VALUES (%s, %s, %s, %s, %s)",
        [checkpoint.number, checkpoint.seals, checkpoint.at, checkpoint.head, text],
    )


async def numbered(connection: Connection, n: int) -> Seal:
    """That seal."""
    async with connection.cursor(row_factory=class_row(Seal), binary=True) as cursor:
        await cursor.execute(f"SELECT {', '.join(Seal.__slots__)} FROM seals WHERE n = %s", [n])
        seal = await cursor.fetchone()
    if seal is None:
        raise LookupError(f"no seal {n}")
    return seal


async def checkpoint_before(connection: Connection, number: int) -> int:
    """How many seals the checkpoint before that one is over."""
    row = await one(connection, "SELECT coalesce(max(seals), 0) AS seals FROM checkpoints WHERE number < %s", [number])
    return int(row.seals)
