"""Permits as the scripts in Valkey grant them: never more than the limit for one second, whoever asks, none without Valkey."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from campaigns.campaign import Priority
from dispatcher import pacing
from dispatcher.gate import Gate
from dispatcher.pacing import (
    ANSWER_SECONDS,
    HORIZON_SECONDS,
    LEARNING_SECONDS,
    MICRO,
    Count,
    Grant,
    Line,
    Pacer,
    Permit,
    _Answers,
)
from dispatcher.runtime import Addresses
from dispatcher.store.caps import Spent

TPS = 100
MAIN = Line("main", TPS)
PERMITS, STATE = "pacing:{main}:permits", "pacing:{main}:state"
HORIZON = HORIZON_SECONDS * MICRO


@pytest.fixture
async def valkey(servers: Addresses, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Redis]:
    monkeypatch.setattr(pacing, "QUIET_SECONDS", 0.0)  # the server may be younger than that
    async with Redis.from_url(servers.redis_url) as valkey:
        await valkey.flushdb()
        yield valkey


async def never_counted(_route: str, _hour: datetime, _day: datetime) -> Spent:
    raise AssertionError("a route without caps is not counted")


def new_pacer(valkey: Redis, count: Count = never_counted) -> Pacer:
    return Pacer(valkey, count)


async def asked(pacer: Pacer, calls: Iterable[int], tps: float = TPS) -> tuple[Permit, ...]:
    return (await pacer._ask(replace(MAIN, tps=tps), list(calls))).permits


async def now(valkey: Redis) -> int:
    seconds, micro = await valkey.time()
    return seconds * MICRO + micro


async def held(valkey: Redis) -> int:
    return int(await valkey.hget(STATE, "held") or 0)


async def share(valkey: Redis) -> float:
    return float(await valkey.hget(STATE, "share") or 1)


async def end(valkey: Redis, permit: Permit) -> float:
    """The moment (microseconds) until which the server holds a permit."""
    return await valkey.zscore(PERMITS, permit.name) or 0.0


async def grow_older(valkey: Redis, permits: Iterable[Permit], seconds: float) -> None:
    """As if `seconds` had passed at the server since `permits` were granted."""
    for permit in permits:
        await valkey.zincrby(PERMITS, -seconds * MICRO, permit.name)
    await valkey.hincrby(STATE, "free", -int(seconds * MICRO))


async def drained(valkey: Redis, pacers: list[Pacer], tps: float, calls: list[int]) -> list[Permit]:
    """What is granted while nothing ends and the horizon moves by a tenth of a second at a time."""
    granted: list[Permit] = []
    for turn in range(30):
        granted += await asked(pacers[turn % len(pacers)], calls, tps)
        await valkey.hset(STATE, "free", 0)
    return granted


async def test_what_is_held_never_exceeds_the_limit_whoever_asks(valkey: Redis) -> None:
    granted = await drained(valkey, [new_pacer(valkey), new_pacer(valkey)], 20, [1, 2, 3])
    assert 18 <= sum(permit.segments for permit in granted) <= 20
    assert len({permit.name for permit in granted}) == len(granted)
    assert await held(valkey) == sum(permit.segments for permit in granted)


async def test_a_permit_is_held_until_a_second_after_the_latest_possible_arrival(valkey: Redis) -> None:
    pacer = new_pacer(valkey)
    (permit,) = await asked(pacer, [1])
    assert await end(valkey, permit) >= permit.moment + (1 + ANSWER_SECONDS) * MICRO
    pacer.answered(await pacer.moment(permit))
    took = time.monotonic() - permit.earliest
    await pacer._report("main")
    assert permit.moment + MICRO < await end(valkey, permit) <= permit.moment + (1 + took + 0.01) * MICRO


async def test_the_next_permit_begins_when_the_one_before_ends(valkey: Redis) -> None:
    pacer = new_pacer(valkey)
    granted = await drained(valkey, [pacer], 5, [1])
    assert len(granted) == 5
    ends = await now(valkey) + 100_000
    await valkey.zadd(PERMITS, {granted[2].name: ends}, xx=True)
    (successor,) = await asked(pacer, [1], 5)
    assert successor.moment == ends
    assert await asked(pacer, [1], 5) == ()


async def test_permits_of_a_call_longer_than_the_limit_are_held_for_longer(valkey: Redis) -> None:
    pacer = new_pacer(valkey)
    (long,) = await asked(pacer, [3], 0.5)
    assert await end(valkey, long) >= long.moment + (6 + ANSWER_SECONDS) * MICRO
    await valkey.hset(STATE, "free", 0)
    assert await asked(pacer, [1], 0.5) == ()


async def test_an_even_pace_keeps_bursts_short(valkey: Redis) -> None:
    """Of a route that was idle, a fraction of a second is granted at once, not a second."""
    pacer = new_pacer(valkey)
    begun = await now(valkey)
    granted = [permit for _ in range(40) for permit in await asked(pacer, [1] * 10)]
    ahead = (granted[-1].moment - begun) / MICRO
    assert granted[-1].moment <= await now(valkey) + HORIZON
    assert sum(permit.segments for permit in granted) <= TPS * (ahead + pacing.BURST_SECONDS) / 0.98 + 1


async def test_nothing_is_reserved_beyond_the_horizon(valkey: Redis) -> None:
    pacer = new_pacer(valkey)
    granted = await asked(pacer, [1] * 1000)
    assert 0 < len(granted) < 1000
    before = await held(valkey)
    none = await pacer._ask(replace(MAIN, tps=0.1), [1])
    assert none.permits == ()
    assert 0 < none.wait <= pacing.ASK_AGAIN_SECONDS
    assert await held(valkey) == before


async def test_routes_do_not_wait_for_each_other(valkey: Redis) -> None:
    pacer = new_pacer(valkey)
    await asked(pacer, [1] * 1000)
    assert (await pacer._ask(Line("other", TPS), [1])).permits


async def test_permits_given_back_are_free_again(valkey: Redis) -> None:
    pacer = new_pacer(valkey)
    granted = await drained(valkey, [pacer], 5, [1])
    await new_pacer(valkey).give_back(granted[1:3])
    await pacer.give_back(granted[1:3])  # told twice
    assert await held(valkey) == 3
    assert len(await drained(valkey, [pacer], 5, [1])) == 2


async def test_permits_of_a_dead_worker_come_back_by_themselves(valkey: Redis) -> None:
    granted = await drained(valkey, [new_pacer(valkey)], 5, [1])
    await grow_older(valkey, granted, ANSWER_SECONDS + HORIZON_SECONDS + 1.1)
    assert len(await drained(valkey, [new_pacer(valkey)], 5, [1])) == len(granted)


async def test_a_moment_that_was_missed_is_given_back_for_another(valkey: Redis) -> None:
    pacer = new_pacer(valkey)
    (missed,) = (await pacer.permits(MAIN, [2])).permits
    again = await pacer.moment(replace(missed, due=time.monotonic() - 2 * pacing.LATE_SECONDS))
    assert again is not None
    assert again.name != missed.name
    assert again.moment > missed.moment
    assert await held(valkey) == 2


async def test_a_missed_moment_is_made_good_while_others_wait_for_its_lane(valkey: Redis) -> None:
    pacer, lanes = new_pacer(valkey), Gate(1, kept=0)
    (missed,) = (await pacer.permits(MAIN, [1], lanes)).permits
    waiting = asyncio.create_task(pacer.permits(MAIN, [1], lanes))
    await asyncio.sleep(0)
    assert await asyncio.wait_for(pacer.moment(replace(missed, due=time.monotonic() - 2 * pacing.LATE_SECONDS)), 10)
    lanes.leave()
    assert (await waiting).permits


async def test_nobody_waits_for_permits_when_all_is_over(valkey: Redis) -> None:
    pacer, ends = new_pacer(valkey), asyncio.Event()
    slow = replace(MAIN, tps=0.001)
    assert (await pacer.permits(slow, [1])).permits
    waiting = asyncio.gather(*(pacer.permits(slow, [1], over=ends.is_set) for _ in range(3)))
    ends.set()
    assert await asyncio.wait_for(waiting, 10) == [Grant()] * 3


async def test_a_server_that_has_just_started_grants_nothing(valkey: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its newest permits may be lost: they are used up before the first one is sold again."""
    uptime = (await valkey.info("server"))["uptime_in_seconds"]
    monkeypatch.setattr(pacing, "QUIET_SECONDS", uptime + 1000.0)
    none = await new_pacer(valkey)._ask(MAIN, [1])
    assert none.permits == ()
    assert none.wait > 0
    monkeypatch.setattr(pacing, "QUIET_SECONDS", 0.0)
    assert await asked(new_pacer(valkey), [1])  # an idle route on a server that has been up waits for nothing


async def test_an_emptied_server_grants_nothing_until_what_the_asker_had_is_over(valkey: Redis) -> None:
    pacer = new_pacer(valkey)
    assert await asked(pacer, [1])
    pacer._desks["main"].latest += 60 * MICRO
    await valkey.flushdb()
    assert await asked(pacer, [1]) == ()
    assert await asked(new_pacer(valkey), [1]) == ()  # nor for those who had nothing


async def meanwhile(valkey: Redis, higher: Priority, lower: Priority) -> float:
    """The lower class's share of what is granted while both ask for more than there is, two seconds' worth a turn."""
    pacer = new_pacer(valkey)
    granted = {higher: 0, lower: 0}
    for _ in range(40):
        for priority in (higher, lower):
            grant = await pacer._ask(replace(MAIN, priority=priority), [1] * 1000)
            granted[priority] += len(grant.permits)
        await valkey.delete(PERMITS)
        await valkey.hset(STATE, "free", 0)
    return granted[lower] / sum(granted.values())


@pytest.mark.parametrize(("higher", "lower", "share"), [
    (Priority.ALERT, Priority.BULK, 0.025),
    (Priority.ALERT, Priority.NORMAL, 0.025),
    (Priority.NORMAL, Priority.BULK, 0.2),
])  # fmt: skip
async def test_a_lower_class_gets_a_small_share_while_a_higher_one_wants_more_than_there_is(
    valkey: Redis, higher: Priority, lower: Priority, share: float
) -> None:
    assert await meanwhile(valkey, higher, lower) == pytest.approx(share, rel=0.2)


async def test_the_lowest_of_three_classes_is_not_forgotten(valkey: Redis) -> None:
    pacer, granted = new_pacer(valkey), Counter[Priority]()
    for _ in range(40):
        for priority in Priority:
            granted[priority] += len((await pacer._ask(replace(MAIN, priority=priority), [1] * 1000)).permits)
        await valkey.delete(PERMITS)
        await valkey.hset(STATE, "free", 0)
    assert granted[Priority.ALERT] > 10 * granted[Priority.NORMAL] > 0
    assert granted[Priority.ALERT] > 10 * granted[Priority.BULK] > 0


async def test_what_a_higher_class_does_not_take_is_not_lost(valkey: Redis) -> None:
    pacer = new_pacer(valkey)
    assert len((await pacer._ask(replace(MAIN, priority=Priority.ALERT), [1] * 3)).permits) == 3
    left_over = (await pacer._ask(replace(MAIN, priority=Priority.BULK), [1] * 1000)).permits
    assert left_over
    assert left_over[-1].moment < await now(valkey) + pacing.NEAR_SECONDS * MICRO


async def test_an_alert_reserves_beyond_what_others_have_reserved(valkey: Redis) -> None:
    pacer = new_pacer(valkey)
    await asked(pacer, [1] * 1000)
    asked_at = await now(valkey)
    beyond = (await pacer._ask(replace(MAIN, priority=Priority.ALERT), [1] * 1000)).permits
    assert beyond[-1].moment > asked_at + HORIZON


async def test_a_want_that_is_not_repeated_is_soon_forgotten(valkey: Redis) -> None:
    pacer, bulk = new_pacer(valkey), replace(MAIN, priority=Priority.BULK)
    await pacer._ask(replace(MAIN, priority=Priority.ALERT), [1] * 1000)
    await valkey.hset(STATE, "free", 0)
    await valkey.hset(STATE, mapping={"free": await now(valkey) + 100_000, "owed3": 0})
    assert (await pacer._ask(bulk, [1])).permits == ()
    await valkey.hincrby(STATE, "wants1", -int(pacing.WANT_SECONDS * MICRO))
    assert (await pacer._ask(bulk, [1])).permits


async def test_an_alert_does_not_stand_in_line_behind_a_bulk_lane_that_waits_nor_for_its_place(valkey: Redis) -> None:
    pacer, lanes = new_pacer(valkey), Gate(1, kept=0)
    slow = replace(MAIN, tps=0.001, priority=Priority.BULK)
    assert (await pacer.permits(slow, [1])).permits
    waiting = [asyncio.create_task(pacer.permits(slow, [1], lanes)) for _ in range(3)]
    await asyncio.sleep(0.01)
    alert = replace(MAIN, route="other", priority=Priority.ALERT)
    assert (await asyncio.wait_for(pacer.permits(alert, [1], lanes), 10)).permits
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_throttling_cuts_the_share_for_everybody_once_for_many_signs_and_it_grows_back(valkey: Redis) -> None:
    pacers = [new_pacer(valkey), new_pacer(valkey)]
    await asyncio.gather(*(pacer.throttled("main") for pacer in pacers for _ in range(5)))
    assert await share(valkey) == pacing.THROTTLE_FACTOR
    assert sum(p.segments for p in await drained(valkey, pacers, 20, [1])) == 14
    await valkey.hincrby(STATE, "cut_at", -10 * MICRO)
    assert sum(p.segments for p in await drained(valkey, pacers, 20, [1])) == 4  # 0.7 + 10 s * 0.02
    await valkey.hincrby(STATE, "cut_at", -1000 * MICRO)
    assert sum(p.segments for p in await drained(valkey, pacers, 20, [1])) == 2


async def test_a_route_that_is_throttled_for_ever_still_asks_now_and_then(valkey: Redis) -> None:
    pacer = new_pacer(valkey)
    for _ in range(30):
        await pacer.throttled("main")
        await valkey.hincrby(STATE, "cut_at", -int(pacing.ONE_SIGN_SECONDS * MICRO))
    assert await share(valkey) >= pacing.LEAST_SHARE
    assert await asked(pacer, [1])


@given(st.lists(st.floats(0.001, 30), min_size=1))
def test_no_answer_is_taken_for_earlier_than_the_fastest_allows(times: list[float]) -> None:
    answers = _Answers()
    answers.slower(1.0, 0.0)
    for place, took in enumerate(times):
        fastest = min([1.0, *times[: place + 1]])
        assert answers.slower(took, LEARNING_SECONDS + 1) == took - fastest


def test_while_a_process_has_nothing_to_compare_with_the_whole_answer_counts_as_late() -> None:
    answers = _Answers()
    assert [answers.slower(0.2, at) for at in (10.0, 10.1, 10.0 + LEARNING_SECONDS)] == [0.2] * 3
    assert answers.slower(0.2, 10.1 + LEARNING_SECONDS) == 0


def test_the_fastest_answer_is_forgotten_in_the_end() -> None:
    answers = _Answers()
    answers.slower(0.01, 0.0)
    assert answers.slower(0.3, 6.0) == pytest.approx(0.29)
    assert answers.slower(0.3, pacing.MEMORY_SECONDS + 1) == pytest.approx(0.29)
    assert answers.slower(0.3, 2 * pacing.MEMORY_SECONDS + 2) == 0


async def test_without_valkey_nobody_is_granted_a_permit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "RETRY_SECONDS", 0.001)
    async with Redis.from_url("unix:///nowhere/valkey.sock") as gone:
        pacer = new_pacer(gone)
        assert await pacer._ask(MAIN, [1]) == Grant(wait=0.001)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pacer.permits(MAIN, [1]), 0.05)
        await pacer.give_back([Permit(MAIN, "x:1", 1, 1, 0.0, 0.0)])
        await pacer.throttled("main")
