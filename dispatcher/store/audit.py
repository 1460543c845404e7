"""The audit trail: append-only acts of people."""

from __future__ import annotations

from typing import Any

from psycopg.types.json import Jsonb

from dispatcher.store.database import Connection


async def record(connection: Connection, who: str, act: str, subject: str, **detail: Any) -> None:
    """Add one act, in the caller's transaction, so that no act is done without its record."""
    await connection.execute(
        "INSERT INTO audit_trail (who, act, subject, detail) VALUES (%s, %s, %s, %s)",
        [who, act, subject, Jsonb(detail)],
    )
