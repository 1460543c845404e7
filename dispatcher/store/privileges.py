"""What the database itself lets the processes do: append to what only grows, and otherwise work; never change the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.json import Jsonb

from dispatcher.errors import UserError

Connected = psycopg.Connection[Any]

# kind of table -> what a process may do with it as a whole
RIGHTS: Mapping[str, Sequence[str]] = {
    "read": ("SELECT",),
    "append": ("SELECT", "INSERT"),
    "narrow": ("SELECT", "INSERT"),
    "work": ("SELECT", "INSERT", "UPDATE", "DELETE"),
}
# Of these, only columns that move: what a message is, to whom, and in which wave, stays as it was planned.
COLUMNS: Mapping[str, Sequence[str]] = {
    "stored_messages": ("batch_id", "segments", "attempts", "status", "changed_at"),
}
# What only grows says so itself, by its trigger.
KINDS = """
SELECT c.oid, c.relname AS name, CASE
    WHEN c.relkind = 'v' OR c.relname ~ '^_?yoyo' THEN 'read'
    WHEN EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'append_only') THEN 'append'
    WHEN c.relname = ANY(%(narrow)s) THEN 'narrow' ELSE 'work' END AS kind
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
"""
AS_MEANT = f"""
SELECT NOT EXISTS (
    SELECT FROM ({KINDS}) AS k CROSS JOIN unnest(%(all)s::text[]) AS may (what)
    WHERE has_table_privilege(%(role)s, k.oid, what) <> (what = ANY(string_to_array((%(rights)s::jsonb) ->> k.kind, ',')))
)
"""
WHOLE = (
    "GRANT USAGE ON SCHEMA public TO {}",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {}",
    "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}",
)
ALL = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
# Whoever is a member of the owner, or a superuser, has all of the owner's rights whatever is granted.
OWNS = """
SELECT pg_has_role(%s, tableowner, 'MEMBER') FROM pg_tables WHERE schemaname = 'public' AND tablename = 'audit_trail'
"""


class PrivilegeError(UserError):
    """A database user that cannot be made, or cannot be held to anything."""


def hold(owner: Connected, processes_url: str) -> bool:
    """Make the user of `processes_url` if there is none, and let it do what processes do; whether anything was changed.

    Raises `PrivilegeError`.
    """
    given = conninfo_to_dict(processes_url)
    role = str(given["user"])
    made = _made(owner, role, str(given.get("password") or ""))
    if _truth(owner, OWNS, [role]):
        raise PrivilegeError(
            f"Người dùng cơ sở dữ liệu {role} là chủ các bảng (hoặc quản trị cao nhất), nên không hạn chế được;"
            " DISPATCHER_DATABASE_URL phải dùng một người dùng khác với DISPATCHER_OWNER_URL."
        )
    if not made and as_meant(owner, role):
        return False
    with owner.transaction():
        _grant(owner, sql.Identifier(role))
    return True


def owns(connection: Connected, role: str) -> bool:
    """Whether that user could switch off what keeps the log."""
    return _truth(connection, OWNS, [role])


def as_meant(connection: Connected, role: str) -> bool:
    """Whether the user may do with each table what a process may, no more and no less."""
    rights = Jsonb({kind: ",".join(rights) for kind, rights in RIGHTS.items()})
    return _truth(connection, AS_MEANT, {"role": role, "all": list(ALL), "narrow": list(COLUMNS), "rights": rights})


def _made(owner: Connected, role: str, password: str) -> bool:
    if _truth(owner, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", [role]):
        return False
    # Hashed here: the server writes statements that fail, or are slow, into its log.
    hashed = owner.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(hashed))
    try:
        owner.execute(statement)
    except psycopg.errors.InsufficientPrivilege:
        raise PrivilegeError(
            f"Chưa có người dùng cơ sở dữ liệu {role}. Người quản trị PostgreSQL chạy:"
            f" CREATE ROLE {role} LOGIN PASSWORD '...'; rồi chạy lại dispatcher migrate."
        ) from None
    return True


def _grant(owner: Connected, role: sql.Identifier) -> None:
    for statement in WHOLE:
        owner.execute(sql.SQL(statement).format(role))
    for _, name, kind in owner.execute(KINDS, {"narrow": list(COLUMNS)}).fetchall():
        table, rights = sql.Identifier(name), sql.SQL(", ".join(RIGHTS[kind]))
        owner.execute(sql.SQL("GRANT {} ON {} TO {}").format(rights, table, role))
        if columns := COLUMNS.get(name):
            named = sql.SQL(", ").join(map(sql.Identifier, columns))
            owner.execute(sql.SQL("GRANT UPDATE ({}) ON {} TO {}").format(named, table, role))


def _truth(connection: Connected, statement: str, given: Any) -> bool:
    row = connection.execute(statement, given).fetchone()
    return bool(row and row[0])
