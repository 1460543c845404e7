"""Articles to followers written in the browser: a definition typed or uploaded, its mistakes by line, drafts changed."""

from __future__ import annotations

import html

import pytest
from starlette.applications import Starlette

from dispatcher.accounts import Role
from tests.dispatcher import test_broadcasts as articles
from tests.dispatcher.hall import Hall
from tests.dispatcher.web.people import Person, said, signed_in

told, zalo, settings, hall = articles.told, articles.zalo, articles.settings, articles.hall
WRITTEN, SLUG = articles.WRITTEN, "ma-tuy-thang-6"
NEW = "/new/broadcast"


@pytest.fixture
async def author(app: Starlette) -> Person:
    return await signed_in(app, "nguyen.an", Role.AUTHOR)


def text(page: str) -> str:
    """What stands in the form."""
    return html.unescape(page.partition("<textarea")[2].partition(">")[2].partition("</textarea>")[0])


async def test_the_example_has_the_accounts_route_and_is_told_what_it_lacks(hall: Hall, author: Person) -> None:
    example = text((await author.get(NEW)).text)
    assert 'route = "oa"' in example
    refused = await author.post(NEW, text=example)
    assert (refused.status_code, "dòng 5 , date" in said(refused)) == (409, True)
    assert text(refused.text).strip() == example.strip()
    assert await hall.scalar("SELECT count(*) FROM broadcasts") == 0


async def test_what_is_typed_becomes_a_draft_and_may_be_changed_by_who_opened_it(hall: Hall, author: Person) -> None:
    assert (await author.post(NEW, text=WRITTEN)).headers["location"] == f"/broadcasts/{SLUG}"
    stored = await articles.one(hall)
    assert (stored.author, stored.definition) == ("nguyen.an", articles.written().model_dump(mode="json"))
    again = await author.post(NEW, text=WRITTEN)
    assert (again.status_code, f"Đã có bài tên {SLUG}" in said(again)) == (409, True)
    page = (await author.get(f"{NEW}?from={SLUG}")).text
    changed = text(page).replace("12/KH-UBND", "13/KH-UBND")
    assert (await author.post(NEW, text=changed, replaces=SLUG)).status_code == 303
    assert (await articles.one(hall)).definition["basis"] == "Kế hoạch số 13/KH-UBND ngày 01/5/2026"


async def test_what_is_no_draft_any_more_is_not_changed(hall: Hall, author: Person) -> None:
    await articles.approved(hall)
    assert (await author.get(f"{NEW}?from={SLUG}")).status_code == 404
    refused = await author.post(NEW, text=WRITTEN, replaces=SLUG)
    assert (refused.status_code, "không sửa được nữa" in said(refused)) == (409, True)


async def test_a_file_is_read_as_what_is_typed(hall: Hall, author: Person) -> None:
    file = {"file": ("bai.toml", ("\ufeff" + WRITTEN.replace("\n", "\r\n")).encode())}
    assert (await author.post(f"{NEW}/file", files=file)).headers["location"] == f"/broadcasts/{SLUG}"
    for content in (b"\xff\xfe", b"", b"\0"):
        refused = await author.post(f"{NEW}/file", files={"file": ("bai.toml", content)})
        assert (refused.status_code, "Chọn tệp .toml" in said(refused)) == (409, True)


async def test_a_route_that_is_no_accounts_is_named(hall: Hall, author: Person) -> None:
    refused = await author.post(NEW, text=WRITTEN.replace('route = "oa"', 'route = "main"'))
    assert (refused.status_code, "Dùng được: oa." in said(refused)) == (409, True)


async def test_another_organisation_writes_none_over_the_first_ones_account(hall: Hall, app: Starlette) -> None:
    await articles.add(hall, articles.written())
    neighbour = await signed_in(app, "neighbour", Role.AUTHOR, organisation="next-door")
    assert "đơn vị đầu mối" in said(await neighbour.get(NEW))
    assert (await neighbour.post(NEW, text=WRITTEN)).status_code == 409
    assert (await neighbour.get(f"{NEW}?from={SLUG}")).status_code == 404
    assert await hall.scalar("SELECT count(*) FROM broadcasts") == 1
