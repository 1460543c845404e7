"""The connection pool, and the migrations that must have run before anything else does."""

from __future__ import annotations

import select
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from types import NoneType
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
import yoyo
from psycopg import sql
from psycopg.rows import namedtuple_row
from psycopg_pool import AsyncConnectionPool

from dispatcher.errors import UserError
from dispatcher.store import privileges

Connection = psycopg.AsyncConnection[Any]
Pool = AsyncConnectionPool[Connection]

MIGRATIONS = Path(__file__).parent / "migrations"
OLDEST_SERVER = 160000
# Of the organisation that the transaction acts for (`users.act_for`).
OURS = "organisation_id = dispatcher_organisation()"
# yoyo's own lock is a row that outlives a killed process; this one dies with its connection.
MIGRATION_LOCK = 7_203_117_001

# A server that vanished without a word is noticed in about a quarter of a minute, and not after hours.
LINE: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}


class DatabaseError(UserError):
    """The database cannot be reached, is too old, or has not been brought up to date."""


def new_pool(url: str, size: int) -> Pool:
    """A pool to be opened with `async with`; rows come back with named columns."""

    async def check(connection: Connection) -> None:
        if _hung_up(connection):
            await connection.close()
            await pool.check()  # the server has told the others the same: not one failure after another
            raise psycopg.OperationalError("the server has hung up")

    settings = {"row_factory": namedtuple_row, **LINE}
    pool: Pool = AsyncConnectionPool(
        url, min_size=1, max_size=size, open=False, kwargs=settings, check=check, name="dispatcher"
    )
    return pool


@asynccontextmanager
async def by_itself(connection: Connection) -> AsyncIterator[None]:
    """Statements that commit by themselves: without BEGIN and COMMIT the database is asked once instead of three times."""
    await connection.set_autocommit(True)
    try:
        yield
    finally:
        if not connection.closed:
            await connection.set_autocommit(False)


async def connect(url: str) -> Connection:
    """A connection apart from any pool, each of whose statements commits by itself."""
    return await psycopg.AsyncConnection.connect(url, autocommit=True, **LINE)


def _hung_up(connection: Connection) -> bool:
    """Without a round trip: on an idle line the server has nothing to say but good-bye."""
    line = select.poll()
    line.register(connection.fileno(), select.POLLIN)
    return bool(line.poll(0))


def migrate(url: str, processes_url: str | None = None) -> list[str]:
    """Apply what is missing, under a lock; answers the names applied. Raises `DatabaseError`, `PrivilegeError`.

    `url` is that of the owner of the tables; the user of `processes_url` may then work with them, as `privileges` says.
    """
    with _checked(url) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        backend = _backend(url)
        try:
            missing = backend.to_apply(yoyo.read_migrations(str(MIGRATIONS)))
            backend.apply_migrations(missing)
            if processes_url:
                privileges.hold(connection, processes_url)
            return [migration.id for migration in missing]
        finally:
            backend.connection.close()


def check_migrated(url: str) -> None:
    """Raise `DatabaseError` unless every migration has been applied: no process starts on a schema it does not know."""
    with _checked(url):
        backend = _backend(url)
        try:
            missing = [migration.id for migration in backend.to_apply(yoyo.read_migrations(str(MIGRATIONS)))]
        finally:
            backend.connection.close()
    if missing:
        raise DatabaseError(f"Cơ sở dữ liệu chưa được cập nhật ({', '.join(missing)}). Chạy: dispatcher migrate")


def create_beside(url: str, name: str) -> str:
    """An empty database of that name on the same server; answers its address. Raises `DatabaseError`."""
    with _checked(url) as connection:
        try:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        except psycopg.errors.InsufficientPrivilege:
            raise DatabaseError(
                "Người dùng cơ sở dữ liệu không được lập cơ sở dữ liệu mới (cần quyền CREATEDB)."
            ) from None
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def drop_beside(url: str, name: str) -> None:
    """Drop it. While autovacuum works in it nobody but a superuser may: wait until it has left, up to a minute."""
    with _checked(url) as connection:
        for left in reversed(range(600)):
            try:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            except psycopg.errors.InsufficientPrivilege:
                if not left:
                    raise
                time.sleep(0.1)
            else:
                return


def _checked(url: str) -> psycopg.Connection[Any]:
    try:
        connection = psycopg.connect(url, autocommit=True, connect_timeout=10)
    except psycopg.OperationalError as error:
        where = urlsplit(url).hostname or "máy này"
        reason = str(error).strip().splitlines()[0]
        raise DatabaseError(f"Không kết nối được cơ sở dữ liệu ở {where}: {reason}") from None
    if connection.info.server_version < OLDEST_SERVER:
        connection.close()
        raise DatabaseError("Cần PostgreSQL 16 trở lên.")
    return connection


def _backend(url: str) -> Any:
    _scheme, rest = url.split("://", 1)
    return yoyo.get_backend(f"postgresql+psycopg://{rest}")


def array(values: Iterable[object]) -> str:
    """An array literal, for a parameter that the statement casts (`%s::uuid[]`); psycopg takes ten times as long over one."""
    listed = list(values)
    kinds = set(map(type, listed))
    if listed and all(issubclass(kind, str) for kind in kinds):
        return _texts(cast("list[str]", listed))
    if len(kinds) == 1:
        return "{" + ",".join(map(_LITERALS.get(kinds.pop(), _quoted), listed)) + "}"
    return "{" + ",".join([_LITERALS.get(type(value), _quoted)(value) for value in listed]) + "}"


def _texts(values: list[str]) -> str:
    """Most need no care, and what does is found in all of them at once."""
    joined = '","'.join(values)
    if "\\" in joined or joined.count('"') > 2 * (len(values) - 1):
        return "{" + ",".join(map(_quoted, values)) + "}"
    return '{"' + joined + '"}'


def _quoted(value: object) -> str:
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


_LITERALS: dict[type, Callable[[Any], str]] = {
    bool: lambda value: "t" if value else "f",
    int: str,
    float: repr,
    NoneType: lambda _: "NULL",
    UUID: lambda value: value.hex,
    bytes: lambda value: f'"\\\\x{value.hex()}"',
    datetime: datetime.isoformat,
}


async def one(connection: Connection, statement: str, arguments: Any = None) -> Any:
    """The row of a statement that always gives one."""
    cursor = await connection.execute(statement, arguments)
    row = await cursor.fetchone()
    if row is None:
        raise LookupError(f"no row: {statement[:80]}")
    return row
