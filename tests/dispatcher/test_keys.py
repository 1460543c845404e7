"""Keys for periods: made, used, numbers moved or let go with them, while hashes, log and seal stay as they are."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dispatcher import accounts, credentials, keys, sealing
from dispatcher.accounts import REVEALERS, AccountError, Role
from dispatcher.keyring import Keyring, KeyringError, add_key, drop_key, open_keyring, use_key
from dispatcher.keys import KeysError, Renewed
from dispatcher.signing import open_signing_key
from dispatcher.store import users
from tests.dispatcher.hall import Hall, numbers
from tests.dispatcher.test_sealing import judged

BY, WHY = "quan-tri", "Hết kỳ lưu số"
NUMBER = "84960000001"


def reopened(hall: Hall) -> Keyring:
    return open_keyring(hall.runtime.settings.keyring_path, create=False)


async def add(hall: Hall, name: str, *, use: bool = True) -> Keyring:
    async with hall.runtime.pool.connection() as connection:
        await keys.add(connection, reopened(hall), name, BY, use=use)
    return reopened(hall)


async def listed(hall: Hall) -> dict[str, tuple[bool, bool, int]]:
    async with hall.runtime.pool.connection() as connection:
        found = await keys.listing(connection, reopened(hall))
    return {key.name: (key.current, key.held, key.numbers) for key in found}


async def renew(hall: Hall) -> Renewed:
    return await keys.renew(hall.runtime.pool, reopened(hall), BY, lambda _done, _total: None)


async def retire(hall: Hall, name: str, reason: str = WHY, *, erase: bool = True) -> int:
    return await keys.retire(hall.runtime.pool, reopened(hall), name, BY, reason=reason, erase=erase)


async def readable(hall: Hall, ring: Keyring) -> set[str]:
    rows = await hall.sql("SELECT cipher, msisdn_hash, key_id FROM recipients")
    return {ring.decrypt(row.cipher, row.msisdn_hash, row.key_id) for row in rows}


async def acts(hall: Hall) -> list[str]:
    return [row.act for row in await hall.sql("SELECT act FROM audit_trail WHERE act LIKE 'keys.%%' ORDER BY id")]


async def test_a_new_key_is_not_used_before_it_is_said_that_every_host_has_it(hall: Hall) -> None:
    ring = await add(hall, "ky-2", use=False)
    assert ring.current == "1"
    async with hall.runtime.pool.connection() as connection:
        await keys.use(connection, ring, "ky-2", BY)
    assert reopened(hall).current == "ky-2"
    assert await acts(hall) == ["keys.new", "keys.use"]


async def test_a_process_that_was_started_before_a_key_was_made_reads_what_stands_under_it(hall: Hall) -> None:
    old = hall.runtime.keyring
    ring = await add(hall, "ky-2")
    hashed = ring.hash(NUMBER)
    assert old.decrypt(ring.encrypt(NUMBER, hashed), hashed, ring.current) == NUMBER
    with pytest.raises(KeyringError, match="Không có khóa ky-9"):
        old.decrypt(ring.encrypt(NUMBER, hashed), hashed, "ky-9")


async def test_whoever_is_supplied_again_moves_to_the_key_in_use_and_the_others_stay(hall: Hall) -> None:
    await hall.import_rows([(number,) for number in numbers(5)])
    await hall.import_rows([(number,) for number in numbers(5)])
    ring = await add(hall, "ky-2")
    hall.runtime.keyring.ciphers.update(ring.ciphers)
    object.__setattr__(hall.runtime, "keyring", ring)
    await hall.import_rows([(number,) for number in numbers(3)])
    assert await listed(hall) == {"ky-2": (True, True, 3), "1": (False, True, 2)}
    assert len(await readable(hall, ring)) == 5


async def test_renewing_moves_every_number_and_second_factor_and_changes_no_hash(hall: Hall) -> None:
    await hall.import_rows([(number,) for number in numbers(25)])
    before = await hall.sql("SELECT msisdn_hash FROM recipients ORDER BY 1")
    async with hall.runtime.pool.connection() as connection:
        await accounts.add(connection, "an", "An", [Role.AUTHOR], BY)
        user = await users.find(connection, "an")
        assert user
        cipher = hall.runtime.keyring.encrypt("secret", f"totp/{user.id}".encode())
        await users.set_totp(connection, user.id, cipher, "1", 1)
    ring = await add(hall, "ky-2")
    with pytest.MonkeyPatch.context() as smaller:
        smaller.setattr(keys, "PAGE", 10)
        assert await renew(hall) == Renewed(25, 1, 0)
    assert await renew(hall) == Renewed(0, 0, 0)
    assert await hall.sql("SELECT msisdn_hash FROM recipients ORDER BY 1") == before
    assert len(await readable(hall, ring)) == 25
    assert await retire(hall, "1", "", erase=False) == 0
    assert set(reopened(hall).ciphers) == {"ky-2"}
    assert len(await readable(hall, reopened(hall))) == 25


async def test_two_who_renew_at_once_with_an_import_between_them_lose_nobody(hall: Hall) -> None:
    await hall.import_rows([(number,) for number in numbers(60)])
    ring = await add(hall, "ky-2")
    with pytest.MonkeyPatch.context() as smaller:
        smaller.setattr(keys, "PAGE", 7)
        await asyncio.gather(renew(hall), renew(hall), hall.import_rows([(number,) for number in numbers(70)]))
    await renew(hall)
    assert len(await readable(hall, ring)) == 70
    assert (await listed(hall))["ky-2"] == (True, True, 70)


async def test_a_key_with_numbers_is_dropped_only_when_told_to_erase_them_and_why(hall: Hall) -> None:
    await hall.import_rows([(number,) for number in numbers(5)])
    await add(hall, "ky-2")
    for erase, reason in ((False, WHY), (True, "  ")):
        with pytest.raises(KeysError, match="Còn 5 số"):
            await retire(hall, "1", reason, erase=erase)
    for name in ("ky-2", "ky-9"):
        with pytest.raises(KeyringError, match="Chỉ bỏ được khóa cũ"):
            await retire(hall, name)
    assert await hall.scalar("SELECT count(*) FROM recipients") == 5


async def test_a_key_is_kept_while_messages_under_way_or_waves_to_come_need_its_numbers(hall: Hall) -> None:
    await hall.planned(5)
    await add(hall, "ky-2")
    with pytest.raises(KeysError, match="còn cần số"):
        await retire(hall, "1")


async def test_dropping_a_key_erases_its_numbers_and_leaves_log_refusals_and_seal(hall: Hall, tmp_path: Path) -> None:
    await hall.planned(5)
    await hall.send()
    await hall.tidy(settle_seconds=-1)
    await hall.sql("UPDATE stored_messages SET status = 'delivered'")
    await hall.sql("DELETE FROM claims")
    await hall.sql("INSERT INTO suppressions SELECT 1, msisdn_hash, 'r', 's', 'x' FROM recipients LIMIT 1")
    key = open_signing_key(tmp_path / "signing.pem", create=True)
    await sealing.seal_all(hall.runtime.pool, key)
    await add(hall, "ky-2")
    assert await retire(hall, "1") == 5
    assert await hall.scalar("SELECT count(*) FROM recipients") == 0
    assert await hall.scalar("SELECT count(*) FROM messages") == 5
    assert await hall.scalar("SELECT count(*) FROM suppressions") == 1
    await sealing.seal_all(hall.runtime.pool, key)
    assert (await judged(hall, key)).chain.findings == []


async def test_a_number_under_a_key_that_is_gone_is_counted_and_left(hall: Hall) -> None:
    await hall.import_rows([(number,) for number in numbers(5)])
    await add(hall, "ky-2")
    drop_key(hall.runtime.settings.keyring_path, "1")
    assert await listed(hall) == {"ky-2": (True, True, 0), "1": (False, False, 5)}
    assert await renew(hall) == Renewed(0, 0, 5)


async def test_once_people_have_accounts_only_those_of_the_role_may(hall: Hall) -> None:
    async with hall.runtime.pool.connection() as connection:
        await accounts.require(connection, "anybody", REVEALERS, "xem đủ số")
        for login, role in (("an", Role.AUTHOR), ("kiem-tra", Role.AUDITOR)):
            code = await accounts.add(connection, login, login, [role], BY)
            assert await users.redeem(connection, login, credentials.code_hash(code), "hash")
        await accounts.may_reveal(connection, "kiem-tra", "Công văn số 12")
        for by in ("an", "anybody"):
            with pytest.raises(AccountError, match="Chỉ kiểm tra viên được xem đủ số"):
                await accounts.may_reveal(connection, by, "Công văn số 12")
        with pytest.raises(AccountError, match="lý do"):
            await accounts.may_reveal(connection, "kiem-tra", " ")
        with pytest.raises(AccountError, match="Chỉ quản trị được thay khóa"):
            await keys.use(connection, hall.runtime.keyring, "1", "kiem-tra")


def test_a_key_in_use_longer_than_a_period_is_overdue_and_one_of_unknown_age_too(tmp_path: Path) -> None:
    ring = open_keyring(tmp_path / "keyring.json", create=True)
    now = datetime.now(UTC)
    assert [keys.overdue(ring, now + timedelta(days=days), 6) for days in (0, 180, 185)] == [False, False, True]
    ring.made["1"] = None
    assert keys.overdue(ring, now, 6)


def test_a_keyring_of_before_is_read_and_a_broken_name_or_a_second_key_of_a_name_refused(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    before = open_keyring(path, create=True)
    add_key(path, "ky-2", datetime(2026, 7, 1, tzinfo=UTC))
    with pytest.raises(KeyringError, match="đã có khóa"):
        add_key(path, "ky-2", datetime.now(UTC))
    with pytest.raises(KeyringError, match="Tên khóa"):
        add_key(path, "Kỳ 2", datetime.now(UTC))
    with pytest.raises(KeyringError, match="không có khóa"):
        use_key(path, "ky-3")
    with pytest.raises(KeyringError, match="đang dùng"):
        drop_key(path, "1")
    after = open_keyring(path, create=False)
    assert (after.hash(NUMBER), after.callback_token("main")) == (before.hash(NUMBER), before.callback_token("main"))
    assert after.made["ky-2"] == datetime(2026, 7, 1, tzinfo=UTC)
