"""Tokens are renewed before they end, also while nothing is sent; where only a person can help, the route says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dispatcher.ending import end
from dispatcher.runtime import Runtime
from dispatcher.store import routes
from providers.errors import NotSent
from providers.tokens import NotAuthorised, Signed

# A look costs nothing while the token is good.
LOOK_SECONDS = 30.0


@asynccontextmanager
async def tokens_renewed(runtime: Runtime) -> AsyncIterator[None]:
    """Look after the tokens of every route that has some, in the background."""
    signed = {name: r.provider for name, r in runtime.routes.items() if isinstance(r.provider, Signed)}
    task = asyncio.create_task(_keep_on(runtime, signed)) if signed else None
    try:
        yield
    finally:
        if task:
            await end(task)


async def _keep_on(runtime: Runtime, signed: dict[str, Signed]) -> None:
    while True:
        for name, provider in signed.items():
            if runtime.guard.trusted:  # a copy of the installation must not spend the tokens of the first one
                await renew(runtime, name, provider)
        await asyncio.sleep(LOOK_SECONDS)


async def renew(runtime: Runtime, name: str, provider: Signed) -> None:
    """Have a token that is good for a while; a failure that time may mend has been logged, and is tried again."""
    try:
        await provider.tokens.current()
    except NotAuthorised as error:
        async with runtime.pool.connection() as connection:
            await routes.park(connection, name, str(error))
    except NotSent:
        return
