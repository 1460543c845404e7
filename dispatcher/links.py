"""The standing links that some carriers have: kept open while we work, what comes in by them stored before it is acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from dispatcher import followers, inbound
from dispatcher.ending import end
from dispatcher.receipts import Inbox, arrived
from dispatcher.runtime import Runtime
from providers.base import Follow, Hear, Heard, Inbound, Receipt
from providers.tokens import Signed


@asynccontextmanager
async def open_links(runtime: Runtime) -> AsyncIterator[None]:
    """Open the link of every route that has one; on the way out take leave of the carriers."""
    inbox = Inbox(runtime.pool)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(end, asyncio.create_task(inbox.run()))
        for name, route in runtime.routes.items():
            stack.push_async_callback(route.provider.close)
            await route.provider.open(listener(runtime, inbox, name))
        yield


def listener(runtime: Runtime, inbox: Inbox, route: str) -> Hear:
    """Stores what a route's carrier tells: receipts, texts from people, who follows."""
    words = runtime.settings.refusal_words.split(",")
    confirm_all = runtime.settings.confirm_refusals == "all"
    provider = runtime.routes[route].provider

    async def hear(told: Sequence[Heard]) -> None:
        if not runtime.guard.trusted:
            raise RuntimeError("this installation may not send: the receipts are for another")
        receipts = [arrived(route, one, runtime.keyring) for one in told if isinstance(one, Receipt)]
        texts = [one for one in told if isinstance(one, Inbound)]
        follows = [one for one in told if isinstance(one, Follow)]
        if receipts:
            await inbox.put(receipts)
        if texts:
            async with runtime.pool.connection() as connection:
                await inbound.put(connection, runtime.keyring, route, texts, words, confirm_all=confirm_all)
        if follows and isinstance(provider, Signed):
            async with runtime.pool.connection() as connection:
                await followers.put(connection, runtime.keyring, provider.account, follows)

    return hear
