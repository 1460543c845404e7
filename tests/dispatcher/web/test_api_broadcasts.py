"""Programs that write articles to followers: kept as drafts, approved by another with a code, sent once, told of with figures."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette

from dispatcher.accounts import Role
from providers.sandbox.zalo import PretendZalo
from tests.dispatcher import test_broadcasts as articles
from tests.dispatcher.hall import Hall
from tests.dispatcher.web.programs import Program, program
from tests.dispatcher.web.test_api import code

told, zalo, settings, hall = articles.told, articles.zalo, articles.settings, articles.hall
PATH = "/broadcasts/ma-tuy-thang-6"


@pytest.fixture
async def author(hall: Hall, app: Starlette) -> Program:
    return await program(app, "an", Role.AUTHOR)


async def test_an_article_is_written_approved_by_another_with_a_code_sent_once_and_told_of(
    hall: Hall, app: Starlette, zalo: PretendZalo, author: Program
) -> None:
    added = await author.post("/broadcasts", {"definition": articles.WRITTEN}, key="once")
    assert (added.status_code, added.json().get("status")) == (201, "draft"), added.text
    assert (await author.post("/broadcasts", {"definition": articles.WRITTEN}, key="once")).json() == added.json()
    assert await hall.scalar("SELECT count(*) FROM audit_trail WHERE act = 'broadcast.add'") == 1
    approver = await program(app, "binh", Role.APPROVER)
    seen = (await approver.get(f"{PATH}/review")).json()
    assert (seen["account"]["followers"], seen["refusals"]) == (12_345, [])
    given = {"seen": seen["hash"], "accept": "thử nghiệm"}
    assert (await approver.post(f"{PATH}/approve", given, dispatcher_code="000000")).status_code == 403
    done = await approver.post(f"{PATH}/approve", given, dispatcher_code=await code(app, "binh"))
    assert (done.status_code, done.json().get("status")) == (200, "approved"), done.text
    await articles.sent(hall)
    assert len(zalo.shelf.sent) == 1
    figures = {"reached": 9_876, "source": "trang quản trị OA"}
    told = (await approver.post(f"{PATH}/result", figures)).json()
    assert (told["status"], told["result"]["reached"], told["result"]["entered_by"]) == ("sent", 9_876, "binh")
    assert {one["outcome"] for one in told["calls"]} == {"made", "sent"}
    assert (await author.post("/broadcasts", {"definition": articles.WRITTEN})).status_code == 409


async def test_nobody_approves_what_they_wrote_or_what_has_changed(app: Starlette, author: Program) -> None:
    await author.post("/broadcasts", {"definition": articles.WRITTEN})
    approver = await program(app, "binh", Role.AUTHOR, Role.APPROVER)
    seen = (await approver.get(f"{PATH}/review")).json()["hash"]
    changed = articles.WRITTEN.replace("Nói không", "Hãy nói không")
    assert (await author.post("/broadcasts", {"definition": changed})).status_code == 201
    old = await approver.post(f"{PATH}/approve", {"seen": seen, "accept": "x"}, dispatcher_code=await code(app, "binh"))
    assert (old.status_code, "đã đổi" in old.json()["detail"]) == (409, True)
    seen = (await approver.get(f"{PATH}/review")).json()["hash"]
    await approver.post("/broadcasts", {"definition": changed})
    own = await approver.post(f"{PATH}/approve", {"seen": seen, "accept": "x"}, dispatcher_code=await code(app, "binh"))
    assert (own.status_code, "đã đổi" in own.json()["detail"]) == (409, False)
    assert (await author.get(PATH)).json()["status"] == "draft"


async def test_a_draft_is_cancelled_with_a_reason_and_nothing_is_told_of_it(app: Starlette, author: Program) -> None:
    await author.post("/broadcasts", {"definition": articles.WRITTEN})
    who = await program(app, "cuong", Role.COORDINATOR)
    assert (await who.post(f"{PATH}/result", {"reached": 1, "source": "x"})).status_code == 409
    assert (await who.post(f"{PATH}/resume", {"reason": "x"})).status_code == 409
    assert (await who.post(f"{PATH}/cancel", {"reason": "không cần nữa"})).json()["status"] == "cancelled"
    assert [one["status"] for one in (await who.get("/broadcasts")).json()["items"]] == ["cancelled"]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("slug = 1", 422),
        (articles.WRITTEN.replace('route = "oa"', 'route = "nowhere"'), 409),
        (articles.WRITTEN.replace('route = "oa"', 'route = "main"'), 409),
    ],
)
async def test_what_cannot_be_used_is_not_kept(hall: Hall, author: Program, text: str, status: int) -> None:
    answer = await author.post("/broadcasts", {"definition": text})
    assert answer.status_code == status, answer.text
    assert bool(answer.json()["errors"]) == (status == 422)
    assert await hall.scalar("SELECT count(*) FROM broadcasts") == 0


async def test_only_the_first_organisations_programs_write_articles(app: Starlette, author: Program) -> None:
    neighbour = await program(app, "neighbour", *Role, organisation="next-door")
    assert (await neighbour.post("/broadcasts", {"definition": articles.WRITTEN})).status_code == 403
    await author.post("/broadcasts", {"definition": articles.WRITTEN})
    assert (await neighbour.get("/broadcasts")).json()["items"] == []
    assert (await neighbour.get(PATH)).status_code == 404
