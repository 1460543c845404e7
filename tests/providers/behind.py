"""What respx's router answers, behind a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import respx
from aiohttp import web

# Where the router's routes are said to be; whatever the socket hears is put to it as if it had come there.
CARRIER = "https://carrier.test"


@asynccontextmanager
async def answered_by(router: respx.Router) -> AsyncIterator[str]:
    """The origin of a server on this machine that asks the router."""

    async def ask(heard: web.BaseRequest) -> web.Response:
        asked = httpx.Request(
            heard.method, CARRIER + heard.path_qs, headers=list(heard.headers.items()), content=await heard.read()
        )
        said = await router.async_handler(asked)
        return web.Response(status=said.status_code, body=said.content, content_type="application/json")

    runner = web.ServerRunner(web.Server(ask))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
