"""Caps of an hour and of a day: never one segment more in the carrier's ledger, whatever Valkey has forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from redis.asyncio import Redis

from dispatcher import pacing, sending
from dispatcher.lifecycle import Act
from dispatcher.pacing import DAY, EPOCH, HOUR, VIETNAM_AHEAD, Cap, Line, Pacer
from dispatcher.runtime import Addresses
from dispatcher.store import batches, caps, messages
from dispatcher.store.caps import Spent
from providers.sandbox import Dials
from tests.dispatcher.hall import Hall

DAILY = Line("main", 1000, per_day=10)
CAPS, PERMITS = "pacing:{main}:caps", "pacing:{main}:permits"


@pytest.fixture
async def valkey(servers: Addresses, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Redis]:
    monkeypatch.setattr(pacing, "QUIET_SECONDS", 0.0)
    async with Redis.from_url(servers.redis_url) as valkey:
        await valkey.flushdb()
        yield valkey


def pacer_that_knows(valkey: Redis, spent: Spent) -> Pacer:
    async def count(_route: str, _hour: datetime, _day: datetime) -> Spent:
        return spent

    return Pacer(valkey, count)


async def taken(pacer: Pacer, line: Line = DAILY) -> int:
    """Segments that are granted, one at a time, until a cap is used up."""
    total = 0
    while (grant := await pacer.permits(line, [1])).spent is None:
        total += sum(permit.segments for permit in grant.permits)
    return total


async def test_many_processes_together_get_the_cap_and_not_one_more(valkey: Redis) -> None:
    pacers = [pacer_that_knows(valkey, Spent(0, 0)) for _ in range(4)]
    assert sum(await asyncio.gather(*(taken(pacer) for pacer in pacers))) == 10


async def test_what_the_database_knows_counts_when_valkey_knows_nothing(valkey: Redis) -> None:
    assert await taken(pacer_that_knows(valkey, Spent(hour=3, day=7))) == 3


@pytest.mark.parametrize(("per_hour", "per_day", "granted", "cap"), [
    (4, None, 3, Cap.HOUR), (None, 10, 7, Cap.DAY), (4, 10, 3, Cap.HOUR), (10, 10, 7, Cap.DAY), (4, 6, 3, Cap.DAY),
])  # fmt: skip
async def test_the_tighter_cap_decides_and_is_named(
    valkey: Redis, per_hour: int | None, per_day: int | None, granted: int, cap: Cap
) -> None:
    pacer = pacer_that_knows(valkey, Spent(hour=1, day=3))
    line = replace(DAILY, per_hour=per_hour, per_day=per_day)
    assert await taken(pacer, line) == granted
    assert (await pacer.permits(line, [1])).spent is cap


async def test_the_wait_ends_with_the_hour_or_the_day_of_viet_nam(valkey: Redis) -> None:
    pacer = pacer_that_knows(valkey, Spent(10, 10))
    for line, length, ahead in (
        (replace(DAILY, per_hour=10, per_day=None), HOUR, timedelta()),
        (DAILY, DAY, VIETNAM_AHEAD),
    ):
        grant = await pacer.permits(line, [1])
        begins = datetime.fromtimestamp((await valkey.time())[0], UTC) + timedelta(seconds=grant.wait) + ahead
        assert abs((begins - EPOCH + length / 2) % length - length / 2) < timedelta(seconds=2)


async def test_a_call_that_does_not_fit_is_not_split_and_a_shorter_one_may_still_go(valkey: Redis) -> None:
    pacer = pacer_that_knows(valkey, Spent(8, 8))
    assert (await pacer.permits(DAILY, [3])).spent is Cap.DAY
    assert len((await pacer.permits(DAILY, [2])).permits) == 1


async def test_permits_handed_back_count_no_longer_on_their_day_and_only_once(valkey: Redis) -> None:
    pacer = pacer_that_knows(valkey, Spent(0, 0))
    permits = [permit for _ in range(10) for permit in (await pacer.permits(DAILY, [1])).permits]
    await pacer.give_back(permits[:2])
    await pacer.give_back(permits[:2])
    assert await taken(pacer) == 2
    await valkey.hincrby(CAPS, "day", 1)
    await pacer.give_back(permits[2:4])  # of a day that is over by now
    assert await valkey.hget(CAPS, "day_n") == b"10"


async def test_a_missed_moment_finds_no_other_when_the_cap_is_used_up_meanwhile(valkey: Redis) -> None:
    pacer = pacer_that_knows(valkey, Spent(9, 9))
    (missed,) = (await pacer.permits(DAILY, [1])).permits
    await valkey.hset(CAPS, "since", missed.moment + 1)  # what it hands back, somebody else has taken
    assert await pacer.moment(replace(missed, due=0.0)) is None


async def test_a_permit_from_before_the_count_gives_nothing_back(valkey: Redis) -> None:
    """The database did not count it either: it had not been claimed."""
    pacer = pacer_that_knows(valkey, Spent(4, 4))
    (permit,) = (await pacer.permits(DAILY, [1])).permits
    await valkey.hset(CAPS, "since", permit.moment + 1)
    await pacer.give_back([permit])
    assert await valkey.hget(CAPS, "day_n") == b"5"


async def test_a_new_day_begins_at_nothing_but_what_was_still_on_its_way(valkey: Redis) -> None:
    pacer = pacer_that_knows(valkey, Spent(7, 7))
    assert await taken(pacer) == 3
    await valkey.hincrby(CAPS, "hour", -1)
    await valkey.hincrby(CAPS, "day", -1)
    assert await taken(pacer) == 7  # the three may arrive on this day
    await valkey.hincrby(CAPS, "hour", -1)
    await valkey.hincrby(CAPS, "day", -1)
    await valkey.delete(PERMITS)
    assert await taken(pacer) == 10


async def test_another_life_of_the_server_is_counted_anew(valkey: Redis) -> None:
    """Its log may lack the last second."""
    assert await taken(pacer_that_knows(valkey, Spent(0, 0))) == 10
    await valkey.hset(CAPS, "run", "another")
    assert await taken(pacer_that_knows(valkey, Spent(8, 8))) == 2


async def test_without_a_count_nothing_is_granted(valkey: Redis) -> None:
    async def gone(_route: str, _hour: datetime, _day: datetime) -> Spent:
        raise psycopg.OperationalError("the database is gone")

    pacer = Pacer(valkey, gone)
    for _ in range(3):
        assert await pacer._ask(DAILY, [1]) == pacing.Grant(wait=pacing.ASK_AGAIN_SECONDS)
    await valkey.hset(CAPS, "seeding", 0)  # who was told to count has died: another is told
    assert await taken(pacer_that_knows(valkey, Spent(9, 9))) == 1


async def test_nothing_is_counted_before_what_was_granted_earlier_is_over(
    valkey: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "QUIET_SECONDS", 1000.0)
    pacer = pacer_that_knows(valkey, Spent(0, 0))
    assert (await pacer._ask(DAILY, [1])).permits == ()
    assert await valkey.hget(CAPS, "seeding") is None
    await valkey.hincrby(CAPS, "lost", -1001 * pacing.MICRO)
    await pacer._ask(DAILY, [1])
    assert await valkey.hget(CAPS, "run") is not None


async def test_a_count_that_comes_after_another_loss_is_worth_nothing(valkey: Redis) -> None:
    pacer = pacer_that_knows(valkey, Spent(0, 0))
    await pacer._seed_counts("main", "1", 1, 1)
    assert await valkey.hget(CAPS, "run") is None


def cap(hall: Hall, **limits: int) -> None:
    route = hall.runtime.routes["main"]
    hall.runtime.routes["main"] = replace(route, config=route.config.model_copy(update=limits))


async def again(hall: Hall) -> None:
    """Send as if the time to ask again had come."""
    await hall.sql("DELETE FROM spent_caps")
    await hall.send()


def arrived(hall: Hall) -> int:
    return sum(arrival.segments for arrival in hall.carrier.ledger.arrivals)


@pytest.mark.parametrize("forgets", [False, True], ids=["valkey remembers", "valkey is emptied"])
async def test_the_carriers_ledger_never_holds_more_than_the_cap(valkey: Redis, hall: Hall, forgets: bool) -> None:
    await hall.planned(60)
    each = await hall.scalar("SELECT max(segments) FROM messages")
    for messages_a_day in (10, 10, 25):
        cap(hall, per_day=messages_a_day * each)
        await again(hall)
        assert arrived(hall) == messages_a_day * each
        if forgets:
            await valkey.flushdb()
    assert await hall.counts() == {"submitted": 25, "queued": 35}


async def test_an_emptied_valkey_in_the_midst_of_it_lets_nothing_more_through(
    valkey: Redis, hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "QUIET_SECONDS", 2.0)  # it is what makes this true
    await hall.planned(60)
    each = await hall.scalar("SELECT max(segments) FROM messages")
    cap(hall, per_day=30 * each)
    under_way = asyncio.create_task(hall.send())
    while not arrived(hall):  # noqa: ASYNC110  the ledger calls nobody
        await asyncio.sleep(0.001)
    await valkey.delete(CAPS)
    await under_way
    for _ in range(3):
        await again(hall)
    assert arrived(hall) == 30 * each


@pytest.mark.parametrize("dials", [Dials(refusals={"99": 0.2}, lost_answers=0.2)])
async def test_whatever_the_carrier_answered_counts(valkey: Redis, hall: Hall) -> None:
    await hall.planned(60)
    each = await hall.scalar("SELECT max(segments) FROM messages")
    cap(hall, per_day=20 * each)
    await hall.send()
    await valkey.flushdb()
    await again(hall)
    assert arrived(hall) == 20 * each


async def counted(hall: Hall, hours: float = 1, days: float = 1) -> Spent:
    now = datetime.now(UTC)
    async with hall.runtime.pool.connection() as connection:
        return await caps.spent(connection, "main", now - timedelta(hours=hours), now - timedelta(days=days))


async def test_the_database_counts_what_may_have_arrived_and_what_is_on_its_way(hall: Hall) -> None:
    await hall.planned(10)  # in a rehearsal: the log's times are months away
    each = await hall.scalar("SELECT max(segments) FROM messages")
    (batch,) = await hall.due()
    async with hall.runtime.pool.connection() as connection:
        held = await batches.lease(connection, batch, 60)
        assert held is not None
        rows = await batches.open_rows(connection, held)
        await messages.claim(connection, held, [row.id for row in rows[:4]])
    assert await counted(hall) == Spent(4 * each, 4 * each)
    await hall.sql("UPDATE batches SET leased_until = clock_timestamp() - interval '1 s'")
    await hall.tidy()
    assert await counted(hall) == Spent(4 * each, 4 * each)  # uncertain: they may have arrived
    for outcome, hours in (("accepted", 3), ("not_sent", 0), ("refused", 50)):
        await hall.sql(
            "INSERT INTO attempts (message_id, number, route, started_at, ended_at, outcome, segments)"
            " VALUES (gen_random_uuid(), 1, 'main', dispatcher_now(), dispatcher_now() - make_interval(hours => %s), %s, 5)",
            hours,
            outcome,
        )
    assert await counted(hall) == Spent(4 * each, 4 * each + 5)


async def test_a_wave_says_that_the_cap_is_used_up_and_other_routes_go_on(valkey: Redis, hall: Hall) -> None:
    await hall.planned(60)
    cap(hall, per_day=await hall.scalar("SELECT max(segments) FROM messages"))
    (_, second, _) = due = await hall.due()
    await hall.sql("UPDATE batches SET route = 'other', enqueued_at = NULL WHERE id = %s", second)
    await sending.send(hall.runtime, due[0])
    assert await hall.due(requeue_seconds=0) == [second]
    assert (await hall.view()).waves[0].waits is None  # one of its batches may leave
    await hall.sql("UPDATE batches SET route = 'main' WHERE id = %s", second)
    waits = (await hall.view()).waves[0].waits or ""
    assert waits.startswith("đã hết hạn mức ngày của đường gửi main, gửi tiếp lúc ")
    assert await hall.due(requeue_seconds=0) == []
    await hall.stop(Act.PAUSE)
    assert "tạm dừng" in ((await hall.view()).waves[0].waits or "")
