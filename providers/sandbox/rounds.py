"""What a pretend carrier still has to bring: each when it is due, by workers that share an HTTP client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, Self, TypeVar

import aiohttp

T = TypeVar("T")


class Rounds(Generic[T]):
    """Started and stopped with the server; what is still waiting at the end is not delivered."""

    def __init__(self, deliver: Callable[[T], Awaitable[None]], workers: int, timeout_seconds: float) -> None:
        self._deliver, self._size, self._timeout = deliver, workers, timeout_seconds
        self._due: asyncio.Queue[T] = asyncio.Queue()
        self._timers: set[asyncio.TimerHandle] = set()

    async def __aenter__(self) -> Self:
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._workers = [asyncio.create_task(self._work()) for _ in range(self._size)]
        return self

    async def __aexit__(self, *_: object) -> None:
        for timer in self._timers:
            timer.cancel()
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        await self.session.close()

    def soon(self, item: T) -> None:
        """Deliver as soon as a worker is free."""
        self._due.put_nowait(item)

    def later(self, item: T, delay: float) -> None:
        """Deliver after `delay` seconds."""

        def due() -> None:
            self._timers.discard(timer)
            self.soon(item)

        timer = asyncio.get_running_loop().call_later(delay, due)
        self._timers.add(timer)

    async def _work(self) -> None:
        while True:
            await self._deliver(await self._due.get())
