"""What to do after a call that failed: a decision, as a value."""

from __future__ import annotations

from dataclasses import dataclass

from dispatcher.lifecycle import Event
from providers.errors import Misconfigured, NotSent, ProviderError, Throttled, Unavailable

MAX_ATTEMPTS = 5
DELAYS_SECONDS = (5.0, 30.0, 120.0, 600.0)


class Unpermitted(NotSent):
    """Our own doing: the call's moment passed and no other was to be had soon, or the claim grew old; it was never begun."""


@dataclass(frozen=True, slots=True)
class Decision:
    """`event` moves the messages; `delay` in seconds until the batch is due again; `park` stops the route."""

    event: Event
    delay: float = 0.0
    costs_attempt: bool = True
    park: bool = False


def decide(error: ProviderError, attempts: int, *, probing: bool = False) -> Decision:
    """What follows from `error` for a message that has been tried `attempts` times, this one included.

    `probing`: the try was to see whether the carrier is back; that it is not is no fault of the message.
    """
    match error:
        case Throttled():
            return Decision(Event.NOT_SENT, delay=error.retry_after or 1.0, costs_attempt=False)
        case Unpermitted():
            return Decision(Event.RETURNED, delay=1.0, costs_attempt=False)
        case Misconfigured():
            return Decision(Event.RETURNED, costs_attempt=False, park=True)
        case Unavailable() if probing:
            return Decision(Event.NOT_SENT, costs_attempt=False)
        case NotSent() if attempts >= MAX_ATTEMPTS:
            return Decision(Event.EXHAUSTED)
        case NotSent():
            return Decision(Event.NOT_SENT, delay=DELAYS_SECONDS[min(attempts, len(DELAYS_SECONDS)) - 1])
        case _:
            return Decision(Event.LOST)
