"""Reading the delivery log: one row a message, with what its attempts and receipts say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from dispatcher.lifecycle import FINAL
from dispatcher.store.database import OURS, Connection

# The last attempt tells where and when; the accepted one when it was handed over; a receipt that moved the status why.
ROWS = """
SELECT m.id, c.edition, w.slug AS wave, m.msisdn_hash, r.cipher, r.key_id, m.network, m.area_code, m.group_name,
       coalesce(last.route, b.route) AS route, m.status::text, m.attempts, coalesce(last.reference, told.reference) AS reference,
       CASE WHEN last.outcome = 'accepted' THEN last.ended_at END AS submitted_at,
       CASE WHEN m.status = ANY(%(final)s::message_status[]) THEN m.changed_at END AS final_at,
       CASE WHEN m.status = 'undelivered' THEN told.code WHEN m.status IN ('delivered', 'submitted') THEN NULL
            ELSE last.code END AS error_code,
       m.segments, t.body AS text
FROM messages m
JOIN texts t ON t.id = m.text_id
JOIN waves w ON w.id = m.wave_id
JOIN campaigns c ON c.id = w.campaign_id
LEFT JOIN recipients r ON r.msisdn_hash = m.msisdn_hash
LEFT JOIN batches b ON b.id = m.batch_id
LEFT JOIN LATERAL (SELECT * FROM attempts a WHERE a.message_id = m.id ORDER BY a.id DESC LIMIT 1) AS last ON true
LEFT JOIN LATERAL (
    SELECT code, reference FROM receipts p WHERE p.message_id = m.id AND p.moved_to IS NOT NULL ORDER BY p.id DESC LIMIT 1
) AS told ON true
"""

STORY = """
SELECT a.started_at AS at, 'attempt' AS kind, a.number, a.route, a.outcome, a.reference, a.code, a.reason,
       NULL AS moved_from, NULL AS moved_to, a.ended_at, e.request, e.response, e.http_status
FROM attempts a LEFT JOIN exchanges e ON e.id = a.exchange_id WHERE a.message_id = %(id)s
UNION ALL
SELECT received_at, 'receipt', NULL, route, outcome, reference, code, NULL, moved_from::text, moved_to::text, NULL, NULL, raw, NULL
FROM receipts WHERE message_id = %(id)s
ORDER BY at
"""

ARGUMENTS = {"final": sorted(FINAL)}


@dataclass(frozen=True, slots=True)
class Row:
    """One message in the log; the number still encrypted (None once the person is erased)."""

    id: UUID
    campaign: str
    wave: str
    msisdn_hash: bytes
    cipher: bytes | None
    key_id: str | None
    network: str
    area_code: str | None
    group: str | None
    route: str | None
    status: str
    attempts: int
    reference: str | None
    submitted_at: datetime | None
    final_at: datetime | None
    error_code: str | None
    segments: int
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """An attempt (with its exchange, secrets blanked) or a receipt (with what it said) of one message."""

    at: datetime
    kind: str
    number: int | None
    route: str
    outcome: str
    reference: str | None
    code: str | None
    reason: str | None
    moved_from: str | None
    moved_to: str | None
    ended_at: datetime | None
    request: str | None
    response: str | None
    http_status: int | None


async def of_campaign(connection: Connection, edition: str, page: int) -> AsyncIterator[list[Row]]:
    """All messages of a campaign, wave by wave, in pages, through a cursor of the server: memory stays flat."""
    async with connection.cursor(name="delivery_log") as cursor:
        cursor.itersize = page
        await cursor.execute(
            ROWS + f"WHERE c.edition = %(edition)s AND c.{OURS} ORDER BY m.wave_id, m.id",
            {**ARGUMENTS, "edition": edition},
        )
        while rows := await cursor.fetchmany(page):
            yield [Row(*row) for row in rows]


async def search(
    connection: Connection,
    *,
    limit: int,
    msisdn_hash: bytes | None = None,
    edition: str | None = None,
    wave: str | None = None,
    statuses: Sequence[str] = (),
) -> list[Row]:
    """Up to `limit` messages, newest first. A number is looked up by the ids it would have in each wave."""
    conditions = [f"c.{OURS}"]
    arguments: dict[str, Any] = {**ARGUMENTS, "limit": limit}
    if msisdn_hash is not None:
        conditions.append("m.id IN (SELECT message_id(uid, %(hash)s) FROM waves)")
        arguments["hash"] = msisdn_hash
    if edition is not None:
        conditions.append("c.edition = %(edition)s")
        arguments["edition"] = edition
    if wave is not None:
        conditions.append("w.slug = %(wave)s")
        arguments["wave"] = wave
    if statuses:
        conditions.append("m.status = ANY(%(statuses)s::message_status[])")
        arguments["statuses"] = list(statuses)
    where = f"WHERE {' AND '.join(conditions)}"
    cursor = await connection.execute(f"{ROWS} {where} ORDER BY m.changed_at DESC, m.id LIMIT %(limit)s", arguments)
    return [Row(*row) async for row in cursor]


async def find(connection: Connection, message_id: UUID) -> Row | None:
    """One message of the organisation."""
    cursor = await connection.execute(f"{ROWS} WHERE m.id = %(id)s AND c.{OURS}", {**ARGUMENTS, "id": message_id})
    row = await cursor.fetchone()
    return Row(*row) if row else None


async def story(connection: Connection, message_id: UUID) -> list[Told]:
    """Every attempt and receipt of a message, in the order of time."""
    cursor = await connection.execute(STORY, {"id": message_id})
    return [Told(*row) async for row in cursor]


async def outcomes(connection: Connection, edition: str, column: str) -> list[tuple[str, str, int]]:
    """(value, status, messages) of a campaign by `network` or `area_code`; people without one count under ''."""
    if column not in ("network", "area_code"):
        raise ValueError(f"outcomes are told by network or area_code, not by {column}")
    cursor = await connection.execute(
        f"SELECT coalesce(m.{column}, '') AS value, m.status::text, count(*)::int AS n FROM messages m"
        f" JOIN waves w ON w.id = m.wave_id JOIN campaigns c ON c.id = w.campaign_id WHERE c.edition = %s AND c.{OURS}"
        " GROUP BY 1, 2 ORDER BY 1, 2",
        [edition],
    )
    return [(row.value, row.status, row.n) async for row in cursor]


async def unknown_codes(connection: Connection) -> dict[str, dict[str, int]]:
    """route -> the codes with which its carrier refused and which the adapter does not know, and how often."""
    cursor = await connection.execute(
        "SELECT route, code, count(*)::int AS n FROM attempts WHERE outcome = 'refused' AND reason LIKE 'other%'"
        " GROUP BY route, code ORDER BY route, n DESC"
    )
    found: dict[str, dict[str, int]] = {}
    async for row in cursor:
        found.setdefault(row.route, {})[row.code or ""] = row.n
    return found
