"""The keys that numbers are encrypted with: seen, changed, numbers moved to the newest, old ones dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from dispatcher import accounts, keyring, webhooks
from dispatcher.accounts import KEEPERS
from dispatcher.errors import UserError
from dispatcher.keyring import Keyring, KeyringError
from dispatcher.store import audit, numbers, provider_tokens
from dispatcher.store import webhooks as stored_webhooks
from dispatcher.store.database import Connection, Pool
from dispatcher.store.numbers import Kept

MONTH = timedelta(days=365.25 / 12)
# Numbers that one transaction moves to another key.
PAGE = 10_000
NOWHERE = bytes(16)


class KeysError(UserError):
    """A key cannot be dropped as asked."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key; `held` is false for one that numbers name and the keyring does not have: those are unreadable."""

    name: str
    made_at: datetime | None
    current: bool
    held: bool
    numbers: int
    second_factors: int


@dataclass(frozen=True, slots=True)
class Renewed:
    """What was moved to the current key, and the numbers that no key of ours opens."""

    numbers: int
    second_factors: int
    unreadable: int


async def listing(connection: Connection, ring: Keyring) -> list[Key]:
    """All keys that the keyring has or that something is encrypted with, the current one first, then the newest."""
    kept, factors = await numbers.by_key(connection), await accounts.second_factors(connection)
    names = ring.ciphers.keys() | kept.keys() | factors.keys()
    found = [
        Key(n, ring.made.get(n), n == ring.current, n in ring.ciphers, kept.get(n, 0), factors.get(n, 0)) for n in names
    ]
    return sorted(found, key=lambda key: (not key.current, -(key.made_at.timestamp() if key.made_at else 0), key.name))


def overdue(ring: Keyring, now: datetime, months: int) -> bool:
    """Whether the key in use is older than a period."""
    made = ring.made.get(ring.current)
    return made is None or now - made > months * MONTH


async def add(connection: Connection, ring: Keyring, name: str, by: str, *, use: bool) -> None:
    """A key for a new period, in use at once or after `use`. Raises `KeyringError`."""
    await accounts.require(connection, by, KEEPERS, "thay khóa")
    path = keyring.path_of(ring)
    await audit.record(connection, by, "keys.new", name)
    keyring.add_key(path, name, await numbers.now(connection))
    if use:
        await _use(connection, ring, name, by)


async def use(connection: Connection, ring: Keyring, name: str, by: str) -> None:
    """Encrypt with that key from now on. Raises `KeyringError`."""
    await accounts.require(connection, by, KEEPERS, "thay khóa")
    await _use(connection, ring, name, by)


async def _use(connection: Connection, ring: Keyring, name: str, by: str) -> None:
    await audit.record(connection, by, "keys.use", name, before=ring.current)
    keyring.use_key(keyring.path_of(ring), name)


async def renew(pool: Pool, ring: Keyring, by: str, progress: Callable[[int, int], None]) -> Renewed:
    """Move everything to the current key, a page to a transaction: killed in between, it goes on where it was."""
    async with pool.connection() as connection:
        await accounts.require(connection, by, KEEPERS, "thay khóa")
        before = await numbers.by_key(connection)
        waiting = sum(n for name, n in before.items() if name in ring.ciphers and name != ring.current)
        await audit.record(connection, by, "keys.renew", ring.current, numbers=waiting)
        factors = await accounts.renew_second_factors(connection, ring)
        await webhooks.renew(connection, ring)
    moved = await _renew_numbers(pool, ring, lambda done: progress(done, waiting))
    return Renewed(moved, factors, sum(n for name, n in before.items() if name not in ring.ciphers))


async def _renew_numbers(pool: Pool, ring: Keyring, progress: Callable[[int], None]) -> int:
    moved, after = 0, NOWHERE
    while True:
        async with pool.connection() as connection:
            page = await numbers.under_other_keys(connection, ring.current, list(ring.ciphers), after, PAGE)
            if not page:
                return moved
            ciphers = await asyncio.to_thread(_renewed, ring, page)
            await numbers.move(connection, [row.msisdn_hash for row in page], ciphers, ring.current)
        moved, after = moved + len(page), page[-1].msisdn_hash
        progress(moved)


def _renewed(ring: Keyring, page: list[Kept]) -> list[bytes]:
    msisdns = [ring.decrypt(row.cipher, row.msisdn_hash, row.key_id) for row in page]
    return ring.encrypt_all(msisdns, [row.msisdn_hash for row in page])


async def retire(pool: Pool, ring: Keyring, name: str, by: str, *, reason: str, erase: bool) -> int:
    """Drop a key; `erase` lets go the numbers that stand under it. Answers how many. Raises `KeysError`, `KeyringError`.

    First the numbers and the record of it, then the key: killed in between, it can be done again.
    """
    if name == ring.current or name not in ring.ciphers:
        raise KeyringError(f"Chỉ bỏ được khóa cũ có trong chùm khóa; {name} thì không. Xem: dispatcher keys list")
    async with pool.connection() as connection:
        await accounts.require(connection, by, KEEPERS, "bỏ khóa")
        erased = await _let_go(connection, name, reason, erase=erase)
        await audit.record(connection, by, "keys.retire", name, numbers=erased, reason=reason)
    keyring.drop_key(keyring.path_of(ring), name)
    return erased


async def _let_go(connection: Connection, name: str, reason: str, *, erase: bool) -> int:
    kept = (await numbers.by_key(connection)).get(name, 0)
    if name in await stored_webhooks.key_ids(connection):
        raise KeysError(f"Còn khóa ký webhook mã hóa bằng khóa {name}. Chạy: dispatcher keys renew")
    if (await accounts.second_factors(connection)).get(name):
        raise KeysError(f"Còn tài khoản có xác thực hai lớp mã hóa bằng khóa {name}. Chạy: dispatcher keys renew")
    if await provider_tokens.under(connection, name):
        raise KeysError(
            f"Còn mã truy cập Zalo mã hóa bằng khóa {name}; mã được gia hạn, và chuyển sang khóa mới, trong một ngày."
        )
    if kept and not (erase and reason.strip()):
        raise KeysError(
            f"Còn {kept} số mã hóa bằng khóa {name}. Chuyển sang khóa mới: dispatcher keys renew; hoặc xóa hẳn các số đó:"
            " thêm --erase-numbers và --reason."
        )
    if kept and (open_ := await numbers.needed(connection, name)):
        raise KeysError(
            f"{open_} tin hoặc lượt gửi sắp tới còn cần số mã hóa bằng khóa {name}; chờ xong, hoặc hủy đợt gửi."
        )
    return await numbers.erase_under(connection, name)
