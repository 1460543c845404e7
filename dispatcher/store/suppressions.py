"""Numbers that must not be texted, each with reason, source and date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from dispatcher.store.database import OURS, Connection, one

# Whoever was on the list for less and now refuses more is refused both; never the other way. What it said before is kept in
# `past_suppressions` by the table itself.
WIDEST = "ARRAY['topics', 'advertising', 'all']"
WIDEN = f"""
ON CONFLICT (organisation_id, msisdn_hash) DO UPDATE SET
    scope = ({WIDEST})[greatest(array_position({WIDEST}, suppressions.scope), array_position({WIDEST}, EXCLUDED.scope))],
    topics = ARRAY(SELECT DISTINCT unnest(suppressions.topics || EXCLUDED.topics) ORDER BY 1),
    reason = EXCLUDED.reason, source = EXCLUDED.source, proof = EXCLUDED.proof, added_by = EXCLUDED.added_by,
    added_at = EXCLUDED.added_at
WHERE array_position({WIDEST}, suppressions.scope) < array_position({WIDEST}, EXCLUDED.scope)
   OR (suppressions.scope <> 'all' AND NOT EXCLUDED.topics <@ suppressions.topics)
"""
ADD = f"""
WITH given AS (
    SELECT * FROM unnest(%(hashes)s::bytea[], %(ciphers)s::bytea[], %(networks)s::text[]) AS t (msisdn_hash, cipher, network)
),
kept AS (
    INSERT INTO recipients (msisdn_hash, cipher, key_id, network)
    SELECT msisdn_hash, cipher, %(key_id)s, network FROM given ON CONFLICT (msisdn_hash) DO NOTHING
)
INSERT INTO suppressions (organisation_id, msisdn_hash, reason, source, proof, added_by, scope, topics)
SELECT dispatcher_organisation(), g.msisdn_hash, %(reason)s, %(source)s, %(proof)s, %(by)s, %(scope)s, %(topics)s FROM given g
{WIDEN}"""
ADD_KNOWN = f"""
INSERT INTO suppressions (organisation_id, msisdn_hash, reason, source, proof, added_by)
SELECT o.id, %s, %s, %s, %s, %s FROM organisations o
{WIDEN}"""
SHOWN = """
SELECT s.msisdn_hash, r.cipher, r.key_id, s.reason, s.source, s.added_by, s.added_at, s.scope, s.proof, s.topics
FROM suppressions s LEFT JOIN recipients r USING (msisdn_hash)
"""
LISTING = f"""
{SHOWN} WHERE s.{OURS}
  AND (%(at)s::timestamptz IS NULL OR s.added_at < %(at)s OR (s.added_at = %(at)s AND s.msisdn_hash > %(person)s))
ORDER BY s.added_at DESC, s.msisdn_hash LIMIT %(limit)s
"""
FIND = f"{SHOWN} WHERE s.{OURS} AND s.msisdn_hash = %s"
PAST = f"""
SELECT reason, source, added_by, added_at, scope, proof, topics, ended_at FROM past_suppressions
WHERE {OURS} AND msisdn_hash = %s ORDER BY ended_at, added_at
"""
ASKED = f"""
SELECT q.msisdn_hash, r.cipher, r.key_id, q.asked_by, q.asked_at, q.reason
FROM releases_asked q LEFT JOIN recipients r USING (msisdn_hash) WHERE q.{OURS} ORDER BY q.asked_at, q.msisdn_hash
"""
# What lets a message of this campaign through, or does not: `s` is a row of the list.
REFUSES = """
(s.scope = 'all' OR (s.scope = 'advertising' AND {message_class} = 'advertising') OR s.topics && {topics})
"""


class Scope(StrEnum):
    """What a number must not get: anything at all, advertising (the Do-Not-Call list), or what is about some topics."""

    ALL = "all"
    ADVERTISING = "advertising"
    TOPICS = "topics"


@dataclass(frozen=True, slots=True)
class Refused:
    """What a person wants no more of, from now on; `topics` may stand beside a wider scope."""

    scope: Scope = Scope.ALL
    topics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suppression:
    """An entry of the list; `cipher` and `key_id` are None where the person was erased: the refusal stays."""

    msisdn_hash: bytes
    cipher: bytes | None
    key_id: str | None
    reason: str
    source: str
    added_by: str
    added_at: datetime
    scope: Scope
    proof: str
    topics: list[str]


@dataclass(frozen=True, slots=True)
class AskedRelease:
    """What one person asked and another has yet to look at."""

    msisdn_hash: bytes
    cipher: bytes | None
    key_id: str | None
    asked_by: str
    asked_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Past:
    """What the list said of a person until `ended_at`."""

    reason: str
    source: str
    added_by: str
    added_at: datetime
    scope: Scope
    proof: str
    topics: list[str]
    ended_at: datetime


async def add(
    connection: Connection,
    *,
    hashes: Sequence[bytes],
    ciphers: Sequence[bytes],
    networks: Sequence[str],
    key_id: str,
    reason: str,
    source: str,
    by: str,
    scope: Scope = Scope.ALL,
    proof: str = "",
    topics: Sequence[str] = (),
) -> int:
    """Add distinct numbers; answers how many were not on the list before, or for less."""
    cursor = await connection.execute(
        ADD,
        {
            "hashes": list(hashes),
            "ciphers": list(ciphers),
            "networks": list(networks),
            "key_id": key_id,
            "reason": reason,
            "source": source,
            "by": by,
            "scope": scope.value,
            "proof": proof,
            "topics": list(topics),
        },
    )
    return cursor.rowcount


async def add_known(
    connection: Connection, msisdn_hash: bytes, *, reason: str, source: str, proof: str, by: str
) -> None:
    """Add a number that is in `recipients`, for every organisation: the person refused the sender, whoever writes."""
    await connection.execute(ADD_KNOWN, [msisdn_hash, reason, source, proof, by])


async def find(connection: Connection, person: bytes, *, lock: bool = False) -> Suppression | None:
    """What the list says of a person now; the row may be locked until the transaction ends."""
    cursor = await connection.execute(FIND + (" FOR UPDATE OF s" if lock else ""), [person])
    row = await cursor.fetchone()
    return _suppression(row) if row else None


async def past(connection: Connection, person: bytes) -> list[Past]:
    """What the list said of a person before, the newest last."""
    cursor = await connection.execute(PAST, [person])
    return [Past(**{**row._asdict(), "scope": Scope(row.scope)}) async for row in cursor]


async def narrow(connection: Connection, person: bytes, reason: str, by: str) -> None:
    """From now on the person is refused advertising alone."""
    await connection.execute(
        "UPDATE suppressions SET scope = 'advertising', topics = '{}', reason = %s, source = 'release', proof = '',"
        f" added_by = %s, added_at = dispatcher_now() WHERE msisdn_hash = %s AND {OURS}",
        [reason, by, person],
    )


async def remove(connection: Connection, person: bytes) -> None:
    """Take a person off the list, and the question whether to."""
    await connection.execute(f"DELETE FROM suppressions WHERE msisdn_hash = %s AND {OURS}", [person])
    await connection.execute(f"DELETE FROM releases_asked WHERE msisdn_hash = %s AND {OURS}", [person])


async def ask_release(connection: Connection, person: bytes, reason: str, by: str) -> str | None:
    """Ask that a person be taken off the list altogether; answers who has asked before, None for nobody."""
    cursor = await connection.execute(
        f"SELECT asked_by FROM releases_asked WHERE msisdn_hash = %s AND {OURS} FOR UPDATE", [person]
    )
    if row := await cursor.fetchone():
        return str(row.asked_by)
    await connection.execute(
        "INSERT INTO releases_asked (organisation_id, msisdn_hash, asked_by, reason)"
        " VALUES (dispatcher_organisation(), %s, %s, %s)",
        [person, by, reason],
    )
    return None


async def asked_releases(connection: Connection) -> list[AskedRelease]:
    """People whom somebody asked to take off the list altogether, for another to look at, the oldest first."""
    cursor = await connection.execute(ASKED)
    return [AskedRelease(*row) async for row in cursor]


def _suppression(row: Any) -> Suppression:
    return Suppression(**{**row._asdict(), "scope": Scope(row.scope)})


async def newest(
    connection: Connection, limit: int, after: tuple[datetime | None, bytes] = (None, b"")
) -> list[Suppression]:
    """The newest first; with `after`, those that stand after the person who was added then."""
    at, person = after
    cursor = await connection.execute(LISTING, {"at": at, "person": person, "limit": limit})
    return [_suppression(row) async for row in cursor]


async def any_of(connection: Connection, scope: Scope) -> bool:
    """Whether the list has a number of that scope."""
    row = await one(
        connection,
        f"SELECT EXISTS (SELECT FROM suppressions WHERE {OURS} AND scope = %s) AS so",
        [scope.value],
    )
    return bool(row.so)


async def count(connection: Connection) -> int:
    row = await one(connection, f"SELECT count(*)::int AS n FROM suppressions WHERE {OURS}")
    return int(row.n)
