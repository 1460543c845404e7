"""A pretend carrier as an HTTP server on loopback, speaking eSMS: `async with PretendCarrier(dials) as carrier`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Self, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from providers.sandbox import books, wire
from providers.sandbox.carrier import Decision, Order, Sent
from providers.sandbox.postman import Letter, Postman
from providers.sandbox.stall import Stall

PATH = "/MainService.svc/json/"

T = TypeVar("T", bound=BaseModel)


class PretendCarrier(Stall):
    """The stall that speaks eSMS, with its callbacks."""

    path = PATH

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._postman = await Postman(self.dials.receipts, self.ledger, self._clock).__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._postman.__aexit__()
        await super().__aexit__()

    def _app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.post(f"{PATH}SendMultipleMessage_V4_post_json/", self._care),
                web.post(f"{PATH}SendMultipleSMSBrandname_json/", self._advertising),
                web.post(f"{PATH}GetBalance_json", self._balance),
                web.get(f"{PATH}GetListBrandname/{{key}}/{{secret}}", self._brandnames),
                web.post(f"{PATH}GetTemplate/", self._templates),
                web.get(f"{PATH}GetSendStatus", self._send_status),
                web.get(f"{PATH}GetSmsReceiverStatus_get", self._receiver_status),
                web.post(f"{PATH}GetSmsSentData_V2", self._sent_data),
                *books.routes(self.ledger),
            ]
        )
        return app

    async def _care(self, request: web.Request) -> web.StreamResponse:
        asked = _read(wire.Care, await request.read())
        if asked is None or asked.sms_type != "2":
            return self._unreadable(wire.INVALID if asked is None else wire.refusal("118"))
        return await self._answer(request, asked.order([asked.phone], advertising=False))

    async def _advertising(self, request: web.Request) -> web.StreamResponse:
        asked = _read(wire.Advertising, await request.read())
        if asked is None or asked.sms_type != "1":
            return self._unreadable(wire.INVALID if asked is None else wire.refusal("118"))
        return await self._answer(request, asked.order(asked.phones, advertising=True))

    def _unreadable(self, answer: dict[str, object]) -> web.Response:
        self.ledger.unreadable += 1
        return web.json_response(answer)

    async def _answer(self, request: web.Request, order: Order) -> web.StreamResponse:
        decision = self._carrier.receive(order)
        letter = self._letter(decision.sent) if decision.sent else None
        if letter and self._carrier.chance.happens(self.dials.receipts.early, order.about(order.first), "early"):
            await self._postman.hand_over(letter)
            letter = None
        try:
            if latency := self._carrier.latency(order.first):
                await asyncio.sleep(latency)
            return await _respond(request, decision)
        finally:  # what was taken is delivered and reported, also when the caller has not waited for the answer
            if letter:  # only now: a callback before the answer is a dial of its own
                self._postman.post(letter, self._carrier.receipt_delay(order.first))

    def _letter(self, sent: Sent) -> Letter | None:
        """The callbacks of a message, in the order in which they will be sent."""
        dials, chance, about = self.dials.receipts, self._carrier.chance, sent.order.about(sent.phones[0])
        if not sent.order.callback_url or chance.happens(dials.never, about, "never"):
            return None
        statuses = [wire.FINISHED]
        if chance.happens(dials.out_of_order, about, "out of order"):
            statuses.append(wire.WAITING_FOR_REPORT)
        if chance.happens(dials.repeated, about, "repeated"):
            statuses.append(wire.FINISHED)
        return Letter(sent.smsid, sent.order.callback_url, tuple(wire.callback(sent, status) for status in statuses))

    async def _balance(self, request: web.Request) -> web.Response:
        asked = _read(wire.Keys, await request.read())
        if asked is None:
            return web.json_response(wire.INVALID)
        if not self._carrier.knows(asked.api_key, asked.secret_key):
            return web.json_response(wire.refusal("101"))
        return web.json_response(wire.balance(self._carrier.balance))

    async def _brandnames(self, request: web.Request) -> web.Response:
        if not self._carrier.knows(request.match_info["key"], request.match_info["secret"]):
            return web.json_response(wire.refusal("101"))
        return web.json_response(wire.brandnames(self.dials.brandnames))

    async def _templates(self, request: web.Request) -> web.Response:
        asked = _read(wire.Keys, await request.read())
        if asked is None:
            return web.json_response(wire.INVALID)
        if not self._carrier.knows(asked.api_key, asked.secret_key):
            return web.json_response(wire.refusal("101"))
        return web.json_response(wire.templates(self.dials.templates))

    async def _send_status(self, request: web.Request) -> web.Response:
        return self._looked_up(request, wire.send_status)

    async def _receiver_status(self, request: web.Request) -> web.Response:
        return self._looked_up(request, wire.receiver_status)

    def _looked_up(self, request: web.Request, tell: Callable[[Sent, bool], dict[str, object]]) -> web.Response:
        if self.dials.lookups_throttled:
            return web.json_response(wire.THROTTLED_BODY, status=429)
        query = request.query
        if not self._carrier.knows(query.get("ApiKey", ""), query.get("SecretKey", "")):
            return web.json_response(wire.refusal("101"))
        sent, now = self._carrier.sent.get(query.get("RefId", "")), self._clock()
        known = sent is not None and now >= sent.listed_at
        return web.json_response(tell(sent, now >= sent.final_at) if sent and known else wire.refusal("105"))

    async def _sent_data(self, request: web.Request) -> web.Response:
        if self.dials.lookups_throttled:
            return web.json_response(wire.THROTTLED_BODY, status=429)
        asked = _read(wire.Listing, await request.read())
        if asked is None:
            return web.json_response(wire.INVALID)
        if not self._carrier.knows(asked.api_key, asked.secret_key):
            return web.json_response(wire.refusal("101"))
        try:
            return web.json_response(wire.sent_data(asked, self._carrier.sent, self._clock()))
        except ValueError:
            return web.json_response(wire.refusal("210"))


async def _respond(request: web.Request, decision: Decision) -> web.StreamResponse:
    """Answer, or cut the line."""
    if not decision.answered:
        if request.transport:
            request.transport.abort()
        return web.Response()
    status, body = wire.answer(decision)
    response = web.json_response(body, status=status, headers={"Retry-After": "1"} if status == 429 else None)
    await response.prepare(request)
    await response.write_eof()
    return response


def _read(model: type[T], body: bytes) -> T | None:
    try:
        return model.model_validate_json(body)
    except ValidationError:
        return None
