"""Real parts for every test that needs them: embedded servers, a fresh database each time, a pretend carrier."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from hypothesis import settings as examples
from psycopg import sql

from dispatcher.embedded import Embedded, Servers
from dispatcher.keyring import Keyring, open_keyring
from dispatcher.runtime import Addresses, Runtime, open_runtime
from dispatcher.settings import Settings, fixed
from dispatcher.store.database import migrate
from providers.sandbox import Dials, PretendCarrier
from tests.dispatcher.hall import SENDER, Hall

# No test asserts a time: on a busy machine an example may take long.
examples.register_profile("untimed", deadline=None)
examples.load_profile("untimed")

TEMPLATE = "empty_hall"
_names = (f"hall_{number}" for number in itertools.count(1))


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """PostgreSQL and Valkey for the whole run, with one migrated database to copy from."""
    with Embedded(tmp_path_factory.mktemp("servers")) as started:
        with psycopg.connect(started.database_url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
        migrate(_named(started.database_url, TEMPLATE), started.processes_url)
        yield started


@pytest.fixture(scope="session")
def servers(started: Servers) -> Addresses:
    """Where they are; the database as its owner, who may do whatever a test needs done to it."""
    return Addresses(started.database_url, started.redis_url, started.database_url)


def _named(url: str, database: str) -> str:
    return urlsplit(url)._replace(path=f"/{database}").geturl()


@pytest.fixture
def addresses(servers: Addresses) -> Iterator[Addresses]:
    """A migrated database of the test's own, and an empty Valkey."""
    name = sql.Identifier(next(_names))
    with redis.Redis.from_url(servers.redis_url) as valkey:
        valkey.flushdb()
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, sql.Identifier(TEMPLATE)))
        url = _named(servers.database_url, name.as_string(None).strip('"'))
        yield Addresses(url, servers.redis_url, url)
        _drop(connection, name)


@pytest.fixture
def restricted(addresses: Addresses, started: Servers) -> Addresses:
    """The same database, as the user that the processes of an installation are."""
    database = urlsplit(addresses.database_url).path.strip("/")
    return Addresses(_named(started.processes_url, database), addresses.redis_url, addresses.database_url)


def _drop(connection: psycopg.Connection[Any], name: sql.Identifier) -> None:
    """Drop a database. While autovacuum works in it nobody but a superuser may: wait until it has left."""
    deadline = time.monotonic() + 60
    while True:
        try:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
        except psycopg.errors.InsufficientPrivilege:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


@pytest.fixture
def dials() -> Dials:
    """How the pretend carrier behaves; parametrise `dials` to have it misbehave."""
    return Dials()


@pytest.fixture
async def carrier(dials: Dials) -> AsyncIterator[PretendCarrier]:
    async with PretendCarrier(dials.model_copy(update={"brandnames": (SENDER,)})) as carrier:
        yield carrier


@pytest.fixture
def networks() -> list[str]:
    """The networks that the route `main` serves."""
    return ["*"]


@pytest.fixture
def settings(tmp_path: Path, carrier: PretendCarrier, networks: list[str]) -> Settings:
    """Settings of a small installation whose one route leads to the pretend carrier."""
    routes = tmp_path / "routes.toml"
    routes.write_text(
        f"""
[[route]]
name = "main"
provider = "esms"
networks = {networks}
sender = "{SENDER}"
tps = 5000
[route.options]
base_url = "{carrier.base_url}"
api_key = "sandbox-api-key"
secret_key = "sandbox-secret-key"
"""
    )
    return fixed(folder=tmp_path / "var", routes=routes, batch_size=20)


@pytest.fixture
def keyring(settings: Settings) -> Keyring:
    return open_keyring(settings.keyring_path, create=True)


@pytest.fixture
async def runtime(settings: Settings, addresses: Addresses, keyring: Keyring) -> AsyncIterator[Runtime]:
    async with open_runtime(settings, addresses) as runtime:
        yield runtime


@pytest.fixture
def hall(runtime: Runtime, carrier: PretendCarrier, tmp_path: Path) -> Hall:
    """The runtime with the everyday acts at hand."""
    return Hall(runtime, carrier, tmp_path)
