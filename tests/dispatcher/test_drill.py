"""A backup is tried: its seal and keys prove good, it would send nothing; and restored in earnest it sends only once adopted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
from redis.asyncio import Redis

from dispatcher import drill, sealing
from dispatcher.drill import Drilled, DrillError, Trial
from dispatcher.epoch import Standing
from dispatcher.guard import Guard
from dispatcher.keyring import Keyring, open_keyring
from dispatcher.runtime import Addresses
from dispatcher.signing import SigningKey, open_signing_key
from dispatcher.verify_log import read_checkpoint
from tests.dispatcher.hall import Hall, numbers
from tests.dispatcher.test_guard import adopt, dump, recheck, restore, standing
from tests.dispatcher.test_sealing import judged


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return open_signing_key(tmp_path / "signing.pem", create=True)


@asynccontextmanager
async def trial(
    hall: Hall, addresses: Addresses, key: SigningKey, *, ring: Keyring | None = None, given: str = ""
) -> AsyncIterator[Trial]:
    keys = (key.private.public_key(),)
    async with Redis.from_url(addresses.redis_url) as redis:
        kept = read_checkpoint(given, keys) if given else None
        yield Trial(ring or hall.runtime.keyring, keys, kept, Guard(hall.runtime.settings, redis))


async def drilled(hall: Hall, addresses: Addresses, backup: Path, judged_by: Trial) -> Drilled:
    return await drill.drill(hall.runtime.pool, addresses.database_url, backup, judged_by, lambda _done, _total: None)


async def sealed(hall: Hall, key: SigningKey) -> str:
    await sealing.seal_all(hall.runtime.pool, key)
    return await sealing.checkpoint(hall.runtime.pool, key) or ""


def databases(addresses: Addresses) -> list[str]:
    with psycopg.connect(addresses.database_url) as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'dispatcher_drill%%'")
        return [name for (name,) in rows]


async def test_a_backup_proves_good_while_the_live_log_goes_on_and_leaves_nothing_behind(
    hall: Hall, addresses: Addresses, key: SigningKey, tmp_path: Path
) -> None:
    await hall.planned(5)
    given = await sealed(hall, key)
    backup = dump(addresses, tmp_path / "backup")
    await hall.send()
    await sealed(hall, key)
    async with trial(hall, addresses, key, given=given) as by:
        done = await drilled(hall, addresses, backup, by)
    assert (done.good, done.chain.findings, done.unreadable) == (True, [], ())
    assert done.standing is Standing.MOVED
    assert done.behind >= 1
    assert databases(addresses) == []


async def test_a_backup_that_was_tampered_with_or_is_older_than_a_checkpoint_given_away_is_not_good(
    hall: Hall, addresses: Addresses, key: SigningKey, tmp_path: Path
) -> None:
    await hall.planned(5)
    await sealed(hall, key)
    backup = dump(addresses, tmp_path / "backup")
    await hall.send()
    newer = await sealed(hall, key)
    async with trial(hall, addresses, key, given=newer) as by:
        done = await drilled(hall, addresses, backup, by)
    assert (done.good, {finding.what for finding in done.chain.findings}) == (False, {"truncated"})
    await hall.sql("ALTER TABLE attempts DISABLE TRIGGER append_only")
    await hall.sql("UPDATE attempts SET code = 'x'")
    async with trial(hall, addresses, key) as by:
        done = await drilled(hall, addresses, dump(addresses, tmp_path / "changed"), by)
    assert (done.good, {finding.what for finding in done.chain.findings}) == (False, {"edited"})


async def test_a_backup_whose_keys_are_lost_is_not_good(
    hall: Hall, addresses: Addresses, key: SigningKey, tmp_path: Path
) -> None:
    await hall.import_rows([(number,) for number in numbers(3)])
    other = open_keyring(tmp_path / "another" / "keyring.json", create=True)
    async with trial(hall, addresses, key, ring=other) as by:
        done = await drilled(hall, addresses, dump(addresses, tmp_path / "backup"), by)
    assert (done.good, done.unreadable) == (False, ("1",))


async def test_what_is_no_backup_is_told_and_leaves_nothing_behind(
    hall: Hall, addresses: Addresses, key: SigningKey, tmp_path: Path
) -> None:
    (tmp_path / "backup").write_text("no dump")
    async with trial(hall, addresses, key) as by:
        with pytest.raises(DrillError, match="Không khôi phục được backup"):
            await drilled(hall, addresses, tmp_path / "backup", by)
    assert databases(addresses) == []


async def test_restored_in_earnest_nothing_leaves_until_somebody_adopts_and_the_chain_goes_on_whole(
    hall: Hall, addresses: Addresses, key: SigningKey, tmp_path: Path
) -> None:
    await hall.planned(5)
    given = await sealed(hall, key)
    backup = dump(addresses, tmp_path / "backup")
    assert await standing(hall.runtime.settings, addresses) is Standing.OURS  # life goes on
    assert await hall.send() == 1
    restore(backup, addresses.database_url)
    assert await recheck(hall.runtime) is Standing.RESTORED
    await hall.send()
    assert len(hall.carrier.ledger.arrivals) == 5  # those of before
    assert (await judged(hall, key, read_checkpoint(given, (key.private.public_key(),)))).chain.findings == []
    await adopt(hall.runtime)
    assert await recheck(hall.runtime) is Standing.OURS
    await hall.sql("UPDATE waves SET held = NULL")
    assert await hall.send() == 1
    assert len(hall.carrier.ledger.arrivals) == 10  # whoever adopts and resumes has looked at the carrier's records
    await sealed(hall, key)
    seen = await judged(hall, key, read_checkpoint(given, (key.private.public_key(),)))
    assert (seen.chain.findings, [entry.rows for entry in seen.unsealed]) == ([], [])
