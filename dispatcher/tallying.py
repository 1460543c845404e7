"""Counts waves that have changed, in the background of the clock, so that a search can say how many there are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from dispatcher.ending import end
from dispatcher.store import tallies
from dispatcher.store.database import Pool

log = structlog.get_logger()

PASS_SECONDS = 2.0


@asynccontextmanager
async def tallied(pool: Pool, may: Callable[[], bool]) -> AsyncIterator[None]:
    """Have waves counted for as long as we are inside, while `may` says so."""
    counting = asyncio.create_task(_run(pool, may))
    try:
        yield
    finally:
        await end(counting)


async def _run(pool: Pool, may: Callable[[], bool]) -> None:
    """A pass that fails is done again: the wave stands as it was."""
    while True:
        await asyncio.sleep(PASS_SECONDS)
        try:
            while may() and await tally_next(pool):
                pass
        except Exception as error:
            log.exception("tallying.failed", error=str(error))


async def tally_next(pool: Pool) -> bool:
    """Count one wave, if there is one to count."""
    async with pool.connection() as connection:
        return await tallies.refresh(connection) is not None
