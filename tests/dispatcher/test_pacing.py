"""Permits as the script in Valkey grants them: never two for one moment, whoever asks, and none without Valkey."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from dispatcher import pacing
from dispatcher.pacing import GUARD, HORIZON_SECONDS, Pacer, Reservation
from dispatcher.runtime import Addresses

TPS = 100
INTERVAL = 1_000_000 * GUARD / TPS


@pytest.fixture
async def valkey(servers: Addresses) -> AsyncIterator[Redis]:
    async with Redis.from_url(servers.redis_url) as valkey:
        await valkey.flushdb()
        yield valkey


async def asked(pacer: Pacer, valkey: Redis, segments: int) -> tuple[float, float] | None:
    """The moments (microseconds of the server's clock) from and to which the answer reserves the route; None: refused."""
    before = await valkey.get("pacing:main")
    wait, _ = await pacer._ask("main", INTERVAL, segments)
    after = int(await valkey.get("pacing:main") or 0)
    if wait < 0:
        assert int(before or 0) == after
        return None
    return after - segments * INTERVAL, after


async def test_reservations_of_two_pacers_never_overlap_and_keep_the_pace(valkey: Redis) -> None:
    pacers = [Pacer(valkey), Pacer(valkey)]
    taken = [await asked(pacers[i % 2], valkey, 1 + i % 3) for i in range(60)]
    granted = [slot for slot in taken if slot]
    assert len(granted) > 10
    assert None in taken  # the horizon was reached
    for (_, end), (start, _) in pairwise(granted):
        assert start >= end - 1  # rounded up to whole microseconds


async def test_answers_given_at_once_are_apart_by_what_was_taken(valkey: Redis) -> None:
    pacers = [Pacer(valkey), Pacer(valkey)]
    await pacers[0]._ask("main", INTERVAL, 1)
    await asyncio.gather(*(pacer._ask("main", INTERVAL, 1) for pacer in pacers for _ in range(5)))
    now = await valkey.time()
    free = int(await valkey.get("pacing:main") or 0)
    # Eleven segments were granted since a moment that is past: the route is taken for no less than their time.
    assert free - (now[0] * 1_000_000 + now[1]) <= 11 * INTERVAL
    assert await valkey.ttl("pacing:main") > 0


async def test_nothing_is_reserved_beyond_the_horizon(valkey: Redis) -> None:
    pacer = Pacer(valkey)
    assert (await pacer._ask("main", INTERVAL, 1000))[0] == 0  # one message may be longer than the horizon
    before = await valkey.get("pacing:main")
    wait, _ = await pacer._ask("main", INTERVAL, 1)
    assert wait < 0
    assert abs(wait) <= 1000 * INTERVAL / 1_000_000 - HORIZON_SECONDS
    assert await valkey.get("pacing:main") == before


async def test_routes_do_not_wait_for_each_other(valkey: Redis) -> None:
    pacer = Pacer(valkey)
    await pacer._ask("main", INTERVAL, 1000)
    assert (await pacer._ask("other", INTERVAL, 1))[0] == 0


async def test_permits_given_back_are_free_again(valkey: Redis) -> None:
    pacer = Pacer(valkey)
    reservation = await pacer.permit("main", TPS, 20)
    await pacer.give_back(reservation, 15)
    assert int(await valkey.get("pacing:main") or 0) == int(reservation.ends) - round(15 * INTERVAL)


async def test_permits_are_not_given_back_once_somebody_has_reserved_after_them(valkey: Redis) -> None:
    pacer = Pacer(valkey)
    ours = await pacer.permit("main", TPS, 5)
    _, theirs = await pacer._ask("main", INTERVAL, 1)
    await pacer.give_back(ours, 5)
    assert await valkey.get("pacing:main") == theirs


@given(st.floats(0.01, 100_000), st.integers(1, 10))
def test_the_guard_keeps_us_below_the_limit(tps: float, segments: int) -> None:
    taken_seconds = segments * GUARD / tps
    assert segments / taken_seconds < tps


async def test_without_valkey_nobody_is_granted_a_permit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "RETRY_SECONDS", 0.001)
    async with Redis.from_url("unix:///nowhere/valkey.sock") as gone:
        pacer = Pacer(gone)
        assert (await pacer._ask("main", INTERVAL, 1))[0] == -0.001
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pacer.permit("main", TPS, 1), 0.05)
        await pacer.give_back(Reservation("main", INTERVAL, b"0"), 1)
