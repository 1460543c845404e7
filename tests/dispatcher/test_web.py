"""Callbacks over HTTP: only to the right address, stored before they are answered, and honest when they cannot be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest
from starlette.applications import Starlette

from dispatcher import receipts
from dispatcher.runtime import Addresses
from dispatcher.settings import Settings
from dispatcher.web.app import new_app
from dispatcher.web.callbacks import MAX_BODY
from tests.dispatcher.hall import Hall


@pytest.fixture
async def app(settings: Settings, addresses: Addresses) -> AsyncIterator[Starlette]:
    app = new_app(settings, addresses)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def web(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://dispatcher") as web:
        yield web


def report(message: str) -> dict[str, str]:
    return {
        "SMSID": "ref-1",
        "RequestId": message,
        "SendStatus": "5",
        "SendSuccess": "1",
        "SendFailed": "0",
        "telcoid": "1",
    }


@pytest.fixture
def address(hall: Hall) -> str:
    return f"/callbacks/main/{hall.runtime.keyring.callback_token('main')}"


async def test_a_receipt_is_stored_before_it_is_answered_and_then_applied(
    hall: Hall, web: httpx.AsyncClient, address: str
) -> None:
    await hall.planned(1)
    await hall.send()
    message = (await hall.scalar("SELECT id FROM messages")).hex
    answer = await web.get(address, params=report(message))
    assert (answer.status_code, answer.text) == (200, "ok")
    assert await hall.scalar("SELECT count(*) FROM receipt_inbox") == 1
    await receipts.settle(hall.runtime)
    assert await hall.counts() == {"delivered": 1}


async def test_a_wrong_address_is_not_found_and_stores_nothing(
    hall: Hall, web: httpx.AsyncClient, address: str
) -> None:
    other = hall.runtime.keyring.callback_token("other")
    token = address.rpartition("/")[2]
    wrong = [
        "/callbacks/main/wrong", f"/callbacks/main/{other}", f"/callbacks/other/{other}", f"/callbacks/other/{token}",
        f"/callbacks/main/{token[:-1]}", f"/callbacks/main/{token}x", "/callbacks/main/%C3%A9", "/callbacks/main", "/nothing",
    ]  # fmt: skip
    for path in wrong:
        assert (await web.get(path, params=report(uuid4().hex))).status_code == 404, path
    assert await hall.scalar("SELECT count(*) FROM receipt_inbox") == 0


async def test_what_cannot_be_read_is_400_and_never_stored(hall: Hall, web: httpx.AsyncClient, address: str) -> None:
    for query in ({}, {"SendStatus": "5"}, {"SMSID": "a b", "SendStatus": "5"}, {"SMSID": "r", "SendStatus": "five"}):
        assert (await web.get(address, params=query)).status_code == 400, query
    assert (await web.post(address, json=report(uuid4().hex))).status_code == 400
    assert (await web.put(address)).status_code == 405
    assert await hall.scalar("SELECT count(*) FROM receipt_inbox") == 0


async def test_a_body_is_read_up_to_its_limit(web: httpx.AsyncClient, address: str) -> None:
    assert (await web.post(address, content=b"x" * (MAX_BODY + 1))).status_code == 413
    assert (await web.request("GET", address, params=report(uuid4().hex), content=b"x" * MAX_BODY)).status_code == 200


async def test_a_carrier_is_told_to_come_again_when_the_receipt_cannot_be_stored(
    hall: Hall, web: httpx.AsyncClient, address: str
) -> None:
    await hall.sql("ALTER TABLE receipt_inbox RENAME TO gone")
    answer = await web.get(address, params=report(uuid4().hex))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    await hall.sql("ALTER TABLE gone RENAME TO receipt_inbox")
    assert (await web.get(address, params=report(uuid4().hex))).status_code == 200
    assert await hall.scalar("SELECT count(*) FROM receipt_inbox") == 1


async def test_health_says_whether_the_database_answers(app: Starlette, web: httpx.AsyncClient) -> None:
    answer = await web.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    await app.state.runtime.pool.close()
    answer = await web.get("/health")
    assert (answer.status_code, answer.json()) == (503, {"ok": False})


async def test_a_hostile_receipt_is_kept_as_text(hall: Hall, web: httpx.AsyncClient, address: str) -> None:
    query = report(uuid4().hex) | {"note": "'; DROP TABLE messages; --", "phonenumber": "0912345678", "x": "\x01<b>"}
    assert (await web.get(address, params=query)).status_code == 200
    raw = await hall.scalar("SELECT raw FROM receipt_inbox")
    assert "DROP TABLE" in raw
    assert "0912345678" not in raw


async def test_a_nul_in_a_callback_is_400_not_503_for_ever(hall: Hall, web: httpx.AsyncClient, address: str) -> None:
    """PostgreSQL keeps no NUL: the carrier would be asked to come again until it gives up."""
    answer = await web.get(address, params=report(uuid4().hex) | {"note": "a\x00b"})
    assert answer.status_code in (200, 400)
