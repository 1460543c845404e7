"""Permits for a route, counted in segments and shared by every process through Valkey: docs/pacing.md."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

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

THROTTLE_FACTOR = 0.7
LEAST_SHARE = 0.05
REGAINED_A_SECOND = 0.02
ONE_SIGN_SECONDS = 1.0


def _script(name: str) -> str:
    return Path(__file__).with_name(name).read_text("utf-8")


@dataclass(frozen=True, slots=True)
class Permit:
    """One call's permit: its name, its moment in microseconds of Valkey's clock, and between which monotonic seconds of
    ours that moment lies; the call may start at `due`."""

    route: str
    name: str
    moment: int
    tps: float
    segments: int
    earliest: float
    due: float


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
    """What this process knows of a route. One lane at a time asks, so that they are served in turn."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    answers: _Answers = field(default_factory=_Answers)
    ended: list[str] = field(default_factory=list)
    latest: int = 0


class Pacer:
    """Grants permits at each route's pace. Without Valkey nobody is granted any: asking waits until it is back."""

    def __init__(self, redis: Redis) -> None:
        self._reserve = redis.register_script(_script("pacing.lua"))
        self._settle = redis.register_script(_script("pacing_settle.lua"))
        self._throttle = redis.register_script(_script("pacing_throttle.lua"))
        self._desks: defaultdict[str, _Desk] = defaultdict(_Desk)
        self._name = secrets.token_hex(4)
        self._asked = 0

    async def permits(self, route: str, tps: float, calls: Sequence[int]) -> tuple[Permit, ...]:
        """Permits for the first of `calls` (segments of each), at least one, on a route of `tps` segments a second.

        Returns ahead of the first moment, so that the caller can claim; `moment` then waits for each.
        """
        desk = self._desks[route]
        async with desk.turn:
            while True:
                await self._report(route)
                granted, wait = await self._ask(route, tps, calls)
                if granted:
                    return granted
                await asyncio.sleep(wait)

    async def moment(self, permit: Permit) -> Permit | None:
        """Wait for the permit's moment. A moment that was missed is given back for another: answers the good one.

        None when there is no other to be had soon: the call must not be made.
        """
        while True:
            await asyncio.sleep(permit.due - time.monotonic())
            if time.monotonic() < permit.due + LATE_SECONDS:
                return permit
            try:
                async with asyncio.timeout(AGAIN_SECONDS):
                    await self.give_back([permit])
                    (permit,) = await self.permits(permit.route, permit.tps, [permit.segments])
            except TimeoutError:
                return None

    def answered(self, permit: Permit) -> None:
        """The call has its answer: from now on it is known how late it can have arrived."""
        desk, now = self._desks[permit.route], time.monotonic()
        slower = desk.answers.slower(now - permit.earliest, now)
        held = max(1.0, permit.segments / permit.tps)
        desk.ended += [permit.name, str(permit.moment + round((held + slower + GUARD_SECONDS) * MICRO))]

    async def give_back(self, permits: Iterable[Permit]) -> None:
        """Hand back permits that were not used."""
        for permit in permits:
            self._desks[permit.route].ended += [permit.name, "0"]
        for route in {permit.route for permit in permits}:
            await self._report(route)

    async def throttled(self, route: str) -> None:
        """The carrier said "too fast": every process uses a smaller share of the limit, which grows back gently."""
        sign = [THROTTLE_FACTOR, LEAST_SHARE, REGAINED_A_SECOND, int(ONE_SIGN_SECONDS * MICRO)]
        try:
            share = await self._throttle(keys=_keys(route)[1:], args=sign)
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

    async def _ask(self, route: str, tps: float, calls: Sequence[int]) -> tuple[tuple[Permit, ...], float]:
        """Permits, or none and the seconds to wait before asking again."""
        desk, before = self._desks[route], time.monotonic()
        self._asked += 1
        name = f"{self._name}:{self._asked}"
        times = (HORIZON_SECONDS, LEAD_SECONDS, ANSWER_SECONDS, QUIET_SECONDS, BURST_SECONDS)
        horizon, lead, answer, quiet, burst = (int(seconds * MICRO) for seconds in times)
        given: list[str | float] = [
            tps,
            horizon,
            lead,
            answer,
            quiet,
            burst,
            REGAINED_A_SECOND,
            desk.latest,
            name,
            *calls,
        ]
        try:
            now, *moments = await self._reserve(keys=_keys(route), args=given)
        except RedisError as error:
            log.warning("pacing.unreachable", route=route, error=str(error))
            return (), RETRY_SECONDS
        if not moments:
            return (), min(-now / MICRO, ASK_AGAIN_SECONDS)
        after, desk.latest = time.monotonic(), moments[-1]
        ahead = [(moment - now) / MICRO for moment in moments]
        return tuple(
            Permit(route, f"{name}:{i}:{segments}", moment, tps, segments, before + wait, after + wait)
            for i, (moment, segments, wait) in enumerate(zip(moments, calls, ahead, strict=False))
        ), 0.0


def _keys(route: str) -> list[str]:
    return [f"pacing:{{{route}}}:permits", f"pacing:{{{route}}}:state"]
