"""Receipts in any order, repeated, early, late or of nobody: one end state, and all of them in the log."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import permutations
from uuid import UUID, uuid4

import psycopg
import pytest

from dispatcher import receipts
from dispatcher.store import receipts as stored
from dispatcher.store.receipts import NewReceipt
from providers.base import Outcome, Receipt
from tests.dispatcher.hall import Hall

D, U, P = "delivered", "undelivered", "pending"


def receipt(outcome: str, message: UUID | None, reference: str | None = None, route: str = "main") -> NewReceipt:
    return NewReceipt(route, message, reference, outcome, "5" if outcome == D else "4", "viettel", "raw")


async def put(hall: Hall, new: Sequence[NewReceipt]) -> None:
    async with hall.runtime.pool.connection() as connection:
        await stored.put(connection, new)


async def ids(hall: Hall) -> list[UUID]:
    return [row.id for row in await hall.sql("SELECT id FROM messages ORDER BY id")]


async def statuses(hall: Hall) -> list[str]:
    return [row.status for row in await hall.sql("SELECT status::text FROM messages ORDER BY id")]


ORDERS = sorted({*permutations([D, U, P]), (D, D), (U, U), (P,), (D, U, D), (U, P, U)})
ENDS = [D if D in order else U if U in order else "submitted" for order in ORDERS]


@pytest.mark.parametrize("at_once", [True, False])
async def test_any_order_gives_the_same_end_state_in_one_haul_or_one_by_one(hall: Hall, at_once: bool) -> None:
    await hall.planned(len(ORDERS))
    await hall.send()
    orders = list(zip(await ids(hall), ORDERS, strict=True))
    for place in range(3):
        await put(hall, [receipt(order[place], message) for message, order in orders if place < len(order)])
        if not at_once:
            await receipts.settle(hall.runtime)
    await receipts.settle(hall.runtime)
    assert await statuses(hall) == ENDS
    await hall.counts()
    assert await hall.scalar("SELECT count(*) FROM receipts") == sum(map(len, ORDERS))
    assert await hall.scalar("SELECT count(*) FROM receipt_inbox") == 0


async def test_a_receipt_before_our_own_record_of_the_answer_counts(hall: Hall) -> None:
    await hall.planned(2)
    await hall.sql("UPDATE messages SET status = 'sending', attempts = 1")
    await hall.sql("DELETE FROM status_deltas")
    await hall.sql("INSERT INTO status_deltas SELECT wave_id, 'sending', 2 FROM messages LIMIT 1")
    first, second = await ids(hall)
    await put(hall, [receipt(D, first), receipt(U, second)])
    await receipts.settle(hall.runtime)
    assert await statuses(hall) == [D, U]
    await hall.counts()


async def test_late_good_news_beats_everything_and_bad_news_never_undoes_it(hall: Hall) -> None:
    await hall.planned(3)
    await hall.send()
    everybody = await ids(hall)
    for outcome, expected in [(U, U), (D, D), (U, D), (P, D)]:
        await put(hall, [receipt(outcome, message) for message in everybody])
        await receipts.settle(hall.runtime)
        assert await statuses(hall) == [expected] * 3
    moves = await hall.sql(
        "SELECT moved_from::text, moved_to::text FROM receipts WHERE message_id = %s ORDER BY id", everybody[0]
    )
    assert [tuple(move) for move in moves] == [("submitted", U), (U, D), (None, None), (None, None)]


async def test_unknown_ids_move_nothing_and_are_logged_after_an_hour(hall: Hall) -> None:
    await hall.planned(1)
    await hall.send()
    await put(hall, [receipt(D, uuid4(), "ref-unknown"), receipt(D, None, "another")])
    await receipts.settle(hall.runtime)
    assert await hall.scalar("SELECT count(*) FROM receipts") == 0
    await hall.sql(
        "UPDATE receipt_inbox SET received_at = received_at - interval '61 minutes', due_at = clock_timestamp()"
    )
    await receipts.settle(hall.runtime)
    rows = await hall.sql("SELECT reference, moved_to FROM receipts ORDER BY id")
    assert [tuple(row) for row in rows] == [("ref-unknown", None), ("another", None)]
    assert await statuses(hall) == ["submitted"]


async def test_a_receipt_with_their_reference_alone_waits_for_its_attempt(hall: Hall) -> None:
    await hall.planned(1)
    await put(hall, [receipt(D, None, "ref-1")])
    await receipts.settle(hall.runtime)
    assert await statuses(hall) == ["queued"]
    await hall.send()
    await hall.sql(
        "INSERT INTO attempts (message_id, number, route, started_at, ended_at, outcome, reference, segments)"
        " SELECT id, 2, 'main', now(), now(), 'accepted', 'ref-1', 1 FROM messages"
    )
    await hall.sql("UPDATE receipt_inbox SET due_at = clock_timestamp()")
    await receipts.settle(hall.runtime)
    assert await statuses(hall) == [D]


async def test_receipts_that_wait_for_their_attempt_step_aside(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts, "HAUL", 3)
    await hall.planned(1)
    await hall.send()
    await put(hall, [receipt(D, None, f"strange-{n}") for n in range(3)])
    await put(hall, [receipt(D, await hall.scalar("SELECT id FROM messages"))])
    await receipts.settle(hall.runtime)
    await receipts.settle(hall.runtime)
    assert await statuses(hall) == [D]


async def test_a_reference_counts_on_its_own_route_only(hall: Hall) -> None:
    await hall.planned(1)
    await hall.send()
    reference = await hall.scalar("SELECT reference FROM attempts")
    await put(hall, [receipt(D, None, reference, route="other")])
    await receipts.settle(hall.runtime)
    assert await statuses(hall) == ["submitted"]
    await put(hall, [receipt(D, None, reference)])
    await receipts.settle(hall.runtime)
    assert await statuses(hall) == [D]


async def test_two_workers_settle_every_receipt_once(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts, "HAUL", 7)
    await hall.planned(40)
    await hall.send()
    everybody = await ids(hall)
    await put(hall, [receipt(outcome, message) for outcome in (U, D, U) for message in everybody])
    await asyncio.gather(*(receipts.settle(hall.runtime) for _ in range(4)))
    await receipts.settle(hall.runtime)
    assert await hall.counts() == {D: 40}
    assert await hall.scalar("SELECT count(*) FROM receipts") == 120


async def test_who_puts_a_receipt_in_the_inbox_knows_that_it_is_committed(hall: Hall) -> None:
    inbox = receipts.Inbox(hall.runtime.pool)
    storing = asyncio.create_task(inbox.run())
    news = [receipts.arrived("main", Receipt(Outcome.DELIVERED, uuid4().hex, "r")) for _ in range(50)]
    await asyncio.gather(*(inbox.put([one]) for one in news))
    assert await hall.scalar("SELECT count(*) FROM receipt_inbox") == 50
    await hall.sql("ALTER TABLE receipt_inbox RENAME TO gone")
    with pytest.raises(psycopg.errors.UndefinedTable):
        await inbox.put(news)
    await hall.sql("ALTER TABLE gone RENAME TO receipt_inbox")
    await inbox.put(news)
    assert await hall.scalar("SELECT count(*) FROM receipt_inbox") == 100
    storing.cancel()


GROWING = {"attempts": "route", "receipts": "route", "exchanges": "route", "audit_trail": "who"}


async def test_the_log_and_the_audit_trail_only_grow(hall: Hall) -> None:
    await hall.planned(1)
    await hall.send()
    await put(hall, [receipt(D, (await ids(hall))[0])])
    await receipts.settle(hall.runtime)
    for table, column in GROWING.items():
        assert await hall.scalar(f"SELECT count(*) FROM {table}") > 0
        for act in (f"UPDATE {table} SET {column} = 'x'", f"DELETE FROM {table}", f"TRUNCATE {table}"):
            with pytest.raises(psycopg.errors.RaiseException, match=f"{table} is append-only"):
                await hall.sql(act)
