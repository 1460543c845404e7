"""An SMSC for measuring: it takes everything, remembers nothing, and is fast enough never to be what is measured.

It reads no more of a submit_sm than its two addresses, and writes once for every read. No dials but these, and of a ledger
only when how many came.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from itertools import count
from struct import Struct
from typing import IO, Self

from providers.sandbox.hosts import loopback
from providers.smpp.codes import RESPONSE, Command
from providers.smpp.pdu import BindAnswer, Reader, answer

_HEADER = Struct(">IIII")
_ADDRESSES = re.compile(rb"[^\0]*\0(..)([^\0]*\0)(..)([^\0]*\0)", re.DOTALL)
_ID = b"%016x\0"
_SUBMITTED = Command.SUBMIT_SM | RESPONSE
_SUBMITTED_SIZE = _HEADER.size + len(_ID % 0)
_SUBMIT, _DELIVER, _ACKNOWLEDGED = int(Command.SUBMIT_SM), int(Command.DELIVER_SM), Command.DELIVER_SM | RESPONSE
_RECEIPT = b"\4\0\0\0\0\0\0\0\0"  # esm_class to sm_default_msg_id, with empty dates
_WORDS = b"id:%016x sub:001 dlvrd:001 submit date:2601010000 done date:2601010000 stat:DELIVRD err:000 text:"
_WORDS_SIZE = bytes((len(_WORDS % 0),))


class Sink:
    """A sink on loopback: `async with Sink(receipts=True) as sink`.

    Every account and password is good. With `receipts`, each submit_sm is followed by a receipt in text form whatever it
    asked for, and receipts go out by the session that submitted. `answer_seconds` is how long each answer takes. `taken`
    and `acknowledged` count messages and receipts; the `ledger` gets a line of JSON for every read that held a submit_sm,
    each counted as a segment. Raises ValueError for a host that is not loopback.
    """

    def __init__(
        self,
        *,
        receipts: bool = False,
        answer_seconds: float = 0.0,
        host: str = "127.0.0.1",
        port: int = 0,
        ledger: IO[str] | None = None,
    ) -> None:
        if not loopback(host):
            raise ValueError(f"a sink listens on loopback only, not on {host}")
        self.receipts, self.answer_seconds = receipts, answer_seconds
        self.host, self._asked_port = host, port
        self._ledger = ledger
        self.taken = self.acknowledged = 0
        self.numbers = count(1)
        self.lines: set[_Line] = set()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Line(self), self.host, self._asked_port, backlog=1024)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    def note(self, segments: int) -> None:
        """Keep that so many came just now."""
        self.taken += segments
        if self._ledger:
            self._ledger.write(json.dumps({"kind": "request", "time": time.monotonic(), "segments": segments}) + "\n")

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        ending = [line.gone for line in self.lines]
        for line in tuple(self.lines):
            line.cut()
        await asyncio.gather(*ending)


class _Line(asyncio.Protocol):
    """A session."""

    def __init__(self, sink: Sink) -> None:
        self._sink, self._reader, self._sequence = sink, Reader(), count(1)
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
        self._sink.lines.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  the protocol's shape
        self._sink.lines.discard(self)
        self.gone.set_result(None)

    def cut(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        out: list[bytes] = []
        receipts: list[bytes] = []
        sink, header, acknowledged = self._sink, _HEADER.pack, 0
        for command, _, sequence, body in self._reader.feed(data):
            if command == _SUBMIT:
                number = next(sink.numbers)
                out.append(header(_SUBMITTED_SIZE, _SUBMITTED, 0, sequence) + _ID % number)
                if sink.receipts:
                    receipts.append(_receipt(next(self._sequence), number, body))
            elif command == _ACKNOWLEDGED:
                acknowledged += 1
            else:
                self._other(command, sequence)
        sink.acknowledged += acknowledged
        if out:
            sink.note(len(out))
            self._write(b"".join(out + receipts))
        if self._reader.broken:
            self._transport.close()

    def _write(self, octets: bytes) -> None:
        if self._sink.answer_seconds:
            asyncio.get_running_loop().call_later(self._sink.answer_seconds, self._transport.write, octets)
        else:
            self._transport.write(octets)

    def _other(self, command: int, sequence: int) -> None:
        if command & RESPONSE:
            return
        bound = command in (Command.BIND_TRANSCEIVER, Command.BIND_TRANSMITTER, Command.BIND_RECEIVER)
        self._transport.write(answer(command, 0, sequence, BindAnswer(b"sink", 0x34).pack() if bound else b""))
        if command == Command.UNBIND:
            self._transport.close()


def _receipt(sequence: int, number: int, body: bytes) -> bytes:
    addresses = _ADDRESSES.match(body)
    source_type, source, dest_type, dest = addresses.groups() if addresses else (b"\0\0", b"\0", b"\0\0", b"\0")
    told = b"".join((b"\0", dest_type, dest, source_type, source, _RECEIPT, _WORDS_SIZE, _WORDS % number))
    return _HEADER.pack(_HEADER.size + len(told), _DELIVER, 0, sequence) + told
