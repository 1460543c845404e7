"""Permits for a route, counted in segments and shared by every process through Valkey: docs/pacing.md."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import psycopg
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from campaigns.campaign import Priority
from dispatcher.gate import RANKS, Gate
from dispatcher.store.caps import Spent

log = structlog.get_logger()

MICRO = 1_000_000
# How far ahead a permit may be reserved, and how soon it may be used: the claim is committed in between.
HORIZON_SECONDS = 0.25
LEAD_SECONDS = 0.02
# A call that starts later than this gives its permit back and takes another.
LATE_SECONDS = 0.25
# For so long it asks; after that whoever has claimed messages for the call must give them back.
AGAIN_SECONDS = 1.0
# A permit whose call is not answered is held this much longer; it covers lateness and all that follows it.
ANSWER_SECONDS = 1.0
# After a restart of Valkey: whatever it had granted has been used and is a second old. Horizon + late + 1 s, rounded up.
QUIET_SECONDS = 2.0
# Added to the second for which a permit is held: Valkey's clock, the carrier's and ours are read apart.
GUARD_SECONDS = 0.001
# How far the even pace may be made up for after a hiccup.
BURST_SECONDS = 0.05
RETRY_SECONDS = 1.0
ASK_AGAIN_SECONDS = 0.1
# The fastest answer of this long, or of twice as long, tells how long an answer takes when nothing is late.
MEMORY_SECONDS = 30.0
# A process that has just started opens connections and shares its processor: its first answers are no measure.
LEARNING_SECONDS = 5.0

# An alert may reserve beyond what the others have reserved before it, and they, beyond that, what they are owed.
ALERT_HORIZON_SECONDS = 0.35
OWED_HORIZON_SECONDS = 0.4
# A class that has asked goes before the lower ones for so long: longer than it takes to ask again. They get what is not taken
# by then, so shortly ahead.
WANT_SECONDS = 0.3
NEAR_SECONDS = 0.05
# What each class behind has all the same: behind an alert (an alert of 20 s is late by a second at most), a normal wave.
SHARES_BEHIND = (0.025, 0.2)

THROTTLE_FACTOR = 0.7
LEAST_SHARE = 0.05
REGAINED_A_SECOND = 0.02
ONE_SIGN_SECONDS = 1.0


def _script(name: str) -> str:
    return Path(__file__).with_name(name).read_text("utf-8")


EPOCH = datetime.fromtimestamp(0, UTC)
HOUR, DAY, VIETNAM_AHEAD = timedelta(hours=1), timedelta(days=1), timedelta(hours=7)


class Cap(StrEnum):
    """What a contract may limit beside the pace: segments of a clock hour, of a calendar day, in Viet Nam."""

    HOUR = "hour"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Line:
    """A route's limits, and who asks: `tps` segments a second, caps of an hour and of a day."""

    route: str
    tps: float
    priority: Priority = Priority.NORMAL
    per_hour: int | None = None
    per_day: int | None = None


# Answers what may have reached a route's carrier since the hour and the day began.
Count = Callable[[str, datetime, datetime], Awaitable[Spent]]


@dataclass(frozen=True, slots=True)
class Permit:
    """One call's permit: its name, its moment in microseconds of Valkey's clock, and between which monotonic seconds of
    ours that moment lies; the call may start at `due`."""

    line: Line
    name: str
    moment: int
    segments: int
    earliest: float
    due: float


@dataclass(frozen=True, slots=True)
class Grant:
    """Permits; or none, and in how many seconds to ask again. `spent`: a cap is used up, and begins anew by then."""

    permits: tuple[Permit, ...] = ()
    wait: float = 0.0
    spent: Cap | None = None


@dataclass
class _Answers:
    """How long answers take, from the earliest moment the permit can mean: the fastest of late."""

    first: float | None = None
    since: float = 0.0
    now: float = float("inf")
    before: float = float("inf")

    def slower(self, took: float, at: float) -> float:
        """Seconds by which an answer that took `took` was slower than the fastest: no more than it can have arrived late.

        While there is nothing to compare with, all of it may have been lateness.
        """
        if self.first is None:
            self.first = self.since = at
        if at - self.since > MEMORY_SECONDS:
            self.since, self.before, self.now = at, self.now, took
        self.now = min(self.now, took)
        return took - min(self.now, self.before) if at - self.first > LEARNING_SECONDS else took


@dataclass
class _Desk:
    """What this process knows of a route. One lane of a class asks at a time, so that they are served in turn."""

    turns: defaultdict[Priority, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    answers: _Answers = field(default_factory=_Answers)
    ended: list[str] = field(default_factory=list)
    latest: int = 0


class Pacer:
    """Grants permits at each route's pace. Without Valkey nobody is granted any: asking waits until it is back."""

    def __init__(self, redis: Redis, count: Count) -> None:
        self._count = count
        self._reserve = redis.register_script(_script("pacing.lua"))
        self._seed = redis.register_script(_script("pacing_seed.lua"))
        self._settle = redis.register_script(_script("pacing_settle.lua"))
        self._throttle = redis.register_script(_script("pacing_throttle.lua"))
        self._desks: defaultdict[str, _Desk] = defaultdict(_Desk)
        self._name = secrets.token_hex(4)
        self._asked = 0

    async def permits(
        self, line: Line, calls: Sequence[int], lanes: Gate | None = None, over: Callable[[], bool] = lambda: False
    ) -> Grant:
        """Permits for the first of `calls` (segments of each), at least one; or none, because a cap is used up or all is `over`.

        Returns ahead of the first moment, so that the caller can claim; `moment` then waits for each. Of `lanes` one is taken
        with the permits, and the caller must leave it; nobody sits in a lane while waiting for permits.
        """
        async with self._desks[line.route].turns[line.priority]:
            while not over():
                if lanes:
                    await lanes.enter(line.priority)
                grant = Grant()
                try:
                    grant = await self._ask(line, calls)
                finally:
                    if lanes and not grant.permits:
                        lanes.leave()
                if grant.permits or grant.spent:
                    return grant
                await asyncio.sleep(grant.wait)
            return Grant()

    async def moment(self, permit: Permit) -> Permit | None:
        """Wait for the permit's moment. A moment that was missed is given back for another: answers the good one.

        None when there is no other to be had soon, or a cap was used up meanwhile: the call must not be made.
        """
        while True:
            if (early := permit.due - time.monotonic()) > 0:
                await asyncio.sleep(early)
            if time.monotonic() < permit.due + LATE_SECONDS:
                return permit
            try:
                async with asyncio.timeout(AGAIN_SECONDS):
                    await self.give_back([permit])
                    another = await self._another(permit)
            except TimeoutError:
                return None
            if another is None:
                return None
            permit = another

    async def _another(self, permit: Permit) -> Permit | None:
        """A new permit for a call that has its lane: it does not stand in line, where others wait for a lane."""
        while not (grant := await self._ask(permit.line, [permit.segments])).permits:
            if grant.spent:
                return None
            await asyncio.sleep(grant.wait)
        return grant.permits[0]

    def answered(self, permit: Permit) -> None:
        """The call has its answer: from now on it is known how late it can have arrived."""
        desk, now = self._desks[permit.line.route], time.monotonic()
        slower = desk.answers.slower(now - permit.earliest, now)
        held = max(1.0, permit.segments / permit.line.tps)
        desk.ended += [permit.name, str(permit.moment + round((held + slower + GUARD_SECONDS) * MICRO))]

    async def give_back(self, permits: Iterable[Permit]) -> None:
        """Hand back permits that were not used."""
        for permit in permits:
            self._desks[permit.line.route].ended += [permit.name, str(-permit.moment)]
        for route in {permit.line.route for permit in permits}:
            await self._report(route)

    async def throttled(self, route: str) -> None:
        """The carrier said "too fast": every process uses a smaller share of the limit, which grows back gently."""
        sign = [THROTTLE_FACTOR, LEAST_SHARE, REGAINED_A_SECOND, int(ONE_SIGN_SECONDS * MICRO)]
        try:
            share = await self._throttle(keys=_keys(route)[1:2], args=sign)
        except RedisError as error:
            log.warning("pacing.unreachable", route=route, error=str(error))
        else:
            log.warning("pacing.throttled", route=route, share=share / 1000)

    async def _report(self, route: str) -> None:
        """Tell what ended since; lost without harm if Valkey is gone: those permits are held a little longer."""
        desk = self._desks[route]
        ended, desk.ended = desk.ended, []
        if not ended:
            return
        try:
            await self._settle(keys=_keys(route), args=ended)
        except RedisError as error:
            log.warning("pacing.unreachable", route=route, error=str(error))

    async def _ask(self, line: Line, calls: Sequence[int]) -> Grant:
        """Tell what ended, and ask once; without Valkey, or a count where it needs one, nothing is granted."""
        await self._report(line.route)
        desk, before = self._desks[line.route], time.monotonic()
        self._asked += 1
        name = f"{self._name}:{self._asked}"
        try:
            now, *told = await self._reserve(keys=_keys(line.route), args=[*_terms(line, desk.latest, name), *calls])
        except RedisError as error:
            log.warning("pacing.unreachable", route=line.route, error=str(error))
            return Grant(wait=RETRY_SECONDS)
        if now < 0:
            return await self._refused(line.route, -now / MICRO, *(word.decode() for word in told))
        after, desk.latest = time.monotonic(), max(desk.latest, told[-1])
        ahead = [(moment - now) / MICRO for moment in told]
        return Grant(
            tuple(
                Permit(line, f"{name}:{i}:{segments}", moment, segments, before + wait, after + wait)
                for i, (moment, segments, wait) in enumerate(zip(told, calls, ahead, strict=False))
            )
        )

    async def _refused(self, route: str, wait: float, why: str, *told: str) -> Grant:
        if why in tuple(Cap):
            return Grant(wait=wait, spent=Cap(why))
        if why == "seed":
            lost, hour, day = told
            await self._seed_counts(route, lost, int(hour), int(day))
        return Grant(wait=min(wait, ASK_AGAIN_SECONDS))

    async def _seed_counts(self, route: str, lost: str, hour: int, day: int) -> None:
        """The counts of the hour and the day are lost: take them from the database, or leave it to who asks next."""
        try:
            spent = await self._count(route, EPOCH + hour * HOUR, EPOCH + day * DAY - VIETNAM_AHEAD)
            await self._seed(keys=_keys(route)[2:], args=[lost, hour, spent.hour, day, spent.day])
        except (RedisError, psycopg.OperationalError) as error:
            log.warning("pacing.uncounted", route=route, error=str(error))
        else:
            log.info("pacing.counted", route=route, hour=spent.hour, day=spent.day)


async def hold_to(redis: Redis, shares: Mapping[str, float]) -> None:
    """All processes use these shares of the routes' limits, as if their carriers had said "too fast" just now."""
    seconds, micro = await redis.time()
    for route, share in shares.items():
        await redis.hset(_keys(route)[1], mapping={"share": share, "cut_at": seconds * MICRO + micro})


def _terms(line: Line, latest: int, name: str) -> list[str | float]:
    """The arguments of pacing.lua before the calls."""
    times = (OWED_HORIZON_SECONDS, LEAD_SECONDS, ANSWER_SECONDS, QUIET_SECONDS, BURST_SECONDS)
    ahead = [int(seconds * MICRO) for seconds in times]
    own = ALERT_HORIZON_SECONDS if line.priority is Priority.ALERT else HORIZON_SECONDS
    waits = [int(seconds * MICRO) for seconds in (WANT_SECONDS, own, NEAR_SECONDS)]
    turn = [RANKS[line.priority] + 1, *waits, *SHARES_BEHIND]
    return [line.tps, *ahead, REGAINED_A_SECOND, latest, name, *turn, line.per_hour or 0, line.per_day or 0]


def _keys(route: str) -> list[str]:
    return [f"pacing:{{{route}}}:{part}" for part in ("permits", "state", "caps")]
