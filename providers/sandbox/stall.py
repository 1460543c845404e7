"""What pretend carriers over HTTP share: a server on loopback, an account behind it, and a ledger."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import IO, Self

from aiohttp import web

from providers.sandbox.carrier import Carrier
from providers.sandbox.dials import Dials
from providers.sandbox.hosts import loopback
from providers.sandbox.ledger import Ledger


class Stall(ABC):
    """A carrier that never leaves this machine.

    `base_url` is what a route's options want, `origin` has `/health`, `/ledger` (JSON lines), `/ledger/summary` and
    `/ledger/received` below it, `ledger` the same as objects. Raises ValueError for a host that is not loopback.
    """

    path = "/"

    def __init__(
        self,
        dials: Dials | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        ledger_file: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        if not loopback(host):
            raise ValueError(f"a pretend carrier listens on loopback only, not on {host}")
        self.dials = dials or Dials()
        self._host, self._port, self._path = host, port, ledger_file
        self._clock, self._wall = clock, wall
        self._file: IO[str] | None = None

    async def __aenter__(self) -> Self:
        # Line by line: whoever reads the file while we run sees whole entries.
        self._file = self._path.open("a", encoding="utf-8", buffering=1) if self._path else None
        self.ledger = Ledger(self._file)
        self._carrier = Carrier(self.dials, self.ledger, self._clock, self._wall)
        self._runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port, backlog=1024).start()
        self.port: int = self._runner.addresses[0][1]
        self.origin = f"http://[{self._host}]:{self.port}" if ":" in self._host else f"http://{self._host}:{self.port}"
        self.base_url = self.origin + self.path
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
        if self._file:
            self._file.close()

    @abstractmethod
    def _app(self) -> web.Application:
        """The carrier's addresses."""
