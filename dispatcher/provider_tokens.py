"""Tokens of accounts at providers: refreshed by one process at a time, stored before anybody uses them."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import psycopg
import structlog

from dispatcher.keyring import Keyring
from dispatcher.store import provider_tokens
from dispatcher.store.database import Connection, Pool
from dispatcher.store.provider_tokens import Kept
from providers.errors import NotSent, Unavailable
from providers.login import beforehand
from providers.tokens import NEVER_AUTHORISED, NotAuthorised, Pair, Signed

log = structlog.get_logger()

# What is left of its life when a token is refreshed: time enough for a person to act if that fails.
MARGIN = 0.2
# For how long an old token is used when a new one was not to be had just now.
OLD_SECONDS = 60.0
# A pair that cannot be stored is the account lost: the database is waited for.
STORE_AGAIN_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


@dataclass(frozen=True, slots=True)
class _Token:
    """An access token, used until `until` (monotonic)."""

    value: str = field(repr=False)
    until: float


NONE = _Token("", 0.0)


class Keeper:
    """The tokens of one account, as one process sees them."""

    def __init__(self, pool: Pool, keyring: Keyring, provider: Signed) -> None:
        self._pool, self._keyring, self._provider = pool, keyring, provider
        self._account = provider.account
        self._token = NONE
        self._alone = asyncio.Lock()

    async def current(self) -> str:
        """The access token. Raises `NotAuthorised`, or another `NotSent` where none is to be had just now."""
        if time.monotonic() < self._token.until:
            return self._token.value
        async with self._alone:
            if time.monotonic() >= self._token.until:
                self._token = await self._newer("")
            return self._token.value

    async def after(self, refused: str) -> str:
        """Another token than the one that the provider just refused: perhaps somebody has it already. Raises as above."""
        async with self._alone:
            if self._token.value == refused or time.monotonic() >= self._token.until:
                self._token = await self._newer(refused)
            return self._token.value

    async def begin(self, pair: Pair) -> None:
        """Keep the first pair, which a person has just got us."""
        async with self._pool.connection() as connection:
            await self._put(connection, pair, None)

    async def _newer(self, refused: str) -> _Token:
        """What is kept, if it is good; else a new pair. A worker that is told to stop still stores what it was given."""
        try:
            async with self._pool.connection() as connection:
                kept = await provider_tokens.read(connection, self._account)
            if token := self._usable(self._alive(kept), refused):
                return token
            return await asyncio.shield(self._refreshed(refused))
        except psycopg.OperationalError as error:
            raise Unavailable(f"the database with the tokens is away ({type(error).__name__})") from None

    async def _refreshed(self, refused: str) -> _Token:
        """What another process got while we waited for the row, else what we trade the old pair for."""
        traded: Pair | NotSent | None = None
        try:
            async with self._pool.connection() as connection:
                kept = self._alive(await provider_tokens.hold(connection, self._account))
                if token := self._usable(kept, refused):
                    return token
                traded = await self._traded(kept)
                if isinstance(traded, Pair):
                    await self._put(connection, traded, kept.version)
                elif isinstance(traded, NotAuthorised):
                    await provider_tokens.bury(connection, self._account, kept.version, str(traded))
        except psycopg.OperationalError:
            if not isinstance(traded, Pair):
                raise
            await self._put_at_last(traded, kept.version)
        if isinstance(traded, Pair):
            log.info("token.refreshed", account=self._account, seconds=traded.seconds)
            return _Token(traded.access, time.monotonic() + traded.seconds * (1 - MARGIN))
        return self._old(kept, refused, traded)

    async def _traded(self, kept: Kept) -> Pair | NotSent:
        try:
            with beforehand():
                return await self._provider.refreshed(self._opened(kept.refresh, kept.key_id, "refresh"))
        except NotSent as error:
            log.error("token.not_refreshed", account=self._account, reason=str(error), code=error.code)
            return error

    def _old(self, kept: Kept, refused: str, trouble: NotSent) -> _Token:
        """Until the old one ends there is time to try again."""
        if isinstance(trouble, NotAuthorised) or refused or kept.seconds <= 0:
            raise trouble
        return _Token(
            self._opened(kept.access, kept.key_id, "access"), time.monotonic() + min(kept.seconds, OLD_SECONDS)
        )

    def _alive(self, kept: Kept | None) -> Kept:
        if kept is None:
            raise NotAuthorised(NEVER_AUTHORISED)
        if kept.dead:
            raise NotAuthorised(kept.dead)
        return kept

    def _usable(self, kept: Kept, refused: str) -> _Token | None:
        value = self._opened(kept.access, kept.key_id, "access")
        rest = kept.seconds - kept.lifetime * MARGIN
        return _Token(value, time.monotonic() + rest) if rest > 0 and value != refused else None

    async def _put(self, connection: Connection, pair: Pair, version: int | None) -> None:
        await provider_tokens.put(
            connection,
            self._account,
            access=self._keyring.encrypt(pair.access, self._bound("access")),
            refresh=self._keyring.encrypt(pair.refresh, self._bound("refresh")),
            key_id=self._keyring.current,
            seconds=pair.seconds,
            version=version,
        )

    async def _put_at_last(self, pair: Pair, version: int) -> None:
        """The provider has changed its mind already: without the new pair a person would have to sign in again."""
        for seconds in STORE_AGAIN_SECONDS:
            await asyncio.sleep(seconds)
            try:
                async with self._pool.connection() as connection:
                    return await self._put(connection, pair, version)
            except psycopg.OperationalError as error:
                log.error("token.not_stored", account=self._account, error=str(error))
        raise Unavailable("the new token could not be stored")

    def _opened(self, cipher: bytes, key_id: str, what: str) -> str:
        return self._keyring.decrypt(cipher, self._bound(what), key_id)

    def _bound(self, what: str) -> bytes:
        """So that neither rows nor columns can be swapped."""
        return f"token:{self._account}:{what}".encode()
