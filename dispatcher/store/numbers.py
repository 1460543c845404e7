"""Encrypted numbers as a whole: under which keys they stand, moved to another key, erased."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dispatcher.lifecycle import FINAL
from dispatcher.store.database import Connection, array, one

BY_KEY = "SELECT key_id, count(*)::bigint AS n FROM recipients GROUP BY 1"
UNDER_OTHERS = """
SELECT msisdn_hash, cipher, key_id FROM recipients
WHERE key_id <> %(current)s AND key_id = ANY(%(known)s) AND msisdn_hash > %(after)s
ORDER BY msisdn_hash LIMIT %(limit)s FOR UPDATE
"""
MOVE = """
UPDATE recipients r SET cipher = t.cipher, key_id = %(key)s
FROM unnest(%(hashes)s::bytea[], %(ciphers)s::bytea[]) AS t (msisdn_hash, cipher) WHERE r.msisdn_hash = t.msisdn_hash
"""
# Messages whose number may still be needed, and people whom a wave to come counts on.
NEEDED = """
SELECT (
    SELECT count(*) FROM messages m JOIN recipients r USING (msisdn_hash)
    WHERE r.key_id = %(key)s AND m.status <> ALL(%(final)s::message_status[])
      AND m.wave_id IN (SELECT wave_id FROM message_counts WHERE status <> ALL(%(final)s::message_status[]))
) + (
    SELECT count(*) FROM waves w JOIN audience_members a ON a.audience_id = w.audience_id JOIN recipients r USING (msisdn_hash)
    WHERE r.key_id = %(key)s AND w.status IN ('scheduled', 'expanding')
) AS n
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A number as it is kept."""

    msisdn_hash: bytes
    cipher: bytes
    key_id: str


async def by_key(connection: Connection) -> dict[str, int]:
    """How many numbers stand under each key."""
    cursor = await connection.execute(BY_KEY)
    return {row.key_id: row.n async for row in cursor}


async def under_other_keys(
    connection: Connection, current: str, known: Sequence[str], after: bytes, limit: int
) -> list[Kept]:
    """The next numbers in the order of their hashes that stand under another one of the `known` keys, locked."""
    arguments = {"current": current, "known": list(known), "after": after, "limit": limit}
    return [Kept(*row) async for row in await connection.execute(UNDER_OTHERS, arguments)]


async def move(connection: Connection, hashes: Sequence[bytes], ciphers: Sequence[bytes], key_id: str) -> None:
    """Put other cipher texts in the place of these."""
    arguments = {"hashes": array(hashes), "ciphers": array(ciphers), "key": key_id}
    await connection.execute(MOVE, arguments)


async def needed(connection: Connection, key_id: str) -> int:
    """How often a number under this key is still needed: messages on their way, and waves to come."""
    row = await one(connection, NEEDED, {"key": key_id, "final": sorted(FINAL)})
    return int(row.n)


async def erase_under(connection: Connection, key_id: str) -> int:
    """Delete all numbers under a key; answers how many there were."""
    cursor = await connection.execute("DELETE FROM recipients WHERE key_id = %s", [key_id])
    return cursor.rowcount


async def one_of_each_key(connection: Connection) -> list[Kept]:
    """A number of each key."""
    statement = "SELECT DISTINCT ON (key_id) msisdn_hash, cipher, key_id FROM recipients ORDER BY key_id, msisdn_hash"
    return [Kept(*row) async for row in await connection.execute(statement)]


async def now(connection: Connection) -> datetime:
    """The real time, also in a rehearsal: keys and what is kept under them age in it."""
    row = await one(connection, "SELECT clock_timestamp() AS now")
    moment: datetime = row.now
    return moment
