"""A wave is planned once, wholly and in slices, whoever asks, how often, and whatever dies on the way."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from campaigns.campaign import Priority
from dispatcher import expansion, importing
from dispatcher.runtime import PLANNING
from dispatcher.store import planning
from dispatcher.store.audiences import Selection
from tests.dispatcher.hall import DISGUISED, LAUNCH, Hall, june, numbers

PEOPLE = [(number,) for number in numbers(45)]


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "SLICE", 10)


async def picture(hall: Hall) -> tuple[object, ...]:
    return (
        await hall.sql("SELECT id, batch_id, status, segments FROM messages ORDER BY id"),
        await hall.sql("SELECT id, route, ordinal, size, segments FROM batches ORDER BY id"),
        await hall.sql("SELECT planned, segments, status, expanded_to FROM waves"),
        await hall.sql("SELECT status, n FROM status_deltas ORDER BY 1, 2"),
        await hall.sql("SELECT area_code, body FROM texts ORDER BY id"),
    )


async def test_planned_twice_is_planned_once(hall: Hall) -> None:
    wave = await hall.running(PEOPLE)
    await expansion.expand(hall.runtime, wave)
    before = await picture(hall)
    await expansion.expand(hall.runtime, wave)
    await hall.sql("UPDATE waves SET status = 'expanding'")  # as a second clock would find it
    await expansion.expand(hall.runtime, wave)
    assert await picture(hall) == before
    assert await hall.counts() == {"queued": 45}


async def test_planned_by_many_at_once_is_planned_once(hall: Hall, small_slices: None) -> None:
    wave = await hall.running(PEOPLE)
    await asyncio.gather(*(expansion.expand(hall.runtime, wave) for _ in range(6)))
    assert await hall.counts() == {"queued": 45}
    assert (await hall.view()).planned == 45
    assert await hall.scalar("SELECT sum(size) FROM batches") == 45
    assert await hall.wave_status() == "sending"


class CrashError(Exception):
    pass


async def test_a_crash_in_the_middle_loses_its_slice_only(
    hall: Hall, small_slices: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    wave = await hall.running(PEOPLE)
    plan, planned = planning.plan_slice, 0

    async def crash_in_the_third(*arguments: object) -> planning.Progress:
        nonlocal planned
        planned += 1
        progress = await plan(*arguments)  # type: ignore[arg-type]
        if planned == 3:
            raise CrashError
        return progress

    monkeypatch.setattr(planning, "plan_slice", crash_in_the_third)
    with pytest.raises(CrashError):
        await expansion.expand(hall.runtime, wave)
    assert await hall.counts() == {"queued": 20}
    assert await hall.wave_status() == "expanding"
    assert await hall.due() == []  # nothing leaves before all of it is planned
    await expansion.expand(hall.runtime, wave)
    assert await hall.counts() == {"queued": 45}
    assert await hall.send() == 5
    assert set(hall.carrier.ledger.received.values()) == {1}
    assert len(hall.carrier.ledger.received) == 45


async def test_slices_leave_every_batch_within_its_size(hall: Hall, small_slices: None) -> None:
    wave = await hall.running(PEOPLE)
    await expansion.expand(hall.runtime, wave)
    assert [row.size for row in await hall.sql("SELECT size FROM batches ORDER BY ordinal")] == [10, 10, 10, 10, 5]


async def test_batches_are_alike_within_the_batch_size_and_weigh_what_their_messages_weigh(hall: Hall) -> None:
    wave = await hall.running(PEOPLE)
    await expansion.expand(hall.runtime, wave)
    rows = await hall.sql(
        "SELECT b.size, b.segments, count(*) AS n, sum(m.segments) AS weight FROM batches b JOIN messages m"
        " ON m.batch_id = b.id AND m.wave_id = b.wave_id GROUP BY b.id ORDER BY b.ordinal"
    )
    assert [row.size for row in rows] == [15, 15, 15]
    assert all(row.size == row.n and row.segments == row.weight for row in rows)


async def test_suppressed_people_are_planned_as_suppressed(hall: Hall) -> None:
    wave = await hall.running(PEOPLE)
    given = {"84960000001": "viettel", "84960000002": "viettel", "84999999999": "gmobile"}
    async with hall.runtime.pool.connection() as connection:
        assert await importing.suppress(connection, hall.runtime.keyring, given, "asked", "test", "An") == 3
        assert await importing.suppress(connection, hall.runtime.keyring, given, "again", "test", "An") == 0
    await expansion.expand(hall.runtime, wave)
    assert await hall.counts() == {"queued": 43, "suppressed": 2}
    assert await hall.scalar("SELECT count(*) FROM messages WHERE status = 'suppressed' AND batch_id IS NOT NULL") == 0
    assert await hall.scalar("SELECT sum(size) FROM batches") == 43


@pytest.mark.parametrize("networks", [["viettel"]])
async def test_people_on_a_network_without_a_route_fail_and_the_log_says_why(hall: Hall) -> None:
    wave = await hall.running([*PEOPLE, *((number,) for number in numbers(3, "091"))])
    await expansion.expand(hall.runtime, wave)
    assert await hall.counts() == {"queued": 45, "failed": 3}
    rows = await hall.sql(
        "SELECT m.network, a.code, a.number, a.outcome FROM attempts a JOIN messages m ON m.id = a.message_id"
    )
    assert [tuple(row) for row in rows] == [("vinaphone", "no-route", 0, "not_sent")] * 3


async def test_each_commune_hears_its_own_name_and_the_rest_a_common_text(hall: Hall) -> None:
    communes = ["Xã Na Sầm", "Xã Hoàng Văn Thụ", "", "thôn không có"]
    wave = await hall.running([(n, communes[i % 4]) for i, n in enumerate(numbers(12))], DISGUISED)
    await expansion.expand(hall.runtime, wave)
    rows = await hall.sql(
        "SELECT t.area_code, t.body, count(*) AS n FROM messages m JOIN texts t ON t.id = m.text_id GROUP BY 1, 2"
    )
    heard = {row.area_code: (row.n, row.body) for row in rows}
    assert heard["06124"][0] == 3
    assert "Na Sam" in heard["06124"][1]
    assert heard[None][0] == 6
    assert "{" not in "".join(body for _, body in heard.values())
    texts = await hall.sql("SELECT m.segments AS ours, t.segments FROM messages m JOIN texts t ON t.id = m.text_id")
    assert all(row.ours == row.segments for row in texts)


async def test_the_id_of_a_message_follows_from_wave_and_person(hall: Hall) -> None:
    wave = await hall.running(PEOPLE, LAUNCH)
    await expansion.expand(hall.runtime, wave)
    ids = await hall.sql(
        "SELECT m.id = message_id(w.uid, m.msisdn_hash) AS so FROM messages m JOIN waves w ON w.id = m.wave_id"
    )
    assert len(ids) == 45
    assert all(row.so for row in ids)


async def test_a_wave_that_is_not_expanding_is_left_alone(hall: Hall) -> None:
    wave = await hall.running(PEOPLE)
    for status in ("scheduled", "cancelled", "missed", "done", "sending"):
        await hall.sql(f"UPDATE waves SET status = '{status}'")
        await expansion.expand(hall.runtime, wave)
    await expansion.expand(hall.runtime, 999)
    assert await hall.counts() == {}


async def test_an_alert_is_planned_while_bulk_waves_take_every_other_place(hall: Hall) -> None:
    await hall.rehearse()
    await hall.import_rows([(number,) for number in numbers(3)])
    await hall.add(june().model_copy(update={"priority": Priority.ALERT}))
    await hall.approve()
    await hall.start()
    (wave,) = await hall.open_waves()
    for _ in range(PLANNING - 1):
        await hall.runtime.planning.enter(Priority.BULK)
    bulk = asyncio.create_task(hall.runtime.planning.enter(Priority.BULK))
    await expansion.expand(hall.runtime, wave)
    assert await hall.wave_status() == "sending"
    assert not bulk.done()
    bulk.cancel()


# What these hold grows with the slice: read anew for each person, a slice costs its square.
GROWING = {"person", "placed", "new_batches", "new_messages", "full_already"}


def reads(node: dict[str, Any]) -> set[str]:
    """The common table expressions that a part of a plan reads, in itself or below."""
    below = {name for child in node.get("Plans", []) for name in reads(child)}
    return below | ({node["CTE Name"]} if "CTE Name" in node else set())


def loops(node: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """(outer side, inner side) of every nested loop of a plan."""
    if node["Node Type"] == "Nested Loop":
        outer, inner = (child for child in node["Plans"] if child["Parent Relationship"] in ("Outer", "Inner"))
        yield outer, inner
    for child in node.get("Plans", []):
        yield from loops(child)


@pytest.mark.parametrize("counting", [False, True])
async def test_no_plan_of_a_slice_compares_everybody_with_everybody(hall: Hall, counting: bool) -> None:
    """By the plan, without statistics of what the statement itself writes: by time it would only show in a large wave."""
    await hall.running([(number,) for number in numbers(20)])
    values: dict[str, Any] = dict.fromkeys(re.findall(r"%\((\w+)\)s", planning.slice_statement(counting=counting)), 1)
    values |= Selection(("langson",), ("pupil",), (1990, 2000), ("vi",)).parameters()
    values |= {
        "networks": ["*"],
        "routes": ["main"],
        "uid": UUID(int=1),
        "after": 0,
        "up_to": 50_000,
        "batch_size": 500,
        "filled": ["zalo"],
        "followers": "zalo",
    }
    now = datetime.now(UTC)
    values |= {
        "others": [UUID(int=2)],
        "closing": [now],
        "since": now,
        "message_class": "advertising",
        "cap_reason": "x",
        "topics": ["drug"],
    }
    async with hall.runtime.pool.connection() as connection:
        cursor = await connection.execute(
            "EXPLAIN (FORMAT JSON) " + planning.slice_statement(counting=counting), values
        )
        ((found,),) = await cursor.fetchall()
    quadratic = [
        reads(inner) & GROWING for outer, inner in loops(found[0]["Plan"]) if inner["Node Type"] != "Index Scan"
    ]
    assert [names for names in quadratic if names] == []
