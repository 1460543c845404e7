"""Connections to carriers: opened, kept alive, lent to one call at a time, and watched."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import time
from collections import defaultdict
from dataclasses import dataclass

from providers.wire import Connection, HungUp, NotInTime, NotOpened, Origin, Reply

# One timer watches every call: so often within the shortest limit it looks who is over theirs.
GLANCES = 20
# The next address of a carrier that has several is tried after so long.
HEAD_START_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds allowed for each step of a call.

    `pool` covers waiting for a free connection and opening it, `connect` the opening alone. What is slow to be written
    is ended by the `deadline`, to which `write` adds.
    """

    connect: float = 5.0
    read: float = 30.0
    write: float = 10.0
    pool: float = 15.0

    @property
    def deadline(self) -> float:
        """The whole call, so that an answer dripping one byte a second ends too."""
        return self.pool + self.write + self.read


class Pool:
    """Connections, kept alive for `keep` seconds: at most `limit` calls at once. Made and used on one event loop."""

    def __init__(self, waits: Timeouts, *, limit: int, keep: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._waits, self._keep = waits, keep
        self._every = min(waits.read, waits.deadline, keep) / GLANCES
        self._places = asyncio.Semaphore(limit)
        self._idle: defaultdict[Origin, list[Connection]] = defaultdict(list)
        self._busy: set[Connection] = set()
        self._watch: asyncio.TimerHandle | None = None
        self._tls: dict[bool, ssl.SSLContext] = {}

    async def exchange(self, origin: Origin, request: bytes) -> Reply:
        """Send a request exactly once; raises `NoConnection`, or another `OSError`: then it may have been taken."""
        until = time.monotonic() + self._waits.deadline
        connection = await self._taken(origin)
        self._busy.add(connection)
        self._watch = self._watch or self._loop.call_later(self._every, self._look)
        try:
            return await connection.ask(request, until)
        except BaseException:
            connection.give_up(HungUp())
            raise
        finally:
            self._busy.discard(connection)
            self._places.release()
            self._keep_or_end(origin, connection)

    async def aclose(self) -> None:
        """End every connection, under way or idle."""
        if self._watch:
            self._watch.cancel()
        every = [*self._busy, *(connection for idle in self._idle.values() for connection in idle)]
        for connection in every:
            connection.give_up(HungUp())
        if every:
            await asyncio.wait([connection.ended for connection in every], timeout=self._waits.connect)

    def _keep_or_end(self, origin: Origin, connection: Connection) -> None:
        if connection.usable:
            self._idle[origin].append(connection)
        else:
            connection.give_up(HungUp())

    async def _taken(self, origin: Origin) -> Connection:
        """A connection for one call, and one of the places."""
        if not self._places.locked() and (connection := self._kept(origin)):
            await self._places.acquire()  # at once
            return connection
        try:
            async with asyncio.timeout(self._waits.pool):
                await self._places.acquire()
                try:
                    return self._kept(origin) or await self._opened(origin)
                except BaseException:
                    self._places.release()
                    raise
        except TimeoutError:
            raise NotInTime from None

    def _kept(self, origin: Origin) -> Connection | None:
        idle, oldest = self._idle[origin], time.monotonic() - self._keep
        while idle:
            connection = idle.pop()
            if connection.usable and connection.heard_at > oldest:
                return connection
            connection.give_up(HungUp())
        return None

    async def _opened(self, origin: Origin) -> Connection:
        tls = self._context(pinned=origin.fingerprint is not None) if origin.tls else None
        try:
            async with asyncio.timeout(self._waits.connect):
                _, connection = await self._loop.create_connection(
                    Connection, origin.host, origin.port, ssl=tls, happy_eyeballs_delay=HEAD_START_SECONDS
                )
        except TimeoutError:
            raise NotInTime from None
        except OSError as error:
            raise NotOpened(error.errno, error.strerror) from None
        if not connection.usable:  # ended again before we could say a word
            raise NotOpened
        if origin.tls and origin.fingerprint not in (None, hashlib.sha256(connection.certificate()).digest()):
            connection.give_up(HungUp())
            raise NotOpened(None, "another certificate than the one to be trusted")
        return connection

    def _context(self, *, pinned: bool) -> ssl.SSLContext:
        """Certificates are checked by their issuers, or, `pinned`, by being the one that is known."""
        if pinned not in self._tls:
            context = self._tls[pinned] = ssl.create_default_context()
            context.set_alpn_protocols(["http/1.1"])
            if pinned:
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return self._tls[pinned]

    def _look(self) -> None:
        """End what is over its time, and what has been idle too long."""
        now = time.monotonic()
        for connection in list(self._busy):
            connection.look(now, self._waits.read)
        for idle in self._idle.values():
            for connection in idle:
                if connection.heard_at <= now - self._keep:
                    connection.give_up(HungUp())
            idle[:] = [connection for connection in idle if connection.usable]
        again = self._busy or any(self._idle.values())
        self._watch = self._loop.call_later(self._every, self._look) if again else None
