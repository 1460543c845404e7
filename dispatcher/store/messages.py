"""Messages: claimed before the wire, recorded after it, and what is done to many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from dispatcher.store.batches import SENDABLE, Lease
from dispatcher.store.database import Connection, array, one
from dispatcher.store.moves import move_sql

# Only the holder of the newest lease claims, only while sending is allowed, and never a suppressed number, unless the
# message confirms that very refusal. The lock keeps nobody from claiming, nor the heartbeat from prolonging the lease: only
# whoever takes the lease away waits for it.
CLAIM = f"""
WITH permitted AS (
    SELECT c.organisation_id, c.message_class, b.leased_until - clock_timestamp() AS remaining
    FROM batches b JOIN waves w ON w.id = b.wave_id JOIN campaigns c ON c.id = w.campaign_id
    WHERE b.id = %(batch)s AND b.fence = %(fence)s AND b.leased_until > clock_timestamp() AND {SENDABLE}
      AND NOT EXISTS (SELECT FROM route_stops s WHERE s.route = b.route AND NOT (%(probing)s AND s.kind = 'tripped'))
    FOR KEY SHARE OF b
),
input AS (
    SELECT m.id, 1 AS tries, CASE WHEN EXISTS (
        SELECT FROM suppressions s
        WHERE s.organisation_id = permitted.organisation_id AND s.msisdn_hash = m.msisdn_hash
          AND (s.scope = 'all' OR permitted.message_class = 'advertising')
    ) AND NOT EXISTS (SELECT FROM confirmations k WHERE k.message_id = m.id) THEN 'suppressed' ELSE 'claimed' END AS event
    FROM messages m, permitted WHERE m.id = ANY(%(ids)s::uuid[])
),
{move_sql(carried=", i.tries", also=", attempts = m.attempts + CASE a.now WHEN 'sending' THEN l.tries ELSE 0 END")}
SELECT (SELECT remaining FROM permitted) AS remaining, array_agg(id) FILTER (WHERE now = 'sending') AS claimed FROM moved
"""

RECORD = f"""
WITH given AS (
    SELECT * FROM unnest(
        %(ids)s::uuid[], %(events)s::text[], %(refunds)s::smallint[], %(numbers)s::smallint[], %(started)s::timestamptz[],
        %(ended)s::timestamptz[], %(outcomes)s::text[], %(references)s::text[], %(reasons)s::text[], %(codes)s::text[],
        %(segments)s::smallint[], %(exchanges)s::int[]
    ) AS t (id, event, refund, number, started_at, ended_at, outcome, reference, reason, code, segments, exchange)
),
kept AS MATERIALIZED (
    SELECT nextval('exchanges_id_seq') AS id, t.* FROM unnest(
        %(exchange_started)s::timestamptz[], %(elapsed)s::real[], %(http_statuses)s::smallint[], %(requests)s::text[],
        %(responses)s::text[]
    ) WITH ORDINALITY AS t (started_at, elapsed, http_status, request, response, place)
),
put AS (
    INSERT INTO exchanges (id, route, started_at, elapsed, http_status, request, response)
    SELECT id, %(route)s, started_at, elapsed, http_status, request, response FROM kept
),
-- A try that was given up for lost and overtaken by another must not call that one back to the queue.
input AS (
    SELECT g.id, g.refund, CASE
        WHEN g.event IN ('not_sent', 'returned', 'rerouted', 'exhausted', 'lost') AND m.attempts <> g.number THEN 'overtaken'
        ELSE g.event END AS event
    FROM given g JOIN messages m ON m.id = g.id
),
{move_sql(carried=", i.refund", also=", attempts = m.attempts - l.refund")}
INSERT INTO attempts (message_id, number, route, started_at, ended_at, outcome, reference, reason, code, segments, exchange_id)
SELECT g.id, g.number, %(route)s, g.started_at, g.ended_at, g.outcome, g.reference, g.reason, g.code, g.segments, k.id
FROM given g LEFT JOIN kept k ON k.place = g.exchange + 1
"""

# Everything of closed waves that has not left becomes `event`: one statement, whatever the size.
SWEEP = """
WITH input AS (
    SELECT m.id, CASE WHEN w.status = 'cancelled' THEN 'cancelled' ELSE 'expired' END AS event
    FROM waves w JOIN messages m ON m.wave_id = w.id AND m.status IN ('queued', 'retrying')
    WHERE w.id = ANY(%(waves)s)
),
{move}
SELECT count(*)::int AS n FROM moved
"""
CANCEL_ON_ROUTE = f"""
WITH input AS (
    SELECT m.id, 'cancelled' AS event FROM batches b
    JOIN messages m ON m.wave_id = b.wave_id AND m.batch_id = b.id AND m.status IN ('queued', 'retrying')
    WHERE b.route = %s AND NOT b.done
),
{move_sql()}
SELECT count(*)::int AS n FROM moved
"""
CLOSED_WAVES = """
SELECT w.id FROM waves w WHERE (w.status = 'cancelled' OR (w.status = 'sending' AND w.closes_at <= dispatcher_now()))
AND EXISTS (SELECT FROM batches b WHERE b.wave_id = w.id AND NOT b.done)
"""
# After `moved`: the batches of what waits again open once more, and with them wave and campaign.
REOPENED = """
waiting_again AS (
    SELECT m.batch_id, m.wave_id FROM messages m JOIN moved USING (id) WHERE moved.now = 'queued'
),
reopened AS (
    UPDATE batches SET done = false, due_at = clock_timestamp(), enqueued_at = NULL
    WHERE id IN (SELECT batch_id FROM waiting_again)
),
waves_again AS (
    UPDATE waves SET status = 'sending' WHERE status = 'done' AND id IN (SELECT wave_id FROM waiting_again) RETURNING campaign_id
),
campaigns_again AS (
    UPDATE campaigns SET status = 'running' WHERE status = 'finished' AND id IN (SELECT campaign_id FROM waves_again)
)
"""
# Sent again under the same id. Only while the wave's time lasts, and never one that is on the suppression list by now (the
# claim sees to that).
RESEND = f"""
WITH input AS (
    SELECT m.id, 'resent' AS event
    FROM messages m JOIN waves w ON w.id = m.wave_id JOIN campaigns c ON c.id = w.campaign_id JOIN batches b ON b.id = m.batch_id
    WHERE m.status = ANY(%(statuses)s::message_status[]) AND w.status IN ('sending', 'done')
      AND c.status IN ('running', 'finished', 'paused') AND dispatcher_now() < w.closes_at AND {{which}}
),
{move_sql()},
{REOPENED}
SELECT count(*)::int AS n FROM moved
"""
# A carrier that knows our id sends nothing twice within its memory: asking again is how it tells us what it has. One that
# can be asked without sending (`asked_first`) is asked so first, and has had the patience again to answer.
ASK_AGAIN = """
m.troubled AND b.route = ANY(%(routes)s) AND m.changed_at < dispatcher_now() - %(patience)s AND (
    b.route <> ALL(%(asked_first)s)
    OR EXISTS (SELECT FROM lookups l WHERE l.message_id = m.id AND l.asked_at < dispatcher_now() - %(patience)s)
) AND EXISTS (
    SELECT FROM unnest(%(routes)s::text[], %(memories)s::interval[]) AS r (route, memory)
    WHERE r.route = b.route AND dispatcher_now() < r.memory + (
        SELECT min(a.started_at) FROM attempts a WHERE a.message_id = m.id AND a.outcome = 'uncertain'
    )
)
"""
UNSETTLED = f"""
WITH input AS (
    SELECT id, 'unsettled' AS event FROM messages
    WHERE troubled AND status = 'uncertain' AND changed_at < dispatcher_now() - %(settle)s LIMIT 10000
),
{move_sql()}
SELECT count(*)::int AS n FROM moved
"""

CLOSE = f"""
WITH input AS (
    SELECT m.id, 'unsettled' AS event FROM messages m JOIN waves w ON w.id = m.wave_id
    WHERE m.troubled AND m.status = 'uncertain' AND w.campaign_id = %(campaign)s
),
{move_sql()}
SELECT count(*)::int AS n FROM moved
"""

ERASED = f"""
WITH input AS (SELECT id, 'erased' AS event FROM unnest(%(ids)s::uuid[]) AS t (id)),
{move_sql()}
INSERT INTO attempts (message_id, number, route, started_at, ended_at, outcome, reason, code, segments)
SELECT m.id, m.attempts, '', dispatcher_now(), dispatcher_now(), 'not_sent', 'the recipient was erased', 'erased', m.segments
FROM moved JOIN messages m USING (id)
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """`remaining` of the lease; None when it is gone or sending is not allowed now. `ids` may be sent by us alone until then."""

    remaining: timedelta | None
    ids: frozenset[UUID]

    @property
    def permitted(self) -> bool:
        return self.remaining is not None


@dataclass(frozen=True, slots=True)
class StoredExchange:
    started_at: datetime
    elapsed: float
    http_status: int | None
    request: str
    response: str


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one message on the wire. `exchange` is a place in the list stored with it; `refund` gives the try back."""

    id: UUID
    event: str
    refund: bool
    number: int
    started_at: datetime
    ended_at: datetime
    outcome: str
    reference: str | None
    reason: str | None
    code: str | None
    segments: int
    exchange: int | None


async def claim(connection: Connection, held: Lease, ids: Sequence[UUID], *, probing: bool = False) -> Claim:
    """Commit the intent to send `ids`. `probing` passes a breaker that is open."""
    row = await one(
        connection,
        CLAIM,
        {
            "batch": held.batch_id,
            "fence": held.fence,
            "ids": array(ids),
            "probing": probing,
        },
    )
    return Claim(row.remaining, frozenset(row.claimed or ()))


async def fail_erased(connection: Connection, ids: Sequence[UUID]) -> None:
    """Their recipients are erased: there is nobody to send to."""
    await connection.execute(ERASED, {"ids": list(ids)})


async def record(
    connection: Connection, route: str, results: Sequence[Result], exchanges: Sequence[StoredExchange]
) -> None:
    """Write exchanges, attempts and statuses, in the caller's transaction."""
    await connection.execute(
        RECORD,
        {
            "route": route,
            "ids": array(r.id for r in results),
            "events": array(r.event for r in results),
            "refunds": array(int(r.refund) for r in results),
            "numbers": array(r.number for r in results),
            "started": array(r.started_at for r in results),
            "ended": array(r.ended_at for r in results),
            "outcomes": array(r.outcome for r in results),
            "references": array(r.reference for r in results),
            "reasons": array(r.reason for r in results),
            "codes": array(r.code for r in results),
            "segments": array(r.segments for r in results),
            "exchanges": array(r.exchange for r in results),
            "exchange_started": array(e.started_at for e in exchanges),
            "elapsed": array(e.elapsed for e in exchanges),
            "http_statuses": array(e.http_status for e in exchanges),
            "requests": array(e.request for e in exchanges),
            "responses": array(e.response for e in exchanges),
        },
    )


async def recorded(connection: Connection, message_id: UUID, number: int, started_at: datetime) -> bool:
    """Whether that very try is in the log. Whoever is writing it at this moment is waited for first."""
    await connection.execute("SELECT FROM messages WHERE id = %s FOR UPDATE", [message_id])
    row = await one(
        connection,
        "SELECT EXISTS (SELECT FROM attempts WHERE message_id = %s AND number = %s AND started_at = %s) AS yes",
        [message_id, number, started_at],
    )
    return bool(row.yes)


async def sweep_closed(connection: Connection) -> int:
    """Cancel or expire what has not left in waves that are cancelled or over; answers how many."""
    cursor = await connection.execute(CLOSED_WAVES)
    return await sweep(connection, [row.id async for row in cursor])


async def sweep(connection: Connection, wave_ids: Sequence[int]) -> int:
    """The same for the given waves, which are known to be cancelled or over."""
    if not wave_ids:
        return 0
    row = await one(connection, SWEEP.format(move=move_sql()), {"waves": list(wave_ids)})
    return int(row.n)


async def cancel_on_route(connection: Connection, route: str) -> int:
    """Cancel what waits in the batches of a route, whatever its wave; answers how many messages."""
    row = await one(connection, CANCEL_ON_ROUTE, [route])
    return int(row.n)


async def resend_campaign(connection: Connection, campaign_id: int) -> int:
    """Queue again, on a person's word, what is uncertain or unconfirmed in a campaign; answers how many."""
    row = await one(
        connection,
        RESEND.format(which="w.campaign_id = %(campaign)s"),
        {"statuses": ["uncertain", "unconfirmed"], "campaign": campaign_id},
    )
    return int(row.n)


async def close_campaign(connection: Connection, campaign_id: int) -> int:
    """Give up waiting, on a person's word, for what is uncertain in a campaign; answers how many."""
    row = await one(connection, CLOSE, {"campaign": campaign_id})
    return int(row.n)


async def ask_again(
    connection: Connection, memories: Mapping[str, float], patience_seconds: float, asked_first: Sequence[str] = ()
) -> int:
    """Queue again what has been uncertain for the patience, where the carrier will not send it twice.

    `memories` is route -> for how many seconds after the first doubtful try its carrier still knows our id; on the routes
    `asked_first` only what a status query has not settled.
    """
    row = await one(
        connection,
        RESEND.format(which=ASK_AGAIN),
        {
            "statuses": ["uncertain"],
            "routes": list(memories),
            "memories": [timedelta(seconds=seconds) for seconds in memories.values()],
            "patience": timedelta(seconds=patience_seconds),
            "asked_first": list(asked_first),
        },
    )
    return int(row.n)


async def give_up_unsettled(connection: Connection, settle_seconds: float) -> int:
    """Uncertain messages that nobody has spoken of for the settle time become unconfirmed."""
    row = await one(connection, UNSETTLED, {"settle": timedelta(seconds=settle_seconds)})
    return int(row.n)
