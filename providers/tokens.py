"""Access tokens that a provider gives for a while against a refresh token that works once."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Protocol

from providers.base import Provider
from providers.errors import Misconfigured

NEVER_AUTHORISED = "nobody has signed in at the provider for this account yet"


@dataclass(frozen=True, slots=True)
class Pair:
    """What a refresh gave: the old pair is worth nothing from that moment. `seconds`: how long `access` is good for."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    seconds: float


class NotAuthorised(Misconfigured):
    """There is no token that works, and no way to one without a person who signs in at the provider again."""


class Tokens(Protocol):
    """Keeps the pair of one account for all processes; a new one is stored before anybody uses it."""

    async def current(self) -> str:
        """The access token. Raises a `NotSent`."""

    async def after(self, refused: str) -> str:
        """Another token than the one that the provider just refused. Raises as above."""


class NoTokens:
    """Where nobody keeps any: routes are read, and nobody is spoken to."""

    async def current(self) -> str:
        raise NotAuthorised(NEVER_AUTHORISED)

    async def after(self, refused: str) -> str:  # noqa: ARG002  as in `Tokens`
        raise NotAuthorised(NEVER_AUTHORISED)


class Signed(Provider):
    """A provider that is given `tokens` by the dispatcher before its first call."""

    tokens: Tokens = NoTokens()

    @property
    @abstractmethod
    def account(self) -> str:
        """Which account the tokens are of: routes of one account share them."""

    @abstractmethod
    def permission(self, challenge: str, state: str) -> str:
        """The address at which a person allows us in; `challenge` is that of PKCE (S256)."""

    @abstractmethod
    async def granted(self, code: str, verifier: str) -> Pair:
        """Trade the code that the person was given for the first pair. Raises as `refreshed`."""

    @abstractmethod
    async def refreshed(self, refresh: str) -> Pair:
        """Trade a refresh token for a new pair. Raises `NotAuthorised`, or another `ProviderError` if nobody can tell.

        Called by one process at a time.
        """
