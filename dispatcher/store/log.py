"""Reading the delivery log: one row a message, with what its attempts and receipts say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from dispatcher.lifecycle import FINAL
from dispatcher.store import said, search
from dispatcher.store.database import OURS, Connection, array, one
from dispatcher.store.search import LAST, ROUTE, TAKEN, TOLD, Spot, Wanted

WAY = "coalesce(last.route, b.route)"
# A page of the log has no more rows; an export has many more.
FEW = 200
# The last attempt tells where and when; the accepted one when it was handed over; a receipt that moved the status why.
ROWS = f"""
SELECT m.id, c.edition, w.slug AS wave, m.msisdn_hash, r.cipher, r.key_id, m.network, m.area_code, m.group_name,
       {WAY} AS route, now.status::text, m.attempts + now.claimed AS attempts,
       coalesce(last.reference, told.reference) AS reference,
       CASE WHEN last.outcome = 'accepted' THEN last.ended_at END AS submitted_at,
       CASE WHEN now.status = ANY(%(final)s::message_status[]) THEN m.changed_at END AS final_at,
       CASE WHEN now.status = 'undelivered' THEN told.code WHEN now.status IN ('delivered', 'submitted') THEN NULL
            ELSE last.code END AS error_code,
       m.segments, {said.template(WAY)} AS template, {said.text(WAY)} AS text
FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS asked (id, place) JOIN stored_messages m ON m.id = asked.id
JOIN texts t ON t.id = m.text_id
JOIN waves w ON w.id = m.wave_id
JOIN campaigns c ON c.id = w.campaign_id
LEFT JOIN recipients r ON r.msisdn_hash = m.msisdn_hash
{ROUTE} {TAKEN} {LAST} {TOLD}
CROSS JOIN LATERAL (SELECT coalesce(taken.status, m.status) AS status, num_nonnulls(taken.status) AS claimed) AS now
WHERE c.{OURS} ORDER BY asked.place
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


ORIGIN = f"""
SELECT c.id AS campaign_id, c.title AS campaign_title, c.author, c.approved_by, c.approved_at, w.title AS wave_title, w.opens_at,
       w.closes_at, w.priority::text, a.name AS audience, a.version AS audience_version, b.route AS planned_route,
       b.moved_from IS NOT NULL AS moved_on, m.changed_at
FROM messages m JOIN waves w ON w.id = m.wave_id JOIN campaigns c ON c.id = w.campaign_id
LEFT JOIN audiences a ON a.id = w.audience_id LEFT JOIN batches b ON b.id = m.batch_id WHERE m.id = %s AND c.{OURS}
"""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a message comes from; `moved_on`: its batch took over from one of another route."""

    campaign_id: int
    campaign_title: str
    author: str
    approved_by: str | None
    approved_at: datetime | None
    wave_title: str
    opens_at: datetime
    closes_at: datetime
    priority: str
    audience: str | None
    audience_version: int | None
    planned_route: str | None
    moved_on: bool
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Row:
    """One message in the log; the number still encrypted (None once the person is erased).

    `text` is what was sent, or would be, by the way it went last; `template` is Zalo's, None where it is a text.
    """

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
    template: str | None
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


async def rows(connection: Connection, ids: Sequence[UUID]) -> list[Row]:
    """Messages of the organisation, in the order in which they are named."""
    # Planning it takes as long as reading a page; many rows want a plan of their own.
    prepare = len(ids) <= FEW
    cursor = await connection.execute(ROWS, {"final": sorted(FINAL), "ids": array(ids)}, prepare=prepare)
    return [Row(*row) async for row in cursor]


async def pages(connection: Connection, wanted: Wanted, page: int) -> AsyncIterator[list[Row]]:
    """All such messages, wave by wave, so many at a time: memory stays flat. The caller's transaction should be a snapshot."""
    after: Spot | None = Spot()
    while after:
        ids, after = await search.find(connection, wanted, page, after)
        yield await rows(connection, ids)


def of_campaign(connection: Connection, edition: str, page: int) -> AsyncIterator[list[Row]]:
    """All messages of a campaign, in pages."""
    return pages(connection, Wanted(edition=edition), page)


async def first(connection: Connection, wanted: Wanted, limit: int) -> list[Row]:
    """The first of such messages."""
    return await rows(connection, (await search.find(connection, wanted, limit)).ids)


async def find(connection: Connection, message_id: UUID) -> Row | None:
    """One message of the organisation."""
    return next(iter(await rows(connection, [message_id])), None)


async def origin(connection: Connection, message_id: UUID) -> Origin:
    """What a message of the organisation was planned by. Raises LookupError."""
    return Origin(*await one(connection, ORIGIN, [message_id]))


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
