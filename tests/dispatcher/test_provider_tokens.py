"""Tokens: refreshed once however many need them, stored before they are used, and loud when only a person can help."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from dispatcher.keyring import Keyring
from dispatcher.provider_tokens import Keeper
from dispatcher.renewing import renew
from dispatcher.runtime import Addresses, Runtime
from dispatcher.store import provider_tokens, routes
from dispatcher.store.database import Pool, new_pool
from dispatcher.waiting import spoken_reason
from providers.errors import Unavailable
from providers.http import Http
from providers.sandbox.zalo import PretendZalo, ZaloDials
from providers.tokens import NotAuthorised, Pair
from providers.zalo.zbs import Zbs, ZbsOptions


@pytest.fixture
def zalo_dials() -> ZaloDials:
    return ZaloDials()


@pytest.fixture
async def zalo(zalo_dials: ZaloDials) -> AsyncIterator[PretendZalo]:
    async with PretendZalo(zalo_dials) as zalo:
        yield zalo


@pytest.fixture
async def pool(addresses: Addresses) -> AsyncIterator[Pool]:
    async with new_pool(addresses.database_url, 8) as pool:
        yield pool


# As the pair of 25 hours is after 21 of them.
AGED = """
UPDATE provider_tokens SET refreshed_at = refreshed_at - interval '21 hours', expires_at = expires_at - interval '21 hours'
"""
NewKeeper = Callable[[], Keeper]


@pytest.fixture
async def keeper(zalo: PretendZalo, pool: Pool, keyring: Keyring) -> AsyncIterator[NewKeeper]:
    """Makes keepers of one account, each as a process of its own has one."""
    async with Http() as http:
        provider = Zbs("OA", ZbsOptions.model_validate(zalo.options), http)
        first = Keeper(pool, keyring, provider)
        await first.begin(await provider.granted(zalo.account.grant, "verifier"))
        yield lambda: Keeper(pool, keyring, provider)


def refreshes(zalo: PretendZalo) -> int:
    """Beside the first pair."""
    return len(zalo.account.refreshes) - 1


async def test_nobody_refreshes_what_is_good(zalo: PretendZalo, keeper: NewKeeper) -> None:
    found = {await keeper().current() for _ in range(4)}
    assert len(found) == 1
    assert zalo.account.admits(found.pop())
    assert refreshes(zalo) == 0


async def test_of_all_who_are_refused_at_once_one_refreshes(zalo: PretendZalo, keeper: NewKeeper) -> None:
    processes = [keeper() for _ in range(4)]
    for expiry in range(1, 4):
        old = {await process.current() for process in processes}.pop()
        new = await asyncio.gather(*(process.after(old) for process in processes for _ in range(10)))
        assert len(set(new)) == 1
        assert new[0] != old
        assert zalo.account.admits(new[0])
        assert refreshes(zalo) == expiry


async def test_a_token_is_renewed_before_it_ends(zalo: PretendZalo, keeper: NewKeeper, pool: Pool) -> None:
    first = await keeper().current()
    async with pool.connection() as connection:
        await connection.execute(AGED)
    assert await keeper().current() != first
    assert refreshes(zalo) == 1


async def test_an_old_token_serves_while_a_new_one_is_not_to_be_had(
    zalo: PretendZalo, keeper: NewKeeper, pool: Pool
) -> None:
    first = await keeper().current()
    async with pool.connection() as connection:
        await connection.execute(AGED)
    process = keeper()
    await zalo.__aexit__()
    assert await process.current() == first
    with pytest.raises(Unavailable):
        await process.after(first)
    await zalo.__aenter__()


async def test_a_pair_is_stored_encrypted_and_before_it_is_used(
    zalo: PretendZalo, keeper: NewKeeper, pool: Pool
) -> None:
    token = await keeper().after(await keeper().current())
    async with pool.connection() as connection:
        row = await provider_tokens.read(connection, f"zalo:{zalo.dials.app_id}:{zalo.dials.oa_id}")
    assert row is not None
    assert row.version == 2
    assert token.encode() not in row.access
    assert await keeper().current() == token


async def test_a_lost_answer_needs_a_person_and_nobody_asks_again_until_then(pool: Pool, keyring: Keyring) -> None:
    async with PretendZalo(ZaloDials(lost_refreshes=1)) as zalo, Http() as http:
        provider = Zbs("OA", ZbsOptions.model_validate(zalo.options), http)
        process = Keeper(pool, keyring, provider)
        await process.begin(Pair("ended", zalo.dials.refresh_token, 1000))
        with pytest.raises(Unavailable, match="no message was handed over"):
            await process.after("ended")
        with pytest.raises(NotAuthorised, match="sign in at Zalo again"):
            await process.after("ended")
        tries = len(zalo.account.refreshes)
        with pytest.raises(NotAuthorised, match="sign in at Zalo again"):
            await Keeper(pool, keyring, provider).current()
        assert len(zalo.account.refreshes) == tries
        await process.begin(await provider.granted(zalo.account.grant, "verifier"))
        assert zalo.account.admits(await Keeper(pool, keyring, provider).current())


async def test_a_route_that_nobody_has_signed_in_for_is_parked(
    runtime: Runtime, zalo: PretendZalo, keyring: Keyring
) -> None:
    async with Http() as http:
        provider = Zbs("OA", ZbsOptions.model_validate(zalo.options), http)
        provider.tokens = Keeper(runtime.pool, keyring, provider)
        await renew(runtime, "zalo", provider)
    async with runtime.pool.connection() as connection:
        (stop,) = (await routes.stops(connection))["zalo"]
    assert spoken_reason(stop.reason) == "chưa ai cấp quyền (dispatcher route authorise)"
