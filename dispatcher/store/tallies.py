"""Messages counted by day, route, commune, status and error: kept a wave at a time, so that nobody counts when asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from dispatcher.store.database import Connection, one
from dispatcher.store.search import FAULT, ROUTE, Wanted

# The first and the last day that are asked about, both included; None: no such end.
Days = tuple[date | None, date | None]

# A wave that goes on changing is counted at most so often, and in at most a fiftieth of the time.
PAUSE = timedelta(seconds=10)
SHARE = 50

DUE = """
SELECT wave_id, moved FROM tallied
WHERE moved <> counted AND (at IS NULL OR at < clock_timestamp() - greatest(%(pause)s, %(share)s * took))
ORDER BY at NULLS FIRST, wave_id LIMIT 1
"""
COUNT = f"""
WITH cells AS (
    INSERT INTO tallies (wave_id, day, route, area_code, status, code, n, segments)
    SELECT m.wave_id, (coalesce(taken.since, m.changed_at) AT TIME ZONE 'Asia/Ho_Chi_Minh')::date, coalesce(b.route, ''),
           coalesce(m.area_code, ''), coalesce(taken.status, m.status), coalesce(fault.code, ''), count(*), sum(m.segments)
    FROM stored_messages m LEFT JOIN (
        SELECT unnest(ids) AS id, CASE WHEN answered_at IS NULL THEN 'sending'::message_status ELSE 'submitted' END AS status,
               coalesce(answered_at, claimed_at) AS since
        FROM claims WHERE wave_id = %(wave)s
    ) AS taken ON taken.id = m.id AND m.status IN ('queued', 'retrying')
    {ROUTE} {FAULT}
    WHERE m.wave_id = %(wave)s GROUP BY 1, 2, 3, 4, 5, 6
    RETURNING *
)
INSERT INTO tallies (wave_id, day, route, status, code, n, segments)
SELECT wave_id, day, route, status, code, sum(n), sum(segments) FROM cells GROUP BY 1, 2, 3, 4, 5
"""
COUNTED = """
UPDATE tallied SET counted = %(moved)s, at = %(at)s, took = clock_timestamp() - %(at)s,
    last_day = (SELECT max(day) FROM tallies WHERE wave_id = %(wave)s)
WHERE wave_id = %(wave)s
"""

TOTAL = """
SELECT coalesce(sum(n), 0)::bigint AS n FROM tallies
WHERE wave_id = ANY(%(waves)s) AND (%(statuses)s::message_status[] = '{}' OR status = ANY(%(statuses)s::message_status[]))
  AND (%(route)s::text IS NULL OR route = %(route)s) AND (%(code)s::text IS NULL OR code = %(code)s)
  AND (%(first)s::date IS NULL OR day >= %(first)s) AND (%(last)s::date IS NULL OR day <= %(last)s) AND
"""
EVERYWHERE, THERE = "area_code IS NULL", "area_code = ANY(%(areas)s::text[])"
# A wave that was never counted has no time, and then nobody can say.
AGE = """
SELECT count(*) FILTER (WHERE t.at IS NULL)::int AS unknown, min(t.at) FILTER (WHERE t.moved <> t.counted) AS at
FROM unnest(%(waves)s::int[]) AS w (id) LEFT JOIN tallied t ON t.wave_id = w.id
"""


@dataclass(frozen=True, slots=True)
class Count:
    """`n` messages, as of `at`; now, where that is None."""

    n: int
    at: datetime | None


async def refresh(connection: Connection) -> int | None:
    """Count the wave that most needs it, in the caller's transaction; answers which, None where none does.

    What moves meanwhile is seen by the next count: the wave stands as counted only as far as it had moved before this one.
    """
    cursor = await connection.execute(DUE, {"pause": PAUSE, "share": SHARE})
    due = await cursor.fetchone()
    if due is None:
        return None
    began = (await one(connection, "SELECT clock_timestamp() AS at")).at
    await connection.execute("DELETE FROM tallies WHERE wave_id = %s", [due.wave_id])
    await connection.execute(COUNT, {"wave": due.wave_id})
    await connection.execute(COUNTED, {"wave": due.wave_id, "moved": due.moved, "at": began})
    return int(due.wave_id)


async def count(connection: Connection, waves: Sequence[int], wanted: Wanted, days: Days) -> Count | None:
    """How many such messages the tallies hold; None as long as one of the waves has never been counted."""
    age = await one(connection, AGE, {"waves": list(waves)})
    if age.unknown:
        return None
    asked = {
        "route": wanted.route,
        "areas": sorted(wanted.areas),
        "code": wanted.code,
        "statuses": sorted(wanted.statuses),
    }
    row = await one(
        connection,
        TOTAL + (THERE if wanted.areas else EVERYWHERE),
        {**asked, "waves": list(waves), "first": days[0], "last": days[1]},
    )
    return Count(row.n, age.at)
