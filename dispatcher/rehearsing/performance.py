"""The performance: the stage's clock pulled along while messages leave, and moved on where nothing can."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from redis.asyncio import Redis

from campaigns.calendar import VIETNAM
from dispatcher.clock import LEADER_LOCK
from dispatcher.lifecycle import Status, WaveStatus
from dispatcher.pacing import hold_to
from dispatcher.store import campaigns, counters, installation, receipts, rehearsals
from dispatcher.store.campaigns import StoredWave
from dispatcher.store.database import Pool
from dispatcher.store.rehearsals import Sent

LOOK_SECONDS = 0.4
# The speed begins with a share of the top, grows while so much of it is used, and falls, at most so steeply, while less is.
FIRST_SHARE, USED, GROWTH, LEAST_CHANGE = 0.05, 0.9, 1.1, 0.7
# A lead is made up for in so many real seconds, by no less than so much of the speed; who sends nothing for so many steps has
# nothing to send.
CATCH_UP_SECONDS, LEAST_SHARE, IDLE_STEPS = 2.0, 0.2, 4
# Receipts that have not come by then, in real seconds without news, do not come.
QUIET_SECONDS = 3.0
SETTLING_SECONDS = 20.0
# Where dramatiq notes who listens to a queue.
HEARTBEATS = "dramatiq:__heartbeats__"
LEAVING = (Status.QUEUED, Status.SENDING)
ENDED = (WaveStatus.DONE, WaveStatus.MISSED)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class State:
    """The waves as they stand at a moment of the stage's clock."""

    now: datetime
    waves: tuple[StoredWave, ...]
    counts: dict[int, dict[str, int]]

    def waiting(self, wave: StoredWave) -> int:
        return sum(self.counts[wave.id].get(status, 0) for status in LEAVING)

    def over(self, wave: StoredWave) -> bool:
        """Whether its last message has left; what is tried again later is not waited for."""
        return wave.status in ENDED or (wave.status is WaveStatus.SENDING and not self.waiting(wave))


@dataclass
class Tempo:
    """How fast the clock of the stage may run: at most `top` times life, and no faster than messages leave.

    The clock goes on by the time in which the routes that were at work would have sent what they sent; so it does not
    matter what else the machine does. A route that is ahead of the clock (`lead`, in seconds) is given less of its pace
    until the others have caught up: a busy machine shares itself otherwise than contracts do.
    """

    top: float
    tps: Mapping[str, float]
    speed: float = 0.0
    gone: float = 0.0
    took: float = 0.0
    lead: dict[str, float] = field(default_factory=dict)
    idle: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.speed = max(1.0, self.top * FIRST_SHARE)

    @property
    def mean(self) -> float:
        """How fast it was while messages left."""
        return self.gone / self.took if self.took else 1.0

    @property
    def shares(self) -> dict[str, float]:
        """route -> the share of its pace on the stage that it may use now."""
        wanted = {route: self.speed - self.lead.get(route, 0.0) / CATCH_UP_SECONDS for route in self.tps}
        return {route: min(1.0, max(LEAST_SHARE * self.speed, speed) / self.top) for route, speed in wanted.items()}

    def step(self, sent: Mapping[str, int], seconds: float) -> float:
        """Seconds to go on by, after `seconds` in which these segments left by route; sets the speed from now on."""
        at_work = sum(self.tps[route] for route in sent)
        if not at_work:
            return seconds
        gone = sum(sent.values()) / at_work
        used = gone / (seconds * self.speed)
        self.gone, self.took = self.gone + gone, self.took + seconds
        change = GROWTH if used > USED else max(LEAST_CHANGE, used)
        self.speed = min(self.top, max(1.0, self.speed * change))
        self._lead(sent, gone)
        return gone + self._behind(sent)

    def _lead(self, sent: Mapping[str, int], gone: float) -> None:
        for route, tps in self.tps.items():
            self.idle[route] = 0 if route in sent else self.idle[route] + 1
            ahead = self.lead.get(route, 0.0) + sent.get(route, 0) / tps - gone
            self.lead[route] = 0.0 if self.idle[route] >= IDLE_STEPS else ahead

    def _behind(self, sent: Mapping[str, int]) -> float:
        """Seconds by which all routes at work are ahead of the clock, as when the last that held it back is done."""
        behind = max(0.0, min(lead for route, lead in self.lead.items() if self.idle[route] < IDLE_STEPS))
        for route in sent:
            self.lead[route] -= behind
        return behind


def next_opening(wave: StoredWave, now: datetime) -> datetime:
    """The first moment from `now` on at which the wave may send; its end where there is none."""
    moment = max(now, wave.opens_at).astimezone(VIETNAM)
    if moment.time() >= wave.window_to:
        moment = datetime.combine(moment.date() + DAY, wave.window_from, VIETNAM)
    elif moment.time() < wave.window_from:
        moment = datetime.combine(moment.date(), wave.window_from, VIETNAM)
    return min(moment, wave.closes_at)


class Performance:
    """Pulls the clock of a stage whose processes run; `show` is told how it stands."""

    def __init__(
        self, pool: Pool, redis: Redis, waves: Sequence[StoredWave], tempo: Tempo, show: Callable[[State], None]
    ) -> None:
        self._pool, self._redis, self._tempo, self._show = pool, redis, tempo, show
        self._campaign_id, self._ids = waves[0].campaign_id, [wave.id for wave in waves]
        self.finished: dict[str, datetime] = {}
        self._sent, self._out = Sent(), Counter[str]()
        self._from, self._stepped_at = min(wave.opens_at for wave in waves), time.monotonic()

    async def run(self, settle_seconds: float) -> None:
        """Until every wave's last message has left, its receipts are in, and nothing is uncertain any more."""
        await self._ready()
        state = await self._look()
        while waves := [wave for wave in state.waves if not state.over(wave)]:
            opening = min(next_opening(wave, state.now) for wave in waves)
            if opening > state.now:
                await self._move(opening)
            await asyncio.sleep(LOOK_SECONDS)
            await self._pull()
            state = await self._look()
        await self._until_quiet()
        await self._settle(max(wave.closes_at for wave in state.waves) + timedelta(seconds=2 * settle_seconds))

    async def _ready(self) -> None:
        """Until the processes are up: that they have to start is no part of the campaign."""
        up = False
        while not up:
            self._show(State(self._from, (), {}))
            await asyncio.sleep(LOOK_SECONDS)
            async with self._pool.connection() as connection:
                up = await rehearsals.leading(connection, LEADER_LOCK)
            up = up and bool(await self._redis.zcard(HEARTBEATS))
        self._stepped_at = time.monotonic()

    async def _look(self) -> State:
        async with self._pool.connection() as connection:
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            waves = await campaigns.waves(connection, self._campaign_id)
            counts = await counters.by_wave(connection, self._ids)
            now = await installation.now(connection)
        state = State(now, tuple(wave for wave in waves if wave.id in counts), counts)
        for wave in state.waves:
            if state.over(wave):
                self.finished.setdefault(wave.slug, now)
        self._show(state)
        return state

    async def _move(self, moment: datetime) -> None:
        """Nothing can be sent before: go there. The processes take as long to notice as they do in life."""
        await self._set(moment)
        self._stepped_at = time.monotonic()

    async def _pull(self) -> None:
        """Move the clock on by what has been sent since the last step; the time that this took has passed already."""
        async with self._pool.connection() as connection:
            out, now = await self._sent.count(connection), await installation.now(connection)
        before, self._stepped_at = self._stepped_at, time.monotonic()
        took, sent, self._out = self._stepped_at - before, out - self._out, out
        await self._set(now + timedelta(seconds=self._tempo.step(sent, took) - took))

    async def _set(self, moment: datetime) -> None:
        await hold_to(self._redis, self._tempo.shares)
        async with self._pool.connection() as connection:
            await installation.rehearse_at(connection, moment)

    async def _until_quiet(self) -> None:
        """The clock runs as in life until receipts have stopped coming."""
        quiet = time.monotonic()
        last: dict[int, dict[str, int]] = {}
        while time.monotonic() - quiet < QUIET_SECONDS:
            counts = (await self._look()).counts
            async with self._pool.connection() as connection:
                pending = await receipts.waiting(connection)
            if pending or counts != last:
                quiet, last = time.monotonic(), counts
            await asyncio.sleep(LOOK_SECONDS)

    async def _settle(self, moment: datetime) -> None:
        """What nobody has spoken of by `moment` is given up; some seconds are enough for the processes to see that."""
        async with self._pool.connection() as connection:
            await installation.rehearse_at(connection, moment)
        until = time.monotonic() + SETTLING_SECONDS
        while time.monotonic() < until:
            async with self._pool.connection() as connection:
                if await rehearsals.settled(connection, self._ids):
                    return
            await asyncio.sleep(LOOK_SECONDS)
