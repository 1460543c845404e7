"""Audiences: named, versioned sets of people, built from a staged roster."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from dispatcher.store import binary_copy
from dispatcher.store.binary_copy import of_bytes
from dispatcher.store.database import OURS, Connection, one

PAGE = 10_000
PEOPLE = {
    "n": pl.Int64,
    "row": pl.Int64,
    "network": pl.String,
    "area": pl.String,
    "group": pl.String,
    "language": pl.String,
    "born": pl.Int16,
}

# Ciphers wait here for the end, so that no text from a person ("stop") waits for an import to end; so do the lines that
# brought nobody new.
STAGE = """
CREATE TEMPORARY TABLE staged (msisdn_hash bytea NOT NULL, cipher bytea NOT NULL, network text NOT NULL) ON COMMIT DROP;
CREATE TEMPORARY TABLE repeated (row_number int NOT NULL, msisdn_hash bytea NOT NULL) ON COMMIT DROP
"""
COPY_NUMBERS = "COPY staged (msisdn_hash, cipher, network) FROM STDIN (FORMAT binary)"
COPY_MEMBERS = """
COPY audience_members (audience_id, n, row_number, msisdn_hash, area_code, group_name, language, birth_year)
FROM STDIN (FORMAT binary)
"""
COPY_REPEATED = "COPY repeated (row_number, msisdn_hash) FROM STDIN (FORMAT binary)"

# In the order of the hashes, as everybody adds them: two who add the same people cannot wait for one another, and the
# index grows from one end. The network that a carrier has proved stays. Without ON CONFLICT, which nearly doubles the
# work of a row: each is looked up, promised, written and confirmed.
KEEP_NUMBERS = """
INSERT INTO recipients (msisdn_hash, cipher, key_id, network)
SELECT msisdn_hash, cipher, %s, network FROM staged s
WHERE NOT EXISTS (SELECT FROM recipients r WHERE r.msisdn_hash = s.msisdn_hash) ORDER BY msisdn_hash
"""
OR_ELSE = "ON CONFLICT (msisdn_hash) DO NOTHING"
# Whoever is supplied again belongs to the period of the key that is in use now, in the same order as above.
MOVE_NUMBERS = """
UPDATE recipients r SET cipher = again.cipher, key_id = %(key)s FROM (
    SELECT s.msisdn_hash, s.cipher FROM staged s JOIN recipients o USING (msisdn_hash)
    WHERE o.key_id <> %(key)s ORDER BY s.msisdn_hash FOR UPDATE OF o
) AS again WHERE r.msisdn_hash = again.msisdn_hash
"""
BEGIN = f"""
INSERT INTO audiences (organisation_id, name, version, source_name, source_sha256, mapping, lines, accepted, duplicate,
                       rejected, recipients, imported_by)
SELECT dispatcher_organisation(), %(name)s, coalesce((
           SELECT max(version) FROM audiences WHERE {OURS} AND name = %(name)s
       ), 0) + 1, %(source_name)s, %(source_sha256)s, %(mapping)s, 0, 0, 0, 0, 0, %(imported_by)s
RETURNING id, extract(year FROM imported_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::int AS year
"""
FINISH = """
UPDATE audiences SET lines = %(lines)s, accepted = %(accepted)s, duplicate = %(duplicate)s, rejected = %(rejected)s,
    recipients = %(recipients)s
WHERE id = %(id)s
"""
# By the beginning of their numbers, as they were supplied: what a carrier proves later changes routes, not these accounts.
COUNT_NETWORKS = """
UPDATE audiences SET networks = (
    SELECT coalesce(jsonb_object_agg(network, n), '{}') FROM (SELECT network, count(*) AS n FROM staged GROUP BY network) AS counted
) WHERE id = %s
"""
NETWORKS = """
SELECT r.network, count(*)::int AS n FROM audience_members a JOIN recipients r USING (msisdn_hash)
WHERE a.audience_id = %s GROUP BY r.network
"""
DUPLICATES = """
SELECT r.row_number, m.row_number AS first_row
FROM repeated r JOIN audience_members m ON m.audience_id = %s AND m.msisdn_hash = r.msisdn_hash
ORDER BY r.row_number
"""
# Of members `a`, those that a `Selection` takes in. Who gave no language speaks Vietnamese.
CHOSEN = """
    (%(areas)s::text[] IS NULL OR a.area_code = ANY(%(areas)s)) AND (%(groups)s::text[] IS NULL OR a.group_name = ANY(%(groups)s))
    AND (%(born_from)s::int IS NULL OR a.birth_year BETWEEN %(born_from)s AND %(born_to)s)
    AND (%(languages)s::text[] IS NULL OR coalesce(a.language, 'vi') = ANY(%(languages)s))
"""
LISTING = """
SELECT id, name, version, source_name, source_sha256, mapping, lines, accepted, duplicate, rejected, recipients, imported_by,
       imported_at, relation
FROM audiences
"""


@dataclass(frozen=True, slots=True)
class Audience:
    """One version of an audience, with the accounts of the roster it came from.

    `relation`: the dealing that the office has had with these people, where somebody has recorded one.
    """

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
    relation: str | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Which members of an audience are meant, in the words of its roster; None = not chosen by this.

    `born` are years, both included; whose year is not known is in no age band.
    """

    areas: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None
    born: tuple[int, int] | None = None
    languages: tuple[str, ...] | None = None

    def parameters(self) -> dict[str, Any]:
        """What `CHOSEN` asks for."""
        born_from, born_to = self.born or (None, None)
        return {
            "areas": list(self.areas) if self.areas is not None else None,
            "groups": list(self.groups) if self.groups is not None else None,
            "born_from": born_from,
            "born_to": born_to,
            "languages": list(self.languages) if self.languages is not None else None,
        }


EVERYBODY = Selection()


@dataclass(frozen=True, slots=True)
class Rows:
    """A part of a roster as binary COPY takes it: people with their numbers, lines that repeat one."""

    numbers: bytes
    members: bytes
    repeated: bytes

    @classmethod
    def of(
        cls,
        audience_id: int,
        people: pl.DataFrame,
        hashes: Sequence[bytes],
        ciphers: Sequence[bytes],
        repeated: Sequence[int] | pl.Series = (),
        hashes_repeated: Sequence[bytes] = (),
    ) -> Rows:
        """`people` has the columns of `PEOPLE`; their hashes and ciphers are in its order."""
        hashed = of_bytes(hashes)
        members = {
            "audience": np.full(people.height, audience_id),
            "n": people["n"].to_numpy(),
            "row": people["row"].to_numpy(),
            "hash": hashed,
        }
        return cls(
            binary_copy.grouped({"hash": hashed, "cipher": of_bytes(ciphers)}, people["network"]),
            binary_copy.rows(members, people.select("area", "group", "language", "born")),
            binary_copy.rows({"row": np.asarray(repeated), "hash": of_bytes(hashes_repeated)}),
        )


async def begin(connection: Connection, values: dict[str, Any]) -> tuple[int, int]:
    """The next version of an audience, still without members; answers its id and this year. Nobody sees it before the commit.

    `values` has name, source_name, source_sha256, mapping and imported_by.
    """
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [values["name"]])
    for statement in STAGE.split(";"):
        await connection.execute(statement)
    row = await one(connection, BEGIN, {**values, "mapping": Jsonb(values["mapping"])})
    return row.id, row.year


async def put(connection: Connection, rows: Rows) -> None:
    """Add a part of the roster."""
    for statement, data in (
        (COPY_NUMBERS, rows.numbers),
        (COPY_MEMBERS, rows.members),
        (COPY_REPEATED, rows.repeated),
    ):
        if data:
            async with connection.cursor() as cursor, cursor.copy(statement) as copy:
                await copy.write(data)


async def finish(
    connection: Connection, audience_id: int, key_id: str, counts: dict[str, int], *, former_keys: bool = False
) -> Audience:
    """Keep the numbers, and write the accounts: lines, accepted, duplicate, rejected, recipients.

    `former_keys`: numbers may be kept under other keys than this one.
    """
    await connection.execute("SET LOCAL work_mem = '64MB'")
    await connection.execute("SET LOCAL random_page_cost = 1.1")  # few people among many are looked up, in order
    await connection.execute("SET LOCAL default_statistics_target = 10")
    await connection.execute("ANALYZE staged")
    await _keep(connection, key_id)
    await connection.execute(COUNT_NETWORKS, [audience_id])
    if former_keys:
        await connection.execute(MOVE_NUMBERS, {"key": key_id})
    return await count_in(connection, audience_id, counts)


async def _keep(connection: Connection, key_id: str) -> None:
    try:
        async with connection.transaction():
            await connection.execute(KEEP_NUMBERS, [key_id])
    except UniqueViolation:  # somebody else has added one of these people in the meantime
        await connection.execute(KEEP_NUMBERS + OR_ELSE, [key_id])


async def count_in(connection: Connection, audience_id: int, counts: dict[str, int]) -> Audience:
    """Write the accounts of a new audience."""
    await connection.execute(FINISH, {**counts, "id": audience_id})
    return Audience(*await one(connection, LISTING + "WHERE id = %s", [audience_id]))


async def duplicates(connection: Connection, audience_id: int) -> AsyncIterator[list[tuple[int, int]]]:
    """Pages of (line, line of the first mention), for every line that brought nobody new."""
    await connection.execute("SET LOCAL enable_mergejoin = off")  # it takes a new audience for small, and would sort it
    async with connection.cursor(name="duplicates") as cursor:
        await cursor.execute(DUPLICATES, [audience_id])
        while rows := await cursor.fetchmany(PAGE):
            yield [(row.row_number, row.first_row) for row in rows]


async def newest(connection: Connection, name: str) -> Audience | None:
    """The newest version of the audience `name`."""
    cursor = await connection.execute(
        LISTING + f"WHERE name = %s AND {OURS} ORDER BY version DESC LIMIT 1",
        [name],
    )
    row = await cursor.fetchone()
    return Audience(*row) if row else None


async def of_id(connection: Connection, audience_id: int) -> Audience | None:
    """That very version."""
    cursor = await connection.execute(LISTING + "WHERE id = %s", [audience_id])
    row = await cursor.fetchone()
    return Audience(*row) if row else None


async def versions(connection: Connection, name: str | None = None) -> list[Audience]:
    """All versions of all audiences, or of one, by name and version."""
    where, arguments = ("AND name = %s", [name]) if name else ("", [])
    cursor = await connection.execute(f"{LISTING} WHERE {OURS} {where} ORDER BY name, version", arguments)
    return [Audience(*row) async for row in cursor]


async def page(connection: Connection, limit: int, before: int | None) -> list[Audience]:
    """Up to `limit` versions of the organisation's audiences, the last imported first, imported before that one."""
    cursor = await connection.execute(
        f"{LISTING} WHERE {OURS} AND (%(before)s::int IS NULL OR id < %(before)s) ORDER BY id DESC LIMIT %(limit)s",
        {"before": before, "limit": limit},
    )
    return [Audience(*row) async for row in cursor]


async def relate(connection: Connection, audience_id: int, relation: str) -> None:
    """Record the dealing that the office has had with these people."""
    await connection.execute("UPDATE audiences SET relation = %s WHERE id = %s", [relation, audience_id])


async def areas(connection: Connection, audience_id: int) -> list[str | None]:
    """The distinct communes of an audience; None stands for people whose commune is not known."""
    cursor = await connection.execute(
        "SELECT DISTINCT area_code FROM audience_members WHERE audience_id = %s", [audience_id]
    )
    return [row.area_code async for row in cursor]


async def groups(connection: Connection, audience_id: int) -> list[str]:
    """The distinct groups of an audience, as the roster writes them."""
    cursor = await connection.execute(
        "SELECT DISTINCT group_name FROM audience_members WHERE audience_id = %s AND group_name IS NOT NULL",
        [audience_id],
    )
    return [row.group_name async for row in cursor]


async def count(connection: Connection, audience_id: int, selection: Selection) -> int:
    """How many people of an audience a selection takes in."""
    row = await one(
        connection,
        f"SELECT count(*)::int AS n FROM audience_members a WHERE a.audience_id = %(audience)s AND {CHOSEN}",
        {"audience": audience_id, **selection.parameters()},
    )
    return int(row.n)


async def networks(connection: Connection, audience_id: int) -> dict[str, int]:
    """network -> people of the audience whose number starts like that network's, most first; as counted at the import."""
    kept = await one(connection, "SELECT networks FROM audiences WHERE id = %s", [audience_id])
    found = kept.networks if kept.networks is not None else await _counted(connection, audience_id)
    return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))


async def _counted(connection: Connection, audience_id: int) -> dict[str, int]:
    return {row.network: row.n async for row in await connection.execute(NETWORKS, [audience_id])}
