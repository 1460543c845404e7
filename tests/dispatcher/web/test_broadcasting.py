"""Articles to followers in the browser: looked at, approved with a fresh code, sent by the clock, settled and told of."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette

from dispatcher.accounts import Role
from dispatcher.lifecycle import BroadcastStatus
from providers.sandbox.zalo import PretendZalo
from providers.sandbox.zalo.dials import ArticleDials
from tests.dispatcher import test_broadcasts as articles
from tests.dispatcher.hall import Hall
from tests.dispatcher.web.people import Person, code, said, signed_in, with_a_phone

told, zalo, settings, hall = articles.told, articles.zalo, articles.settings, articles.hall
SLUG = "ma-tuy-thang-6"
PAGE = f"/broadcasts/{SLUG}"


@pytest.fixture
async def approver(app: Starlette) -> Person:
    return await with_a_phone(app, "tran.binh", Role.APPROVER)


@pytest.fixture
async def coordinator(app: Starlette) -> Person:
    return await signed_in(app, "le.cuong", Role.COORDINATOR)


async def seen(person: Person) -> str:
    """The content's hash, as the form on the page carries it."""
    page = (await person.get(PAGE)).text
    return page.partition('name="seen" value="')[2].partition('"')[0]


async def held(hall: Hall, status: BroadcastStatus = BroadcastStatus.HELD, step: str | None = None) -> None:
    await hall.sql("UPDATE broadcasts SET status = %s, step = %s, reason = 'a test'", status.value, step)


async def test_what_is_approved_on_its_page_is_sent_once_and_its_figures_are_told(
    hall: Hall, zalo: PretendZalo, approver: Person, coordinator: Person
) -> None:
    await articles.add(hall, articles.written())
    draft = said(await approver.get(PAGE))
    for shown in (
        "Nói không với ma túy",
        "Gọi 113 khi phát hiện tội phạm.",
        "tuổi 18-24, 25-34",
        "08:00–11:30",
        "12/KH-UBND",
    ):
        assert shown in draft
    assert "nhiều nhất 12.345 người quan tâm nhận được" in draft
    given = {"seen": await seen(approver), "accept": "thử nghiệm"}
    assert (await approver.post(f"{PAGE}/approve", code="000000", **given)).status_code == 409
    assert await articles.status(hall) is BroadcastStatus.DRAFT
    assert (await approver.post(f"{PAGE}/approve", code=code(), **given)).headers["location"] == PAGE
    await articles.sent(hall)
    assert len(zalo.shelf.sent) == 1
    after = said(await coordinator.get(PAGE))
    for shown in ("tạo bài viết", "bài viết đã lên Zalo", "gửi tới người quan tâm", "Zalo nhận bài để gửi", "12.345"):
        assert shown in after
    figures = {"reached": "9876", "opened": "", "source": "trang quản trị OA"}
    wrong = await coordinator.post(f"{PAGE}/result", **{**figures, "reached": "9.876"})
    assert (wrong.status_code, "không dấu chấm" in said(wrong)) == (409, True)
    assert (await coordinator.post(f"{PAGE}/result", **figures)).status_code == 303
    assert "9.876 Nguồn trang quản trị OA (le.cuong" in said(await coordinator.get(PAGE))


async def test_whoever_wrote_it_is_not_asked_to_approve_it(hall: Hall, app: Starlette, approver: Person) -> None:
    await articles.add(hall, articles.written(), by="TRAN.BINH")
    assert "người duyệt phải là người khác" in said(await approver.get(PAGE))
    refused = await approver.post(f"{PAGE}/approve", code=code(), seen="0")
    assert refused.status_code == 409
    assert await articles.status(hall) is BroadcastStatus.DRAFT


async def test_what_changed_since_it_was_looked_at_is_not_approved(hall: Hall, approver: Person) -> None:
    await articles.add(hall, articles.written())
    looked_at = await seen(approver)
    await articles.add(hall, articles.written(basis="Kế hoạch số 13/KH-UBND"))
    answer = await approver.post(f"{PAGE}/approve", code=code(), seen=looked_at, accept="thử nghiệm")
    assert (answer.status_code, "đã đổi sau khi xem lại" in said(answer)) == (409, True)


@pytest.mark.parametrize(
    ("was", "act", "becomes"),
    [
        (BroadcastStatus.APPROVED, "withdraw", BroadcastStatus.DRAFT),
        (BroadcastStatus.HELD, "resume", BroadcastStatus.APPROVED),
        (BroadcastStatus.DRAFT, "cancel", BroadcastStatus.CANCELLED),
    ],
)
async def test_acts_take_a_reason_and_the_moves_that_there_are(
    hall: Hall, app: Starlette, was: BroadcastStatus, act: str, becomes: BroadcastStatus
) -> None:
    await articles.add(hall, articles.written())
    await held(hall, was)
    person = await signed_in(app, "tran.binh", Role.APPROVER, Role.COORDINATOR)
    assert f'action="{PAGE}/{act}"' in (await person.get(PAGE)).text
    assert (await person.post(f"{PAGE}/{act}", reason=" ")).status_code == 409
    assert (await person.post(f"{PAGE}/{act}", reason="đã xem lại")).status_code == 303
    assert await articles.status(hall) is becomes
    page = await person.get(PAGE)
    assert "đã xem lại" in said(page)
    assert f'action="{PAGE}/{act}"' not in page.text
    assert (await person.post(f"{PAGE}/{act}", reason="lần nữa")).status_code == 409


@pytest.mark.parametrize(
    ("step", "given", "becomes"),
    [
        ("send", {"outcome": "sent"}, BroadcastStatus.SENT),
        ("send", {"outcome": "not_sent"}, BroadcastStatus.APPROVED),
        ("create", {"outcome": "article", "article": "a1b2c3"}, BroadcastStatus.APPROVED),
        ("create", {"outcome": "sent"}, None),
        ("create", {"outcome": "article", "article": ""}, None),
        ("send", {"outcome": ""}, None),
    ],
)
async def test_a_doubt_is_settled_by_who_has_looked_at_the_account(
    hall: Hall, coordinator: Person, step: str, given: dict[str, str], becomes: BroadcastStatus | None
) -> None:
    await articles.add(hall, articles.written())
    await held(hall, BroadcastStatus.UNCERTAIN, step)
    assert ("Bài đã gửi" in said(await coordinator.get(PAGE))) == (step == "send")
    answer = await coordinator.post(f"{PAGE}/settle", reason="đã xem trang quản trị", **given)
    assert answer.status_code == (303 if becomes else 409)
    assert await articles.status(hall) is (becomes or BroadcastStatus.UNCERTAIN)


async def test_what_waits_for_a_person_stands_first_and_on_todays_page(
    hall: Hall, approver: Person, coordinator: Person
) -> None:
    assert "Chưa có bài nào." in said(await coordinator.get("/broadcasts"))
    await articles.add(hall, articles.written("da-huy"))
    await held(hall, BroadcastStatus.CANCELLED)
    await articles.add(hall, articles.written())
    await articles.add(hall, articles.written("chua-ro"))
    await hall.sql("UPDATE broadcasts SET status = 'uncertain', step = 'send' WHERE slug = 'chua-ro'")
    listed = said(await coordinator.get("/broadcasts"))
    assert listed.index("chua-ro") < listed.index(SLUG) < listed.index("Các bài khác") < listed.index("da-huy")
    today = said(await coordinator.get("/"))
    assert ("chua-ro" in today, SLUG in today) == (True, False)
    assert SLUG in said(await approver.get("/"))


@pytest.mark.parametrize("told", [ArticleDials(at_hand=("a1b2c3",))])
async def test_an_article_written_at_zalo_and_a_route_that_is_gone_are_said(hall: Hall, approver: Person) -> None:
    await articles.add(hall, articles.written(article=None, article_id="a1b2c3", route="gone"))
    page = said(await approver.get(PAGE))
    assert "Bài a1b2c3, đã soạn sẵn trên trang quản trị OA" in page
    assert "Không có đường gửi gone" in page
    assert (await approver.post(f"{PAGE}/approve", code=code())).status_code == 409
