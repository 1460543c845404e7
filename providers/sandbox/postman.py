"""Delivers a pretend carrier's callbacks: by GET, in the order given for each message, tried again when they fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import aiohttp
from yarl import URL

from providers.sandbox.dials import ReceiptDials
from providers.sandbox.hosts import loopback
from providers.sandbox.ledger import CallbackTry, Delivery, Ledger
from providers.sandbox.rounds import Rounds

WORKERS = 64


@dataclass(frozen=True, slots=True)
class Letter:
    """The callbacks of one message still to deliver, each a query; the next goes out when the one before is settled."""

    smsid: str
    url: str
    queries: tuple[dict[str, str], ...]
    tried: int = 0


class Postman:
    """Started and stopped with the server; what is still waiting at the end is not delivered."""

    def __init__(self, dials: ReceiptDials, ledger: Ledger, clock: Callable[[], float]) -> None:
        self._dials, self._ledger, self._clock = dials, ledger, clock
        self._rounds = Rounds(self._deliver, WORKERS, dials.timeout_seconds)

    async def __aenter__(self) -> Self:
        await self._rounds.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._rounds.__aexit__()

    def post(self, letter: Letter, delay: float) -> None:
        """Deliver after `delay` seconds."""
        self._ledger.callbacks_pending += len(letter.queries)
        self._rounds.later(letter, delay)

    async def hand_over(self, letter: Letter) -> None:
        """Deliver the first callback before returning (one try), the others after."""
        self._ledger.callbacks_pending += len(letter.queries)
        await self._deliver(letter)

    async def _deliver(self, letter: Letter) -> None:
        taken, result = await self._knock(letter)
        tried = letter.tried + 1
        if not taken and tried < self._dials.tries:
            self._note(letter, Delivery.RETRYING, result)
            self._rounds.later(replace(letter, tried=tried), self._dials.retry_seconds)
            return
        self._ledger.callbacks_pending -= 1
        self._note(letter, Delivery.DELIVERED if taken else Delivery.FAILED, result)
        if rest := letter.queries[1:]:
            self._rounds.soon(replace(letter, queries=rest, tried=0))

    async def _knock(self, letter: Letter) -> tuple[bool, str]:
        try:
            url = URL(letter.url)
            if not loopback(url.host):
                return False, "not a loopback address"
            async with self._rounds.session.get(url.extend_query(letter.queries[0]), allow_redirects=False) as response:
                return 200 <= response.status < 300, str(response.status)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return False, type(error).__name__

    def _note(self, letter: Letter, delivery: Delivery, result: str) -> None:
        status = int(letter.queries[0]["SendStatus"])
        self._ledger.called_back(CallbackTry(self._clock(), letter.smsid, status, delivery, letter.tried + 1, result))
