"""Whoever is asked to end does, even where something else has taken the first word."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from dispatcher import ending
from dispatcher.ending import end


async def test_a_task_that_missed_its_cancellation_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "ASK_AGAIN_SECONDS", 0.01)
    missed = 0

    async def deaf() -> None:
        nonlocal missed
        while missed < 3:
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            missed += 1
        await asyncio.Event().wait()

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    await end(task)
    assert (missed, task.cancelled()) == (3, True)


async def test_what_a_task_failed_with_is_told() -> None:
    async def failing() -> None:
        raise OSError("gone")

    task = asyncio.create_task(failing())
    await asyncio.wait([task])
    with pytest.raises(OSError, match="gone"):
        await end(task)
