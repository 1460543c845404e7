"""The figures of periodic reports, counted from the delivery log; activities entered by hand; the reports made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg.types.json import Jsonb

from dispatcher.store.database import Connection, one

# A message counts in the period of its first try that a carrier took: so it is in one report only, whatever comes later.
# A try whose answer was lost took place if the carrier spoke of the message afterwards.
SENT = """
CREATE TEMPORARY TABLE report_sent ON COMMIT DROP AS
SELECT DISTINCT ON (a.message_id)
       w.campaign_id, m.wave_id, m.text_id, m.network, m.area_code, m.msisdn_hash, m.segments, m.status = 'delivered' AS delivered,
       (a.ended_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS day
FROM attempts a JOIN messages m ON m.id = a.message_id JOIN waves w ON w.id = m.wave_id JOIN campaigns c ON c.id = w.campaign_id
WHERE a.ended_at >= %(start)s AND a.ended_at < %(end)s
  AND (a.outcome = 'accepted' OR (a.outcome = 'uncertain' AND m.status IN ('submitted', 'delivered', 'undelivered')))
  AND (a.number = 1 OR NOT EXISTS (
      SELECT FROM attempts e
      WHERE e.message_id = a.message_id AND e.ended_at < %(start)s AND e.outcome IN ('accepted', 'uncertain')
  ))
  AND (%(topics)s::text[] = '{}' OR c.definition -> 'topics' ?| %(topics)s)
ORDER BY a.message_id, a.ended_at
"""

# What each figure is counted by. Printed in the report's annex, so that anybody with the log can count again.
QUERIES = {
    "total": """
SELECT count(*) AS sent, count(*) FILTER (WHERE delivered) AS delivered, coalesce(sum(segments), 0) AS segments,
       count(DISTINCT msisdn_hash) AS people_sent, count(DISTINCT msisdn_hash) FILTER (WHERE delivered) AS people
FROM report_sent
""",
    "campaigns": """
SELECT c.edition, count(*) AS sent, count(*) FILTER (WHERE delivered) AS delivered, sum(segments) AS segments,
       count(DISTINCT msisdn_hash) FILTER (WHERE delivered) AS people, count(DISTINCT s.wave_id) AS waves
FROM report_sent s JOIN campaigns c ON c.id = s.campaign_id GROUP BY c.edition ORDER BY c.edition
""",
    "organisations": """
SELECT o.name, count(*) AS sent, count(*) FILTER (WHERE delivered) AS delivered, sum(segments) AS segments,
       count(DISTINCT msisdn_hash) FILTER (WHERE delivered) AS people, count(DISTINCT s.wave_id) AS waves
FROM report_sent s JOIN campaigns c ON c.id = s.campaign_id JOIN organisations o ON o.id = c.organisation_id
GROUP BY o.id ORDER BY o.id
""",
    "networks": """
SELECT network, count(*) AS sent, count(*) FILTER (WHERE delivered) AS delivered, sum(segments) AS segments
FROM report_sent GROUP BY network ORDER BY sent DESC, network
""",
    "areas": """
SELECT coalesce(area_code, '') AS area, count(*) AS sent, count(*) FILTER (WHERE delivered) AS delivered,
       count(DISTINCT msisdn_hash) FILTER (WHERE delivered) AS people
FROM report_sent GROUP BY area_code ORDER BY area_code
""",
    "months": """
SELECT date_trunc('month', day)::date AS month, count(*) AS sent, count(*) FILTER (WHERE delivered) AS delivered
FROM report_sent GROUP BY 1 ORDER BY 1
""",
}
# Of a target: the same rows, only those of its topics and communes.
REACHED = """
SELECT count(DISTINCT s.msisdn_hash) AS people, count(DISTINCT s.area_code) AS areas,
       coalesce(array_agg(DISTINCT s.day), '{}') AS days
FROM report_sent s JOIN campaigns c ON c.id = s.campaign_id
WHERE delivered AND (%(topics)s::text[] = '{}' OR c.definition -> 'topics' ?| %(topics)s)
  AND (%(areas)s::text[] = '{}' OR s.area_code = ANY(%(areas)s))
"""
NOT_SENT = """
SELECT k.status::text, sum(k.n)::int AS n
FROM waves w JOIN campaigns c ON c.id = w.campaign_id
JOIN (SELECT * FROM status_counts UNION ALL SELECT * FROM status_deltas) AS k ON k.wave_id = w.id
WHERE w.opens_at >= %(start)s AND w.opens_at < %(end)s AND (%(topics)s::text[] = '{}' OR c.definition -> 'topics' ?| %(topics)s)
  AND k.status IN ('suppressed', 'failed', 'rejected', 'expired', 'cancelled', 'uncertain', 'unconfirmed')
GROUP BY 1 HAVING sum(k.n) > 0
"""
ANSWERS = """
SELECT count(*)::int AS replies, (count(*) FILTER (WHERE refusal))::int AS refusals
FROM inbound WHERE received_at >= %(start)s AND received_at < %(end)s
"""
EDITIONS = """
SELECT DISTINCT c.edition, c.title, c.definition FROM campaigns c JOIN waves w ON w.campaign_id = c.id
WHERE c.approved_at IS NOT NULL AND w.opens_at >= %(start)s AND w.opens_at < %(end)s
  AND (%(topics)s::text[] = '{}' OR c.definition -> 'topics' ?| %(topics)s)
ORDER BY c.edition
"""


@dataclass(frozen=True, slots=True)
class Reached:
    """Whom messages reached: distinct numbers, communes among those asked for, on which days."""

    people: int
    areas: int
    days: tuple[date, ...]


@dataclass(frozen=True, slots=True)
class Activity:
    """Something done outside this product; `id` 0 before it is stored."""

    id: int
    kind: str
    day: date
    quantity: int
    unit: str
    done_by: str
    note: str
    link: str | None
    added_by: str


@dataclass(frozen=True, slots=True)
class Made:
    """A report that was made."""

    slug: str
    year: int
    starts: date
    ends: date
    document_sha256: str
    made_by: str
    made_at: datetime
    id: int


async def gather(connection: Connection, start: datetime, end: datetime, topics: Sequence[str]) -> None:
    """Set aside what carriers took from `start` until before `end`, for the questions below, until the transaction ends."""
    await connection.execute(SENT, {"start": start, "end": end, "topics": list(topics)})
    await connection.execute("ANALYZE report_sent")


async def counted(connection: Connection, name: str) -> list[dict[str, Any]]:
    """The rows of one of `QUERIES`, after `gather`."""
    cursor = await connection.execute(QUERIES[name])
    return [row._asdict() async for row in cursor]


async def reached(connection: Connection, topics: Sequence[str], areas: Sequence[str]) -> Reached:
    """Whom the messages on these topics in these communes reached (empty: all), after `gather`."""
    row = await one(connection, REACHED, {"topics": list(topics), "areas": list(areas)})
    return Reached(row.people, row.areas, tuple(row.days))


async def not_sent(connection: Connection, start: datetime, end: datetime, topics: Sequence[str]) -> dict[str, int]:
    """Status -> messages that did not get through, of the waves that opened in the span."""
    cursor = await connection.execute(NOT_SENT, {"start": start, "end": end, "topics": list(topics)})
    return {row.status: row.n async for row in cursor}


async def answers(connection: Connection, start: datetime, end: datetime) -> tuple[int, int]:
    """(texts from people, of which refusals) in the span."""
    row = await one(connection, ANSWERS, {"start": start, "end": end})
    return row.replies, row.refusals


async def editions(
    connection: Connection, start: datetime, end: datetime, topics: Sequence[str]
) -> list[tuple[str, str, dict[str, Any]]]:
    """(edition, title, definition) of the approved campaigns with a wave that opens in the span."""
    cursor = await connection.execute(EDITIONS, {"start": start, "end": end, "topics": list(topics)})
    return [(row.edition, row.title, row.definition) async for row in cursor]


async def position(connection: Connection) -> tuple[datetime, int, int]:
    """(now, the last attempt's id, the last receipt's id): how far the log went when it was counted."""
    row = await one(
        connection,
        "SELECT dispatcher_now() AS at, (SELECT coalesce(max(id), 0) FROM attempts) AS attempts,"
        " (SELECT coalesce(max(id), 0) FROM receipts) AS receipts",
    )
    return row.at, row.attempts, row.receipts


async def upcoming(connection: Connection, after: datetime) -> list[tuple[str, datetime]]:
    """(title, first opening) of the campaigns that begin after a moment and are not cancelled, the nearest first."""
    cursor = await connection.execute(
        "SELECT c.title || ' năm ' || c.year AS title, min(w.opens_at) AS first FROM campaigns c JOIN waves w"
        " ON w.campaign_id = c.id WHERE c.status <> 'cancelled' GROUP BY c.id HAVING min(w.opens_at) > %s ORDER BY 2, 1",
        [after],
    )
    return [(row.title, row.first) async for row in cursor]


async def add_activity(connection: Connection, activity: Activity) -> int:
    """Store an activity; answers its id."""
    row = await one(
        connection,
        "INSERT INTO activities (organisation_id, kind, day, quantity, unit, done_by, note, link, added_by)"
        " SELECT id, %s, %s, %s, %s, %s, %s, %s, %s FROM organisations WHERE slug = 'default' RETURNING id",
        [
            getattr(activity, name)
            for name in ("kind", "day", "quantity", "unit", "done_by", "note", "link", "added_by")
        ],
    )
    return int(row.id)


async def withdraw_activity(connection: Connection, activity_id: int) -> bool:
    """Leave an activity out from now on; False when there is none such."""
    cursor = await connection.execute(
        "UPDATE activities SET withdrawn_at = dispatcher_now() WHERE id = %s AND withdrawn_at IS NULL", [activity_id]
    )
    return cursor.rowcount == 1


async def activities(connection: Connection, start: date, end: date) -> list[Activity]:
    """What was done from `start` to `end`, both included, in the order of days."""
    cursor = await connection.execute(
        "SELECT id, kind, day, quantity, unit, done_by, note, link, added_by FROM activities"
        " WHERE day BETWEEN %s AND %s AND withdrawn_at IS NULL ORDER BY day, id",
        [start, end],
    )
    return [Activity(*row) async for row in cursor]


async def keep(
    connection: Connection,
    slug: str,
    year: int,
    days: tuple[date, date],
    figures: Mapping[str, Any],
    sha256: str,
    by: str,
) -> None:
    """Remember a report that was made."""
    await connection.execute(
        "INSERT INTO reports (organisation_id, slug, year, starts, ends, figures, document_sha256, made_by)"
        " SELECT id, %s, %s, %s, %s, %s, %s, %s FROM organisations WHERE slug = 'default'",
        [slug, year, *days, Jsonb(figures), sha256, by],
    )


async def figures(connection: Connection, id_: int) -> dict[str, Any] | None:
    """What a report said in numbers, as `Figures.plain` wrote it down; None where there is no such report."""
    cursor = await connection.execute("SELECT figures FROM reports WHERE id = %s", [id_])
    row = await cursor.fetchone()
    return dict(row.figures) if row else None


async def made(connection: Connection) -> list[Made]:
    """All reports made, the newest first."""
    cursor = await connection.execute(
        "SELECT slug, year, starts, ends, document_sha256, made_by, made_at, id FROM reports ORDER BY made_at DESC, id DESC"
    )
    return [Made(*row) async for row in cursor]
