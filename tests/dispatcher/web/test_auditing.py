"""The auditor asks the log: by everything that is kept, page by page, with counts, down to one message's whole story."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from starlette.applications import Starlette

from dispatcher.accounts import Role
from dispatcher.tallying import tally_next
from dispatcher.web import auditing
from tests.dispatcher.hall import APPROVER, EDITION, LAUNCH, Hall
from tests.dispatcher.web.people import Person, said, signed_in
from tests.dispatcher.web.test_exports import over

PEOPLE = 5
MESSAGE = re.compile(r'href="/log/([0-9a-f]{32})"')
NEXT = re.compile(r'name="began" value="([^"]*)"><button class="second">Trang sau')
BEFORE = re.compile(r'name="began" value="([^"]*)"><button class="second">Trang trước')


@pytest.fixture
async def auditor(hall: Hall, app: Starlette) -> Person:
    """Somebody who looks after messages to five people were sent and counted."""
    await hall.planned(PEOPLE)
    await hall.send()
    await hall.fold()
    while await tally_next(hall.runtime.pool):
        pass
    return await signed_in(app, "auditor", Role.AUDITOR)


@pytest.mark.parametrize(
    ("fits", "fits_not"),
    [
        ({"number": "0960 000 001"}, {"number": "0970000001"}),
        ({"campaign": EDITION}, {"campaign": "other-2026"}),
        ({"campaign": EDITION, "wave": LAUNCH}, {"wave": "other"}),
        ({"status": ["submitted", "delivered"]}, {"status": ["failed"]}),
        ({"route": "main"}, {"route": "other"}),
        ({"since": "2026-05-30", "until": "2026-06-30"}, {"since": "2026-06-30"}),
        ({"approver": APPROVER}, {"approver": "somebody else"}),
        ({"number": "0960000001", "status": "submitted"}, {"reference": "none"}),
        ({}, {"error": "4"}),
        ({}, {"place": "Xã Na Sầm, Lạng Sơn"}),
    ],
)
async def test_messages_are_found_by_what_is_asked(
    auditor: Person, fits: dict[str, Any], fits_not: dict[str, Any]
) -> None:
    assert MESSAGE.findall((await auditor.post("/log", **fits)).text)
    nothing = await auditor.post("/log", **fits_not)
    assert (nothing.status_code, MESSAGE.findall(nothing.text)) == (200, [])
    assert "Không có tin nào khớp" in said(nothing)


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ({"number": "không phải số"}, "không phải số"),
        ({"since": "2026-06-31"}, "2026-06-31"),
        ({"until": "9999-12-31"}, "9999-12-31"),
        ({"place": "Xã Không Đâu"}, "Xã Không Đâu"),
        ({"began": "1.2"}, "tìm lại từ đầu"),
        ({"began": f"{2**31}..{'0' * 32}"}, "tìm lại từ đầu"),
        ({"error": "4", "began": f"2.x.{'0' * 32}"}, "tìm lại từ đầu"),
    ],
)
async def test_what_cannot_be_read_is_said_and_stays_in_the_form(
    auditor: Person, asked: dict[str, str], word: str
) -> None:
    answer = await auditor.post("/log", **asked)
    assert (answer.status_code, word in said(answer)) == (409, True)
    assert all(value in answer.text for name, value in asked.items() if name != "began")


async def test_pages_go_on_and_back_without_losing_or_repeating_a_message(
    auditor: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditing, "SHOWN", 2)
    pages, began = [], ""
    while True:
        page = (await auditor.post("/log", campaign=EDITION, began=began)).text
        pages.append(MESSAGE.findall(page))
        assert "5 tin" in page
        on = NEXT.search(page)
        if on is None:
            break
        began = on[1]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert len({message for page in pages for message in page}) == PEOPLE
    back = BEFORE.search(page)
    assert back
    assert MESSAGE.findall((await auditor.post("/log", campaign=EDITION, began=back[1])).text) == pages[1]


async def test_a_search_is_in_the_trail_with_what_was_asked_and_no_whole_number(hall: Hall, auditor: Person) -> None:
    await auditor.post("/log", number="0960000001", status="delivered")
    detail = await hall.scalar("SELECT detail FROM audit_trail WHERE act = 'log.search'")
    assert detail["filters"]["statuses"] == ["delivered"]
    assert "960000001" not in json.dumps(detail)


async def test_a_message_tells_its_whole_story(auditor: Person) -> None:
    (message,) = MESSAGE.findall((await auditor.post("/log", number="0960000001")).text)
    story = said(await auditor.get(f"/log/{message}"))
    for word in (APPROVER, "duyệt", "Lần thử 1", "nhà mạng nhận", "Mã tin", "người", "Từ chiến dịch nào"):
        assert word in story, word
    assert "0960000001" not in story
    assert "accepted" not in story.replace("Nguyên văn", "")


async def test_what_was_found_is_exported_with_its_manifest(auditor: Person) -> None:
    found = await auditor.post("/log", status="submitted")
    assert 'action="/exports"' in found.text
    begun = await auditor.post("/exports", what="log", form="xlsx", status="submitted", number="0960000001")
    address = begun.headers["location"]
    page = await over(auditor, address)
    assert "Đã xong: 1 tin." in page
    assert (await auditor.get(f"{address}/file")).content.startswith(b"PK")
    manifest = (await auditor.get(f"{address}/manifest")).json()
    assert (manifest["messages"], manifest["made_by"], manifest["filters"]["statuses"]) == (1, "auditor", ["submitted"])
    assert "960000001" not in json.dumps(manifest)
    for form in ("csv", "jsonl", "parquet"):
        begun = await auditor.post("/exports", what="log", form=form)
        page = await over(auditor, begun.headers["location"])
        assert f"Đã xong: {PEOPLE} tin." in page
        assert "mọi tin của đơn vị" in page
    assert (await auditor.post("/exports", what="log", form="doc")).status_code == 409
    assert "Nhiều chiến dịch" in said(await auditor.get("/exports"))
