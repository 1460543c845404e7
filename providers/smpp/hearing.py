"""What came in on a bind: stored in groups, and only then acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from providers.smpp.codes import OK, TEMPORARY_APP_ERROR
from providers.smpp.pdu import Message

log = structlog.get_logger()

# The most that may be unacknowledged on a bind; the centre is asked to send the rest again later.
MOST = 5_000
# Stored together.
GROUP = 2_000

Delivery = tuple[int, int, Message]  # command_id, sequence_number
Store = Callable[[list[Message]], Awaitable[None]]


class Hearing:
    """`store` returns when messages are safe; `acknowledge` tells the centre, with a command_status."""

    def __init__(self, store: Store, acknowledge: Callable[[list[Delivery], int], None]) -> None:
        self._store = store
        self._acknowledge = acknowledge
        self._waiting: list[Delivery] = []
        self._storing = 0
        self._task: asyncio.Task[None] | None = None

    def take(self, deliveries: list[Delivery]) -> list[Delivery]:
        """Have them stored; answers those that are too many."""
        room = MOST - self._storing - len(self._waiting)
        self._waiting += deliveries[:room]
        if self._waiting and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())
        return deliveries[room:]

    async def idle(self, seconds: float) -> None:
        """Wait until all is stored and acknowledged. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while self._task is not None:
                await asyncio.wait([self._task])

    async def _run(self) -> None:
        """One task while there is something to store, not one for each message."""
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
                self._storing = len(group)
                self._acknowledge(group, await self._stored(group))
                self._storing = 0
        finally:
            self._task = None

    async def _stored(self, group: list[Delivery]) -> int:
        try:
            await self._store([message for _, _, message in group])
        except Exception as error:  # whatever it was: what is not acknowledged well comes again
            log.warning("smpp.not_stored", count=len(group), error=type(error).__name__)
            return TEMPORARY_APP_ERROR
        return OK
