"""A carrier that costs as little as Python allows: it takes everything, answers at once or after a delay, and reports back.

Run as `python -m benchmarks.engine.sink [--delay SECONDS] [--receipts]`; prints its port. It speaks just enough HTTP for clients
that are known to behave. `/one` takes an eSMS message and reports by GET, `/many` a list of recipients and reports by POST.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import re
from collections import deque
from urllib.parse import urlsplit

LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
MESSAGE = re.compile(rb'"RequestId": ?"([\w-]+)"')
CALLBACK = re.compile(rb'"CallbackUrl": ?"([^"]+)"', re.IGNORECASE)
REPORTERS = 48
REPORTED_AT_ONCE = 1000
_numbers = itertools.count(1)


def whole(data: bytes) -> int:
    """How many bytes the first message of `data` has; 0 while it is incomplete."""
    head = data.find(b"\r\n\r\n") + 4
    if head == 3:
        return 0
    length = LENGTH.search(data, 0, head)
    end = head + (int(length[1]) if length else 0)
    return end if len(data) >= end else 0


class Post:
    """Reports, sent over at most so many connections, one at a time on each.

    Whoever is told closes connections that nothing came over for some seconds: what was not answered is said again.
    """

    def __init__(self) -> None:
        self.waiting: deque[bytes] = deque()
        self.idle: list[Reporter] = []
        self._open = 0
        self._opening: set[asyncio.Task[object]] = set()

    def put(self, callback: bytes, request: bytes) -> None:
        self.waiting.append(request)
        self._address = urlsplit(callback)
        self._send()

    def gone(self, reporter: Reporter, unanswered: bytes | None) -> None:
        self._open -= 1
        if reporter in self.idle:
            self.idle.remove(reporter)
        if unanswered:
            self.waiting.appendleft(unanswered)
        if self.waiting:
            self._send()

    def _send(self) -> None:
        if self.idle:
            self.idle.pop().report(self.waiting.popleft())
        elif self._open < REPORTERS:
            self._open += 1
            host, port = (self._address.hostname or b"").decode(), self._address.port
            loop = asyncio.get_running_loop()
            opening = loop.create_task(loop.create_connection(lambda: Reporter(self), host, port))
            self._opening.add(opening)
            opening.add_done_callback(self._opening.discard)


class Reporter(asyncio.Protocol):
    def __init__(self, post: Post) -> None:
        self._post = post
        self._data = b""
        self._unanswered: bytes | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._next()

    def report(self, request: bytes) -> None:
        self._unanswered = request
        self._transport.write(request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._data += data
        if end := whole(self._data):
            self._data = self._data[end:]
            self._next()

    def connection_lost(self, _error: Exception | None) -> None:
        self._post.gone(self, self._unanswered)

    def _next(self) -> None:
        self._unanswered = None
        if self._post.waiting:
            self.report(self._post.waiting.popleft())
        else:
            self._post.idle.append(self)


class Desk(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self, delay: float, post: Post | None) -> None:
        self._delay, self._post = delay, post
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data = data = self._data + data if self._data else data
        while end := whole(data):
            request, data = data[:end], data[end:]
            answer = many(request, self._post) if request.startswith(b"POST /many") else one(request, self._post)
            if self._delay:
                asyncio.get_running_loop().call_later(self._delay, self._answer, answer)
            else:
                self._answer(answer)
        self._data = data

    def _answer(self, body: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        self._transport.write(head + body)  # type: ignore[attr-defined]


def one(request: bytes, post: Post | None) -> bytes:
    reference = b"sink-%d" % next(_numbers)
    if post and (message := MESSAGE.search(request)) and (callback := CALLBACK.search(request)):
        query = b"?SMSID=%s&RequestId=%s&SendStatus=5&SendSuccess=1&SendFailed=0&telcoid=3" % (reference, message[1])
        post.put(callback[1], b"GET %s%s HTTP/1.1\r\nHost: we\r\n\r\n" % (_path(callback[1]), query))
    return b'{"CodeResult":"100","CountRegenerate":0,"SMSID":"%s"}' % reference


def many(request: bytes, post: Post | None) -> bytes:
    said = json.loads(request[request.index(b"\r\n\r\n") + 4 :])
    ids = [message for message, _ in said["to"]]
    if post:
        callback = said["callback"].encode()
        for first in range(0, len(ids), REPORTED_AT_ONCE):
            body = json.dumps({"delivered": ids[first : first + REPORTED_AT_ONCE]}, separators=(",", ":")).encode()
            head = b"POST %s HTTP/1.1\r\nHost: we\r\nContent-Length: %d\r\n\r\n" % (_path(callback), len(body))
            post.put(callback, head + body)
    first = next(_numbers)
    return json.dumps({"taken": [f"sink-{first}-{n}" for n in range(len(ids))]}, separators=(",", ":")).encode()


def _path(callback: bytes) -> bytes:
    return b"/" + callback.split(b"/", 3)[3]


async def serve(delay: float, receipts: bool) -> None:
    post = Post() if receipts else None
    server = await asyncio.get_running_loop().create_server(lambda: Desk(delay, post), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--receipts", action="store_true")
    asked = parser.parse_args()
    asyncio.run(serve(asked.delay, asked.receipts))
