"""Receipts in any order, repeated, early, late or of nobody: one end state, and all of them in the log."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import permutations
from uuid import UUID, uuid4

import psycopg
import pytest

from dispatcher import receipts
from dispatcher.store import parts
from dispatcher.store import receipts as stored
from dispatcher.store.receipts import NewReceipt
from providers.base import Outcome, Receipt, message_tag
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
    await hall.sql("UPDATE stored_messages SET status = 'sending', attempts = 1")
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
    news = [
        receipts.arrived("main", Receipt(Outcome.DELIVERED, uuid4().hex, "r"), hall.runtime.keyring) for _ in range(50)
    ]
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


def of_part(outcome: str, reference: str, message: UUID | None = None) -> NewReceipt:
    return NewReceipt("main", message, reference, outcome, "", None, "raw", part=True)


async def submitted_in_parts(hall: Hall, segments: int = 3) -> UUID:
    """One long message whose parts are known to the carrier as p-1, p-2, p-3."""
    await hall.planned(1)
    await hall.send()
    await hall.sql("UPDATE stored_messages SET segments = %s", segments)
    (message,) = await ids(hall)
    names = [f"p-{number}" for number in range(1, segments + 1)]
    async with hall.runtime.pool.connection() as connection:
        await parts.put(connection, "main", [(message, name) for name in names])
    return message


@pytest.mark.parametrize("order", sorted(permutations(["p-1", "p-2", "p-3"])))
async def test_a_long_message_is_delivered_when_all_its_parts_are(hall: Hall, order: Sequence[str]) -> None:
    await submitted_in_parts(hall)
    for at, reference in enumerate(order, 1):
        await put(hall, [of_part(D, reference), of_part(D, reference)])
        await receipts.settle(hall.runtime)
        assert await statuses(hall) == [D if at == len(order) else "submitted"]
    assert await hall.scalar("SELECT count(*) FROM receipts") == 6
    await hall.counts()


async def test_parts_that_are_reported_together_count_together(hall: Hall) -> None:
    message = await submitted_in_parts(hall)
    await put(hall, [of_part(D, "p-1"), of_part(D, "p-2", message), of_part(D, "p-3")])
    await receipts.settle(hall.runtime)
    assert await statuses(hall) == [D]


async def test_one_part_that_did_not_arrive_decides_until_it_does(hall: Hall) -> None:
    await submitted_in_parts(hall)
    for outcome, reference, expected in [(D, "p-1", "submitted"), (U, "p-2", U), (D, "p-3", U), (D, "p-2", D)]:
        await put(hall, [of_part(outcome, reference)])
        await receipts.settle(hall.runtime)
        assert await statuses(hall) == [expected]


async def test_a_receipt_for_the_whole_of_a_long_message_is_enough(hall: Hall) -> None:
    message = await submitted_in_parts(hall)
    await put(hall, [receipt(D, message)])
    await receipts.settle(hall.runtime)
    assert await statuses(hall) == [D]


async def test_parts_without_known_ids_are_counted_against_the_segments(hall: Hall) -> None:
    message = await submitted_in_parts(hall)
    await hall.sql("DELETE FROM message_parts")
    for number, expected in [(1, "submitted"), (2, "submitted"), (2, "submitted"), (3, D)]:
        await put(hall, [of_part(D, f"p-{number}", message)])
        await receipts.settle(hall.runtime)
        assert await statuses(hall) == [expected]


async def lost(hall: Hall, count: int = 2) -> list[tuple[UUID, bytes]]:
    """Messages that were handed over by workers that died: no attempt was recorded."""
    await hall.planned(count)
    await hall.sql("UPDATE stored_messages SET status = 'uncertain', attempts = 1")
    await hall.sql("DELETE FROM status_deltas")
    await hall.sql("INSERT INTO status_deltas SELECT wave_id, 'uncertain', %s FROM messages LIMIT 1", count)
    return [(row.id, row.msisdn_hash) for row in await hall.sql("SELECT id, msisdn_hash FROM messages ORDER BY id")]


async def test_a_message_whose_answer_was_lost_is_found_by_its_number_and_tag(hall: Hall) -> None:
    (first, first_hash), (second, second_hash) = await lost(hall)
    told = [
        NewReceipt("main", None, "x-1", D, "", None, "raw", True, first_hash, message_tag(first.hex)),
        NewReceipt("main", None, None, D, "", None, "raw", True, second_hash, message_tag(second.hex) ^ 1),
    ]
    await put(hall, told)
    await receipts.settle(hall.runtime)
    assert await statuses(hall) == [D, "uncertain"]
    assert await hall.scalar("SELECT count(*) FROM receipt_inbox") == 1
    await hall.counts()


async def test_an_id_that_the_carrier_used_twice_is_settled_by_the_number(hall: Hall) -> None:
    await hall.planned(2)
    await hall.send()
    await hall.sql("ALTER TABLE attempts DISABLE TRIGGER append_only")
    await hall.sql("UPDATE attempts SET reference = 'twice'")
    first = (
        await hall.sql("SELECT m.id, msisdn_hash FROM messages m JOIN attempts a ON a.message_id = m.id ORDER BY a.id")
    )[0]
    await put(hall, [NewReceipt("main", None, "twice", D, "", None, "raw", False, first.msisdn_hash)])
    await receipts.settle(hall.runtime)
    delivered = await hall.sql("SELECT id FROM messages WHERE status = 'delivered'")
    assert [row.id for row in delivered] == [first.id]


async def test_a_receipt_keeps_the_number_only_as_a_hash_and_only_where_it_is_needed(hall: Hall) -> None:
    told = Receipt(Outcome.DELIVERED, None, "x", msisdn="84960000001", tag=7)
    kept = receipts.arrived("main", told, hall.runtime.keyring)
    assert (kept.msisdn_hash, kept.tag) == (hall.runtime.keyring.hash("84960000001"), 7)
    known = receipts.arrived("main", told._replace(message_id="0" * 32), hall.runtime.keyring)
    assert (known.msisdn_hash, known.tag) == (None, None)
