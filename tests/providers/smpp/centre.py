"""A message centre made of a bare socket, for everything that a well-behaved one cannot be made to do."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from providers.smpp.codes import OK, RESPONSE, Command
from providers.smpp.pdu import Bind, BindAnswer, Frame, Message, Reader, answer, frame, read_message

# What is done with a submit_sm: answers a status, or None for no answer (yet).
Behaviour = Callable[["Guest", int, Message], int | None]


class Guest(asyncio.Protocol):
    """One connection to the centre: keeps every PDU that came, and can say anything."""

    def __init__(self, centre: Centre) -> None:
        self.centre = centre
        self.frames: list[Frame] = []
        self.bind: Bind | None = None
        self.gone = asyncio.Event()
        self.transport: asyncio.Transport
        self._reader = Reader()
        self._arrived = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.centre.guests.append(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.gone.set()

    def data_received(self, data: bytes) -> None:
        for one in self._reader.feed(data):
            self.frames.append(one)
            self._answer(one)
        self._arrived.set()

    def _answer(self, one: Frame) -> None:
        command, _, sequence, body = one
        if command in (Command.BIND_TRANSCEIVER, Command.BIND_TRANSMITTER, Command.BIND_RECEIVER):
            self.bind = Bind.read(body)
            self.centre.came.set()
            if (status := self.centre.binding(self)) is not None:
                told = BindAnswer(b"CENTRE", 0x34).pack() if status == OK else b""
                self.say(answer(command, status, sequence, told))
        elif command == Command.SUBMIT_SM:
            status = self.centre.behaviour(self, sequence, read_message(body))
            if status is not None:
                self.answer_submit(sequence, status)
        elif command == Command.QUERY_SM:
            self.centre.asked(self, sequence, body)
        elif command in (Command.ENQUIRE_LINK, Command.UNBIND) and self.centre.polite:
            self.say(answer(command, OK, sequence))

    def answer_submit(self, sequence: int, status: int = OK, id_: bytes | None = None) -> None:
        self.centre.taken += status == OK
        said = (b"ID%d" % self.centre.taken if id_ is None else id_) + b"\0" if status == OK else b""
        self.say(answer(Command.SUBMIT_SM, status, sequence, said))

    def say(self, octets: bytes) -> None:
        self.transport.write(octets)

    def deliver(self, message: Message, sequence: int = 1) -> None:
        self.say(frame(Command.DELIVER_SM, OK, sequence, message.pack()))

    def received(self, command: int) -> list[Frame]:
        return [one for one in self.frames if one[0] == command]

    async def wait_for(self, command: int, count: int = 1) -> list[Frame]:
        """The PDUs of a command, when there are `count` of them."""
        async with asyncio.timeout(10):
            while len(self.received(command)) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return self.received(command)


def accept(guest: Guest, sequence: int, message: Message) -> int | None:
    return OK


def silent(guest: Guest, sequence: int, message: Message) -> int | None:
    return None


@dataclass
class Centre:
    behaviour: Behaviour = accept
    binding: Callable[[Guest], int | None] = lambda guest: OK
    asked: Callable[[Guest, int, bytes], None] = lambda guest, sequence, body: None
    polite: bool = True
    port: int = 0
    taken: int = 0
    guests: list[Guest] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def submitted(self) -> list[Message]:
        return [read_message(body) for guest in self.guests for _, _, _, body in guest.received(Command.SUBMIT_SM)]

    async def guest(self, number: int = 0) -> Guest:
        """The connection of that number, from 0, when it is bound."""
        async with asyncio.timeout(10):
            while len(self.guests) <= number or self.guests[number].bind is None:
                self.came.clear()
                await self.came.wait()
        return self.guests[number]


@asynccontextmanager
async def open_centre(centre: Centre, tls: ssl.SSLContext | None = None) -> AsyncIterator[Centre]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Guest(centre), "127.0.0.1", centre.port, ssl=tls)
    centre.port = server.sockets[0].getsockname()[1]
    try:
        yield centre
    finally:
        server.close()
        for guest in centre.guests:
            guest.transport.abort()
        await server.wait_closed()


DELIVER_ANSWER = Command.DELIVER_SM | RESPONSE
