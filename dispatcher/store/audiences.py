"""Audiences: named, versioned sets of people, built from a staged roster."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from dispatcher.store.database import Connection, one

PAGE = 10_000

STAGE = """
CREATE TEMPORARY TABLE staged (
    row_number int NOT NULL, msisdn_hash bytea NOT NULL, cipher bytea NOT NULL, network text NOT NULL,
    area_code text, group_name text, language text
) ON COMMIT DROP
"""
COPY = "COPY staged (row_number, msisdn_hash, cipher, network, area_code, group_name, language) FROM STDIN (FORMAT csv)"

KEEP_NUMBERS = """
INSERT INTO recipients (msisdn_hash, cipher, key_id, network)
SELECT DISTINCT ON (msisdn_hash) msisdn_hash, cipher, %(key_id)s, network FROM staged ORDER BY msisdn_hash, row_number
ON CONFLICT (msisdn_hash) DO NOTHING
"""

# The first line that names a person counts; the order of the members is the order of the file.
FIRST_LINES = """
CREATE TEMPORARY TABLE first_lines ON COMMIT DROP AS
SELECT DISTINCT ON (msisdn_hash) * FROM staged ORDER BY msisdn_hash, row_number
"""
TALLY = """
SELECT (SELECT count(DISTINCT row_number) FROM staged)::int AS good_lines,
       (SELECT count(DISTINCT row_number) FROM first_lines)::int AS accepted,
       (SELECT count(*) FROM first_lines)::int AS recipients
"""
ADD = """
INSERT INTO audiences (organisation_id, name, version, source_name, source_sha256, mapping, lines, accepted, duplicate,
                       rejected, recipients, imported_by)
SELECT o.id, %(name)s, coalesce((SELECT max(version) FROM audiences WHERE organisation_id = o.id AND name = %(name)s), 0) + 1,
       %(source_name)s, %(source_sha256)s, %(mapping)s, %(lines)s, %(accepted)s, %(duplicate)s, %(rejected)s,
       %(recipients)s, %(imported_by)s
FROM organisations o WHERE o.slug = 'default'
RETURNING id
"""
ADD_MEMBERS = """
INSERT INTO audience_members (audience_id, n, msisdn_hash, row_number, area_code, group_name, language)
SELECT %s, row_number() OVER (ORDER BY row_number, msisdn_hash), msisdn_hash, row_number, area_code, group_name, language
FROM first_lines
"""
DUPLICATES = """
SELECT s.row_number, f.row_number AS first_row
FROM staged s JOIN first_lines f USING (msisdn_hash)
WHERE NOT EXISTS (SELECT FROM first_lines kept WHERE kept.row_number = s.row_number)
ORDER BY s.row_number
"""
LISTING = """
SELECT id, name, version, source_name, source_sha256, mapping, lines, accepted, duplicate, rejected, recipients, imported_by,
       imported_at
FROM audiences
"""


@dataclass(frozen=True, slots=True)
class Audience:
    """One version of an audience, with the accounts of the roster it came from."""

    id: int
    name: str
    version: int
    source_name: str
    source_sha256: str
    mapping: dict[str, str]
    lines: int
    accepted: int
    duplicate: int
    rejected: int
    recipients: int
    imported_by: str
    imported_at: datetime


@dataclass(frozen=True, slots=True)
class Tally:
    """Counted in the staged roster: lines with a good number, lines that brought somebody new, people."""

    good_lines: int
    accepted: int
    recipients: int


async def stage(connection: Connection) -> None:
    """Make the staging tables; they vanish with the transaction."""
    await connection.execute(STAGE)


async def stage_rows(connection: Connection, rows: bytes) -> None:
    """Add rows of CSV (byte columns as `\\x...`) to the stage."""
    async with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        await copy.write(rows)


async def tally(connection: Connection, key_id: str) -> Tally:
    """Store the staged numbers, find the first line of each person, and count."""
    await connection.execute("SET LOCAL work_mem = '64MB'")
    await connection.execute("ANALYZE staged")
    await connection.execute(KEEP_NUMBERS, {"key_id": key_id})
    await connection.execute(FIRST_LINES)
    await connection.execute("ANALYZE first_lines")
    row = await one(connection, TALLY)
    return Tally(row.good_lines, row.accepted, row.recipients)


async def add(connection: Connection, values: dict[str, Any]) -> Audience:
    """Add the next version of the audience from the stage. `values` has the columns of `audiences` but the counted ones."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [values["name"]])
    row = await one(connection, ADD, {**values, "mapping": Jsonb(values["mapping"])})
    audience_id = row.id
    await connection.execute(ADD_MEMBERS, [audience_id])
    return Audience(*await one(connection, LISTING + "WHERE id = %s", [audience_id]))


async def duplicates(connection: Connection) -> AsyncIterator[list[tuple[int, int]]]:
    """Pages of (line, line of the first mention), for every staged line that brought nobody new."""
    async with connection.cursor(name="duplicates") as cursor:
        await cursor.execute(DUPLICATES)
        while rows := await cursor.fetchmany(PAGE):
            yield [(row.row_number, row.first_row) for row in rows]


async def newest(connection: Connection, name: str) -> Audience | None:
    """The newest version of the audience `name`."""
    cursor = await connection.execute(LISTING + "WHERE name = %s ORDER BY version DESC LIMIT 1", [name])
    row = await cursor.fetchone()
    return Audience(*row) if row else None


async def of_id(connection: Connection, audience_id: int) -> Audience | None:
    """That very version."""
    cursor = await connection.execute(LISTING + "WHERE id = %s", [audience_id])
    row = await cursor.fetchone()
    return Audience(*row) if row else None


async def versions(connection: Connection, name: str | None = None) -> list[Audience]:
    """All versions of all audiences, or of one, by name and version."""
    where, arguments = ("WHERE name = %s", [name]) if name else ("", [])
    cursor = await connection.execute(f"{LISTING} {where} ORDER BY name, version", arguments)
    return [Audience(*row) async for row in cursor]


async def areas(connection: Connection, audience_id: int) -> list[str | None]:
    """The distinct communes of an audience; None stands for people whose commune is not known."""
    cursor = await connection.execute(
        "SELECT DISTINCT area_code FROM audience_members WHERE audience_id = %s", [audience_id]
    )
    return [row.area_code async for row in cursor]


async def networks(connection: Connection, audience_id: int) -> dict[str, int]:
    """network -> people of the audience whose number starts like that network's."""
    cursor = await connection.execute(
        "SELECT r.network, count(*)::int AS n FROM audience_members a JOIN recipients r USING (msisdn_hash)"
        " WHERE a.audience_id = %s GROUP BY r.network ORDER BY n DESC",
        [audience_id],
    )
    return {row.network: row.n async for row in cursor}
