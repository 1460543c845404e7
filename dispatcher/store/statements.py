"""Requests for the messages of one number, what was sent to it, and the seals over the rows that say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from dispatcher.store import said
from dispatcher.store.database import OURS, Connection, array, one

REQUEST = f"""
SELECT id, msisdn_hash, starts, ends, authority, document, document_date, basis, asked_by, asked_at, released_by, released_at
FROM statement_requests WHERE {OURS}
"""
ASK = """
INSERT INTO statement_requests (msisdn_hash, starts, ends, authority, document, document_date, basis, asked_by)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
"""
RELEASE = """
UPDATE statement_requests SET released_by = %s, released_at = dispatcher_now(), document_sha256 = %s, extract_sha256 = %s
WHERE id = %s AND released_at IS NULL
"""
# A message belongs to the days on which it was tried.
SENT = f"""
SELECT m.id, w.uid AS wave_uid, c.edition AS campaign, c.title, w.slug AS wave, {said.text("tries.route")} AS text,
       m.segments, m.status::text, c.approved_by, c.approved_at, tries.route, tries.reference, tries.at
FROM waves w JOIN campaigns c ON c.id = w.campaign_id JOIN messages m ON m.id = message_id(w.uid, %(hash)s)
JOIN texts t ON t.id = m.text_id
CROSS JOIN LATERAL (
    SELECT a.route, a.reference, a.ended_at AS at FROM attempts a
    WHERE a.message_id = m.id AND a.started_at >= %(start)s AND a.started_at < %(end)s AND a.outcome IN ('accepted', 'uncertain')
    ORDER BY a.outcome, a.id DESC LIMIT 1
) AS tries
WHERE c.{OURS} ORDER BY tries.at, m.id
"""
ROWS = {
    "attempts": "SELECT id FROM attempts WHERE message_id = ANY(%s::uuid[])",
    "receipts": "SELECT id FROM receipts WHERE message_id = ANY(%s::uuid[])",
}
SEALS = """
SELECT DISTINCT s.n FROM unnest(%s::bigint[]) AS row (id) JOIN seals s ON numbers_under(s.note, s.rows) @> row.id
WHERE split_part(s.form, '/', 1) = %s ORDER BY 1
"""
COVERING = "SELECT number, text FROM checkpoints WHERE seals >= %s ORDER BY number LIMIT 1"
BETWEEN = "SELECT hash FROM seals WHERE n > %s AND n <= %s ORDER BY n"


@dataclass(frozen=True, slots=True)
class Request:
    """What an authority asked for; the number by its keyed hash alone."""

    id: int
    msisdn_hash: bytes
    starts: date
    ends: date
    authority: str
    document: str
    document_date: date
    basis: str
    asked_by: str
    asked_at: datetime
    released_by: str | None
    released_at: datetime | None


@dataclass(frozen=True, slots=True)
class Sent:
    """One message to the number; `text` is what was sent; `at` is when a carrier took it, or when we last heard nothing."""

    id: UUID
    wave_uid: UUID
    campaign: str
    title: str
    wave: str
    text: str
    segments: int
    status: str
    approved_by: str
    approved_at: datetime
    route: str
    reference: str | None
    at: datetime


async def ask(connection: Connection, request: Request) -> int:
    """Keep a request; answers its number."""
    values = [request.msisdn_hash, request.starts, request.ends, request.authority, request.document]
    row = await one(connection, ASK, [*values, request.document_date, request.basis, request.asked_by])
    return int(row.id)


async def find(connection: Connection, number: int) -> Request | None:
    """That request, locked until the transaction ends."""
    cursor = await connection.execute(f"{REQUEST} AND id = %s FOR UPDATE", [number])
    row = await cursor.fetchone()
    return Request(*row) if row else None


async def listing(connection: Connection) -> list[Request]:
    """All requests, the newest first."""
    return [Request(*row) async for row in await connection.execute(f"{REQUEST} ORDER BY id DESC")]


async def release(connection: Connection, number: int, by: str, document: str, extract: str) -> None:
    await connection.execute(RELEASE, [by, document, extract, number])


async def sent(connection: Connection, hashed: bytes, start: datetime, end: datetime) -> list[Sent]:
    """Messages to a person that were tried from `start` until before `end`, in the order of time."""
    cursor = await connection.execute(SENT, {"hash": hashed, "start": start, "end": end})
    return [Sent(*row) async for row in cursor]


async def rows(connection: Connection, source: str, messages: Sequence[UUID]) -> list[int]:
    """The numbers of the log's rows about these messages."""
    return [row.id async for row in await connection.execute(ROWS[source], [array(messages)])]


async def seals_over(connection: Connection, source: str, ids: Sequence[int]) -> list[int]:
    """The seals under which these rows may be."""
    return [row.n async for row in await connection.execute(SEALS, [array(ids), source])]


async def covering(connection: Connection, seal: int) -> tuple[int, str] | None:
    """Number and text of the first checkpoint that reaches a seal; None while there is none."""
    row = await (await connection.execute(COVERING, [seal])).fetchone()
    return (row.number, row.text) if row else None


async def hashes_between(connection: Connection, after: int, up_to: int) -> list[bytes]:
    """The hashes of the seals after one and up to another."""
    return [row.hash async for row in await connection.execute(BETWEEN, [after, up_to])]
