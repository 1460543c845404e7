"""Programs elsewhere that are told what happens, and what each still has to be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from dispatcher.store.database import OURS, Connection, one

# What is on its way is not taken by anybody else for so long.
LEASE = "2 minutes"
KEPT = "30 days"

LISTING = f"""
SELECT id, url, kinds, added_by, added_at,
       (SELECT count(*)::int FROM webhook_deliveries d WHERE d.webhook_id = w.id AND d.next_at IS NOT NULL) AS waiting
FROM webhooks w WHERE ended_at IS NULL AND {OURS} ORDER BY id
"""
# Of each webhook the oldest first, and few at a time: one that does not answer keeps no other waiting. Whoever waited for
# another to take an event finds its time changed, and leaves it.
TAKE = f"""
WITH due AS (
    SELECT d.id FROM webhooks w CROSS JOIN LATERAL (
        SELECT id, next_at FROM webhook_deliveries d
        WHERE d.webhook_id = w.id AND next_at <= clock_timestamp() ORDER BY next_at, id LIMIT 8
    ) AS d
    WHERE w.ended_at IS NULL
)
UPDATE webhook_deliveries d SET tries = tries + 1, next_at = clock_timestamp() + interval '{LEASE}'
FROM webhooks w WHERE d.id IN (SELECT id FROM due) AND d.next_at <= clock_timestamp() AND w.id = d.webhook_id
RETURNING d.id, d.webhook_id, d.kind, d.data, d.at, d.tries, w.url, w.secret_cipher, w.secret_key_id
"""
DELIVERIES = f"""
SELECT d.id, d.kind, d.data, d.at, d.tries, d.next_at, d.delivered_at, d.last_status, d.last_error
FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id
WHERE w.id = %s AND w.{OURS} ORDER BY d.at DESC, d.id LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Webhook:
    """`waiting`: how many events it still has to be told."""

    id: int
    url: str
    kinds: list[str]
    added_by: str
    added_at: datetime
    waiting: int


@dataclass(frozen=True, slots=True)
class Due:
    """One event to be told to one program; `tries` counts this one."""

    id: UUID
    webhook_id: int
    kind: str
    data: dict[str, Any]
    at: datetime
    tries: int
    url: str
    secret_cipher: bytes = field(repr=False)
    secret_key_id: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of telling one event. `next_at` is None once it is over."""

    id: UUID
    kind: str
    data: dict[str, Any]
    at: datetime
    tries: int
    next_at: datetime | None
    delivered_at: datetime | None
    last_status: int | None
    last_error: str | None


async def next_id(connection: Connection) -> int:
    row = await one(connection, "SELECT nextval('webhooks_id_seq')::int AS id")
    return int(row.id)


async def add(
    connection: Connection, id_: int, url: str, secret: tuple[bytes, str], kinds: Sequence[str], by: str
) -> None:
    await connection.execute(
        "INSERT INTO webhooks (id, url, secret_cipher, secret_key_id, kinds, added_by) OVERRIDING SYSTEM VALUE"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        [id_, url, *secret, list(kinds), by],
    )


async def listing(connection: Connection) -> list[Webhook]:
    """The organisation's."""
    cursor = await connection.execute(LISTING)
    return [Webhook(*row) async for row in cursor]


async def secrets(connection: Connection) -> list[tuple[int, bytes, str]]:
    """(number, cipher, key) of all that are told anything, of whatever organisation."""
    cursor = await connection.execute(
        "SELECT id, secret_cipher, secret_key_id FROM webhooks WHERE ended_at IS NULL ORDER BY id FOR UPDATE"
    )
    return [(row.id, row.secret_cipher, row.secret_key_id) async for row in cursor]


async def key_ids(connection: Connection) -> set[str]:
    """The keys under which their secrets stand."""
    return {key_id for _, _, key_id in await secrets(connection)}


async def move_secret(connection: Connection, id_: int, cipher: bytes, key_id: str) -> None:
    """The same secret, encrypted with another key."""
    await connection.execute(
        "UPDATE webhooks SET secret_cipher = %s, secret_key_id = %s WHERE id = %s", [cipher, key_id, id_]
    )


async def end(connection: Connection, id_: int) -> bool:
    """Tell it nothing any more; false where the organisation has no such one."""
    cursor = await connection.execute(
        f"UPDATE webhooks SET ended_at = clock_timestamp() WHERE id = %s AND ended_at IS NULL AND {OURS}", [id_]
    )
    await connection.execute("UPDATE webhook_deliveries SET next_at = NULL WHERE webhook_id = %s", [id_])
    return cursor.rowcount == 1


async def ping(connection: Connection, id_: int) -> bool:
    """Have it told something harmless; false where the organisation has no such one."""
    cursor = await connection.execute(
        "INSERT INTO webhook_deliveries (webhook_id, kind, data)"
        f" SELECT id, 'ping', '{{}}' FROM webhooks WHERE id = %s AND ended_at IS NULL AND {OURS}",
        [id_],
    )
    return cursor.rowcount == 1


async def deliveries(connection: Connection, id_: int, limit: int) -> list[Delivery]:
    """The last events that it was told, or is still to be told, newest first."""
    cursor = await connection.execute(DELIVERIES, [id_, limit])
    return [Delivery(*row) async for row in cursor]


async def take(connection: Connection) -> list[Due]:
    """Events whose time has come, which nobody else takes meanwhile."""
    cursor = await connection.execute(TAKE)
    return [Due(*row) async for row in cursor]


async def forget(connection: Connection) -> None:
    """What has long been over. Reads every delivery: once in a while is enough."""
    await connection.execute(
        f"DELETE FROM webhook_deliveries WHERE next_at IS NULL AND at < clock_timestamp() - interval '{KEPT}'"
    )


async def told(
    connection: Connection, due: Due, status: int | None, error: str | None, again_seconds: float | None
) -> None:
    """What came of it: delivered, or to be tried again after so long, or given up (None)."""
    delivered = error is None
    await connection.execute(
        "UPDATE webhook_deliveries SET last_status = %(status)s, last_error = %(error)s,"
        " delivered_at = CASE WHEN %(delivered)s THEN clock_timestamp() END,"
        " next_at = clock_timestamp() + %(again)s * interval '1 second' WHERE id = %(id)s AND tries = %(tries)s",
        {
            "status": status,
            "error": error,
            "delivered": delivered,
            "again": again_seconds,
            "id": due.id,
            "tries": due.tries,
        },
    )
