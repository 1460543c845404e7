"""Batches: what is due, who holds it, and what became of a holder that died."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.rows import args_row

from campaigns.campaign import Channel, Priority
from dispatcher.store.database import Connection, one
from dispatcher.store.moves import CLAIM_OF, move_sql
from providers.base import Filled

# Sendable now: the wave is open and not held, the campaign runs and its approval holds, the hour is allowed.
SENDABLE = """
w.status = 'sending' AND w.held IS NULL AND c.status = 'running' AND c.void IS NULL
AND dispatcher_now() >= w.opens_at AND dispatcher_now() < w.closes_at
AND (dispatcher_now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::time >= w.window_from
AND (dispatcher_now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::time < w.window_to
"""

# A route that is stopped gets nothing; one that is tripped gets one batch when it is time to try it.
# `requeue`: an id on the queue that nobody has taken for so long is taken for lost and put there again.
ENQUEUE_DUE = f"""
WITH under_way AS (
    SELECT b.route, w.priority, count(*) AS n FROM batches b JOIN waves w ON w.id = b.wave_id
    WHERE NOT b.done AND (b.leased_until > clock_timestamp() OR b.enqueued_at > clock_timestamp() - %(requeue)s)
    GROUP BY b.route, w.priority
),
stopped AS (
    SELECT route, bool_and(kind = 'tripped' AND probe_at <= clock_timestamp()) AS probing FROM route_stops GROUP BY route
),
due AS (
    SELECT b.id, b.route, w.priority, CASE WHEN s.probing THEN 1 ELSE %(per_route)s END AS most,
           row_number() OVER (PARTITION BY b.route, w.priority ORDER BY b.due_at, b.id) AS place
    FROM batches b JOIN waves w ON w.id = b.wave_id JOIN campaigns c ON c.id = w.campaign_id LEFT JOIN stopped s USING (route)
    WHERE NOT b.done AND b.due_at <= clock_timestamp() AND b.leased_until IS NULL
      AND (b.enqueued_at IS NULL OR b.enqueued_at <= clock_timestamp() - %(requeue)s)
      AND coalesce(s.probing, true)
      AND NOT EXISTS (SELECT FROM spent_caps r WHERE r.route = b.route AND r.ask_again_at > clock_timestamp())
      AND {SENDABLE}
)
UPDATE batches SET enqueued_at = clock_timestamp()
FROM due LEFT JOIN under_way USING (route, priority)
WHERE batches.id = due.id AND due.place + coalesce(under_way.n, 0) <= due.most
RETURNING batches.id, due.route, due.priority::text
"""

# A lease that ran out is not taken over: first the clock must call what its holder had under way uncertain. An id that was
# on the queue twice must not cut a retry's delay short.
LEASE = """
UPDATE batches SET fence = fence + 1, leased_until = clock_timestamp() + %(lease)s
WHERE id = %(batch)s AND NOT done AND leased_until IS NULL AND due_at <= clock_timestamp()
RETURNING id, wave_id, route, fence
"""

RELEASE = """
UPDATE batches b SET leased_until = NULL, enqueued_at = NULL, due_at = clock_timestamp() + %(delay)s,
    done = NOT EXISTS (
        SELECT FROM stored_messages m
        WHERE m.wave_id = b.wave_id AND m.batch_id = b.id AND m.status IN ('queued', 'retrying', 'sending')
          AND m.id NOT IN (SELECT unnest(k.ids) FROM claims k WHERE k.batch_id = %(batch)s AND k.answered_at IS NOT NULL)
    )
WHERE id = %(batch)s AND fence = %(fence)s
RETURNING done
"""

ABANDONED = """
SELECT id, wave_id FROM batches WHERE NOT done AND leased_until < clock_timestamp() ORDER BY id FOR UPDATE SKIP LOCKED
"""

# Answers that are being written at this moment are waited for.
OPEN_CLAIMS = "SELECT FROM claims WHERE batch_id = ANY(%s) AND answered_at IS NULL ORDER BY id FOR UPDATE"

# What a dead worker had under way: perhaps sent, perhaps not. Nobody knows, so nobody guesses. (No claim is older than the
# table of claims: before, it was the message itself that said `sending`.)
DISOWN = f"""
WITH dropped AS (
    DELETE FROM claims WHERE batch_id = ANY(%(batches)s) AND answered_at IS NULL RETURNING ids, claimed_at
),
input AS (
    SELECT m.id, 'lost' AS event, 'sending'::message_status AS claimed, m.attempts AS seen, d.claimed_at
    FROM dropped d CROSS JOIN unnest(d.ids) AS t (id) JOIN stored_messages m ON m.id = t.id
    UNION ALL
    SELECT m.id, 'lost', NULL, m.attempts, m.changed_at FROM stored_messages m
    WHERE m.status = 'sending' AND (m.wave_id, m.batch_id) IN (SELECT * FROM unnest(%(waves)s::int[], %(batches)s::bigint[]))
),
{move_sql(claims=True)},
logged AS (
    INSERT INTO attempts (message_id, number, route, started_at, ended_at, outcome, reason, code, segments)
    SELECT m.id, moved.attempts, b.route, i.claimed_at, dispatcher_now(), 'uncertain', 'the worker died while sending',
           'worker-lost', m.segments
    FROM moved JOIN input i USING (id) JOIN stored_messages m USING (id) JOIN batches b ON b.id = m.batch_id
)
SELECT count(*)::int AS n FROM moved
"""

# Not of a try that was given up for lost and then brought its answer all the same: refused.
DOUBTED = """(m.attempts > 0 AND EXISTS (
    SELECT FROM attempts a WHERE a.message_id = m.id AND a.outcome = 'uncertain' AND NOT EXISTS (
        SELECT FROM attempts later WHERE later.message_id = m.id AND later.number = a.number AND later.outcome = 'refused'
    )
))"""
# By a route that is not of its network, or takes longer lists only; Zalo's refusals prove nothing about networks.
REFUSED = """(m.attempts > 0 AND EXISTS (
    SELECT FROM attempts a
    WHERE a.message_id = m.id AND a.outcome = 'refused' AND split_part(a.reason, ':', 1) IN ('network', 'few')
))"""

OPEN_ROWS = f"""
SELECT m.id, m.msisdn_hash, coalesce(r.cipher, '') AS cipher, coalesce(r.key_id, '') AS key_id, m.text_id, m.segments,
       m.attempts, m.network, {DOUBTED} AS doubted, {REFUSED} AS rerouted
FROM stored_messages m LEFT JOIN recipients r USING (msisdn_hash)
WHERE m.wave_id = %(wave)s AND m.batch_id = %(batch)s AND m.status IN ('queued', 'retrying')
  AND m.id NOT IN (SELECT unnest(k.ids) FROM claims k WHERE k.batch_id = %(batch)s)
ORDER BY m.id
"""

# Messages that leave their batches for another route: one new batch for each batch that they leave and route that they go
# to. `leaving` must give (id, wave_id, batch_id, segments, route) of rows that the transaction holds locked.
_REBATCH = """
fresh AS (
    INSERT INTO batches (wave_id, route, size, segments, due_at, moved_from)
    SELECT wave_id, route, count(*), sum(segments), clock_timestamp(), batch_id FROM leaving GROUP BY wave_id, batch_id, route
    RETURNING id, route, moved_from
)
UPDATE stored_messages m SET batch_id = f.id, segments = l.segments
FROM leaving l JOIN fresh f ON f.moved_from = l.batch_id AND f.route = l.route WHERE m.id = l.id
"""

# Of whom an earlier try left a doubt stays where it was made: another carrier knows nothing of it and would send again.
_MAY_LEAVE = f"m.status IN ('queued', 'retrying') AND taken.status IS NULL AND NOT {DOUBTED}"

# Locked before they are looked at: what was sent of a batch a moment ago must not be sent once more.
CHOOSE = f"""
SELECT b.id FROM batches b JOIN waves w ON w.id = b.wave_id
WHERE b.route = %(route)s AND NOT b.done AND b.leased_until IS NULL AND w.channel = ANY(%(channels)s) AND EXISTS (
    SELECT FROM stored_messages m {CLAIM_OF}
    WHERE m.wave_id = b.wave_id AND m.batch_id = b.id AND m.network = ANY(%(networks)s) AND {_MAY_LEAVE}
)
ORDER BY b.id LIMIT %(limit)s FOR UPDATE OF b SKIP LOCKED
"""
HAND_OVER = f"""
WITH ways AS (
    SELECT * FROM unnest(%(networks)s::text[], %(routes)s::text[]) AS t (network, route)
),
leaving AS MATERIALIZED (
    SELECT m.id, m.wave_id, m.batch_id, CASE WHEN %(filled)s THEN 1 ELSE t.segments END AS segments, ways.route
    FROM batches b JOIN stored_messages m ON m.wave_id = b.wave_id AND m.batch_id = b.id JOIN ways USING (network)
        JOIN texts t ON t.id = m.text_id {CLAIM_OF}
    WHERE b.id = ANY(%(batches)s) AND {_MAY_LEAVE}
    ORDER BY m.id FOR UPDATE OF m
),
{_REBATCH}
"""

# One by one, as they are refused: they gather in a batch that nobody has had in hand yet, so that there are few. Such a batch
# is not closed for being empty: somebody may be putting messages into it at that moment.
GATHERING = "b.fence = 0 AND b.enqueued_at IS NULL AND b.leased_until IS NULL AND NOT b.done AND NOT b.closed"
REROUTE = f"""
WITH leaving AS MATERIALIZED (
    SELECT m.id, m.wave_id, m.batch_id, t.segments, g.route
    FROM unnest(%(ids)s::uuid[], %(routes)s::text[]) AS g (id, route) JOIN stored_messages m USING (id)
        JOIN texts t ON t.id = m.text_id
    WHERE m.status = 'queued' FOR UPDATE OF m
),
wanted AS MATERIALIZED (
    SELECT l.*, (
        SELECT b.id FROM batches b WHERE b.moved_from = l.batch_id AND b.route = l.route AND {GATHERING}
        ORDER BY b.id LIMIT 1 FOR UPDATE SKIP LOCKED
    ) AS id
    FROM (
        SELECT wave_id, batch_id, route, count(*) AS n, sum(segments) AS segments FROM leaving GROUP BY wave_id, batch_id, route
    ) AS l
),
grown AS (
    UPDATE batches b SET size = b.size + w.n, segments = b.segments + w.segments FROM wanted w WHERE b.id = w.id
    RETURNING b.id, b.route, b.moved_from
),
fresh AS (
    INSERT INTO batches (wave_id, route, size, segments, due_at, moved_from)
    SELECT wave_id, route, n, segments, clock_timestamp(), batch_id FROM wanted WHERE id IS NULL
    RETURNING id, route, moved_from
)
UPDATE stored_messages m SET batch_id = f.id, segments = l.segments
FROM leaving l JOIN (SELECT * FROM grown UNION ALL SELECT * FROM fresh) AS f ON f.moved_from = l.batch_id AND f.route = l.route
WHERE m.id = l.id
"""

# A route that was not there when the wave was planned.
FILLED_TOO = """
UPDATE waves w SET filled = w.filled || new.routes
FROM (
    SELECT w.id, array_agg(DISTINCT r.route) AS routes FROM batches b JOIN waves w ON w.id = b.wave_id
    CROSS JOIN unnest(%(routes)s::text[]) AS r (route)
    WHERE b.id = ANY(%(batches)s) AND r.route <> ALL(w.filled) GROUP BY w.id
) AS new WHERE w.id = new.id
"""

# Asked batch by batch (`OFFSET 0`): the first message that waits is enough. Otherwise PostgreSQL, which takes claims for few, may
# look at every message of a wave for its claim first.
CLOSE_FINISHED = f"""
UPDATE batches b SET done = true
WHERE NOT done AND leased_until IS NULL AND (fence > 0 OR closed OR moved_from IS NULL) AND NOT EXISTS (
    SELECT FROM stored_messages m {CLAIM_OF}
    WHERE m.wave_id = b.wave_id AND m.batch_id = b.id AND m.status IN ('queued', 'retrying', 'sending')
      AND taken.status IS DISTINCT FROM 'submitted'
    OFFSET 0
)
"""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to send a batch, until it runs out; `fence` tells it from every earlier and later one.

    `channel` and `wait_seconds` are the wave's.
    """

    batch_id: int
    wave_id: int
    route: str
    fence: int
    priority: Priority
    channel: Channel = Channel.SMS
    wait_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Due:
    """A batch to be put on the queue."""

    id: int
    route: str
    priority: Priority


class Row(NamedTuple):
    """One message of a batch that is still to be sent; without `cipher` when its recipient has been erased.

    `doubted`: an earlier try may have been taken, nobody knows. `rerouted`: an earlier route refused it for its network.
    """

    id: UUID
    msisdn_hash: bytes
    cipher: bytes
    key_id: str
    text_id: int
    segments: int
    attempts: int
    network: str
    doubted: bool
    rerouted: bool


@dataclass(frozen=True, slots=True)
class StoredText:
    """`filled`: what stands for it on Zalo, None where nothing does."""

    body: str
    encoding: str
    segments: int
    filled: Filled | None = None


@dataclass(frozen=True, slots=True)
class Ways:
    """Where messages may go instead: network -> route. `channels`: of waves with these policies only; `filled`: templates."""

    routes: Mapping[str, str]
    channels: tuple[Channel, ...] = tuple(Channel)
    filled: bool = False


async def enqueue_due(connection: Connection, *, requeue_seconds: float, per_route: int) -> list[Due]:
    """Mark what is due as enqueued, at most `per_route` under way on each route for each priority; answer it in order."""
    cursor = await connection.execute(
        ENQUEUE_DUE, {"requeue": timedelta(seconds=requeue_seconds), "per_route": per_route}
    )
    found = [Due(row.id, row.route, Priority(row.priority)) async for row in cursor]
    return sorted(found, key=lambda due: due.id)


async def unmark(connection: Connection, ids: Sequence[int]) -> None:
    """These are not on the queue after all, unless somebody has taken them from there already."""
    await connection.execute(
        "UPDATE batches SET enqueued_at = NULL WHERE id = ANY(%s) AND leased_until IS NULL", [list(ids)]
    )


async def lease(connection: Connection, batch_id: int, seconds: float) -> Lease | None:
    """Take the batch, or None when it is done or somebody else holds it."""
    cursor = await connection.execute(LEASE, {"batch": batch_id, "lease": timedelta(seconds=seconds)})
    row = await cursor.fetchone()
    if row is None:
        return None
    wave = await one(connection, "SELECT priority::text, channel, wait_seconds FROM waves WHERE id = %s", [row.wave_id])
    return Lease(
        row.id, row.wave_id, row.route, row.fence, Priority(wave.priority), Channel(wave.channel), wave.wait_seconds
    )


async def prolong(connection: Connection, held: Lease, seconds: float) -> None:
    """Keep the batch for so long from now, if it is still ours."""
    await connection.execute(
        "UPDATE batches SET leased_until = clock_timestamp() + %s WHERE id = %s AND fence = %s AND leased_until IS NOT NULL",
        [timedelta(seconds=seconds), held.batch_id, held.fence],
    )


async def release(connection: Connection, held: Lease, delay_seconds: float) -> bool:
    """Give the batch back, due again after the delay; answers whether it is done."""
    cursor = await connection.execute(
        RELEASE, {"batch": held.batch_id, "fence": held.fence, "delay": timedelta(seconds=delay_seconds)}
    )
    row = await cursor.fetchone()
    return bool(row and row.done)


async def open_rows(connection: Connection, held: Lease) -> list[Row]:
    """The messages of the batch that wait to be sent, in the order of their ids."""
    async with connection.cursor(row_factory=args_row(Row), binary=True) as cursor:
        await cursor.execute(OPEN_ROWS, {"wave": held.wave_id, "batch": held.batch_id})
        return await cursor.fetchall()


async def texts(connection: Connection, ids: Sequence[int]) -> dict[int, StoredText]:
    cursor = await connection.execute(
        "SELECT id, body, encoding, segments, template, parameters FROM texts WHERE id = ANY(%s)", [list(ids)]
    )
    return {row.id: StoredText(row.body, row.encoding, row.segments, _filled(row)) async for row in cursor}


def _filled(row: Any) -> Filled | None:
    return Filled(row.template, row.parameters) if row.template else None


async def hand_over(connection: Connection, route: str, ways: Ways, limit: int) -> int:
    """Move what waits in up to `limit` batches of a route to other ones; answers how many messages."""
    networks = list(ways.routes)
    asked = {"route": route, "networks": networks, "limit": limit, "channels": [one.value for one in ways.channels]}
    cursor = await connection.execute(CHOOSE, asked)
    if not (chosen := [row.id async for row in cursor]):
        return 0
    onward = {"networks": networks, "routes": list(ways.routes.values()), "filled": ways.filled}
    cursor = await connection.execute(HAND_OVER, {**onward, "batches": chosen})
    if ways.filled:
        await connection.execute(FILLED_TOO, {**onward, "batches": chosen})
    return cursor.rowcount


async def reroute(connection: Connection, ways: Mapping[UUID, str]) -> None:
    """Move messages to the routes given, in batches of their own: only what the caller's transaction has just queued again."""
    await connection.execute(REROUTE, {"ids": list(ways), "routes": list(ways.values())})


async def disown_abandoned(connection: Connection) -> int:
    """Batches whose holder let the lease run out become due again; what was under way becomes uncertain."""
    cursor = await connection.execute(ABANDONED)
    rows = await cursor.fetchall()
    if not rows:
        return 0
    ids = [row.id for row in rows]
    await connection.execute(OPEN_CLAIMS, [ids])
    row = await one(connection, DISOWN, {"waves": [row.wave_id for row in rows], "batches": ids})
    lost = int(row.n)
    await connection.execute(
        "UPDATE batches SET leased_until = NULL, enqueued_at = NULL, fence = fence + 1 WHERE id = ANY(%s)", [ids]
    )
    return lost


async def disown_all(connection: Connection) -> int:
    """The same for every batch, at once: whoever held one did so in another life of the installation."""
    await connection.execute(
        "UPDATE batches SET leased_until = CASE WHEN leased_until IS NOT NULL THEN clock_timestamp() - interval '1 s' END,"
        " enqueued_at = NULL WHERE NOT done AND (leased_until IS NOT NULL OR enqueued_at IS NOT NULL)"
    )
    return await disown_abandoned(connection)


async def close_finished(connection: Connection) -> None:
    """Batches without anything left to send are done, however that came about (cancelled, expired, a late verdict)."""
    await connection.execute(CLOSE_FINISHED)
