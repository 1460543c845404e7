"""An approval covers what was seen and nothing else, and the engine sends nothing that it does not cover."""

from __future__ import annotations

import hashlib
import json
import random
import re
from datetime import time, timedelta
from typing import Any

import pytest

from campaigns.campaign import Campaign, Priority
from dispatcher import approval, clock, control, expansion, fingerprint, review, sending
from dispatcher.control import ControlError
from dispatcher.errors import UserError
from dispatcher.fingerprint import Part
from dispatcher.lifecycle import CampaignStatus, WaveStatus
from dispatcher.review import Office, Review
from dispatcher.settings import RouteConfig
from dispatcher.store import campaigns
from tests.dispatcher.hall import APPROVER, AUTHOR, DISGUISED, EDITION, Hall, june, numbers

NA_SAM, HOANG_VAN_THU = "Xã Na Sầm", "Xã Hoàng Văn Thụ"
PEOPLE = [(number, commune) for number in numbers(6) for commune in [NA_SAM]] + [
    (number, HOANG_VAN_THU) for number in numbers(3, "091")
]


async def ready(hall: Hall, campaign: Campaign, rows: list[tuple[str, ...]] = PEOPLE) -> None:
    await hall.rehearse()
    await hall.import_rows(rows)
    await hall.add(campaign)


async def seen(hall: Hall, routes: list[RouteConfig] | None = None) -> Review:
    async with hall.runtime.pool.connection() as connection:
        return await review.review(connection, EDITION, Office(routes or hall.routes), random.Random(1))


async def refused(act: Any, sentence: str) -> None:
    with pytest.raises(ControlError, match=re.escape(sentence)):
        await act


def changed(hall: Hall, **values: Any) -> list[RouteConfig]:
    """The hall's route with something else in it."""
    return [hall.routes[0].model_copy(update=values)]


async def test_the_approver_sees_what_is_sent_to_how_many_for_how_much_until_when(hall: Hall) -> None:
    await ready(hall, june(DISGUISED))
    await hall.sql("INSERT INTO suppressions SELECT 1, msisdn_hash, 'x', 'x', 'x' FROM recipients LIMIT 1")
    found = await seen(hall)
    (wave,) = found.waves
    assert (wave.people, wave.left_out, wave.version) == (8, 1, 1)
    assert sum(wave.areas.values()) == 8
    assert len(wave.areas) == 2
    assert [specimen.why for specimen in wave.specimens] == ["longest", "shortest"]
    assert "Na Sầm" in wave.specimens[1].variant.body or "Na Sam" in wave.specimens[1].variant.body
    assert {amount.network: amount.people for amount in wave.amounts} in (
        {"viettel": 5, "vinaphone": 3}, {"viettel": 6, "vinaphone": 2},
    )  # fmt: skip
    assert wave.segments == sum(amount.segments for amount in found.amounts)
    priced = {amount.network: (amount.vnd, amount.segments) for amount in found.amounts}
    prices = Office(hall.routes).prices
    assert priced == {n: (s * (prices[n].vnd_per_segment or 0), s) for n, (_, s) in priced.items()}
    assert found.vnd == sum(vnd for vnd, _ in priced.values() if vnd)
    (arrival,) = found.outlook.arrivals
    assert (arrival.finish.messages, arrival.networks) == (8, ("viettel", "vinaphone"))
    assert (found.findings, found.refusals, found.changes) == ((), (), None)


async def test_the_hash_is_that_of_the_canonical_form_in_the_manual(hall: Hall) -> None:
    await ready(hall, june())
    given = await hall.approve()
    (row,) = await hall.sql("SELECT hash, terms FROM approvals")

    def written(value: object) -> bytes:
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()

    parts = [f"{name} {hashlib.sha256(written(row.terms[name])).hexdigest()}" for name in sorted(row.terms)]
    expected = hashlib.sha256("\n".join(["dispatcher approval 1", *parts]).encode()).hexdigest()
    assert row.hash == given.hash == expected == await hall.scalar("SELECT approved_hash FROM campaigns")


def set_in(path: str, value: str) -> str:
    return f"UPDATE campaigns SET definition = jsonb_set(definition, '{{{path}}}', '{value}')"


BY_SQL = [
    (set_in("texts,launch,unaccented", '"Trung thuong"'), "nội dung tin (launch.unaccented: "),
    (set_in("owner", '"Ai do"'), "thông tin chiến dịch (owner: Ban Chỉ đạo 138 → Ai do)"),
    (set_in("budget", "5"), "mức chi tối đa ((không có) → 5)"),
    (set_in("message_class", '"internal_notice"'), "loại tin (public_information → internal_notice)"),
    ("UPDATE waves SET window_to = '21:59'", "lịch gửi (launch.window: "),
    ("UPDATE waves SET closes_at = closes_at + interval '1 s'", "lịch gửi (launch.closes_at: "),
    ("UPDATE waves SET audience_id = (SELECT max(id) FROM audiences)", "nhóm người nhận (launch.version: 1 → 2"),
    ("UPDATE campaigns SET approved_hash = 'x'", "không có bản phê duyệt nào ứng với chiến dịch này"),
]


@pytest.fixture
async def running(hall: Hall) -> Hall:
    """June's first wave, running and planned, with a newer version of its audience."""
    await ready(hall, june())
    await hall.approve()
    await hall.start()
    (wave,) = await hall.open_waves()
    await expansion.expand(hall.runtime, wave)
    await hall.import_rows(PEOPLE[:2])
    return hall


async def check(hall: Hall, routes: list[RouteConfig] | None = None) -> str | None:
    async with hall.runtime.pool.connection() as connection:
        await clock.check_approvals(connection, routes or hall.routes)
    return (await hall.view()).void


async def test_any_change_ends_the_approval_and_is_told(running: Hall) -> None:
    assert await check(running) is None
    for change, told in BY_SQL:
        async with running.runtime.pool.connection() as connection, connection.transaction(force_rollback=True):
            await connection.execute(change)
            await clock.check_approvals(connection, running.routes)
            stored = await control.find(connection, EDITION)
            assert told in (stored.void or "")
    for field, value in {
        "name": "other", "sender": "SO YTE", "tps": 5001.0, "networks": ("viettel",), "per_day": 9, "provider": "smpp",
    }.items():  # fmt: skip
        async with running.runtime.pool.connection() as connection, connection.transaction(force_rollback=True):
            await clock.check_approvals(connection, changed(running, **{field: value}))
            assert "đường gửi (" in ((await control.find(connection, EDITION)).void or "")
    assert await check(running, changed(running, window=7, options={"api_key": "renewed"})) is None


async def test_nothing_is_claimed_until_somebody_approves_what_it_is_now(running: Hall) -> None:
    due = await running.due()
    assert "main.tps: 5000.0 → 5001.0" in (await check(running, changed(running, tps=5001.0)) or "")
    for batch in due:
        await sending.send(running.runtime, batch)
    assert await running.counts() == {"queued": 9}
    assert await running.due(requeue_seconds=0) == []
    waits = (await running.view()).waves[0].waits or ""
    assert "phê duyệt không còn hiệu lực, đã đổi sau khi duyệt: đường gửi" in waits
    assert f"dispatcher campaign approve {EDITION}" in waits
    await refused(running.approve(AUTHOR), "người duyệt phải là người khác")
    await running.approve("Lê Chi")
    assert await check(running) is None
    await running.send()
    assert "queued" not in await running.counts()
    assert (await running.view()).status is CampaignStatus.RUNNING
    await refused(running.approve("Lê Chi"), "đang ở trạng thái đang chạy.")


async def test_a_wave_is_not_planned_with_texts_that_nobody_approved(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upgrade that changes what a text becomes, or the name of a commune: the definition is as it was."""
    await ready(hall, june(DISGUISED))
    await hall.approve()
    await hall.start()
    await hall.rehearse(DISGUISED)
    monkeypatch.setattr("campaigns.compose._commune", lambda _code: "Xã Khác")
    (wave,) = await hall.open_waves()
    await expansion.expand(hall.runtime, wave)
    assert await hall.counts() == {}
    assert f"chữ người dân sẽ đọc ({DISGUISED}: " in ((await hall.view()).void or "")
    assert await hall.open_waves() == []


async def test_a_wave_of_a_void_approval_does_not_open_and_is_missed_in_the_end(hall: Hall) -> None:
    await ready(hall, june())
    await hall.approve()
    await hall.start()
    await check(hall, changed(hall, tps=1.0))
    assert (await hall.open_waves(), await hall.wave_status()) == ([], "scheduled")
    await hall.rehearse(days=40)
    assert (await hall.open_waves(), await hall.wave_status()) == ([], "missed")


async def test_what_was_seen_is_what_is_approved(hall: Hall) -> None:
    await ready(hall, june())
    shown = (await seen(hall)).hash
    await hall.add(june().model_copy(update={"title": "Khác"}))
    await refused(hall.approve(seen=shown[:12]), "Chiến dịch đã đổi sau khi xem lại")
    await hall.approve(seen=(await seen(hall)).hash[:12])


async def test_an_approval_that_is_withdrawn_leaves_what_it_was_to_compare_with(hall: Hall) -> None:
    await ready(hall, june())
    await hall.approve()
    async with hall.runtime.pool.connection() as connection:
        await refused(approval.withdraw(connection, EDITION, APPROVER, " "), "Cần ghi lý do rút phê duyệt")
        await approval.withdraw(connection, EDITION, APPROVER, "sửa giờ")
    first = june().waves[0].model_copy(update={"window": (time(9), time(10))})
    await hall.add(june().model_copy(update={"waves": (first,)}), "Lê Chi")
    found = await seen(hall)
    assert found.changes is not None
    assert set(found.changes) == {Part.WAVES}
    assert sorted(line.partition(":")[0] for line in found.changes[Part.WAVES]) == [
        "launch.closes_at", "launch.opens_at", "launch.window",
    ]  # fmt: skip
    await refused(hall.approve("Lê Chi"), "là người soạn")
    await hall.approve()
    assert (await seen(hall)).changes == {}
    await hall.start()
    async with hall.runtime.pool.connection() as connection:
        await refused(approval.withdraw(connection, EDITION, APPROVER, "muộn"), "đang ở trạng thái đang chạy")


def slow(hall: Hall, **values: Any) -> Office:
    """Over a route that needs hours for a few people."""
    return Office(changed(hall, tps=9 / (14 * 3600), **values))


async def approve(hall: Hall, office: Office, **ways: str) -> approval.Approved:
    async with hall.runtime.pool.connection() as connection:
        return await approval.approve(connection, EDITION, APPROVER, office, **ways)


def short() -> Campaign:
    """One day, one hour: too short for a slow route."""
    wave = june().waves[0]
    only = wave.model_copy(update={"until": wave.date, "window": (time(8), time(9)), "opens": None})
    return june().model_copy(update={"waves": (only,)})


async def test_what_would_be_late_is_refused_with_what_would_help_and_accepted_with_a_reason(hall: Hall) -> None:
    await ready(hall, short())
    await hall.rehearse(hours=-24)
    with pytest.raises(ControlError) as caught:
        await approve(hall, slow(hall))
    told = str(caught.value)
    assert "đợt launch, đường gửi main: 9 trong 9 tin không kịp gửi trước 09:00 ngày 01/06/2026" in told
    assert "nâng tốc độ lên" in told
    assert '--accept "LÝ DO"' in told
    given = await approve(hall, slow(hall), accept="gửi được bao nhiêu hay bấy nhiêu")
    assert len(given.findings) == 1
    (row,) = await hall.sql("SELECT detail FROM audit_trail WHERE act = 'campaign.approve'")
    assert row.detail["findings"] == list(given.findings)
    assert row.detail["reason"] == "gửi được bao nhiêu hay bấy nhiêu"


async def test_who_is_before_us_on_the_route_counts(hall: Hall) -> None:
    await ready(hall, short())
    await hall.add(short().model_copy(update={"slug": "other"}))
    office = Office(changed(hall, tps=9 / 2000))
    async with hall.runtime.pool.connection() as connection:
        alone = await review.review(connection, EDITION, office)
        await approval.approve(connection, "other-2026", APPROVER, office)
        behind = await review.review(connection, EDITION, office)
    assert (alone.outlook.expired, behind.outlook.expired > 0) == (0, True)
    assert "không kịp gửi" in behind.findings[0]


async def test_what_is_after_its_occasion_is_told(hall: Hall) -> None:
    wave = june().waves[0].model_copy(update={"until": june().waves[0].date.replace(month=12)})
    await ready(hall, june().model_copy(update={"waves": (wave,)}))
    found = await seen(hall, changed(hall, tps=9 / (14 * 3600 * 40)))
    assert re.search(r"dự kiến xong lúc .* sau khi dịp kết thúc \(30/06/2026\)", found.findings[0])


async def test_the_ceiling_is_a_ceiling(hall: Hall) -> None:
    await ready(hall, june().model_copy(update={"budget": 10}))
    await refused(hall.approve(accept="kệ"), "vượt mức chi tối đa 10 đồng")
    await hall.add(june().model_copy(update={"budget": 10_000_000}))
    await hall.approve()


async def test_an_alert_goes_the_short_way_and_is_confirmed_or_stops(hall: Hall) -> None:
    await ready(hall, june())
    await refused(hall.approve(alert="gấp"), 'Chỉ chiến dịch có priority = "alert" mới được duyệt nhanh')
    await hall.add(june().model_copy(update={"priority": Priority.ALERT, "budget": 10}))
    await refused(hall.approve(AUTHOR, alert="gấp"), "người duyệt phải là người khác")
    assert "vượt mức chi" in (await hall.approve(alert="ma túy núp bóng kẹo")).findings[0]
    await hall.start()
    assert await check(hall) is None
    await hall.rehearse(hours=25)
    assert "chưa được xác nhận" in (await check(hall) or "")
    async with hall.runtime.pool.connection() as connection:
        await refused(approval.confirm(connection, EDITION, AUTHOR, Office(hall.routes)), "là người soạn")
        await approval.confirm(connection, EDITION, "Lê Chi", Office(hall.routes))
        await refused(approval.confirm(connection, EDITION, "Lê Chi", Office(hall.routes)), "đã được xác nhận")
    assert await check(hall) is None
    acts = await hall.sql("SELECT who, act, detail FROM audit_trail WHERE act ~ 'approve|confirm' ORDER BY id")
    assert [(row.who, row.act, row.detail.get("path")) for row in acts] == [
        (APPROVER, "campaign.approve", "alert"), ("Lê Chi", "campaign.confirm", None),
    ]  # fmt: skip


async def test_approvals_are_not_rewritten(hall: Hall) -> None:
    await ready(hall, june())
    await hall.approve()
    for act in ("UPDATE approvals SET who = 'x'", "DELETE FROM approvals"):
        with pytest.raises(Exception, match="approvals is append-only"):
            await hall.sql(act)


async def test_what_remains_is_forecast_while_it_is_sent(running: Hall) -> None:
    due = await running.due()
    async with running.runtime.pool.connection() as connection:
        stored = await control.find(connection, EDITION)
        waves = await campaigns.waves(connection, stored.id)
        slow_route = changed(running, tps=1.0)
        before = await review.outlook.look(connection, stored, waves, slow_route)
    await sending.send(running.runtime, due[0])
    async with running.runtime.pool.connection() as connection:
        after = await review.outlook.look(connection, stored, waves, slow_route)
    assert before.arrivals[0].finish.messages == 9
    assert before.finishes_at is not None
    assert timedelta(seconds=8) < before.finishes_at - before.now < timedelta(seconds=10)
    assert after.arrivals == ()
    assert (await running.view()).waves[0].status is WaveStatus.SENDING


def test_lists_of_named_things_are_compared_by_name_and_order() -> None:
    was = dict.fromkeys(Part) | {Part.ROUTES: [{"name": "a", "tps": 1}, {"name": "b", "tps": 2}]}
    now = dict.fromkeys(Part) | {Part.ROUTES: [{"name": "b", "tps": 2}, {"name": "a", "tps": 1}]}
    assert fingerprint.changes(was, now) == {Part.ROUTES: ["a.order: 1 → 2", "b.order: 2 → 1"]}
    assert fingerprint.changes(was, was) == {}


async def proposed(hall: Hall) -> Review:
    async with hall.runtime.pool.connection() as connection:
        return await approval.propose(connection, EDITION, AUTHOR, Office(hall.routes))


async def proposer(hall: Hall) -> str | None:
    return await hall.scalar("SELECT proposed_by FROM campaigns")


async def test_a_draft_is_put_up_for_approval_until_somebody_changes_it(hall: Hall) -> None:
    await ready(hall, june(DISGUISED))
    assert (await proposed(hall)).waves[0].people == len(PEOPLE)
    assert await proposer(hall) == AUTHOR
    await hall.add(june(DISGUISED))
    assert await proposer(hall) is None


async def test_a_draft_without_people_cannot_be_put_up(hall: Hall) -> None:
    await hall.add(june(DISGUISED))
    with pytest.raises(UserError, match="people"):
        await proposed(hall)
    assert await proposer(hall) is None


async def test_what_is_approved_is_not_put_up_again_but_what_was_withdrawn_is(hall: Hall) -> None:
    await ready(hall, june(DISGUISED))
    await proposed(hall)
    await hall.approve()
    await refused(proposed(hall), "đang ở trạng thái đã duyệt")
    async with hall.runtime.pool.connection() as connection:
        await approval.withdraw(connection, EDITION, APPROVER, "sai ngày")
    assert await proposer(hall) is None
    await proposed(hall)
