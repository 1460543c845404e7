"""Keeps a database that is not the rightful one from sending, and its witnesses up to date while it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import psycopg
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from dispatcher.ending import end
from dispatcher.epoch import REASONS, RIGHTFUL, Mark, Standing, Stored, Witnesses, judge
from dispatcher.settings import Settings
from dispatcher.store import installation
from dispatcher.store.database import Connection, Pool
from dispatcher.witnesses import FileWitness, ValkeyWitness

log = structlog.get_logger()

CHECK_SECONDS = 2.0
# A backup that is older than this is told from the database it was made of.
RENEW_SECONDS = 10.0
ADVICE = "dispatcher adopt --by NAME --reason WHY"


@dataclass(frozen=True, slots=True)
class Finding:
    """The database, its witnesses, and what comparing them came to."""

    stored: Stored
    witnesses: Witnesses
    standing: Standing

    @property
    def refusal(self) -> str | None:
        """Why nothing may be sent, for a person; None when it may."""
        if self.standing in RIGHTFUL:
            return None
        return f"hệ thống chưa được nhận lại ({REASONS[self.standing]}); xem: dispatcher adopt --help"


class Guard:
    """One for each process. Until a check has gone well, nothing may be sent."""

    def __init__(self, settings: Settings, redis: Redis) -> None:
        self._embedded = settings.database_url is None
        self._file = FileWitness(settings.folder)
        self._valkey = ValkeyWitness(redis)
        self._known: Mark | None = None
        self._standing: Standing | None = None

    @property
    def trusted(self) -> bool:
        """Whether the last check that could be made went well."""
        return self._standing is Standing.OURS

    async def holds(self, connection: Connection) -> bool:
        """Whether this very connection leads to the database that was checked, and not to an older one."""
        return self.trusted and self._known is not None and await installation.reached(connection, self._known)

    async def find(self, pool: Pool) -> Finding:
        """Look, and change nothing. Raises `RedisError` and `psycopg.Error`."""
        finding = await self._look(pool)
        if finding.standing in RIGHTFUL:
            return finding
        return await self._look(pool)  # the installation may have begun between two glances

    async def _look(self, pool: Pool) -> Finding:
        # The witnesses first: they follow the database, and must not be found ahead of it because time passed.
        known = Witnesses(self._known, await self._file.read(), await self._valkey.read())
        async with pool.connection() as connection:
            stored = await installation.stored(connection)
        return Finding(stored, known, judge(stored, known, embedded=self._embedded))

    async def check(self, pool: Pool) -> None:
        """Look; if the database is the rightful one, tell the witnesses and go on to the next generation when it is time.

        Without the database or Valkey all stays as it was: nothing can be sent then anyway.
        """
        try:
            finding = await self.find(pool)
            if finding.standing is Standing.FRESH:
                await self._begin(pool)
                finding = await self.find(pool)
            if finding.standing is Standing.OURS and finding.stored.mark:
                await self._renew(pool, finding, finding.stored.mark)
        except (psycopg.Error, RedisError) as error:
            log.warning("installation.unchecked", error=str(error))
            return
        self._tell(finding)

    async def write(self, mark: Mark) -> None:
        """Have both witnesses say `mark`. Raises `RedisError`."""
        await self._file.write(mark)
        await self._valkey.write(mark)

    async def _begin(self, pool: Pool) -> None:
        """The file knows before the database: killed in between, we begin again; the other way round we would be strangers
        to ourselves."""
        mark = Mark(uuid4(), 1)
        async with pool.connection() as connection:
            if not await installation.begin(connection, mark):
                return
            await self._file.write(mark)
        await self._valkey.write(mark)

    async def _renew(self, pool: Pool, finding: Finding, mark: Mark) -> None:
        if finding.witnesses.file != mark:
            await self._file.write(mark)
        if finding.witnesses.valkey != mark:
            await self._valkey.write(mark)
        # A process that starts renews at once: a backup made while nothing ran is older than what it sends.
        pause = RENEW_SECONDS if self._known else 0.0
        async with pool.connection() as connection:
            renewed = await installation.renew(connection, mark, pause)
        self._known = renewed or mark
        if renewed:
            await self.write(renewed)

    def _tell(self, finding: Finding) -> None:
        if finding.standing is self._standing:
            return
        self._standing = finding.standing
        if finding.standing is Standing.OURS:
            log.info("installation.recognised", generation=self._known.generation if self._known else None)
        else:
            log.error("installation.not_adopted", standing=finding.standing, advice=ADVICE)

    @asynccontextmanager
    async def watching(self, pool: Pool) -> AsyncIterator[None]:
        """Check now, and every few seconds for as long as we are inside."""
        await self.check(pool)
        watch = asyncio.create_task(self._watch(pool))
        try:
            yield
        finally:
            await end(watch)

    async def _watch(self, pool: Pool) -> None:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            await self.check(pool)
