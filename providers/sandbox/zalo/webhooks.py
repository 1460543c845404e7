"""Delivers a pretend Zalo's webhooks: signed, by POST, tried again when they fail."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Self

import aiohttp
from yarl import URL

from providers.sandbox.hosts import loopback
from providers.sandbox.ledger import CallbackTry, Delivery, Ledger
from providers.sandbox.rounds import Rounds
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
        self._rounds = Rounds(self._deliver, WORKERS, dials.webhooks.timeout_seconds)

    async def __aenter__(self) -> Self:
        await self._rounds.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._rounds.__aexit__()

    def post(self, event: Event, delay: float) -> None:
        """Deliver after `delay` seconds; nothing where nobody has told us an address."""
        if self.url:
            self._ledger.callbacks_pending += 1
            self._rounds.later(event, delay)

    def signed(self, told: Mapping[str, object]) -> tuple[bytes, dict[str, str]]:
        """Body and headers of an event that is sent now."""
        stamp = str(int(time.time() * 1000))
        body = json.dumps({**told, "app_id": self._dials.app_id, "timestamp": stamp}, ensure_ascii=False).encode()
        mac = sha256(self._dials.app_id.encode() + body + stamp.encode() + self._dials.oa_secret.encode()).hexdigest()
        return body, {"Content-Type": "application/json", "X-ZEvent-Signature": f"mac={mac}"}

    async def _deliver(self, event: Event) -> None:
        taken, result = await self._knock(event)
        tried = event.tried + 1
        again = not taken and tried < self._dials.webhooks.tries
        delivery = Delivery.DELIVERED if taken else Delivery.RETRYING if again else Delivery.FAILED
        self._ledger.called_back(CallbackTry(time.monotonic(), event.about, RECEIVED, delivery, tried, result))
        if again:
            self._rounds.later(Event(event.about, event.told, tried), self._dials.webhooks.retry_seconds)
        else:
            self._ledger.callbacks_pending -= 1

    async def _knock(self, event: Event) -> tuple[bool, str]:
        body, headers = self.signed(event.told)
        try:
            if not loopback(URL(self.url).host):
                return False, "not a loopback address"
            async with self._rounds.session.post(
                self.url, data=body, headers=headers, allow_redirects=False
            ) as response:
                return response.status == 200, str(response.status)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return False, type(error).__name__
