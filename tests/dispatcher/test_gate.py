"""Who is let in first, and how many at once."""

from __future__ import annotations

import asyncio

import pytest

from campaigns.campaign import Priority
from dispatcher.gate import Gate

ALERT, NORMAL, BULK = Priority


async def turns(gate: Gate, comers: list[Priority]) -> list[Priority]:
    """In which order those who wait outside a full gate are let in, one place coming free at a time."""
    order: list[Priority] = []

    async def pass_through(priority: Priority) -> None:
        async with gate.place(priority):
            order.append(priority)

    tasks = [asyncio.create_task(pass_through(priority)) for priority in comers]
    await asyncio.sleep(0)
    gate.leave()
    await asyncio.gather(*tasks)
    return order


async def inside(gate: Gate, priority: Priority) -> int:
    """How many of a class get in before somebody has to wait."""
    for number in range(100):
        waiting = asyncio.create_task(gate.enter(priority))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if not waiting.done():
            waiting.cancel()
            return number
    raise AssertionError("the gate is open to everybody")


async def test_the_higher_class_is_let_in_first_and_within_a_class_the_first_to_come() -> None:
    gate = Gate(1, kept=0)
    await gate.enter(BULK)
    assert await turns(gate, [BULK, NORMAL, BULK, ALERT, NORMAL]) == [ALERT, NORMAL, NORMAL, BULK, BULK]


@pytest.mark.parametrize(("first", "then"), [(BULK, ALERT), (NORMAL, ALERT)])
async def test_the_last_place_is_kept_for_alerts(first: Priority, then: Priority) -> None:
    gate = Gate(5, kept=1)
    assert await inside(gate, first) == 4
    assert await inside(gate, then) == 1


async def test_alerts_may_have_every_place() -> None:
    assert await inside(Gate(5, kept=1), ALERT) == 5


async def test_who_is_called_off_takes_no_place() -> None:
    gate = Gate(1, kept=0)
    await gate.enter(NORMAL)
    waiting, let_in = asyncio.create_task(gate.enter(ALERT)), asyncio.create_task(gate.enter(NORMAL))
    await asyncio.sleep(0)
    waiting.cancel()
    gate.leave()
    let_in.cancel()  # it has its place already
    await asyncio.gather(waiting, let_in, return_exceptions=True)
    assert await inside(gate, BULK) == 1
