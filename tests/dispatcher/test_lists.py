"""Carriers that take lists of numbers and bring no receipts: how batches are cut, asked about and settled."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher import calls, clock, polling, receipts
from dispatcher.broker import Verb
from dispatcher.settings import Settings, fixed
from dispatcher.store import polls
from dispatcher.store.batches import Row
from dispatcher.store.receipts import NewReceipt
from dispatcher.store.receipts import put as put_receipts
from providers.base import Capabilities
from providers.sandbox import Dials, PretendCarrier, PretendViettel
from providers.sandbox.stall import Stall
from tests.dispatcher.hall import SENDER, Hall

ESMS = """
provider = "esms"
[route.options]
base_url = "{carrier.base_url}"
api_key = "sandbox-api-key"
secret_key = "sandbox-secret-key"
mode = "advertising"
"""
VIETTEL = """
provider = "viettel"
[route.options]
base_url = "{carrier.origin}"
user = "sandbox-api-key"
password = "sandbox-secret-key"
cp_code = "LSN"
"""
SOME_UNREACHED = Dials.model_validate({"receipts": {"delay_seconds": {"mean": 0}, "undelivered": 0.3}})
ANSWERS_LOST = Dials.model_validate({"lost_answers": 1.0, "receipts": {"delay_seconds": {"mean": 0}}})


@pytest.fixture
def speaks() -> type[Stall]:
    """Whose protocol the carrier speaks."""
    return PretendCarrier


@pytest.fixture
async def carrier(dials: Dials, speaks: type[Stall]) -> AsyncIterator[Stall]:
    async with speaks(dials.model_copy(update={"brandnames": (SENDER,)})) as carrier:
        yield carrier


@pytest.fixture
def settings(tmp_path: Path, carrier: Stall) -> Settings:
    routes = tmp_path / "routes.toml"
    head = f'[[route]]\nname = "main"\nnetworks = ["*"]\nsender = "{SENDER}"\ntps = 5000\n'
    routes.write_text(head + (VIETTEL if isinstance(carrier, PretendViettel) else ESMS).format(carrier=carrier))
    return fixed(folder=tmp_path / "var", routes=routes, batch_size=100, patience_seconds=1e-6)


async def later(hall: Hall) -> None:
    """The calls that wait for receipts are due."""
    await hall.sql("UPDATE polls SET due_at = dispatcher_now() - interval '1 second'")


@pytest.mark.parametrize("dials", [SOME_UNREACHED])
async def test_a_batch_goes_out_in_lists_and_each_person_is_asked_for(hall: Hall) -> None:
    await hall.planned(150)
    await hall.send()
    assert [len(arrival.phones) for arrival in hall.carrier.ledger.arrivals] == [75, 75]
    assert await hall.counts() == {"submitted": 150}
    await polling.poll(hall.runtime)
    assert await hall.counts() == {"submitted": 150}, "asked too early"
    await later(hall)
    await polling.poll(hall.runtime)
    failed = sum(len(sent.failed) for sent in hall.carrier._carrier.sent.values())
    assert 0 < failed < 150
    assert await hall.counts() == {"delivered": 150 - failed, "undelivered": failed}
    assert await hall.scalar("SELECT count(*) FROM polls") == 0
    assert not await polling.due(hall.runtime)


async def test_the_clock_has_receipts_asked_for_when_they_are_due(hall: Hall) -> None:
    await hall.planned(40)
    await hall.send()
    assert not await polling.due(hall.runtime)
    await later(hall)
    assert await polling.due(hall.runtime)
    await clock.tick(hall.runtime, {}, {}, housekeeping=True)
    queued = await asyncio.to_thread(hall.runtime.queue._broker.client.llen, f"dramatiq:{Verb.LOOKUP}")
    assert queued == 1


@pytest.mark.parametrize("dials", [Dials.model_validate({"receipts": {"delay_seconds": {"mean": 3600}}})])
async def test_who_waits_for_approval_is_asked_for_again_less_and_less_often(hall: Hall) -> None:
    await hall.planned(40)
    await hall.send()
    for _ in range(2):
        await later(hall)
        await polling.poll(hall.runtime)
    assert await hall.counts() == {"submitted": 40}
    asked, wait = (await hall.sql("SELECT asked, due_at - dispatcher_now() AS wait FROM polls"))[0]
    assert asked == 2
    assert timedelta(minutes=3) < wait <= 4 * polls.FIRST
    await hall.sql("UPDATE polls SET since = since - interval '8 days'")
    await later(hall)
    await polling.poll(hall.runtime)
    assert await hall.scalar("SELECT count(*) FROM polls") == 0


@pytest.mark.parametrize("dials", [ANSWERS_LOST])
async def test_a_list_whose_answer_was_lost_is_found_number_by_number_and_sent_once(hall: Hall) -> None:
    await hall.planned(40)
    await hall.send()
    assert await hall.counts() == {"uncertain": 40}
    await hall.sql("UPDATE stored_messages SET changed_at = changed_at - interval '1 hour'")
    await clock.lookups.look_up(hall.runtime)
    assert await hall.counts() == {"delivered": 40}
    assert set(hall.carrier.ledger.received.values()) == {1}


async def test_fewer_people_than_a_list_may_hold_are_not_sent_and_told_why(hall: Hall) -> None:
    await hall.planned(29)
    await hall.send()
    assert await hall.counts() == {"rejected": 29}
    assert hall.carrier.ledger.arrivals == []
    (reason,) = {row.reason for row in await hall.sql("SELECT reason FROM attempts")}
    assert reason == "few: 29 numbers, and the carrier takes no fewer than 30 at once"


async def test_a_receipt_of_a_list_is_for_its_number_or_for_nobody(hall: Hall) -> None:
    await hall.planned(40)
    await hall.send()
    reference = await hall.scalar("SELECT DISTINCT reference FROM attempts")
    hashes = [row.msisdn_hash for row in await hall.sql("SELECT msisdn_hash FROM messages ORDER BY id LIMIT 2")]
    told = NewReceipt("main", None, reference, "delivered", "0", None, "")
    async with hall.runtime.pool.connection() as connection:
        strangers = [told, told._replace(msisdn_hash=b"x" * 16)]
        await put_receipts(connection, [*strangers, *(told._replace(msisdn_hash=bytes(one)) for one in hashes)])
    await receipts.settle(hall.runtime)
    assert await hall.counts() == {"submitted": 38, "delivered": 2}


@pytest.mark.parametrize(("dials", "speaks"), [(SOME_UNREACHED, PretendViettel)])
async def test_whom_the_list_of_a_day_names_was_not_reached(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    await hall.planned(40)
    await hall.send()
    today = datetime.now(UTC).astimezone(polling.VIETNAM).date()
    monkeypatch.setattr(polling, "_days", lambda _now: {today: 1})
    assert await polling.due(hall.runtime)
    await polling.poll(hall.runtime)
    await receipts.settle(hall.runtime)
    failed = sum(len(sent.failed) for sent in hall.carrier._carrier.sent.values())
    assert 0 < failed < 40
    assert await hall.counts() == {"submitted": 40 - failed, "undelivered": failed}
    assert not await polling.due(hall.runtime)
    raws = [row.raw for row in await hall.sql("SELECT raw FROM receipts")]
    assert all("absent subscriber" in raw and not re.search("[0-9]{6}", raw) for raw in raws)


@pytest.mark.parametrize(("dials", "speaks"), [(SOME_UNREACHED, PretendViettel)])
async def test_a_list_that_was_not_given_is_asked_for_again_after_a_while(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = datetime.now(UTC).astimezone(polling.VIETNAM).date()
    monkeypatch.setattr(polling, "_days", lambda _now: {today: 1})
    hall.carrier.dials = hall.carrier._carrier.dials = Dials(secret_key="changed")
    await polling.poll(hall.runtime)
    assert not await polling.due(hall.runtime)
    await hall.sql("UPDATE collections SET asked_at = asked_at - interval '61 minutes'")
    assert await polling.due(hall.runtime)
    assert await hall.scalar("SELECT times FROM collections") == 0


def test_yesterdays_list_is_asked_for_in_the_morning_and_once_more_a_day_later() -> None:
    before, after = (datetime(2026, 6, 20, hour, tzinfo=polling.VIETNAM) for hour in (5, 7))
    assert polling._days(before) == {}
    assert {day.day: times for day, times in polling._days(after).items()} == {18: 2, 19: 1}


def row(number: int, text: int, network: str) -> Row:
    return Row(UUID(int=number), b"", b"", "", text, 1, 0, network, False, False)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["viettel", "vinaphone"])), max_size=400),
    st.integers(1, 60),
    st.integers(0, 200),
    st.floats(0.1, 1000),
    st.booleans(),
)
def test_lists_hold_everybody_once_in_calls_that_the_carrier_takes(
    kinds: list[tuple[int, str]], least: int, room: int, tps: float, single: bool
) -> None:
    rows = [row(number, *kind) for number, kind in enumerate(kinds)]
    capabilities = Capabilities(
        "sms", min_per_call=least, max_per_call=2 * least + room, one_text=True, single_network=single
    )
    made = list(calls.lists(rows, capabilities, tps))
    assert sorted(one.id for call in made for one in call) == [one.id for one in rows]
    together = Counter((one.text_id, one.network if single else "") for one in rows)
    for call in made:
        (kind,) = {(one.text_id, one.network if single else "") for one in call}
        assert min(least, together[kind]) <= len(call) <= capabilities.max_per_call
