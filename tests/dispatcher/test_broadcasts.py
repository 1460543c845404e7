"""Articles to followers: written by one person, approved by another, sent once, and never again by itself."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from campaigns import broadcast as definition
from campaigns.broadcast import Ages, Broadcast, Gender, Platform, Region
from campaigns.calendar import VIETNAM
from dispatcher import adoption, announcing, broadcasts, clock
from dispatcher.announcing import announce
from dispatcher.broadcasts import BroadcastError, Seen
from dispatcher.control import ControlError
from dispatcher.lifecycle import BROADCAST_MOVES, BroadcastStatus, Turn
from dispatcher.runtime import Addresses, Runtime
from dispatcher.settings import Settings, fixed
from dispatcher.store import audit, installation, routes, users
from dispatcher.store import broadcasts as stored
from dispatcher.store.broadcasts import Called
from dispatcher.store.routes import StopKind
from dispatcher.words import BROADCAST_WORDS, TARGET_WORDS
from providers.sandbox import PretendCarrier
from providers.sandbox.zalo import PretendZalo, ZaloDials
from providers.sandbox.zalo.dials import ArticleDials
from providers.tokens import Signed
from providers.zalo import articles
from tests.dispatcher.hall import APPROVER, AUTHOR, SENDER, Hall
from tests.dispatcher.test_oa import _route

ROOT = Path(__file__).parents[2]
WRITTEN = """
slug = "ma-tuy-thang-6"
route = "oa"
basis = "Kế hoạch số 12/KH-UBND ngày 01/5/2026"
topics = ["drug"]
date = "2026-06-01"
until = "2026-06-02"
window = ["08:00", "11:30"]

[article]
title = "Nói không với ma túy"
author = "Công an tỉnh"
description = "Tháng hành động phòng, chống ma túy"
cover = "https://tuyentruyen.example.gov.vn/bia.jpg"
body = ["Ma túy hủy hoại tương lai.", "Gọi 113 khi phát hiện tội phạm."]

[target]
ages = ["18-24", "25-34"]
cities = ["20"]
"""
OPENING = datetime(2026, 6, 1, 8, 5, tzinfo=VIETNAM)


@pytest.fixture
def told() -> ArticleDials:
    return ArticleDials(looks=0)


@pytest.fixture
async def zalo(told: ArticleDials) -> AsyncIterator[PretendZalo]:
    async with PretendZalo(ZaloDials(followers=12_345, articles=told)) as zalo:
        yield zalo


@pytest.fixture
def settings(tmp_path: Path, carrier: PretendCarrier, zalo: PretendZalo) -> Settings:
    keys = {"base_url": carrier.base_url, "api_key": "sandbox-api-key", "secret_key": "sandbox-secret-key"}
    path = tmp_path / "routes.toml"
    path.write_text(
        _route("main", "esms", "*", SENDER, keys)
        + _route("oa", "zalo_oa", "zalo", "Công an tỉnh", zalo.account_options)
    )
    return fixed(folder=tmp_path / "var", routes=path)


@pytest.fixture
async def hall(runtime: Runtime, carrier: PretendCarrier, zalo: PretendZalo, tmp_path: Path) -> Hall:
    provider = runtime.routes["oa"].provider
    assert isinstance(provider, Signed)
    await provider.tokens.begin(await provider.granted(zalo.account.grant, "verifier"))  # type: ignore[attr-defined]  # a Keeper
    made = Hall(runtime, carrier, tmp_path)
    await at(made, OPENING)
    return made


WORDS = definition.parse(WRITTEN, "bai.toml").model_dump()["article"]


def written(slug: str = "ma-tuy-thang-6", **changed: Any) -> Broadcast:
    read = definition.parse(WRITTEN, "bai.toml")
    return Broadcast.model_validate({**read.model_dump(), "slug": slug, **changed})


async def at(hall: Hall, moment: datetime) -> None:
    async with hall.runtime.pool.connection() as connection:
        await installation.rehearse_at(connection, moment)


async def add(hall: Hall, broadcast: Broadcast, by: str = AUTHOR) -> None:
    async with hall.runtime.pool.connection() as connection:
        await broadcasts.add(connection, broadcast, by)


async def approve(hall: Hall, slug: str = "ma-tuy-thang-6", by: str = APPROVER, **ways: str) -> Seen:
    async with hall.runtime.pool.connection() as connection:
        return await broadcasts.approve(connection, slug, by, hall.runtime.routes["oa"], **ways)


async def approved(hall: Hall, slug: str = "ma-tuy-thang-6", **changed: Any) -> None:
    await add(hall, written(slug, **changed))
    await approve(hall, slug, accept="thử nghiệm")


async def step(hall: Hall) -> list[int]:
    """What the clock has done now, once waiting is over; answers for which ones."""
    await hall.sql("UPDATE broadcasts SET due_at = NULL, asked_at = NULL")
    async with hall.runtime.pool.connection() as connection:
        await announcing.tidy(connection)
        due = await stored.due(connection, clock.REQUEUE_SECONDS)
    await asyncio.gather(*(announce(hall.runtime, one) for one in due))
    return due


async def sent(hall: Hall) -> None:
    while await step(hall):
        pass


async def status(hall: Hall, slug: str = "ma-tuy-thang-6") -> BroadcastStatus:
    async with hall.runtime.pool.connection() as connection:
        return (await broadcasts.find(connection, slug)).status


async def one(hall: Hall, slug: str = "ma-tuy-thang-6") -> stored.StoredBroadcast:
    async with hall.runtime.pool.connection() as connection:
        return await broadcasts.find(connection, slug)


async def calls(hall: Hall) -> list[Called]:
    (row,) = await hall.sql("SELECT id FROM broadcasts")
    async with hall.runtime.pool.connection() as connection:
        return await stored.calls(connection, row.id)


async def trail(hall: Hall) -> list[tuple[str, str]]:
    async with hall.runtime.pool.connection() as connection:
        deeds = await audit.deeds(connection, limit=100, act="broadcast.")
    return [(deed.who, deed.act) for deed in reversed(deeds)]


async def test_an_approved_article_is_made_looked_at_and_sent_once(hall: Hall, zalo: PretendZalo) -> None:
    await approved(hall)
    await sent(hall)
    assert await step(hall) == []
    (made,), (out,) = zalo.shelf.made, zalo.shelf.sent
    assert (made.title, out.article, dict(out.target)) == (
        "Nói không với ma túy",
        made.id,
        {"ages": "2,3", "cities": "20"},
    )
    now = await one(hall)
    assert (now.status, now.message_id, now.followers) == (BroadcastStatus.SENT, out.message_id, 12_345)
    assert now.sent_at is not None
    assert now.sent_at.astimezone(VIETNAM).date() == date(2026, 6, 1)
    assert [(call.step, call.outcome) for call in await calls(hall)] == [
        ("create", "made"),
        ("look", "made"),
        ("send", "sent"),
    ]
    assert await trail(hall) == [
        (AUTHOR, "broadcast.add"),
        (APPROVER, "broadcast.approve"),
        ("dispatcher", "broadcast.made"),
        ("dispatcher", "broadcast.made"),
        ("dispatcher", "broadcast.sent"),
    ]


@pytest.mark.parametrize("told", [ArticleDials(looks=3)])
async def test_an_article_that_zalo_works_on_is_asked_for_until_it_is_there(hall: Hall, zalo: PretendZalo) -> None:
    await approved(hall)
    await step(hall)
    for _ in range(3):
        await step(hall)
        assert await status(hall) is BroadcastStatus.APPROVED
        assert not zalo.shelf.sent
    await sent(hall)
    assert len(zalo.shelf.made) == len(zalo.shelf.sent) == 1


@pytest.mark.parametrize("told", [ArticleDials(at_hand=("a1b2c3",))])
async def test_an_article_written_at_zalo_is_sent_by_its_id(hall: Hall, zalo: PretendZalo) -> None:
    await approved(hall, article=None, article_id="a1b2c3", target={})
    await sent(hall)
    assert not zalo.shelf.made
    assert [(out.article, dict(out.target)) for out in zalo.shelf.sent] == [("a1b2c3", {"gender": "0"})]


async def test_whoever_wrote_it_cannot_approve_it_nor_can_anybody_who_wrote_it_before(hall: Hall) -> None:
    await add(hall, written(), by=APPROVER)
    await add(hall, written(), by=AUTHOR)
    for by in (AUTHOR, AUTHOR.upper(), APPROVER):
        with pytest.raises(ControlError, match="người duyệt phải là người khác"):
            await approve(hall, by=by)


async def test_nothing_is_sent_that_nobody_approved(hall: Hall, zalo: PretendZalo) -> None:
    await add(hall, written())
    assert await step(hall) == []
    assert not zalo.shelf.made


async def test_what_was_changed_after_it_was_looked_at_is_not_approved(hall: Hall) -> None:
    await add(hall, written())
    async with hall.runtime.pool.connection() as connection:
        seen = await broadcasts.review(connection, "ma-tuy-thang-6", hall.runtime.routes["oa"])
    await add(hall, written(basis="Công văn số 7"))
    with pytest.raises(BroadcastError, match="đã đổi sau khi xem lại"):
        await approve(hall, seen=seen.hash[:12])


async def test_an_approved_one_is_not_written_anew_until_the_approval_is_withdrawn(hall: Hall) -> None:
    await approved(hall)
    with pytest.raises(BroadcastError, match="không sửa được nữa"):
        await add(hall, written(basis="Công văn số 7"))
    async with hall.runtime.pool.connection() as connection:
        await broadcasts.withdraw(connection, "ma-tuy-thang-6", AUTHOR, "sửa căn cứ")
    await add(hall, written(basis="Công văn số 7"))
    assert await status(hall) is BroadcastStatus.DRAFT


async def test_an_approval_does_not_cover_another_account_or_other_words(hall: Hall, zalo: PretendZalo) -> None:
    await approved(hall)
    route = hall.runtime.routes["oa"]
    renamed = replace(route, config=route.config.model_copy(update={"sender": "Sở Y tế"}))
    hall.runtime.routes["oa"] = renamed
    await step(hall)
    assert await status(hall) is BroadcastStatus.HELD
    hall.runtime.routes["oa"] = route
    await hall.sql(
        "UPDATE broadcasts SET status = 'approved', definition = jsonb_set(definition, '{article,title}', '\"X\"')"
    )
    await step(hall)
    assert await status(hall) is BroadcastStatus.HELD
    assert not zalo.shelf.made


@pytest.mark.parametrize("told", [ArticleDials(looks=0, lost_broadcasts=1)])
async def test_a_lost_answer_is_uncertain_and_only_a_person_has_it_sent_again(hall: Hall, zalo: PretendZalo) -> None:
    await approved(hall)
    await sent(hall)
    assert await status(hall) is BroadcastStatus.UNCERTAIN
    assert await step(hall) == []
    assert len(zalo.shelf.sent) == 1
    async with hall.runtime.pool.connection() as connection:
        with pytest.raises(BroadcastError, match="chưa rõ là việc gửi"):
            await broadcasts.settle(connection, "ma-tuy-thang-6", AUTHOR, "đã tra", sent=False, article_id="x1")
        await broadcasts.settle(connection, "ma-tuy-thang-6", AUTHOR, "đã tra trên trang OA", sent=False)
    await sent(hall)
    assert await status(hall) is BroadcastStatus.SENT
    assert len(zalo.shelf.sent) == 2


@pytest.mark.parametrize("told", [ArticleDials(looks=0, lost_broadcasts=1)])
async def test_a_person_who_finds_it_sent_ends_the_doubt(hall: Hall, zalo: PretendZalo) -> None:
    await approved(hall)
    await sent(hall)
    async with hall.runtime.pool.connection() as connection:
        with pytest.raises(BroadcastError, match="lý do"):
            await broadcasts.settle(connection, "ma-tuy-thang-6", AUTHOR, " ", sent=True)
        await broadcasts.settle(connection, "ma-tuy-thang-6", AUTHOR, "thấy trên trang OA", sent=True)
    now = await one(hall)
    assert (now.status, now.sent_at) == (BroadcastStatus.SENT, now.claimed_at)
    assert await step(hall) == []
    assert len(zalo.shelf.sent) == 1


@pytest.mark.parametrize("told", [ArticleDials(looks=0, lost_articles=1)])
async def test_an_article_whose_making_is_in_doubt_is_not_made_twice_by_itself(hall: Hall, zalo: PretendZalo) -> None:
    await approved(hall)
    await sent(hall)
    assert await status(hall) is BroadcastStatus.UNCERTAIN
    assert (len(zalo.shelf.made), zalo.shelf.sent) == (1, [])
    found = zalo.shelf.made[0].id
    async with hall.runtime.pool.connection() as connection:
        with pytest.raises(BroadcastError, match="chưa hề được gửi"):
            await broadcasts.settle(connection, "ma-tuy-thang-6", AUTHOR, "đã tra", sent=True)
        await broadcasts.settle(connection, "ma-tuy-thang-6", AUTHOR, "đã tra", sent=False, article_id=found)
    await sent(hall)
    assert await status(hall) is BroadcastStatus.SENT
    assert (len(zalo.shelf.made), [out.article for out in zalo.shelf.sent]) == (1, [found])


@pytest.mark.parametrize("told", [ArticleDials(at_hand=("a1b2c3",), silent_seconds=3600)])
async def test_a_worker_killed_between_the_request_and_its_answer_leaves_a_doubt_and_no_second_sending(
    hall: Hall, zalo: PretendZalo, settings: Settings, addresses: Addresses
) -> None:
    await approved(hall, article=None, article_id="a1b2c3")
    (row,) = await hall.sql("SELECT id FROM broadcasts")
    command = ["-m", "tests.dispatcher.one_step", settings.folder, settings.routes, addresses.database_url]
    worker = await asyncio.create_subprocess_exec(
        sys.executable, *map(str, [*command, addresses.redis_url, row.id]), cwd=ROOT
    )
    while not zalo.shelf.sent and worker.returncode is None:  # noqa: ASYNC110  the shelf is another's, and has no bell
        await asyncio.sleep(0.02)
    worker.kill()
    await worker.wait()
    assert await step(hall) == []
    assert await status(hall) is BroadcastStatus.SENDING
    await hall.sql("UPDATE broadcasts SET lease_until = clock_timestamp()")
    assert await step(hall) == []
    assert await status(hall) is BroadcastStatus.UNCERTAIN
    await announce(hall.runtime, row.id)
    assert len(zalo.shelf.sent) == 1


@pytest.mark.parametrize("told", [ArticleDials(at_hand=("a1b2c3",))])
async def test_an_answer_that_comes_after_the_worker_was_given_up_still_counts(hall: Hall, zalo: PretendZalo) -> None:
    await approved(hall, article=None, article_id="a1b2c3")
    seen = await one(hall)
    async with hall.runtime.pool.connection() as connection:
        assert await stored.claim(connection, seen, "send", -1)
        assert not await stored.claim(connection, seen, "send", 60)
    await step(hall)
    assert await status(hall) is BroadcastStatus.UNCERTAIN
    came = announcing.Came(Turn.SENT, Called("send", 1, "sent", "0", ""), {"message_id": "m1"})
    await announcing._record(hall.runtime, seen, came)
    assert (await one(hall)).message_id == "m1"
    assert await status(hall) is BroadcastStatus.SENT


async def test_an_answer_about_an_article_that_was_written_anew_meanwhile_moves_nothing(hall: Hall) -> None:
    await approved(hall)
    seen = await one(hall)
    async with hall.runtime.pool.connection() as connection:
        assert await stored.claim(connection, seen, "create", -1)
    await step(hall)
    async with hall.runtime.pool.connection() as connection:
        await broadcasts.settle(connection, "ma-tuy-thang-6", AUTHOR, "đã tra", sent=False)
        await broadcasts.withdraw(connection, "ma-tuy-thang-6", AUTHOR, "sửa bài")
    await approved(hall, article={**WORDS, "title": "Bài khác"})
    came = announcing.Came(Turn.MADE, Called("create", 1, "made", "0", ""), {"article_token": "of-the-old-one"})
    await announcing._record(hall.runtime, seen, came)
    now = await one(hall)
    assert (now.article_token, now.status) == (None, BroadcastStatus.APPROVED)
    assert [call.outcome for call in await calls(hall)] == ["made"]


@pytest.mark.parametrize("told", [ArticleDials(at_hand=("a1b2c3",))])
async def test_many_workers_at_once_send_it_once(hall: Hall, zalo: PretendZalo) -> None:
    await approved(hall, article=None, article_id="a1b2c3")
    (row,) = await hall.sql("SELECT id FROM broadcasts")
    await asyncio.gather(*(announce(hall.runtime, row.id) for _ in range(6)))
    assert len(zalo.shelf.sent) == 1
    assert await status(hall) is BroadcastStatus.SENT


async def test_it_leaves_in_its_hours_only(hall: Hall, zalo: PretendZalo) -> None:
    await approved(hall)
    for day, hour, minute in ((1, 7, 59), (1, 11, 30), (1, 23, 0), (2, 7, 0)):
        await at(hall, datetime(2026, 6, day, hour, minute, 30, tzinfo=VIETNAM))
        assert await step(hall) == []
    assert not zalo.shelf.made
    await at(hall, datetime(2026, 6, 2, 11, 29, tzinfo=VIETNAM))
    await sent(hall)
    assert len(zalo.shelf.sent) == 1


async def test_what_did_not_leave_in_time_is_over_and_may_be_approved_for_another_day(hall: Hall) -> None:
    await approved(hall)
    await at(hall, OPENING + timedelta(days=3))
    await step(hall)
    assert await status(hall) is BroadcastStatus.EXPIRED
    async with hall.runtime.pool.connection() as connection:
        await broadcasts.withdraw(connection, "ma-tuy-thang-6", AUTHOR, "đổi ngày")
    with pytest.raises(BroadcastError, match="đã hết giờ gửi"):
        await approve(hall, accept="vẫn gửi")


@pytest.mark.parametrize("told", [ArticleDials(at_hand=("a1b2c3",), package="Nâng cao")])
async def test_an_account_sends_one_a_day_and_as_many_a_month_as_its_package_allows(
    hall: Hall, zalo: PretendZalo
) -> None:
    for day in range(1, 7):
        when = {"date": date(2026, 6, day), "until": date(2026, 6, day)}
        await approved(hall, f"bai-{day}", article=None, article_id="a1b2c3", **when)
    await approved(hall, "bai-1b", article=None, article_id="a1b2c3")
    for day in range(1, 7):
        await at(hall, datetime(2026, 6, day, 9, tzinfo=VIETNAM))
        await sent_today(hall)
    left = {f"bai-{day}": await status(hall, f"bai-{day}") for day in range(1, 7)}
    assert len(zalo.shelf.sent) == 4
    assert list(left.values()).count(BroadcastStatus.SENT) + (await status(hall, "bai-1b") is BroadcastStatus.SENT) == 4
    days = [row.day for row in await hall.sql("SELECT sent_at::date AS day FROM broadcasts WHERE status = 'sent'")]
    assert len(set(days)) == 4
    assert "hạn mức là 4" in str((await one(hall, "bai-6")).reason)
    await add(hall, written("bai-7", date=date(2026, 6, 20), until=date(2026, 6, 20)))
    with pytest.raises(BroadcastError, match="đã gửi 4 bài trong tháng"):
        await approve(hall, "bai-7")


async def sent_today(hall: Hall) -> None:
    """All that is due, once: what the quota keeps back waits until midnight."""
    for _ in range(2):
        await step(hall)


@pytest.mark.parametrize("told", [ArticleDials(looks=0, refused=-201)])
async def test_a_refusal_is_kept_with_its_code_and_is_not_tried_again(hall: Hall, zalo: PretendZalo) -> None:
    await approved(hall)
    await sent(hall)
    now = await one(hall)
    assert now.status is BroadcastStatus.REFUSED
    assert "(mã -201)" in str(now.reason)
    assert len(zalo.shelf.sent) == 1


@pytest.mark.parametrize("told", [ArticleDials(looks=0, refused=-98765)])
async def test_an_unknown_code_is_kept_as_it_is(hall: Hall) -> None:
    await approved(hall)
    await sent(hall)
    assert [call.code for call in await calls(hall)][-1] == "-98765"
    assert await status(hall) is BroadcastStatus.REFUSED


@pytest.mark.parametrize("told", [ArticleDials(looks=0, refused=-32)])
async def test_a_refusal_for_now_is_tried_again_later(hall: Hall, zalo: PretendZalo) -> None:
    await approved(hall)
    for _ in range(3):
        await step(hall)
    now = await one(hall)
    assert now.status is BroadcastStatus.APPROVED
    assert "too many calls" in str(now.reason)
    assert now.due_at is not None
    assert now.due_at > datetime.now(UTC) + timedelta(seconds=30)
    await step(hall)
    assert [out.code for out in zalo.shelf.sent] == [-32, -32]


@pytest.mark.parametrize("told", [ArticleDials(looks=0, verified=False)])
async def test_an_account_that_is_not_verified_is_told_before_and_holds_it_afterwards(
    hall: Hall, zalo: PretendZalo
) -> None:
    await add(hall, written())
    with pytest.raises(BroadcastError, match="chưa được Zalo xác thực"):
        await approve(hall)
    await approve(hall, accept="đang chờ xác thực")
    await sent(hall)
    now = await one(hall)
    assert now.status is BroadcastStatus.HELD
    assert "code -221" in str(now.reason)
    async with hall.runtime.pool.connection() as connection:
        await broadcasts.resume(connection, "ma-tuy-thang-6", AUTHOR, "OA đã xác thực")
    await sent(hall)
    assert await status(hall) is BroadcastStatus.HELD
    assert len(zalo.shelf.made) == 1


async def test_an_account_that_nobody_signed_in_for_holds_it(hall: Hall, zalo: PretendZalo) -> None:
    await approved(hall)
    zalo.account.revoke()
    await step(hall)
    now = await one(hall)
    assert now.status is BroadcastStatus.HELD
    assert "sign in" in str(now.reason)
    assert "đăng nhập" in str(broadcasts.waits(now, OPENING))


async def test_a_stopped_route_sends_no_article(hall: Hall, zalo: PretendZalo) -> None:
    await approved(hall)
    async with hall.runtime.pool.connection() as connection:
        await routes.pause(connection, "oa", "bảo trì")
    assert await step(hall) == []
    async with hall.runtime.pool.connection() as connection:
        await routes.lift(connection, "oa", StopKind.PAUSED)
    await sent(hall)
    assert len(zalo.shelf.sent) == 1


async def test_the_clock_puts_it_on_the_queue_once_a_minute(hall: Hall) -> None:
    await approved(hall)
    for _ in range(2):
        await clock.tick(hall.runtime, {}, {}, housekeeping=True)
    client = hall.runtime.queue._broker.client
    assert await asyncio.to_thread(client.llen, "dramatiq:announce") == 1


async def test_a_route_of_another_kind_is_refused_in_words(hall: Hall) -> None:
    await add(hall, written(route="main"))
    async with hall.runtime.pool.connection() as connection:
        with pytest.raises(BroadcastError, match="không gửi được bài viết"):
            await broadcasts.approve(connection, "ma-tuy-thang-6", APPROVER, hall.runtime.routes["main"])


async def test_figures_are_entered_with_their_source_and_the_newest_counts(hall: Hall) -> None:
    await approved(hall)
    async with hall.runtime.pool.connection() as connection:
        with pytest.raises(BroadcastError, match="chưa có số liệu"):
            await broadcasts.result(connection, "ma-tuy-thang-6", AUTHOR, "OA", reached=1, opened=None)
    await sent(hall)
    async with hall.runtime.pool.connection() as connection:
        with pytest.raises(BroadcastError, match="nguồn"):
            await broadcasts.result(connection, "ma-tuy-thang-6", AUTHOR, " ", reached=1, opened=None)
        for reached in (9_000, 9_876):
            await broadcasts.result(connection, "ma-tuy-thang-6", AUTHOR, "trang OA", reached=reached, opened=1_234)
        row = await one(hall)
        newest = await stored.newest_result(connection, row.id)
        start, end = datetime(2026, 6, 1, tzinfo=VIETNAM), datetime(2026, 7, 1, tzinfo=VIETNAM)
        (reported,) = await stored.reported(connection, start, end, ["drug"])
        assert await stored.reported(connection, start, end, ["hiv"]) == []
    assert newest is not None
    assert (newest.reached, newest.opened) == (9_876, 1_234)
    assert (reported.followers, reported.reached, reported.day) == (12_345, 9_876, date(2026, 6, 1))


async def test_another_organisation_sees_none_of_it(hall: Hall) -> None:
    await add(hall, written())
    async with hall.runtime.pool.connection() as connection:
        await users.act_for(connection, await users.add_organisation(connection, "ky-lua", "Phường Kỳ Lừa"))
        assert await stored.listing(connection) == []
        with pytest.raises(BroadcastError, match="chưa có bài nào"):
            await broadcasts.find(connection, "ma-tuy-thang-6")


@pytest.mark.parametrize("told", [ArticleDials(at_hand=("a1b2c3",))])
async def test_after_a_restored_copy_nothing_that_may_have_been_sent_is_sent_by_itself(
    hall: Hall, zalo: PretendZalo
) -> None:
    await approved(hall)
    await approved(hall, "sau", date=date(2026, 6, 5), until=date(2026, 6, 5))
    finding = await hall.runtime.guard.find(hall.runtime.pool)
    async with hall.runtime.pool.connection() as connection:
        adopted = await adoption.adopt(connection, finding, "An", "khôi phục từ bản sao")
    assert adopted.broadcasts == ("ma-tuy-thang-6",)
    assert (await status(hall), await status(hall, "sau")) == (BroadcastStatus.UNCERTAIN, BroadcastStatus.APPROVED)
    assert "hệ thống được nhận lại" in str((await one(hall)).reason)
    async with hall.runtime.pool.connection() as connection:
        await broadcasts.settle(connection, "ma-tuy-thang-6", AUTHOR, "thấy trên trang OA", sent=True)
    assert (await one(hall)).sent_at is not None
    assert not zalo.shelf.made


async def test_a_cancelled_one_is_never_sent(hall: Hall, zalo: PretendZalo) -> None:
    await approved(hall)
    async with hall.runtime.pool.connection() as connection:
        await broadcasts.cancel(connection, "ma-tuy-thang-6", AUTHOR, "hoãn")
        with pytest.raises(BroadcastError, match="đã hủy"):
            await broadcasts.resume(connection, "ma-tuy-thang-6", AUTHOR, "gửi lại")
    assert await step(hall) == []
    assert not zalo.shelf.made


def test_every_status_has_words_and_a_way_out_of_it_that_is_known() -> None:
    assert set(BROADCAST_WORDS) == set(broadcasts.NEXT_STEP) == set(BroadcastStatus)
    moved = {was for was, _turn in BROADCAST_MOVES}
    assert set(BroadcastStatus) - moved == {BroadcastStatus.SENT}
    assert set(Turn) == {turn for _was, turn in BROADCAST_MOVES}


def test_nothing_but_a_person_leads_out_of_doubt_to_another_sending() -> None:
    """An answer that comes late does; time and the machine never."""
    ways = {turn for (was, turn), to in BROADCAST_MOVES.items() if was is BroadcastStatus.UNCERTAIN and to != "sent"}
    assert ways == {Turn.MADE, Turn.REFUSED, Turn.NOT_SENT, Turn.HOLD, Turn.MISSED}


def test_zalo_has_a_code_for_every_word_by_which_followers_are_chosen() -> None:
    assert (set(articles.AGES), set(articles.GENDERS)) == (set(Ages), set(Gender))
    assert (set(articles.REGIONS), set(articles.PLATFORMS)) == (set(Region), set(Platform))
    assert set(TARGET_WORDS) == {*Gender, *Region, *Platform}
