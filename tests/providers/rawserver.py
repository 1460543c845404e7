"""A carrier made of a bare socket, for everything that a well-behaved HTTP server cannot be made to do."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from providers.http import Timeouts

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class RawServer:
    """Counts the requests that arrived whole and keeps their bytes; those of `preludes` apart."""

    origin: str = ""
    requests: list[bytes] = field(default_factory=list)
    preludes: list[bytes] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def raw_server(behaviour: Behaviour, preludes: Mapping[str, bytes] | None = None) -> AsyncIterator[RawServer]:
    """Each connection: read one request, behave, close.

    `preludes` is a part of an address -> the whole answer to what comes before the request that matters (a login).
    """
    told = RawServer()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            request = await read_request(reader)
            address = request.partition(b"\r\n")[0].decode("latin-1")
            if prelude := next((body for part, body in (preludes or {}).items() if part in address), None):
                told.preludes.append(request)
                await answers(prelude)(reader, writer)
                return
            told.requests.append(request)
            told.arrived.set()
            await behaviour(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    told.origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    try:
        yield told
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
    return head + (await reader.readexactly(int(length[1])) if length else b"")


def answers(body: bytes, status: str = "200 OK", headers: str = "") -> Behaviour:
    """A whole answer, then the end."""

    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{headers}\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    return behave


def says(data: bytes) -> Behaviour:
    """Any bytes, then the end."""

    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return behave


async def closes(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the request and hangs up."""
    writer.close()


async def resets(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the request and resets the connection."""
    plug: socket.socket = writer.get_extra_info("socket")
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def keeps_silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Takes the request and never answers."""
    await reader.read()


async def drips(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers one byte at a time, without end."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


# What happens after the request has gone out, and what it proves: nothing at all.
CUTS: dict[str, Behaviour] = {
    "closed without an answer": closes,
    "reset": resets,
    "half a header": says(b"HTTP/1.1 200 O"),
    "half a body": says(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"CodeRes'),
    "half a chunk": says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\nabc"),
    "a broken chunk": says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n"),
    "not HTTP": says(b"220 smtp.example ESMTP\r\n\r\n"),
    "no answer in time": keeps_silent,
    "a dripping answer": drips,
}


def enough(behaviour: Behaviour) -> Timeouts:
    """How long to wait for such a server: briefly only where nothing more comes, because a busy machine has pauses of its own."""
    return Timeouts(connect=1, read=0.3, write=0.1, pool=1) if behaviour in (keeps_silent, drips) else Timeouts()


def closed_port() -> str:
    """An address where nobody listens."""
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{plug.getsockname()[1]}/"
