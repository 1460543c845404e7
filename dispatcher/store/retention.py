"""What is too old to be kept: messages one by one, rosters, texts from people, numbers; what is counted of them before."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from dispatcher.lifecycle import FINAL
from dispatcher.store.database import Connection, one
from dispatcher.verify_log import PRUNABLE, Form, read_note

# A wave is over when its time is and nothing of it can move any more.
OLD_WAVES = """
SELECT w.id, w.planned FROM waves w
WHERE w.closes_at < %(before)s AND w.status IN ('done', 'missed', 'cancelled')
  AND EXISTS (SELECT FROM stored_messages m WHERE m.wave_id = w.id)
  AND NOT EXISTS (SELECT FROM message_counts n WHERE n.wave_id = w.id AND n.status <> ALL(%(final)s::message_status[]))
"""
# By their places, in the order in which they were written: joined by id, each slice reads the whole table.
# Counted and deleted in one statement, so that each is counted once, however often a run is begun anew. All are final, so
# no claim has more to say of them than their own rows.
FORGET_MESSAGES = """
WITH gone AS (
    DELETE FROM stored_messages WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM stored_messages WHERE wave_id = %(wave)s ORDER BY batch_id LIMIT %(slice)s
    ))
    RETURNING id, network, coalesce(area_code, '') AS area_code, status, segments
),
figures AS (
    INSERT INTO kept_figures AS kept (wave_id, month, network, area_code, status, messages, segments)
    SELECT w.id, date_trunc('month', w.opens_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date, g.network, g.area_code, g.status,
           count(*), sum(g.segments)
    FROM gone g JOIN waves w ON w.id = %(wave)s GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT (wave_id, month, network, area_code, status)
    DO UPDATE SET messages = kept.messages + excluded.messages, segments = kept.segments + excluded.segments
),
parts AS (DELETE FROM message_parts p USING gone WHERE p.message_id = gone.id),
asked AS (DELETE FROM lookups l USING gone WHERE l.message_id = gone.id),
taken AS (DELETE FROM claims WHERE wave_id = %(wave)s)
SELECT count(*) AS n FROM gone
"""
# Nothing of the log goes that may speak of a message which stays.
SEALS_BEFORE = """
SELECT least(%(before)s, (
    SELECT min(w.opens_at) FROM waves w WHERE EXISTS (SELECT FROM stored_messages m WHERE m.wave_id = w.id)
)) - coalesce((SELECT rehearsal_offset FROM installation), interval '0') AS at
"""
OLD_SEALS = "SELECT n, form, rows FROM seals WHERE queued_to < %s AND n <> ALL(%s) ORDER BY n"
NOTES = "SELECT n, form, note FROM seals WHERE n = ANY(%s) ORDER BY n"

OLD_ROSTERS = """
SELECT id FROM audiences a
WHERE imported_at < %(before)s AND NOT EXISTS (
    SELECT FROM waves w
    WHERE w.audience_id = a.id AND (w.closes_at >= %(before)s OR w.status IN ('scheduled', 'expanding', 'sending'))
)
"""
FORGET_MEMBERS = "DELETE FROM audience_members WHERE audience_id = %s AND n BETWEEN %s AND %s"
LAST_MEMBERS = (
    "SELECT audience_id, max(n) AS last FROM audience_members WHERE audience_id = ANY(%s) GROUP BY 1 ORDER BY 1"
)
FORGET_TEXTS = """
UPDATE inbound SET body = '', digest = '', msisdn_hash = %(nobody)s
WHERE received_at < %(before)s AND msisdn_hash <> %(nobody)s
"""
FORGET_CONFIRMATIONS = "DELETE FROM confirmations WHERE received_at < %(before)s"

# Whoever adds a person finds the number there, or adds it: not while it is being let go.
LOCK = "LOCK TABLE audience_members, inbound, inbound_parts, suppressions IN SHARE MODE"
# The tables have just been emptied and the planner does not know: it would read one of them for every number.
EACH_ONCE = "SET LOCAL enable_nestloop = off"
FORGET_NUMBERS = """
DELETE FROM recipients r
WHERE NOT EXISTS (SELECT FROM audience_members a WHERE a.msisdn_hash = r.msisdn_hash)
  AND NOT EXISTS (SELECT FROM stored_messages m WHERE m.msisdn_hash = r.msisdn_hash)
  AND NOT EXISTS (SELECT FROM inbound i WHERE i.msisdn_hash = r.msisdn_hash)
  AND NOT EXISTS (SELECT FROM inbound_parts p WHERE p.msisdn_hash = r.msisdn_hash)
  AND NOT EXISTS (SELECT FROM complaints k WHERE k.msisdn_hash = r.msisdn_hash AND k.received_at >= %(before)s)
  AND NOT EXISTS (SELECT FROM suppressions s WHERE s.msisdn_hash = r.msisdn_hash AND s.added_at >= %(before)s)
"""
FORGET_FIGURES = """
WITH over AS (SELECT id FROM waves WHERE closes_at < %s),
counts AS (DELETE FROM tallies t USING over WHERE t.wave_id = over.id)
DELETE FROM kept_figures k USING over WHERE k.wave_id = over.id
"""
NOBODY = bytes(16)
# Messages, or places of a roster, that go in one transaction; and seals, of some 4,096 rows each.
SLICE, SEALS = 50_000, 12
# One run at a time; held by the session, so that a killed one holds nothing.
ALONE = "SELECT pg_try_advisory_lock(7203117029) AS alone"
NOT_ALONE = "SELECT pg_advisory_unlock(7203117029)"

ERASE_PERSON = """
WITH number AS (DELETE FROM recipients WHERE msisdn_hash = %(hash)s RETURNING 1),
rosters AS (DELETE FROM audience_members WHERE msisdn_hash = %(hash)s RETURNING 1),
texts AS (UPDATE inbound SET body = '', digest = '' WHERE msisdn_hash = %(hash)s AND body <> '' RETURNING 1),
parts AS (DELETE FROM inbound_parts WHERE msisdn_hash = %(hash)s),
complained AS (UPDATE complaints SET said = '', document = '' WHERE msisdn_hash = %(hash)s)
SELECT (SELECT count(*) FROM number) AS numbers, (SELECT count(*) FROM rosters) AS members, (SELECT count(*) FROM texts) AS texts
"""
LEAVE_ALONE = """
INSERT INTO suppressions (organisation_id, msisdn_hash, reason, source, added_by)
SELECT id, %s, %s, 'person.erase', %s FROM organisations
ON CONFLICT (organisation_id, msisdn_hash) DO UPDATE SET scope = 'all' WHERE suppressions.scope <> 'all'
"""
FIGURES = """
SELECT c.edition, w.slug AS wave, k.month, k.network, k.area_code, k.status::text, k.messages, k.segments
FROM kept_figures k JOIN waves w ON w.id = k.wave_id JOIN campaigns c ON c.id = w.campaign_id
WHERE c.organisation_id = dispatcher_organisation() AND (%(edition)s::text IS NULL OR c.edition = %(edition)s)
ORDER BY k.month, c.edition, w.slug, k.network, k.area_code, k.status
"""


@dataclass(slots=True)
class Forgotten:
    """What a run of the two clocks lets go of, in rows."""

    messages: int = 0
    waves: int = 0
    members: int = 0
    texts: int = 0
    numbers: int = 0
    figures: int = 0
    attempts: int = 0
    receipts: int = 0
    exchanges: int = 0

    def plain(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Erased:
    """What was known of a person: whether there was a number, in how many rosters, how many texts of theirs."""

    numbers: int
    members: int
    texts: int


@dataclass(frozen=True, slots=True)
class Figure:
    """Messages of a wave that are not kept one by one any more."""

    campaign: str
    wave: str
    month: Any
    network: str
    area_code: str
    status: str
    messages: int
    segments: int


async def old_waves(connection: Connection, before: datetime) -> dict[int, int]:
    """The waves that were over before and still have messages: each with how many it had."""
    cursor = await connection.execute(OLD_WAVES, {"before": before, "final": sorted(FINAL)})
    return {row.id: row.planned async for row in cursor}


async def forget_messages(connection: Connection, wave: int, done: Forgotten) -> bool:
    """Count a slice of the wave's messages, and delete it; whether there may be more."""
    gone = (await one(connection, FORGET_MESSAGES, {"wave": wave, "slice": SLICE})).n
    done.messages += gone
    return bool(gone == SLICE)


async def old_seals(connection: Connection, before: datetime, pruned: Sequence[int]) -> dict[int, int]:
    """The seals whose rows were all queued `before` (`seals_before`), but for those `pruned`: each with how many rows."""
    cursor = await connection.execute(OLD_SEALS, [before, list(pruned)])
    return {seal.n: seal.rows async for seal in cursor if Form(seal.form).source in PRUNABLE}


async def prune(connection: Connection, seals: Sequence[int], done: Forgotten) -> None:
    """Delete the rows of these seals."""
    await connection.execute("SELECT set_config('dispatcher.pruning', 'on', true)")
    taken = [
        (Form(seal.form).source, read_note(seal.note).ids) async for seal in await connection.execute(NOTES, [seals])
    ]
    for source, ids in taken:
        cursor = await connection.execute(f"DELETE FROM {source} WHERE id = ANY(%s)", [list(ids)])
        setattr(done, source, getattr(done, source) + cursor.rowcount)
    await connection.execute("SELECT set_config('dispatcher.pruning', '', true)")


async def seals_before(connection: Connection, before: datetime) -> datetime:
    """Before when, in real time, rows must have been queued for their seal to be let go of. After the messages."""
    moment: datetime = (await one(connection, SEALS_BEFORE, {"before": before})).at
    return moment


async def keep_order(connection: Connection, text: str) -> None:
    """Keep the signed order by which sealed rows were deleted."""
    await connection.execute("INSERT INTO prunings (text) VALUES (%s)", [text])


async def old_rosters(connection: Connection, before: datetime) -> list[tuple[int, int, int]]:
    """Slices of rosters that nothing younger needs: audience, first and last place. After the messages."""
    rosters = [row.id async for row in await connection.execute(OLD_ROSTERS, {"before": before})]
    cursor = await connection.execute(LAST_MEMBERS, [rosters])
    ends = [tuple(row) async for row in cursor]
    return [(id_, first, first + SLICE - 1) for id_, last in ends for first in range(0, last + 1, SLICE)]


async def forget_members(connection: Connection, audience: int, first: int, last: int, done: Forgotten) -> None:
    done.members += (await connection.execute(FORGET_MEMBERS, [audience, first, last])).rowcount


async def forget_people(connection: Connection, before: datetime, done: Forgotten) -> None:
    """Texts and numbers that nothing younger needs. After the rosters."""
    done.texts = (await connection.execute(FORGET_TEXTS, {"before": before, "nobody": NOBODY})).rowcount
    await connection.execute(FORGET_CONFIRMATIONS, {"before": before})
    await connection.execute(LOCK)
    await connection.execute(EACH_ONCE)
    done.numbers = (await connection.execute(FORGET_NUMBERS, {"before": before})).rowcount


async def forget_figures(connection: Connection, before: datetime, done: Forgotten) -> None:
    done.figures = (await connection.execute(FORGET_FIGURES, [before])).rowcount


async def keep_from(connection: Connection, before: datetime) -> None:
    """Remember since when messages are kept one by one."""
    await connection.execute("UPDATE installation SET kept_from = greatest(kept_from, %s)", [before])


@asynccontextmanager
async def alone(connection: Connection) -> AsyncIterator[bool]:
    """Whether no other run is under way, nor will be while inside."""
    free = bool((await one(connection, ALONE)).alone)
    try:
        yield free
    finally:
        if free:
            await connection.rollback()
            await connection.execute(NOT_ALONE)


async def kept_from(connection: Connection) -> datetime | None:
    """Since when messages are kept one by one; None: all of them still are."""
    row = await one(connection, "SELECT kept_from FROM installation")
    moment: datetime | None = row.kept_from
    return moment


async def erase(connection: Connection, hashed: bytes) -> Erased:
    """Forget a person: number, place in rosters, what they wrote. Message and log rows carry the keyed hash alone."""
    return Erased(*await one(connection, ERASE_PERSON, {"hash": hashed}))


async def leave_alone(connection: Connection, hashed: bytes, reason: str, by: str) -> None:
    """Nobody here texts the person again, although nobody knows the number any more."""
    await connection.execute(LEAVE_ALONE, [hashed, reason, by])


async def figures(connection: Connection, edition: str | None) -> list[Figure]:
    """What is left of messages that are too old, of one campaign or of all."""
    return [Figure(*row) async for row in await connection.execute(FIGURES, {"edition": edition})]
