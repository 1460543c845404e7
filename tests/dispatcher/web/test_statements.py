"""A statement in the browser: one person enters the letter, another releases it, and what is fetched can be verified."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.applications import Starlette

from dispatcher.accounts import Role
from dispatcher.runtime import Addresses
from dispatcher.settings import Settings
from dispatcher.statement_desk import ENDINGS
from dispatcher.web.app import new_app
from tests.dispatcher.hall import Hall
from tests.dispatcher.web.people import Person, code, said, signed_in, with_a_phone

DUTIES = Path(__file__).parents[3] / "reports.example.toml"
NUMBER = "0960 000 001"
ASKED = {
    "number": NUMBER, "starts": "2026-06-01", "ends": "2026-06-05", "authority": "Cơ quan Cảnh sát điều tra",
    "document": "12/CV-CSĐT", "dated": "2026-06-05", "basis": "Điều 88 Bộ luật Tố tụng hình sự",
}  # fmt: skip


@pytest.fixture
async def office(settings: Settings, addresses: Addresses, hall: Hall):  # type: ignore[no-untyped-def]
    """The application of an office whose letters have a head, after three messages went out."""
    await hall.planned(3)
    await hall.send()
    app = new_app(settings.model_copy(update={"reports": DUTIES}), addresses)
    async with app.router.lifespan_context(app):
        yield app


async def clerk(app: Starlette) -> Person:
    return await signed_in(app, "clerk", Role.AUDITOR)


async def approver(app: Starlette) -> Person:
    return await with_a_phone(app, "approver", Role.APPROVER, Role.AUDITOR)


async def test_one_enters_another_releases_and_everybody_can_verify(office: Starlette, hall: Hall) -> None:
    await hall.rehearse(days=5)
    asked, other = await clerk(office), await approver(office)
    entered = await asked.post("/statements", **ASKED)
    address = entered.headers["location"]
    assert "Chờ người duyệt" in said(await asked.get(address))
    assert (await asked.get(f"{address}/letter")).status_code == 404
    assert [ASKED["document"] in said(await person.get("/")) for person in (asked, other)] == [False, True]
    assert (await other.post(f"{address}/release", number=NUMBER, code="000000")).status_code == 409
    wrong = await other.post(f"{address}/release", number="0960000002", code=code())
    assert (wrong.status_code, "Số vừa nhập khác" in said(wrong)) == (409, True)
    await hall.sql("UPDATE users SET totp_step = 0")
    released = await other.post(f"{address}/release", number=NUMBER, code=code())
    assert released.headers["location"] == address
    papers = {name: (await other.get(f"{address}/{name}")).content for name in ENDINGS}
    assert papers["letter"].startswith(b"PK")
    assert papers["printed"].startswith(b"%PDF-")
    given = {"checkpoint": papers["checkpoint"].decode(), "key": papers["key"].decode()}
    file = {"extract": ("bang-ke-1.extract.jsonl", papers["extract"])}
    judged = said(await asked.post("/statements/verify", files=file, **given))
    assert "Trích lục đúng." in judged
    assert "1 tin" in judged
    changed = papers["extract"].replace(b"submitted", b"delivered").replace(b"accepted", b"accepteD")
    assert "KHÔNG đúng" in said(await asked.post("/statements/verify", files={"extract": ("x", changed)}, **given))
    assert (await asked.post("/statements/verify", files={"extract": ("x", b"x")}, **given)).status_code == 409
    acts = [row.act for row in await hall.sql("SELECT act FROM audit_trail WHERE act LIKE 'statement.%' ORDER BY id")]
    assert acts == ["statement.ask", "statement.release", *["statement.take"] * len(ENDINGS)]
    assert "960000001" not in (await hall.scalar("SELECT string_agg(detail::text, '') FROM audit_trail"))
    kept = hall.runtime.settings.folder / "statements"
    assert {path.stat().st_mode & 0o77 for path in kept.rglob("*")} == {0}
    again = await other.post(f"{address}/release", number=NUMBER, code=code())
    assert again.status_code == 409


async def test_whoever_entered_a_request_is_not_asked_to_release_it(office: Starlette, hall: Hall) -> None:
    await hall.rehearse(days=5)
    person = await approver(office)
    address = (await person.post("/statements", **ASKED)).headers["location"]
    assert "người cho xuất phải là người khác" in said(await person.get(address))
    refused = await person.post(f"{address}/release", number=NUMBER, code=code())
    assert (refused.status_code, "phải khác người lập" in said(refused)) == (409, True)


@pytest.mark.parametrize(
    "wrong", [{"starts": ""}, {"ends": "2036-01-01"}, {"number": "113"}, {"basis": " "}, {"dated": "2026-13-01"}]
)
async def test_a_request_that_says_too_little_is_refused_and_stays_in_the_form(
    office: Starlette, hall: Hall, wrong: dict[str, str]
) -> None:
    await hall.rehearse(days=5)
    answer = await (await clerk(office)).post("/statements", **{**ASKED, **wrong})
    assert (answer.status_code, 'role="alert"' in answer.text) == (409, True)
    assert ASKED["authority"] in answer.text
    assert await hall.scalar("SELECT count(*) FROM statement_requests") == 0


async def test_another_organisation_is_sent_to_the_first(office: Starlette) -> None:
    neighbour = await signed_in(office, "neighbour", Role.AUDITOR, organisation="next-door")
    assert "đơn vị đầu mối" in said(await neighbour.get("/statements"))
    assert (await neighbour.post("/statements", **ASKED)).status_code == 409
