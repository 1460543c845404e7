"""The clock of a rehearsal: where it goes when nothing can be sent, and how far while something is."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time
from uuid import UUID

import pytest

from campaigns.calendar import VIETNAM
from dispatcher.lifecycle import WaveStatus
from dispatcher.rehearsing.performance import Tempo, next_opening
from dispatcher.store.campaigns import StoredWave


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 6, day, hour, minute, tzinfo=VIETNAM)


WAVE = StoredWave(
    1, UUID(int=1), 1, "launch", "Launch", at(1, 7, 30), at(3, 9), time(7), time(22), 1, WaveStatus.SENDING, None, 0, 0
)
OPENINGS = [
    (at(1, 5), at(1, 7, 30)),
    (at(1, 8), at(1, 8)),
    (at(1, 21, 59), at(1, 21, 59)),
    (at(1, 22), at(2, 7)),
    (at(2, 3), at(2, 7)),
    (at(2, 22, 30), at(3, 7)),
    (at(3, 22), at(3, 9)),  # it is over: nothing more is waited for
]


@pytest.mark.parametrize(("now", "opening"), OPENINGS)
def test_the_clock_moves_to_the_next_moment_at_which_a_wave_may_send(now: datetime, opening: datetime) -> None:
    assert next_opening(WAVE, now) == opening


def test_a_window_that_only_opens_after_the_end_is_not_gone_to() -> None:
    assert next_opening(replace(WAVE, closes_at=at(2, 6)), at(1, 23)) == at(2, 6)


# (segments that left, seconds that took) -> seconds of the campaign, on routes of 20 and 10 segments a second.
STEPS = [
    ({"fast": 200, "slow": 100}, 0.5, 10.0),
    ({"fast": 200}, 0.5, 10.0),
    ({"slow": 5}, 0.5, 0.5),
    ({}, 0.5, 0.5),
]


@pytest.mark.parametrize(("sent", "took", "gone"), STEPS)
def test_the_clock_goes_on_by_the_time_in_which_the_routes_at_work_would_have_sent_that(
    sent: dict[str, int], took: float, gone: float
) -> None:
    tempo = Tempo(100.0, {"fast": 20.0, "slow": 10.0})
    assert tempo.step(sent, took) == pytest.approx(gone)


def test_a_machine_that_keeps_up_is_driven_faster_up_to_the_top_and_one_that_does_not_slower() -> None:
    tempo = Tempo(100.0, {"fast": 20.0})
    for _ in range(50):
        tempo.step({"fast": round(20 * tempo.speed * 0.5) + 1}, 0.5)
    assert tempo.speed == 100.0
    assert tempo.shares == {"fast": 1.0}
    for _ in range(50):
        tempo.step({"fast": 60}, 0.5)
    assert tempo.speed < 10.0


def test_a_route_that_is_ahead_gets_less_until_the_others_have_caught_up_and_an_idle_one_has_nothing_to_catch_up() -> (
    None
):
    tempo = Tempo(100.0, {"fast": 20.0, "slow": 10.0})
    tempo.step({"fast": 40, "slow": 40}, 0.5)
    assert tempo.lead["slow"] > 0 > tempo.lead["fast"]
    assert tempo.shares["slow"] < tempo.speed / 100 < tempo.shares["fast"]
    for _ in range(5):
        tempo.step({"slow": 20}, 0.5)
    assert tempo.lead["fast"] == 0.0


def test_over_a_machine_that_shares_itself_evenly_both_routes_keep_to_their_paces() -> None:
    """Fifty messages a step, as many for each as long as its share allows."""
    tempo, sent, clock = Tempo(100.0, {"fast": 20.0, "slow": 5.0}), {"fast": 0, "slow": 0}, 0.0
    for _ in range(400):
        allowed = {route: share * 100 * tempo.tps[route] * 0.4 for route, share in tempo.shares.items()}
        slow = min(allowed["slow"], max(25, 50 - allowed["fast"]))
        step = {"slow": round(slow), "fast": round(min(allowed["fast"], 50 - slow))}
        clock += tempo.step({route: n for route, n in step.items() if n}, 0.4)
        sent = {route: n + step[route] for route, n in sent.items()}
    assert sent["fast"] / 20 == pytest.approx(clock, rel=0.02)
    assert sent["slow"] / 5 == pytest.approx(clock, rel=0.02)
