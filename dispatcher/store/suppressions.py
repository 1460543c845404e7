"""Numbers that must not be texted, each with reason, source and date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dispatcher.store.database import OURS, Connection, one

# Whoever was on the Do-Not-Call list alone and now refuses everything is refused everything; never the other way.
WIDEN = """
ON CONFLICT (organisation_id, msisdn_hash) DO UPDATE SET
    scope = EXCLUDED.scope, reason = EXCLUDED.reason, source = EXCLUDED.source, added_by = EXCLUDED.added_by,
    added_at = EXCLUDED.added_at
WHERE suppressions.scope = 'advertising' AND EXCLUDED.scope = 'all'
"""
ADD = f"""
WITH given AS (
    SELECT * FROM unnest(%(hashes)s::bytea[], %(ciphers)s::bytea[], %(networks)s::text[]) AS t (msisdn_hash, cipher, network)
),
kept AS (
    INSERT INTO recipients (msisdn_hash, cipher, key_id, network)
    SELECT msisdn_hash, cipher, %(key_id)s, network FROM given ON CONFLICT (msisdn_hash) DO NOTHING
)
INSERT INTO suppressions (organisation_id, msisdn_hash, reason, source, added_by, scope)
SELECT dispatcher_organisation(), g.msisdn_hash, %(reason)s, %(source)s, %(by)s, %(scope)s FROM given g
{WIDEN}"""
ADD_KNOWN = f"""
INSERT INTO suppressions (organisation_id, msisdn_hash, reason, source, added_by)
SELECT o.id, %s, %s, %s, %s FROM organisations o
{WIDEN}"""
LISTING = f"""
SELECT s.msisdn_hash, r.cipher, r.key_id, s.reason, s.source, s.added_by, s.added_at, s.scope
FROM suppressions s LEFT JOIN recipients r USING (msisdn_hash)
WHERE s.{OURS}
ORDER BY s.added_at DESC, s.msisdn_hash LIMIT %s
"""


class Scope(StrEnum):
    """What a number must not get: anything at all, or advertising (the Do-Not-Call list)."""

    ALL = "all"
    ADVERTISING = "advertising"


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
) -> int:
    """Add distinct numbers; answers how many were not on the list before, or only for advertising."""
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
        },
    )
    return cursor.rowcount


async def add_known(connection: Connection, msisdn_hash: bytes, reason: str, source: str, by: str) -> None:
    """Add a number that is in `recipients`, for every organisation: the person refused the sender, whoever writes."""
    await connection.execute(ADD_KNOWN, [msisdn_hash, reason, source, by])


async def newest(connection: Connection, limit: int) -> list[Suppression]:
    cursor = await connection.execute(LISTING, [limit])
    return [Suppression(**{**row._asdict(), "scope": Scope(row.scope)}) async for row in cursor]


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
