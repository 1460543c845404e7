"""The standing links that some carriers have: kept open while we work, what comes in by them stored before it is acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from dispatcher import inbound
from dispatcher.receipts import Inbox, arrived
from dispatcher.runtime import Runtime
from providers.base import Hear, Heard, Inbound, Receipt


@asynccontextmanager
async def open_links(runtime: Runtime) -> AsyncIterator[None]:
    """Open the link of every route that has one; on the way out take leave of the carriers."""
    inbox = Inbox(runtime.pool)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_end, asyncio.create_task(inbox.run()))
        for name, route in runtime.routes.items():
            stack.push_async_callback(route.provider.close)
            await route.provider.open(listener(runtime, inbox, name))
        yield


def listener(runtime: Runtime, inbox: Inbox, route: str) -> Hear:
    """Stores what a route's carrier tells, receipts and texts from people."""
    words = runtime.settings.refusal_words.split(",")
    confirm_all = runtime.settings.confirm_refusals == "all"

    async def hear(told: Sequence[Heard]) -> None:
        if not runtime.guard.trusted:
            raise RuntimeError("this installation may not send: the receipts are for another")
        receipts = [arrived(route, one, runtime.keyring) for one in told if isinstance(one, Receipt)]
        texts = [one for one in told if isinstance(one, Inbound)]
        if receipts:
            await inbox.put(receipts)
        if texts:
            async with runtime.pool.connection() as connection:
                await inbound.put(connection, runtime.keyring, route, texts, words, confirm_all=confirm_all)

    return hear


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
