"""The web application: callbacks and health."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import psycopg
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dispatcher.receipts import Inbox
from dispatcher.runtime import Addresses, open_runtime
from dispatcher.settings import Settings
from dispatcher.web.callbacks import Web

log = structlog.get_logger()


def new_app(settings: Settings, addresses: Addresses) -> Starlette:
    """The application; its runtime lives as long as the server."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_runtime(settings, addresses) as runtime:
            app.state.runtime = runtime
            app.state.inbox = Inbox(runtime.pool)
            storing = asyncio.create_task(app.state.inbox.run())
            yield
            storing.cancel()
            with suppress(asyncio.CancelledError):
                await storing

    routes = [
        Route("/health", health),
    ]
    return Web(routes=routes, lifespan=lifespan)


async def health(request: Request) -> Response:
    """200 while the database answers, else 503."""
    try:
        async with request.app.state.runtime.pool.connection(timeout=5) as connection:
            await connection.execute("SELECT 1")
    except psycopg.OperationalError as error:
        log.warning("health.database_gone", error=str(error))
        return JSONResponse({"ok": False}, 503)
    return JSONResponse({"ok": True})


def serve(settings: Settings, addresses: Addresses) -> None:
    """Serve until SIGTERM or SIGINT."""
    uvicorn.run(
        new_app(settings, addresses),
        host=settings.web_host,
        port=settings.web_port,
        log_config=None,
        access_log=False,  # callback addresses are secrets, and their queries hold numbers
        server_header=False,
        proxy_headers=False,
    )
