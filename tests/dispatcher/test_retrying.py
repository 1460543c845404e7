"""What follows from each failure, and after how many tries."""

from __future__ import annotations

import pytest

from dispatcher.lifecycle import Event
from dispatcher.retrying import DELAYS_SECONDS, MAX_ATTEMPTS, Decision, Unpermitted, decide
from providers.errors import Misconfigured, NotSent, ProviderError, Throttled, Unavailable, Uncertain

E = Event
TABLE = [
    (Throttled("t"), 1, Decision(E.NOT_SENT, delay=1.0, costs_attempt=False)),
    (Throttled("t", retry_after=7.5), 1, Decision(E.NOT_SENT, delay=7.5, costs_attempt=False)),
    (Throttled("t", retry_after=2), MAX_ATTEMPTS + 3, Decision(E.NOT_SENT, delay=2, costs_attempt=False)),
    (Misconfigured("t"), 1, Decision(E.RETURNED, costs_attempt=False, park=True)),
    (Misconfigured("t"), MAX_ATTEMPTS + 1, Decision(E.RETURNED, costs_attempt=False, park=True)),
    (Unpermitted("t"), MAX_ATTEMPTS, Decision(E.RETURNED, delay=1.0, costs_attempt=False)),
    (Unavailable("t"), 1, Decision(E.NOT_SENT, delay=5.0)),
    (Unavailable("t"), 2, Decision(E.NOT_SENT, delay=30.0)),
    (Unavailable("t"), 3, Decision(E.NOT_SENT, delay=120.0)),
    (Unavailable("t"), 4, Decision(E.NOT_SENT, delay=600.0)),
    (Unavailable("t"), 5, Decision(E.EXHAUSTED)),
    (NotSent("t"), 1, Decision(E.NOT_SENT, delay=5.0)),
    (NotSent("t"), 6, Decision(E.EXHAUSTED)),
    (Uncertain("t"), 1, Decision(E.LOST)),
    (Uncertain("t"), MAX_ATTEMPTS, Decision(E.LOST)),
    (ProviderError("t"), 1, Decision(E.LOST)),
]


@pytest.mark.parametrize(("error", "attempts", "decision"), TABLE)
def test_each_failure_has_its_consequence(error: ProviderError, attempts: int, decision: Decision) -> None:
    assert decide(error, attempts) == decision


def test_there_is_a_delay_before_every_try_but_the_first() -> None:
    assert len(DELAYS_SECONDS) == MAX_ATTEMPTS - 1
    assert list(DELAYS_SECONDS) == sorted(DELAYS_SECONDS)


PROBES = [
    (Unavailable("t"), Decision(E.NOT_SENT, costs_attempt=False)),
    (NotSent("t"), Decision(E.EXHAUSTED)),
    (Throttled("t"), Decision(E.NOT_SENT, delay=1.0, costs_attempt=False)),
    (Uncertain("t"), Decision(E.LOST)),
]


@pytest.mark.parametrize(("error", "decision"), PROBES)
def test_a_message_pays_nothing_for_finding_out_that_the_carrier_is_still_away(
    error: ProviderError, decision: Decision
) -> None:
    assert decide(error, MAX_ATTEMPTS, probing=True) == decision


@pytest.mark.parametrize("attempts", range(1, 10))
def test_what_may_have_been_sent_is_never_sent_again(attempts: int) -> None:
    assert decide(Uncertain("read timeout"), attempts).event is E.LOST
