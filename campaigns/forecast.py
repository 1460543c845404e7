"""When a route will have sent what its waves want of it: pure, from limits, windows and amounts.

A route is a stream of segments. At each moment the waves that may send share it as the pacing has it: a higher class first,
those behind it with what they are owed; within a class whoever opened first. Nothing else happens between two moments at
which a window opens or closes, an hour or a day begins, a cap is used up or a wave is out, so we step from one to the next.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta

from campaigns.campaign import Priority

HOUR, DAY, VIETNAM_AHEAD = 3600.0, 86400.0, 7 * 3600.0
# What the pacing uses of a limit, measured (docs/pacing.md): 99.6 % at 1,000 segments a second, 100 % at 20.
USED = 0.996
# Less than this is nothing: arithmetic with fractions of a segment.
NOTHING = 1e-6
RANKS = tuple(Priority)
# No campaign needs so many steps; a forecast that does is wrong, not slow.
STEPS = 1_000_000
MOST_DAYS_EARLIER = 14
FASTEST = 1000.0


@dataclass(frozen=True, slots=True)
class Way:
    """A route's limits: segments a second, of a clock hour, of a calendar day of Viet Nam; and what is used of the two."""

    name: str
    tps: float
    per_hour: int | None = None
    per_day: int | None = None
    used_hour: int = 0
    used_day: int = 0


@dataclass(frozen=True, slots=True)
class Load:
    """What a wave wants of a route: `pieces` is segments of a message -> messages. Window in Viet Nam time."""

    key: str
    priority: Priority
    opens_at: datetime
    closes_at: datetime
    window_from: time
    window_to: time
    pieces: Mapping[int, int]

    @property
    def messages(self) -> int:
        return sum(self.pieces.values())

    @property
    def segments(self) -> int:
        return sum(segments * count for segments, count in self.pieces.items())


@dataclass(frozen=True, slots=True)
class Finish:
    """What becomes of a load: its first and last message leave then; `expired` of them never do.

    `finishes_at` is None where some expire, or nothing was to be sent.
    """

    key: str
    messages: int
    segments: int
    starts_at: datetime | None
    finishes_at: datetime | None
    expired: int


@dataclass
class _Stream:
    """A load under way, in seconds of Viet Nam time; `left` in segments of pace, each of them `real` segments."""

    load: Load
    opens: float
    closes: float
    daily: tuple[float, float]
    left: float
    real: float
    began: float | None = None
    ended: float | None = None

    def open_at(self, t: float) -> bool:
        return self.left > NOTHING and self.opens <= t < self.closes and self.daily[0] <= t % DAY < self.daily[1]

    def edges(self, t: float) -> Iterable[float]:
        """When it opens or closes next, after `t`."""
        midnight = math.floor(t / DAY) * DAY
        yield from (self.opens, self.closes)
        yield from (midnight + day * DAY + edge for day in (0, 1) for edge in self.daily)


@dataclass
class _Cap:
    """Segments of a clock hour or a calendar day: what is left of them, and when they begin anew."""

    most: int | None
    stretch: float
    used: float
    begun: float

    def at(self, t: float) -> float:
        """Room at `t`."""
        begun = math.floor(t / self.stretch) * self.stretch
        if begun > self.begun:
            self.begun, self.used = begun, 0.0
        return math.inf if self.most is None else max(0.0, self.most - self.used)


def forecast(
    way: Way, loads: Sequence[Load], now: datetime, behind: tuple[float, float], *, used: float = USED
) -> dict[str, Finish]:
    """key -> what becomes of each load, if nothing else uses the route and it is not stopped.

    `behind`: the share that those behind an alert, behind a normal wave, have all the same. `used`: what the pacing uses
    of the limit.
    """
    tps, t = way.tps * used, _seconds(now)
    streams = [_stream(load, way.tps) for load in sorted(loads, key=lambda load: load.opens_at)]
    caps = [_cap(way.per_hour, HOUR, way.used_hour, t), _cap(way.per_day, DAY, way.used_day, t)]
    for _ in range(STEPS):
        waiting = [stream for stream in streams if stream.left > NOTHING and stream.closes > t]
        if not waiting:
            return {stream.load.key: _finish(stream) for stream in streams}
        t = _step(t, tps, waiting, caps, behind)
    raise ArithmeticError(f"no end of {way.name} in sight")


def _cap(most: int | None, stretch: float, used: int, t: float) -> _Cap:
    return _Cap(most, stretch, used, math.floor(t / stretch) * stretch)


def _step(t: float, tps: float, waiting: Sequence[_Stream], caps: Sequence[_Cap], behind: tuple[float, float]) -> float:
    """Send until something changes; answers when that is."""
    room = min(cap.at(t) for cap in caps)
    rates = _rates(tps, [stream for stream in waiting if stream.open_at(t)], behind) if room > NOTHING else []
    spending = sum(rate * stream.real for stream, rate in rates)
    until = [edge for stream in waiting for edge in stream.edges(t) if edge > t]
    until += [cap.begun + cap.stretch for cap in caps if cap.most is not None]
    until += [t + stream.left / rate for stream, rate in rates]
    full = t + room / spending if spending else math.inf
    then = min(*until, full)
    for stream, rate in rates:
        stream.began = t if stream.began is None else stream.began
        # Not left to subtraction: what remains of a fraction would keep us here for ever.
        stream.left = 0.0 if t + stream.left / rate <= then else stream.left - rate * (then - t)
        stream.ended = then
    for cap in caps:
        cap.used += spending * (then - t)
        if then == full and cap.most is not None and cap.most - cap.used < 1:
            cap.used = float(cap.most)
    return then


def _rates(tps: float, sending: Sequence[_Stream], behind: tuple[float, float]) -> list[tuple[_Stream, float]]:
    """The first of each class with its part of the pace."""
    first = {stream.load.priority: stream for stream in reversed(sending)}
    weights: dict[Priority, float] = {}
    for priority in RANKS:
        if priority in first:
            owed = sum(weight * _owed(higher, behind) for higher, weight in weights.items())
            weights[priority] = owed if weights else 1.0
    total = sum(weights.values())
    return [(first[priority], tps * weight / total) for priority, weight in weights.items()]


def _owed(higher: Priority, behind: tuple[float, float]) -> float:
    """Segments that each class behind is owed for each segment of a higher one (pacing.lua)."""
    share = behind[RANKS.index(higher)]
    return share / (1 - share)


def _stream(load: Load, tps: float) -> _Stream:
    weight = _weight(load, tps)
    return _Stream(
        load, _seconds(load.opens_at), _seconds(load.closes_at), (_of_day(load.window_from), _of_day(load.window_to)),
        load.segments * weight, 1 / weight,
    )  # fmt: skip


def _weight(load: Load, tps: float) -> float:
    """Whole messages only: of a limit of 20, messages of three segments use 18. Mixed lengths fill the gaps."""
    sizes = [segments for segments, count in load.pieces.items() if count]
    if len(sizes) != 1 or tps < sizes[0]:
        return 1.0
    return tps / (math.floor(tps / sizes[0] + 1e-9) * sizes[0])


def _finish(stream: _Stream) -> Finish:
    load, done = stream.load, stream.left <= NOTHING
    all_of_it = load.segments / stream.real
    expired = 0 if done else min(load.messages, math.ceil(load.messages * stream.left / all_of_it - 1e-9))
    began, ended = (_moment(t) if t is not None else None for t in (stream.began, stream.ended))
    return Finish(load.key, load.messages, load.segments, began, ended if done else None, expired)


def _seconds(moment: datetime) -> float:
    return moment.timestamp() + VIETNAM_AHEAD


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds - VIETNAM_AHEAD, UTC)


def _of_day(clock: time) -> float:
    return clock.hour * HOUR + clock.minute * 60 + clock.second


def _expired(way: Way, loads: Sequence[Load], now: datetime, behind: tuple[float, float], own: frozenset[str]) -> int:
    return sum(finish.expired for key, finish in forecast(way, loads, now, behind).items() if key in own)


def pace_needed(
    way: Way, loads: Sequence[Load], now: datetime, behind: tuple[float, float], own: frozenset[str]
) -> float | None:
    """Segments a second at which nothing of `own` would expire, up to a tenth above the least; None: no pace helps."""
    slow, fast = way.tps, way.tps * FASTEST
    if _expired(replace(way, tps=fast), loads, now, behind, own):
        return None
    while fast / slow > 1.1:
        middle = math.sqrt(slow * fast)
        if _expired(replace(way, tps=middle), loads, now, behind, own):
            slow = middle
        else:
            fast = middle
    return fast


def days_earlier(
    way: Way, loads: Sequence[Load], now: datetime, behind: tuple[float, float], own: frozenset[str]
) -> int | None:
    """By how many days `own` must open earlier for nothing of it to expire; None where that does not help any more."""
    for days in range(1, MOST_DAYS_EARLIER + 1):
        moved = [_moved(load, days, now) if load.key in own else load for load in loads]
        if not _expired(way, moved, now, behind, own):
            return days
    return None


def _moved(load: Load, days: int, now: datetime) -> Load:
    return replace(load, opens_at=max(min(now, load.opens_at), load.opens_at - timedelta(days=days)))
