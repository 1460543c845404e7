"""The audit trail: append-only acts of people."""

from __future__ import annotations

from typing import Any

from psycopg.types.json import Jsonb

from dispatcher.store.database import Connection


async def actors(connection: Connection, act: str, subject: str) -> list[str]:
    """Everybody who did `act` to `subject`."""
    cursor = await connection.execute(
        "SELECT DISTINCT who FROM audit_trail WHERE act = %s AND subject = %s", [act, subject]
    )
    return [row.who async for row in cursor]


async def record(connection: Connection, who: str, act: str, subject: str, **detail: Any) -> None:
    """Add one act, in the caller's transaction, so that no act is done without its record."""
    await connection.execute(
        "INSERT INTO audit_trail (who, act, subject, detail) VALUES (%s, %s, %s, %s)",
        [who, act, subject, Jsonb(detail)],
    )
