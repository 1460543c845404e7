"""Programs elsewhere are told what happened: signed, once if they listen, again if they do not, and only where allowed."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import web

from dispatcher import keyring, webhooks
from dispatcher.keyring import open_keyring
from dispatcher.lifecycle import Act
from dispatcher.settings import Settings
from dispatcher.store import users
from dispatcher.store import webhooks as stored
from dispatcher.webhooks import WAITS, WebhookError
from tests.dispatcher.hall import EDITION, Hall


@dataclass
class Listener:
    """A program elsewhere, over a real socket; it answers with `status`."""

    url: str = ""
    status: int = 200
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def hear(self, request: web.Request) -> web.Response:
        self.heard.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        return web.Response(status=self.status, headers={"location": "/elsewhere"} if self.status == 302 else None)


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    listener = Listener()
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", listener.hear)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    listener.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield listener
    await runner.cleanup()


@pytest.fixture
def allowed(settings: Settings) -> Settings:
    return settings.model_copy(update={"webhook_hosts": "hooks.example.gov.vn, 127.0.0.1"})


async def add(hall: Hall, allowed: Settings, url: str, *kinds: str) -> tuple[int, str]:
    async with hall.runtime.pool.connection() as connection:
        return await webhooks.add(connection, hall.runtime.keyring, allowed, url, list(kinds), "an")


@asynccontextmanager
async def caller() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=webhooks.TIMEOUT) as session:
        yield session


async def tell(hall: Hall, allowed: Settings) -> int:
    async with caller() as session:
        return await webhooks.tell_due(hall.runtime.pool, hall.runtime.keyring, allowed, session)


async def test_what_happens_is_told_signed_and_once(hall: Hall, allowed: Settings, listener: Listener) -> None:
    await hall.planned(3)
    _, secret = await add(hall, allowed, listener.url, "campaign")
    await hall.stop(Act.PAUSE)
    assert await tell(hall, allowed) == 1
    assert await tell(hall, allowed) == 0
    ((headers, body),) = listener.heard
    told = json.loads(body)
    assert (told["type"], told["data"]["campaign"], told["data"]["was"]) == ("campaign.paused", EDITION, "running")
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


async def test_who_does_not_listen_is_told_again_under_the_same_id(
    hall: Hall, allowed: Settings, listener: Listener
) -> None:
    await hall.planned(3)
    id_, _ = await add(hall, allowed, listener.url, "campaign", "wave")
    await hall.stop(Act.PAUSE)
    for listener.status in (500, 302, 404):
        await hall.sql("UPDATE webhook_deliveries SET next_at = clock_timestamp() WHERE next_at IS NOT NULL")
        assert await tell(hall, allowed) == 1
    async with hall.runtime.pool.connection() as connection:
        (seen,) = await stored.deliveries(connection, id_, 10)
    assert (seen.tries, seen.last_status, seen.last_error, seen.delivered_at) == (3, 404, "HTTP 404", None)
    assert seen.next_at is not None
    assert len({headers["webhook-id"] for headers, _ in listener.heard}) == 1
    listener.status = 204
    await hall.sql("UPDATE webhook_deliveries SET next_at = clock_timestamp()")
    assert await tell(hall, allowed) == 1
    assert await hall.scalar("SELECT delivered_at IS NOT NULL AND next_at IS NULL FROM webhook_deliveries")


async def test_nobody_is_told_for_ever(hall: Hall, allowed: Settings, listener: Listener) -> None:
    id_, _ = await add(hall, allowed, listener.url, "wave")
    listener.status = 503
    async with hall.runtime.pool.connection() as connection:
        assert await stored.ping(connection, id_)
    await hall.sql("UPDATE webhook_deliveries SET tries = %s", len(WAITS))
    assert await tell(hall, allowed) == 1
    assert await hall.scalar("SELECT next_at IS NULL AND delivered_at IS NULL FROM webhook_deliveries")


async def test_two_clocks_tell_an_event_once(hall: Hall, allowed: Settings, listener: Listener) -> None:
    id_, _ = await add(hall, allowed, listener.url, "wave")
    for _ in range(20):
        async with hall.runtime.pool.connection() as connection:
            await stored.ping(connection, id_)
    while sum(await asyncio.gather(tell(hall, allowed), tell(hall, allowed))):
        pass
    assert len(listener.heard) == len({headers["webhook-id"] for headers, _ in listener.heard}) == 20


async def test_what_was_undone_is_not_told(hall: Hall, allowed: Settings, listener: Listener) -> None:
    await hall.planned(3)
    await add(hall, allowed, listener.url, "campaign")
    async with hall.runtime.pool.connection() as connection, connection.transaction(force_rollback=True):
        await connection.execute("UPDATE campaigns SET status = 'cancelled'")
    assert await tell(hall, allowed) == 0


async def test_another_organisation_hears_nothing(hall: Hall, allowed: Settings, listener: Listener) -> None:
    await hall.planned(3)
    async with hall.runtime.pool.connection() as connection:
        await users.act_for(connection, await users.add_organisation(connection, "next-door", "Next door"))
        id_, _ = await webhooks.add(connection, hall.runtime.keyring, allowed, listener.url, ["campaign", "wave"], "b")
    await hall.stop(Act.PAUSE)
    assert await tell(hall, allowed) == 0
    async with hall.runtime.pool.connection() as connection:
        assert not await stored.ping(connection, id_)
        with pytest.raises(WebhookError):
            await webhooks.end(connection, id_, "an")


async def test_an_ended_webhook_is_told_nothing_more(hall: Hall, allowed: Settings, listener: Listener) -> None:
    await hall.planned(3)
    id_, _ = await add(hall, allowed, listener.url, "campaign")
    await hall.stop(Act.PAUSE)
    async with hall.runtime.pool.connection() as connection:
        await webhooks.end(connection, id_, "an")
    await hall.resume()
    assert await tell(hall, allowed) == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.gov.vn/x",
        "https://169.254.169.254/latest",
        "https://hooks.example.gov.vn.evil.example/",
        "https://user:secret@hooks.example.gov.vn/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "https://[",
        "https://hooks.example.gov.vn/\n",
        "nowhere",
    ],
)
async def test_only_allowed_hosts_are_told(hall: Hall, allowed: Settings, url: str) -> None:
    with pytest.raises(WebhookError):
        await add(hall, allowed, url, "wave")


async def test_a_host_that_is_no_longer_allowed_is_told_nothing(
    hall: Hall, allowed: Settings, settings: Settings, listener: Listener
) -> None:
    id_, _ = await add(hall, allowed, listener.url, "wave")
    async with hall.runtime.pool.connection() as connection:
        await stored.ping(connection, id_)
    assert await tell(hall, settings) == 1
    assert listener.heard == []
    assert "DISPATCHER_WEBHOOK_HOSTS" in str(await hall.scalar("SELECT last_error FROM webhook_deliveries"))


async def test_a_secret_moves_to_the_new_key_and_holds_the_old_one_until_then(
    hall: Hall, allowed: Settings, listener: Listener
) -> None:
    ring = hall.runtime.keyring
    id_, secret = await add(hall, allowed, listener.url, "wave")
    keyring.add_key(keyring.path_of(ring), "next", datetime.now(UTC))
    keyring.use_key(keyring.path_of(ring), "next")
    fresh = open_keyring(keyring.path_of(ring), create=False)
    async with hall.runtime.pool.connection() as connection:
        assert await stored.key_ids(connection) == {ring.current}
        await webhooks.renew(connection, fresh)
        assert await stored.key_ids(connection) == {"next"}
        await stored.ping(connection, id_)
    async with caller() as session:
        assert await webhooks.tell_due(hall.runtime.pool, fresh, allowed, session) == 1
    ((headers, body),) = listener.heard
    key, stamp = base64.b64decode(secret.removeprefix("whsec_")), int(headers["webhook-timestamp"])
    assert headers["webhook-signature"] == webhooks.signature(key, headers["webhook-id"], stamp, body)


async def test_what_is_long_over_is_forgotten_and_what_waits_is_not(
    hall: Hall, allowed: Settings, listener: Listener
) -> None:
    id_, _ = await add(hall, allowed, listener.url, "wave")
    async with hall.runtime.pool.connection() as connection:
        for _ in range(3):
            await stored.ping(connection, id_)
    await hall.sql("UPDATE webhook_deliveries SET at = at - interval '31 days'")
    await hall.sql(
        "UPDATE webhook_deliveries SET next_at = NULL WHERE id IN (SELECT id FROM webhook_deliveries LIMIT 2)"
    )
    async with hall.runtime.pool.connection() as connection:
        await stored.forget(connection)
        assert len(await stored.deliveries(connection, id_, 10)) == 1
