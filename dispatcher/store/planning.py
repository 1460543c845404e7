"""A wave's audience becomes stored messages and batches, a slice at a time, inside PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dispatcher.store.campaigns import StoredWave
from dispatcher.store.database import Connection, one

SLICE = 50_000

# One statement plans one slice: who, over which route, in which batch, with which text; the counters and the cursor
# move with it. The cursor is checked under the wave's lock, so a slice is planned once, whoever asks how often.
PLAN_SLICE = """
WITH routes AS (
    SELECT * FROM unnest(%(networks)s::text[], %(routes)s::text[]) AS t (network, route)
),
person AS (
    SELECT a.n, a.msisdn_hash, a.area_code, a.group_name, r.network,
           coalesce(own.id, common.id) AS text_id, coalesce(own.segments, common.segments) AS segments,
           coalesce(route.route, other.route) AS route,
           EXISTS (
               SELECT FROM suppressions s
               WHERE s.organisation_id = %(organisation)s AND s.msisdn_hash = a.msisdn_hash
           ) AS suppressed
    FROM audience_members a
    JOIN recipients r USING (msisdn_hash)
    LEFT JOIN texts own ON own.wave_id = %(wave)s AND own.area_code = a.area_code
    LEFT JOIN texts common ON common.wave_id = %(wave)s AND common.area_code IS NULL
    LEFT JOIN routes route ON route.network = r.network
    LEFT JOIN routes other ON other.network = '*'
    WHERE a.audience_id = %(audience)s AND a.n > %(after)s AND a.n <= %(up_to)s
),
placed AS (
    SELECT person.*, CASE WHEN suppressed OR route IS NULL THEN NULL ELSE
        %(after)s + ((row_number() OVER (PARTITION BY suppressed, route ORDER BY n)) - 1) / %(batch_size)s END AS ordinal
    FROM person
),
new_batches AS (
    INSERT INTO batches (wave_id, route, ordinal, size, segments, due_at)
    SELECT %(wave)s, route, ordinal, count(*), sum(segments), clock_timestamp()
    FROM placed WHERE ordinal IS NOT NULL GROUP BY route, ordinal
    RETURNING id, route, ordinal
),
new_messages AS (
    INSERT INTO messages (id, wave_id, batch_id, msisdn_hash, text_id, segments, status, changed_at, network, area_code,
                          group_name)
    SELECT message_id(%(uid)s, p.msisdn_hash), %(wave)s, b.id, p.msisdn_hash, p.text_id, p.segments,
           CASE WHEN p.suppressed THEN 'suppressed' WHEN p.route IS NULL THEN 'failed' ELSE 'queued' END::message_status,
           (SELECT dispatcher_now()), p.network, p.area_code, p.group_name
    FROM placed p LEFT JOIN new_batches b ON b.route = p.route AND b.ordinal = p.ordinal
    ORDER BY b.id, p.n
    RETURNING id, status, segments
),
unrouted AS (
    INSERT INTO attempts (message_id, number, route, started_at, ended_at, outcome, reason, code, segments)
    SELECT id, 0, '', dispatcher_now(), dispatcher_now(), 'not_sent', 'no route serves this network', 'no-route', segments
    FROM new_messages WHERE status = 'failed'
),
counted AS (
    INSERT INTO status_deltas (wave_id, status, n) SELECT %(wave)s, status, count(*) FROM new_messages GROUP BY status
)
UPDATE waves SET expanded_to = %(up_to)s,
    planned = planned + (SELECT count(*) FROM new_messages),
    segments = waves.segments + (SELECT coalesce(sum(segments), 0) FROM new_messages)
WHERE id = %(wave)s AND expanded_to = %(after)s
RETURNING planned
"""


@dataclass(frozen=True, slots=True)
class NewText:
    area_code: str | None
    body: str
    encoding: str
    segments: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a wave is planned: members done of members in all."""

    done: int
    total: int


async def put_texts(connection: Connection, wave_id: int, texts: Sequence[NewText]) -> None:
    """Store what the wave says, one row for each different text; those that are there already stay."""
    await connection.execute(
        "INSERT INTO texts (wave_id, area_code, body, encoding, segments)"
        " SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::text[], %s::smallint[]) ON CONFLICT DO NOTHING",
        [
            wave_id,
            [t.area_code for t in texts],
            [t.body for t in texts],
            [t.encoding for t in texts],
            [t.segments for t in texts],
        ],
    )


async def plan_slice(connection: Connection, wave: StoredWave, routes: Mapping[str, str], batch_size: int) -> Progress:
    """Plan the next slice of the wave, which the caller's transaction holds locked and knows to be expanding.

    `routes` is network -> route name; `*` stands for every network not named.
    """
    at = await one(
        connection,
        "SELECT w.expanded_to, a.recipients, a.organisation_id FROM waves w JOIN audiences a ON a.id = w.audience_id"
        " WHERE w.id = %s",
        [wave.id],
    )
    up_to = min(at.expanded_to + SLICE, at.recipients)
    if up_to > at.expanded_to:
        await connection.execute(
            PLAN_SLICE,
            {
                "wave": wave.id,
                "uid": wave.uid,
                "audience": wave.audience_id,
                "organisation": at.organisation_id,
                "after": at.expanded_to,
                "up_to": up_to,
                "networks": list(routes),
                "routes": list(routes.values()),
                "batch_size": batch_size,
            },
        )
    return Progress(up_to, at.recipients)


async def refresh_statistics(connection: Connection) -> None:
    """After a bulk load PostgreSQL plans with stale figures: it would read a whole table for each batch.

    Left out for a table that is being analysed now: an alert does not wait for the wave before it.
    """
    await connection.execute("ANALYZE (SKIP_LOCKED) messages, batches")
