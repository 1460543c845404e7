"""What time alone does: waves open, close and end; the dead are found, the lost is given again."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from campaigns.campaign import Priority
from dispatcher import clock, expansion, sending
from dispatcher.broker import Queue, Verb, new_broker, queue_name
from dispatcher.lifecycle import Act, CampaignStatus, WaveStatus
from dispatcher.store import batches, counters, messages, routes
from dispatcher.store.messages import Result
from providers.sandbox import Dials
from tests.dispatcher.hall import DISGUISED, LAUNCH, NATIONAL_DAY, Hall, june, numbers

PEOPLE = [(number,) for number in numbers(3)]


async def queued(hall: Hall, verb: Verb, *parts: str) -> int:
    broker = hall.runtime.queue._broker
    return int(await asyncio.to_thread(broker.client.llen, f"dramatiq:{queue_name(verb, *parts)}"))


async def waves(hall: Hall) -> dict[str, str]:
    return {wave.slug: wave.status for wave in (await hall.view()).waves}


async def test_a_wave_opens_when_its_time_has_come_and_only_in_a_running_campaign(hall: Hall) -> None:
    await hall.rehearse(seconds=-5)
    await hall.import_rows(PEOPLE)
    await hall.add(june(LAUNCH, DISGUISED))
    await hall.approve()
    await hall.rehearse()
    assert await hall.open_waves() == []  # not started
    await hall.start()
    await hall.stop(Act.PAUSE)
    assert await hall.open_waves() == []  # paused
    await hall.resume()
    await hall.rehearse(seconds=-5)
    assert await hall.open_waves() == []  # not yet
    await hall.rehearse()
    (wave,) = await hall.open_waves()
    assert await hall.open_waves() == [wave]  # until it is planned
    assert await waves(hall) == {LAUNCH: WaveStatus.EXPANDING, DISGUISED: WaveStatus.SCHEDULED}


async def test_a_wave_whose_time_is_over_is_missed_not_sent_late(hall: Hall) -> None:
    await hall.import_rows(PEOPLE)
    await hall.add(june(LAUNCH, NATIONAL_DAY))
    await hall.approve()
    await hall.start()
    await hall.rehearse(NATIONAL_DAY)
    assert len(await hall.open_waves()) == 1
    assert await waves(hall) == {LAUNCH: WaveStatus.MISSED, NATIONAL_DAY: WaveStatus.EXPANDING}


async def test_a_campaign_is_finished_when_its_rows_say_so(hall: Hall) -> None:
    await hall.planned(25)
    await hall.tidy()
    assert (await hall.view()).status is CampaignStatus.RUNNING  # planned, nothing sent
    (first, second) = await hall.due()
    await sending.send(hall.runtime, first)
    await hall.tidy()
    assert await hall.wave_status() == "sending"
    await sending.send(hall.runtime, second)
    await hall.tidy()
    assert await hall.wave_status() == "done"
    assert (await hall.view()).status is CampaignStatus.FINISHED


async def test_a_campaign_with_a_wave_to_come_is_not_finished(hall: Hall) -> None:
    wave = await hall.running(PEOPLE, LAUNCH, DISGUISED)
    await expansion.expand(hall.runtime, wave)
    await hall.send()
    await hall.tidy()
    assert await waves(hall) == {LAUNCH: WaveStatus.DONE, DISGUISED: WaveStatus.SCHEDULED}
    assert (await hall.view()).status is CampaignStatus.RUNNING


async def test_what_a_dead_worker_had_under_way_is_uncertain_and_the_rest_is_sent(hall: Hall) -> None:
    await hall.planned(10)
    (batch,) = await hall.due()
    async with hall.runtime.pool.connection() as connection:
        held = await batches.lease(connection, batch, 60)
        assert held is not None
        rows = await batches.open_rows(connection, held)
        await messages.claim(connection, held, [row.id for row in rows[:4]])
    await hall.tidy()
    assert await hall.counts() == {"sending": 4, "queued": 6}  # it lives: its lease runs
    await hall.sql("UPDATE batches SET leased_until = clock_timestamp() - interval '1 s'")
    await hall.tidy()
    assert await hall.counts() == {"uncertain": 4, "queued": 6}
    assert await hall.scalar("SELECT count(*) FROM attempts WHERE code = 'worker-lost'") == 4
    assert await hall.send() == 1
    assert await hall.counts() == {"uncertain": 4, "submitted": 6}
    async with hall.runtime.pool.connection() as connection:  # the dead one was only slow: its lease is worth nothing
        assert not (await messages.claim(connection, held, [rows[5].id])).permitted
        assert await batches.release(connection, held, 0) is False


async def test_uncertain_messages_are_unconfirmed_after_the_settle_time(hall: Hall) -> None:
    await hall.planned(3)
    await hall.sql(
        "UPDATE stored_messages SET status = 'uncertain', changed_at = dispatcher_now() - interval '30 minutes'"
    )
    await hall.sql("UPDATE status_deltas SET status = 'uncertain'")
    await hall.tidy(settle_seconds=3600)
    assert await hall.counts() == {"uncertain": 3}
    await hall.tidy(settle_seconds=60)
    assert await hall.counts() == {"unconfirmed": 3}


async def test_what_has_not_left_a_closed_wave_expires(hall: Hall) -> None:
    await hall.planned(25)
    (first, _) = await hall.due()
    await sending.send(hall.runtime, first)
    left = (await hall.counts())["submitted"]
    await hall.rehearse(days=2)
    await hall.tidy()
    assert await hall.counts() == {"submitted": left, "expired": 25 - left}
    assert await hall.wave_status() == "done"


async def test_what_was_under_way_when_the_campaign_was_cancelled_is_swept_later(hall: Hall) -> None:
    await hall.planned(5)
    (batch,) = await hall.due()
    async with hall.runtime.pool.connection() as connection:
        held = await batches.lease(connection, batch, 60)
        assert held is not None
        rows = await batches.open_rows(connection, held)
        claim = await messages.claim(connection, held, [row.id for row in rows[:2]])
    assert (await hall.stop(Act.CANCEL)).in_flight == 2
    assert await hall.counts() == {"sending": 2, "cancelled": 3}
    now = datetime.now(UTC)
    returned = [
        Result(row.id, "returned", True, 1, now, now, "not_sent", None, "no credit", None, 1, None) for row in rows[:2]
    ]
    async with hall.runtime.pool.connection() as connection:
        await messages.record(connection, "main", claim.id or 0, returned, [])
    assert await hall.counts() == {"queued": 2, "cancelled": 3}
    await hall.tidy()
    assert await hall.counts() == {"cancelled": 5}


@pytest.mark.parametrize("dials", [Dials(refusals={"99": 0.3}, lost_answers=0.2)])
async def test_folding_the_counters_changes_nothing_that_a_reader_sees(hall: Hall) -> None:
    await hall.planned(40)
    await hall.send()
    before = await hall.counts()
    for _ in range(2):
        async with hall.runtime.pool.connection() as connection:
            await counters.fold(connection)
        assert await hall.counts() == before
        assert await hall.scalar("SELECT count(*) FROM status_deltas") == 0


async def test_what_the_queue_lost_is_given_again_after_a_while(hall: Hall) -> None:
    await hall.planned(25)
    due = await hall.due()
    assert len(due) == 2
    assert await hall.due() == []  # on the queue: not again
    assert sorted(await hall.due(requeue_seconds=0)) == sorted(due)


async def test_each_route_has_only_so_many_batches_under_way(hall: Hall) -> None:
    await hall.planned(100)
    async with hall.runtime.pool.connection() as connection:
        first = await batches.enqueue_due(connection, requeue_seconds=60, per_route=2)
        assert len(first) == 2
        assert await batches.enqueue_due(connection, requeue_seconds=60, per_route=2) == []
    await sending.send(hall.runtime, first[0].id)
    async with hall.runtime.pool.connection() as connection:
        assert len(await batches.enqueue_due(connection, requeue_seconds=60, per_route=2)) == 1


async def test_a_bulk_wave_that_fills_its_share_keeps_no_alert_off_the_queue(hall: Hall) -> None:
    await hall.planned(100)
    await hall.sql("UPDATE waves SET priority = 'bulk'")
    async with hall.runtime.pool.connection() as connection:
        assert len(await batches.enqueue_due(connection, requeue_seconds=60, per_route=2)) == 2
        await connection.execute(
            "INSERT INTO waves (uid, campaign_id, slug, title, opens_at, closes_at, window_from, window_to, status, priority)"
            " SELECT gen_random_uuid(), campaign_id, 'alert', '', opens_at, closes_at, window_from, window_to, 'sending', 'alert'"
            " FROM waves"
        )
        await connection.execute(
            "INSERT INTO batches (wave_id, route, ordinal, size, segments, due_at)"
            " SELECT id, 'main', n, 1, 1, clock_timestamp() FROM waves, generate_series(1, 5) AS n WHERE slug = 'alert'"
        )
        due = await batches.enqueue_due(connection, requeue_seconds=60, per_route=2)
        assert [(batch.route, batch.priority) for batch in due] == [("main", Priority.ALERT)] * 2


async def test_batches_of_a_route_that_is_not_in_the_file_park_it(hall: Hall) -> None:
    await hall.planned(3)
    await hall.sql("UPDATE batches SET route = 'gone'")
    await clock.tick(hall.runtime, {}, {}, housekeeping=False)
    async with hall.runtime.pool.connection() as connection:
        assert [stop.reason for stop in (await routes.stops(connection))["gone"]] == ["not in routes.toml"]


async def test_a_tick_asks_for_plans_then_for_sending_and_an_emptied_queue_loses_nothing(hall: Hall) -> None:
    wave = await hall.running(PEOPLE)
    enqueued: dict[int, float] = {}
    await clock.tick(hall.runtime, enqueued, {}, housekeeping=True)
    await clock.tick(hall.runtime, enqueued, {}, housekeeping=True)
    assert await queued(hall, Verb.EXPAND, "normal") == 1
    await expansion.expand(hall.runtime, wave)
    await clock.tick(hall.runtime, enqueued, {}, housekeeping=True)
    assert await queued(hall, Verb.SEND, "main", "normal") == 1
    await asyncio.to_thread(hall.runtime.queue._broker.client.flushdb)
    await hall.sql("UPDATE batches SET enqueued_at = enqueued_at - interval '61 s'")
    await clock.tick(hall.runtime, enqueued, {}, housekeeping=False)
    assert await queued(hall, Verb.SEND, "main", "normal") == 1
    assert await hall.counts() == {"queued": 3}


async def test_what_could_not_be_put_on_the_queue_is_put_there_by_the_next_tick(hall: Hall) -> None:
    await hall.planned(25)
    nowhere = replace(hall.runtime, queue=Queue(new_broker("redis://127.0.0.1:9/0")))
    await clock.tick(nowhere, {}, {}, housekeeping=False)
    await clock.tick(hall.runtime, {}, {}, housekeeping=False)
    assert await queued(hall, Verb.SEND, "main", "normal") == 2
