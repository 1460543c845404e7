"""A pretend Viettel: SOAP over HTTP on loopback, one account, and a list of whom it did not reach each day."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

from aiohttp import web

from providers.sandbox import books
from providers.sandbox.carrier import TAKEN, Decision, Order
from providers.sandbox.counting import segments
from providers.sandbox.numbering import normal
from providers.sandbox.stall import Stall
from providers.xmltree import Element, tree

VIETNAM = timezone(timedelta(hours=7))
DUPLICATE = "DUPLICATE MESSAGE"
# The shared carrier's decisions in this carrier's words.
WORDS = {
    TAKEN: "Insert MT_QUEUE: OK",
    "99": "Unable to check telco from input receiver",
    "101": "Authenticate: WRONG_INFORMATION_AUTHENTICATE",
    "104": "ALIAS_INVALID:TELCO=VT",
    "108": "ReceiverID FORMAT_ERROR",
    "146": "CONTENT_NOT_MATCH_TEMPLATE (98)",
    "177": "ALIAS_INVALID:TELCO=VN",
    "201": "MSG_ERROR_CONTAIN_BLACKLIST",
    "210": "Content NULL",
    "429": "Check information error (99)",
    "160": "Check information error (99)",
    DUPLICATE: "DUPLICATE MESSAGE",
}
ANSWER = (
    '<?xml version="1.0" encoding="UTF-8"?><S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body>'
    '<ns2:{operation}Response xmlns:ns2="http://impl.bulkSms.ws/"><return>{inner}</return></ns2:{operation}Response>'
    "</S:Body></S:Envelope>"
)


class PretendViettel(Stall):
    """The stall that speaks SOAP. `api_key` and `secret_key` of the dials are user and password here."""

    def _app(self) -> web.Application:
        self._said: dict[tuple[str, str], float] = {}
        app = web.Application()
        app.add_routes([web.post("/bulkapi", self._asked), *books.routes(self.ledger)])
        return app

    async def _asked(self, request: web.Request) -> web.StreamResponse:
        try:
            body = tree(await request.read()).find("Body")
            asked = body.children[0] if body else None
        except (ValueError, IndexError):
            asked = None
        if asked is None:
            self.ledger.unreadable += 1
            return web.Response(status=500, text="<Fault/>", content_type="text/xml")
        match asked.name:
            case "wsCpMt":
                return await self._one(request, asked)
            case "wsCpBatchMt":
                return await self._batch(request, asked)
            case "checkBalance":
                return _answered(asked.name, self._balance(asked))
            case "getFailSub":
                return _answered(asked.name, self._failed(asked))
            case _:
                return web.Response(status=500, text="<Fault/>", content_type="text/xml")

    async def _one(self, request: web.Request, asked: Element) -> web.StreamResponse:
        decision = self._decide(_fields(asked), _fields(asked))
        if latency := self._carrier.latency(normal(asked.said("wsCpMt.ReceiverID") or "") or ""):
            await asyncio.sleep(latency)
        if not decision.answered:
            return _cut(request)
        return _answered(asked.name, _told(decision))

    async def _batch(self, request: web.Request, asked: Element) -> web.StreamResponse:
        wanted = [_fields(one) for one in asked.children if one.name == "requestMt"]
        decisions = [(one["requestid"], self._decide(_fields(asked), one)) for one in wanted]
        if not all(decision.answered for _, decision in decisions):
            return _cut(request)
        told = [f"<responseMt>{_told(one)}<requestId>{name}</requestId></responseMt>" for name, one in decisions]
        return _answered(asked.name, f"<errCode>0</errCode><errDesc>OK</errDesc>{''.join(told)}")

    def _decide(self, account: Mapping[str, str], fields: Mapping[str, str]) -> Decision:
        """The shared rules, then this carrier's own: the same text to the same number within the window."""
        number, text = normal(fields.get("receiverid", "")), fields.get("content", "")
        now, window = self._clock(), self.dials.content_dedupe_seconds
        if number and now - self._said.get((number, text), -window) < window:
            return Decision(DUPLICATE)
        unicode = fields.get("contenttype") == "1"
        order = Order(
            account.get("user", ""),
            account.get("password", ""),
            fields.get("serviceid", ""),
            (number,) if number else None,
            text,
            unicode,
            segments(text, unicode),
        )
        decision = self._carrier.receive(order)
        if decision.code == TAKEN and number:
            self._said[number, text] = now
        return decision

    def _balance(self, asked: Element) -> str:
        if not self._knows(_fields(asked)):
            return f"<errCode>1</errCode><errDesc>{WORDS['101']}</errDesc>"
        amount = 1e9 if self._carrier.balance is None else self._carrier.balance
        return f"<errCode>0</errCode><errDesc>OK</errDesc><balance>{amount:.0f}</balance>"

    def _failed(self, asked: Element) -> str:
        """A page of the numbers that were not reached on a day, a number once for each message."""
        fields = _fields(asked)
        if not self._knows({**fields, "user": fields.get("username", "")}):
            return f"<errorCode>1</errorCode><message>{WORDS['101']}</message>"
        page, size = int(fields.get("pagenumber", "1")), int(fields.get("pagesize", "500"))
        rows = [
            phone
            for sent in self._carrier.sent.values()
            if _day(sent.created) == fields.get("date") and sent.order.brandname == fields.get("alias")
            for phone in sorted(sent.failed)
        ][(page - 1) * size : page * size]
        told = "".join(f'<result receiver="{phone}" message="absent subscriber"/>' for phone in rows)
        return f"<errorCode>0</errorCode><message>OK</message>{told}"

    def _knows(self, fields: Mapping[str, str]) -> bool:
        return self._carrier.knows(fields.get("user", ""), fields.get("password", ""))


def _fields(element: Element) -> dict[str, str]:
    """Names in small letters: the operations do not spell them alike."""
    return {child.name.lower(): child.text for child in element.children}


def _day(created: float) -> str:
    return datetime.fromtimestamp(created, UTC).astimezone(VIETNAM).strftime("%d/%m/%Y")


def _told(decision: Decision) -> str:
    words = WORDS.get(decision.code, f"{decision.code} refused")
    return f"<message>{html.escape(words)}</message><result>{int(decision.code == TAKEN)}</result>"


def _answered(operation: str, inner: str) -> web.Response:
    return web.Response(text=ANSWER.format(operation=operation, inner=inner), content_type="text/xml")


def _cut(request: web.Request) -> web.Response:
    if request.transport:
        request.transport.abort()
    return web.Response()
