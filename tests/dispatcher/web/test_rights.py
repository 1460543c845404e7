"""Every route against every role: allowed or refused as the table says, and no route without a rule."""

from __future__ import annotations

import re
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Route

from dispatcher.accounts import Role
from dispatcher.web import rights
from dispatcher.web.api import service
from dispatcher.web.door import Page
from dispatcher.web.pages import PAGES
from dispatcher.web.rights import RIGHTS, Action
from tests.dispatcher.web.people import browser, signed_in

# The same for whoever asks. Carriers' calls, which prove themselves by their address, are answered before any route.
OPEN = {"/health", "/static/{digest}/{name}"}
STEPS = (Action.OUTSIDE, Action.HALFWAY, Action.INSIDE)
REFUSED = "không dành cho vai trò"


def address(path: str) -> str:
    return re.sub(r"\{(\w+)(?::\w+)?\}", "1", path)


def test_every_route_has_a_rule(app: Starlette) -> None:
    served = {
        (route.path, method)
        for route in app.routes
        if isinstance(route, Route)
        for method in (route.methods or ()) - {"HEAD"}
    }
    ruled = {(page.path, page.method) for page in PAGES}
    assert {path for path, _ in served - ruled} == OPEN
    assert ruled <= served
    assert len(ruled) == len(PAGES)
    others = [route for route in app.routes if not isinstance(route, Route)]
    assert [getattr(route, "path", None) for route in others] == [
        service.PREFIX
    ]  # which has a table of its own: test_api.py


def test_every_right_is_somebodys_and_every_page_asks_for_one_that_exists() -> None:
    assert set(RIGHTS) == set(Action) - set(STEPS)
    assert all(RIGHTS.values())
    assert {page.action for page in (*PAGES, *service.ENTRIES)} == set(Action)


def test_who_approves_or_administers_has_no_hand_in_the_text_nor_in_the_log() -> None:
    for action in (Action.WRITE_CAMPAIGN, Action.REVEAL):
        assert RIGHTS[action].isdisjoint({Role.APPROVER, Role.ADMINISTRATOR})
    assert RIGHTS[Action.MANAGE_USERS] == {Role.ADMINISTRATOR}
    assert {action for action, roles in RIGHTS.items() if Role.OBSERVER in roles} == {Action.SEE_FIGURES}


def test_the_table_in_web_md_is_that_of_the_code() -> None:
    document = (Path(__file__).parents[3] / "docs" / "web.md").read_text("utf-8")
    head, *rows = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in document.splitlines() if line.count("|") == 9
    )
    written = {row[0]: {role for role, cell in zip(head[1:], row[1:], strict=True) if cell} for row in rows[1:]}
    assert written == {action.value: {role.value for role in roles} for action, roles in RIGHTS.items()}


async def test_every_role_is_let_in_and_refused_as_the_table_says(app: Starlette) -> None:
    for role in Role:
        for page in PAGES:
            if page.action not in STEPS and not page.path.endswith("/events"):
                await _as_the_table_says(app, role, page)


async def _as_the_table_says(app: Starlette, role: Role, page: Page) -> None:
    person = await signed_in(app, f"the-{role}", role)
    where = address(page.path)
    answer = await (person.get(where) if page.method == "GET" else person.post(where))
    refused = answer.status_code == 403 and REFUSED in answer.text
    assert refused != rights.may([role], page.action), (page.method, where, answer.status_code)
    assert answer.status_code < 500, (page.method, where, answer.text[:2000])


async def test_nobody_gets_further_than_the_door_without_signing_in(app: Starlette) -> None:
    async with browser(app) as stranger:
        for page in PAGES:
            if page.action is Action.OUTSIDE:
                continue
            answer = await stranger.request(page.method, address(page.path))
            if page.method == "GET":
                assert (answer.status_code, answer.headers["location"][:8]) == (303, "/sign-in")
            else:
                assert answer.status_code == 401, page


async def test_half_a_session_opens_the_second_factor_only(app: Starlette) -> None:
    person = await signed_in(app, "half", Role.APPROVER, Role.ADMINISTRATOR, whole=False)
    for page in PAGES:
        if page.action in (Action.OUTSIDE, Action.HALFWAY):
            continue
        answer = await person.web.request(page.method, address(page.path))
        assert answer.status_code in (303, 401), page
        assert answer.headers.get("location", "/second-factor") == "/second-factor"


async def test_a_form_that_is_not_ours_is_refused(app: Starlette) -> None:
    person = await signed_in(app, "an", Role.ADMINISTRATOR)
    fields = {"login": "new.one", "name": "New One", "roles": "author"}
    assert (await person.web.post("/users", data=fields)).status_code == 403
    assert (await person.web.post("/users", data={**fields, "form_token": "0" * 64})).status_code == 403
    del person.web.headers["origin"]
    assert (await person.post("/users", **fields)).status_code == 403
    person.web.headers["origin"] = "http://elsewhere"
    assert (await person.post("/users", **fields)).status_code == 403
    person.web.headers["origin"] = "http://dispatcher"
    assert "new.one" in (await person.post("/users", **fields)).text


async def test_every_page_forbids_foreign_scripts_frames_and_caches(app: Starlette) -> None:
    async with browser(app) as stranger:
        for path in ("/sign-in", "/nothing/here", "/"):
            headers = (await stranger.get(path)).headers
            assert "default-src 'none'" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["cache-control"] == "no-store"
