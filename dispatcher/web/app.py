"""The web application: callbacks, health, and the pages for people."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dispatcher.accounts import Doorman
from dispatcher.ending import end
from dispatcher.exports import ExportDesk
from dispatcher.receipts import Inbox
from dispatcher.rehearsal_desk import RehearsalDesk
from dispatcher.roster_desk import RosterDesk
from dispatcher.runtime import Addresses, open_runtime
from dispatcher.settings import Settings
from dispatcher.statement_desk import StatementDesk
from dispatcher.store.database import new_pool
from dispatcher.vouching import Issuer
from dispatcher.web import pages, rendering
from dispatcher.web.api import service
from dispatcher.web.callbacks import Web

log = structlog.get_logger()

# Connections of the pages: however many people look, carriers' calls have their own.
PAGES = 4
# A page that shows progress holds its line open; nobody waits for it longer when the server is told to stop.
STREAMS_SECONDS = 3


def new_app(settings: Settings, addresses: Addresses) -> Starlette:
    """The application; its runtime lives as long as the server."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_runtime(settings, addresses) as runtime, new_pool(addresses.database_url, PAGES) as pool:
            app.state.runtime, app.state.pages, app.state.database_url = runtime, pool, addresses.database_url
            app.state.doorman = Doorman(pool, runtime.keyring)
            app.state.issuer = Issuer(settings) if settings.oidc_issuer else None
            app.state.rosters = RosterDesk(settings.folder / "uploads", addresses.database_url, runtime.keyring)
            app.state.exports = ExportDesk(settings.folder / "exports", addresses.database_url, runtime.keyring)
            app.state.rehearsals = RehearsalDesk()
            app.state.statements = StatementDesk(settings.folder / "statements")
            async with pool.connection() as connection:
                await app.state.rosters.sweep(connection)
            app.state.breakdowns, app.state.counting = {}, asyncio.Lock()
            app.state.outlooks, app.state.foreseeing = {}, asyncio.Lock()
            app.state.inbox = Inbox(runtime.pool)
            storing = asyncio.create_task(app.state.inbox.run())
            yield
            await end(storing)
            await app.state.rehearsals.close()

    routes = [
        Route("/health", health),
        *pages.routes(),
    ]
    app = Web(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: not_served})
    app.mount(service.PREFIX, service.new_service(app.state))
    return app


async def not_served(request: Request, error: Exception) -> Response:
    """What programs asked for is answered to programs."""
    for_programs = request.url.path.startswith(service.PREFIX)
    return await (service.not_served if for_programs else pages.not_served)(request, error)


async def health(request: Request) -> Response:
    """200 while the database answers, else 503."""
    try:
        async with request.app.state.runtime.pool.connection(timeout=5) as connection:
            await connection.execute("SELECT 1")
    except psycopg.OperationalError as error:
        log.warning("health.database_gone", error=str(error))
        return JSONResponse({"ok": False}, 503)
    return JSONResponse({"ok": True})


def warm() -> None:
    """Read what every page needs, and hide it from the garbage collector.

    A pass over some hundred thousand lasting objects stopped every page for 0.1 s, 0.3 on a busy machine.
    """
    rendering.read_all()
    gc.collect()
    gc.freeze()


def serve(settings: Settings, addresses: Addresses) -> None:
    """Serve until SIGTERM or SIGINT."""
    app = new_app(settings, addresses)
    warm()
    uvicorn.run(
        app,
        host=settings.web_host,
        port=settings.web_port,
        log_config=None,
        access_log=False,  # callback addresses are secrets, and their queries hold numbers
        server_header=False,
        proxy_headers=bool(settings.web_proxies),
        forwarded_allow_ips=settings.web_proxies,
        timeout_graceful_shutdown=STREAMS_SECONDS,
    )
