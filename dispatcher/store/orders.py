"""Orders given and taken, the keys of partners, and results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from dispatcher.store.database import OURS, Connection, one

ORDER = """
SELECT o.id, o.given, o.digest, o.content, o.partner_key, k.name AS partner, o.entered_by, o.entered_at, c.edition AS ran_as
FROM orders o LEFT JOIN trusted_keys k ON k.id = o.partner_key LEFT JOIN campaigns c ON c.id = o.ran_as
"""
# Given to the organisation that the transaction acts for, by another one here.
SEEN = f"""(
    o.{OURS} OR (o.given AND k.name = (SELECT slug FROM organisations WHERE id = dispatcher_organisation()))
)"""
COUNTED = f"""
SELECT m.area_code, m.network, m.status::text, count(*)::int AS n, sum(m.segments)::int AS segments
FROM messages m JOIN waves w ON w.id = m.wave_id JOIN campaigns c ON c.id = w.campaign_id
WHERE c.edition = %s AND c.{OURS} GROUP BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class TrustedKey:
    id: str
    name: str
    public_key: str
    added_by: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class StoredOrder:
    """`partner` is the other side's name, None once its key is not trusted any more."""

    id: UUID
    given: bool
    digest: str
    content: dict[str, Any]
    partner_key: str
    partner: str | None
    entered_by: str
    entered_at: datetime
    ran_as: str | None


@dataclass(frozen=True, slots=True)
class StoredResult:
    digest: str
    content: dict[str, Any]
    made_at: datetime


async def trust(connection: Connection, key: TrustedKey) -> bool:
    """Trust a key; False where it or its name is there already."""
    cursor = await connection.execute(
        "INSERT INTO trusted_keys (id, name, public_key, added_by) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [key.id, key.name, key.public_key, key.added_by],
    )
    return cursor.rowcount == 1


async def distrust(connection: Connection, name: str) -> bool:
    cursor = await connection.execute("DELETE FROM trusted_keys WHERE name = %s", [name])
    return cursor.rowcount == 1


async def trusted(connection: Connection) -> list[TrustedKey]:
    cursor = await connection.execute("SELECT id, name, public_key, added_by, added_at FROM trusted_keys ORDER BY name")
    return [TrustedKey(*row) async for row in cursor]


async def now(connection: Connection) -> datetime:
    """The one clock of all processes."""
    row = await one(connection, "SELECT dispatcher_now() AS now")
    moment: datetime = row.now
    return moment


async def put(
    connection: Connection,
    order_id: UUID,
    digest: str,
    content: Mapping[str, Any],
    partner_key: str,
    by: str,
    *,
    given: bool,
) -> None:
    await connection.execute(
        "INSERT INTO orders (id, given, digest, content, partner_key, entered_by) VALUES (%s, %s, %s, %s, %s, %s)",
        [order_id, given, digest, Jsonb(content), partner_key, by],
    )


async def find(connection: Connection, order_id: UUID, *, lock: bool = False) -> StoredOrder | None:
    statement = f"{ORDER} WHERE o.id = %s AND {SEEN}" + (" FOR UPDATE OF o" if lock else "")
    row = await (await connection.execute(statement, [order_id])).fetchone()
    return StoredOrder(*row) if row else None


async def listing(connection: Connection) -> list[StoredOrder]:
    cursor = await connection.execute(f"{ORDER} WHERE {SEEN} ORDER BY o.entered_at, o.id")
    return [StoredOrder(*row) async for row in cursor]


async def mark_run(connection: Connection, order_id: UUID, edition: str, by: str) -> None:
    """Note the campaign that runs a taken order."""
    await connection.execute(
        "UPDATE orders SET ran_as = c.id, ran_by = %s FROM campaigns c"
        f" WHERE orders.id = %s AND c.edition = %s AND c.{OURS}",
        [by, order_id, edition],
    )


async def counted(connection: Connection, edition: str) -> tuple[dict[tuple[str | None, str, str], int], int]:
    """(commune, network, status) -> messages of a campaign, and the segments of all."""
    rows = await (await connection.execute(COUNTED, [edition])).fetchall()
    return {(row.area_code, row.network, row.status): row.n for row in rows}, sum(row.segments for row in rows)


async def put_result(connection: Connection, order_id: UUID, result: StoredResult, by: str) -> bool:
    """Keep a result; False where it is there already."""
    cursor = await connection.execute(
        "INSERT INTO order_results (digest, order_id, content, made_at, entered_by) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        [result.digest, order_id, Jsonb(result.content), result.made_at, by],
    )
    return cursor.rowcount == 1


async def newest_result(connection: Connection, order_id: UUID) -> StoredResult | None:
    cursor = await connection.execute(
        "SELECT digest, content, made_at FROM order_results WHERE order_id = %s ORDER BY made_at DESC LIMIT 1",
        [order_id],
    )
    row = await cursor.fetchone()
    return StoredResult(*row) if row else None
