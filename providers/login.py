"""A key that a carrier gives for a while: asked for once, used by every call, thrown away when it is refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from providers.errors import Unavailable, Uncertain


@dataclass(frozen=True, slots=True)
class Pass:
    """What a login gave: `value` is the secret, good for `seconds` from now."""

    value: str = field(repr=False)
    seconds: float


class Login:
    """Keeps one pass; however many calls need it at once, the carrier is asked once."""

    def __init__(self, ask: Callable[[], Awaitable[Pass]], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask, self._clock = ask, clock
        self._lock = asyncio.Lock()
        self._value, self._until = "", 0.0

    async def value(self) -> str:
        """The pass; raises what asking for it raises."""
        async with self._lock:
            if self._clock() >= self._until:
                asked_at = self._clock()
                given = await self._ask()
                self._value, self._until = given.value, asked_at + given.seconds
            return self._value

    def drop(self, value: str) -> None:
        """The carrier refuses this one; a newer one stays."""
        if value == self._value:
            self._until = 0.0


@contextmanager
def beforehand() -> Iterator[None]:
    """A step that sends no message: whatever goes wrong with it, nothing was sent."""
    try:
        yield
    except Uncertain as error:
        raise Unavailable(f"{error}; no message was handed over", code=error.code, exchange=error.exchange) from None
