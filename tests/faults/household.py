"""The processes of an installation, killed and started again as a scenario says, until its campaign is over."""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import random
import signal
import subprocess
import time
from collections import Counter, deque
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
import redis

from campaigns.campaign import Priority
from dispatcher.broker import Queue, Verb, new_broker
from dispatcher.embedded import Embedded
from tests.faults.rig import LEASE_SECONDS, ROUTE, WINDOW, Rig
from tests.faults.scenarios import Scenario, Strike

LOOK_SECONDS = 0.1
CHECK_SECONDS = 0.5
LIMIT_SECONDS = 300
GAP_SECONDS = (0.4, 1.6)
# For how long at most a process is left in peace once it is at work.
PEACE_SECONDS = 1.0
AWAY_SECONDS = (0.2, 2.0)
FREEZE_SECONDS = LEASE_SECONDS + 2.5
# A process that starts while a server is away ends, and is started again, as the supervisor would.
EXCUSED_SECONDS = 5.0
KINDS = {Strike.WORKER: "worker", Strike.CLOCK: "clock", Strike.WEB: "web", Strike.FREEZE: "worker"}
SERVERS = {
    Strike.VALKEY: ("Valkey",),
    Strike.POSTGRES: ("PostgreSQL",),
    Strike.POSTMASTER: ("PostgreSQL",),
    Strike.SERVERS: ("Valkey", "PostgreSQL"),
}
ORDERS = {Strike.SESSIONS: "cut", Strike.HUSH: "hush"}
# The files in which the servers say who they are, below the installation's folder.
PID_FILES = {"PostgreSQL": "postgres/postmaster.pid", "Valkey": "valkey/valkey.pid"}
SETTLED = """
SELECT (SELECT bool_and(status = 'finished') FROM campaigns)
   AND NOT EXISTS (SELECT FROM messages WHERE status IN ('queued', 'retrying', 'sending', 'uncertain'))
   AND NOT EXISTS (SELECT FROM receipt_inbox)
"""


@dataclass
class Life:
    """One process from start to death; `struck` when it was killed from outside, `thaws_at` while it is stopped.

    It may be struck from `ripe_at` on, which is known once `mark` shows that it is at work: a kill breaks nothing before.
    """

    kind: str
    process: subprocess.Popen[bytes]
    death: str | None
    started_at: float
    mark: Path
    ripe_at: float = math.inf
    struck: bool = False
    thaws_at: float | None = None


@dataclass
class Told:
    """What was done. `uncertain_allowed` follows from it; `fell` are processes that ended without being killed."""

    kills: Counter[str] = field(default_factory=Counter)
    cuts: Counter[str] = field(default_factory=Counter)
    fell: list[str] = field(default_factory=list)
    uncertain_allowed: int = 0
    ended: bool = False
    seconds: float = 0.0


class Household:
    """Call `live` once; what it started is gone afterwards, but for the servers."""

    def __init__(self, rig: Rig, scenario: Scenario, seed: int, servers: ExitStack) -> None:
        self._rig, self._scenario, self._servers = rig, scenario, servers
        self._chance = random.Random(seed)
        self._strikes = deque(scenario.strikes)
        self._deaths = deque(self._dealt())
        self._lives: list[Life] = []
        self._servers_back_at = 0.0
        self._numbers = itertools.count(1)
        self.told = Told()

    def _dealt(self) -> list[str]:
        scenario = self._scenario
        return [
            f"{scenario.points[number % len(scenario.points)]}:{self._chance.randint(1, scenario.turns)}"
            for number in range(scenario.deaths)
        ]

    def live(self, limit_seconds: float) -> Told:
        """Run until the campaign is over and everything has settled, or the limit has passed."""
        began = time.monotonic()
        for kind, count in (("clock", self._scenario.clocks), ("worker", self._scenario.workers), ("web", 1)):
            for _ in range(count):
                self._start(kind)
        try:
            self.told.ended = self._until_settled(began + limit_seconds)
        finally:
            self._stop_all()
        self.told.seconds = time.monotonic() - began
        return self.told

    def _until_settled(self, deadline: float) -> bool:
        strike_at, check_at = 0.0, 0.0
        while (now := time.monotonic()) < deadline:
            self._keep(now)
            if self._strikes and now >= strike_at and self._at_work(KINDS.get(self._strikes[0], "worker")):
                self._strike(self._strikes.popleft())
                strike_at = time.monotonic() + self._chance.uniform(*GAP_SECONDS)
            if now >= check_at:
                if self._settled():
                    return True
                check_at = now + CHECK_SECONDS
            time.sleep(LOOK_SECONDS)
        return False

    def _start(self, kind: str) -> None:
        death = self._deaths.popleft() if self._deaths and kind == self._scenario.kind else None
        mark = self._rig.folder / f"{kind}-{next(self._numbers)}.mark"
        self._lives.append(Life(kind, self._rig.start(kind, death, mark), death, time.monotonic(), mark))

    def _keep(self, now: float) -> None:
        """Thaw what was stopped for long enough; bury the dead, and start another for each."""
        for life in list(self._lives):
            if life.ripe_at == math.inf and life.mark.exists():
                life.ripe_at = now + self._chance.uniform(0, PEACE_SECONDS)
            if life.thaws_at is not None and now >= life.thaws_at:
                life.process.send_signal(signal.SIGCONT)
                life.thaws_at = None
            if life.process.poll() is not None:
                self._lives.remove(life)
                self._note_death(life, now)
                self._start(life.kind)

    def _note_death(self, life: Life, now: float) -> None:
        """Who was not struck, nor died where it was told to, fell: excused only while it could not reach a server."""
        if life.struck:
            return
        if life.death and life.process.returncode == -signal.SIGKILL:
            self.told.kills[f"{life.kind} {life.death.rpartition(':')[0]}"] += 1
            self.told.uncertain_allowed += WINDOW * (life.kind == "worker")
        elif now - self._servers_back_at > EXCUSED_SECONDS:
            self.told.fell.append(f"{life.kind} ended {life.process.returncode} after {now - life.started_at:.1f} s")

    def _strike(self, strike: Strike) -> None:
        if strike in SERVERS:
            self._kill_servers(strike, *SERVERS[strike], children=strike is not Strike.POSTMASTER)
            return
        match strike:
            case Strike.WORKER | Strike.CLOCK | Strike.WEB:
                self._kill_one(KINDS[strike])
            case Strike.EVERYTHING:
                for kind in [life.kind for life in self._lives]:
                    self._kill_one(kind)
                self._kill_servers(strike, "PostgreSQL", "Valkey")
            case Strike.FLUSH:
                self._cut(strike)
                with redis.Redis.from_url(self._rig.addresses.redis_url) as valkey:
                    valkey.flushall()
            case Strike.FREEZE:
                self._freeze()
            case Strike.CENTRE:
                self._kill_centre()
            case Strike.SESSIONS | Strike.HUSH:
                self._cut(strike)
                self._rig.carrier.order(ORDERS[strike])
                self.told.uncertain_allowed += WINDOW * self._scenario.workers
            case Strike.REDELIVER:
                self._cut(strike)
                asyncio.run(self._redeliver())

    def _cut(self, strike: Strike) -> None:
        self.told.cuts[strike] += 1

    def _unharmed(self, kind: str) -> list[Life]:
        return [life for life in self._lives if life.kind == kind and not life.struck and life.process.poll() is None]

    def _at_work(self, kind: str) -> list[Life]:
        return [life for life in self._unharmed(kind) if life.ripe_at <= time.monotonic()]

    def _kill_one(self, kind: str) -> None:
        if not (lives := self._at_work(kind) or self._unharmed(kind)):
            return
        life = self._chance.choice(lives)
        life.struck = True
        life.process.kill()
        self.told.kills[kind] += 1
        self.told.uncertain_allowed += WINDOW * (kind == "worker")

    def _freeze(self) -> None:
        """Stop a worker in mid-work until its lease is long gone, then let it go on."""
        if not (lives := [life for life in self._at_work("worker") if life.thaws_at is None]):
            return
        life = self._chance.choice(lives)
        life.process.send_signal(signal.SIGSTOP)
        life.thaws_at = time.monotonic() + FREEZE_SECONDS
        self._cut(Strike.FREEZE)
        self.told.uncertain_allowed += WINDOW

    def _kill_servers(self, strike: Strike, *titles: str, children: bool = True) -> None:
        """Kill servers, leave them dead for a while, and start them again beside the living processes."""
        pids = [pid for title in titles for pid in self._pids(title, children=children)]
        for pid in pids:
            with suppress(ProcessLookupError):  # a helper of PostgreSQL's that ended by itself meanwhile
                os.kill(pid, signal.SIGKILL)
        for title in titles:
            self.told.kills[title] += 1
        if "PostgreSQL" in titles and strike is not Strike.EVERYTHING:  # there, each worker's kill has been counted
            self.told.uncertain_allowed += WINDOW * self._scenario.workers
        time.sleep(self._chance.uniform(*AWAY_SECONDS))
        self._servers.enter_context(Embedded(self._rig.folder))
        self._servers_back_at = time.monotonic()

    def _kill_centre(self) -> None:
        """Kill the SMSC, leave it dead for a while, and start it again; receipts it had not delivered are lost."""
        self._rig.carrier.kill()
        self.told.kills[Strike.CENTRE] += 1
        self.told.uncertain_allowed += WINDOW * self._scenario.workers
        time.sleep(self._chance.uniform(*AWAY_SECONDS))
        self._rig.carrier.start()

    def _pids(self, title: str, *, children: bool) -> list[int]:
        first = int((self._rig.folder / PID_FILES[title]).read_text().split()[0])
        below = psutil.Process(first).children(recursive=True) if children else []
        return [first, *(process.pid for process in below)]

    async def _redeliver(self) -> None:
        """Every batch there may be, the wave and the receipts, once more, whatever becomes of the first ones."""
        queue = Queue(new_broker(self._rig.addresses.redis_url))
        await queue.put(Verb.SEND, range(1, 60), ROUTE, Priority.NORMAL)
        await queue.put(Verb.EXPAND, range(1, 2), Priority.NORMAL)
        await queue.put(Verb.SETTLE)

    def _settled(self) -> bool:
        """The carrier is asked first: a receipt that it has handed over since is still in the inbox, or applied."""
        if self._rig.carrier.summary()["callbacks_pending"]:
            return False
        try:
            with psycopg.connect(self._rig.addresses.database_url, connect_timeout=2) as connection:
                over = connection.execute(SETTLED).fetchone()
        except psycopg.OperationalError:
            return False
        return bool(over and over[0])

    def _stop_all(self) -> None:
        for life in self._lives:
            life.process.send_signal(signal.SIGCONT)
            life.process.terminate()
        for life in self._lives:
            code = life.process.wait(60)
            if code not in (0, -signal.SIGKILL, -signal.SIGTERM):
                self.told.fell.append(f"{life.kind} stopped with {code}")
