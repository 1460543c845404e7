"""A pretend SMSC as a server on loopback: `async with PretendSmsc(dials) as smsc`."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import IO, Annotated, Self

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from providers.sandbox import books
from providers.sandbox.hosts import loopback
from providers.sandbox.smsc.centre import Centre
from providers.sandbox.smsc.dials import SmscDials
from providers.sandbox.smsc.ledger import SmscLedger
from providers.sandbox.smsc.line import Line
from providers.sandbox.smsc.post import Letter, PostOffice
from providers.smpp.alphabet import DATA_CODING, LETTERS, Alphabet
from providers.smpp.parts import Concatenation, parts
from providers.smpp.pdu import Message


class Inbound(BaseModel):
    """A text from a person, to be sent to an account. `backwards`: the last part first; `times`: all of it so often."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    phone: str
    to: str
    text: str
    account: str = "sandbox"
    concatenation: Concatenation = Concatenation.UDH8
    reference: Annotated[int, Field(ge=0, le=0xFFFF)] = 1
    backwards: bool = False
    times: int = Field(default=1, ge=1)


class PretendSmsc:
    """An SMSC that never leaves this machine.

    `host` and `port` speak SMPP, by TLS where a context is given. `origin` is HTTP: `/health`, `/ledger` (JSON lines),
    `/ledger/summary` and `/ledger/received`; POST `/inbound` (an `Inbound` as JSON), `/cut` (every session) and `/hush`
    (every session half-open from now on). `ledger` is the same as objects. Raises ValueError for a host that is not
    loopback.
    """

    def __init__(
        self,
        dials: SmscDials | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        ledger_file: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        if not loopback(host):
            raise ValueError(f"a pretend SMSC listens on loopback only, not on {host}")
        self.dials = dials or SmscDials()
        self.host, self._asked_port, self._tls, self._path = host, port, tls, ledger_file
        self._clock, self._wall = clock, wall
        self._file: IO[str] | None = None

    async def __aenter__(self) -> Self:
        # Line by line: whoever reads the file while we run sees whole entries.
        self._file = self._path.open("a", encoding="utf-8", buffering=1) if self._path else None
        self.ledger = SmscLedger(self._file)
        self._centre = Centre(self.dials, self.ledger, self._clock, self._wall)
        self.lines: set[Line] = set()
        self._offices = {account: PostOffice(self._centre) for account in self.dials.accounts}
        numbers = count(1)
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Line(self._centre, self._offices.__getitem__, self.lines, next(numbers)),
            self.host,
            self._asked_port,
            ssl=self._tls,
            backlog=1024,
        )
        self.port: int = self._server.sockets[0].getsockname()[1]
        await self._open_books()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        ending = [line.gone for line in self.lines]
        self.cut()
        await asyncio.gather(*ending)
        for office in self._offices.values():
            office.stop()
        await self._runner.cleanup()
        if self._file:
            self._file.close()

    def cut(self) -> None:
        """End every session without a word."""
        for line in tuple(self.lines):
            line.cut()

    def hush(self) -> None:
        """Every session is half-open from now on."""
        for line in self.lines:
            line.silent = True

    def say(self, inbound: Inbound) -> None:
        """Deliver a text from a person. Raises KeyError for an account that is none, ValueError for a text of no size."""
        office = self._offices[inbound.account]
        alphabet = Alphabet.GSM if LETTERS.issuperset(inbound.text) else Alphabet.UCS2
        pieces = parts(inbound.text, alphabet, inbound.concatenation, inbound.reference) * inbound.times
        for piece in reversed(pieces) if inbound.backwards else pieces:
            message = Message(
                source_ton=1,
                source_npi=1,
                source=inbound.phone.encode("ascii"),
                dest=inbound.to.encode("ascii"),
                esm_class=piece.esm_class,
                data_coding=DATA_CODING[alphabet],
                text=piece.short_message,
                tlvs=piece.tlvs,
            )
            office.send(Letter(inbound.phone, None, message))

    async def _open_books(self) -> None:
        app = web.Application()
        app.add_routes(
            [
                *books.routes(self.ledger),
                web.post("/inbound", self._inbound),
                web.post("/cut", self._cut),
                web.post("/hush", self._hush),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.host, 0).start()
        port = self._runner.addresses[0][1]
        self.origin = f"http://[{self.host}]:{port}" if ":" in self.host else f"http://{self.host}:{port}"

    async def _inbound(self, request: web.Request) -> web.Response:
        try:
            self.say(Inbound.model_validate_json(await request.read()))
        except (ValidationError, KeyError, ValueError) as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        return web.json_response({"ok": True})

    async def _cut(self, _: web.Request) -> web.Response:
        self.cut()
        return web.json_response({"ok": True})

    async def _hush(self, _: web.Request) -> web.Response:
        self.hush()
        return web.json_response({"ok": True})
