"""Two who change the same messages at the same moment: the later one waits, and goes by what the first has done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from uuid import UUID

import pytest

from campaigns.campaign import Channel
from dispatcher import control
from dispatcher.lifecycle import Act, Event
from dispatcher.store import batches, messages, receipts
from dispatcher.store.batches import Lease, Ways
from dispatcher.store.database import Connection, one
from dispatcher.store.messages import Claim, Result
from providers.base import Outcome
from tests.dispatcher.hall import APPROVER, EDITION, Hall

EXPIRE = "UPDATE batches SET leased_until = clock_timestamp() - interval '1 s'"


@dataclass(frozen=True)
class Scene:
    """A worker holds a batch of four messages: two it has claimed, two still wait."""

    held: Lease
    claim: Claim
    waiting: list[UUID]


Deed = Callable[[Connection, Scene], Awaitable[object]]


def answers(event: Event, *, refund: bool = False) -> Deed:
    """The worker writes down what the carrier said of both."""

    async def act(connection: Connection, scene: Scene) -> None:
        now = (await one(connection, "SELECT dispatcher_now() AS at")).at
        results = [
            Result(message, event.value, refund, 1, now, now, event.value, None, None, None, 1, None)
            for message in sorted(scene.claim.ids)
        ]
        await messages.record(connection, scene.held.route, scene.claim.id or 0, results, [])

    act.__name__ = f"{event}{'_unspent' * refund}"
    return act


def receipt(outcome: Outcome) -> Deed:
    """The carrier's later word on both is applied."""

    async def act(connection: Connection, scene: Scene) -> None:
        new = [receipts.NewReceipt("main", message, None, outcome.value, "", None, "") for message in scene.claim.ids]
        await receipts.put(connection, new)
        await receipts.apply(connection, 100)

    act.__name__ = f"receipt_{outcome}"
    return act


async def claims(connection: Connection, scene: Scene) -> None:
    taken = await messages.claim(connection, scene.held, scene.waiting)
    gone = await connection.execute(
        "SELECT FROM messages WHERE id = ANY(%s) AND status <> 'sending'", [list(taken.ids)]
    )
    assert not gone.rowcount, "whatever is claimed is about to be sent"


async def claims_the_same(connection: Connection, scene: Scene) -> None:
    taken = await messages.claim(connection, scene.held, [*scene.claim.ids, *scene.waiting])
    assert not taken.ids & scene.claim.ids


async def gives_up(connection: Connection, _scene: Scene) -> None:
    await connection.execute(EXPIRE)
    await batches.disown_abandoned(connection)


async def takes_over(connection: Connection, scene: Scene) -> None:
    await gives_up(connection, scene)
    assert await batches.lease(connection, scene.held.batch_id, 60)


async def cancels(connection: Connection, _scene: Scene) -> None:
    await control.stop(connection, EDITION, APPROVER, Act.CANCEL)


async def calls_off(connection: Connection, scene: Scene) -> None:
    await messages.cancel_on_route(connection, scene.held.route)


async def folds(connection: Connection, _scene: Scene) -> None:
    await messages.fold(connection, -1.0)


accepted, refused = answers(Event.ACCEPTED), answers(Event.REFUSED)
not_sent, throttled = answers(Event.NOT_SENT), answers(Event.NOT_SENT, refund=True)
delivered, undelivered = receipt(Outcome.DELIVERED), receipt(Outcome.UNDELIVERED)

# Who is first, who comes while that is not committed yet, and where the messages stand then: the two claimed, the two others.
Meeting = tuple[Deed, Deed, str, str]
MEETINGS: list[Meeting] = [
    (cancels, claims, "sending", "cancelled"),
    (calls_off, claims, "sending", "cancelled"),
    (gives_up, claims, "uncertain", "queued"),
    (takes_over, claims, "uncertain", "queued"),
    (claims, cancels, "sending", "sending"),
    (claims, calls_off, "sending", "sending"),
    (claims, gives_up, "sending", "sending"),
    (gives_up, accepted, "submitted", "queued"),
    (gives_up, refused, "rejected", "queued"),
    (gives_up, not_sent, "uncertain", "queued"),
    (gives_up, throttled, "uncertain", "queued"),
    (accepted, gives_up, "submitted", "queued"),
    (refused, gives_up, "rejected", "queued"),
    (not_sent, gives_up, "retrying", "queued"),
    (throttled, gives_up, "retrying", "queued"),
    (accepted, cancels, "submitted", "cancelled"),
    (cancels, accepted, "submitted", "cancelled"),
    (not_sent, cancels, "retrying", "cancelled"),
    (cancels, not_sent, "retrying", "cancelled"),
    (delivered, accepted, "delivered", "queued"),
    (accepted, delivered, "delivered", "queued"),
    (undelivered, refused, "undelivered", "queued"),
    (delivered, refused, "delivered", "queued"),
    (not_sent, delivered, "delivered", "queued"),
    (throttled, delivered, "delivered", "queued"),
    (delivered, gives_up, "delivered", "queued"),
    (gives_up, delivered, "delivered", "queued"),
    (undelivered, gives_up, "undelivered", "queued"),
    (gives_up, undelivered, "undelivered", "queued"),
]
# The same when the carrier has accepted the two claimed, and nothing but their claim says so yet.
ONCE_ACCEPTED: list[Meeting] = [
    (folds, delivered, "delivered", "queued"),
    (delivered, folds, "delivered", "queued"),
    (folds, undelivered, "undelivered", "queued"),
    (undelivered, folds, "undelivered", "queued"),
    (folds, gives_up, "submitted", "queued"),
    (gives_up, folds, "submitted", "queued"),
    (folds, cancels, "submitted", "cancelled"),
    (cancels, folds, "submitted", "cancelled"),
    (folds, claims_the_same, "submitted", "sending"),
    (claims_the_same, folds, "submitted", "sending"),
    (folds, folds, "submitted", "queued"),
]


async def opened(hall: Hall) -> Scene:
    await hall.planned(4)
    (batch,) = await hall.due()
    async with hall.runtime.pool.connection() as connection:
        held = await batches.lease(connection, batch, 60)
        assert held is not None
        ids = [row.id for row in await batches.open_rows(connection, held)]
        return Scene(held, await messages.claim(connection, held, ids[:2]), ids[2:])


async def meet(hall: Hall, scene: Scene, first: Deed, second: Deed) -> None:
    """`second` begins when `first` has done everything but commit, and runs into it before that, or is through."""
    pool = hall.runtime.pool
    async with pool.connection() as early, pool.connection() as late, pool.connection() as onlooker:
        await first(early, scene)
        meeting = asyncio.create_task(_whole(second, late, scene))
        while not meeting.done() and not await _blocked(onlooker, late.info.backend_pid):
            pass
        await early.commit()
        await meeting


async def _whole(deed: Deed, connection: Connection, scene: Scene) -> None:
    await deed(connection, scene)
    await connection.commit()


async def _blocked(onlooker: Connection, pid: int) -> bool:
    return bool((await one(onlooker, "SELECT cardinality(pg_blocking_pids(%s)) > 0 AS yes", [pid])).yes)


async def stand(hall: Hall, ids: Collection[UUID]) -> set[str]:
    return {row.status for row in await hall.sql("SELECT status::text FROM messages WHERE id = ANY(%s)", list(ids))}


def named(deed: object) -> str:
    return getattr(deed, "__name__", str(deed))


@pytest.mark.parametrize(("first", "second", "claimed", "others"), MEETINGS, ids=named)
async def test_whoever_comes_second_goes_by_what_the_first_did(
    hall: Hall, first: Deed, second: Deed, claimed: str, others: str
) -> None:
    scene = await opened(hall)
    await meet(hall, scene, first, second)
    assert (await stand(hall, scene.claim.ids), await stand(hall, scene.waiting)) == ({claimed}, {others})
    await hall.counts()


@pytest.mark.parametrize(("first", "second", "claimed", "others"), ONCE_ACCEPTED, ids=named)
async def test_so_too_when_nothing_but_their_claim_says_that_they_were_accepted(
    hall: Hall, first: Deed, second: Deed, claimed: str, others: str
) -> None:
    scene = await opened(hall)
    async with hall.runtime.pool.connection() as connection:
        await accepted(connection, scene)
    await meet(hall, scene, first, second)
    assert (await stand(hall, scene.claim.ids), await stand(hall, scene.waiting)) == ({claimed}, {others})
    await hall.counts()


async def test_a_lease_that_ran_out_is_not_taken_over_before_its_claims_are_seen_to(hall: Hall) -> None:
    scene = await opened(hall)
    async with hall.runtime.pool.connection() as connection:
        await connection.execute(EXPIRE)
        assert await batches.lease(connection, scene.held.batch_id, 60) is None
        await gives_up(connection, scene)
        assert await batches.lease(connection, scene.held.batch_id, 60)
    assert await stand(hall, scene.claim.ids) == {"uncertain"}


async def test_a_late_answer_of_one_try_sends_nobody_again_who_may_have_been_reached_by_the_next(hall: Hall) -> None:
    scene = await opened(hall)
    async with hall.runtime.pool.connection() as connection:
        await gives_up(connection, scene)
        await messages.resend_campaign(connection, await hall.scalar("SELECT id FROM campaigns"))
        held = await batches.lease(connection, scene.held.batch_id, 60)
        assert held
        assert (await messages.claim(connection, held, sorted(scene.claim.ids))).ids == scene.claim.ids
        await gives_up(connection, scene)
    async with hall.runtime.pool.connection() as connection:
        await answers(Event.REROUTED)(connection, scene)
    assert await stand(hall, scene.claim.ids) == {"uncertain"}
    await hall.counts()


async def test_what_its_claim_says_was_accepted_stays_when_the_rest_moves_to_another_route(hall: Hall) -> None:
    scene = await opened(hall)
    async with hall.runtime.pool.connection() as connection:
        await accepted(connection, scene)
        await batches.release(connection, scene.held, 0.0)
        assert (
            await batches.hand_over(connection, scene.held.route, Ways({"viettel": "other"}, (Channel.SMS,)), 10) == 2
        )
    moved = await hall.sql(
        "SELECT m.id FROM stored_messages m JOIN batches b ON b.id = m.batch_id WHERE b.route = 'other'"
    )
    assert {row.id for row in moved} == set(scene.waiting)
    assert await stand(hall, scene.claim.ids) == {"submitted"}


async def test_a_batch_with_claims_that_nobody_answered_is_not_done(hall: Hall) -> None:
    scene = await opened(hall)
    async with hall.runtime.pool.connection() as connection:
        await claims(connection, scene)
        assert not await batches.release(connection, scene.held, 0.0)
