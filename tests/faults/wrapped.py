"""A process of the product that kills itself, with kill -9, at a named call: `before:dispatcher.store.messages.claim:3`.

Run as `python -m tests.faults.wrapped worker|clock|web MARK [--die MOMENT:FUNCTION:TURN]`; the file MARK appears when the process
has something to do that a kill could break. The product has no hooks for this: functions are wrapped here, before the process
starts. Moments: `before` the call, `during` (a little after it began), `after`
it, and `worked`: after it, counting only calls that answered with something.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import os
import pkgutil
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from dispatcher import clock
from dispatcher.cli import clock as clock_command
from dispatcher.cli import web, worker
from dispatcher.store import planning

# Well inside the pretend carrier's shortest latency.
DURING_SECONDS = 0.02
# A lost id is put on the queue again after this long instead of a minute, and a few hundred people take several slices.
REQUEUE_SECONDS = 2.0
SLICE = 60

Call = Callable[..., Awaitable[Any]]
AT_WORK = {
    "worker": "dispatcher.store.messages.claim",
    "clock": "dispatcher.clock.tick",
    "web": "dispatcher.receipts.Inbox.run",
}
PROCESSES = {"worker": worker.worker, "clock": clock_command.clock, "web": web.web}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def deadly(function: Call, moment: str, turn: int) -> Call:
    """`function`, whose `turn`-th call is the end of this process."""
    turns = 0

    @functools.wraps(function)
    async def wrapped(*arguments: Any, **named: Any) -> Any:
        nonlocal turns
        turns += moment != "worked"
        ours = turns == turn and moment != "worked"
        if ours and moment == "before":
            die()
        if ours and moment == "during":
            asyncio.get_running_loop().call_later(DURING_SECONDS, die)
        answer = await function(*arguments, **named)
        if moment == "worked" and answer:
            turns += 1
            ours = turns == turn
        if ours and moment in ("after", "worked"):  # calls that began later do not matter: each has its own turn
            die()
        return answer

    return wrapped


def marking(function: Call, mark: Path) -> Call:
    """`function`, whose first call makes `mark`."""

    @functools.wraps(function)
    async def wrapped(*arguments: Any, **named: Any) -> Any:
        mark.touch()  # noqa: ASYNC240  once in a life
        return await function(*arguments, **named)

    return wrapped


def wrap(path: str, wrapper: Callable[[Call], Call]) -> None:
    """Wrap the function that `path` names, in its module or class."""
    owner, _, name = path.rpartition(".")
    place = pkgutil.resolve_name(owner)
    setattr(place, name, wrapper(getattr(place, name)))


def arm(death: str) -> None:
    """Have this process die as `death` says."""
    moment, path, turn = death.split(":")
    wrap(path, lambda function: deadly(function, moment, int(turn)))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=PROCESSES)
    parser.add_argument("mark", type=Path)
    parser.add_argument("--die")
    asked = parser.parse_args()
    clock.REQUEUE_SECONDS = REQUEUE_SECONDS
    planning.SLICE = SLICE
    wrap(AT_WORK[asked.kind], lambda function: marking(function, asked.mark))
    if asked.die:
        arm(asked.die)
    PROCESSES[asked.kind]()


if __name__ == "__main__":
    main()
