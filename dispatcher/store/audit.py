"""The audit trail: append-only acts of people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from dispatcher.store.database import OURS, Connection

TRAIL = f"""
SELECT id, at, who, act, subject, detail FROM audit_trail
WHERE {OURS} AND (%(who)s = '' OR who ILIKE %(who)s) AND (%(act)s = '' OR act LIKE %(act)s || '%%')
  AND (%(subject)s = '' OR subject = %(subject)s) AND (%(before)s::bigint IS NULL OR id < %(before)s)
ORDER BY id DESC LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Deed:
    """One act of a person."""

    id: int
    at: datetime
    who: str
    act: str
    subject: str
    detail: dict[str, Any]


async def deeds(
    connection: Connection, *, limit: int, who: str = "", act: str = "", subject: str = "", before: int | None = None
) -> list[Deed]:
    """Up to `limit` acts of the organisation's people, newest first, older than `before`; `act` is how acts begin."""
    arguments = {"who": who, "act": act, "subject": subject, "before": before, "limit": limit}
    cursor = await connection.execute(TRAIL, arguments)
    return [Deed(*row) async for row in cursor]


async def actors(connection: Connection, act: str, subject: str) -> list[str]:
    """Everybody who did `act` to `subject`."""
    cursor = await connection.execute(
        f"SELECT DISTINCT who FROM audit_trail WHERE act = %s AND subject = %s AND {OURS}",
        [act, subject],
    )
    return [row.who async for row in cursor]


async def record(connection: Connection, who: str, act: str, subject: str, **detail: Any) -> None:
    """Add one act, in the caller's transaction, so that no act is done without its record."""
    await connection.execute(
        "INSERT INTO audit_trail (who, act, subject, detail) VALUES (%s, %s, %s, %s)",
        [who, act, subject, Jsonb(detail)],
    )
