"""Rehearsals: what came of them; whom they are played with, and how far they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from dispatcher.store.database import Connection, one
from dispatcher.store.suppressions import REFUSES

PAGE = 20_000

# `who` is the same for a person in all of the audiences, and says nothing of the number.
LIKENESSES = f"""
WITH people AS (
    SELECT msisdn_hash, row_number() OVER (ORDER BY msisdn_hash) AS who
    FROM (SELECT DISTINCT msisdn_hash FROM audience_members WHERE audience_id = ANY(%(audiences)s)) AS everybody
)
SELECT p.who, r.network, a.n, a.area_code, a.group_name, a.language, a.birth_year, EXISTS (
    SELECT FROM suppressions s WHERE s.organisation_id = named.organisation_id AND s.msisdn_hash = a.msisdn_hash
      AND {REFUSES.format(message_class="%(message_class)s", topics="%(topics)s::text[]")}
) AS refused
FROM audiences named JOIN audience_members a ON a.audience_id = named.id
    JOIN people p USING (msisdn_hash) JOIN recipients r USING (msisdn_hash)
WHERE named.id = %(audience)s ORDER BY a.n
"""
# Attempts are not committed in the order of their ids: the newest are counted again and again, the others once.
SENT = """
SELECT a.route, sum(a.segments)::bigint AS segments, newest.id - %(again)s AS settled,
       coalesce(sum(a.segments) FILTER (WHERE a.id <= newest.id - %(again)s), 0)::bigint AS settled_segments
FROM attempts a, (SELECT max(id) AS id FROM attempts) AS newest
WHERE a.id > %(since)s AND a.outcome <> 'not_sent' GROUP BY a.route, newest.id
"""
COUNTED_AGAIN = 20_000
MIX = """
SELECT m.network, m.status::text, count(*)::int AS messages, sum(m.segments)::bigint AS segments
FROM messages m WHERE m.wave_id = ANY(%s) GROUP BY 1, 2 ORDER BY 1, 2
"""


class Likeness(NamedTuple):
    """Somebody like a member of an audience: everything but the number. `refused` what the campaign is about."""

    who: int
    network: str
    n: int
    area_code: str | None
    group_name: str | None
    language: str | None
    birth_year: int | None
    refused: bool


@dataclass(frozen=True, slots=True)
class Mix:
    network: str
    status: str
    messages: int
    segments: int


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """`content`: the hash that an approval of what was rehearsed would be bound to; `hash`: of the outcome with it."""

    at: datetime
    who: str
    content: str
    hash: str
    outcome: dict[str, Any]

    @property
    def finishes_at(self) -> datetime | None:
        """When the last message left; None where some never did."""
        written = self.outcome["finishes_at"]
        return datetime.fromisoformat(written) if written else None


async def put(
    connection: Connection, campaign_id: int, who: str, content: str, digest: str, outcome: dict[str, Any]
) -> None:
    await connection.execute(
        "INSERT INTO rehearsals (campaign_id, who, content, hash, outcome) VALUES (%s, %s, %s, %s, %s)",
        [campaign_id, who, content, digest, Jsonb(outcome)],
    )


async def last(connection: Connection, campaign_id: int) -> Rehearsal | None:
    """The newest rehearsal of a campaign, whether it has changed since or not."""
    cursor = await connection.execute(
        "SELECT at, who, content, hash, outcome FROM rehearsals WHERE campaign_id = %s ORDER BY id DESC LIMIT 1",
        [campaign_id],
    )
    row = await cursor.fetchone()
    return Rehearsal(*row) if row else None


async def likenesses(
    connection: Connection, audience: int, audiences: Sequence[int], message_class: str, topics: Sequence[str]
) -> AsyncIterator[list[Likeness]]:
    """Pages of an audience's members without their numbers; `audiences` are all that the rehearsal plays with."""
    values = {
        "audience": audience,
        "audiences": list(audiences),
        "message_class": message_class,
        "topics": list(topics),
    }
    async with connection.cursor(name="likenesses") as cursor:
        await cursor.execute(LIKENESSES, values)
        while rows := await cursor.fetchmany(PAGE):
            yield [Likeness(*row) for row in rows]


@dataclass
class Sent:
    """route -> segments handed over so far, counted on from look to look."""

    since: int = 0
    settled: Counter[str] = field(default_factory=Counter)

    async def count(self, connection: Connection) -> Counter[str]:
        rows = await (await connection.execute(SENT, {"since": self.since, "again": COUNTED_AGAIN})).fetchall()
        total = self.settled + Counter({row.route: row.segments for row in rows})
        self.settled += Counter({row.route: row.settled_segments for row in rows})
        self.since = max([self.since, *(row.settled for row in rows)])
        return total


async def leading(connection: Connection, lock: int) -> bool:
    """Whether somebody holds the clock's lock."""
    row = await one(
        connection,
        "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted"
        " AND (classid::bigint << 32) + objid::bigint = %s) AS so",
        [lock],
    )
    return bool(row.so)


async def mix(connection: Connection, wave_ids: Sequence[int]) -> list[Mix]:
    """How the messages ended, by network and status."""
    cursor = await connection.execute(MIX, [list(wave_ids)])
    return [Mix(*row) async for row in cursor]


async def refuse(connection: Connection, audience: int, members: Sequence[int]) -> None:
    """In a rehearsal: these members of an audience have refused everything."""
    await connection.execute(
        "INSERT INTO suppressions (organisation_id, msisdn_hash, reason, source, added_by)"
        " SELECT dispatcher_organisation(), msisdn_hash, 'rehearsal', 'rehearsal', 'rehearsal' FROM audience_members"
        " WHERE audience_id = %s AND n = ANY(%s) ON CONFLICT DO NOTHING",
        [audience, list(members)],
    )


async def settled(connection: Connection, wave_ids: Sequence[int]) -> bool:
    """Whether every message has a status that nothing more is expected of."""
    row = await one(
        connection,
        "SELECT NOT EXISTS (SELECT FROM messages WHERE wave_id = ANY(%s)"
        " AND status IN ('queued', 'retrying', 'sending', 'uncertain')) AS so",
        [list(wave_ids)],
    )
    return bool(row.so)
