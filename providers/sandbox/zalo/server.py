"""A pretend Zalo as an HTTP server on loopback: `async with PretendZalo(dials) as zalo`."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Self

from aiohttp import web

from providers.sandbox import books
from providers.sandbox.hosts import loopback
from providers.sandbox.ledger import Ledger
from providers.sandbox.zalo.account import (
    MALFORMED,
    NO_SUCH_MESSAGE,
    NO_SUCH_TEMPLATE,
    NOT_GRANTED,
    OK,
    STALE,
    Account,
    Decision,
    Order,
    Taken,
)
from providers.sandbox.zalo.articles import Shelf
from providers.sandbox.zalo.dials import ZaloDials
from providers.sandbox.zalo.webhooks import Event, Webhooks

SENDING = {
    "/message/template": "phone",
    "/message/template/hashphone": "hash_phone",
    "/v3.0/oa/message/template": "user_id",
}
MESSAGE = "/v3.0/oa/message/cs"
NAMES = {MESSAGE: "message_id"}  # what an answer calls its message, if not msg_id
NO_LIMIT = 500_000
FIRST_FOLLOWER = 7_300_000_000_000_000_001


class PretendZalo:
    """A Zalo that never leaves this machine: both hosts and the one of the tokens are one.

    `options` and `account_options` are what a route wants; `origin` has `/health`, `/ledger`, `/ledger/summary` and
    `/ledger/received` below it, and a POST to `/webhook` tells it an address for webhooks. Raises ValueError for a host that is
    not loopback.
    """

    def __init__(
        self,
        dials: ZaloDials | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        ledger_file: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not loopback(host):
            raise ValueError(f"a pretend Zalo listens on loopback only, not on {host}")
        self.dials = dials or ZaloDials()
        self._host, self._port, self._path, self._clock = host, port, ledger_file, clock
        self._file: IO[str] | None = None

    async def __aenter__(self) -> Self:
        self._file = self._path.open("a", encoding="utf-8", buffering=1) if self._path else None
        self.ledger = Ledger(self._file)
        self.account = Account(self.dials, self.ledger, self._clock)
        self.shelf = Shelf(self.dials, self.ledger)
        self.webhooks = await Webhooks(self.dials, self.ledger).__aenter__()
        self._runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port, backlog=1024).start()
        self.origin = f"http://{self._host}:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.webhooks.__aexit__()
        await self._runner.cleanup()
        if self._file:
            self._file.close()

    @property
    def options(self) -> dict[str, str]:
        """`[route.options]` that lead here, for templates."""
        return {**self.account_options, "uid_url": f"{self.origin}/v3.0/oa/message/template"}

    @property
    def account_options(self) -> dict[str, str]:
        """The same for messages of the account."""
        return {
            "base_url": f"{self.origin}/",
            "oa_url": f"{self.origin}/",
            "oauth_url": f"{self.origin}/v4/oa/access_token",
            "permission_url": f"{self.origin}/v4/oa/permission",
            "app_id": self.dials.app_id,
            "oa_id": self.dials.oa_id,
            "app_secret": self.dials.app_secret,
            "oa_secret": self.dials.oa_secret,
        }

    def _app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                *(web.post(path, self._send) for path in (*SENDING, MESSAGE)),
                web.get("/v2.0/oa/getoa", self._introduce),
                web.post("/v2.0/article/create", self._article),
                web.post("/v2.0/article/verify", self._look),
                web.post("/v2.0/oa/message", self._broadcast),
                web.get("/message/status", self._status),
                web.get("/message/quota", self._quota),
                web.get("/template/info/v2", self._template),
                web.get("/v3.0/oa/user/getlist", self._followers),
                web.post("/v4/oa/access_token", self._token),
                web.post("/webhook", self._webhook),
                *books.routes(self.ledger),
            ]
        )
        return app

    async def _send(self, request: web.Request) -> web.StreamResponse:
        token, told = _token_of(request), await request.json()
        order = _text(token, told) if request.path == MESSAGE else _order(SENDING[request.path], token, told)
        if order is None:
            self.ledger.unreadable += 1
            return _refusal(MALFORMED)
        decision = self.account.receive(order)
        try:
            if latency := self.account.chance.seconds(self.dials.latency_seconds, order.address, "latency"):
                await asyncio.sleep(latency)
            return await self._respond(request, decision)
        finally:  # only now: no webhook before the answer
            if decision.taken:
                self._announce(decision.taken)

    async def _respond(self, request: web.Request, decision: Decision) -> web.StreamResponse:
        if not decision.answered:
            return _cut(request)
        if decision.taken is None:
            return _refusal(decision.code)
        left = NO_LIMIT if self.account.left is None else self.account.left
        quota = {"dailyQuota": str(self.dials.daily_quota or NO_LIMIT), "remainingQuota": str(left)}
        stamp = str(int(time.time() * 1000))
        name = NAMES.get(request.path, "msg_id")
        data = {name: decision.taken.msg_id, "sent_time": stamp, "sending_mode": "1", "quota": quota}
        response = web.json_response({"error": OK, "message": "Success", "data": data})
        await response.prepare(request)
        await response.write_eof()
        return response

    def _announce(self, taken: Taken) -> None:
        dials, chance, person = self.dials.webhooks, self.account.chance, taken.order.address
        if taken.reached_at is None or chance.happens(dials.lost, person, "lost webhook"):
            return
        late = dials.late_seconds if chance.happens(dials.late, person, "late webhook") else 0.0
        event = Event(taken.msg_id, received(self.dials, taken))
        for _ in range(1 + chance.happens(dials.repeated, person, "repeated webhook")):
            self.webhooks.post(event, max(0.0, taken.reached_at - self._clock()) + late)

    async def _status(self, request: web.Request) -> web.Response:
        if not self.account.admits(_token_of(request)):
            return _refusal(STALE)
        if not (msg_id := request.query.get("message_id", "")):
            return _refusal(NO_SUCH_MESSAGE)
        return _success({"delivery_time": None, "message": "", "status": self.account.status(msg_id)})

    async def _quota(self, request: web.Request) -> web.Response:
        if not self.account.admits(_token_of(request)):
            return _refusal(STALE)
        left = NO_LIMIT if self.account.left is None else self.account.left
        return _success({"dailyQuota": str(self.dials.daily_quota or NO_LIMIT), "remainingQuota": str(left)})

    async def _template(self, request: web.Request) -> web.Response:
        if not self.account.admits(_token_of(request)):
            return _refusal(STALE)
        template = self.dials.template
        if request.query.get("template_id") != template.id:
            return _refusal(NO_SUCH_TEMPLATE)
        listed = [
            {"name": name, "require": True, "type": "STRING", "maxLength": most, "minLength": 0}
            for name, most in template.parameters.items()
        ]
        said = {"templateId": template.id, "status": template.status, "listParams": listed, "price": "200"}
        return _success({**said, "timeout": template.timeout_seconds})

    async def _followers(self, request: web.Request) -> web.Response:
        if not self.account.admits(_token_of(request)):
            return _refusal(STALE)
        asked = json.loads(request.query["data"])
        everybody = [str(FIRST_FOLLOWER + n) for n in range(self.dials.followers)]
        found = [one for one in everybody if "last_interaction_period" not in asked or self.account.active(one)]
        first = asked["offset"]
        users = [{"user_id": one} for one in found[first : first + asked["count"]]]
        return _success({"total": len(found), "count": asked["count"], "offset": first, "users": users})

    async def _introduce(self, request: web.Request) -> web.Response:
        if not self.account.admits(_token_of(request)):
            return _refusal(STALE)
        articles, told = self.dials.articles, {"oaid": self.dials.oa_id, "name": "Công an tỉnh"}
        package = {"package_name": articles.package, "package_valid_through_date": "31/12/2027"}
        followers = {"num_follower": self.dials.followers, "is_verified": articles.verified}
        return _success({**told, **followers, **package})

    async def _article(self, request: web.Request) -> web.Response:
        if not self.account.admits(_token_of(request)):
            return _refusal(STALE)
        made = self.shelf.make(await request.json())
        if isinstance(made, int):
            return _refusal(made)
        return _success({"token": made.token}) if made.answered else _cut(request)

    async def _look(self, request: web.Request) -> web.Response:
        if not self.account.admits(_token_of(request)):
            return _refusal(STALE)
        found = self.shelf.look(str((await request.json()).get("token")))
        return _refusal(found) if isinstance(found, int) else _success({"id": found})

    async def _broadcast(self, request: web.Request) -> web.Response:
        if not self.account.admits(_token_of(request)):
            return _refusal(STALE)
        sent = self.shelf.send(await request.json())
        if sent is None:
            self.ledger.unreadable += 1
            return _refusal(MALFORMED)
        await asyncio.sleep(self.dials.articles.silent_seconds)
        if not sent.answered:
            return _cut(request)
        return _refusal(sent.code) if sent.code else _success({"message_id": sent.message_id})

    async def _token(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        spent = str(form.get("refresh_token") or form.get("code") or "")
        known = str(form.get("app_id")) == self.dials.app_id
        pair = self.account.trade(request.headers.get("secret_key", ""), spent) if known else None
        if pair is None:
            return web.json_response({"error": NOT_GRANTED, "error_name": "Invalid refresh token"})
        if pair == ("", ""):
            return _cut(request)
        expires = str(self.dials.access_seconds)
        return web.json_response({"access_token": pair[0], "refresh_token": pair[1], "expires_in": expires})

    async def _webhook(self, request: web.Request) -> web.Response:
        self.webhooks.url = str((await request.json())["url"])
        return web.json_response({"ok": True})


def _token_of(request: web.Request) -> str:
    return request.headers.get("access_token", "")


def _order(by: str, token: str, told: object) -> Order | None:
    if not isinstance(told, Mapping) or not isinstance(told.get("template_data"), Mapping):
        return None
    address, tracking = str(told.get(by) or ""), str(told.get("tracking_id") or "")
    if not address or not tracking:
        return None
    return Order(token, address, str(told.get("template_id")), dict(told["template_data"]), tracking)


def _text(token: str, told: object) -> Order | None:
    if not isinstance(told, Mapping):
        return None
    person, message = told.get("recipient"), told.get("message")
    if not (isinstance(person, Mapping) and isinstance(message, Mapping)):
        return None
    address, text = str(person.get("user_id") or ""), str(message.get("text") or "")
    return Order(token, address, text=text) if address and text else None


def received(dials: ZaloDials, taken: Taken) -> dict[str, object]:
    """What a webhook says of a message that has arrived: of one of the account no more than its id."""
    stamp, ours = str(int(time.time() * 1000)), taken.order.tracking_id
    template = {"delivery_time": stamp, "tracking_id": ours} if ours else {}
    return {
        "sender": {"id": dials.oa_id},
        "recipient": {"id": taken.order.address},
        "event_name": "user_received_message",
        "message": {"msg_id": taken.msg_id, **template},
    }


def _success(data: Mapping[str, object]) -> web.Response:
    return web.json_response({"error": OK, "message": "Success", "data": data})


def _refusal(code: int) -> web.Response:
    """Refusals come with HTTP 200 too."""
    return web.json_response({"error": code, "message": f"refused ({code})"})


def _cut(request: web.Request) -> web.Response:
    if request.transport:
        request.transport.abort()
    return web.Response()
