"""Refusals are confirmed where the law asks for it: once, at an allowed hour, and to nobody else."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import psycopg
import pytest

from campaigns import confirmation
from campaigns.calendar import VIETNAM
from campaigns.campaign import Advertising, Campaign, ConsentMethod, MessageClass
from campaigns.text import measure
from dispatcher import confirmations, control, expansion, importing, inbound
from dispatcher.control import ControlError
from dispatcher.errors import UserError
from dispatcher.lifecycle import Act
from dispatcher.settings import load_settings
from dispatcher.store import installation
from dispatcher.store.suppressions import Scope
from providers.base import Inbound
from tests.dispatcher.hall import APPROVER, AUTHOR, EDITION, LAUNCH, Hall, june, numbers

PERSON, ANOTHER = "84960000001", "84960000002"
STANDING = "refusal_confirmation-2026"
CONSENT = Advertising(
    consent_method=ConsentMethod.FORM,
    consent_evidence="312 phiếu",
    stop_word="TC",
    stop_number="8088",
    stop_call="18001234",
)


def advertising() -> Campaign:
    return june().model_copy(update={"message_class": MessageClass.ADVERTISING, "advertising": CONSENT})


async def opened(hall: Hall, campaign: Campaign, count: int = 2) -> None:
    """The campaign planned for so many people, the Do-Not-Call list imported."""
    await hall.rehearse()
    await hall.import_rows([(number,) for number in numbers(count)])
    async with hall.runtime.pool.connection() as connection:
        listed = {"84970000009": "viettel"}
        await importing.suppress(connection, hall.runtime.keyring, listed, "DNC", "dnc", AUTHOR, Scope.ADVERTISING)
        await control.add(connection, campaign, AUTHOR)
    await hall.approve()
    await hall.start()
    for wave in await hall.open_waves():
        await expansion.expand(hall.runtime, wave)


async def refuse(hall: Hall, person: str = PERSON, said: str = "TC", *, confirm_all: bool = False) -> None:
    async with hall.runtime.pool.connection() as connection:
        await inbound.put(
            connection, hall.runtime.keyring, "main", [Inbound(person, "8088", said)], ("tc*",), confirm_all=confirm_all
        )


async def planned(hall: Hall) -> int:
    return await confirmations.plan_owed(hall.runtime)


async def later(hall: Hall, **much: float) -> None:
    now = await hall.scalar("SELECT dispatcher_now()")
    async with hall.runtime.pool.connection() as connection:
        await installation.rehearse_at(connection, now + timedelta(**much))


async def heard(hall: Hall) -> list[str]:
    """Who was sent a confirmation, by the carrier's own ledger."""
    ids = {
        row.message_id.hex
        for row in await hall.sql("SELECT message_id FROM confirmations WHERE message_id IS NOT NULL")
    }
    return [arrival.phones[0] for arrival in hall.carrier.ledger.arrivals if arrival.request_id in ids]


async def standing(hall: Hall) -> dict[str, int]:
    rows = await hall.sql(
        "SELECT m.status::text, count(*)::int AS n FROM messages m JOIN waves w ON w.id = m.wave_id"
        " JOIN campaigns c ON c.id = w.campaign_id WHERE c.edition = %s GROUP BY 1",
        STANDING,
    )
    async with hall.runtime.pool.connection() as connection:
        view = await control.view(connection, STANDING)
    found = {row.status: row.n for row in rows}
    assert (view.accounted, view.counts) == (True, found)
    return found


async def test_who_had_advertising_and_refuses_is_told_when_it_was_heard_and_when_it_stops(hall: Hall) -> None:
    await opened(hall, advertising())
    await hall.send()
    await refuse(hall)
    assert await planned(hall) == 1
    await hall.send()
    at = (await hall.scalar("SELECT received_at FROM confirmations")).astimezone(VIETNAM)
    moment = f"{at:%H:%M %d/%m/%Y}"
    body = f"Da nhan yeu cau tu choi nhan tin luc {moment}. Ngung gui tu {moment}."
    assert await hall.scalar("SELECT body FROM texts WHERE moment IS NOT NULL") == body
    assert await heard(hall) == [PERSON]
    assert hall.carrier.ledger.arrivals[-1].characters == len(body)
    assert await standing(hall) == {"submitted": 1}
    (row,) = await hall.sql(
        "SELECT c.message_class, w.priority::text, a.outcome FROM confirmations k JOIN messages m ON m.id = k.message_id"
        " JOIN waves w ON w.id = m.wave_id JOIN campaigns c ON c.id = w.campaign_id JOIN attempts a ON a.message_id = m.id"
    )
    assert tuple(row) == ("customer_care", "alert", "accepted")


async def test_what_waits_of_the_advertising_is_left_out_all_the_same(hall: Hall) -> None:
    await opened(hall, advertising())
    await refuse(hall, confirm_all=True)
    await planned(hall)
    await hall.send()
    assert await heard(hall) == [PERSON]
    assert sorted(a.phones[0] for a in hall.carrier.ledger.arrivals) == [PERSON, ANOTHER]
    assert (await hall.view()).counts == {"submitted": 1, "suppressed": 1}


@pytest.mark.parametrize(
    ("campaign", "send", "confirm_all", "owed"),
    [
        (june(), True, False, 0),
        (june(), True, True, 1),
        (advertising(), False, False, 0),
        (advertising(), True, False, 1),
    ],
    ids=["public information", "everybody is confirmed", "the advertising had not left", "advertising"],
)
async def test_a_refusal_is_confirmed_where_the_class_requires_it(
    hall: Hall, campaign: Campaign, send: bool, confirm_all: bool, owed: int
) -> None:
    await opened(hall, campaign)
    if send:
        await hall.send()
    await refuse(hall, confirm_all=confirm_all)
    assert await planned(hall) == owed


async def test_a_refusal_is_confirmed_once_however_often_it_is_repeated(hall: Hall) -> None:
    await opened(hall, advertising())
    await hall.send()
    for said in ("TC", "TC di", "Tc!!"):
        await refuse(hall, said=said)
        await planned(hall)
        await hall.send()
    await later(hall, days=1)
    await refuse(hall)
    assert await planned(hall) == 0
    assert len(await heard(hall)) == 1


async def test_who_is_released_and_refuses_again_is_confirmed_again_but_not_twice_a_day(hall: Hall) -> None:
    await opened(hall, advertising())
    await hall.send()
    for hours in (0, 1, 24):
        await later(hall, hours=hours)
        await hall.sql("DELETE FROM suppressions WHERE scope = 'all'")
        await refuse(hall)
        assert await planned(hall) == 1
        await hall.send()
    assert await standing(hall) == {"submitted": 2}
    assert len(await heard(hall)) == 2
    assert await hall.scalar("SELECT count(DISTINCT message_id) FROM confirmations") == 2


async def test_a_confirmation_waits_for_the_hours(hall: Hall) -> None:
    await opened(hall, advertising())
    await hall.send()
    await later(hall, hours=15)
    await refuse(hall)
    await planned(hall)
    assert await hall.send() == 0
    async with hall.runtime.pool.connection() as connection:
        (wave,) = (await control.view(connection, STANDING)).waves
    assert wave.waits is not None
    assert wave.waits.startswith("ngoài khung giờ gửi 07:00-22:00")
    await later(hall, hours=10)
    await hall.send()
    assert len(await heard(hall)) == 1


async def test_one_that_could_not_leave_for_two_days_is_over(hall: Hall) -> None:
    await opened(hall, advertising())
    await hall.send()
    await refuse(hall)
    await later(hall, days=2)
    await planned(hall)
    await hall.tidy()
    assert await standing(hall) == {"expired": 1}
    assert await heard(hall) == []


async def test_of_all_who_plan_one_does(hall: Hall) -> None:
    await opened(hall, advertising(), 20)
    await hall.send()
    for number in numbers(20):
        await refuse(hall, f"84{number[1:]}")
    await asyncio.gather(*(planned(hall) for _ in range(4)))
    await asyncio.gather(*(hall.send() for _ in range(4)))
    assert await standing(hall) == {"submitted": 20}
    assert len(set(await heard(hall))) == len(await heard(hall)) == 20


async def test_a_planner_that_dies_half_way_has_planned_nothing_and_the_next_one_does(hall: Hall) -> None:
    await opened(hall, advertising())
    await hall.send()
    await refuse(hall)
    await hall.sql("ALTER TABLE status_deltas ADD CHECK (status <> 'queued') NOT VALID")
    with pytest.raises(psycopg.errors.CheckViolation):
        await planned(hall)
    assert await hall.scalar("SELECT count(*) FROM campaigns") == 1
    await hall.sql("ALTER TABLE status_deltas DROP CONSTRAINT status_deltas_status_check")
    assert await planned(hall) == 1
    await hall.send()
    assert len(await heard(hall)) == 1


async def test_one_whose_worker_died_is_uncertain_and_not_sent_again(hall: Hall) -> None:
    await opened(hall, advertising())
    await hall.send()
    await hall.fold()
    await refuse(hall)
    await planned(hall)
    await hall.sql(
        "UPDATE batches SET leased_until = clock_timestamp() - interval '1 s', fence = 1 WHERE ordinal IS NULL"
    )
    await hall.sql("UPDATE stored_messages SET status = 'sending', attempts = 1 WHERE status = 'queued'")
    await hall.sql("INSERT INTO status_deltas SELECT wave_id, 'sending', 1 FROM batches WHERE ordinal IS NULL")
    await hall.sql("INSERT INTO status_deltas SELECT wave_id, 'queued', -1 FROM batches WHERE ordinal IS NULL")
    await hall.tidy()
    await hall.send()
    assert await standing(hall) == {"uncertain": 1}
    assert await heard(hall) == []


@pytest.mark.parametrize("networks", [["mobifone"]])
async def test_without_a_route_it_is_failed_and_the_log_says_why(hall: Hall) -> None:
    await opened(hall, june())
    await refuse(hall, confirm_all=True)
    await planned(hall)
    assert await standing(hall) == {"failed": 1}
    rows = await hall.sql("SELECT code FROM attempts a JOIN confirmations k USING (message_id)")
    assert [row.code for row in rows] == ["no-route"]


async def test_the_standing_campaign_may_be_paused_not_cancelled_and_nobody_takes_its_name(hall: Hall) -> None:
    await opened(hall, advertising())
    await hall.send()
    await refuse(hall)
    await planned(hall)
    async with hall.runtime.pool.connection() as connection:
        await control.stop(connection, STANDING, APPROVER, Act.PAUSE)
    await refuse(hall, ANOTHER)
    await planned(hall)
    assert await hall.send() == 0
    async with hall.runtime.pool.connection() as connection:
        with pytest.raises(ControlError, match="không hủy được"):
            await control.stop(connection, STANDING, APPROVER, Act.CANCEL)
        await control.resume(connection, STANDING, APPROVER)
        with pytest.raises(ControlError, match="dành cho tin xác nhận"):
            await control.add(connection, june().model_copy(update={"slug": confirmation.SLUG}), AUTHOR)
    await hall.send()
    assert set(await heard(hall)) == {PERSON, ANOTHER}


async def test_the_standing_campaign_ends_and_begins_again(hall: Hall) -> None:
    await opened(hall, advertising())
    await hall.send()
    await refuse(hall)
    await planned(hall)
    await hall.send()
    await hall.tidy()
    statuses = "SELECT status::text FROM campaigns WHERE edition = %s"
    assert await hall.scalar(statuses, STANDING) == "finished"
    await refuse(hall, ANOTHER)
    await planned(hall)
    assert await hall.scalar(statuses, STANDING) == "running"
    await hall.send()
    assert await standing(hall) == {"submitted": 2}
    assert await hall.scalar(statuses, EDITION) == "finished"
    assert await hall.scalar("SELECT slug FROM waves WHERE audience_id IS NOT NULL") == LAUNCH


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TEXT", "Da nhan yeu cau.", "thêm {received}"),
        ("TEXT", "Luc {received} da nhan yeu cau.", "thêm {stopped}"),
        ("TEXT", "[QC] Mua ngay! {received} {stopped}", "không được kèm quảng cáo"),
        ("TEXT", "{received} {stopped} http://khuyen-mai.com", "không thuộc .gov.vn"),
        ("TEXT", "{received} {stopped} {name}", "không có chỗ điền {name}"),
        ("TEXT", "{received} {stopped} goi 0912345678", "không có trong danh sách đường dây nóng"),
        ("HOURS", "7-22", "viết dưới dạng 07:00-22:00"),
        ("HOURS", "22:00-07:00", "giờ đầu phải trước giờ cuối"),
        ("HOURS", "07:00-24:00", "DISPATCHER_CONFIRMATION_HOURS"),
    ],
)
def test_what_cannot_confirm_a_refusal_is_refused_with_its_reason(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPATCHER_ENV_FILE", "")
    monkeypatch.setenv(f"DISPATCHER_CONFIRMATION_{name}", value)
    with pytest.raises(UserError, match=r"(?s).*" + said.replace("{", r"\{").replace("}", r"\}")):
        load_settings()


def test_the_text_as_shipped_is_fit_and_takes_one_part() -> None:
    assert list(confirmation.mistakes(confirmation.TEXT)) == []
    now = datetime(2026, 11, 20, 20, 58, tzinfo=VIETNAM)
    assert measure(confirmation.render(confirmation.TEXT, now, now)).segments == 1
