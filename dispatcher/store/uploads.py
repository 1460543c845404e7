"""Rosters that came in by the pages, from arrival to import."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from dispatcher.store.database import OURS, Connection

SHOWN = """
SELECT id, by, audience, province, file_name, state, done, total, outcome, problem, at,
       state = 'importing' AND told_at < clock_timestamp() - interval '2 minutes' AS silent
FROM uploads
"""
ADD = "INSERT INTO uploads (id, by, audience, province, file_name) VALUES (%s, %s, %s, %s, %s)"


@dataclass(frozen=True, slots=True)
class Upload:
    """A roster on its way in: `waiting` for its import to be asked for, `importing`, `imported` or `refused`.

    `done` and `total` are in the roster's own unit; `outcome` has the accounts of an import that is over.
    """

    id: UUID
    by: str
    audience: str
    province: str | None
    file_name: str
    state: str
    done: float
    total: float
    outcome: dict[str, Any]
    problem: str | None
    at: datetime
    silent: bool


async def add(connection: Connection, id_: UUID, by: str, audience: str, province: str | None, file_name: str) -> None:
    await connection.execute(ADD, [id_, by, audience, province, file_name])


async def find(connection: Connection, id_: UUID) -> Upload | None:
    """One of the organisation's."""
    cursor = await connection.execute(f"{SHOWN} WHERE id = %s AND {OURS}", [id_])
    row = await cursor.fetchone()
    return Upload(*row) if row else None


async def newest(connection: Connection, limit: int) -> list[Upload]:
    """The organisation's, newest first."""
    cursor = await connection.execute(f"{SHOWN} WHERE {OURS} ORDER BY at DESC LIMIT %s", [limit])
    return [Upload(*row) async for row in cursor]


async def begin(connection: Connection, id_: UUID) -> bool:
    """Nobody else imports it from now on; false where somebody does, or it is over."""
    cursor = await connection.execute(
        f"UPDATE uploads SET state = 'importing', told_at = clock_timestamp() WHERE id = %s AND state = 'waiting' AND {OURS}",
        [id_],
    )
    return cursor.rowcount == 1


async def tell(connection: Connection, id_: UUID, done: float, total: float) -> None:
    """How far it is."""
    await connection.execute(
        "UPDATE uploads SET done = %s, total = %s, told_at = clock_timestamp() WHERE id = %s", [done, total, id_]
    )


async def end(connection: Connection, id_: UUID, outcome: dict[str, Any], problem: str | None = None) -> None:
    """It is over, well or not."""
    await connection.execute(
        "UPDATE uploads SET state = %s, outcome = %s, problem = %s, told_at = clock_timestamp() WHERE id = %s",
        ["refused" if problem else "imported", Jsonb(outcome), problem, id_],
    )


async def drop(connection: Connection, id_: UUID) -> bool:
    """Forget one that nobody imports; false where there is none."""
    cursor = await connection.execute(f"DELETE FROM uploads WHERE id = %s AND state <> 'importing' AND {OURS}", [id_])
    return cursor.rowcount == 1


async def expired(connection: Connection, days: int) -> list[UUID]:
    """Forget those that are so old; answers which they were."""
    cursor = await connection.execute(
        "DELETE FROM uploads WHERE at < clock_timestamp() - %s * interval '1 day' RETURNING id", [days]
    )
    return [row.id async for row in cursor]
