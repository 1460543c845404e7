"""Programs that enter an authority's request: kept, listed, recorded, never released by them."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette

from dispatcher.accounts import Role
from dispatcher.web.api.service import ENTRIES
from dispatcher.web.rights import Action
from tests.dispatcher.hall import Hall
from tests.dispatcher.web.programs import Program, program

ASKED = {
    "number": "0960 000 001", "starts": "2026-06-01", "ends": "2026-06-05", "authority": "Cơ quan Cảnh sát điều tra",
    "document": "12/CV-CSĐT", "document_date": "2026-06-05", "basis": "Điều 88 Bộ luật Tố tụng hình sự",
}  # fmt: skip


@pytest.fixture
async def clerk(hall: Hall, app: Starlette) -> Program:
    """A program of a clerk, after the days that are asked about."""
    await hall.planned(3)
    await hall.rehearse(days=5)
    return await program(app, "clerk", Role.AUDITOR)


async def test_a_request_is_entered_once_listed_and_recorded_without_its_number(hall: Hall, clerk: Program) -> None:
    entered = await clerk.post("/statements", ASKED, key="once")
    assert (entered.status_code, entered.json().get("document")) == (201, "12/CV-CSĐT"), entered.text
    assert (await clerk.post("/statements", ASKED, key="once")).json() == entered.json()
    assert (await clerk.get("/statements")).json()["items"] == [entered.json()]
    shown = await clerk.get(f"/statements/{entered.json()['id']}")
    assert (shown.json()["asked_by"], shown.json()["released_at"]) == ("clerk", None)
    assert "960000001" not in shown.text.replace(" ", "")
    assert await hall.scalar("SELECT count(*) FROM audit_trail WHERE act = 'statement.ask'") == 1


@pytest.mark.parametrize(
    ("wrong", "status"),
    [({"number": "113"}, 409), ({"ends": "2026-05-01"}, 409), ({"basis": " "}, 409), ({"starts": "hôm qua"}, 422)],
)
async def test_a_request_that_says_too_little_is_refused(clerk: Program, wrong: dict[str, str], status: int) -> None:
    assert (await clerk.post("/statements", {**ASKED, **wrong})).status_code == status
    assert (await clerk.get("/statements")).json()["items"] == []


async def test_only_the_first_organisations_programs_enter_requests(app: Starlette, clerk: Program) -> None:
    neighbour = await program(app, "neighbour", Role.AUDITOR, organisation="next-door")
    assert (await neighbour.post("/statements", ASKED)).status_code == 409
    assert (await clerk.get("/statements")).json()["items"] == []


def test_no_entry_releases_a_statement() -> None:
    assert Action.RELEASE_STATEMENT not in {entry.action for entry in ENTRIES}
