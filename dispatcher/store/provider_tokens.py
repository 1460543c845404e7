"""Tokens of accounts at providers: one pair each, changed by whoever holds its lock."""

from __future__ import annotations

from dataclasses import dataclass, field

from dispatcher.store.database import Connection, one

READ = """
SELECT access, refresh, key_id, version, extract(epoch FROM expires_at - clock_timestamp())::float AS seconds,
       extract(epoch FROM expires_at - refreshed_at)::float AS lifetime, dead
FROM provider_tokens WHERE account = %s
"""
PUT = """
INSERT INTO provider_tokens AS t (account, access, refresh, key_id, expires_at)
VALUES (%(account)s, %(access)s, %(refresh)s, %(key_id)s, clock_timestamp() + %(seconds)s * interval '1 second')
ON CONFLICT (account) DO UPDATE SET access = excluded.access, refresh = excluded.refresh, key_id = excluded.key_id,
    version = t.version + 1, refreshed_at = clock_timestamp(), expires_at = excluded.expires_at, dead = NULL
WHERE %(version)s::int IS NULL OR t.version = %(version)s
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A pair; the access token is good for `seconds` more of its `lifetime`. `dead`: why it is not, for good."""

    access: bytes = field(repr=False)
    refresh: bytes = field(repr=False)
    key_id: str
    version: int
    seconds: float
    lifetime: float
    dead: str | None


async def read(connection: Connection, account: str) -> Kept | None:
    """The pair as it is now."""
    return await _read(connection, READ, account)


async def hold(connection: Connection, account: str) -> Kept | None:
    """The same, and nobody else changes it until the transaction ends."""
    return await _read(connection, f"{READ} FOR UPDATE", account)


async def _read(connection: Connection, statement: str, account: str) -> Kept | None:
    row = await (await connection.execute(statement, [account])).fetchone()
    return Kept(*row) if row else None


async def put(
    connection: Connection,
    account: str,
    *,
    access: bytes,
    refresh: bytes,
    key_id: str,
    seconds: float,
    version: int | None,
) -> None:
    """Put a new pair in place of `version` of it (None: of whatever is there)."""
    told = {"access": access, "refresh": refresh, "key_id": key_id, "seconds": seconds, "version": version}
    await connection.execute(PUT, {"account": account, **told})


async def under(connection: Connection, key_id: str) -> bool:
    """Whether a pair is encrypted with that key; every new pair is with the key in use."""
    row = await one(connection, "SELECT EXISTS (SELECT FROM provider_tokens WHERE key_id = %s) AS yes", [key_id])
    return bool(row.yes)


async def bury(connection: Connection, account: str, version: int, why: str) -> None:
    """That version of the pair is worth nothing any more."""
    await connection.execute(
        "UPDATE provider_tokens SET dead = %s WHERE account = %s AND version = %s", [why, account, version]
    )
