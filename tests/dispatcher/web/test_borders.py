"""What belongs to one organisation is not there for another: every address with an id, asked by somebody next door."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from starlette.applications import Starlette

from dispatcher import accounts, control, inbound
from dispatcher.accounts import Role
from dispatcher.store import uploads, users
from dispatcher.web.pages import PAGES
from dispatcher.web.rights import Action
from providers.base import Inbound
from tests.dispatcher.hall import EDITION, LAUNCH, Hall, june
from tests.dispatcher.web.people import Person, said, signed_in
from tests.dispatcher.web.test_ordering import own_key

EVERYTHING = tuple(Role)
# Ids that are no secret and belong to nobody.
FREE = {"/language/{language}"}
ORDER = (
    "INSERT INTO orders (id, given, digest, content, partner_key, entered_by) VALUES (%s, true, '', '{}', '', 'an')"
    " RETURNING id"
)

COMPLAINT = (
    "INSERT INTO complaints (organisation_id, msisdn_hash, came_by, document, said, taken_by)"
    " VALUES (1, '', 'call', 'inside', 'inside', 'an') RETURNING id"
)
TOKEN = (
    "INSERT INTO api_tokens (user_id, name, token_hash, actions, added_by, expires_at)"
    " SELECT id, 'inside', '', '{stop}', 'an', now() + interval '1 day' FROM users WHERE login = 'inside' RETURNING id"
)
WEBHOOK = (
    "INSERT INTO webhooks (url, secret_cipher, secret_key_id, kinds, added_by)"
    " VALUES ('https://inside/', '', '', '{wave}', 'an') RETURNING id"
)
REPORT = (
    "INSERT INTO reports (organisation_id, slug, year, starts, ends, figures, document_sha256, made_by)"
    " VALUES (1, 'inside', 2026, '2026-01-01', '2026-06-30', '{}', '', 'an') RETURNING id"
)
BROADCAST = (
    "INSERT INTO broadcasts (slug, definition, route, author, opens_at, closes_at, window_from, window_to)"
    " VALUES ('inside', '{}', 'oa', 'an', now(), now(), '08:00', '11:00') RETURNING slug"
)
STATEMENT = (
    "INSERT INTO statement_requests (msisdn_hash, starts, ends, authority, document, document_date, basis, asked_by)"
    " VALUES ('', '2026-06-01', '2026-06-30', 'inside', '1', '2026-06-01', 'x', 'an') RETURNING id"
)


@pytest.fixture
async def ids(hall: Hall, app: Starlette) -> dict[str, str]:
    """Something of the first organisation for every kind of id that an address may carry."""
    await hall.planned(3)
    await hall.send()
    inside = await signed_in(app, "inside", *EVERYTHING)
    upload = uuid4()
    async with hall.runtime.pool.connection() as connection:
        await inbound.put(
            connection, hall.runtime.keyring, "main", [Inbound("84961234567", "CA LANGSON", "TC")], ["tc*"]
        )
        await uploads.add(connection, upload, inside.login, "people", None, "people.csv")
    return {
        "edition": EDITION,
        "key": LAUNCH,
        "wave": LAUNCH,
        "name": "people",
        "upload": str(upload),
        "kind": "rejected",
        "message": (await hall.scalar("SELECT id FROM messages LIMIT 1")).hex,
        "text": str(await hall.scalar("SELECT id FROM inbound LIMIT 1")),
        "login": inside.login,
        "job": app.state.exports.verify(inside.login, 1, own_key(hall), None).id.hex,
        "complaint": str(await hall.scalar(COMPLAINT)),
        "token": str(await hall.scalar(TOKEN)),
        "webhook": str(await hall.scalar(WEBHOOK)),
        "request": str(await hall.scalar(STATEMENT)),
        "broadcast": str(await hall.scalar(BROADCAST)),
        "report": str(await hall.scalar(REPORT)),
        "paper": "letter",
        "order": str(await hall.scalar(ORDER, uuid4())),
    }


def filled(path: str, ids: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: ids[found[1]], path)


async def ask(person: Person, method: str, path: str, edition: str) -> tuple[int, str]:
    fields = {
        "reason": "x",
        "to": "x",
        "roles": "auditor",
        "edition": edition,
        "code": "000000",
        "theme": "x",
        "document": "x",
    }
    answer = await (person.get(path) if method == "GET" else person.post(path, **fields))
    return answer.status_code, answer.text


async def test_every_address_with_an_id_of_another_organisation_is_not_found(
    app: Starlette, hall: Hall, ids: dict[str, str]
) -> None:
    neighbour = await signed_in(app, "neighbour", *EVERYTHING, organisation="next-door")
    before = await hall.scalar("SELECT count(*) FROM audit_trail WHERE organisation_id = 1")
    asked = [page for page in PAGES if "{" in page.path and page.path not in FREE and page.action is not Action.OUTSIDE]
    assert len(asked) > 25
    for page in asked:
        status, body = await ask(neighbour, page.method, filled(page.path, ids), EDITION)
        assert status == 404, (page.method, page.path, status)
        assert "Tháng hành động" not in body, page.path
    assert await hall.scalar("SELECT count(*) FROM audit_trail WHERE organisation_id = 1") == before
    assert (await hall.view()).status == "running"


async def test_lists_show_nothing_of_another_organisation(app: Starlette, ids: dict[str, str]) -> None:
    neighbour = await signed_in(app, "neighbour", *EVERYTHING, organisation="next-door")
    for page in PAGES:
        if page.method == "GET" and "{" not in page.path and page.action not in (Action.OUTSIDE, Action.HALFWAY):
            answer = await neighbour.get(page.path)
            for secret in (EDITION, "people.csv", "inside", ids["message"]):
                assert secret not in answer.text, (page.path, secret)
    found = await neighbour.post("/log", number="0960000001")
    assert "Không có tin nào khớp" in said(found)


async def test_two_organisations_may_have_a_campaign_of_the_same_name(
    app: Starlette, hall: Hall, ids: dict[str, str]
) -> None:
    neighbour = await signed_in(app, "neighbour", *EVERYTHING, organisation="next-door")
    made = await neighbour.post("/new", **{"from": "library:drug_prevention_june", "year": "2026", "owner": "Nhà bên"})
    assert made.headers["location"] == f"/campaigns/{EDITION}"
    assert "Nhà bên" in (await neighbour.get(f"/campaigns/{EDITION}")).text
    assert await hall.scalar("SELECT count(*) FROM campaigns") == 2
    assert (await hall.view()).status == "running"


async def test_a_refusal_by_text_counts_for_every_organisation_here_and_to_come(
    hall: Hall, ids: dict[str, str]
) -> None:
    async with hall.runtime.pool.connection() as connection:
        await accounts.add_organisation(connection, "later", "Later", "a test")
        assert await users.organisations(connection) == ["default", "later"]
    rows = await hall.sql(
        "SELECT o.slug FROM suppressions s JOIN organisations o ON o.id = s.organisation_id ORDER BY 1"
    )
    assert [row.slug for row in rows] == ["default", "later"]


async def test_a_draft_replaced_by_the_same_name_stays_in_its_organisation(hall: Hall) -> None:
    await hall.add(june())
    async with hall.runtime.pool.connection() as connection:
        await accounts.add_organisation(connection, "other", "Other", "a test")
        await users.act_for(connection, await users.organisation(connection, "other") or 0)
        assert await control.add(connection, june(), "Somebody") is False
    assert [r.n for r in await hall.sql("SELECT count(DISTINCT uid) AS n FROM waves")] == [2]
