"""The complaint desk in the browser: recorded with proof, refused at once, answered once, released by a reason and by two."""

from __future__ import annotations

import re

import pytest
from starlette.applications import Starlette

from dispatcher import inbound
from dispatcher.accounts import Role
from providers.base import Inbound
from tests.dispatcher.hall import Hall
from tests.dispatcher.web.people import Person, said, signed_in

NUMBER = "0960000001"
GIVEN = {"number": NUMBER, "came_by": "letter", "document": "Đơn số 5 ngày 02/6/2026", "said": "Đừng nhắn nữa"}


@pytest.fixture
async def desk(hall: Hall, app: Starlette) -> Person:
    """Whoever keeps the desk, after three people were texted."""
    await hall.planned(3)
    await hall.send()
    return await signed_in(app, "somebody", Role.COORDINATOR)


async def refusals(hall: Hall) -> list[tuple[str, str]]:
    return [tuple(row) for row in await hall.sql("SELECT scope, proof FROM suppressions")]


async def test_a_complaint_is_kept_and_what_is_refused_holds_at_once(hall: Hall, desk: Person) -> None:
    taken = await desk.post("/complaints", **GIVEN, scope="all")
    address = taken.headers["location"]
    assert await refusals(hall) == [("all", GIVEN["document"])]
    page = await desk.get(address)
    for word in ("Đừng nhắn nữa", "đơn thư", "Không nhận", "0960***001", "drug_prevention_june-2026"):
        assert word in said(page), word
    assert NUMBER not in page.text
    assert ["Đừng nhắn nữa" in said(await desk.get(page)) for page in ("/complaints", "/")] == [True, True]
    await desk.post(f"{address}/answer", answer="Đã gọi lại, xin lỗi")
    assert "Đã gọi lại, xin lỗi" in said(await desk.get(address))
    assert ["Đừng nhắn nữa" in said(await desk.get(page)) for page in ("/complaints", "/")] == [False, False]
    assert "Đừng nhắn nữa" in said(await desk.get("/complaints?kind=all"))
    again = await desk.post(f"{address}/answer", answer="Lần nữa")
    assert (again.status_code, "đã được trả lời" in said(again)) == (409, True)


@pytest.mark.parametrize(
    "wrong",
    [{"number": "113"}, {"document": " "}, {"said": ""}, {"scope": "topics", "topics": " "}, {"text": "77"}],
)
async def test_a_complaint_that_says_too_little_is_refused_and_stays_in_the_form(
    hall: Hall, desk: Person, wrong: dict[str, str]
) -> None:
    answer = await desk.post("/complaints", **{**GIVEN, **wrong})
    assert (answer.status_code, 'role="alert"' in answer.text) == (409, True)
    assert "Đừng nhắn nữa" in answer.text or "said" in wrong
    assert await hall.scalar("SELECT count(*) FROM complaints") == 0


async def test_a_text_of_the_inbox_becomes_a_complaint(hall: Hall, desk: Person) -> None:
    async with hall.runtime.pool.connection() as connection:
        came = [Inbound("84961234567", "CA LANGSON", "Tôi không mua gì cả")]
        await inbound.put(connection, hall.runtime.keyring, "main", came, ["tc*"])
    text = await hall.scalar("SELECT id FROM inbound")
    assert "Ghi thành phản ánh" in said(await desk.get(f"/inbox/{text}"))
    taken = await desk.post("/complaints", text=text, scope="topics", topics="drug")
    page = said(await desk.get(taken.headers["location"]))
    assert "Tôi không mua gì cả" in page
    assert "tin về chủ đề (drug)" in page
    assert "chưa gửi tin nào tới số này" in page


async def test_a_person_is_texted_again_with_a_reason_and_advertising_by_two(
    app: Starlette, hall: Hall, desk: Person
) -> None:
    address = (await desk.post("/complaints", **GIVEN, scope="all")).headers["location"]
    unsaid = await desk.post(f"{address}/release", reason=" ")
    assert (unsaid.status_code, await refusals(hall)) == (409, [("all", GIVEN["document"])])
    await desk.post(f"{address}/release", reason="chủ thuê bao đề nghị")
    assert await refusals(hall) == [("advertising", "")]
    await desk.post("/suppressions/release", number=NUMBER, reason="đề nghị cả quảng cáo", advertising="1")
    assert (await desk.post("/suppressions/release", number=NUMBER, reason="x", advertising="1")).status_code == 409
    assert "cần người khác" in said(await desk.get("/suppressions"))
    other = await signed_in(app, "other", Role.COORDINATOR)
    page = await other.get("/suppressions")
    assert "đề nghị cả quảng cáo" in said(page)
    person = re.search(r'name="person" value="([0-9a-f]+)"', page.text)
    assert person
    agreed = await other.post("/suppressions/release", person=person[1], reason="đồng ý", advertising="1")
    assert (agreed.status_code, await refusals(hall)) == (303, [])
    assert (await other.post("/suppressions/release", person="zz", reason="x")).status_code == 409


async def test_auditors_read_and_change_nothing(app: Starlette, hall: Hall, desk: Person) -> None:
    address = (await desk.post("/complaints", **GIVEN, scope="all")).headers["location"]
    auditor = await signed_in(app, "auditor", Role.AUDITOR)
    for path in ("/complaints", address, "/suppressions"):
        page = await auditor.get(path)
        assert (page.status_code, page.text.count('<form method="post"')) == (200, 1), path  # signing out
