"""The one HTTP client of all adapters, and what each failure proves."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self
from urllib.parse import urlencode

from tenacity import AsyncRetrying, retry_if_result, stop_after_attempt, wait_random

from providers.base import Exchange
from providers.blanking import blanked
from providers.errors import Misconfigured, ProviderError, Throttled, Unavailable, Uncertain
from providers.pool import Pool
from providers.pool import Timeouts as Timeouts  # our callers' too
from providers.wire import BadRequest, NoConnection, NotOpened, Reply, parted, written

# Not compressed: answers are short, and a small one could unpack to a gigabyte.
HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "dispatcher"}
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

# Wrong key, address not allowed, no such path: the same for every message, and nothing was taken.
CLOSED_DOORS = {
    401: "the carrier refuses our credentials",
    403: "the carrier refuses us: credentials or address list",
    404: "there is no such address at the carrier: look at base_url",
    405: "there is no such call at the carrier: look at base_url",
}


@dataclass(frozen=True, slots=True)
class Call:
    """One request of an adapter.

    `tried` says in a few words what it is for, `shown` is the request as it may be stored: both blanked by the adapter.
    `hidden` values are blanked from the answer, should the carrier repeat them. `body` is sent as JSON, or as it is where
    it is text already: then `headers` say what it is. `fingerprint` is the SHA-256 of the one certificate to be trusted.
    """

    method: str
    url: str = field(repr=False)
    tried: str
    shown: str
    hidden: tuple[str, ...] = field(default=(), repr=False)
    params: Mapping[str, str] | None = field(default=None, repr=False)
    body: Mapping[str, object] | str | None = field(default=None, repr=False)
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    fingerprint: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a carrier answered, below HTTP 500 and not 429; the body is as sent, the exchange blanked."""

    status: int
    body: bytes = field(repr=False)
    exchange: Exchange


class Http:
    """Sends calls. One for a route: `connections` is the most that are open at once, further calls wait for a free one.

    Kept-alive connections are dropped after `keep_alive_seconds`: below the 5 seconds of common servers, because a
    connection that the carrier closes under our request leaves the message uncertain.
    """

    def __init__(
        self,
        *,
        timeouts: Timeouts | None = None,
        connections: int = 64,
        keep_alive_seconds: float = 4.0,
        tries: int = 3,
    ) -> None:
        self.timeouts = timeouts or Timeouts()
        self._connections, self._keep_alive_seconds, self._tries = connections, keep_alive_seconds, tries
        self._pool: Pool | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        if self._pool:
            await self._pool.aclose()

    async def send(self, call: Call) -> Answer:
        """Make a call, once the connection is open exactly once.

        Raises `Unavailable`, `Throttled`, `Uncertain` or `Misconfigured` (the address is no URL), with the exchange.
        """
        started_at, clock = datetime.now(UTC), time.perf_counter()
        outcome = await self._opened(call)
        elapsed = time.perf_counter() - clock
        if isinstance(outcome, Exception):
            raise _transport_failure(call.tried, outcome, Exchange(call.shown, "", None, started_at, elapsed))
        text = blanked(outcome.body[:8000].decode("utf-8", "replace"), call.hidden)
        exchange = Exchange(call.shown, text, outcome.status, started_at, elapsed)
        if failure := _status_failure(call.tried, outcome, exchange):
            raise failure
        return Answer(outcome.status, outcome.body, exchange)

    async def _opened(self, call: Call) -> Reply | Exception:
        """Try again where the connection could not be opened: nothing was sent. tenacity only then, it costs 10 %."""
        outcome = await self._outcome(call)
        if self._tries == 1 or not _refused(outcome):
            return outcome
        again = AsyncRetrying(
            stop=stop_after_attempt(self._tries - 1),
            wait=wait_random(0.05, 0.25),
            retry=retry_if_result(_refused),
            retry_error_callback=lambda last: last.outcome and last.outcome.result(),
        )
        return await again(self._outcome, call)

    async def _outcome(self, call: Call) -> Reply | OSError | BadRequest:
        """Answer or error, as a value: raised inside `except`, ours would carry the transport's, with URL and keys."""
        try:
            origin, host, target = parted(call.url)
            request = written(call.method, host, _asking(target, call.params), _headers(call), _body(call))
            return await self._open_pool().exchange(origin._replace(fingerprint=call.fingerprint), request)
        except (OSError, BadRequest) as error:
            return error

    def _open_pool(self) -> Pool:
        """Made on first use: it belongs to the running loop."""
        self._pool = self._pool or Pool(self.timeouts, limit=self._connections, keep=self._keep_alive_seconds)
        return self._pool


def require_access(answer: Answer, tried: str) -> None:
    """Raise `Misconfigured` where the HTTP status says that a person must act (see `CLOSED_DOORS`)."""
    if meaning := CLOSED_DOORS.get(answer.status):
        raise Misconfigured(
            f"{tried}: {meaning} (HTTP {answer.status})", code=f"HTTP {answer.status}", exchange=answer.exchange
        )


def seconds_to_wait(retry_after: str | None, now: datetime) -> float | None:
    """Read a Retry-After header (seconds or an HTTP date, RFC 9110 10.2.3) as seconds from `now`; else None."""
    if not retry_after:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        return _seconds_until(retry_after, now)
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _seconds_until(date: str, now: datetime) -> float | None:
    try:
        when = parsedate_to_datetime(date)
    except ValueError:
        return None
    return max(((when if when.tzinfo else when.replace(tzinfo=UTC)) - now).total_seconds(), 0.0)


def _asking(target: str, params: Mapping[str, str] | None) -> str:
    return f"{target}{'&' if '?' in target else '?'}{urlencode(params)}" if params else target


def _headers(call: Call) -> Mapping[str, str]:
    kind = {"Content-Type": "application/json"} if isinstance(call.body, Mapping) else {}
    return {**HEADERS, **kind, **(call.headers or {})}


def _body(call: Call) -> bytes:
    if call.body is None:
        return b""
    return (call.body if isinstance(call.body, str) else _JSON.encode(call.body)).encode()


def _transport_failure(tried: str, trouble: Exception, exchange: Exchange) -> ProviderError:
    if isinstance(trouble, BadRequest):
        return Misconfigured(f"{tried}: {trouble}, look at base_url and keys", exchange=exchange)
    said = f"{tried}: {_words(trouble)}"
    if isinstance(trouble, NoConnection):
        return Unavailable(f"{said}, no connection, nothing was sent", exchange=exchange)
    return Uncertain(f"{said}, the request may have been taken", exchange=exchange)


def _status_failure(tried: str, reply: Reply, exchange: Exchange) -> ProviderError | None:
    code = f"HTTP {reply.status}"
    if reply.status == 429:
        wait = seconds_to_wait(reply.retry_after, datetime.now(UTC))
        return Throttled(f"{tried}: too fast for the carrier ({code})", retry_after=wait, code=code, exchange=exchange)
    if 200 <= reply.status < 300 or 400 <= reply.status < 500:
        return None
    return Uncertain(
        f"{tried}: the carrier answered {code}, the request may have been taken", code=code, exchange=exchange
    )


def _refused(outcome: Reply | Exception) -> bool:
    """Worth another try at once: refused, unknown name or TLS; never after having waited for a time limit."""
    return isinstance(outcome, NotOpened)


def _words(trouble: Exception) -> str:
    """Name a failure by its class and the system's words only: the message may hold a URL with keys in it."""
    reason = trouble.strerror if isinstance(trouble, OSError) else None
    kind = type(trouble).__name__
    return f"{kind} ({blanked(reason, limit=120)})" if reason else kind
