"""One HTTP/1.1 connection of asyncio: requests are written here, answers are read by httptools (llhttp)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple, cast
from urllib.parse import quote, urlsplit

import httptools

MAX_ANSWER_BYTES = 1024 * 1024
# With its heads and the lines between chunks.
MAX_WIRE_BYTES = 2 * MAX_ANSWER_BYTES
# As the standard says how long to wait, and as Yii's rate limiter does (seconds too).
_PAUSES = (b"retry-after", b"x-rate-limit-reset")
PORTS = {"http": 80, "https": 443}
# Below it an answer only says "go on": the real one follows.
FIRST_FINAL_STATUS = 200
_PLAIN = "/%:@!$&'()*+,;=~"


class BadRequest(ValueError):  # noqa: N818  named for what it is about, like those below
    """A URL or a header that cannot be sent."""


class NoConnection(OSError):  # noqa: N818
    """There was no connection, so nothing was sent."""


class NotOpened(NoConnection):
    """Refused, unknown name, bad certificate."""


class NotInTime(NoConnection):
    """None was free, or none could be opened, within the time for it."""


class Broken(OSError):  # noqa: N818
    """The request went out, and there is no answer to it."""


class TooSlow(Broken):
    """No answer, or no end of it, in time."""


class HungUp(Broken):
    """The connection ended before the answer did."""


class NotHttp(Broken):
    """What came is no HTTP answer."""


class AnswerTooLong(Broken):
    """The answer is longer than `MAX_ANSWER_BYTES`."""


class Origin(NamedTuple):
    """Whom to connect to; `fingerprint` is the SHA-256 of its certificate, where that one alone is trusted."""

    tls: bool
    host: str
    port: int
    fingerprint: bytes | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes = field(repr=False)
    retry_after: str | None


@lru_cache(maxsize=256)
def parted(url: str) -> tuple[Origin, str, str]:
    """Whom to connect to, what to say as Host, and path with query. Raises `BadRequest`."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, (parts.hostname or "").encode("idna").decode()
    except ValueError:
        raise BadRequest("not an address") from None
    if parts.scheme not in PORTS or not host or parts.username is not None:
        raise BadRequest("not an address")
    named = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
    query = f"?{quote(parts.query, safe=_PLAIN + '?')}" if parts.query else ""
    return (
        Origin(parts.scheme == "https", host, port or PORTS[parts.scheme]),
        named,
        quote(parts.path or "/", _PLAIN) + query,
    )


def written(method: str, host: str, target: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """A request as it leaves. Raises `BadRequest` for a header that would break out of its line."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *[f"{name}: {value}" for name, value in headers.items()]]
    if body or method != "GET":
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join(lines)
    if len(head.splitlines()) != len(lines) or not head.isascii():
        raise BadRequest("a header that cannot be sent")
    return head.encode() + b"\r\n\r\n" + body


class Connection(asyncio.Protocol):
    """One connection: one request at a time, each with its own parser. `usable`: another may follow."""

    def __init__(self) -> None:
        self.usable = False
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.heard_at = self._until = time.monotonic()
        self._answer: asyncio.Future[Reply] | None = None

    def ask(self, request: bytes, until: float) -> asyncio.Future[Reply]:
        """Send the request; the answer, or an `OSError`, is due by `until` (monotonic seconds)."""
        self._parser = httptools.HttpResponseParser(self)
        self._pieces: list[bytes] = []
        self._came = self._length = 0
        self._headed = self._measured = False
        self._retry_after: str | None = None
        self.heard_at, self._until = time.monotonic(), until
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def look(self, now: float, read: float) -> None:
        """Give up where nothing was heard for `read` seconds since all was written, or the time is over."""
        if self._transport.get_write_buffer_size():
            self.heard_at = now
        if now > min(self._until, self.heard_at + read):
            self.give_up(TooSlow())

    def give_up(self, error: OSError) -> None:
        """End the connection at once; whoever waits for an answer hears why."""
        self.usable = False
        self._fail(error)
        self._transport.abort()

    def certificate(self) -> bytes:
        """The carrier's, as it was sent; empty without TLS."""
        tls = self._transport.get_extra_info("ssl_object")
        return (tls.getpeercert(binary_form=True) if tls else None) or b""

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self.usable = cast("asyncio.Transport", transport), True

    def data_received(self, data: bytes) -> None:
        if not self._asked:
            return self.give_up(NotHttp())
        self.heard_at = time.monotonic()
        self._came += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            return self.give_up(NotHttp())
        if self._came > MAX_WIRE_BYTES:
            return self.give_up(AnswerTooLong())
        return None

    def eof_received(self) -> None:
        """An answer that does not say how long it is ends here."""
        self.usable = False
        if self._asked and self._headed and not self._measured:
            self._finish()

    def connection_lost(self, error: Exception | None) -> None:
        self.usable = False
        self._fail(error if isinstance(error, OSError) else HungUp())
        if not self.ended.done():
            self.ended.set_result(None)

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Of an answer, or of what follows it and could be taken for the next one."""
        self.usable = self.usable and self._asked

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in _PAUSES:
            self._retry_after = value.decode("latin-1")
        elif name in (b"content-length", b"transfer-encoding"):
            self._measured = True

    def on_headers_complete(self) -> None:
        self._headed = self._parser.get_status_code() >= FIRST_FINAL_STATUS

    def on_body(self, piece: bytes) -> None:
        self._length += len(piece)
        if self._length <= MAX_ANSWER_BYTES:
            self._pieces.append(piece)
        else:
            self.give_up(AnswerTooLong())

    def on_message_complete(self) -> None:
        if self._headed:
            unwritten = self._transport.get_write_buffer_size()
            self.usable = self.usable and self._parser.should_keep_alive() and not unwritten
            self._finish()

    @property
    def _asked(self) -> bool:
        return self._answer is not None and not self._answer.done()

    def _finish(self) -> None:
        if self._answer and not self._answer.done():
            reply = Reply(self._parser.get_status_code(), b"".join(self._pieces), self._retry_after)
            self._answer.set_result(reply)

    def _fail(self, error: OSError) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(error)
