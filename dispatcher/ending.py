"""How work beside the work is ended."""

from __future__ import annotations

import asyncio

ASK_AGAIN_SECONDS = 1.0


async def end(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait until it has ended; raises what it failed with.

    It is asked again until it has: `asyncio.wait_for` of Python 3.11 takes a cancellation for itself where what it waits
    for is done at the same moment (python/cpython#86296), and libraries wait by it.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=ASK_AGAIN_SECONDS)
    if not task.cancelled():
        task.result()
