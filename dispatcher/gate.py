"""A door with so many places behind it: the first class goes first, and the last places are its own."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from campaigns.campaign import Priority

RANKS = {priority: rank for rank, priority in enumerate(Priority)}


class Gate:
    """At most `places` are inside; `kept` of them are for alerts alone. Within a class the first to come is the first."""

    def __init__(self, places: int, kept: int) -> None:
        self._limits = {priority: places if priority is Priority.ALERT else places - kept for priority in Priority}
        self._inside = 0
        self._waiting: list[tuple[int, int, Priority, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    async def enter(self, priority: Priority) -> None:
        """Wait for a place; whoever is let in must leave."""
        admitted = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (RANKS[priority], next(self._numbers), priority, admitted))
        self._admit()
        try:
            await admitted
        except asyncio.CancelledError:
            if not admitted.cancelled():  # let in and called off at once
                self.leave()
            raise

    def leave(self) -> None:
        self._inside -= 1
        self._admit()

    @asynccontextmanager
    async def place(self, priority: Priority) -> AsyncIterator[None]:
        await self.enter(priority)
        try:
            yield
        finally:
            self.leave()

    def _admit(self) -> None:
        while self._waiting:
            _rank, _number, priority, admitted = self._waiting[0]
            if admitted.done():
                heapq.heappop(self._waiting)
            elif self._inside < self._limits[priority]:
                heapq.heappop(self._waiting)
                self._inside += 1
                admitted.set_result(None)
            else:
                return
