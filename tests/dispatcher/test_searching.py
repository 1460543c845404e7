"""Finding messages: each way through the log finds what a look at every row would, page by page, and counts agree."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from campaigns.calendar import VIETNAM
from dispatcher import expansion, receipts, searching, sending, tallying
from dispatcher.lifecycle import Status
from dispatcher.searching import Query, SearchError
from dispatcher.store import counters, search, users
from dispatcher.store import receipts as stored_receipts
from dispatcher.store.receipts import NewReceipt
from dispatcher.store.search import EXCEPTIONS, Wanted
from dispatcher.store.tallies import Count
from providers.sandbox import Dials
from tests.dispatcher.hall import APPROVER, DISGUISED, EDITION, LAUNCH, Hall, numbers

COMMUNES = ("Xã Na Sầm", "Xã Hoàng Văn Thụ", "")
PEOPLE = 30
TROUBLE = pytest.mark.parametrize("dials", [Dials(refusals={"99": 0.2, "108": 0.1}, lost_answers=0.2)])

# Every message with all that it can be looked for by, found without any of the ways.
EVERYTHING = """
SELECT m.id, m.wave_id, c.edition, w.slug AS wave, m.status::text, b.route, coalesce(m.area_code, '') AS area, m.changed_at,
       m.msisdn_hash,
       ARRAY(SELECT reference FROM attempts WHERE message_id = m.id UNION SELECT reference FROM receipts WHERE message_id = m.id
             AND moved_to IS NOT NULL) AS references,
       CASE WHEN m.status = 'undelivered' THEN (SELECT code FROM receipts WHERE message_id = m.id AND moved_to IS NOT NULL
                                                ORDER BY id DESC LIMIT 1)
            WHEN m.status = ANY(%s::message_status[]) THEN (SELECT code FROM attempts WHERE message_id = m.id
                                                           ORDER BY id DESC LIMIT 1) END AS code
FROM messages m JOIN waves w ON w.id = m.wave_id JOIN campaigns c ON c.id = w.campaign_id LEFT JOIN batches b ON b.id = m.batch_id
"""
HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    "msisdn_hash": lambda row, asked: bool(row.msisdn_hash == asked),
    "edition": lambda row, asked: bool(row.edition == asked),
    "wave": lambda row, asked: bool(row.wave == asked),
    "statuses": lambda row, asked: row.status in asked,
    "route": lambda row, asked: bool(row.route == asked),
    "areas": lambda row, asked: row.area in asked,
    "since": lambda row, asked: bool(row.changed_at >= asked),
    "until": lambda row, asked: bool(row.changed_at < asked),
    "code": lambda row, asked: bool(row.code == asked),
    "reference": lambda row, asked: asked in row.references,
    "approver": lambda _row, asked: bool(asked == APPROVER),
}


async def busy(hall: Hall) -> None:
    """Two waves to the same people, with all that can become of a message; of the second the first batch is on its way."""
    rows = [(number, COMMUNES[n % 3], "") for n, number in enumerate(numbers(PEOPLE))]
    first = await hall.running(rows, LAUNCH, DISGUISED)
    await hall.sql(
        "INSERT INTO suppressions (organisation_id, msisdn_hash, reason, source, added_by)"
        " SELECT 1, msisdn_hash, 'refused', 'letter', 'an' FROM recipients ORDER BY msisdn_hash LIMIT 2"
    )
    await expansion.expand(hall.runtime, first)
    await hall.send()
    await hall.fold()
    await hear(hall)
    await hall.rehearse(DISGUISED)
    (second,) = await hall.open_waves()
    await expansion.expand(hall.runtime, second)
    await sending.send(hall.runtime, (await hall.due())[0])


async def hear(hall: Hall) -> None:
    """Receipts for most of what was accepted or is in doubt: delivered, or not for one of two reasons."""
    waiting = await hall.sql(
        "SELECT id, status::text FROM messages WHERE status IN ('submitted', 'uncertain') ORDER BY status DESC, id"
    )
    said = itertools.cycle([("delivered", "5"), ("undelivered", "4"), ("undelivered", "99"), ("delivered", "5")])
    told = [
        NewReceipt("main", row.id, f"r-{n}" if row.status == Status.UNCERTAIN else None, *next(said), None, "")
        for n, row in enumerate(waiting[1:])
    ]
    async with hall.runtime.pool.connection() as connection:
        await stored_receipts.put(connection, told)
    await receipts.settle(hall.runtime)


async def everything(hall: Hall) -> list[Any]:
    return await hall.sql(EVERYTHING, sorted(EXCEPTIONS))


async def walked(hall: Hall, wanted: Wanted, page: int, look: int | None = None) -> list[UUID]:
    """All that is found, page by page."""
    found: list[UUID] = []
    after: search.Spot | None = search.Spot()
    async with hall.runtime.pool.connection() as connection:
        while after:
            ids, after = await search.find(connection, wanted, page, search.spot(str(after)), look)
            assert len(ids) <= page
            found += ids
    return found


def asked_at_random(dice: random.Random, rows: list[Any]) -> Wanted:
    """What fits at least one message in each of its parts, though perhaps none in all of them."""
    row, other = dice.choice(rows), dice.choice(rows)
    offered: dict[str, Any] = {
        "msisdn_hash": row.msisdn_hash,
        "edition": EDITION,
        "wave": row.wave,
        "statuses": (Status(row.status), Status(other.status)),
        "route": "main",
        "areas": tuple({row.area, other.area}),
        "since": row.changed_at,
        "until": other.changed_at,
        "code": next((r.code for r in dice.sample(rows, len(rows)) if r.code), None),
        "reference": next(iter(filter(None, row.references)), "none"),
        "approver": APPROVER,
    }
    return Wanted(**{name: offered[name] for name in dice.sample(sorted(offered), dice.choice((1, 1, 2, 3)))})


def expected(rows: list[Any], wanted: Wanted) -> set[UUID]:
    asked = {name: getattr(wanted, name) for name in HOLDS if getattr(wanted, name) not in (None, ())}
    return {row.id for row in rows if all(HOLDS[name](row, value) for name, value in asked.items())}


@TROUBLE
async def test_every_way_finds_what_a_look_at_every_row_finds(hall: Hall) -> None:
    await busy(hall)
    rows = await everything(hall)
    assert {row.status for row in rows} >= {
        "queued", "submitted", "delivered", "undelivered", "rejected", "uncertain", "suppressed"
    }  # fmt: skip
    dice, ways = random.Random(7), set()
    for _ in range(150):
        wanted = asked_at_random(dice, rows)
        ways.add(search.statement(wanted))
        found = await walked(hall, wanted, dice.choice((1, 3, 100)), dice.choice((None, 1, 5)))
        assert len(found) == len(set(found)), wanted
        assert set(found) == expected(rows, wanted), wanted
    assert len(ways) > 20


async def test_a_page_that_looked_in_vain_is_short_and_leads_on(hall: Hall) -> None:
    await hall.planned(40)
    late = await hall.scalar("SELECT id FROM stored_messages ORDER BY coalesce(area_code, ''), id DESC LIMIT 1")
    await hall.sql("UPDATE stored_messages SET changed_at = '2027-01-01' WHERE id = %s", late)
    wanted = Wanted(since=datetime(2026, 12, 1, tzinfo=VIETNAM))
    async with hall.runtime.pool.connection() as connection:
        looked = await search.find(connection, wanted, 5, look=1)
    assert (looked.ids, looked.after is None) == ([], False)
    assert await walked(hall, wanted, 5, look=1) == [late]
    await tally(hall)
    assert await walked(hall, wanted, 5, look=1) == [late]
    assert await walked(hall, Wanted(since=datetime(2027, 2, 1, tzinfo=VIETNAM)), 5) == []
    async with hall.runtime.pool.connection() as connection:
        unknown = await search.find(connection, Wanted(statuses=(Status.EXPIRED,)), 5, look=1)
    assert unknown == ([], None)  # no counter knows of one: nothing is looked at


async def test_what_stands_in_an_index_are_the_statuses_of_the_table(hall: Hall) -> None:
    await hall.planned(1)
    indexed = set()
    for status in Status:
        await hall.sql("UPDATE stored_messages SET status = %s::message_status", status.value)
        indexed.add(await hall.scalar("SELECT exception::text FROM stored_messages"))
    assert indexed == {None, *(status.value for status in EXCEPTIONS)}


async def test_a_delivered_message_costs_no_index_a_write(hall: Hall) -> None:
    """No index names what its move changes: the new row stays on its page (heap-only)."""
    columns = await hall.sql(
        "SELECT DISTINCT a.attname AS name FROM pg_index i JOIN pg_depend d ON d.objid = i.indexrelid AND d.refobjid = i.indrelid"
        " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = d.refobjsubid"
        " WHERE i.indrelid = 'stored_messages'::regclass UNION"
        " SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)"
        " WHERE i.indrelid = 'stored_messages'::regclass"
    )
    assert {row.name for row in columns} == {"id", "wave_id", "batch_id", "area_code", "troubled", "exception"}
    await hall.planned(1)
    before, after = [
        await moved_to(hall, status) for status in (Status.SUBMITTED, Status.DELIVERED)
    ]  # fmt: skip
    assert before == after == (False, None)


async def moved_to(hall: Hall, status: Status) -> tuple[bool, str | None]:
    await hall.sql("UPDATE stored_messages SET status = %s::message_status", status.value)
    (row,) = await hall.sql("SELECT troubled, exception::text FROM stored_messages")
    return row.troubled, row.exception


async def tally(hall: Hall) -> None:
    """What the clock does once waves have changed."""
    async with hall.runtime.pool.connection() as connection:
        await counters.fold(connection)
    while await tallying.tally_next(hall.runtime.pool):
        pass


async def counted(hall: Hall, **asked: Any) -> Count | None:
    async with hall.runtime.pool.connection() as connection:
        return await searching.count(connection, hall.runtime.keyring, Query(**asked))


@TROUBLE
async def test_counts_are_what_a_look_at_every_row_gives(hall: Hall) -> None:
    await busy(hall)
    assert await counted(hall, route="main") is None  # nobody has counted yet
    await tally(hall)
    rows = await everything(hall)
    day = datetime(2026, 6, 1, tzinfo=VIETNAM)
    asked: list[tuple[dict[str, Any], Wanted]] = [
        ({}, Wanted()),
        ({"campaign": EDITION, "statuses": (Status.REJECTED,)}, Wanted(statuses=(Status.REJECTED,))),
        ({"number": numbers(1)[0]}, Wanted(msisdn_hash=hall.runtime.keyring.hash("84960000001"))),
        ({"reference": "r-1"}, Wanted(reference="r-1")),
        ({"route": "main", "wave": LAUNCH}, Wanted(route="main", wave=LAUNCH)),
        ({"place": "Xã Na Sầm, Lạng Sơn"}, Wanted(areas=(area(rows),))),
        ({"error": "99"}, Wanted(code="99")),
        ({"error": "99", "statuses": (Status.UNDELIVERED,)}, Wanted(code="99", statuses=(Status.UNDELIVERED,))),
        ({"since": day, "until": day + timedelta(days=1)}, Wanted(since=day, until=day + timedelta(days=1))),
        ({"since": day + timedelta(days=1), "approver": APPROVER}, Wanted(since=day + timedelta(days=1))),
        ({"approver": "nobody"}, Wanted(approver="nobody")),
    ]
    for query, wanted in asked:
        assert await counted(hall, **query) == Count(len(expected(rows, wanted)), None), query
    assert await counted(hall, since=day + timedelta(hours=8)) is None


def area(rows: list[Any]) -> str:
    return min(row.area for row in rows if row.area)


async def test_a_count_says_how_old_it_is_once_something_has_moved_since(hall: Hall) -> None:
    await hall.planned(4)
    await tally(hall)
    assert await counted(hall, route="main", statuses=(Status.QUEUED,)) == Count(4, None)
    await hall.send()
    await hall.fold()
    async with hall.runtime.pool.connection() as connection:
        await counters.fold(connection)
    stale = await counted(hall, route="main", statuses=(Status.SUBMITTED,))
    assert stale
    assert (stale.n, stale.at is None) == (0, False)
    await hall.sql("UPDATE tallied SET at = at - interval '1 hour'")
    await tally(hall)
    assert await counted(hall, route="main", statuses=(Status.QUEUED,)) == Count(0, None)
    assert await counted(hall, route="main", statuses=(Status.SUBMITTED,)) == Count(4, None)


async def test_another_organisation_finds_nothing_of_ours(hall: Hall) -> None:
    await hall.planned(3)
    await tally(hall)
    other = await hall.scalar("INSERT INTO organisations (slug, name) VALUES ('other', 'Other') RETURNING id")
    queries = [Query(), Query(number=numbers(1)[0]), Query(statuses=(Status.QUEUED,)), Query(route="main")]
    for query in queries:
        async with hall.runtime.pool.connection() as connection:
            assert (await searching.page(connection, hall.runtime.keyring, query)).messages
            await users.act_for(connection, other)
            assert (await searching.page(connection, hall.runtime.keyring, query)).messages == []
            assert await searching.count(connection, hall.runtime.keyring, query) == Count(0, None)


async def test_pages_follow_one_another_from_the_newest_wave_and_a_wrong_place_is_refused(hall: Hall) -> None:
    await hall.planned(7)
    seen, after = [], None
    async with hall.runtime.pool.connection() as connection:
        for expected_size in (3, 3, 1):
            query = replace(Query(), limit=3)
            page = await searching.page(connection, hall.runtime.keyring, query, after=after)
            messages, after = page.messages, page.after
            assert len(messages) == expected_size
            seen += [message["message_id"] for message in messages]
        assert after is None
        assert len(set(seen)) == 7
        for wrong in ("x", "1.2", "a.b.c", "1..zz"):
            with pytest.raises(SearchError, match="after"):
                await searching.page(connection, hall.runtime.keyring, Query(), after=wrong)
        with pytest.raises(SearchError):
            await searching.page(connection, hall.runtime.keyring, Query(place="không có nơi này"))
