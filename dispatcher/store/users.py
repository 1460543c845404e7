"""People who sign in: organisations, accounts, sessions, failed tries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dispatcher.store.database import Connection, one

# A session ends after so long without a page, and at the latest after so long.
IDLE, LONGEST = "1 hour", "12 hours"
TICKET = "3 days"
FAILURES_FORGOTTEN = "1 day"

PERSON = """
u.id, u.organisation_id, o.slug AS organisation, o.name AS organisation_name, u.login, u.name, u.roles, u.password_hash,
u.totp_cipher, u.totp_key_id, u.totp_step
"""
USER = f"""
SELECT {PERSON} FROM users u JOIN organisations o ON o.id = u.organisation_id
"""
LISTING = """
SELECT u.login, u.name, o.slug AS organisation, u.roles, u.password_hash IS NOT NULL AS ready,
       u.totp_cipher IS NOT NULL AS second_factor, open.sessions, open.seen_at
FROM users u JOIN organisations o ON o.id = u.organisation_id
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE seen_at > clock_timestamp() - %(idle)s::interval)::int AS sessions, max(seen_at) AS seen_at
    FROM sessions s WHERE s.user_id = u.id
) AS open
WHERE %(all)s OR u.organisation_id = dispatcher_organisation() ORDER BY o.slug, u.login
"""
# Whoever refused by a text of their own refused everybody here: it counts for those who come later too.
INHERIT_REFUSALS = """
INSERT INTO suppressions (organisation_id, msisdn_hash, reason, source, added_by, added_at, scope, proof)
SELECT %s, msisdn_hash, reason, source, added_by, added_at, scope, proof FROM suppressions
WHERE added_by = 'inbound' AND organisation_id = (SELECT id FROM organisations WHERE slug = 'default')
ON CONFLICT DO NOTHING
"""
SESSION = f"""
SELECT {PERSON}, s.whole, s.seen_at < clock_timestamp() - interval '1 minute' AS stale
FROM sessions s JOIN users u ON u.id = s.user_id JOIN organisations o ON o.id = u.organisation_id
WHERE s.token_hash = %(token)s AND s.seen_at > clock_timestamp() - %(idle)s::interval
  AND s.began_at > clock_timestamp() - %(longest)s::interval
"""
SESSIONS = """
SELECT token_hash, began_at, seen_at, agent FROM sessions
WHERE user_id = %(user)s AND whole AND seen_at > clock_timestamp() - %(idle)s::interval
  AND began_at > clock_timestamp() - %(longest)s::interval
ORDER BY seen_at DESC
"""
FAILED = """
INSERT INTO failed_sign_ins (login, failures) VALUES (%s, 1)
ON CONFLICT (login) DO UPDATE SET failures = failed_sign_ins.failures + 1, last_at = clock_timestamp()
"""


@dataclass(frozen=True, slots=True)
class User:
    id: int
    organisation_id: int
    organisation: str
    organisation_name: str
    login: str
    name: str
    roles: tuple[str, ...]
    password_hash: str | None = field(repr=False)
    totp_cipher: bytes | None = field(repr=False)
    totp_key_id: str | None
    totp_step: int


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in somewhere; `agent` is what their browser calls itself."""

    token_hash: bytes
    began_at: datetime
    seen_at: datetime
    agent: str


@dataclass(frozen=True, slots=True)
class Listed:
    """`ready`: has chosen a password; `sessions`: how many are open."""

    login: str
    name: str
    organisation: str
    roles: tuple[str, ...]
    ready: bool
    second_factor: bool
    sessions: int
    seen_at: datetime | None


def _user(row: Any) -> User:
    return User(**{**row._asdict(), "roles": tuple(row.roles)})


async def act_for(connection: Connection, organisation_id: int) -> None:
    """The rest of the transaction sees and makes what belongs to this organisation only."""
    await connection.execute("SELECT set_config('dispatcher.organisation', %s, true)", [str(organisation_id)])


async def organisation(connection: Connection, slug: str) -> int | None:
    cursor = await connection.execute("SELECT id FROM organisations WHERE slug = %s", [slug])
    row = await cursor.fetchone()
    return int(row.id) if row else None


async def organisations(connection: Connection) -> list[str]:
    cursor = await connection.execute("SELECT slug FROM organisations ORDER BY id")
    return [row.slug async for row in cursor]


async def add_organisation(connection: Connection, slug: str, name: str) -> int:
    """Add one, or name it anew; answers its id."""
    statement = (
        "INSERT INTO organisations (slug, name) VALUES (%s, %s) ON CONFLICT (slug) DO UPDATE SET name = excluded.name"
    )
    row = await one(connection, f"{statement} RETURNING id", [slug, name])
    await connection.execute(INHERIT_REFUSALS, [row.id])
    return int(row.id)


async def add(connection: Connection, organisation_id: int, login: str, name: str, roles: Sequence[str]) -> bool:
    """Add a person who has no password yet; false where the login is taken."""
    cursor = await connection.execute(
        "INSERT INTO users (organisation_id, login, name, roles) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [organisation_id, login, name, list(roles)],
    )
    return cursor.rowcount == 1


async def find(connection: Connection, login: str, *, lock: bool = False) -> User | None:
    """A person by login, of whatever organisation."""
    cursor = await connection.execute(
        USER + "WHERE u.login = %s" + (" FOR UPDATE OF u" if lock else ""), [login.casefold()]
    )
    row = await cursor.fetchone()
    return _user(row) if row else None


async def any_ready(connection: Connection) -> bool:
    """Whether anybody has ever chosen a password."""
    row = await one(connection, "SELECT EXISTS (SELECT FROM users WHERE password_hash IS NOT NULL) AS so")
    return bool(row.so)


async def listing(connection: Connection, *, everywhere: bool = False) -> list[Listed]:
    """The people of the organisation, or of all."""
    cursor = await connection.execute(LISTING, {"idle": IDLE, "all": everywhere})
    return [Listed(**{**row._asdict(), "roles": tuple(row.roles)}) async for row in cursor]


async def set_roles(connection: Connection, user_id: int, roles: Sequence[str]) -> None:
    await connection.execute("UPDATE users SET roles = %s WHERE id = %s", [list(roles), user_id])


async def give_ticket(connection: Connection, user_id: int, ticket_hash: bytes) -> None:
    """A one-time code to choose a password with; an earlier one no longer counts."""
    await connection.execute(
        "UPDATE users SET ticket_hash = %s, ticket_until = clock_timestamp() + %s::interval WHERE id = %s",
        [ticket_hash, TICKET, user_id],
    )


async def shut_out(connection: Connection, user_id: int) -> None:
    """Take password, second factor and the bond to an identity provider away, and end all sessions and tokens."""
    await connection.execute(
        "UPDATE users SET password_hash = NULL, totp_cipher = NULL, totp_key_id = NULL, subject = NULL WHERE id = %s",
        [user_id],
    )
    await connection.execute(
        "UPDATE api_tokens SET ended_at = clock_timestamp() WHERE user_id = %s AND ended_at IS NULL", [user_id]
    )
    await end_sessions(connection, user_id)


async def of_subject(connection: Connection, subject: str) -> User | None:
    """Whom the identity provider knows by that name."""
    cursor = await connection.execute(USER + "WHERE u.subject = %s", [subject])
    row = await cursor.fetchone()
    return _user(row) if row else None


async def bind(connection: Connection, login: str, subject: str) -> bool:
    """From now on this is who they are at the identity provider; false where they are somebody else there already."""
    cursor = await connection.execute(
        "UPDATE users SET subject = %s WHERE login = %s AND subject IS NULL", [subject, login]
    )
    return cursor.rowcount == 1


async def redeem(connection: Connection, login: str, ticket_hash: bytes, password_hash: str) -> bool:
    """Trade a one-time code for a password; false where the code is not this person's, or too old."""
    cursor = await connection.execute(
        "UPDATE users SET password_hash = %s, ticket_hash = NULL, ticket_until = NULL"
        " WHERE login = %s AND ticket_hash = %s AND ticket_until > clock_timestamp()",
        [password_hash, login.casefold(), ticket_hash],
    )
    return cursor.rowcount == 1


async def set_password(connection: Connection, user_id: int, password_hash: str) -> None:
    await connection.execute("UPDATE users SET password_hash = %s WHERE id = %s", [password_hash, user_id])


async def with_second_factor(connection: Connection) -> list[User]:
    """Everybody who has one, of whatever organisation."""
    cursor = await connection.execute(USER + "WHERE u.totp_cipher IS NOT NULL ORDER BY u.id FOR UPDATE OF u")
    return [_user(row) async for row in cursor]


async def move_totp(connection: Connection, user_id: int, cipher: bytes, key_id: str) -> None:
    """The same second factor, encrypted with another key."""
    await connection.execute(
        "UPDATE users SET totp_cipher = %s, totp_key_id = %s WHERE id = %s", [cipher, key_id, user_id]
    )


async def set_totp(connection: Connection, user_id: int, cipher: bytes, key_id: str, step: int) -> None:
    """From now on the second factor is asked for; `step` is that of the code that proved it."""
    await connection.execute(
        "UPDATE users SET totp_cipher = %s, totp_key_id = %s, totp_step = %s WHERE id = %s",
        [cipher, key_id, step, user_id],
    )


async def use_step(connection: Connection, user_id: int, step: int) -> bool:
    """Use a code up; false where it, or a later one, has been used meanwhile."""
    cursor = await connection.execute(
        "UPDATE users SET totp_step = %(step)s WHERE id = %(id)s AND totp_step < %(step)s",
        {"step": step, "id": user_id},
    )
    return cursor.rowcount == 1


async def begin_session(connection: Connection, user_id: int, token_hash: bytes, agent: str, *, whole: bool) -> None:
    await connection.execute(
        "DELETE FROM sessions WHERE seen_at < clock_timestamp() - %s::interval OR began_at < clock_timestamp() - %s::interval",
        [IDLE, LONGEST],
    )
    await connection.execute(
        "INSERT INTO sessions (token_hash, user_id, whole, agent) VALUES (%s, %s, %s, %s)",
        [token_hash, user_id, whole, agent[:200]],
    )


async def session(connection: Connection, token_hash: bytes) -> tuple[User, bool] | None:
    """Whose session it is and whether it is whole; None where it has ended. Keeps it alive."""
    cursor = await connection.execute(SESSION, {"token": token_hash, "idle": IDLE, "longest": LONGEST})
    found = await cursor.fetchone()
    if found is None:
        return None
    if found.stale:
        await connection.execute("UPDATE sessions SET seen_at = clock_timestamp() WHERE token_hash = %s", [token_hash])
    fields = found._asdict()
    whole = bool(fields.pop("whole"))
    del fields["stale"]
    return User(**{**fields, "roles": tuple(found.roles)}), whole


async def end_session(connection: Connection, token_hash: bytes) -> None:
    await connection.execute("DELETE FROM sessions WHERE token_hash = %s", [token_hash])


async def sessions(connection: Connection, user_id: int) -> list[Session]:
    """A person's open sessions, the one used last first."""
    cursor = await connection.execute(SESSIONS, {"user": user_id, "idle": IDLE, "longest": LONGEST})
    return [Session(*row) async for row in cursor]


async def end_session_of(connection: Connection, user_id: int, token_hash: bytes) -> bool:
    """End one session of a person; false where they have no such session."""
    cursor = await connection.execute(
        "DELETE FROM sessions WHERE user_id = %s AND token_hash = %s", [user_id, token_hash]
    )
    return cursor.rowcount == 1


async def end_sessions(connection: Connection, user_id: int) -> int:
    """End all sessions of a person; answers how many there were."""
    cursor = await connection.execute("DELETE FROM sessions WHERE user_id = %s", [user_id])
    return cursor.rowcount


async def note_failure(connection: Connection, login: str) -> None:
    await connection.execute(
        "DELETE FROM failed_sign_ins WHERE last_at < clock_timestamp() - %s::interval", [FAILURES_FORGOTTEN]
    )
    await connection.execute(FAILED, [login])


async def forget_failures(connection: Connection, login: str) -> None:
    await connection.execute("DELETE FROM failed_sign_ins WHERE login = %s", [login])


async def failures(connection: Connection, login: str) -> tuple[int, float]:
    """How often in a row somebody failed under this name, and how many seconds ago the last time was."""
    cursor = await connection.execute(
        "SELECT failures, extract(epoch FROM clock_timestamp() - last_at)::float AS ago FROM failed_sign_ins WHERE login = %s",
        [login],
    )
    row = await cursor.fetchone()
    return (row.failures, row.ago) if row else (0, 0.0)
