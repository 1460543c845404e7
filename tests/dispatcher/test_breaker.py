"""When a carrier counts as gone."""

from __future__ import annotations

import pytest

from dispatcher.breaker import FAILURES, Breaker
from providers.errors import Misconfigured, NotSent, ProviderError, Throttled, Unavailable, Uncertain

GONE = [Unavailable("refused"), Uncertain("timeout")]
THERE = [Throttled("429"), Misconfigured("no credit"), NotSent("busy")]


@pytest.mark.parametrize("error", GONE)
def test_so_many_calls_in_a_row_without_an_answer_trip_it_once(error: ProviderError) -> None:
    breaker = Breaker()
    assert [breaker.trips(error) for _ in range(2 * FAILURES)] == [
        n % FAILURES == 0 for n in range(1, 2 * FAILURES + 1)
    ]


@pytest.mark.parametrize("error", THERE)
def test_an_answer_of_any_kind_begins_the_count_anew(error: ProviderError) -> None:
    breaker = Breaker(FAILURES - 1)
    assert not breaker.trips(error)
    assert not breaker.trips(Uncertain("timeout"))
