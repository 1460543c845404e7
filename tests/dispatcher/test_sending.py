"""A batch over real sockets: what each answer becomes, and everything that must keep a message from leaving."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from redis.asyncio import Redis

from dispatcher import importing, pacing, sending
from dispatcher.keyring import open_keyring
from dispatcher.lifecycle import Act
from dispatcher.retrying import Unpermitted
from dispatcher.runtime import Addresses
from dispatcher.settings import Settings
from dispatcher.store import batches, messages
from dispatcher.store import routes as stored_routes
from dispatcher.store.routes import StopKind
from providers.base import Callback, Exchange, Health, Provider, Receipt, Submission, Submitted
from providers.sandbox import Dials
from tests.dispatcher.hall import Hall

KILL_RECORDING = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'relation' AND datname = current_database()
"""
REFUSALS = {"99": "recipient", "108": "recipient", "146": "content", "177": "network", "201": "content", "555": "other"}


async def test_accepted_messages_are_submitted_with_reference_attempt_and_exchange(hall: Hall) -> None:
    await hall.planned(45)
    assert await hall.send() == 3
    assert await hall.counts() == {"submitted": 45}
    assert sorted(hall.carrier.ledger.received.values()) == [1] * 45
    attempts = await hall.sql("SELECT * FROM attempts")
    assert {a.reference for a in attempts} == {a.smsid for a in hall.carrier.ledger.arrivals}
    assert {(a.number, a.outcome, a.route) for a in attempts} == {(1, "accepted", "main")}
    assert await hall.scalar("SELECT count(*) FROM exchanges") == 45
    assert {row.attempts for row in await hall.sql("SELECT attempts FROM messages")} == {1}


async def test_everybody_hears_the_text_of_the_wave_under_the_id_of_their_message(hall: Hall) -> None:
    await hall.planned(3)
    await hall.send()
    ids = {row.id.hex for row in await hall.sql("SELECT id FROM messages")}
    assert {arrival.request_id for arrival in hall.carrier.ledger.arrivals} == ids
    (length,) = {row.n for row in await hall.sql("SELECT length(body) AS n FROM texts")}
    assert {arrival.characters for arrival in hall.carrier.ledger.arrivals} == {length}


async def test_exchanges_hold_no_number_and_no_secret(hall: Hall) -> None:
    await hall.planned(3)
    await hall.send()
    for row in await hall.sql("SELECT request || response AS said FROM exchanges"):
        assert "sandbox-secret-key" not in row.said
        assert "96000000" not in row.said


@pytest.mark.parametrize("dials", [Dials(refusals=dict.fromkeys(REFUSALS, 0.16))])
async def test_each_refusal_is_final_and_keeps_the_carriers_code(hall: Hall) -> None:
    await hall.planned(80)
    await hall.send()
    counts = await hall.counts()
    assert counts["rejected"] + counts["submitted"] == 80
    refused = await hall.sql(
        "SELECT DISTINCT outcome, code, split_part(reason, ':', 1) AS reason FROM attempts WHERE outcome <> 'accepted'"
    )
    assert {(a.outcome, a.code, a.reason) for a in refused} == {("refused", c, r) for c, r in REFUSALS.items()}
    await hall.tidy()
    assert await hall.due(requeue_seconds=0) == []


@pytest.mark.parametrize("dials", [Dials(lost_answers=0.5), Dials(lost_requests=0.5)])
async def test_a_lost_answer_is_uncertain_and_never_sent_again(hall: Hall) -> None:
    await hall.planned(20)
    await hall.send()
    counts = await hall.counts()
    assert counts["uncertain"] > 0
    assert counts["uncertain"] + counts["submitted"] == 20
    await hall.tidy()
    assert await hall.send() == 0
    assert max(hall.carrier.ledger.received.values()) == 1
    assert len(hall.carrier.ledger.arrivals) == 20


@pytest.mark.parametrize("dials", [Dials(throttle_tps=4), Dials(throttle_tps=4, throttle_answer="160")])
async def test_throttled_messages_wait_cost_no_attempt_and_go_out_later(hall: Hall) -> None:
    await hall.planned(6)
    await hall.send()
    counts = await hall.counts()
    assert counts["retrying"] > 0
    assert {r.attempts for r in await hall.sql("SELECT attempts FROM messages WHERE status = 'retrying'")} == {0}
    assert await hall.scalar("SELECT bool_and(due_at > clock_timestamp()) FROM batches")
    for _ in range(10):
        hall.carrier._carrier._pace = type(hall.carrier._carrier._pace)()  # a second passes at the carrier
        await hall.sql("UPDATE batches SET due_at = clock_timestamp() - interval '1 s'")  # and here
        await hall.send()
    assert await hall.counts() == {"submitted": 6}
    assert set(hall.carrier.ledger.received.values()) == {1}


@pytest.mark.parametrize(
    "dials",
    [Dials(secret_key="another"), Dials(balance=0.0), Dials(refusals={"140": 1.0})],
    ids=["keys", "money", "address"],
)
async def test_a_misconfigured_route_is_parked_and_its_messages_wait_without_a_try_counted(hall: Hall) -> None:
    await hall.planned(30)
    await hall.send()
    assert await hall.counts() == {"queued": 30}
    assert {row.attempts for row in await hall.sql("SELECT attempts FROM messages")} == {0}
    assert await hall.due(requeue_seconds=0) == []
    async with hall.runtime.pool.connection() as connection:
        assert [stop.kind for stop in (await stored_routes.stops(connection))["main"]] == [StopKind.PARKED]
        assert await stored_routes.lift(connection, "main", StopKind.PARKED)
        assert not await stored_routes.lift(connection, "main", StopKind.PARKED)
    assert len(await hall.due(requeue_seconds=0)) == 2


async def test_a_parked_route_stops_batches_that_are_already_on_the_queue(hall: Hall) -> None:
    await hall.planned(30)
    due = await hall.due()
    async with hall.runtime.pool.connection() as connection:
        await stored_routes.park(connection, "main", "a person said so")
    for batch in due:
        await sending.send(hall.runtime, batch)
    assert hall.carrier.ledger.arrivals == []
    assert await hall.counts() == {"queued": 30}


async def test_a_number_suppressed_after_planning_is_not_texted(hall: Hall) -> None:
    await hall.planned(5)
    async with hall.runtime.pool.connection() as connection:
        await importing.suppress(
            connection, hall.runtime.keyring, {"84960000002": "viettel"}, "asked for it", "test", "An"
        )
    await hall.send()
    assert await hall.counts() == {"submitted": 4, "suppressed": 1}
    assert "84960000002" not in hall.carrier.ledger.received


async def test_a_person_erased_after_planning_is_not_texted_and_the_batch_ends(hall: Hall) -> None:
    await hall.planned(5)
    await hall.sql("DELETE FROM recipients WHERE ctid = (SELECT min(ctid) FROM recipients)")
    await hall.send()
    assert await hall.counts() == {"submitted": 4, "failed": 1}
    (attempt,) = await hall.sql("SELECT number, outcome, code FROM attempts WHERE outcome <> 'accepted'")
    assert attempt == (0, "not_sent", "erased")
    await hall.tidy()
    assert await hall.wave_status() == "done"


async def test_paused_before_the_claim_nothing_leaves_and_resumed_everything_does(hall: Hall) -> None:
    await hall.planned(30)
    due = await hall.due()
    await hall.stop(Act.PAUSE)
    for batch in due:
        await sending.send(hall.runtime, batch)
    assert hall.carrier.ledger.arrivals == []
    assert await hall.counts() == {"queued": 30}
    await hall.resume()
    await hall.send()
    assert await hall.counts() == {"submitted": 30}


OUTSIDE: list[dict[str, Any]] = [
    {"seconds": -5},
    {"hours": 4},
    {"hours": 12},
    {"hours": 23},
    {"days": 1, "hours": 4},
]  # the window: 07:30-11:30


async def test_outside_the_window_nothing_leaves(hall: Hall) -> None:
    await hall.planned(3)
    (batch,) = await hall.due()
    for after in OUTSIDE:
        await hall.rehearse(**after)
        await sending.send(hall.runtime, batch)
        assert await hall.due(requeue_seconds=0) == []
    assert hall.carrier.ledger.arrivals == []


async def test_the_next_morning_the_rest_leaves(hall: Hall) -> None:
    await hall.planned(3)
    await hall.rehearse(hours=23)
    assert await hall.send() == 0
    await hall.rehearse(days=1, minutes=1)
    assert await hall.send() == 1
    assert await hall.counts() == {"submitted": 3}


async def test_a_stale_lease_claims_nothing(hall: Hall) -> None:
    await hall.planned(3)
    (batch,) = await hall.due()
    async with hall.runtime.pool.connection() as connection:
        held = await batches.lease(connection, batch, 60)
        assert held is not None
        assert await batches.lease(connection, batch, 60) is None
        ids = [row.id for row in await batches.open_rows(connection, held)]
        stale = await messages.claim(connection, replace(held, fence=held.fence - 1), ids)
        assert (stale.permitted, stale.ids) == (False, frozenset())
        fresh = await messages.claim(connection, held, ids)
        assert (fresh.permitted, fresh.ids) == (True, frozenset(ids))
        again = await messages.claim(connection, held, ids)
        assert (again.permitted, again.ids) == (True, frozenset())


async def test_lanes_of_a_batch_do_not_wait_for_each_others_claims_nor_the_heartbeat_for_any(hall: Hall) -> None:
    await hall.planned(4)
    (batch,) = await hall.due()
    pool = hall.runtime.pool
    async with pool.connection() as one, pool.connection() as another, pool.connection() as heartbeat:
        held = await batches.lease(one, batch, 60)
        assert held is not None
        ids = [row.id for row in await batches.open_rows(one, held)]
        await one.commit()
        for connection in (another, heartbeat):
            await connection.execute("SET lock_timeout = '5s'")
        assert len((await messages.claim(one, held, ids[:2])).ids) == 2  # not committed yet
        assert len((await messages.claim(another, held, ids[2:])).ids) == 2
        await batches.prolong(heartbeat, held, 60)


async def test_a_lease_that_ran_out_claims_nothing(hall: Hall) -> None:
    await hall.planned(3)
    (batch,) = await hall.due()
    async with hall.runtime.pool.connection() as connection:
        held = await batches.lease(connection, batch, -1)
        assert held is not None
        rows = await batches.open_rows(connection, held)
        assert not (await messages.claim(connection, held, [row.id for row in rows])).permitted


async def test_a_dead_workers_batch_is_not_taken_over_before_what_it_had_under_way_is_uncertain(hall: Hall) -> None:
    """Taken over, its messages in `sending` belonged to nobody: the batch went round for ever."""
    await hall.planned(3)
    (batch,) = await hall.due()
    async with hall.runtime.pool.connection() as connection:
        held = await batches.lease(connection, batch, 60)
        assert held is not None
        rows = await batches.open_rows(connection, held)
        await messages.claim(connection, held, [rows[0].id])
        await connection.execute("UPDATE batches SET leased_until = clock_timestamp() - interval '1 s'")
    await sending.send(hall.runtime, batch)  # the queue gives the dead worker's order to another
    await hall.tidy()
    await hall.send()
    assert await hall.counts() == {"uncertain": 1, "submitted": 2}
    await hall.tidy()
    assert await hall.wave_status() == "done"


async def test_an_order_given_twice_does_not_cut_a_retry_delay_short(hall: Hall) -> None:
    await hall.planned(3)
    (batch,) = await hall.due()
    await hall.sql("UPDATE batches SET due_at = clock_timestamp() + interval '30 s'")
    await sending.send(hall.runtime, batch)
    assert hall.carrier.ledger.arrivals == []
    await hall.sql("UPDATE batches SET due_at = clock_timestamp()")
    await sending.send(hall.runtime, batch)
    assert await hall.counts() == {"submitted": 3}


async def test_answers_that_met_a_dying_database_are_recorded_when_it_is_back(hall: Hall, addresses: Addresses) -> None:
    await hall.planned(20)
    (batch,) = await hall.due()
    async with await psycopg.AsyncConnection.connect(addresses.database_url) as other:
        await other.execute("LOCK TABLE attempts IN EXCLUSIVE MODE")
        sent = asyncio.create_task(sending.send(hall.runtime, batch))
        killed = 0
        while not killed:  # until one at least is recording
            await asyncio.sleep(0.05)
            killed = len(await (await other.execute(KILL_RECORDING)).fetchall())
        assert hall.carrier.ledger.arrivals
    await sent
    assert await hall.counts() == {"submitted": 20}
    assert await hall.scalar("SELECT count(*) FROM attempts") == 20


async def test_what_was_recorded_before_the_connection_broke_is_not_recorded_twice(hall: Hall) -> None:
    await hall.planned(3)
    await hall.send()
    (row, *_) = await hall.sql("SELECT message_id, number, started_at FROM attempts")
    claim = await hall.scalar("SELECT id FROM claims")
    async with hall.runtime.pool.connection() as connection:
        assert await messages.recorded(connection, claim, row.message_id, row.number, row.started_at)
        assert not await messages.recorded(connection, claim, row.message_id, row.number + 1, row.started_at)


async def test_a_claimed_message_whose_moment_is_missed_without_valkey_is_given_back_unsent(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hall.planned(3)
    (batch,) = await hall.due()
    gone = Redis.from_url("redis://127.0.0.1:9/0")
    pacer = hall.runtime.pacer
    claim = messages.claim

    async def slow(*arguments: Any, **named: Any) -> Any:
        """As long as Valkey takes to go away, and the permits' moments to pass."""
        claimed = await claim(*arguments, **named)
        for script in (pacer._reserve, pacer._settle):
            monkeypatch.setattr(script, "registered_client", gone)
        await asyncio.sleep(pacing.LATE_SECONDS + pacing.HORIZON_SECONDS + 0.1)
        return claimed

    monkeypatch.setattr(messages, "claim", slow)
    monkeypatch.setattr(pacing, "AGAIN_SECONDS", 0.2)
    await sending.send(hall.runtime, batch)
    assert hall.carrier.ledger.arrivals == []
    assert await hall.counts() == {"queued": 3}
    assert {row.attempts for row in await hall.sql("SELECT attempts FROM messages")} == {0}
    assert {(a.outcome, a.code) for a in await hall.sql("SELECT * FROM attempts")} == {("not_sent", "no-permit")}


async def test_two_workers_on_one_batch_send_it_once(hall: Hall) -> None:
    await hall.planned(20)
    (batch,) = await hall.due()
    await asyncio.gather(*(sending.send(hall.runtime, batch) for _ in range(5)))
    assert await hall.counts() == {"submitted": 20}
    assert set(hall.carrier.ledger.received.values()) == {1}
    await sending.send(hall.runtime, batch)
    assert len(hall.carrier.ledger.arrivals) == 20


class Broken(Provider):
    """An adapter with a bug, of the kind that shows after the request has gone."""

    def read_callback(self, callback: Callback) -> list[Receipt]:
        raise NotImplementedError

    async def check(self) -> Health:
        raise NotImplementedError


class Raising(Broken):
    async def submit(self, submissions: Sequence[Submission]) -> Submitted:
        raise KeyError("CodeResult")


class Miscounting(Broken):
    async def submit(self, submissions: Sequence[Submission]) -> Submitted:
        return Submitted((), Exchange("", "", 200, datetime.now(UTC), 0.1))


@pytest.mark.parametrize("kind", [Raising, Miscounting])
async def test_an_adapters_own_bug_leaves_messages_uncertain(hall: Hall, kind: type[Broken]) -> None:
    route = hall.runtime.routes["main"]
    broken = kind("X", route.options, route.provider.http)
    broken.__class__.capabilities = route.provider.capabilities
    hall.runtime.routes["main"] = replace(route, provider=broken)
    await hall.planned(3)
    await hall.send()
    assert await hall.counts() == {"uncertain": 3}


async def test_a_keyring_without_the_key_sends_nothing_and_leaves_nobody_uncertain(
    hall: Hall, settings: Settings
) -> None:
    await hall.planned(3)
    other = open_keyring(settings.folder / "other.json", create=True)
    (batch,) = await hall.due()
    await sending.send(replace(hall.runtime, keyring=other), batch)
    assert hall.carrier.ledger.arrivals == []
    assert await hall.counts() == {"queued": 3}


async def test_a_batch_for_a_route_that_is_gone_parks_the_route(hall: Hall) -> None:
    await hall.planned(3)
    del hall.runtime.routes["main"]
    await hall.send()
    assert await hall.counts() == {"queued": 3}
    async with hall.runtime.pool.connection() as connection:
        assert "main" in await stored_routes.stops(connection)


async def test_a_worker_that_is_stopping_leaves_the_rest_queued(hall: Hall) -> None:
    await hall.planned(3)
    hall.runtime.stopping.set()
    await hall.send()
    assert await hall.counts() == {"queued": 3}
    hall.runtime.stopping.clear()
    assert await hall.send() == 1
    assert await hall.counts() == {"submitted": 3}


async def test_a_carrier_that_cannot_be_reached_costs_attempts_and_fails_in_the_end(hall: Hall) -> None:
    await hall.planned(2)
    await hall.carrier._runner.cleanup()
    for _ in range(5):
        await hall.send()
        await hall.sql("UPDATE batches SET due_at = clock_timestamp() - interval '1 s'")
    assert await hall.counts() == {"failed": 2}
    assert await hall.scalar("SELECT max(number) FROM attempts") == 5
    await hall.tidy()
    assert await hall.wave_status() == "done"


async def test_long_texts_are_cut_into_chunks_by_segments() -> None:
    rows = [batches.Row(None, b"", b"", "1", 1, segments, 0, "", False, False) for segments in (1, 2, 3, 9, 1, 1)]  # type: ignore[arg-type]
    assert [[row.segments for row in chunk] for chunk in sending.chunks(rows, 3)] == [[1, 2], [3], [9], [1, 1]]
    assert list(sending.chunks([], 3)) == []


async def test_a_cancel_that_meets_a_claim_loses_and_forgets_nobody(hall: Hall) -> None:
    """Whoever commits first wins each message; what was claimed goes out, the rest is cancelled, none is both."""
    await hall.planned(60)
    due = await hall.due()
    await asyncio.gather(*(sending.send(hall.runtime, batch) for batch in due), hall.stop(Act.CANCEL))
    await hall.tidy()
    counts = await hall.counts()
    assert set(counts) <= {"submitted", "cancelled"}
    assert counts.get("submitted", 0) == len(hall.carrier.ledger.received)
    assert set(hall.carrier.ledger.received.values()) <= {1}


async def test_a_process_that_slept_after_its_claim_sends_nothing_of_it(hall: Hall) -> None:
    """Its host was suspended, say: meanwhile the carrier may have said that it never had the message, and another sent it."""
    await hall.planned(1)
    (batch,) = await hall.due()
    async with hall.runtime.pool.connection() as connection:
        lease = await batches.lease(connection, batch, 60)
    assert lease is not None
    work = await sending._open(hall.runtime, lease)
    assert work is not None
    (rows,) = work.chunks
    grant = await hall.runtime.pacer.permits(work.line, [1])
    call = await sending._paced(work, grant.permits[0], rows, held_until=work.now())
    assert isinstance(call.answer, Unpermitted)
    assert hall.carrier.ledger.arrivals == []
