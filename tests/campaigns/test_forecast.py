"""When a route is done: by hand where it can be reckoned, else against a clock that sends segment by segment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.calendar import VIETNAM
from campaigns.campaign import Priority
from campaigns.forecast import Finish, Load, Way, days_earlier, forecast, pace_needed

BEHIND = (0.025, 0.2)
EIGHT = datetime(2026, 6, 1, 8, tzinfo=VIETNAM)
ALERT, NORMAL, BULK = Priority


def load(key: str, pieces: dict[int, int], priority: Priority = NORMAL, opens: float = 0, closes: float = 12) -> Load:
    """A load that opens and closes so many hours after eight; every day between eight and eight in the evening."""
    opens_at, closes_at = EIGHT + timedelta(hours=opens), EIGHT + timedelta(hours=closes)
    return Load(key, priority, opens_at, closes_at, time(8), time(20), pieces)


def ends(way: Way, *loads: Load, now: datetime = EIGHT) -> dict[str, str | int]:
    """When each load ends, Viet Nam time; how many expire where some do."""
    found = forecast(way, loads, now, BEHIND, used=1.0)
    return {key: finish.expired or _told(finish.finishes_at) for key, finish in found.items()}


def _told(moment: datetime | None) -> str:
    return f"{moment.astimezone(VIETNAM):%d %H:%M:%S}" if moment else "never"


TEN = Way("ten", 10)
CASES = [
    # what, way, loads, when they end
    ("an hour's worth", TEN, [load("a", {1: 36_000})], {"a": "01 09:00:00"}),
    ("segments count, not messages", TEN, [load("a", {1: 6_000, 3: 10_000})], {"a": "01 09:00:00"}),
    ("whole messages only: three segments use 9 of 10", TEN, [load("a", {3: 10_800})], {"a": "01 09:00:00"}),
    ("slower than one message a second", Way("slow", 2), [load("a", {3: 2_400})], {"a": "01 09:00:00"}),
    ("over night", TEN, [load("a", {1: 36_000 * 13}, closes=36)], {"a": "02 09:00:00"}),
    ("too late", TEN, [load("a", {1: 36_000 * 12 + 5})], {"a": 5}),
    ("too late, in messages of two segments", TEN, [load("a", {2: 18_000 * 12 + 5})], {"a": 5}),
    ("the first to open goes first", TEN, [load("a", {1: 36_000}), load("b", {1: 36_000}, opens=0.5)],
     {"a": "01 09:00:00", "b": "01 10:00:00"}),
    ("an alert goes first, and leaves one in forty", TEN, [load("n", {1: 36_000}), load("a", {1: 35_100}, ALERT)],
     {"a": "01 09:00:00", "n": "01 09:58:30"}),
    ("bulk has a fifth behind a normal wave", TEN, [load("n", {1: 28_800}), load("b", {1: 36_000}, BULK)],
     {"n": "01 09:00:00", "b": "01 09:48:00"}),
    ("a cap of an hour", Way("capped", 10, per_hour=18_000), [load("a", {1: 36_001})], {"a": "01 10:00:00"}),
    ("part of the hour's cap is used", Way("capped", 10, per_hour=18_000, used_hour=9_000), [load("a", {1: 18_000})],
     {"a": "01 09:15:00"}),
    ("a cap of a day", Way("capped", 10, per_day=36_000), [load("a", {1: 54_000}, closes=36)], {"a": "02 08:30:00"}),
    ("nobody to send to", TEN, [load("a", {})], {"a": "never"}),
]  # fmt: skip


@pytest.mark.parametrize(("way", "loads", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_end_is_where_a_pencil_puts_it(way: Way, loads: list[Load], expected: dict[str, str | int]) -> None:
    assert ends(way, *loads) == expected


def test_what_is_under_way_is_reckoned_from_what_remains() -> None:
    assert ends(TEN, load("a", {1: 18_000}), now=EIGHT + timedelta(hours=2)) == {"a": "01 10:30:00"}
    assert ends(TEN, load("a", {1: 7}), now=EIGHT + timedelta(hours=12)) == {"a": 7}


def test_the_first_message_leaves_when_the_route_comes_to_it() -> None:
    found = forecast(TEN, [load("a", {1: 36_000}), load("b", {1: 10}, opens=0.5)], EIGHT, BEHIND, used=1.0)
    assert found["b"].starts_at == EIGHT + timedelta(hours=1)


def test_the_pace_that_would_help_helps_and_a_tenth_less_does_not() -> None:
    late = [load("a", {1: 36_000 * 24})]
    pace = pace_needed(TEN, late, EIGHT, BEHIND, frozenset("a"))
    assert pace is not None
    assert ends(Way("more", pace), *late)["a"] != 0
    assert isinstance(ends(Way("less", pace / 1.11), *late)["a"], int)


def test_no_pace_helps_against_a_cap() -> None:
    assert pace_needed(Way("c", 10, per_day=10), [load("a", {1: 11})], EIGHT, BEHIND, frozenset("a")) is None


def test_the_days_earlier_that_would_help() -> None:
    week_before = EIGHT - timedelta(days=7)
    assert days_earlier(TEN, [load("a", {1: 36_000 * 25})], week_before, BEHIND, frozenset("a")) == 2
    assert days_earlier(TEN, [load("a", {1: 36_000 * 25})], EIGHT, BEHIND, frozenset("a")) is None


@dataclass
class Queue:
    load: Load
    left: int
    last: datetime | None = None


def by_the_second(way: Way, loads: list[Load], now: datetime) -> dict[str, tuple[datetime | None, int]]:
    """Every second its segments, one after the other, to whom the pacing would give them; written to be obvious."""
    queues = [Queue(wanted, wanted.messages) for wanted in sorted(loads, key=lambda wanted: wanted.opens_at)]
    used = {"hour": way.used_hour, "day": way.used_day}
    owed, credit, at = dict.fromkeys(Priority, 0.0), 0.0, now
    while any(queue.left and queue.load.closes_at > at for queue in queues):
        here = at.astimezone(VIETNAM)
        if here.minute == here.second == 0 and at > now:
            used["hour"] = 0
            used["day"] *= here.hour != 0
        credit += way.tps
        while credit >= 1:
            room = all(cap is None or used[name] < cap for name, cap in (("hour", way.per_hour), ("day", way.per_day)))
            waiting = [queue for queue in queues if queue.left and _open(queue.load, at)]
            if not (room and waiting):
                credit = 0.0
                break
            chosen = _next(waiting, owed)
            chosen.left -= 1
            chosen.last = at
            credit -= 1
            used["hour"] += 1
            used["day"] += 1
        at += timedelta(seconds=1)
    return {queue.load.key: (queue.last if not queue.left else None, queue.left) for queue in queues}


def _open(wanted: Load, at: datetime) -> bool:
    clock = at.astimezone(VIETNAM).time()
    return wanted.opens_at <= at < wanted.closes_at and wanted.window_from <= clock < wanted.window_to


def _next(waiting: list[Queue], owed: dict[Priority, float]) -> Queue:
    """Whoever is owed a whole segment, the highest such class first; else the highest class that waits."""
    classes = list(dict.fromkeys(queue.load.priority for queue in waiting))
    first = min(classes, key=list(Priority).index)
    due = [c for c in Priority if c in classes and c is not first and owed[c] >= 1]
    chosen = due[0] if due else first
    if due:
        owed[chosen] -= 1
    share = {Priority.ALERT: BEHIND[0], Priority.NORMAL: BEHIND[1]}.get(chosen, 0.0)
    for lower in list(Priority)[list(Priority).index(chosen) + 1 :]:
        if lower in classes:
            owed[lower] += share / (1 - share)
    return next(queue for queue in waiting if queue.load.priority is chosen)


HALF_HOURS = st.integers(0, 8).map(lambda n: EIGHT + timedelta(minutes=30 * n))
WINDOWS = st.sampled_from([(time(8), time(12)), (time(8, 30), time(9)), (time(10), time(11)), (time(8), time(20))])


@st.composite
def loads_of_a_day(draw: st.DrawFn) -> list[Load]:
    def one(key: str) -> Load:
        opens, window = draw(HALF_HOURS), draw(WINDOWS)
        closes = opens + timedelta(minutes=30 * draw(st.integers(1, 10)))
        return Load(key, draw(st.sampled_from(Priority)), opens, closes, *window, {1: draw(st.integers(0, 8_000))})

    return [one(key) for key in "abc"[: draw(st.integers(1, 3))]]


CAPS = st.none() | st.integers(50, 4_000)


@settings(max_examples=40)
@given(loads_of_a_day(), st.sampled_from([0.5, 1, 2, 3]), CAPS, CAPS)
def test_the_forecast_is_what_a_simulation_second_by_second_comes_to(
    loads: list[Load], tps: float, per_hour: int | None, per_day: int | None
) -> None:
    way = Way("any", tps, per_hour, per_day)
    forecasted = forecast(way, loads, EIGHT, BEHIND, used=1.0)
    alone = len({wanted.priority for wanted in loads}) == 1
    for key, (last, expired) in by_the_second(way, loads, EIGHT).items():
        _agree(forecasted[key], last, expired, tps if alone else tps * BEHIND[0])


def _agree(told: Finish, last: datetime | None, expired: int, slowest: float) -> None:
    """Within what whole segments and whole seconds can make of it: a few segments, and as long as those take."""
    slack = 4 + 0.002 * told.messages
    assert abs(told.expired - expired) <= slack
    if told.finishes_at and last:
        assert abs((told.finishes_at - last).total_seconds()) <= 2 + slack / slowest
        assert told.finishes_at.tzinfo is UTC
