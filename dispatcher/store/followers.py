"""People who follow an account of ours, and audiences made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dispatcher.store import audiences
from dispatcher.store.audiences import Audience
from dispatcher.store.database import Connection, array, one

PUT = """
INSERT INTO followers AS f (account, msisdn_hash, follows, told_at)
SELECT DISTINCT ON (msisdn_hash) %(account)s, msisdn_hash, follows, told_at
FROM unnest(%(hashes)s::bytea[], %(follows)s::boolean[], %(times)s::timestamptz[]) AS t (msisdn_hash, follows, told_at)
ORDER BY msisdn_hash, told_at DESC
ON CONFLICT (account, msisdn_hash) DO UPDATE SET follows = excluded.follows, told_at = excluded.told_at
WHERE f.told_at < excluded.told_at
"""
MEMBERS = """
INSERT INTO audience_members (audience_id, n, row_number, msisdn_hash)
SELECT %(audience)s, row_number() OVER (ORDER BY msisdn_hash), row_number() OVER (ORDER BY msisdn_hash), msisdn_hash
FROM followers WHERE account = %(account)s AND follows AND (%(only)s::bytea[] IS NULL OR msisdn_hash = ANY(%(only)s))
"""
DIGEST = """
SELECT encode(sha256(coalesce(string_agg(msisdn_hash, ''::bytea ORDER BY msisdn_hash), ''::bytea)), 'hex') AS digest
FROM followers WHERE account = %(account)s AND follows AND (%(only)s::bytea[] IS NULL OR msisdn_hash = ANY(%(only)s))
"""


@dataclass(frozen=True, slots=True)
class Word:
    """Somebody follows, or does so no more, as it was at `told_at`."""

    msisdn_hash: bytes
    follows: bool
    told_at: datetime


async def put(connection: Connection, account: str, words: Sequence[Word]) -> None:
    """Keep the last word of each person."""
    await connection.execute(
        PUT,
        {
            "account": account,
            "hashes": array(word.msisdn_hash for word in words),
            "follows": [word.follows for word in words],
            "times": [word.told_at for word in words],
        },
    )


async def audience(
    connection: Connection, account: str, name: str, relation: str, by: str, only: Sequence[bytes] | None = None
) -> Audience:
    """A new version of the audience `name`, of everybody who follows now; `only`: of these, by hash."""
    who = {"account": account, "only": None if only is None else list(only)}
    digest = (await one(connection, DIGEST, who)).digest
    told = {"name": name, "source_name": account, "source_sha256": digest, "mapping": {}, "imported_by": by}
    audience_id, _ = await audiences.begin(connection, told)
    cursor = await connection.execute(MEMBERS, {**who, "audience": audience_id})
    await audiences.relate(connection, audience_id, relation)
    n = cursor.rowcount
    return await audiences.count_in(
        connection, audience_id, {"lines": n, "accepted": n, "duplicate": 0, "rejected": 0, "recipients": n}
    )
