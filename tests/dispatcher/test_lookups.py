"""What nobody knows of is asked about: what each answer moves, and what an unanswered question does not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from dispatcher import clock, expansion, lookups
from dispatcher.broker import Verb
from dispatcher.lifecycle import Act
from dispatcher.runtime import Addresses, Runtime
from dispatcher.store import log, messages
from dispatcher.store import lookups as stored
from dispatcher.store import receipts as stored_receipts
from dispatcher.store.receipts import NewReceipt
from dispatcher.store.search import Wanted
from providers.sandbox import Dials, PretendCarrier
from tests.dispatcher.hall import DISGUISED, LAUNCH, SENDER, Hall

ALL_LOST = Dials.model_validate({"lost_answers": 1.0, "receipts": {"delay_seconds": {"mean": 0}}})
UNDELIVERED = Dials.model_validate(
    {"lost_answers": 1.0, "receipts": {"delay_seconds": {"mean": 0}, "undelivered": 1.0}}
)
NEVER_TAKEN = Dials(lost_requests=1.0)
HALF_TAKEN = Dials(lost_requests=0.5)
STILL_OPEN = Dials.model_validate({"lost_answers": 1.0, "receipts": {"delay_seconds": {"mean": 3600}}})
# eSMS lists what it took late: only after ten minutes does an empty place in its list prove anything.
LONG_AGO_SECONDS = 900


@pytest.fixture
async def carrier(dials: Dials) -> AsyncIterator[PretendCarrier]:
    """A carrier whose list says that everything was sent a quarter of an hour ago."""
    dials = dials.model_copy(update={"brandnames": (SENDER,)})
    async with PretendCarrier(dials, wall=lambda: time.time() - LONG_AGO_SECONDS) as carrier:
        yield carrier


@pytest.fixture
def runtime(runtime: Runtime) -> Runtime:
    """Asks at once: nobody is patient here."""
    object.__setattr__(runtime, "settings", runtime.settings.model_copy(update={"patience_seconds": 1e-6}))
    return runtime


async def lost(hall: Hall, count: int = 5, *slugs: str) -> None:
    """A wave whose answers never came, a quarter of an hour ago."""
    await hall.planned(count, *slugs)
    await hall.send()
    await long_ago(hall)
    await hall.tidy()
    assert (await hall.counts())["uncertain"] == count


async def long_ago(hall: Hall) -> None:
    await hall.sql("ALTER TABLE attempts DISABLE TRIGGER append_only")
    await hall.sql(
        "UPDATE attempts SET started_at = started_at - %s, ended_at = ended_at - %s",
        *[timedelta(seconds=LONG_AGO_SECONDS)] * 2,
    )
    await hall.sql("ALTER TABLE attempts ENABLE TRIGGER append_only")


async def answers(hall: Hall) -> list[tuple[str, str | None, str | None, bool]]:
    """What the log has of the carrier's answers, each once: outcome, the move, and whether the call is in the log too."""
    rows = await hall.sql(
        "SELECT DISTINCT r.outcome, r.moved_from::text, r.moved_to::text,"
        " EXISTS (SELECT FROM exchanges e WHERE e.id = ANY(r.asked_in)) AS shown FROM receipts r WHERE asked_in IS NOT NULL"
    )
    return [tuple(row) for row in rows]


async def requests(hall: Hall) -> int:
    return len(hall.carrier.ledger.arrivals)


@pytest.mark.parametrize(
    ("dials", "outcome", "status"),
    [
        (ALL_LOST, "delivered", "delivered"),
        (UNDELIVERED, "undelivered", "undelivered"),
        (STILL_OPEN, "accepted", "submitted"),
    ],
)
async def test_what_the_carrier_has_is_settled_without_sending_anything(hall: Hall, outcome: str, status: str) -> None:
    await lost(hall)
    await lookups.look_up(hall.runtime)
    assert await hall.counts() == {status: 5}
    assert await answers(hall) == [(outcome, "uncertain", status, True)]
    assert await requests(hall) == 5
    assert await hall.scalar("SELECT count(*) FROM exchanges WHERE request LIKE %s", "%GetSmsSentData_V2%") == 1
    assert await hall.scalar("SELECT max(attempts) FROM messages") == 1


@pytest.mark.parametrize("dials", [STILL_OPEN])
async def test_a_receipt_that_names_only_the_reference_finds_what_a_query_had_found(hall: Hall) -> None:
    await lost(hall, 1)
    await lookups.look_up(hall.runtime)
    reference = await hall.scalar("SELECT reference FROM receipts")
    async with hall.runtime.pool.connection() as connection:
        await stored_receipts.put(connection, [NewReceipt("main", None, reference, "delivered", "5", None, "")])
        await stored_receipts.apply(connection, 10)
    assert await hall.counts() == {"delivered": 1}


@pytest.mark.parametrize("dials", [HALF_TAKEN])
async def test_what_the_carrier_never_took_is_sent_again(hall: Hall) -> None:
    await hall.planned(10)
    await hall.send()
    await long_ago(hall)
    await hall.tidy()
    uncertain = (await hall.counts())["uncertain"]
    assert 0 < uncertain < 10
    assert (await hall.view()).status == "finished"
    await lookups.look_up(hall.runtime)
    assert (await hall.counts())["queued"] == uncertain
    assert await answers(hall) == [("absent", "uncertain", "queued", True)]
    assert (await hall.view()).status == "running"
    await hall.send()
    await hall.tidy()
    assert await hall.counts() == {"submitted": 10}
    assert set(hall.carrier.ledger.received.values()) == {1}
    assert (await hall.view()).status == "finished"


@pytest.mark.parametrize("dials", [HALF_TAKEN])
async def test_what_was_never_taken_expires_when_the_waves_time_is_over(hall: Hall) -> None:
    await hall.planned(10)
    await hall.send()
    await long_ago(hall)
    uncertain = (await hall.counts())["uncertain"]
    await hall.sql("UPDATE waves SET closes_at = dispatcher_now()")
    await lookups.look_up(hall.runtime)
    assert await hall.counts() == {"submitted": 10 - uncertain, "expired": uncertain}


@pytest.mark.parametrize("dials", [HALF_TAKEN])
async def test_what_was_never_taken_is_cancelled_with_its_campaign(hall: Hall) -> None:
    await hall.planned(10)
    await hall.send()
    await long_ago(hall)
    uncertain = (await hall.counts())["uncertain"]
    await hall.stop(Act.CANCEL)
    await lookups.look_up(hall.runtime)
    assert await hall.counts() == {"submitted": 10 - uncertain, "cancelled": uncertain}


@pytest.mark.parametrize("dials", [NEVER_TAKEN])
async def test_an_empty_list_proves_nothing_and_the_next_question_comes_later(hall: Hall) -> None:
    """Nobody at all is listed since then: perhaps the list stands still."""
    await lost(hall)
    await lookups.look_up(hall.runtime)
    assert await hall.counts() == {"uncertain": 5}
    assert await answers(hall) == [("unknown", None, None, True)]
    await hall.sql("UPDATE stored_messages SET changed_at = changed_at - interval '2 minutes'")
    async with hall.runtime.pool.connection() as connection:
        assert len(await stored.take(connection, "main", 1e-6, 100)) == 5
        assert await stored.take(connection, "main", 60, 100) == []
    assert await hall.scalar("SELECT DISTINCT asked FROM lookups") == 2
    await hall.sql("UPDATE lookups SET asked_at = asked_at - interval '3 minutes'")
    async with hall.runtime.pool.connection() as connection:
        assert await stored.take(connection, "main", 60, 100) == []  # after two questions: four minutes
    await hall.sql("UPDATE lookups SET asked = 20, asked_at = asked_at - interval '7 hours'")
    async with hall.runtime.pool.connection() as connection:
        assert len(await stored.take(connection, "main", 60, 100)) == 5  # but never more than six hours


@pytest.mark.parametrize("dials", [ALL_LOST])
async def test_two_workers_at_once_ask_about_each_message_once(hall: Hall) -> None:
    await lost(hall, 6)
    await hall.sql("UPDATE stored_messages SET changed_at = changed_at - interval '2 minutes'")
    object.__setattr__(hall.runtime, "settings", hall.runtime.settings.model_copy(update={"patience_seconds": 60}))
    await asyncio.gather(lookups.look_up(hall.runtime), lookups.look_up(hall.runtime))
    assert await hall.counts() == {"delivered": 6}
    assert await hall.scalar("SELECT max(asked) FROM lookups") == 1
    assert await hall.scalar("SELECT count(*) FROM receipts") == 6


@pytest.mark.parametrize("dials", [ALL_LOST])
async def test_a_question_that_was_not_answered_says_nothing_and_costs_nothing(hall: Hall) -> None:
    await lost(hall)
    hall.carrier._carrier.dials = hall.carrier.dials.model_copy(update={"api_key": "changed"})
    await lookups.look_up(hall.runtime)
    assert await hall.counts() == {"uncertain": 5}
    assert await hall.scalar("SELECT max(attempts) FROM messages") == 1
    assert await answers(hall) == []
    assert await hall.scalar("SELECT count(*) FROM exchanges WHERE request LIKE %s", "%GetSmsSentData_V2%") == 1


@pytest.mark.parametrize("dials", [ALL_LOST.model_copy(update={"lookups_throttled": True})])
async def test_a_carrier_that_is_asked_too_fast_slows_the_route_down(hall: Hall, addresses: Addresses) -> None:
    await lost(hall)
    await lookups.look_up(hall.runtime)
    assert await hall.counts() == {"uncertain": 5}
    async with Redis.from_url(addresses.redis_url) as valkey:
        assert float(await valkey.hget("pacing:{main}:state", "share") or 1) < 1


@pytest.mark.parametrize("dials", [ALL_LOST])
async def test_an_answer_about_earlier_tries_does_not_call_a_later_one_back(hall: Hall) -> None:
    await lost(hall, 1)
    async with hall.runtime.pool.connection() as connection:
        (doubt,) = await stored.take(connection, "main", 1e-6, 10)
        await connection.execute("UPDATE stored_messages SET attempts = 2")  # sent again meanwhile, and lost again
        absent = stored.Answer(doubt.id, doubt.number, "absent", "absent", None, "", "")
        await stored.record(connection, "main", [absent], [])
    assert await hall.counts() == {"uncertain": 1}
    assert await answers(hall) == [("absent", None, None, False)]


@pytest.mark.parametrize("dials", [STILL_OPEN])
async def test_one_listed_message_settles_one_of_ours(hall: Hall) -> None:
    await lost(hall, 2)
    async with hall.runtime.pool.connection() as connection:
        for doubt in await stored.take(connection, "main", 1e-6, 10):
            told = stored.Answer(doubt.id, doubt.number, "accepted", "accepted", "theirs", "2", "")
            await stored.record(connection, "main", [told], [])
    assert await hall.counts() == {"submitted": 1, "uncertain": 1}


@pytest.mark.parametrize("dials", [STILL_OPEN])
async def test_the_carriers_names_for_other_messages_to_the_number_are_told_apart(hall: Hall) -> None:
    wave = await hall.planned(1, LAUNCH, DISGUISED)
    await hall.send()
    await hall.sql("UPDATE waves SET opens_at = dispatcher_now(), window_from = '00:00', window_to = '23:59'")
    await hall.approve()
    (other,) = [opened for opened in await hall.open_waves() if opened != wave]
    await expansion.expand(hall.runtime, other)
    await hall.send()
    async with hall.runtime.pool.connection() as connection:
        first, second = await stored.take(connection, "main", 1e-6, 10)
        told = stored.Answer(first.id, first.number, "accepted", "accepted", "theirs", "2", "")
        await stored.record(connection, "main", [told], [])
        (again,) = await stored.take(connection, "main", 1e-6, 10)
    assert (second.others, again.others) == (frozenset(), frozenset({"theirs"}))


@pytest.mark.parametrize("dials", [NEVER_TAKEN])
async def test_sending_again_under_the_same_id_waits_for_a_first_answer(hall: Hall) -> None:
    await lost(hall)

    async def ask_again() -> int:
        async with hall.runtime.pool.connection() as connection:
            return await messages.ask_again(connection, clock.memories(hall.runtime), 1e-6, ["main"])

    assert await ask_again() == 0
    await lookups.look_up(hall.runtime)
    assert await ask_again() == 5
    await hall.send()
    assert await hall.counts() == {"submitted": 5}


@pytest.mark.parametrize("dials", [ALL_LOST])
async def test_the_clock_has_it_asked_and_forgets_what_is_settled(hall: Hall) -> None:
    await lost(hall)
    await clock.tick(hall.runtime, {}, {}, housekeeping=True)
    broker = hall.runtime.queue._broker
    assert await asyncio.to_thread(broker.client.llen, f"dramatiq:{Verb.LOOKUP}") == 1
    await lookups.look_up(hall.runtime)
    await clock.tick(hall.runtime, {}, {}, housekeeping=True)
    assert await hall.scalar("SELECT count(*) FROM lookups") == 0
    assert await asyncio.to_thread(broker.client.llen, f"dramatiq:{Verb.LOOKUP}") == 1


@pytest.mark.parametrize("dials", [ALL_LOST])
async def test_the_log_shows_the_carriers_name_that_a_query_found(hall: Hall) -> None:
    await lost(hall, 1)
    await lookups.look_up(hall.runtime)
    async with hall.runtime.pool.connection() as connection:
        (row,) = await log.first(connection, Wanted(), 10)
    assert {row.reference} == {arrival.smsid for arrival in hall.carrier.ledger.arrivals}
