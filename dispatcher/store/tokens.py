"""Tokens of programs, and the answers that a repeated request is given again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dispatcher.store import users
from dispatcher.store.database import OURS, Connection, one
from dispatcher.store.users import User

# An answer is remembered for so long: whoever repeats a request does it within minutes.
REMEMBERED = "1 day"

OPEN = "t.ended_at IS NULL AND t.expires_at > clock_timestamp()"
# A person whose password was taken away is shut out with all their programs.
FIND = f"""
SELECT t.id, t.name, t.actions, t.expires_at, u.login
FROM api_tokens t JOIN users u ON u.id = t.user_id
WHERE t.token_hash = %s AND {OPEN} AND u.password_hash IS NOT NULL
"""
USE = """
UPDATE api_tokens SET used_at = clock_timestamp()
WHERE id = %s AND (used_at IS NULL OR used_at < clock_timestamp() - interval '1 minute')
"""
LISTING = f"""
SELECT t.id, u.login, t.name, t.actions, t.added_by, t.added_at, t.expires_at, t.ended_at, t.used_at
FROM api_tokens t JOIN users u ON u.id = t.user_id
WHERE %(all)s OR u.{OURS} ORDER BY t.id
"""
CLAIM = """
INSERT INTO api_answers (token_id, key, request_hash) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING RETURNING true AS first
"""


@dataclass(frozen=True, slots=True)
class Token:
    """A program's way in: it may do what is in `actions` and what its person may do."""

    id: int
    name: str
    actions: tuple[str, ...]
    expires_at: datetime
    user: User


@dataclass(frozen=True, slots=True)
class Listed:
    id: int
    login: str
    name: str
    actions: tuple[str, ...]
    added_by: str
    added_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered to a request with this key; `request_hash` is of what was asked then."""

    request_hash: bytes
    status: int
    body: bytes


async def add(
    connection: Connection, user_id: int, name: str, token_hash: bytes, actions: Sequence[str], by: str, days: int
) -> int:
    row = await one(
        connection,
        "INSERT INTO api_tokens (user_id, name, token_hash, actions, added_by, expires_at)"
        " VALUES (%s, %s, %s, %s, %s, clock_timestamp() + %s * interval '1 day') RETURNING id",
        [user_id, name, token_hash, list(actions), by, days],
    )
    return int(row.id)


async def find(connection: Connection, token_hash: bytes) -> Token | None:
    """The token that is open, with its person as they are now."""
    row = await (await connection.execute(FIND, [token_hash])).fetchone()
    user = await users.find(connection, row.login) if row else None
    if row is None or user is None:
        return None
    await connection.execute(USE, [row.id])
    return Token(row.id, row.name, tuple(row.actions), row.expires_at, user)


async def listing(connection: Connection, *, everywhere: bool = False) -> list[Listed]:
    """All tokens of the organisation's people, or of everybody, the ended ones too."""
    cursor = await connection.execute(LISTING, {"all": everywhere})
    return [Listed(**{**row._asdict(), "actions": tuple(row.actions)}) async for row in cursor]


async def end(connection: Connection, token_id: int) -> tuple[str, int, str] | None:
    """The token opens nothing from now on; answers its person's login and organisation, and its name.

    None where there is no such open one.
    """
    cursor = await connection.execute(
        "UPDATE api_tokens t SET ended_at = clock_timestamp() FROM users u"
        f" WHERE t.id = %s AND {OPEN} AND u.id = t.user_id RETURNING u.login, u.organisation_id, t.name",
        [token_id],
    )
    row = await cursor.fetchone()
    return tuple(row) if row else None


async def claim(connection: Connection, token_id: int, key: str, request_hash: bytes) -> Answer | None:
    """None where this transaction is the first with the key; else the answer that was given to the first.

    Waits for another transaction that is acting under the same key, at most as long as `lock_timeout` says.
    """
    await connection.execute("DELETE FROM api_answers WHERE at < clock_timestamp() - %s::interval", [REMEMBERED])
    if await (await connection.execute(CLAIM, [token_id, key, request_hash])).fetchone():
        return None
    row = await one(
        connection,
        "SELECT request_hash, status, body FROM api_answers WHERE token_id = %s AND key = %s",
        [token_id, key],
    )
    return Answer(row.request_hash, row.status, row.body)


async def keep(connection: Connection, token_id: int, key: str, status: int, body: bytes) -> None:
    """The answer that everybody gets who repeats the key."""
    await connection.execute(
        "UPDATE api_answers SET status = %s, body = %s WHERE token_id = %s AND key = %s", [status, body, token_id, key]
    )
