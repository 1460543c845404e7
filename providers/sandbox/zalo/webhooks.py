"""Delivers a pretend Zalo's webhooks: signed, by POST, tried again when they fail."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Self

import aiohttp
from yarl import URL

from providers.sandbox.ledger import CallbackTry, Delivery, Ledger
from providers.sandbox.postman import loopback
from providers.sandbox.zalo.dials import ZaloDials

WORKERS = 32
RECEIVED = 1


@dataclass(frozen=True, slots=True)
class Event:
    """A webhook still to deliver; `about` is the message's id, or whoever it speaks of."""

    about: str
    told: Mapping[str, object] = field(repr=False)
    tried: int = 0


class Webhooks:
    """Started and stopped with the server; what is still waiting at the end is not delivered."""

    def __init__(self, dials: ZaloDials, ledger: Ledger) -> None:
        self.url = dials.webhook_url
        self._dials, self._ledger = dials, ledger
        self._due: asyncio.Queue[Event] = asyncio.Queue()
        self._timers: set[asyncio.TimerHandle] = set()

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=self._dials.webhooks.timeout_seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._workers = [asyncio.create_task(self._work()) for _ in range(WORKERS)]
        return self

    async def __aexit__(self, *_: object) -> None:
        for timer in self._timers:
            timer.cancel()
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        await self._session.close()

    def post(self, event: Event, delay: float) -> None:
        """Deliver after `delay` seconds; nothing where nobody has told us an address."""
        if self.url:
            self._ledger.callbacks_pending += 1
            self._later(event, delay)

    def signed(self, told: Mapping[str, object]) -> tuple[bytes, dict[str, str]]:
        """Body and headers of an event that is sent now."""
        stamp = str(int(time.time() * 1000))
        body = json.dumps({**told, "app_id": self._dials.app_id, "timestamp": stamp}, ensure_ascii=False).encode()
        mac = sha256(self._dials.app_id.encode() + body + stamp.encode() + self._dials.oa_secret.encode()).hexdigest()
        return body, {"Content-Type": "application/json", "X-ZEvent-Signature": f"mac={mac}"}

    def _later(self, event: Event, delay: float) -> None:
        def due() -> None:
            self._timers.discard(timer)
            self._due.put_nowait(event)

        timer = asyncio.get_running_loop().call_later(delay, due)
        self._timers.add(timer)

    async def _work(self) -> None:
        while True:
            await self._deliver(await self._due.get())

    async def _deliver(self, event: Event) -> None:
        taken, result = await self._knock(event)
        tried = event.tried + 1
        again = not taken and tried < self._dials.webhooks.tries
        delivery = Delivery.DELIVERED if taken else Delivery.RETRYING if again else Delivery.FAILED
        self._ledger.called_back(CallbackTry(time.monotonic(), event.about, RECEIVED, delivery, tried, result))
        if again:
            self._later(Event(event.about, event.told, tried), self._dials.webhooks.retry_seconds)
        else:
            self._ledger.callbacks_pending -= 1

    async def _knock(self, event: Event) -> tuple[bool, str]:
        body, headers = self.signed(event.told)
        try:
            if not loopback(URL(self.url).host):
                return False, "not a loopback address"
            async with self._session.post(self.url, data=body, headers=headers, allow_redirects=False) as response:
                return response.status == 200, str(response.status)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return False, type(error).__name__
