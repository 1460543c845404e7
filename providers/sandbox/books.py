"""A pretend carrier's ledger, to be read over HTTP while it runs."""

from __future__ import annotations

from aiohttp import web

from providers.sandbox.ledger import Ledger, line

LINES_AT_ONCE = 1000


def routes(ledger: Ledger) -> list[web.RouteDef]:
    """`/health`, `/ledger` (JSON lines), `/ledger/summary` and `/ledger/received`."""

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    async def summary(_: web.Request) -> web.Response:
        return web.json_response(ledger.summary())

    async def received(_: web.Request) -> web.Response:
        return web.json_response(ledger.received)

    async def entries(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        end = len(ledger.entries)  # as it was when asked: a busy carrier's ledger has no end
        for first in range(0, end, LINES_AT_ONCE):
            lines = "".join(line(entry) for entry in ledger.entries[first : min(first + LINES_AT_ONCE, end)])
            await response.write(lines.encode())
        await response.write_eof()
        return response

    return [
        web.get("/health", health),
        web.get("/ledger", entries),
        web.get("/ledger/summary", summary),
        web.get("/ledger/received", received),
    ]
