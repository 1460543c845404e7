"""A carrier's list beside our log, for one route and some days: what belongs together, and what does not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime

from dispatcher.store.database import OURS, Connection, one

# The carrier's lines by the keyed hash of the number: the number itself is not put down.
STAGE = """
CREATE TEMPORARY TABLE told (
    row int NOT NULL, msisdn_hash bytea, reference text, day date, brandname text, segments int, delivered boolean
) ON COMMIT DROP
"""
COPY = "COPY told (row, msisdn_hash, reference, day, brandname, segments, delivered) FROM STDIN (FORMAT csv)"
DAYS = "SELECT min(day) AS first, max(day) AS last FROM told"

# A try that a carrier took, or may have taken, is what it can bill.
TRIES = f"""
CREATE TEMPORARY TABLE tries ON COMMIT DROP AS
SELECT a.id, a.message_id, a.reference, a.segments, a.outcome, (a.ended_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS day,
       m.msisdn_hash, m.status::text AS status
FROM attempts a JOIN messages m ON m.id = a.message_id JOIN waves w ON w.id = m.wave_id JOIN campaigns c ON c.id = w.campaign_id
WHERE a.route = %(route)s AND a.ended_at >= %(start)s AND a.ended_at < %(end)s AND a.outcome IN ('accepted', 'uncertain')
  AND c.{OURS}
"""
# By the carrier's own name of a message or of a part of it; what is left by the person, one after the other in the order
# of days. A line belongs to one try; a try may have several lines: its parts, or a message that is billed twice.
PAIRS = """
CREATE TEMPORARY TABLE pairs ON COMMIT DROP AS
WITH named AS (
    SELECT DISTINCT ON (t.row) t.row, o.id FROM told t JOIN tries o ON o.reference = t.reference ORDER BY t.row, o.id
),
parts AS (
    SELECT DISTINCT ON (t.row) t.row, o.id
    FROM told t JOIN message_parts p ON p.reference = t.reference AND p.route = %(route)s
    JOIN tries o ON o.message_id = p.message_id
    WHERE NOT EXISTS (SELECT FROM named n WHERE n.row = t.row) ORDER BY t.row, o.id DESC
),
known AS (SELECT * FROM named UNION ALL SELECT * FROM parts),
left_there AS (
    SELECT row, msisdn_hash, row_number() OVER (PARTITION BY msisdn_hash ORDER BY day, row) AS place
    FROM told t WHERE msisdn_hash IS NOT NULL AND NOT EXISTS (SELECT FROM known k WHERE k.row = t.row)
),
left_here AS (
    SELECT id, msisdn_hash, row_number() OVER (PARTITION BY msisdn_hash ORDER BY day, id) AS place
    FROM tries o WHERE NOT EXISTS (SELECT FROM known k WHERE k.id = o.id)
)
SELECT row, id FROM known
UNION ALL
SELECT t.row, o.id FROM left_there t JOIN left_here o USING (msisdn_hash, place)
"""
_PAIR = "FROM pairs p JOIN told t USING (row) JOIN tries o ON o.id = p.id"
DIFFERENCES = f"""
SELECT 'theirs_only' AS kind, t.row, NULL::uuid AS message_id, NULL::bytea AS msisdn_hash, NULL::date AS our_day,
       t.day AS their_day, NULL::int AS ours, t.segments AS theirs, NULL AS status, t.reference
FROM told t WHERE NOT EXISTS (SELECT FROM pairs p WHERE p.row = t.row)
UNION ALL
SELECT CASE WHEN o.outcome = 'accepted' THEN 'ours_only' ELSE 'in_doubt' END, NULL, o.message_id, o.msisdn_hash, o.day, NULL,
       o.segments::int, NULL, o.status, o.reference
FROM tries o WHERE NOT EXISTS (SELECT FROM pairs p WHERE p.id = o.id)
UNION ALL
SELECT CASE WHEN n > 1 AND (theirs IS NULL OR theirs > o.segments) THEN 'twice' ELSE 'segments' END, sum.row, o.message_id,
       o.msisdn_hash, o.day, sum.day, o.segments::int, coalesce(theirs, n)::int, o.status, o.reference
FROM (
    SELECT p.id, min(t.row) AS row, min(t.day) AS day, count(*) AS n, sum(t.segments) AS theirs
    FROM pairs p JOIN told t USING (row) GROUP BY p.id
) AS sum JOIN tries o USING (id)
WHERE CASE WHEN theirs IS NULL THEN n > 1 AND n > o.segments ELSE theirs <> o.segments END
UNION ALL
SELECT 'found', t.row, o.message_id, o.msisdn_hash, o.day, t.day, o.segments::int, t.segments, o.status, t.reference
{_PAIR} WHERE o.outcome = 'uncertain'
UNION ALL
SELECT 'number', t.row, o.message_id, o.msisdn_hash, o.day, t.day, o.segments::int, t.segments, o.status, o.reference
{_PAIR} WHERE t.msisdn_hash <> o.msisdn_hash
UNION ALL
SELECT 'brandname', t.row, o.message_id, o.msisdn_hash, o.day, t.day, o.segments::int, t.segments, o.status, t.brandname
{_PAIR} WHERE lower(t.brandname) <> lower(%(sender)s)
UNION ALL
SELECT 'day', t.row, o.message_id, o.msisdn_hash, o.day, t.day, o.segments::int, t.segments, o.status, o.reference
{_PAIR} WHERE abs(t.day - o.day) > 1
UNION ALL
SELECT 'status', t.row, o.message_id, o.msisdn_hash, o.day, t.day, o.segments::int, t.segments, o.status, o.reference
{_PAIR} WHERE (t.delivered AND o.status IN ('undelivered', 'rejected', 'failed')) OR (NOT t.delivered AND o.status = 'delivered')
"""
LISTED = f"""
SELECT d.*, r.cipher, r.key_id FROM ({DIFFERENCES}) AS d LEFT JOIN recipients r USING (msisdn_hash)
ORDER BY d.kind, d.row, d.message_id
"""
BY_DAY = """
SELECT day, brandname, sum(ours)::int AS ours, sum(our_segments)::int AS our_segments, sum(theirs)::int AS theirs,
       sum(their_segments)::int AS their_segments
FROM (
    SELECT day, %(sender)s AS brandname, 1 AS ours, segments AS our_segments, 0 AS theirs, 0 AS their_segments FROM tries
    UNION ALL
    SELECT day, coalesce(brandname, %(sender)s), 0, 0, 1, coalesce(segments, 1) FROM told
) AS counted GROUP BY 1, 2 ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that does not agree; `row` is the line of the carrier's file, the number still encrypted."""

    kind: str
    row: int | None
    message_id: object
    msisdn_hash: bytes | None
    our_day: date | None
    their_day: date | None
    ours: int | None
    theirs: int | None
    status: str | None
    reference: str | None
    cipher: bytes | None
    key_id: str | None


@dataclass(frozen=True, slots=True)
class DayTotal:
    """Messages and segments of one day under one brandname, as we count and as the carrier does."""

    day: date | None
    brandname: str
    ours: int
    our_segments: int
    theirs: int
    their_segments: int


async def stage(connection: Connection) -> None:
    """Make room for the carrier's lines, until the transaction ends."""
    await connection.execute(STAGE)


async def put(connection: Connection, lines: bytes) -> None:
    """Lines as CSV, in the order of the columns."""
    async with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        await copy.write(lines)


async def days(connection: Connection) -> tuple[date | None, date | None]:
    """The first and the last day that the carrier's lines name."""
    row = await one(connection, DAYS)
    return row.first, row.last


async def compare(connection: Connection, route: str, start: datetime, end: datetime) -> None:
    """Set aside what we handed to a route from `start` until before `end`, and what of it belongs to which line."""
    arguments = {"route": route, "start": start, "end": end}
    await connection.execute("SET LOCAL work_mem = '64MB'")
    await connection.execute("ANALYZE told")
    await connection.execute(TRIES, arguments)
    await connection.execute("ANALYZE tries")
    await connection.execute(PAIRS, arguments)
    await connection.execute("ANALYZE pairs")


async def differences(connection: Connection, sender: str, page: int) -> AsyncIterator[list[Difference]]:
    """All that does not agree, after `compare`, through a cursor of the server."""
    async with connection.cursor(name="differences") as cursor:
        cursor.itersize = page
        await cursor.execute(LISTED, {"sender": sender})
        while rows := await cursor.fetchmany(page):
            yield [Difference(*row) for row in rows]


async def by_day(connection: Connection, sender: str) -> list[DayTotal]:
    return [DayTotal(*row) async for row in await connection.execute(BY_DAY, {"sender": sender})]
