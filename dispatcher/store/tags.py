"""What an office knows of its communes: zones that they belong to, from when to when, and names that rosters use."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from dispatcher.store.database import Connection, one

TODAY = "(dispatcher_now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date"
ADD = """
INSERT INTO place_tags (organisation_id, area_code, zone, valid_from, source, added_by)
SELECT o.id, area, %(zone)s, %(start)s, %(source)s, %(by)s
FROM unnest(%(areas)s::text[]) AS area, organisations o WHERE o.slug = 'default'
ON CONFLICT (organisation_id, zone, area_code) WHERE valid_to IS NULL DO NOTHING
"""
END = """
UPDATE place_tags SET valid_to = greatest(%(day)s::date, valid_from)
WHERE zone = %(zone)s AND area_code = ANY(%(areas)s) AND valid_to IS NULL
"""
LISTING = """
SELECT area_code, zone, valid_from, valid_to, source, added_by, added_at FROM place_tags
ORDER BY zone, area_code, valid_from
"""
IN_ZONES = """
SELECT DISTINCT area_code FROM place_tags
WHERE zone = ANY(%(zones)s) AND valid_from <= %(day)s AND (valid_to IS NULL OR valid_to >= %(day)s)
"""
ADD_ALIAS = """
INSERT INTO place_aliases (organisation_id, key, name, area_code, source, added_by)
SELECT o.id, %s, %s, %s, %s, %s FROM organisations o WHERE o.slug = 'default'
ON CONFLICT (organisation_id, key) DO UPDATE SET name = EXCLUDED.name, area_code = EXCLUDED.area_code,
    source = EXCLUDED.source, added_by = EXCLUDED.added_by, added_at = EXCLUDED.added_at
"""


@dataclass(frozen=True, slots=True)
class Tag:
    """A commune belongs to a zone from `valid_from` to `valid_to`, both included, None = still."""

    area_code: str
    zone: str
    valid_from: date
    valid_to: date | None
    source: str
    added_by: str
    added_at: datetime


async def today(connection: Connection) -> date:
    """The day in Viet Nam, by the clock of the installation."""
    day: date = (await one(connection, f"SELECT {TODAY} AS day")).day
    return day


async def add(connection: Connection, areas: Collection[str], zone: str, start: date, source: str, by: str) -> int:
    """Put communes in a zone; answers how many were not in it."""
    cursor = await connection.execute(
        ADD, {"areas": sorted(areas), "zone": zone, "start": start, "source": source, "by": by}
    )
    return cursor.rowcount


async def end(connection: Connection, areas: Collection[str], zone: str, day: date) -> int:
    """The last day of communes in a zone; answers how many were in it."""
    cursor = await connection.execute(END, {"areas": sorted(areas), "zone": zone, "day": day})
    return cursor.rowcount


async def listing(connection: Connection) -> list[Tag]:
    """All tags, also the ended ones, by zone."""
    cursor = await connection.execute(LISTING)
    return [Tag(*row) async for row in cursor]


async def in_zones(connection: Connection, zones: Sequence[str], day: date) -> set[str]:
    """The communes that belong to any of these zones on a day."""
    cursor = await connection.execute(IN_ZONES, {"zones": list(zones), "day": day})
    return {row.area_code async for row in cursor}


async def add_alias(connection: Connection, key: str, name: str, area_code: str, source: str, by: str) -> None:
    """A name that rosters use for a commune; the newest word counts."""
    await connection.execute(ADD_ALIAS, [key, name, area_code, source, by])


async def aliases(connection: Connection) -> dict[str, str]:
    """Names as they are compared (`campaigns.places.key`) -> commune."""
    cursor = await connection.execute("SELECT key, area_code FROM place_aliases")
    return {row.key: row.area_code async for row in cursor}
