"""Receipts: stored in groups as they come in, applied in sets."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from uuid import UUID

import structlog

from dispatcher.keyring import Keyring
from dispatcher.runtime import Runtime
from dispatcher.store import receipts
from dispatcher.store.database import Pool, by_itself
from dispatcher.store.receipts import NewReceipt
from providers.base import Receipt

log = structlog.get_logger()

_OURS = re.compile("[0-9a-f]{32}")
HAUL = 5_000
# A carrier waits for our answer: groups form while the one before is being stored, and no longer.
GROUP = 2_000


def arrived(route: str, receipt: Receipt, keyring: Keyring) -> NewReceipt:
    """A provider's receipt as it is stored."""
    outcome, name, reference, code, network, raw, part, msisdn, tag, _ = receipt
    if name:
        return NewReceipt(route, _id(name), reference, outcome, code, network, raw, part)
    hashed = keyring.hash(msisdn) if msisdn else None
    return NewReceipt(route, None, reference, outcome, code, network, raw, part, hashed, tag)


def _id(name: str) -> UUID | str:
    """Our id as carriers give it back. Raises ValueError for what is none: it would spoil the whole group."""
    return name if _OURS.fullmatch(name) else UUID(name)


async def settle(runtime: Runtime) -> None:
    """Apply everything that waits."""
    shared = [name for name, route in runtime.routes.items() if route.provider.capabilities.shared_reference]
    while True:
        async with runtime.pool.connection() as connection:
            applied = await receipts.apply(connection, HAUL, shared)
        if applied:
            log.info("receipts.applied", count=applied)
        if applied < HAUL:
            return


class Inbox:
    """Stores receipts from many callbacks in one transaction each time; who waits on `put` knows that they are safe."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: list[tuple[Sequence[NewReceipt], asyncio.Future[None]]] = []
        self._wake = asyncio.Event()

    async def put(self, new: Sequence[NewReceipt]) -> None:
        """Return when `new` is committed; raises what went wrong when it could not be."""
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((new, stored))
        self._wake.set()
        await stored

    async def run(self) -> None:
        """Store groups until cancelled; the clock sees to it that they are applied."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                group, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
                await self._store(group)

    async def _store(self, group: list[tuple[Sequence[NewReceipt], asyncio.Future[None]]]) -> None:
        try:
            async with self._pool.connection() as connection, by_itself(connection):
                await receipts.put(connection, [receipt for new, _ in group for receipt in new])
        except Exception as error:  # whatever it was, each caller must hear of it: an unanswered carrier sends again
            log.exception("receipts.not_stored", count=len(group))
            for _, stored in group:
                if not stored.done():
                    stored.set_exception(error)
            return
        for _, stored in group:
            if not stored.done():
                stored.set_result(None)
