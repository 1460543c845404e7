"""Complaints: who complained, how, of what, and what was answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dispatcher.store.database import OURS, Connection, one

SHOWN = f"""
SELECT k.id, k.received_at, k.msisdn_hash, r.cipher, r.key_id, k.came_by, k.document, k.said, k.taken_by, k.answer, k.answered_by,
       k.answered_at
FROM complaints k LEFT JOIN recipients r USING (msisdn_hash) WHERE k.{OURS}
"""


LAST = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Complaint:
    """`cipher` and `key_id` are None where the person was erased; the last three are None while nobody has answered."""

    id: int
    received_at: datetime
    msisdn_hash: bytes
    cipher: bytes | None
    key_id: str | None
    came_by: str
    document: str
    said: str
    taken_by: str
    answer: str | None
    answered_by: str | None
    answered_at: datetime | None


async def add(connection: Connection, person: bytes, *, came_by: str, document: str, said: str, by: str) -> int:
    row = await one(
        connection,
        "INSERT INTO complaints (organisation_id, msisdn_hash, came_by, document, said, taken_by)"
        " VALUES (dispatcher_organisation(), %s, %s, %s, %s, %s) RETURNING id",
        [person, came_by, document, said, by],
    )
    return int(row.id)


async def find(connection: Connection, id_: int) -> Complaint | None:
    row = await (await connection.execute(f"{SHOWN} AND k.id = %s", [id_])).fetchone()
    return Complaint(*row) if row else None


async def listing(connection: Connection, *, only_open: bool, limit: int, before: int | None = None) -> list[Complaint]:
    """The newest first; with `before`, those older than that one."""
    cursor = await connection.execute(
        f"{SHOWN} AND (k.answer IS NULL OR NOT %s) AND k.id < coalesce(%s::bigint, {LAST}) ORDER BY k.id DESC LIMIT %s",
        [only_open, before, limit],
    )
    return [Complaint(*row) async for row in cursor]


async def answer(connection: Connection, id_: int, text: str, by: str) -> bool:
    """Write down what was answered; False where something was before."""
    cursor = await connection.execute(
        "UPDATE complaints SET answer = %s, answered_by = %s, answered_at = dispatcher_now()"
        f" WHERE id = %s AND answer IS NULL AND {OURS}",
        [text, by, id_],
    )
    return cursor.rowcount == 1
