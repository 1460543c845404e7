"""Restored backups, copies and emptied Valkeys, with real servers: who may send, and that nobody else does."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from psycopg import sql
from pydantic import SecretStr

from dispatcher import adoption, clock, guard, sending
from dispatcher.embedded import Embedded
from dispatcher.embedded.binaries import from_wheels
from dispatcher.epoch import Standing
from dispatcher.guard import Finding
from dispatcher.keyring import Keyring, open_keyring
from dispatcher.runtime import Addresses, Runtime, open_runtime
from dispatcher.settings import Settings
from dispatcher.store.database import migrate
from providers.sandbox import PretendCarrier
from tests.dispatcher.hall import Hall


@pytest.fixture
def apart(settings: Settings, addresses: Addresses, keyring: Keyring) -> Settings:
    """Settings of a host over servers of their own."""
    given = {"database_url": SecretStr(addresses.database_url), "keyring": settings.keyring_path}
    return settings.model_copy(update=given)


def host(settings: Settings, name: str) -> Settings:
    """The same on another host, with a folder of its own."""
    return settings.model_copy(update={"folder": settings.folder.parent / name})


async def standing(settings: Settings, addresses: Addresses) -> Standing:
    """What a process finds that starts now."""
    async with open_runtime(settings, addresses) as runtime:
        return await found(runtime)


async def found(runtime: Runtime) -> Standing:
    finding = await runtime.guard.find(runtime.pool)
    assert runtime.guard.trusted is (finding.standing is Standing.OURS)
    return finding.standing


async def recheck(runtime: Runtime) -> Standing:
    await runtime.guard.check(runtime.pool)
    return await found(runtime)


async def adopt(runtime: Runtime) -> adoption.Adopted:
    finding: Finding = await runtime.guard.find(runtime.pool)
    async with runtime.pool.connection() as connection:
        adopted = await adoption.adopt(connection, finding, "Trần Bình", "khôi phục sau sự cố")
    await runtime.guard.write(adopted.mark)
    return adopted


def flush(addresses: Addresses) -> None:
    with redis.Redis.from_url(addresses.redis_url) as valkey:
        valkey.flushdb()


def dump(addresses: Addresses, file: Path) -> Path:
    tool("pg_dump", "--format=custom", f"--file={file}", addresses.database_url)
    return file


def restore(file: Path, url: str) -> None:
    tool("pg_restore", "--clean", "--if-exists", "--no-owner", "--exit-on-error", f"--dbname={url}", str(file))


def tool(name: str, *words: str) -> None:
    program = from_wheels().postgres.with_name(name)
    subprocess.run([program, *words], check=True, timeout=60)


@pytest.fixture
def second(addresses: Addresses) -> Iterator[Addresses]:
    """An empty database beside the first one, at the same Valkey."""
    name = sql.Identifier("second_hall")
    with psycopg.connect(addresses.database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        yield replace(addresses, database_url=urlsplit(addresses.database_url)._replace(path="/second_hall").geturl())
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture(params=["apart", "embedded"])
def either(request: pytest.FixtureRequest, settings: Settings, apart: Settings) -> Settings:
    return apart if request.param == "apart" else settings


async def test_first_start_and_restarts_need_nobody(either: Settings, addresses: Addresses, keyring: Keyring) -> None:
    for _ in range(3):
        assert await standing(either, addresses) is Standing.OURS
    (witness,) = either.folder.glob("witness*")
    assert witness.stat().st_mode & 0o777 == 0o600


async def test_several_processes_that_start_at_once_know_one_another(
    either: Settings, addresses: Addresses, keyring: Keyring
) -> None:
    for _ in range(2):
        assert set(await asyncio.gather(*(standing(either, addresses) for _ in range(4)))) == {Standing.OURS}


async def test_a_further_host_joins_by_valkey_and_can_vouch_from_then_on(apart: Settings, addresses: Addresses) -> None:
    assert await standing(apart, addresses) is Standing.OURS
    assert await standing(host(apart, "b"), addresses) is Standing.OURS
    flush(addresses)
    assert await standing(host(apart, "b"), addresses) is Standing.OURS
    flush(addresses)
    assert await standing(host(apart, "c"), addresses) is Standing.UNKNOWN  # it has never been here


async def test_valkey_emptied_while_nothing_runs_holds_nothing_up(
    either: Settings, addresses: Addresses, keyring: Keyring
) -> None:
    assert await standing(either, addresses) is Standing.OURS
    flush(addresses)
    assert await standing(either, addresses) is Standing.OURS


async def test_valkey_emptied_under_a_process_without_a_folder_is_told_again(
    apart: Settings, addresses: Addresses
) -> None:
    nowhere = apart.model_copy(update={"folder": Path("/proc/dispatcher")})
    async with open_runtime(nowhere, addresses) as runtime:
        flush(addresses)
        assert await recheck(runtime) is Standing.OURS
        assert await standing(host(apart, "b"), addresses) is Standing.OURS


async def test_without_valkey_a_process_waits_and_starts_when_it_is_there(
    apart: Settings, addresses: Addresses
) -> None:
    async with open_runtime(apart, replace(addresses, redis_url="redis://127.0.0.1:9/0")) as runtime:
        assert not runtime.guard.trusted
        async with runtime.pool.connection() as connection:
            assert not await runtime.guard.holds(connection)
    assert await standing(apart, addresses) is Standing.OURS


async def test_generations_go_on_while_a_process_runs(
    runtime: Runtime, hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "RENEW_SECONDS", 0.0)
    before = await hall.scalar("SELECT generation FROM installation")
    for _ in range(3):
        assert await recheck(runtime) is Standing.OURS
    assert await hall.scalar("SELECT generation FROM installation") == before + 3


async def test_a_backup_restored_on_the_same_server_sends_nothing_not_even_under_a_running_process(
    hall: Hall, settings: Settings, addresses: Addresses, tmp_path: Path
) -> None:
    await hall.planned(5)
    backup = dump(addresses, tmp_path / "backup")
    assert await standing(settings, addresses) is Standing.OURS  # life goes on
    assert await recheck(hall.runtime) is Standing.OURS
    assert await hall.send() == 1
    restore(backup, addresses.database_url)
    async with hall.runtime.pool.connection() as connection:  # nobody has checked again yet
        assert hall.runtime.guard.trusted
        assert not await hall.runtime.guard.holds(connection)
    await clock.tick(hall.runtime, {}, {}, housekeeping=True)
    for batch in await hall.due():
        await sending.send(hall.runtime, batch)
    assert await hall.counts() == {"queued": 5}
    assert len(hall.carrier.ledger.arrivals) == 5  # those of before
    assert await recheck(hall.runtime) is Standing.RESTORED
    assert await standing(settings, addresses) is Standing.RESTORED


async def test_a_backup_is_known_by_valkey_alone_and_by_the_file_alone(
    apart: Settings, addresses: Addresses, tmp_path: Path
) -> None:
    assert await standing(apart, addresses) is Standing.OURS
    backup = dump(addresses, tmp_path / "backup")
    assert await standing(apart, addresses) is Standing.OURS
    restore(backup, addresses.database_url)
    assert await standing(host(apart, "b"), addresses) is Standing.RESTORED
    flush(addresses)
    assert await standing(apart, addresses) is Standing.RESTORED


async def test_a_backup_from_before_the_first_start_is_known_when_there_are_messages_in_it(
    hall: Hall, settings: Settings, addresses: Addresses, tmp_path: Path
) -> None:
    await hall.planned(3)
    await hall.sql("UPDATE installation SET epoch = NULL, home = NULL")  # as an older version left it
    backup = dump(addresses, tmp_path / "backup")
    flush(addresses)
    (settings.folder / "witness.json").unlink()
    assert await standing(settings, addresses) is Standing.OURS  # the new version's first start
    restore(backup, addresses.database_url)
    assert await standing(settings, addresses) is Standing.RESTORED


async def test_a_dump_in_another_database_is_refused_and_leaves_the_original_and_their_valkey_alone(
    hall: Hall, settings: Settings, addresses: Addresses, second: Addresses, tmp_path: Path
) -> None:
    restore(dump(addresses, tmp_path / "backup"), second.database_url)
    for folder in (settings, host(settings, "b")):
        assert await standing(folder, second) is Standing.MOVED
    assert await recheck(hall.runtime) is Standing.OURS


async def test_a_new_database_at_a_valkey_that_another_uses_is_refused(
    hall: Hall, settings: Settings, second: Addresses
) -> None:
    migrate(second.database_url)
    assert await standing(host(settings, "b"), second) is Standing.REPLACED
    assert await recheck(hall.runtime) is Standing.OURS


async def test_once_a_clone_is_adopted_the_original_at_the_same_valkey_sends_nothing(
    hall: Hall, settings: Settings, addresses: Addresses, second: Addresses, tmp_path: Path
) -> None:
    await hall.planned(5)
    restore(dump(addresses, tmp_path / "backup"), second.database_url)
    async with open_runtime(host(settings, "b"), second) as clone:
        await adopt(clone)
        assert await recheck(clone) is Standing.OURS
        (batch,) = await hall.due()
        assert await recheck(hall.runtime) is Standing.REPLACED
        await sending.send(hall.runtime, batch)
        assert hall.carrier.ledger.arrivals == []
        await adopt(hall.runtime)  # and back again
        assert await recheck(hall.runtime) is Standing.OURS
        assert await recheck(clone) is Standing.REPLACED


async def test_adopting_holds_what_may_have_been_sent_since_and_nothing_leaves_until_a_person_lets_it(
    hall: Hall, addresses: Addresses, tmp_path: Path
) -> None:
    await hall.planned(40)
    (first, _) = await hall.due()
    await hall.sql(
        "UPDATE batches SET leased_until = clock_timestamp() + interval '1 h', fence = 7 WHERE id = %s", first
    )
    await hall.sql("UPDATE stored_messages SET status = 'sending', attempts = 1 WHERE batch_id = %s", first)
    await hall.sql(
        "UPDATE status_deltas SET status = 'sending', n = 20; INSERT INTO status_deltas VALUES (1, 'queued', 20)"
    )
    backup = dump(addresses, tmp_path / "backup")
    await hall.sql("UPDATE installation SET generation = generation + 1")
    assert await recheck(hall.runtime) is Standing.OURS
    restore(backup, addresses.database_url)
    assert await recheck(hall.runtime) is Standing.RESTORED
    adopted = await adopt(hall.runtime)
    assert (adopted.held, adopted.uncertain) == (("drug_prevention_june-2026/launch",), 20)
    assert await hall.counts() == {"uncertain": 20, "queued": 20}
    assert await recheck(hall.runtime) is Standing.OURS
    await clock.tick(hall.runtime, {}, {}, housekeeping=True)
    assert await hall.send() == 0
    (wave,) = (await hall.view()).waves
    assert "được nhận lại, dữ liệu dừng lúc" in (wave.waits or "")
    (act,) = await hall.sql("SELECT who, detail FROM audit_trail WHERE act = 'installation.adopt'")
    assert (act.who, act.detail["standing"], act.detail["uncertain"]) == ("Trần Bình", "restored", 20)
    await hall.sql("UPDATE waves SET held = NULL")
    assert await hall.send() == 1
    assert await hall.counts() == {"uncertain": 20, "submitted": 20}


def copy(folder: Path, to: Path) -> None:
    subprocess.run(["cp", "-a", folder, to], check=True)


@asynccontextmanager
async def served(folder: Path, settings: Settings) -> AsyncIterator[Runtime]:
    """A process over the embedded servers of a folder."""
    with Embedded(folder) as servers:
        addresses = Addresses(servers.database_url, servers.redis_url)
        migrate(addresses.database_url)
        async with open_runtime(settings.model_copy(update={"folder": folder}), addresses) as runtime:
            yield runtime


async def test_copies_of_an_embedded_installation_do_not_send_and_the_original_does(
    settings: Settings, carrier: PretendCarrier, tmp_path: Path
) -> None:
    original, whole, half = tmp_path / "var", tmp_path / "whole", tmp_path / "half"
    open_keyring(settings.keyring_path, create=True)
    keys = settings.model_copy(update={"keyring": settings.keyring_path})
    async with served(original, keys) as runtime:
        assert await found(runtime) is Standing.OURS
    copy(original, whole)
    copy(original, half)
    shutil.rmtree(half / "valkey")
    (half / "witness.json").unlink()
    for folder, expected in ((whole, Standing.COPIED), (half, Standing.UNKNOWN), (original, Standing.OURS)):
        async with served(folder, keys) as runtime:
            assert await found(runtime) is expected


async def test_a_dump_on_another_server_does_not_send_until_a_person_adopts_it(
    hall: Hall, settings: Settings, addresses: Addresses, tmp_path: Path
) -> None:
    await hall.planned(5)
    backup = dump(addresses, tmp_path / "backup")
    with Embedded(tmp_path / "elsewhere") as servers:
        there = Addresses(servers.database_url, servers.redis_url)
        restore(backup, there.database_url)
        async with open_runtime(host(settings, "elsewhere"), there) as runtime:
            clone = Hall(runtime, hall.carrier, tmp_path)
            assert await found(runtime) is Standing.MOVED
            await clock.tick(runtime, {}, {}, housekeeping=True)
            for batch in await clone.due():
                await sending.send(runtime, batch)
            assert hall.carrier.ledger.arrivals == []
            await adopt(runtime)
            assert await recheck(runtime) is Standing.OURS


async def test_a_witness_that_cannot_be_read_counts_for_nothing(
    settings: Settings, addresses: Addresses, keyring: Keyring
) -> None:
    assert await standing(settings, addresses) is Standing.OURS
    witness = settings.folder / "witness.json"
    for broken in (b"", b"{", os.urandom(64)):
        witness.write_bytes(broken)
        with redis.Redis.from_url(addresses.redis_url) as valkey:
            valkey.set("dispatcher:installation", broken)
        assert await standing(settings, addresses) is Standing.UNKNOWN
