"""Messages: claimed before the wire, recorded after it, and what is done to many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from dispatcher.lifecycle import Event
from dispatcher.store.batches import SENDABLE, Lease
from dispatcher.store.database import Connection, array, one
from dispatcher.store.moves import CLAIM_OF, move_sql
from dispatcher.store.suppressions import REFUSES

# Only the holder of the newest lease claims, only while sending is allowed, and never a suppressed number, unless the
# message confirms that very refusal. The lock keeps nobody from claiming, nor the heartbeat from prolonging the lease:
# whoever takes the lease away or closes the batch waits for it, and looks at messages and claims only then; a claim that
# waited for them finds the batch changed and takes nothing.
CLAIM = f"""
WITH permitted AS (
    SELECT b.wave_id, c.organisation_id, c.message_class, c.topics, b.leased_until - clock_timestamp() AS remaining
    FROM batches b JOIN waves w ON w.id = b.wave_id JOIN campaigns c ON c.id = w.campaign_id
    WHERE b.id = %(batch)s AND b.fence = %(fence)s AND b.leased_until > clock_timestamp() AND NOT b.closed AND {SENDABLE}
      AND NOT EXISTS (SELECT FROM route_stops s WHERE s.route = b.route AND NOT (%(probing)s AND s.kind = 'tripped'))
    FOR KEY SHARE OF b
),
waiting AS (
    SELECT m.id, EXISTS (
        SELECT FROM suppressions s
        WHERE s.organisation_id = permitted.organisation_id AND s.msisdn_hash = m.msisdn_hash
          AND {REFUSES.format(message_class="permitted.message_class", topics="permitted.topics")}
    ) AND NOT EXISTS (SELECT FROM confirmations k WHERE k.message_id = m.id) AS unwanted
    FROM stored_messages m, permitted
    WHERE m.id = ANY(%(ids)s::uuid[]) AND m.batch_id = %(batch)s AND m.status IN ('queued', 'retrying') AND m.id NOT IN (
        SELECT unnest(k.ids) FROM claims k WHERE k.batch_id = %(batch)s AND k.first <= %(last)s AND k.last >= %(first)s
    )
),
wanted AS (SELECT array_agg(id ORDER BY id) AS ids FROM waiting WHERE NOT unwanted),
claimed AS (
    INSERT INTO claims (wave_id, batch_id, first, last, ids, claimed_at)
    SELECT p.wave_id, %(batch)s, w.ids[1], w.ids[cardinality(w.ids)], w.ids, dispatcher_now()
    FROM permitted p, wanted w WHERE w.ids IS NOT NULL
    RETURNING id
)
SELECT (SELECT remaining FROM permitted) AS remaining, (SELECT id FROM claimed) AS claim,
       (SELECT CASE WHEN cardinality(ids) < %(count)s THEN ids END FROM wanted) AS some,
       (SELECT array_agg(id) FROM waiting WHERE unwanted) AS unwanted
"""
SUPPRESS = f"""
WITH input AS (SELECT id, 'suppressed' AS event FROM unnest(%(ids)s::uuid[]) AS t (id)),
{move_sql()}
SELECT count(*)::int AS n FROM moved
"""

# The log, and the claim's end: what was accepted stays in it, and nothing else need be written of it. `ours` is false when
# the claim has been given up for lost meanwhile.
RECORD = """
WITH answered AS (
    UPDATE claims SET answered_at = (SELECT dispatcher_now()),
        ids = CASE WHEN %(accepted)s::uuid[] IS NULL THEN ids ELSE %(accepted)s::uuid[] END
    WHERE id = %(claim)s AND answered_at IS NULL
    RETURNING id
),
given AS (
    SELECT * FROM unnest(
        %(ids)s::uuid[], %(numbers)s::smallint[], %(times)s::int[], %(outcomes)s::text[], %(references)s::text[],
        %(reasons)s::text[], %(codes)s::text[], %(segments)s::smallint[], %(exchanges)s::int[]
    ) AS t (id, number, time, outcome, reference, reason, code, segments, exchange)
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
logged AS (
    INSERT INTO attempts (
        message_id, number, route, started_at, ended_at, outcome, reference, reason, code, segments, exchange_id
    )
    SELECT g.id, g.number, %(route)s, (%(started)s::timestamptz[])[g.time], (%(ended)s::timestamptz[])[g.time], g.outcome,
           g.reference, g.reason, g.code, g.segments, k.id
    FROM given g LEFT JOIN kept k ON k.place = g.exchange + 1
)
SELECT EXISTS (SELECT FROM answered) AS ours
"""

MOVE_RECORDED = f"""
WITH input AS (
    SELECT g.id, g.refund, g.event, m.attempts AS seen, 'sending'::message_status AS claimed
    FROM unnest(%(ids)s::uuid[], %(events)s::text[], %(refunds)s::smallint[]) AS g (id, event, refund)
    JOIN stored_messages m ON m.id = g.id
),
{move_sql(claims=True, refunds=True)}
SELECT array_agg(id) AS ids FROM moved WHERE now = 'queued'
"""

# What was answered a while ago, and has not been moved by a receipt since, gets the status that it has had since the answer.
FOLD = f"""
WITH folded AS (
    DELETE FROM claims WHERE id IN (
        SELECT id FROM claims WHERE answered_at < (SELECT dispatcher_now()) - %(age)s
        ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    )
    RETURNING wave_id, ids, answered_at AS changed_at
),
noted AS (INSERT INTO folded_claims (wave_id, accepted) SELECT wave_id, sum(cardinality(ids)) FROM folded GROUP BY wave_id),
input AS (
    SELECT m.id, 'accepted' AS event, 'sending'::message_status AS claimed, m.attempts AS seen, f.changed_at
    FROM folded f CROSS JOIN unnest(f.ids) AS t (id) JOIN stored_messages m ON m.id = t.id AND m.status IN ('queued', 'retrying')
),
{move_sql(claims=True, changed_at="l.changed_at")}
SELECT (SELECT count(*) FROM folded)::int AS claims, count(*)::int AS moved FROM moved
"""

# Before the sweep, so that it sees every claim that there will ever be.
CLOSE_BATCHES = """
WITH open AS (SELECT id FROM batches WHERE wave_id = ANY(%(waves)s) AND NOT closed ORDER BY id FOR UPDATE)
UPDATE batches b SET closed = true FROM open WHERE b.id = open.id
"""
# Everything of closed waves that has not left becomes `event`: one statement, whatever the size.
SWEEP = f"""
WITH input AS (
    SELECT m.id, CASE WHEN w.status = 'cancelled' THEN 'cancelled' ELSE 'expired' END AS event
    FROM waves w JOIN stored_messages m ON m.wave_id = w.id AND m.status IN ('queued', 'retrying')
    WHERE w.id = ANY(%(waves)s) AND m.id NOT IN (SELECT unnest(k.ids) FROM claims k WHERE k.wave_id = ANY(%(waves)s))
),
{move_sql()}
SELECT count(*)::int AS n FROM moved
"""
# What waits in the batches of a route. Whoever holds one loses its right to claim more of it, not what it has claimed; none
# gathers messages any more.
FENCE_OFF = """
WITH open AS (SELECT id FROM batches WHERE route = %(route)s AND NOT done ORDER BY id FOR UPDATE)
UPDATE batches b SET fence = fence + 1 FROM open WHERE b.id = open.id
RETURNING b.id
"""
CANCEL_ON_ROUTE = f"""
WITH input AS (
    SELECT m.id, 'cancelled' AS event FROM batches b
    JOIN stored_messages m ON m.wave_id = b.wave_id AND m.batch_id = b.id AND m.status IN ('queued', 'retrying') {CLAIM_OF}
    WHERE b.id = ANY(%(batches)s) AND taken.status IS NULL
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
    SELECT m.batch_id, m.wave_id FROM stored_messages m JOIN moved USING (id) WHERE moved.now = 'queued'
),
reopened AS (
    UPDATE batches SET done = false, closed = false, due_at = clock_timestamp(), enqueued_at = NULL
    FROM (
        SELECT id FROM batches WHERE id IN (SELECT batch_id FROM waiting_again) ORDER BY id FOR NO KEY UPDATE
    ) AS again WHERE batches.id = again.id
),
waves_again AS (
    UPDATE waves SET status = 'sending' WHERE status = 'done' AND id IN (SELECT wave_id FROM waiting_again) RETURNING campaign_id
),
campaigns_again AS (
    UPDATE campaigns SET status = 'running' WHERE status = 'finished' AND id IN (SELECT campaign_id FROM waves_again)
)
"""
# A try that was given up for lost and overtaken by another must not call that one back to the queue. What it refused goes on
# by another route, as it would have in time, unless its wave is over.
MOVE_LATE = f"""
WITH input AS (
    SELECT g.id, g.refund, m.attempts AS seen, taken.status AS claimed, CASE
        WHEN g.event IN ('not_sent', 'returned', 'rerouted', 'exhausted', 'lost')
            AND m.attempts + (taken.status IS NOT NULL)::int <> g.number THEN 'overtaken'
        WHEN g.event = 'rerouted' AND (
            c.status = 'cancelled' OR w.status = 'cancelled' OR dispatcher_now() >= w.closes_at
        ) THEN 'refused'
        ELSE g.event END AS event
    FROM unnest(%(ids)s::uuid[], %(events)s::text[], %(refunds)s::smallint[], %(numbers)s::smallint[])
        AS g (id, event, refund, number)
    JOIN stored_messages m ON m.id = g.id {CLAIM_OF}
    JOIN waves w ON w.id = m.wave_id JOIN campaigns c ON c.id = w.campaign_id
),
{move_sql(claims=True, refunds=True)},
{REOPENED}
SELECT array_agg(id) AS ids FROM moved WHERE now = 'queued'
"""
# Sent again under the same id. Only while the wave's time lasts, and never one that is on the suppression list by now (the
# claim sees to that).
RESEND = f"""
WITH input AS (
    SELECT m.id, 'resent' AS event
    FROM stored_messages m JOIN waves w ON w.id = m.wave_id JOIN campaigns c ON c.id = w.campaign_id
        JOIN batches b ON b.id = m.batch_id
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
    SELECT id, 'unsettled' AS event FROM stored_messages
    WHERE troubled AND status = 'uncertain' AND changed_at < dispatcher_now() - %(settle)s LIMIT 10000
),
{move_sql()}
SELECT count(*)::int AS n FROM moved
"""

CLOSE = f"""
WITH input AS (
    SELECT m.id, 'unsettled' AS event FROM stored_messages m JOIN waves w ON w.id = m.wave_id
    WHERE m.troubled AND m.status = 'uncertain' AND w.campaign_id = %(campaign)s
),
{move_sql()}
SELECT count(*)::int AS n FROM moved
"""

ERASED = f"""
WITH input AS (SELECT id, 'erased' AS event FROM unnest(%(ids)s::uuid[]) AS t (id)),
{move_sql()}
INSERT INTO attempts (message_id, number, route, started_at, ended_at, outcome, reason, code, segments)
SELECT m.id, moved.attempts, '', dispatcher_now(), dispatcher_now(), 'not_sent', 'the recipient was erased', 'erased', m.segments
FROM moved JOIN stored_messages m USING (id)
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """`remaining` of the lease; None when it is gone or sending is not allowed now. `ids` may be sent by us alone until then.

    `id` is None where there is nothing to send.
    """

    id: int | None
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


class Result(NamedTuple):
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
    """Commit the intent to send `ids`. `probing` passes a breaker that is open.

    Those who must not be texted may be moved in a transaction of their own: they are in no claim.
    """
    asked = {"batch": held.batch_id, "fence": held.fence, "probing": probing, "ids": array(ids)}
    row = await one(connection, CLAIM, {**asked, "first": min(ids), "last": max(ids), "count": len(ids)})
    if row.unwanted:
        await connection.execute(SUPPRESS, {"ids": row.unwanted})
    taken = () if row.claim is None else ids if row.some is None else row.some
    return Claim(row.claim, row.remaining, frozenset(taken))


async def fail_erased(connection: Connection, ids: Sequence[UUID]) -> None:
    """Their recipients are erased: there is nobody to send to."""
    await connection.execute(ERASED, {"ids": list(ids)})


async def record(
    connection: Connection,
    route: str,
    claim_id: int,
    results: Sequence[Result],
    exchanges: Sequence[StoredExchange],
) -> frozenset[UUID]:
    """Write exchanges, attempts and statuses, in the caller's transaction; answers which messages wait again by it.

    Where the claim has been given up for lost meanwhile, they may be fewer than the results say.
    """
    moving = [r for r in results if r.event != Event.ACCEPTED]
    times: dict[tuple[datetime, datetime], int] = {}  # a call's, for all of its messages
    places = [times.setdefault((r.started_at, r.ended_at), len(times) + 1) for r in results]
    accepted = array(sorted(r.id for r in results if r.event == Event.ACCEPTED)) if moving else None
    row = await one(
        connection,
        RECORD,
        {
            "claim": claim_id,
            "accepted": accepted,
            "route": route,
            "ids": array([r.id for r in results]),
            "numbers": array([r.number for r in results]),
            "times": array(places),
            "started": array(started for started, _ in times),
            "ended": array(ended for _, ended in times),
            "outcomes": array([r.outcome for r in results]),
            "references": array([r.reference for r in results]),
            "reasons": array([r.reason for r in results]),
            "codes": array([r.code for r in results]),
            "segments": array([r.segments for r in results]),
            "exchanges": array([r.exchange for r in results]),
            "exchange_started": array(e.started_at for e in exchanges),
            "elapsed": array(e.elapsed for e in exchanges),
            "http_statuses": array(e.http_status for e in exchanges),
            "requests": array(e.request for e in exchanges),
            "responses": array(e.response for e in exchanges),
        },
    )
    if row.ours:
        return await _move(connection, MOVE_RECORDED, moving)
    return await _move(connection, MOVE_LATE, results)


async def _move(connection: Connection, statement: str, results: Sequence[Result]) -> frozenset[UUID]:
    if not results:
        return frozenset()
    asked = {
        "ids": array(r.id for r in results),
        "events": array(r.event for r in results),
        "refunds": array(int(r.refund) for r in results),
        "numbers": array(r.number for r in results),
    }
    return frozenset((await one(connection, statement, asked)).ids or ())


async def recorded(connection: Connection, claim_id: int, message_id: UUID, number: int, started_at: datetime) -> bool:
    """Whether that very try is in the log. Whoever is writing it at this moment is waited for first."""
    await connection.execute("SELECT FROM claims WHERE id = %s FOR UPDATE", [claim_id])
    await connection.execute("SELECT FROM stored_messages WHERE id = %s FOR UPDATE", [message_id])
    row = await one(
        connection,
        "SELECT EXISTS (SELECT FROM attempts WHERE message_id = %s AND number = %s AND started_at = %s) AS yes",
        [message_id, number, started_at],
    )
    return bool(row.yes)


async def fold(connection: Connection, age_seconds: float, limit: int = 100) -> int:
    """Give messages of up to `limit` claims, answered so long ago, the status that they have had since; answers how many claims."""
    row = await one(connection, FOLD, {"age": timedelta(seconds=age_seconds), "limit": limit})
    return int(row.claims)


async def sweep_closed(connection: Connection) -> int:
    """Cancel or expire what has not left in waves that are cancelled or over; answers how many."""
    cursor = await connection.execute(CLOSED_WAVES)
    return await sweep(connection, [row.id async for row in cursor])


async def sweep(connection: Connection, wave_ids: Sequence[int]) -> int:
    """The same for the given waves, which are known to be cancelled or over."""
    if not wave_ids:
        return 0
    await connection.execute(CLOSE_BATCHES, {"waves": list(wave_ids)})
    row = await one(connection, SWEEP, {"waves": list(wave_ids)})
    return int(row.n)


async def cancel_on_route(connection: Connection, route: str) -> int:
    """Cancel what waits in the batches of a route, whatever its wave; answers how many messages."""
    cursor = await connection.execute(FENCE_OFF, {"route": route})
    row = await one(connection, CANCEL_ON_ROUTE, {"batches": [row.id async for row in cursor]})
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
