"""Numbers that must not be texted, each with reason, source and date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dispatcher.store.database import Connection, one

ADD = """
WITH given AS (
    SELECT * FROM unnest(%(hashes)s::bytea[], %(ciphers)s::bytea[], %(networks)s::text[]) AS t (msisdn_hash, cipher, network)
),
kept AS (
    INSERT INTO recipients (msisdn_hash, cipher, key_id, network)
    SELECT msisdn_hash, cipher, %(key_id)s, network FROM given ON CONFLICT (msisdn_hash) DO NOTHING
)
INSERT INTO suppressions (organisation_id, msisdn_hash, reason, source, added_by)
SELECT o.id, g.msisdn_hash, %(reason)s, %(source)s, %(by)s FROM given g, organisations o WHERE o.slug = 'default'
ON CONFLICT DO NOTHING
"""
ADD_KNOWN = """
INSERT INTO suppressions (organisation_id, msisdn_hash, reason, source, added_by)
SELECT o.id, %s, %s, %s, %s FROM organisations o WHERE o.slug = 'default'
ON CONFLICT DO NOTHING
"""
LISTING = """
SELECT s.msisdn_hash, r.cipher, r.key_id, s.reason, s.source, s.added_by, s.added_at
FROM suppressions s JOIN recipients r USING (msisdn_hash)
ORDER BY s.added_at DESC, s.msisdn_hash LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Suppression:
    msisdn_hash: bytes
    cipher: bytes
    key_id: str
    reason: str
    source: str
    added_by: str
    added_at: datetime


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
) -> int:
    """Add distinct numbers; answers how many were not on the list before."""
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
        },
    )
    return cursor.rowcount


async def add_known(connection: Connection, msisdn_hash: bytes, reason: str, source: str, by: str) -> None:
    """Add a number that is in `recipients`."""
    await connection.execute(ADD_KNOWN, [msisdn_hash, reason, source, by])


async def newest(connection: Connection, limit: int) -> list[Suppression]:
    cursor = await connection.execute(LISTING, [limit])
    return [Suppression(*row) async for row in cursor]


async def count(connection: Connection) -> int:
    row = await one(connection, "SELECT count(*)::int AS n FROM suppressions")
    return int(row.n)
