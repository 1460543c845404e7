"""Tokens and webhooks in the browser: made, shown once, used, listed, ended."""

from __future__ import annotations

import re

import pytest
from starlette.applications import Starlette

from dispatcher.accounts import Role
from dispatcher.runtime import Addresses
from dispatcher.settings import Settings
from dispatcher.web.api import service
from dispatcher.web.app import new_app
from dispatcher.web.programs import OPENED
from dispatcher.web.rights import Action
from tests.dispatcher.hall import Hall
from tests.dispatcher.web.people import browser, said, signed_in

HOST = "receiver.example"


async def test_a_token_opens_what_was_chosen_until_it_is_ended(app: Starlette, hall: Hall) -> None:
    admin = await signed_in(app, "admin", Role.ADMINISTRATOR)
    await signed_in(app, "somebody", Role.COORDINATOR, Role.AUDITOR)
    await hall.sql("UPDATE users SET password_hash = 'chosen' WHERE login = 'somebody'")
    given = {"login": "somebody", "name": "kho số liệu", "right": ["see_figures", "search_log"], "days": "30"}
    made = await admin.post("/tokens", **given)
    token = re.search(r"dsp_[\w-]+", made.text)
    assert token
    assert token[0] not in (await admin.get("/tokens")).text
    listed = said(await admin.get("/tokens"))
    assert "kho số liệu" in listed
    assert "tìm tin đã gửi, xem số liệu" in listed
    async with browser(app) as program:
        program.headers["authorization"] = f"Bearer {token[0]}"
        assert (await program.get("/api/v1/me")).json()["actions"] == ["search_log", "see_figures"]
        id_ = await hall.scalar("SELECT id FROM api_tokens")
        await admin.post(f"/tokens/{id_}/end")
        assert (await program.get("/api/v1/me")).status_code == 401
    assert await hall.scalar("SELECT count(*) FROM audit_trail WHERE act LIKE 'token.%'") == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"login": "neighbour"}, {"login": ""}, {"name": " "}, {"right": []}, {"right": ["manage_users"]}, {"days": "0"},
        {"days": "x"},
    ],
)  # fmt: skip
async def test_a_token_that_would_open_too_much_is_not_made(
    app: Starlette, hall: Hall, wrong: dict[str, object]
) -> None:
    admin = await signed_in(app, "admin", Role.ADMINISTRATOR)
    await signed_in(app, "neighbour", Role.AUDITOR, organisation="next-door")
    given = {"login": "admin", "name": "kho số liệu", "right": ["see_figures"], "days": "30"}
    answer = await admin.post("/tokens", **{**given, **wrong})
    assert (answer.status_code, 'role="alert"' in answer.text) == (409, True)
    assert await hall.scalar("SELECT count(*) FROM api_tokens") == 0


def test_every_right_that_programs_can_use_may_be_chosen() -> None:
    assert {entry.action for entry in service.ENTRIES} - {Action.INSIDE} == set(OPENED)


async def test_a_webhook_is_added_tried_and_ended(settings: Settings, addresses: Addresses, hall: Hall) -> None:
    app = new_app(settings.model_copy(update={"webhook_hosts": HOST}), addresses)
    async with app.router.lifespan_context(app):
        admin = await signed_in(app, "admin", Role.ADMINISTRATOR)
        refused = await admin.post("/webhooks", url="https://inside/", kind=["wave"])
        assert (refused.status_code, "chưa được phép" in said(refused)) == (409, True)
        made = await admin.post("/webhooks", url=f"https://{HOST}/hook", kind=["wave", "campaign"])
        assert "whsec_" in made.text
        assert "whsec_" not in (await admin.get("/webhooks")).text
        id_ = await hall.scalar("SELECT id FROM webhooks")
        assert "Chưa có sự kiện nào" in said(await admin.get(f"/webhooks/{id_}"))
        await admin.post(f"/webhooks/{id_}/ping")
        page = said(await admin.get(f"/webhooks/{id_}"))
        assert "ping" in page
        assert "chờ báo" in page
        await admin.post(f"/webhooks/{id_}/end")
        assert HOST not in said(await admin.get("/webhooks")).partition("Thêm một nơi nhận")[0]
        assert (await admin.get(f"/webhooks/{id_}")).status_code == 404


async def test_without_allowed_hosts_the_page_says_whom_to_ask(app: Starlette) -> None:
    admin = await signed_in(app, "admin", Role.ADMINISTRATOR)
    assert "DISPATCHER_WEBHOOK_HOSTS" in said(await admin.get("/webhooks"))
