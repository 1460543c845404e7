"""What counts against a route's caps, and the routes that have used theirs up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from dispatcher.store.database import Connection, one

# Hosts write the time of an answer by their own clocks: what ended so shortly before counts too.
GUARD = timedelta(seconds=5)

# In one snapshot: a message is `sending` or has its attempt, never both, never neither.
SPENT = """
WITH logged AS (
    SELECT segments, ended_at - (SELECT coalesce(rehearsal_offset, interval '0') FROM installation) AS ended_at FROM attempts
    WHERE route = %(route)s AND outcome <> 'not_sent'
      AND ended_at >= %(day)s + (SELECT coalesce(rehearsal_offset, interval '0') FROM installation)
),
under_way AS (
    SELECT coalesce(sum(m.segments), 0) AS n
    FROM batches b JOIN messages m ON m.wave_id = b.wave_id AND m.batch_id = b.id AND m.status = 'sending'
    WHERE b.route = %(route)s AND NOT b.done AND b.leased_until IS NOT NULL
)
SELECT (coalesce(sum(segments) FILTER (WHERE ended_at >= %(hour)s), 0) + (SELECT n FROM under_way))::bigint AS hour,
       (coalesce(sum(segments), 0) + (SELECT n FROM under_way))::bigint AS day
FROM logged
"""


@dataclass(frozen=True, slots=True)
class Spent:
    """Segments of a route that may have reached its carrier, in this hour and on this day."""

    hour: int
    day: int


@dataclass(frozen=True, slots=True)
class Rest:
    """A cap ("hour", "day") that is used up, and the moment, in dispatcher time, in which it begins anew."""

    cap: str
    until: datetime


async def spent(connection: Connection, route: str, hour: datetime, day: datetime) -> Spent:
    """What counts since the hour and the day began, in real time, with everything that is on its way now."""
    row = await one(connection, SPENT, {"route": route, "hour": hour - GUARD, "day": day - GUARD})
    return Spent(row.hour, row.day)


async def rest(connection: Connection, route: str, cap: str, seconds: float, ask_again_seconds: float) -> None:
    """No batch of the route is due before `ask_again_seconds` are over; its cap begins anew after `seconds`."""
    await connection.execute(
        "INSERT INTO spent_caps VALUES (%s, %s, clock_timestamp() + %s, clock_timestamp() + %s)"
        " ON CONFLICT (route) DO UPDATE SET cap = EXCLUDED.cap, ask_again_at = EXCLUDED.ask_again_at, until = EXCLUDED.until",
        [route, cap, timedelta(seconds=min(seconds, ask_again_seconds)), timedelta(seconds=seconds)],
    )


async def rests(connection: Connection) -> dict[str, Rest]:
    """route -> the cap that it waits for, of routes that are not to ask again yet."""
    cursor = await connection.execute(
        "SELECT route, cap, dispatcher_now() + (until - clock_timestamp()) AS until FROM spent_caps"
        " WHERE ask_again_at > clock_timestamp()"
    )
    return {row.route: Rest(row.cap, row.until) async for row in cursor}
