"""Callbacks of a route that says from where they come, how old they may be and how they are signed."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from starlette.applications import Starlette

from dispatcher import receipts
from dispatcher.runtime import Addresses
from dispatcher.settings import Settings
from dispatcher.web.app import new_app
from tests.dispatcher.hall import Hall

ROUTE = """
[[route]]
name = "signed"
provider = "http_generic"
networks = ["viettel"]
sender = "CA LANGSON"
tps = 1
callback_from = ["203.0.113.0/24", "2001:db8::/32"]
callback_max_age_seconds = 3600
[route.options]
send = { url = "https://carrier.example.vn/" }
answer = { code = "code", accepted = ["0"] }
[route.options.receipt]
format = "json"
message_id = "id"
status = "state"
delivered = ["2"]
time = "at"
signature = { header = "X-Signature", key = "the-key" }
"""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With a second route."""
    Path(settings.routes).write_text(settings.routes.read_text() + ROUTE)
    return settings


@pytest.fixture
async def app(settings: Settings, addresses: Addresses) -> AsyncIterator[Starlette]:
    app = new_app(settings, addresses)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
def address(hall: Hall) -> str:
    return f"/callbacks/signed/{hall.runtime.keyring.callback_token('signed')}"


def body(at: object, message: str | None = None) -> bytes:
    return json.dumps({"id": message or uuid4().hex, "state": "2", "at": at}).encode()


def signature(told: bytes, key: str = "the-key") -> str:
    return "sha256=" + hmac.new(key.encode(), told, hashlib.sha256).hexdigest()


async def pushed(app: Starlette, address: str, told: bytes, signed: str, client: str = "203.0.113.9") -> int:
    transport = httpx.ASGITransport(app, client=(client, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://dispatcher") as web:
        return (await web.post(address, content=told, headers={"X-Signature": signed.encode("latin-1")})).status_code


def ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).isoformat()


@pytest.mark.parametrize("client", ["203.0.113.9", "2001:db8::7"])
async def test_what_comes_from_the_right_place_signed_and_in_time_moves_its_message(
    hall: Hall, app: Starlette, address: str, client: str
) -> None:
    await hall.planned(1)
    await hall.send()
    told = body(ago(minutes=2), (await hall.scalar("SELECT id FROM messages")).hex)
    assert await pushed(app, address, told, signature(told), client) == 200
    await receipts.settle(hall.runtime)
    assert await hall.counts() == {"delivered": 1}


async def test_a_stranger_hears_what_somebody_with_a_wrong_address_hears(
    hall: Hall, app: Starlette, address: str
) -> None:
    told = body(ago(minutes=2))
    for client in ("203.0.114.1", "10.0.0.1", "2001:db9::1"):
        assert await pushed(app, address, told, signature(told), client) == 404
    assert await hall.scalar("SELECT count(*) FROM receipt_inbox") == 0


@pytest.mark.parametrize("at", [timedelta(hours=2), "", None, 5, "yesterday", "1" * 13, timedelta(minutes=-10), True])
async def test_what_is_old_or_tells_no_time_is_refused(hall: Hall, app: Starlette, address: str, at: object) -> None:
    told = body(ago(seconds=at.total_seconds()) if isinstance(at, timedelta) else at)
    assert await pushed(app, address, told, signature(told)) == 400
    assert await hall.scalar("SELECT count(*) FROM receipt_inbox") == 0


async def test_what_is_not_signed_with_the_key_is_refused(hall: Hall, app: Starlette, address: str) -> None:
    told = body(ago(minutes=2))
    other = body(ago(minutes=2))
    for signed in ("", "sha256=", "\xe9", signature(other), signature(told, "another"), signature(told)[:-1]):
        assert await pushed(app, address, told, signed) == 400
    assert await pushed(app, address, told[:-1], signature(told)) == 400
    assert await hall.scalar("SELECT count(*) FROM receipt_inbox") == 0


async def test_a_receipt_that_comes_again_and_again_moves_its_message_once(
    hall: Hall, app: Starlette, address: str
) -> None:
    await hall.planned(1)
    await hall.send()
    told = body(ago(minutes=2), (await hall.scalar("SELECT id FROM messages")).hex)
    for _ in range(5):
        assert await pushed(app, address, told, signature(told)) == 200
        await receipts.settle(hall.runtime)
    assert await hall.counts() == {"delivered": 1}
    assert await hall.scalar("SELECT count(*) FROM receipts WHERE moved_to IS NOT NULL") == 1
    assert await hall.scalar("SELECT count(*) FROM receipts") == 5
