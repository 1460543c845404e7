"""Programs at the complaint desk: kept with its proof, refused at once, answered once, listed page by page, numbers masked."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette

from dispatcher import inbound
from dispatcher.accounts import Role
from providers.base import Inbound
from tests.dispatcher.hall import Hall
from tests.dispatcher.web.programs import Program, program

NUMBER = "0960000001"
GIVEN = {"number": NUMBER, "came_by": "letter", "document": "Đơn số 5 ngày 02/6/2026", "said": "Đừng nhắn nữa"}


@pytest.fixture
async def desk(app: Starlette) -> Program:
    return await program(app, "somebody", Role.COORDINATOR)


async def test_a_complaint_is_kept_and_what_is_refused_holds_at_once(hall: Hall, desk: Program) -> None:
    await hall.planned(3)
    await hall.send()
    taken = await desk.post("/complaints", {**GIVEN, "refused": {"scope": "all"}}, key="once")
    assert taken.status_code == 201, taken.text
    told = taken.json()
    assert (told["msisdn"], told["status"], told["refuses"]["scope"]) == ("0960***001", "open", "all")
    assert len(told["messages"]) == 1
    assert NUMBER[1:] not in taken.text
    assert (await desk.post("/complaints", {**GIVEN, "refused": {"scope": "all"}}, key="once")).json() == told
    answered = await desk.post(f"/complaints/{told['id']}/answer", {"answer": "Đã gọi lại"})
    assert (answered.json()["status"], answered.json()["answered_by"]) == ("answered", "somebody")
    assert (await desk.post(f"/complaints/{told['id']}/answer", {"answer": "Lần nữa"})).status_code == 409
    acts = await hall.sql("SELECT act FROM audit_trail WHERE act LIKE 'complaint.%' ORDER BY id")
    assert [row.act for row in acts] == ["complaint.take", "complaint.answer"]


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"number": "113"}, 409),
        ({"document": " "}, 409),
        ({"said": ""}, 422),
        ({"came_by": "pigeon"}, 422),
        ({"refused": {"scope": "topics"}}, 409),
    ],
)
async def test_a_complaint_that_says_too_little_is_refused(
    hall: Hall, desk: Program, wrong: dict[str, object], status: int
) -> None:
    assert (await desk.post("/complaints", {**GIVEN, **wrong})).status_code == status
    assert await hall.scalar("SELECT count(*) FROM complaints") == 0


async def test_a_text_of_the_inbox_is_kept_as_a_complaint(hall: Hall, desk: Program) -> None:
    async with hall.runtime.pool.connection() as connection:
        text = Inbound("84961234567", "CA LANGSON", "Sao nhắn mãi")
        await inbound.put(connection, hall.runtime.keyring, "main", [text], ["tc*"])
    id_ = (await desk.get("/inbox")).json()["items"][0]["id"]
    refused = {"scope": "topics", "topics": ["ma-tuy"]}
    taken = (await desk.post(f"/inbox/{id_}/complaint", {"refused": refused})).json()
    assert (taken["came_by"], taken["said"], taken["msisdn"]) == ("text", "Sao nhắn mãi", "0961***567")
    assert {name: taken["refuses"][name] for name in refused} == refused
    assert (await desk.post(f"/inbox/{id_ + 1}/complaint", {})).status_code == 404


async def test_complaints_and_refusals_come_in_pages_that_join(desk: Program) -> None:
    for number in range(5):
        given = {**GIVEN, "number": f"096000000{number}", "refused": {"scope": "advertising"}}
        await desk.post("/complaints", given)
    await desk.post("/complaints/3/answer", {"answer": "Đã gọi lại"})
    for path, asked, count in (("/complaints", {}, 5), ("/complaints", {"open": True}, 4), ("/suppressions", {}, 5)):
        seen, cursor = [], {}
        while cursor is not None:
            found = (await desk.get(path, limit=2, **asked, **cursor)).json()
            seen += found["items"]
            cursor = {"cursor": found["next"]} if found["next"] else None
        assert seen == (await desk.get(path, **asked)).json()["items"]
        assert len(seen) == count
        assert all("***" in one["msisdn"] for one in seen)


async def test_what_one_organisations_desk_takes_no_other_sees(app: Starlette, desk: Program) -> None:
    taken = await desk.post("/complaints", {**GIVEN, "refused": {"scope": "advertising"}})
    neighbour = await program(app, "neighbour", Role.COORDINATOR, organisation="next-door")
    assert [(await neighbour.get(path)).json()["items"] for path in ("/complaints", "/suppressions")] == [[], []]
    path = f"/complaints/{taken.json()['id']}"
    assert (await neighbour.post(f"{path}/answer", {"answer": "x"})).status_code == 404
    assert (await desk.get(path)).json()["answer"] is None
