"""A wave's audience becomes stored messages and batches, a slice at a time, inside PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from psycopg.types.json import Jsonb

from dispatcher.settings import FOLLOWERS
from dispatcher.store.audiences import CHOSEN
from dispatcher.store.campaigns import StoredWave
from dispatcher.store.database import Connection, one
from dispatcher.store.suppressions import REFUSES

SLICE = 50_000
HOUR = timedelta(hours=1)
REFUSED = REFUSES.format(message_class="%(message_class)s", topics="%(topics)s::text[]")

# Batches of a route are alike in size: a carrier that takes no fewer than so many numbers must not meet a small last one.
# One statement plans one slice: who, over which route, in which batch, with which text; the counters and the cursor
# move with it. The cursor is checked under the wave's lock, so a slice is planned once, whoever asks how often.
# `way` numbers the routes, 0 for none: people are sorted by it, and by words that are all alike that took twice as long.
PLAN_SLICE = """
WITH routes AS (
    SELECT network, route, min(place) OVER (PARTITION BY route)::int AS way
    FROM unnest(%(networks)s::text[], %(routes)s::text[]) WITH ORDINALITY AS t (network, route, place)
),
{full_already},
person AS MATERIALIZED (
    SELECT coalesce(route.way, other.way, 0) AS served, a.n, a.msisdn_hash, a.area_code, a.group_name, r.network,
           coalesce(own.id, common.id) AS text_id, coalesce(route.route, other.route) AS route,
           CASE WHEN coalesce(route.route, other.route) = ANY(%(filled)s::text[]) THEN 1
                ELSE coalesce(own.segments, common.segments) END AS segments,
           CASE WHEN EXISTS (
               SELECT FROM suppressions s
               WHERE s.organisation_id = %(organisation)s AND s.msisdn_hash = a.msisdn_hash
                 AND {refuses}
           ) THEN 'suppressed' WHEN f.msisdn_hash IS NOT NULL THEN 'capped' END AS left_out
    FROM audience_members a
    JOIN recipients r USING (msisdn_hash)
    LEFT JOIN full_already f USING (msisdn_hash)
    LEFT JOIN texts spoken ON spoken.wave_id = %(wave)s AND spoken.area_code IS NULL AND spoken.language = a.language
    LEFT JOIN texts own ON own.wave_id = %(wave)s AND own.area_code = a.area_code
        AND own.language = coalesce(spoken.language, '')
    LEFT JOIN texts common ON common.wave_id = %(wave)s AND common.area_code IS NULL
        AND common.language = coalesce(spoken.language, '')
    LEFT JOIN routes route ON route.network = r.network
    LEFT JOIN routes other ON other.network = '*' AND r.network <> %(followers)s
    WHERE a.audience_id = %(audience)s AND a.n > %(after)s AND a.n <= %(up_to)s AND {chosen}
),
placed AS (
    SELECT person.*, CASE WHEN left_out IS NOT NULL OR route IS NULL THEN NULL ELSE
        %(after)s + ((row_number() OVER (PARTITION BY way ORDER BY n)) - 1)
            * ((count(*) OVER (PARTITION BY way) + %(batch_size)s - 1) / %(batch_size)s)
            / count(*) OVER (PARTITION BY way) END AS ordinal
    FROM (SELECT CASE WHEN left_out IS NULL THEN served ELSE 0 END AS way, * FROM person) AS person
),
new_batches AS (
    INSERT INTO batches (wave_id, route, ordinal, size, segments, due_at)
    SELECT %(wave)s, route, ordinal, count(*), sum(segments), clock_timestamp()
    FROM placed WHERE ordinal IS NOT NULL GROUP BY route, ordinal
    RETURNING id, route, ordinal
),
-- Picked out of an array, and not joined: without statistics that is a loop over all batches for each person.
numbered AS MATERIALIZED (SELECT route, array_agg(id ORDER BY ordinal) AS ids FROM new_batches GROUP BY route),
new_messages AS (
    INSERT INTO stored_messages (id, wave_id, batch_id, msisdn_hash, text_id, segments, status, changed_at, network, area_code,
                          group_name)
    SELECT message_id(%(uid)s, p.msisdn_hash), %(wave)s, b.ids[p.ordinal - %(after)s + 1], p.msisdn_hash, p.text_id, p.segments,
           CASE WHEN p.left_out IS NOT NULL THEN 'suppressed' WHEN p.route IS NULL THEN 'failed' ELSE 'queued' END::message_status,
           (SELECT dispatcher_now()), p.network, p.area_code, p.group_name
    FROM placed p LEFT JOIN numbered b ON b.route = p.route
    RETURNING id, status, segments
),
unrouted AS (
    INSERT INTO attempts (message_id, number, route, started_at, ended_at, outcome, reason, code, segments)
    SELECT id, 0, '', dispatcher_now(), dispatcher_now(), 'not_sent', 'no route serves this network', 'no-route', segments
    FROM new_messages WHERE status = 'failed'
),
-- Not joined with new_messages: without statistics of either that is a loop within a loop over the whole slice.
over_the_cap AS (
    INSERT INTO attempts (message_id, number, route, started_at, ended_at, outcome, reason, code, segments)
    SELECT message_id(%(uid)s, p.msisdn_hash), 0, '', now, now, 'not_sent', %(cap_reason)s, 'frequency-cap', p.segments
    FROM placed p, (SELECT dispatcher_now() AS now) AS clock WHERE p.left_out = 'capped'
),
counted AS (
    INSERT INTO status_deltas (wave_id, status, n) SELECT %(wave)s, status, count(*) FROM new_messages GROUP BY status
)
UPDATE waves SET expanded_to = %(up_to)s, filled = %(filled)s,
    planned = planned + (SELECT count(*) FROM new_messages),
    segments = waves.segments + (SELECT coalesce(sum(segments), 0) FROM new_messages)
WHERE id = %(wave)s AND expanded_to = %(after)s
RETURNING planned
"""

# People of the slice who have had as many messages of other waves since, or still have them coming. The id of a message
# follows from wave and person: no index by person is needed. One delivered late counts from the end of its wave.
FULL = """
full_already AS (
    SELECT had.msisdn_hash FROM (
        SELECT a.msisdn_hash, o.closes_at, message_id(o.uid, a.msisdn_hash) AS id
        FROM audience_members a, unnest(%(others)s::uuid[], %(closing)s::timestamptz[]) AS o (uid, closes_at)
        WHERE a.audience_id = %(audience)s AND a.n > %(after)s AND a.n <= %(up_to)s
    ) AS had JOIN stored_messages m ON m.id = had.id
    WHERE m.status NOT IN ('suppressed', 'cancelled', 'expired', 'failed', 'rejected')
      AND (m.status IN ('queued', 'retrying', 'sending') OR least(m.changed_at, had.closes_at) > %(since)s)
    GROUP BY had.msisdn_hash HAVING count(*) >= %(most)s
)"""
NOBODY_FULL = "full_already AS (SELECT NULL::bytea AS msisdn_hash WHERE false)"

# Two waves of a class are planned one slice after the other: neither may overlook what the other has just planned.
ALLOWANCE_LOCK = "SELECT pg_advisory_xact_lock(hashtext('frequency-cap'), hashtext(%s))"
OTHERS = """
SELECT dispatcher_now() - %(within)s AS since, array_agg(o.uid) AS uids, array_agg(o.closes_at) AS closing
FROM waves w JOIN campaigns c ON c.id = w.campaign_id
    JOIN campaigns like_it ON like_it.organisation_id = c.organisation_id AND like_it.message_class = c.message_class
    JOIN waves o ON o.campaign_id = like_it.id AND o.id <> w.id AND o.expanded_to > 0
WHERE w.id = %(wave)s AND o.closes_at > (SELECT dispatcher_now()) - %(within)s
"""


@dataclass(frozen=True, slots=True)
class Allowance:
    """At most `most` messages of a class to a person in any stretch of `within`; None = no such limit.

    Whoever refused the class, or one of `topics`, is left out.
    """

    message_class: str
    most: int | None
    within: timedelta
    topics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewText:
    area_code: str | None
    body: str
    encoding: str
    segments: int
    language: str
    template: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a wave is planned: members done of members in all."""

    done: int
    total: int


async def put_texts(connection: Connection, wave_id: int, texts: Sequence[NewText]) -> None:
    """Store what the wave says, one row for each different text; those that are there already stay."""
    await connection.execute(
        "INSERT INTO texts (wave_id, area_code, body, encoding, segments, language, template, parameters)"
        " SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::text[], %s::smallint[], %s::text[], %s::text[], %s::jsonb[])"
        " ON CONFLICT DO NOTHING",
        [
            wave_id,
            [t.area_code for t in texts],
            [t.body for t in texts],
            [t.encoding for t in texts],
            [t.segments for t in texts],
            [t.language for t in texts],
            [t.template for t in texts],
            [Jsonb(dict(t.parameters)) if t.template else None for t in texts],
        ],
    )


async def plan_slice(
    connection: Connection,
    wave: StoredWave,
    routes: Mapping[str, str],
    batch_size: int,
    allowed: Allowance,
    filled: Sequence[str] = (),
) -> Progress:
    """Plan the next slice of the wave, which the caller's transaction holds locked and knows to be expanding.

    `routes` is network -> route name; `*` stands for every network not named. On routes `filled` a message is one segment.
    Whoever has had all that is allowed is left out.
    """
    at = await one(
        connection,
        "SELECT w.expanded_to, a.recipients, a.organisation_id FROM waves w JOIN audiences a ON a.id = w.audience_id"
        " WHERE w.id = %s",
        [wave.id],
    )
    up_to = min(at.expanded_to + SLICE, at.recipients)
    if up_to > at.expanded_to:
        counted = await _counted(connection, wave.id, allowed)
        arguments = {
            **counted,
            **wave.selection.parameters(),
            "message_class": allowed.message_class,
            "topics": list(allowed.topics),
            "cap_reason": f"already {allowed.most} messages of this class within {allowed.within / HOUR:g} hours",
            "wave": wave.id,
            "uid": wave.uid,
            "audience": wave.audience_id,
            "organisation": at.organisation_id,
            "after": at.expanded_to,
            "up_to": up_to,
            "networks": list(routes),
            "routes": list(routes.values()),
            "filled": list(filled),
            "followers": FOLLOWERS,
            "batch_size": batch_size,
        }
        await connection.execute(slice_statement(counting=bool(counted)), arguments)
    return Progress(up_to, at.recipients)


def slice_statement(*, counting: bool) -> str:
    """Plans a slice; `counting`: what people have had of other waves."""
    return PLAN_SLICE.format(full_already=FULL if counting else NOBODY_FULL, chosen=CHOSEN, refuses=REFUSED)


async def _counted(connection: Connection, wave_id: int, allowed: Allowance) -> dict[str, Any]:
    """What `FULL` asks for; empty where so few other waves are near that nobody can have had them all."""
    if allowed.most is None:
        return {}
    await connection.execute(ALLOWANCE_LOCK, [allowed.message_class])
    near = await one(connection, OTHERS, {"wave": wave_id, "within": allowed.within})
    if len(near.uids or ()) < allowed.most:
        return {}
    return {"others": near.uids, "closing": near.closing, "since": near.since, "most": allowed.most}


async def refresh_statistics(connection: Connection) -> None:
    """After a bulk load PostgreSQL plans with stale figures: it would read a whole table for each batch.

    Left out for a table that is being analysed now: an alert does not wait for the wave before it.
    """
    await connection.execute("SELECT refresh_statistics()")
