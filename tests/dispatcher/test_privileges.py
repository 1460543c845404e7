"""The database holds the processes to appending: a whole campaign as their user, and every way to change what is sealed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from dispatcher import inspection, receipts, sealing
from dispatcher.keyring import Keyring
from dispatcher.runtime import Addresses, open_runtime
from dispatcher.settings import Settings
from dispatcher.signing import open_signing_key
from dispatcher.store import privileges, retention
from dispatcher.store.database import migrate
from dispatcher.store.privileges import PrivilegeError
from dispatcher.store.seals import FORMS
from providers.sandbox import PretendCarrier
from tests.dispatcher.hall import Hall
from tests.dispatcher.test_receipts import D, ids, put, receipt

CHANGES = (
    "UPDATE {} SET {} = {}",
    "DELETE FROM {}",
    "TRUNCATE {}",
    "ALTER TABLE {} DISABLE TRIGGER append_only",
    "ALTER TABLE {} DISABLE TRIGGER ALL",
    "DROP TRIGGER append_only ON {}",
    "ALTER TABLE {} ADD COLUMN more int",
    "DROP TABLE {}",
)
TRICKS = (
    "SET session_replication_role = replica",
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "CREATE OR REPLACE FUNCTION await_seal() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "CREATE TABLE attempts_of_mine (id int)",
    "UPDATE stored_messages SET msisdn_hash = msisdn_hash",
    "UPDATE stored_messages SET wave_id = wave_id",
    "DELETE FROM stored_messages",
    "SET ROLE dispatcher",
)


@pytest.fixture
async def limited(
    settings: Settings, restricted: Addresses, keyring: Keyring, carrier: PretendCarrier, tmp_path: Path
) -> AsyncIterator[Hall]:
    """A hall whose every statement is the processes' user's."""
    async with open_runtime(settings, restricted) as runtime:
        yield Hall(runtime, carrier, tmp_path)


@pytest.fixture
def processes(restricted: Addresses) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(restricted.database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def owner(restricted: Addresses) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(restricted.owner_url, autocommit=True) as connection:
        yield connection


def append_only(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """The tables that only grow, each with a column of it."""
    rows = connection.execute(
        "SELECT t.tgrelid::regclass::text, a.attname FROM pg_trigger t JOIN pg_attribute a"
        " ON a.attrelid = t.tgrelid AND a.attnum = 2 WHERE t.tgname = 'append_only'"
    )
    return dict(rows.fetchall())


async def test_a_campaign_is_sent_reported_sealed_and_verified_as_the_user_of_the_processes(
    limited: Hall, tmp_path: Path
) -> None:
    assert await limited.scalar("SELECT current_user::text") == "dispatcher_processes"
    await limited.planned(30)
    await limited.send_all()
    await put(limited, [receipt(D, message) for message in (await ids(limited))[:20]])
    await receipts.settle(limited.runtime)
    await limited.fold()
    await limited.tidy()
    assert (await limited.counts())["delivered"] == 20
    key = open_signing_key(tmp_path / "signing.pem", create=True)
    assert await sealing.seal_all(limited.runtime.pool, key) > 50
    assert await sealing.checkpoint(limited.runtime.pool, key)
    async with limited.runtime.pool.connection() as connection:
        seen = await inspection.inspect(connection, (key.private.public_key(),), None, lambda _done, _total: None)
    assert (seen.chain.findings, seen.unsealed) == ([], [])


async def test_no_way_to_change_what_only_grows_is_open_to_the_processes(
    limited: Hall, processes: psycopg.Connection[Any]
) -> None:
    await limited.planned(3)
    tables = append_only(processes)
    assert {*FORMS, "seals", "checkpoints", "approvals"} <= set(tables)
    for table, column in tables.items():
        for change in CHANGES:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                processes.execute(change.format(table, column, column))
    for trick in TRICKS:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            processes.execute(trick)


async def test_what_is_too_old_is_the_owners_to_delete(limited: Hall, owner: psycopg.Connection[Any]) -> None:
    await limited.planned(3)
    async with limited.runtime.pool.connection() as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute(retention.FORGET_MESSAGES, {"wave": 1, "slice": 9})
    assert owner.execute(retention.FORGET_MESSAGES, {"wave": 1, "slice": 9}).fetchone() == (3,)


def test_a_table_that_came_with_an_update_is_granted_by_the_next_migrate(
    restricted: Addresses, owner: psycopg.Connection[Any], processes: psycopg.Connection[Any]
) -> None:
    assert not privileges.hold(owner, restricted.database_url)
    owner.execute("CREATE TABLE newer (n int)")
    owner.execute("GRANT UPDATE ON attempts TO dispatcher_processes")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        processes.execute("SELECT FROM newer")
    assert migrate(restricted.owner_url, restricted.database_url) == []
    processes.execute("DELETE FROM newer")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        processes.execute("UPDATE attempts SET code = code")
    assert not privileges.hold(owner, restricted.database_url)


def test_who_owns_the_tables_cannot_be_held_and_is_told_so(
    restricted: Addresses, owner: psycopg.Connection[Any]
) -> None:
    with pytest.raises(PrivilegeError, match="DISPATCHER_OWNER_URL"):
        privileges.hold(owner, restricted.owner_url)


def test_a_user_that_the_owner_may_not_make_is_asked_for_and_no_password_is_told(
    restricted: Addresses, owner: psycopg.Connection[Any]
) -> None:
    unknown = urlsplit(restricted.owner_url)._replace(netloc="stranger:secret-word@").geturl()
    with pytest.raises(PrivilegeError, match="CREATE ROLE stranger LOGIN") as told:
        privileges.hold(owner, unknown)
    assert "secret-word" not in str(told.value)
