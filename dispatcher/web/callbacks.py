"""Carriers call back: verified by the address's token, stored, then answered."""

from __future__ import annotations

import hmac

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from dispatcher.receipts import Inbox, arrived
from dispatcher.runtime import Route, Runtime
from dispatcher.store.receipts import NewReceipt
from providers.base import Callback

log = structlog.get_logger()

MAX_BODY = 256 * 1024


async def receive(request: Request) -> Response:
    """200 once the receipts are committed; 404 for a wrong address, 400 for what cannot be read, 503 to try again."""
    runtime: Runtime = request.app.state.runtime
    route = _route(runtime, request.path_params["route"], request.path_params["token"])
    if route is None:
        return PlainTextResponse("not found", 404)
    body = await _body(request)
    if body is None:
        return PlainTextResponse("too large", 413)
    try:
        callback = Callback(request.method, dict(request.query_params), dict(request.headers), body)
        read = route.provider.read_callback(callback)
        found = [arrived(route.config.name, receipt, runtime.keyring) for receipt in read]
    except ValueError as error:
        log.warning("callback.unreadable", route=route.config.name, error=str(error))
        return PlainTextResponse("unreadable", 400)
    return await _store(request.app.state.inbox, found)


async def _store(inbox: Inbox, found: list[NewReceipt]) -> Response:
    try:
        if found:
            await inbox.put(found)
    except Exception:  # logged where it happened; the carrier must only know to come again
        return PlainTextResponse("try again", 503, {"retry-after": "5"})
    return PlainTextResponse("ok")


def _route(runtime: Runtime, name: str, token: str) -> Route | None:
    """The route, if the token is its own: carriers here do not sign, so the address is the secret."""
    expected = runtime.keyring.callback_token(name)
    genuine = hmac.compare_digest(expected.encode(), token.encode())
    return runtime.routes.get(name) if genuine else None


async def _body(request: Request) -> bytes | None:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            return None
    return bytes(body)
