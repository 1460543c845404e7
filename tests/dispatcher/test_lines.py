"""Lines to the servers that die or fall silent: noticed soon, and mended at little cost."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import psycopg
import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from dispatcher import broker
from dispatcher.broker import Queue, Verb, new_broker
from dispatcher.runtime import Addresses, Runtime
from dispatcher.store import database
from dispatcher.store.database import connect, new_pool


@pytest.fixture
def silent() -> Iterator[int]:
    """A port of this machine that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield listener.getsockname()[1]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(database.LINE, "connect_timeout", 2)  # libpq's least
    monkeypatch.setitem(broker.LINE, "socket_timeout", 0.2)


async def test_a_database_that_never_answers_is_given_up(silent: int) -> None:
    with pytest.raises(psycopg.OperationalError):
        await connect(f"postgresql://anybody@127.0.0.1:{silent}/nothing")


async def test_a_valkey_that_never_answers_is_an_error_and_not_a_hang(silent: int) -> None:
    url = f"redis://127.0.0.1:{silent}/0"
    async with Redis.from_url(url, **broker.LINE) as redis:
        with pytest.raises(RedisError):
            await redis.get("anything")
    assert not await Queue(new_broker(url)).put(Verb.SEND, [1])


async def test_every_connection_watches_its_line(addresses: Addresses, runtime: Runtime) -> None:
    watched = {"keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"}
    async with await connect(addresses.database_url) as leader, runtime.pool.connection() as connection:
        for given in (leader, connection):
            assert given.info.get_parameters().items() >= {name: str(database.LINE[name]) for name in watched}.items()


async def test_after_a_restart_of_the_database_no_broken_connection_is_handed_out(addresses: Addresses) -> None:
    async with new_pool(addresses.database_url, 4) as pool:
        held = [await pool.getconn() for _ in range(4)]
        for connection in held:
            await pool.putconn(connection)
        async with await connect(addresses.database_url) as other:
            await other.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        for _ in range(4):
            async with pool.connection() as connection:
                assert await connection.execute("SELECT 1")
