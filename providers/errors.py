"""Failures of a whole call to a provider.

ProviderError                 the whole call failed
|- NotSent                    we know that nothing was accepted
|  |- Throttled(retry_after)  slow down; never costs an attempt
|  |- Unavailable             refused connection, DNS, TLS, breaker open
|  `- Misconfigured           credentials, brandname, credit: a person must act
`- Uncertain                  read timeout, cut connection, 5xx, an answer we cannot read

What a carrier says of one message is not an exception but a value: see `providers.base.Verdict`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from providers.base import Exchange


class ProviderError(Exception):
    """The whole call failed. `code` is the carrier's own word for it, `exchange` what went over the wire, blanked."""

    def __init__(self, tried: str, *, code: str = "", exchange: Exchange | None = None) -> None:
        super().__init__(tried)
        self.code = code
        self.exchange = exchange


class NotSent(ProviderError):  # noqa: N818  named for what we know, not for what it is
    """Nothing of this call was accepted, provably: it may be tried again."""


class Throttled(NotSent):
    """Too fast for the carrier. `retry_after` is in seconds, None where the carrier did not say."""

    def __init__(
        self, tried: str, *, retry_after: float | None = None, code: str = "", exchange: Exchange | None = None
    ) -> None:
        super().__init__(tried, code=code, exchange=exchange)
        self.retry_after = retry_after


class Unavailable(NotSent):
    """The carrier could not be reached at all."""


class Misconfigured(NotSent):
    """Credentials, brandname, whitelist or credit: a person must act, trying again does not help."""


class Uncertain(ProviderError):  # noqa: N818  as above
    """Something may have been accepted. A read timeout is not "not sent"."""
