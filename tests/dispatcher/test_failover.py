"""A carrier that refuses, is away or is stopped: where its messages go, and where they must not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from dispatcher import control, expansion, failover, receipts, sending
from dispatcher.breaker import FAILURES
from dispatcher.control import ControlError
from dispatcher.routing import elsewhere
from dispatcher.settings import RouteConfig, Settings, fixed
from dispatcher.store import routes
from dispatcher.store.batches import Ways
from dispatcher.store.routes import Passage, StopKind
from providers.sandbox import Dials, PretendCarrier
from tests.dispatcher.hall import APPROVER, SENDER, Hall, numbers

ROUTE = """
[[route]]
name = "{name}"
provider = "esms"
networks = {networks}
sender = "{sender}"
tps = 5000
when_down = "{when_down}"
[route.options]
base_url = "{base_url}"
api_key = "sandbox-api-key"
secret_key = "sandbox-secret-key"
"""


@pytest.fixture
async def other() -> AsyncIterator[PretendCarrier]:
    """The carrier behind the second route."""
    async with PretendCarrier(Dials(brandnames=(SENDER,))) as other:
        yield other


@pytest.fixture
def when_down() -> str:
    return "move"


@pytest.fixture
def others() -> dict[str, list[str]]:
    """The routes over the second carrier, with the networks they serve."""
    return {"other": ["mobifone"], "rest": ["*"]}


@pytest.fixture
def settings(
    tmp_path: Path, carrier: PretendCarrier, other: PretendCarrier, when_down: str, others: dict[str, list[str]]
) -> Settings:
    """`main` for Viettel over the first carrier, the others over the second."""
    path = tmp_path / "routes.toml"
    given = [("main", ["viettel"], carrier), *((name, networks, other) for name, networks in others.items())]
    path.write_text(
        "".join(
            ROUTE.format(name=name, networks=networks, sender=SENDER, when_down=when_down, base_url=to.base_url)
            for name, networks, to in given
        )
    )
    return fixed(folder=tmp_path / "var", routes=path, batch_size=20)


def configs(hall: Hall) -> list[RouteConfig]:
    return [route.config for route in hall.runtime.routes.values()]


async def move(hall: Hall) -> int:
    async with hall.runtime.pool.connection() as connection:
        return await failover.move_waiting(connection, configs(hall))


async def stop_kinds(hall: Hall, route: str = "main") -> list[str]:
    async with hall.runtime.pool.connection() as connection:
        return [stop.kind for stop in (await routes.stops(connection)).get(route, ())]


async def seconds_pass(hall: Hall, seconds: float) -> None:
    """For the stops of routes and the batches that wait."""
    back = f"{seconds} seconds"
    await hall.sql(
        "UPDATE route_stops SET since = since - %s::interval, probe_at = probe_at - %s::interval", back, back
    )
    await hall.sql("UPDATE batches SET due_at = due_at - %s::interval", back)


async def planned_routes(hall: Hall) -> dict[str, int]:
    found = await hall.sql(
        "SELECT b.route, count(*)::int AS n FROM messages m JOIN batches b ON b.id = m.batch_id GROUP BY 1"
    )
    return {row.route: row.n for row in found}


@pytest.mark.parametrize("dials", [Dials(refusals={"177": 1.0})])
async def test_a_number_refused_for_its_network_goes_out_over_the_next_route_and_that_is_remembered(
    hall: Hall, other: PretendCarrier
) -> None:
    await hall.planned(5)
    await hall.send()
    assert await hall.counts() == {"queued": 5}
    assert await planned_routes(hall) == {"rest": 5}
    await hall.send()
    assert await hall.counts() == {"submitted": 5}
    assert len(other.ledger.received) == 5
    assert len(hall.carrier.ledger.arrivals) == 5
    tries = await hall.sql("SELECT number, route, outcome FROM attempts ORDER BY id")
    assert {tuple(row) for row in tries} == {(1, "main", "refused"), (2, "rest", "accepted")}


TAUGHT = [
    ({"other": ["mobifone"]}, "mobifone"),
    ({"other": ["mobifone", "vinaphone"]}, "viettel"),
    ({"rest": ["*"]}, "viettel"),
]


@pytest.mark.parametrize("dials", [Dials(refusals={"177": 1.0})])
@pytest.mark.parametrize(("others", "network"), TAUGHT)
async def test_a_route_of_one_network_that_takes_a_carried_number_teaches_where_it_is(hall: Hall, network: str) -> None:
    await hall.planned(3)
    await hall.send()
    await hall.send()
    assert await hall.counts() == {"submitted": 3}
    known = await hall.sql("SELECT network, network_learned_at IS NOT NULL AS learned FROM recipients")
    assert {tuple(row) for row in known} == {(network, network != "viettel")}


@pytest.mark.parametrize("dials", [Dials(refusals={"177": 1.0})])
@pytest.mark.parametrize("others", [{}])
async def test_without_another_route_a_refusal_is_final(hall: Hall) -> None:
    await hall.planned(3)
    await hall.send()
    assert await hall.counts() == {"rejected": 3}


@pytest.mark.parametrize("dials", [Dials(refusals={"177": 1.0})])
async def test_refused_on_the_second_route_too_is_the_end(hall: Hall, other: PretendCarrier) -> None:
    other._carrier.dials = hall.carrier._carrier.dials
    await hall.planned(4)
    await hall.send()
    await hall.send()
    assert await hall.counts() == {"rejected": 4}
    await hall.tidy()
    assert await hall.wave_status() == "done"


async def test_messages_of_a_parked_route_move_to_the_next_and_go_out_once(hall: Hall, other: PretendCarrier) -> None:
    await hall.planned(50)
    async with hall.runtime.pool.connection() as connection:
        await routes.park(connection, "main", "no credit")
    assert await hall.send() == 0
    assert await move(hall) == 50
    assert await move(hall) == 0
    assert await planned_routes(hall) == {"rest": 50}
    await hall.send()
    assert await hall.counts() == {"submitted": 50}
    assert (len(other.ledger.received), len(hall.carrier.ledger.arrivals)) == (50, 0)
    await hall.tidy()
    assert await hall.wave_status() == "done"
    (act,) = await hall.sql("SELECT * FROM audit_trail WHERE act = 'route.failover'")
    assert (act.subject, act.detail) == ("main", {"messages": 50, "reason": "no credit"})


@pytest.mark.parametrize("when_down", ["wait"])
async def test_a_route_may_say_that_its_messages_wait(hall: Hall) -> None:
    await hall.planned(5)
    async with hall.runtime.pool.connection() as connection:
        await routes.park(connection, "main", "no credit")
    assert await move(hall) == 0
    assert await planned_routes(hall) == {"main": 5}


async def test_a_message_in_doubt_is_not_given_to_another_carrier(hall: Hall) -> None:
    """The second carrier knows nothing of the first one's try: the person would be texted twice."""
    await hall.planned(3)
    await hall.send()
    await hall.fold()
    await hall.sql("UPDATE stored_messages SET status = 'queued'")
    await hall.sql("UPDATE batches SET done = false")
    doubted = await hall.scalar("SELECT min(id::text) FROM messages")
    await hall.sql(
        "INSERT INTO attempts (message_id, number, route, started_at, ended_at, outcome, segments)"
        " VALUES (%s, 1, 'main', now(), now(), 'uncertain', 1)",
        doubted,
    )
    async with hall.runtime.pool.connection() as connection:
        await routes.park(connection, "main", "no credit")
    assert await move(hall) == 2
    assert await planned_routes(hall) == {"main": 1, "rest": 2}


async def test_a_held_batch_is_left_to_its_holder(hall: Hall) -> None:
    await hall.planned(40)
    (first, _) = await hall.due()
    await hall.sql("UPDATE batches SET leased_until = clock_timestamp() + interval '1 min' WHERE id = %s", first)
    async with hall.runtime.pool.connection() as connection:
        await routes.park(connection, "main", "no credit")
    assert await move(hall) == 20


@pytest.mark.parametrize("dials", [Dials(lost_requests=1.0)])
async def test_a_carrier_that_does_not_answer_is_left_alone_then_tried_with_one_message(
    hall: Hall, other: PretendCarrier
) -> None:
    await hall.planned(40)
    await hall.send()
    counts = await hall.counts()
    assert FAILURES <= counts["uncertain"] < 40
    assert await stop_kinds(hall) == ["tripped"]
    assert await hall.send() == 0  # not yet
    assert await move(hall) == 0  # it may be back soon
    await seconds_pass(hall, 5)
    assert await hall.send() == 1
    assert (await hall.counts())["uncertain"] == counts["uncertain"] + 1
    assert await stop_kinds(hall) == ["tripped"]
    hall.carrier._carrier.dials = Dials(brandnames=(SENDER,))
    await seconds_pass(hall, 60)
    assert await hall.send() == 1
    assert await stop_kinds(hall) == []
    assert (await hall.counts())["submitted"] == 1
    await hall.send()
    after = await hall.counts()
    assert set(after) == {"submitted", "uncertain"}
    assert set(hall.carrier.ledger.received.values()) == {1}
    assert other.ledger.arrivals == []


@pytest.mark.parametrize("dials", [Dials(lost_requests=1.0)])
async def test_a_carrier_that_stays_away_loses_what_waits_to_the_next_route(hall: Hall, other: PretendCarrier) -> None:
    await hall.planned(40)
    await hall.send()
    lost = (await hall.counts())["uncertain"]
    await seconds_pass(hall, failover.PATIENCE_SECONDS + 1)
    assert await move(hall) == 40 - lost
    await hall.send()
    assert await hall.counts() == {"uncertain": lost, "submitted": 40 - lost}
    assert len(other.ledger.received) == 40 - lost


async def test_of_all_workers_one_probes_and_nobody_else_while_its_answer_can_come(hall: Hall) -> None:
    async def ask() -> Passage:
        async with hall.runtime.pool.connection() as connection:
            return await routes.passage(connection, "main", answer_seconds=30)

    assert await ask() is Passage.OPEN
    async with hall.runtime.pool.connection() as connection:
        await routes.trip(connection, "main", "timeout")
    assert await ask() is Passage.SHUT
    await seconds_pass(hall, 5)
    assert sorted(await asyncio.gather(*(ask() for _ in range(5)))) == ["probe", "shut", "shut", "shut", "shut"]
    await seconds_pass(hall, 30)
    assert await ask() is Passage.SHUT
    await seconds_pass(hall, 6)
    assert await ask() is Passage.PROBE
    async with hall.runtime.pool.connection() as connection:
        await routes.pause(connection, "main", "An: wait")
    await seconds_pass(hall, 1000)
    assert await ask() is Passage.SHUT


async def test_a_paused_route_sends_nothing_keeps_its_messages_and_says_what_it_saved(hall: Hall) -> None:
    await hall.planned(40)
    due = await hall.due()
    await sending.send(hall.runtime, due[0])
    async with hall.runtime.pool.connection() as connection:
        await control.pause_route(connection, "main", "An", "brandname is being renewed")
        with pytest.raises(ControlError, match="từ trước"):
            await control.pause_route(connection, "main", "An", "again")
        assert await control.route_stand(connection, "main") == control.Stopped(out=20, in_flight=0, saved=20)
    await sending.send(hall.runtime, due[1])
    assert len(hall.carrier.ledger.arrivals) == 20
    assert await move(hall) == 0
    assert "tạm dừng (An: brandname is being renewed)" in ((await hall.view()).waves[0].waits or "")
    async with hall.runtime.pool.connection() as connection:
        await control.resume_route(connection, "main", "An")
        with pytest.raises(ControlError, match="không bị tạm dừng"):
            await control.resume_route(connection, "main", "An")
        with pytest.raises(ControlError, match="lý do"):
            await control.pause_route(connection, "main", "An", "  ")
    await hall.send()
    assert await hall.counts() == {"submitted": 40}
    assert [row.act for row in await hall.sql("SELECT act FROM audit_trail WHERE subject = 'main' ORDER BY id")] == [
        "route.pause", "route.resume",
    ]  # fmt: skip


async def cancelled(hall: Hall, ways: Sequence[Ways] | None = None) -> control.RouteCancelled:
    async with hall.runtime.pool.connection() as connection:
        await control.pause_route(connection, "main", "An", "contract ended")
    async with hall.runtime.pool.connection() as connection:
        return await control.cancel_route(connection, "main", "An", "contract ended", ways)


async def test_calling_off_a_route_cancels_what_waits_there_and_says_what_is_out(
    hall: Hall, other: PretendCarrier
) -> None:
    """Two people of another network go over another route: the same wave, and none of this route's business."""
    wave = await hall.running([(number,) for number in [*numbers(40), *numbers(2, "093")]])
    await expansion.expand(hall.runtime, wave)
    due = await hall.due()
    await sending.send(hall.runtime, due[0])
    assert await cancelled(hall) == control.RouteCancelled(out=20, in_flight=0, saved=20, moved=0, cancelled=20)
    for batch in due[1:]:
        await sending.send(hall.runtime, batch)
    assert await hall.counts() == {"submitted": 22, "cancelled": 20}
    assert (len(hall.carrier.ledger.arrivals), len(other.ledger.arrivals)) == (20, 2)
    await hall.tidy()
    assert await hall.wave_status() == "done"
    (act,) = await hall.sql("SELECT who, detail FROM audit_trail WHERE act = 'route.cancel'")
    assert act.who == "An"
    assert act.detail == {"reason": "contract ended", "out": 20, "in_flight": 0, "moved": 0, "cancelled": 20}


async def test_what_a_worker_has_claimed_when_its_route_is_called_off_still_counts(hall: Hall) -> None:
    await hall.planned(40)
    await hall.sql(
        "UPDATE stored_messages SET status = 'sending', attempts = 1 WHERE batch_id = (SELECT min(id) FROM batches)"
    )
    await hall.sql("INSERT INTO status_deltas SELECT wave_id, 'sending', 20 FROM batches LIMIT 1")
    await hall.sql("INSERT INTO status_deltas SELECT wave_id, 'queued', -20 FROM batches LIMIT 1")
    assert await cancelled(hall) == control.RouteCancelled(out=0, in_flight=20, saved=20, moved=0, cancelled=20)
    assert await hall.counts() == {"sending": 20, "cancelled": 20}


async def test_what_waits_on_a_route_that_is_called_off_may_go_over_the_next(hall: Hall, other: PretendCarrier) -> None:
    await hall.planned(40)
    due = await hall.due()
    await sending.send(hall.runtime, due[0])
    ways = elsewhere(configs(hall), "main", ())
    assert await cancelled(hall, ways) == control.RouteCancelled(out=20, in_flight=0, saved=20, moved=20, cancelled=0)
    await hall.send()
    assert await hall.counts() == {"submitted": 40}
    assert (len(hall.carrier.ledger.arrivals), len(other.ledger.arrivals)) == (20, 20)


async def test_a_route_is_not_called_off_without_a_reason(hall: Hall) -> None:
    await hall.planned(1)
    async with hall.runtime.pool.connection() as connection:
        with pytest.raises(ControlError, match="lý do"):
            await control.cancel_route(connection, "main", "An", " ")
    assert await hall.counts() == {"queued": 1}


async def test_a_carrier_that_says_which_network_it_used_teaches_us_that_number(hall: Hall) -> None:
    await hall.planned(2)
    await hall.send()
    ids = [row.id for row in await hall.sql("SELECT id FROM messages ORDER BY id")]
    for id_, outcome, network in ((ids[0], "delivered", "vinaphone"), (ids[1], "undelivered", "vinaphone")):
        await hall.sql(
            "INSERT INTO receipt_inbox (received_at, route, message_id, outcome, code, network, raw)"
            " VALUES (now(), 'main', %s, %s, '0', %s, '')",
            id_, outcome, network,
        )  # fmt: skip
    await receipts.settle(hall.runtime)
    known = await hall.sql("SELECT r.network FROM messages m JOIN recipients r USING (msisdn_hash) ORDER BY m.id")
    assert [row.network for row in known] == ["vinaphone", "viettel"]


async def test_a_wave_called_off_leaves_the_others_alone(hall: Hall) -> None:
    wave = await hall.running([(number,) for number in numbers(5)], "launch", "disguised")
    await expansion.expand(hall.runtime, wave)
    async with hall.runtime.pool.connection() as connection:
        stopped = await control.cancel_wave(connection, "drug_prevention_june-2026", "launch", APPROVER)
        assert stopped.saved == 5
        with pytest.raises(ControlError, match="đã kết thúc"):
            await control.cancel_wave(connection, "drug_prevention_june-2026", "launch", APPROVER)
    await hall.tidy()
    assert {w.slug: str(w.status) for w in (await hall.view()).waves} == {
        "launch": "cancelled",
        "disguised": "scheduled",
    }
    assert await hall.counts() == {"cancelled": 5}


async def test_kinds_of_stop_are_lifted_one_by_one(hall: Hall) -> None:
    async with hall.runtime.pool.connection() as connection:
        await routes.park(connection, "main", "no credit")
        await routes.pause(connection, "main", "An: holiday")
        assert await routes.lift(connection, "main", StopKind.PARKED)
    assert await stop_kinds(hall) == ["paused"]
