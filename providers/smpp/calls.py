"""What became of each message of a call, on the wire: no meaning yet."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lost:
    """Sent, and nobody can tell whether it was taken."""

    why: str


@dataclass(frozen=True, slots=True)
class Unwritten:
    """Never sent. `busy`: because the centre, or our window at it, is full; else there was no link."""

    why: str
    busy: bool = False


# The centre's id (perhaps empty) where it took the PDU, its command_status where it did not.
Outcome = str | int | Lost | Unwritten
# What became of a message: one outcome, or one for each part.
Answer = Outcome | list[Outcome]

# One PDU to send: its call, which message of it, which part of that (`WHOLE`: all of it), the body. A bare tuple,
# because there is one for every message.
Piece = tuple["Call", int, int, bytes]
WHOLE = -1


class Long:
    """A message of several parts: the PDU of each, and what became of it."""

    __slots__ = ("left", "outcomes", "pieces", "tries")

    def __init__(self, pieces: list[Piece]) -> None:
        self.pieces = pieces
        self.outcomes: list[Outcome | None] = [None] * len(pieces)
        self.left = len(pieces)
        self.tries = 1

    @property
    def known(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome is not None]

    def settle(self, part: int, outcome: Outcome) -> None:
        self.outcomes[part] = outcome
        self.left -= 1

    def again(self, parts: list[int]) -> list[Piece]:
        """Have these parts open once more; answers their PDUs."""
        for part in parts:
            self.outcomes[part] = None
        self.left += len(parts)
        self.tries += 1
        return [self.pieces[part] for part in parts]


class Call:
    """One `submit`: `done` when every message has its answer. `names` are ours."""

    __slots__ = ("_answers", "asked_at", "done", "left", "long", "names")

    def __init__(self, names: Sequence[str], asked_at: float) -> None:
        self.names = names
        self.asked_at = asked_at
        self.long: dict[int, Long] = {}
        self.left = len(names)
        self.done: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()
        self._answers: list[Answer] = [""] * len(names)

    def settle(self, index: int, answer: Answer) -> None:
        self._answers[index] = answer
        self.left -= 1
        if not self.left and not self.done.done():
            self.done.set_result(self._answers)
