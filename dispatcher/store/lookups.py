"""Uncertain messages that a carrier is asked about: who is due, and what the answers move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from dispatcher.store.database import Connection
from dispatcher.store.messages import REOPENED, StoredExchange
from dispatcher.store.moves import CLAIM_OF, move_sql

# Asked again after twice the time of before, and at least this often.
LONGEST = timedelta(hours=6)

# Whatever became of wave and campaign: asking sends nothing.
DUE = """
m.troubled AND m.status = 'uncertain' AND m.changed_at < dispatcher_now() - %(patience)s
AND (l.asked IS NULL OR l.asked_at < dispatcher_now() - least(%(patience)s * 2 ^ least(l.asked, 20), %(longest)s))
"""

DUE_ROUTES = f"""
SELECT DISTINCT b.route
FROM stored_messages m JOIN batches b ON b.id = m.batch_id LEFT JOIN lookups l ON l.message_id = m.id
WHERE {DUE} AND b.route = ANY(%(routes)s)
"""

# Marked before they are asked about: another worker takes others, and one that dies here is made up for later.
# The times are those of the tries in doubt since the carrier last said that it had none.
TAKE = f"""
WITH doubtful AS (
    SELECT m.id, m.attempts, m.msisdn_hash, m.wave_id, m.text_id, b.route, tries.since, tries.until
    FROM stored_messages m JOIN batches b ON b.id = m.batch_id LEFT JOIN lookups l ON l.message_id = m.id
    CROSS JOIN LATERAL (
        SELECT min(a.started_at) AS since, max(a.ended_at) AS until FROM attempts a
        WHERE a.message_id = m.id AND a.route = b.route AND a.outcome = 'uncertain' AND a.ended_at > coalesce((
            SELECT max(r.received_at) FROM receipts r
            WHERE r.message_id = m.id AND r.outcome = 'absent' AND r.moved_to IS NOT NULL
        ), '-infinity')
    ) AS tries
    WHERE {DUE} AND b.route = %(route)s AND tries.since IS NOT NULL
    ORDER BY l.asked_at NULLS FIRST, m.id LIMIT %(limit)s
),
taken AS (
    INSERT INTO lookups AS l (message_id, asked, asked_at) SELECT id, 1, dispatcher_now() FROM doubtful ORDER BY id
    ON CONFLICT (message_id) DO UPDATE SET asked = l.asked + 1, asked_at = EXCLUDED.asked_at
    WHERE l.asked_at < dispatcher_now() - least(%(patience)s * 2 ^ least(l.asked, 20), %(longest)s)
    RETURNING message_id
)
SELECT d.id, d.attempts AS number, d.msisdn_hash, r.cipher, r.key_id, t.body AS text, d.since, d.until,
    (
        SELECT w.reference FROM receipts w
        WHERE w.message_id = d.id AND w.route = d.route AND w.reference IS NOT NULL ORDER BY w.id DESC LIMIT 1
    ) AS reference,
    ARRAY (
        SELECT said.reference FROM waves w
        CROSS JOIN LATERAL (
            SELECT a.reference FROM attempts a WHERE a.message_id = message_id(w.uid, d.msisdn_hash) AND a.route = d.route
            UNION SELECT r.reference FROM receipts r WHERE r.message_id = message_id(w.uid, d.msisdn_hash) AND r.route = d.route
        ) AS said
        WHERE w.id <> d.wave_id AND w.status <> 'scheduled' AND w.closes_at > d.since - interval '7 days'
          AND said.reference IS NOT NULL
    ) AS others
FROM taken JOIN doubtful d ON d.id = taken.message_id JOIN recipients r USING (msisdn_hash) JOIN texts t ON t.id = d.text_id
"""

# "Absent" is about the tries that were asked about: a message that has been tried again since is not called back. What did not
# arrive goes on by another channel while there is time, and has not arrived else.
# A reference is one message's, unless it is `shared`: where another one has it already, the answer proves nothing of this one.
RECORD = f"""
WITH answers AS MATERIALIZED (
    SELECT nextval(pg_get_serial_sequence('receipt_inbox', 'id')) AS receipt, g.*, NOT %(shared)s AND EXISTS (
        SELECT FROM attempts a WHERE a.reference = g.reference AND a.route = %(route)s AND a.message_id <> g.id
        UNION ALL
        SELECT FROM receipts r
        WHERE r.reference = g.reference AND r.route = %(route)s AND r.message_id <> g.id AND r.asked_in IS NOT NULL
    ) AS of_another
    FROM unnest(
        %(ids)s::uuid[], %(numbers)s::smallint[], %(outcomes)s::text[], %(events)s::text[], %(references)s::text[],
        %(codes)s::text[], %(raws)s::text[]
    ) AS g (id, number, outcome, event, reference, code, raw)
),
input AS (
    SELECT g.id, m.attempts AS seen, taken.status AS claimed, CASE
        WHEN g.of_another THEN 'overtaken'
        WHEN g.event NOT IN ('absent', 'unarrived') THEN g.event
        WHEN m.attempts + (taken.status IS NOT NULL)::int <> g.number THEN 'overtaken'
        WHEN g.event = 'unarrived' AND (
            c.status = 'cancelled' OR w.status = 'cancelled' OR dispatcher_now() >= w.closes_at
        ) THEN 'receipt_undelivered'
        WHEN g.event = 'unarrived' THEN g.event
        WHEN c.status = 'cancelled' OR w.status = 'cancelled' THEN 'absent_cancelled'
        WHEN dispatcher_now() >= w.closes_at THEN 'absent_expired'
        ELSE 'absent' END AS event
    FROM answers g JOIN stored_messages m ON m.id = g.id {CLAIM_OF}
    JOIN waves w ON w.id = m.wave_id JOIN campaigns c ON c.id = w.campaign_id
    WHERE g.event IS NOT NULL
),
{move_sql(claims=True)},
{REOPENED}
INSERT INTO receipts (
    id, received_at, route, message_id, reference, outcome, code, network, raw, moved_from, moved_to, asked_in
)
SELECT g.receipt, dispatcher_now(), %(route)s, g.id, CASE WHEN NOT g.of_another THEN g.reference END,
       CASE WHEN g.of_another THEN 'unknown' ELSE g.outcome END, g.code, NULL, g.raw, moved.was, moved.now, %(exchanges)s
FROM answers g LEFT JOIN moved ON moved.id = g.id
"""

PUT_EXCHANGES = """
INSERT INTO exchanges (route, started_at, elapsed, http_status, request, response)
SELECT %(route)s, * FROM unnest(
    %(started)s::timestamptz[], %(elapsed)s::real[], %(statuses)s::smallint[], %(requests)s::text[], %(responses)s::text[]
)
RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A message that nobody knows of; the tries in doubt are the first `number`, handed over from `since` to `until`.

    `reference` is the carrier's name for it, if it ever told it, `others` its names for others to the same number.
    """

    id: UUID
    number: int
    msisdn_hash: bytes
    cipher: bytes
    key_id: str
    text: str
    since: datetime
    until: datetime
    reference: str | None
    others: frozenset[str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a carrier answered about a message of which `number` tries were in doubt; `event` is None if it moves nothing."""

    id: UUID
    number: int
    outcome: str
    event: str | None
    reference: str | None
    code: str
    raw: str


async def due_routes(connection: Connection, routes: Sequence[str], patience_seconds: float) -> list[str]:
    """Those of `routes` with messages that should be asked about now."""
    cursor = await connection.execute(DUE_ROUTES, {**_times(patience_seconds), "routes": list(routes)})
    return [row.route async for row in cursor]


async def take(connection: Connection, route: str, patience_seconds: float, limit: int) -> list[Doubt]:
    """Up to `limit` messages of a route to ask about now, nobody else's; those asked about longest ago follow the new ones."""
    cursor = await connection.execute(TAKE, {**_times(patience_seconds), "route": route, "limit": limit})
    return [Doubt(**{**row._asdict(), "others": frozenset(row.others)}) async for row in cursor]


def _times(patience_seconds: float) -> dict[str, timedelta]:
    return {"patience": timedelta(seconds=patience_seconds), "longest": LONGEST}


async def record(
    connection: Connection,
    route: str,
    answers: Sequence[Answer],
    exchanges: Sequence[StoredExchange],
    *,
    shared: bool = False,
) -> None:
    """Write exchanges, answers and the statuses that they move, in the caller's transaction.

    `shared`: the carrier's ids are of calls, and many messages have the same.
    """
    exchange_ids = await put_exchanges(connection, route, exchanges)
    await connection.execute(
        RECORD,
        {
            "route": route,
            "shared": shared,
            "exchanges": exchange_ids,
            "ids": [a.id for a in answers],
            "numbers": [a.number for a in answers],
            "outcomes": [a.outcome for a in answers],
            "events": [a.event for a in answers],
            "references": [a.reference for a in answers],
            "codes": [a.code for a in answers],
            "raws": [a.raw for a in answers],
        },
    )


async def put_exchanges(connection: Connection, route: str, exchanges: Sequence[StoredExchange]) -> list[int]:
    """Write the calls of a query; answers their ids."""
    cursor = await connection.execute(
        PUT_EXCHANGES,
        {
            "route": route,
            "started": [e.started_at for e in exchanges],
            "elapsed": [e.elapsed for e in exchanges],
            "statuses": [e.http_status for e in exchanges],
            "requests": [e.request for e in exchanges],
            "responses": [e.response for e in exchanges],
        },
    )
    return [row.id async for row in cursor]


async def forget(connection: Connection) -> None:
    """Drop the marks of messages that are uncertain no more."""
    await connection.execute(
        "DELETE FROM lookups l USING stored_messages m WHERE m.id = l.message_id AND m.status <> 'uncertain'"
    )
