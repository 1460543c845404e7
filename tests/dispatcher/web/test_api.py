"""Programs: let in and refused as the table says, heard once, told what is wrong, and shown nobody else's."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from starlette.applications import Starlette

from campaigns import definition
from campaigns.adapting import adapted
from campaigns.orders import SMALL, Cell, People, Result
from dispatcher import broadcasts, complaints, credentials, inbound, orders, tokens
from dispatcher.accounts import Role
from dispatcher.complaints import CameBy, Given
from dispatcher.delivery_log import Format
from dispatcher.exports import Wanted
from dispatcher.review import office
from dispatcher.sealed import seal, unseal
from dispatcher.searching import Query
from dispatcher.signing import SigningKey
from dispatcher.store import tokens as stored
from dispatcher.store import uploads, users, webhooks
from dispatcher.web import rights
from dispatcher.web.api import meter
from dispatcher.web.api.gate import PROVEN, Entry
from dispatcher.web.api.meter import Meter
from dispatcher.web.api.service import ENTRIES, PREFIX, description
from dispatcher.web.rights import Action
from providers.base import Inbound
from tests.dispatcher.foreign import own_key, signed_order
from tests.dispatcher.hall import EDITION, LAUNCH, SENDER, Hall, june, numbers
from tests.dispatcher.test_broadcasts import written
from tests.dispatcher.test_orders import HERE, TAKER, given
from tests.dispatcher.web.people import HOST
from tests.dispatcher.web.programs import Program, Tireless, program

REPORT = (
    "INSERT INTO reports (organisation_id, slug, year, starts, ends, figures, document_sha256, made_by)"
    " VALUES (1, 'sau-thang', 2026, '2026-01-01', '2026-06-30', '{\"refusals\": 3}', 'ab', 'an') RETURNING id"
)
STATEMENT = (
    "INSERT INTO statement_requests (organisation_id, msisdn_hash, starts, ends, authority, document, document_date, basis,"
    " asked_by)"
    " VALUES (1, decode(repeat('ab', 16), 'hex'), '2026-06-01', '2026-06-02', 'x', 'x', '2026-06-02', 'x', 'an') RETURNING id"
)
NEW_ORDER = {"edition": EDITION, "wave": LAUNCH, "network": "viettel", "partner": TAKER, "sender": SENDER}
TOML = definition.contents(definition.library_path("drug_prevention_june"))


@pytest.fixture(autouse=True)
async def no_waiting(app: Starlette) -> AsyncIterator[None]:
    """Tests ask more often than programs may; the meter has tests of its own."""

    kept, app.state.meter = app.state.meter, Tireless()
    yield
    app.state.meter = kept


@pytest.fixture
async def ids(hall: Hall, app: Starlette, elsewhere: SigningKey) -> dict[str, str]:
    """Something of the first organisation for every kind of id that an address may carry."""
    await hall.planned(3)
    await hall.send()
    upload = uuid4()
    async with hall.runtime.pool.connection() as connection:
        await webhooks.add(connection, 1, "https://hooks.example", (b"secret", "key"), ["wave"], "an")
        await inbound.put(
            connection, hall.runtime.keyring, "main", [Inbound("84961234567", "CA LANGSON", "TC")], ["tc*"]
        )
        await uploads.add(connection, upload, "an", "people", None, "people.csv")
        await orders.trust(connection, "giver", elsewhere.public.written, "an")
        file = signed_order(june(LAUNCH, audience=None), elsewhere, own_key(hall), SENDER)
        taken = await orders.take(connection, own_key(hall), file.encode(), "an")
        given = Given("84961234567", CameBy.LETTER, "Đơn số 5", "Đừng nhắn nữa", "an")
        complaint = await complaints.take(connection, hall.runtime.keyring, given)
        await broadcasts.add(connection, written(), "an")
        export = await app.state.exports.log(connection, Wanted(Query(campaign=EDITION), Format.CSV), "an", 1)
    return {
        "edition": EDITION,
        "order": str(taken.order.id),
        "upload": str(upload),
        "broadcast": written().slug,
        "statement": str(await hall.scalar(STATEMENT)),
        "complaint": str(complaint),
        "export": str(export().id),
        "message": str(await hall.scalar("SELECT id FROM messages LIMIT 1")),
        "text": str(await hall.scalar("SELECT id FROM inbound LIMIT 1")),
        "webhook": "1",
        "report": str(await hall.scalar(REPORT)),
    }


def filled(path: str, ids: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: ids[found[1]], path)


BODY = {
    "reason": "x", "to": "x", "decision": "close", "seen": "0" * 12, "definition": "x", "text": "x", "mapping": {},
    "edition": "x", "wave": "x", "network": "viettel", "partner": "x", "sender": "x",
    "came_by": "letter", "document": "x", "said": "x", "number": "0961234567", "answer": "x", "source": "x", "form": "csv",
    "numbers": ["0961234567"], "url": "https://elsewhere/", "kinds": ["wave"],
}  # fmt: skip


async def ask(who: Program, entry: Entry, path: str) -> httpx.Response:
    if entry.method == "GET":
        return await who.get(path, year=2027)
    if entry.file:
        return await who.post(f"{path}?audience=people&file_name=people.csv", BODY)
    return await who.post(path, BODY)


async def test_every_role_is_let_in_and_refused_as_the_table_says(app: Starlette, ids: dict[str, str]) -> None:
    for role in Role:
        who = await program(app, f"the-{role}", role)
        for entry in ENTRIES:
            answer = await ask(who, entry, filled(entry.path, ids))
            allowed = entry.action is Action.INSIDE or rights.may([role], entry.action)
            refused = answer.status_code == 403 and "needs the right" in answer.text
            assert refused != allowed, (role, entry.method, entry.path, answer.text)
            assert answer.status_code < 500, (entry.path, answer.text)


async def test_a_token_opens_no_more_than_it_was_given(app: Starlette, ids: dict[str, str]) -> None:
    who = await program(app, "everybody", *Role, actions=(Action.SEE_CAMPAIGN,))
    for entry in ENTRIES:
        answer = await ask(who, entry, filled(entry.path, ids))
        assert (answer.status_code == 403) != (entry.action in (Action.INSIDE, Action.SEE_CAMPAIGN)), entry.path


async def test_what_its_person_may_do_no_longer_its_token_may_not_either(app: Starlette) -> None:
    who = await program(app, "an", Role.AUDITOR)
    assert (await who.get("/trail")).status_code == 200
    async with app.state.pages.connection() as connection:
        person = await users.find(connection, "an")
        assert person
        await users.set_roles(connection, person.id, [Role.AUTHOR])
    assert (await who.get("/trail")).status_code == 403


async def test_every_address_with_an_id_of_another_organisation_is_not_found(
    app: Starlette, hall: Hall, ids: dict[str, str]
) -> None:
    neighbour = await program(app, "neighbour", *Role, organisation="next-door")
    before = await hall.scalar("SELECT count(*) FROM audit_trail WHERE organisation_id = 1")
    asked = [entry for entry in ENTRIES if "{" in entry.path and entry.action not in PROVEN]
    assert len(asked) > 10
    for entry in asked:
        answer = await ask(neighbour, entry, filled(entry.path, ids))
        assert answer.status_code == 404, (entry.method, entry.path, answer.text)
    assert await hall.scalar("SELECT count(*) FROM audit_trail WHERE organisation_id = 1") == before
    for path in (
        "/campaigns",
        "/audiences",
        "/inbox",
        "/orders",
        "/exports",
        "/complaints",
        "/statements",
        "/broadcasts",
    ):
        assert (await neighbour.get(path)).json()["items"] == []


async def test_without_an_open_token_nothing_is_said(app: Starlette) -> None:
    who = await program(app, "an", *Role)
    async with app.state.pages.connection() as connection:
        await tokens.end(connection, who.token_id, "administrator")
    strangers = [{}, {"authorization": "Bearer dsp_nobody"}, {"authorization": "Basic YTpi"}]
    for headers in (*strangers, dict(who.web.headers)):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HOST, headers=headers) as web:
            for entry in ENTRIES:
                answer = await web.request(entry.method, PREFIX + filled(entry.path, dict.fromkeys(
                    ("edition", "order", "upload", "message", "text",
                     "webhook", "report", "export", "complaint", "statement", "broadcast"), "1"
                )))  # fmt: skip
                assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), entry.path


async def test_whoever_is_shut_out_is_shut_out_with_their_programs(app: Starlette) -> None:
    who = await program(app, "an", Role.AUDITOR)
    async with app.state.pages.connection() as connection:
        person = await users.find(connection, "an")
        assert person
        await users.shut_out(connection, person.id)
        assert [one.ended_at is not None for one in await stored.listing(connection, everywhere=True)] == [True]
    assert (await who.get("/me")).status_code == 401


async def test_a_repeated_request_is_not_a_second_act(app: Starlette, hall: Hall) -> None:
    await hall.planned(3)
    who = await program(app, "lan", Role.COORDINATOR)
    first = await who.post(f"/campaigns/{EDITION}/pause", key="once")
    again = await who.post(f"/campaigns/{EDITION}/pause", key="once")
    assert (first.status_code, first.json()["saved"]) == (200, 3)
    assert (again.status_code, again.json()) == (200, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert (await who.post(f"/campaigns/{EDITION}/pause", key="another")).status_code == 409
    assert await hall.scalar("SELECT count(*) FROM audit_trail WHERE act = 'campaign.pause'") == 1


async def test_a_key_is_one_requests_own(app: Starlette, hall: Hall) -> None:
    await hall.planned(3)
    who = await program(app, "lan", Role.COORDINATOR)
    await who.post(f"/campaigns/{EDITION}/pause", key="once")
    answer = await who.post(f"/campaigns/{EDITION}/resume", key="once")
    assert (answer.status_code, "another request" in answer.text) == (422, True)
    assert (await hall.view()).status == "paused"
    for bad in ("", "x" * 201):
        answer = await who.web.post(f"{PREFIX}/campaigns/{EDITION}/resume", headers={"idempotency-key": bad})
        assert answer.status_code == 400


async def test_what_was_refused_may_be_asked_again_under_its_key(app: Starlette, hall: Hall) -> None:
    who = await program(app, "lan", Role.COORDINATOR)
    assert (await who.post(f"/campaigns/{EDITION}/pause", key="once")).status_code == 404
    await hall.planned(3)
    assert (await who.post(f"/campaigns/{EDITION}/pause", key="once")).status_code == 200


async def code(app: Starlette, login: str) -> str:
    """A code of the second factor, of a phone that the person has from now on."""
    keyring = app.state.runtime.keyring
    secret = credentials.new_totp_secret()
    async with app.state.pages.connection() as connection:
        person = await users.find(connection, login)
        assert person
        cipher = keyring.encrypt(secret, f"totp/{person.id}".encode())
        await users.set_totp(connection, person.id, cipher, keyring.current, 0)
    return credentials.totp(secret, int(time.time()) // credentials.STEP_SECONDS)


async def test_a_campaign_from_definition_to_approval_needs_two_people_and_a_code(app: Starlette, hall: Hall) -> None:
    await hall.import_rows([(number,) for number in numbers(5)], "nguoi-dan")
    author, approver = await program(app, "an", Role.AUTHOR), await program(app, "binh", Role.APPROVER)
    text = adapted(TOML, {"year": 2027, "audience": "nguoi-dan"})
    judged = (await author.post("/definitions/check", {"definition": text})).json()
    assert judged["problems"] == [], judged
    added = await author.post("/campaigns", {"definition": text})
    assert added.status_code == 201, added.text
    edition = added.json()["edition"]
    assert [one["edition"] for one in (await author.get("/campaigns")).json()["items"]] == [edition]
    assert (await author.get(f"/campaigns/{edition}")).json()["status"] == "draft"
    answer = await approver.post(f"/campaigns/{edition}/approve", {"seen": "0" * 12}, dispatcher_code="000000")
    assert (answer.status_code, "dispatcher-code" in answer.text) == (403, True)
    seen = (await approver.get(f"/campaigns/{edition}/review")).json()
    accepted = {"seen": seen["hash"], "accept": "đã xem" if seen["findings"] else ""}
    path = f"/campaigns/{edition}/approve"
    assert (
        await approver.post(path, {**accepted, "seen": "0" * 12}, dispatcher_code=await code(app, "binh"))
    ).status_code == 409
    given = await approver.post(path, accepted, dispatcher_code=await code(app, "binh"))
    assert (given.status_code, given.json().get("hash")) == (200, seen["hash"]), given.text
    own = await program(app, "an", Role.AUTHOR, Role.APPROVER)
    assert (await own.post(path, accepted, dispatcher_code="000000")).status_code == 403
    assert (await approver.post(f"/campaigns/{edition}/start", {})).json()["status"] == "running"
    broken = await author.post("/campaigns", {"definition": "title = 1"})
    assert (broken.status_code, broken.headers["content-type"]) == (422, "application/problem+json")
    assert broken.json()["errors"]


async def test_a_roster_is_sent_looked_at_and_imported(app: Starlette, hall: Hall) -> None:
    who = await program(app, "an", Role.AUTHOR)
    roster = "Họ tên,SĐT\nAn,0961000001\nBình,0961000002\n".encode()
    sent = await who.web.post(
        f"{PREFIX}/uploads", params={"audience": "thôn", "file_name": "a.csv"}, content=roster,
        headers={"idempotency-key": "one"},
    )  # fmt: skip
    assert sent.status_code == 201, sent.text
    assert sent.json()["seen"]["mapping"]["msisdn"] == "SĐT"
    id_ = sent.json()["upload"]["id"]
    assert (await who.post(f"/uploads/{id_}/import", {})).status_code == 202
    await app.state.rosters.idle()
    told = (await who.get(f"/uploads/{id_}")).json()
    assert (told["state"], told["outcome"]["recipients"]) == ("imported", 2)
    assert [one["name"] for one in (await who.get("/audiences")).json()["items"]] == ["thôn"]
    too_large = {"idempotency-key": "two", "content-length": str(1 << 40)}
    assert (await who.web.post(f"{PREFIX}/texts/check", content=b" " * (2 << 20), headers=too_large)).status_code == 413


async def test_an_order_is_given_fetched_and_answered_by_programs(
    hall: Hall, app: Starlette, elsewhere: SigningKey
) -> None:
    await given(hall, own_key(hall), elsewhere)
    who = await program(app, "an", Role.COORDINATOR)
    made = await who.post("/orders", NEW_ORDER)
    assert (made.status_code, made.json()["given"], made.json()["result"]) == (201, True, None), made.text
    path = f"/orders/{made.json()['id']}"
    newest, first = [one["id"] for one in (await who.get("/orders")).json()["items"]]
    assert newest == made.json()["id"]
    file = (await who.get(f"{path}/manifest")).json()
    opened = unseal(json.dumps(file).encode(), {own_key(hall).id: own_key(hall).public}.get)
    result = Result(
        order=made.json()["id"], digest=opened.digest, made_at=datetime(2026, 6, 1, 3, tzinfo=UTC), complete=True,
        people=People(lines=9, accepted=9, duplicate=0, rejected=0), planned=9, segments=9, small=SMALL,
        cells=(Cell(area=HERE, network="viettel", status="delivered", messages=9),),
    )  # fmt: skip
    back = json.loads(seal(result.model_dump(mode="json"), elsewhere))
    answered = await who.post(f"{path}/answer", back)
    assert (answered.status_code, answered.json().get("result")) == (
        200,
        {
            "made_at": "2026-06-01T03:00:00Z",
            "complete": True,
            "planned": 9,
            "segments": 9,
            "statuses": {"delivered": 9},
        },
    ), answered.text
    assert (await who.post(f"/orders/{first}/answer", back)).status_code == 409
    assert (await who.get(f"/orders/{first}")).json()["result"] is None
    changed = {**back, "content": {**back["content"], "planned": 8}}
    assert (await who.post(f"{path}/answer", changed)).status_code == 409


async def test_an_order_that_came_in_is_taken_once_and_stopped_when_it_runs(
    hall: Hall, app: Starlette, elsewhere: SigningKey
) -> None:
    await hall.rehearse()
    async with hall.runtime.pool.connection() as connection:
        await orders.trust(connection, "giver", elsewhere.public.written, "an")
    who = await program(app, "taker", Role.PARTNER)
    file = json.loads(signed_order(june(LAUNCH, audience=None), elsewhere, own_key(hall), SENDER))
    for _ in range(2):
        taken = await who.post("/orders/file", file)
        assert (taken.status_code, taken.json().get("partner")) == (201, "giver"), taken.text
    assert await hall.scalar("SELECT count(*) FROM orders") == 1
    path = f"/orders/{taken.json()['id']}"
    assert (await who.get(f"{path}/manifest")).status_code == 404
    assert {(await who.post(f"{path}/{act}")).status_code for act in ("pause", "resume", "result")} == {409}
    roster = hall.roster([(number, HERE, "") for number in numbers(30)])
    office_here = office(hall.runtime.settings)
    async with hall.runtime.pool.connection() as connection:
        keyring = hall.runtime.keyring
        await orders.run(connection, keyring, UUID(taken.json()["id"]), roster, "runner", office_here, lambda *_: None)
    assert (await who.post(f"{path}/pause")).json() == {"out": 0, "in_flight": 0, "saved": 0}  # nothing was planned yet
    assert await hall.scalar("SELECT status FROM campaigns") == "paused"
    assert (await who.post(f"{path}/resume")).json()["ran_as"]
    content = (await who.post(f"{path}/result")).json()["content"]
    assert (content["people"]["accepted"], content["complete"]) == (30, False)


async def test_the_log_is_searched_page_by_page_and_told_message_by_message(app: Starlette, hall: Hall) -> None:
    await hall.planned(5)
    await hall.send()
    who = await program(app, "an", Role.AUDITOR)
    seen: list[str] = []
    asked: dict[str, Any] = {"campaign": EDITION, "limit": 2}
    while True:
        found = (await who.post("/messages/search", asked)).json()
        seen += [one["message_id"] for one in found["items"]]
        if found["next"] is None:
            break
        asked["cursor"] = found["next"]
    assert len(seen) == len(set(seen)) == 5
    assert (await who.post("/messages/count", {"campaign": EDITION})).json()["n"] == 5
    story = (await who.get(f"/messages/{seen[0]}")).json()
    assert story["message"]["message_id"] == seen[0]
    assert "***" in story["message"]["msisdn"]
    assert [one["kind"] for one in story["happened"]][:1] == ["attempt"]
    one = await who.post("/messages/search", {"number": "nobody"})
    assert one.status_code == 409
    for never in ("0001-01-01T00:00:01+00:01", "9999-12-31T23:59:59Z"):
        assert (await who.post("/messages/count", {"since": never, "until": never})).status_code == 422
    await who.post("/messages/search", {"number": "0960000001", "statuses": ["delivered"]})
    last = await hall.scalar("SELECT detail FROM audit_trail WHERE act = 'log.search' ORDER BY id DESC LIMIT 1")
    assert last["filters"] == {"statuses": ["delivered"], "number": "0960***001"}


async def test_whoever_checks_takes_the_checkpoint_and_the_figures_away(app: Starlette, ids: dict[str, str]) -> None:
    who = await program(app, "vu.dung", Role.AUDITOR)
    sealed = (await who.get("/seals")).json()
    assert sealed["waiting"] > 0
    assert sealed["key"]
    (made,) = (await who.get("/reports")).json()
    told = (await who.get(f"/reports/{ids['report']}")).json()
    assert (made["slug"], told["figures"], told["made_at"]) == ("sau-thang", {"refusals": 3}, made["made_at"])


async def test_lists_come_in_pages_that_join(app: Starlette) -> None:
    who = await program(app, "an", *Role)
    for _ in range(5):
        await who.post("/suppressions", {"numbers": [f"096100000{_}"], "reason": "asked"})
    whole = (await who.get("/trail", act="suppression")).json()["items"]
    seen, cursor = [], None
    while True:
        found = (await who.get("/trail", act="suppression", limit=2, **({"cursor": cursor} if cursor else {}))).json()
        seen += found["items"]
        if (cursor := found["next"]) is None:
            break
    assert (len(seen), seen) == (5, whole)


async def test_a_mistake_is_told_without_what_was_sent(app: Starlette) -> None:
    who = await program(app, "an", *Role)
    answer = await who.post("/suppressions", {"numbers": ["0961234567" * 10], "reason": 1})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert {one["where"] for one in answer.json()["errors"]} == {"body.numbers.0", "body.reason"}
    assert "0961234567" not in answer.text
    assert (await who.post("/suppressions", {"numbers": ["0961\u0000"], "reason": "\u0000"})).status_code in (409, 422)


class Still(Meter):
    """A meter for which no time passes."""

    def wait_seconds(self, token_id: int, now: float | None = None) -> float:
        return super().wait_seconds(token_id, 100.0)


async def test_nobody_asks_more_often_than_the_meter_lets(app: Starlette) -> None:
    slow = Meter()
    free = sum(slow.wait_seconds(1, now=100.0) == 0 for _ in range(meter.BURST + 10))
    assert free == meter.BURST
    assert slow.wait_seconds(1, now=100.0) == pytest.approx(1 / meter.PER_SECOND)
    assert slow.wait_seconds(2, now=100.0) == 0
    assert slow.wait_seconds(1, now=100.0 + 1 / meter.PER_SECOND) == 0
    who = await program(app, "an", *Role)
    app.state.meter = Still()
    statuses = [(await who.get("/me")).status_code for _ in range(meter.BURST + 2)]
    assert statuses == [200] * meter.BURST + [429] * 2


async def test_the_description_names_every_entry_with_its_right(app: Starlette) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HOST) as web:
        made = (await web.get(f"{PREFIX}/openapi.json")).json()
    assert made == json.loads(json.dumps(description()))
    assert made["openapi"].startswith("3.1")
    described = {(m.upper(), path): entry for path, item in made["paths"].items() for m, entry in item.items()}
    assert set(described) == {(entry.method, entry.path) for entry in ENTRIES}
    for entry in ENTRIES:
        right = described[entry.method, entry.path].get("x-right")
        assert right == (None if entry.action is Action.INSIDE else entry.action)


def test_every_entry_stands_in_api_md() -> None:
    document = (Path(__file__).parents[3] / "docs" / "api.md").read_text("utf-8")
    written = set(re.findall(r"^\| (GET|POST|DELETE) \| `([^`]+)` \| (\w*) \|", document, re.MULTILINE))
    rights_of = {(e.method, e.path, "" if e.action is Action.INSIDE else e.action.value) for e in ENTRIES}
    assert written == rights_of
