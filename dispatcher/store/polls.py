"""Receipts that carriers give only when asked: by the id of a call, or as a day's list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from dispatcher.store.database import Connection, one
from dispatcher.store.lookups import Doubt

# Asked after so long, then after twice as long, and so on up to the longest; carriers forget after about a week.
FIRST = timedelta(seconds=60)
LONGEST = timedelta(hours=1)
FORGOTTEN = timedelta(days=7)
# A day's list is asked for on the morning after and once more on the next, for what came late; again after a failure.
TIMES = 2
AGAIN = timedelta(hours=1)

PUT = """
INSERT INTO polls (route, reference, since, due_at)
SELECT %(route)s, reference, dispatcher_now(), dispatcher_now() + %(first)s
FROM unnest(%(references)s::text[]) AS t (reference) ON CONFLICT DO NOTHING
"""
DUE = "SELECT DISTINCT route FROM polls WHERE route = ANY(%(routes)s) AND due_at <= dispatcher_now()"

# Marked before they are asked about: another worker takes others.
TAKE = """
UPDATE polls SET asked = asked + 1, due_at = dispatcher_now() + least(%(first)s * 2 ^ least(asked + 1, 20), %(longest)s)
WHERE route = %(route)s AND reference IN (
    SELECT reference FROM polls WHERE route = %(route)s AND due_at <= dispatcher_now()
    ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
RETURNING reference
"""
WAITING = """
SELECT m.id, a.number, m.msisdn_hash, r.cipher, r.key_id, t.body AS text, a.started_at AS since, a.ended_at AS until, a.reference
FROM attempts a JOIN messages m ON m.id = a.message_id JOIN recipients r USING (msisdn_hash) JOIN texts t ON t.id = m.text_id
WHERE a.reference = ANY(%(references)s) AND a.route = %(route)s AND m.status IN ('submitted', 'uncertain') AND r.cipher IS NOT NULL
"""
FORGET = """
DELETE FROM polls p WHERE route = %(route)s AND reference = ANY(%(references)s) AND (
    since < dispatcher_now() - %(forgotten)s OR NOT EXISTS (
        SELECT FROM attempts a JOIN messages m ON m.id = a.message_id
        WHERE a.reference = p.reference AND a.route = p.route AND m.status IN ('submitted', 'uncertain')
    )
)
"""

DAYS_DUE = """
SELECT EXISTS (
    SELECT FROM unnest(%(routes)s::text[]) AS r (route) CROSS JOIN unnest(%(days)s::date[], %(times)s::int[]) AS d (day, times)
    LEFT JOIN collections c USING (route, day)
    WHERE c.route IS NULL OR (c.times < d.times AND c.asked_at < clock_timestamp() - %(again)s)
) AS yes
"""
CLAIM = """
INSERT INTO collections AS c (route, day, asked_at) VALUES (%(route)s, %(day)s, clock_timestamp())
ON CONFLICT (route, day) DO UPDATE SET asked_at = clock_timestamp()
WHERE c.times < %(times)s AND c.asked_at < clock_timestamp() - %(again)s
RETURNING true AS ours
"""
# Whose message it can have been: handed to this carrier on that day, and no other of theirs was.
OF_THE_DAY = """
SELECT g.hash, (array_agg(DISTINCT m.id))[1] AS id
FROM unnest(%(hashes)s::bytea[]) AS g (hash)
JOIN waves w ON w.opens_at < %(until)s AND w.closes_at > %(since)s
JOIN messages m ON m.id = message_id(w.uid, g.hash)
JOIN attempts a ON a.message_id = m.id AND a.route = %(route)s AND a.outcome IN ('accepted', 'uncertain')
    AND a.started_at >= %(since)s AND a.started_at < %(until)s
GROUP BY g.hash HAVING count(DISTINCT m.id) = 1
"""


async def put(connection: Connection, route: str, references: Sequence[str]) -> None:
    """Remember calls to be asked about."""
    await connection.execute(PUT, {"route": route, "references": sorted(set(references)), "first": FIRST})


async def due_routes(connection: Connection, routes: Sequence[str]) -> list[str]:
    """Those of `routes` with calls that should be asked about now."""
    return [row.route async for row in await connection.execute(DUE, {"routes": list(routes)})]


async def take(connection: Connection, route: str, limit: int) -> list[Doubt]:
    """The messages that wait for receipts in up to `limit` calls that are due, nobody else's; the others are forgotten."""
    cursor = await connection.execute(TAKE, {"route": route, "limit": limit, "first": FIRST, "longest": LONGEST})
    references = [row.reference async for row in cursor]
    await forget(connection, route, references)
    cursor = await connection.execute(WAITING, {"route": route, "references": references})
    return [Doubt(**row._asdict(), others=frozenset()) async for row in cursor]


async def forget(connection: Connection, route: str, references: Sequence[str]) -> None:
    """Drop the calls of which nobody waits any more, and those too old to be asked about."""
    await connection.execute(FORGET, {"route": route, "references": list(references), "forgotten": FORGOTTEN})


async def days_due(connection: Connection, routes: Sequence[str], days: Mapping[date, int]) -> bool:
    """Whether a list of one of `days` (day -> how many times it should have been given by now) is to be asked for."""
    given = {"routes": list(routes), "days": list(days), "times": list(days.values()), "again": AGAIN}
    return bool((await one(connection, DAYS_DUE, given)).yes)


async def claim_day(connection: Connection, route: str, day: date, times: int) -> bool:
    """Whether the caller is to ask for that day's list now: it was given fewer than `times`, nobody asked of late."""
    given = {"route": route, "day": day, "times": times, "again": AGAIN}
    return bool(await (await connection.execute(CLAIM, given)).fetchone())


async def collected(connection: Connection, route: str, day: date) -> None:
    """That day's list was given."""
    await connection.execute("UPDATE collections SET times = times + 1 WHERE route = %s AND day = %s", [route, day])


async def of_the_day(
    connection: Connection, route: str, hashes: Sequence[bytes], since: datetime, until: datetime
) -> Mapping[bytes, UUID]:
    """hashed number -> its message of that day on the route, where there is exactly one. Times are the dispatcher's."""
    given = {"route": route, "hashes": list(hashes), "since": since, "until": until}
    return {bytes(row.hash): row.id async for row in await connection.execute(OF_THE_DAY, given)}
