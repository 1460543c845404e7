"""Carriers call back: verified by the address's token, stored, then answered.

There is a call for each message, so they do not go through Starlette's middleware, routing and requests: it was a third
of what a receipt cost.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import parse_qsl

import structlog
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from dispatcher.links import listener
from dispatcher.receipts import Inbox, arrived
from dispatcher.runtime import Route, Runtime
from dispatcher.store.receipts import NewReceipt
from providers.base import Callback, Receipt

log = structlog.get_logger()

PREFIX = "/callbacks/"
METHODS = frozenset({"GET", "HEAD", "POST"})
MAX_BODY = 256 * 1024
# A carrier's clock may be so far ahead of ours.
SKEW = timedelta(minutes=5)
# What a token is compared with where there is no such route: nobody's.
_NOBODY = secrets.token_hex(20).encode()


class Web(Starlette):
    """The application: pages by Starlette, carriers' calls by the shortest way."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            for message in await _answered(self.state.runtime, self.state.inbox, scope, receive):
                await send(message)
        else:
            await super().__call__(scope, receive, send)


def _text(status: int, said: str, *more: tuple[bytes, bytes]) -> tuple[Message, ...]:
    body = said.encode()
    head = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body)), *more]
    return (
        {"type": "http.response.start", "status": status, "headers": head},
        {"type": "http.response.body", "body": body},
    )


_STORED = _text(200, "ok")
_UNREADABLE = _text(400, "unreadable")
_NOT_FOUND = _text(404, "not found")
_NOT_ALLOWED = _text(405, "method not allowed", (b"allow", b"GET, HEAD, POST"))
_TOO_LARGE = _text(413, "too large")
_AGAIN = _text(503, "try again", (b"retry-after", b"5"))


async def _answered(runtime: Runtime, inbox: Inbox, scope: Scope, receive: Receive) -> tuple[Message, ...]:
    """200 once the receipts are committed; 404 for a wrong address, 400 for what cannot be read, 503 to try again."""
    route = _route(runtime, scope["path"])
    if route is None or not _welcome(route, scope):
        return _NOT_FOUND
    if scope["method"] not in METHODS:
        return _NOT_ALLOWED
    body = await _body(receive)
    if body is None:
        return _TOO_LARGE
    try:
        read = route.provider.read_callback(Callback(scope["method"], _query(scope), Headers(scope=scope), body))
        receipts = [one for one in read if isinstance(one, Receipt)]
        _require_fresh(receipts, route.config.callback_max_age_seconds)
        found = [arrived(route.config.name, one, runtime.keyring) for one in receipts]
    except ValueError as error:
        log.warning("callback.unreadable", route=route.config.name, error=str(error))
        return _UNREADABLE
    rest = [one for one in read if not isinstance(one, Receipt)]
    return await _stored(inbox, found, partial(listener(runtime, inbox, route.config.name), rest) if rest else None)


async def _stored(
    inbox: Inbox, found: list[NewReceipt], hear: Callable[[], Awaitable[None]] | None
) -> tuple[Message, ...]:
    try:
        if found:
            await inbox.put(found)
        if hear:
            await hear()
    except Exception:  # logged where it happened; the carrier must only know to come again
        return _AGAIN
    return _STORED


def _route(runtime: Runtime, path: str) -> Route | None:
    """The route, if the token is its own: carriers here do not sign, so the address is the secret."""
    name, _, token = path.removeprefix(PREFIX).partition("/")
    route = runtime.routes.get(name)
    genuine = hmac.compare_digest(route.callback_token if route else _NOBODY, token.encode())
    return route if genuine else None


def _welcome(route: Route, scope: Scope) -> bool:
    """Whether the route's callbacks may come from there."""
    allowed, client = route.config.callback_from, scope["client"]
    if not allowed:
        return True
    address = ipaddress.ip_address(client[0]) if client else None
    welcome = address is not None and any(address in network for network in allowed)
    if not welcome:
        log.warning("callback.stranger", route=route.config.name, address=str(address))
    return welcome


def _require_fresh(receipts: Sequence[Receipt], max_age_seconds: int | None) -> None:
    """Raise ValueError for what is older than that, says no time, or is of a time to come."""
    if max_age_seconds is None:
        return
    now = datetime.now(UTC)
    earliest, latest = now - timedelta(seconds=max_age_seconds), now + SKEW
    for receipt in receipts:
        if receipt.at is None or not earliest <= receipt.at <= latest:
            raise ValueError(f"told at {receipt.at}, and the route takes nothing older than {max_age_seconds} s")


def _query(scope: Scope) -> dict[str, str]:
    return dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))


async def _body(receive: Receive) -> bytes | None:
    """None where it is longer than `MAX_BODY`, or the carrier hung up in the middle of it."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BODY or message["type"] != "http.request":
            return None
        if not message.get("more_body"):
            return bytes(body)
