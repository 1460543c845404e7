"""An account at a message centre: its binds kept up, one queue for all of them, one pause for all of them."""

from __future__ import annotations

import asyncio
import math
import random
import ssl
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from logging import INFO, WARNING

import structlog

from providers.blanking import blanked
from providers.errors import Misconfigured, NotSent, Throttled, Unavailable
from providers.smpp.calls import WHOLE, Answer, Call, Long, Lost, Outcome, Piece, Unwritten
from providers.smpp.codes import OK, Kind, status_name
from providers.smpp.hearing import Store
from providers.smpp.pdu import BindAnswer
from providers.smpp.session import NotBound, Owner, Session, Terms

log = structlog.get_logger()

SWEEP_SECONDS = 0.2
# A message waits no longer for a free place in the windows: it is handed back, so that stopping a campaign stops it.
QUEUE_SECONDS = 1.5
# A call that finds no bind waits so long for one.
PATIENCE_SECONDS = 5.0
# Between tries to bind: doubled each time, with up to half of it left out by chance.
FIRST_REBIND_SECONDS, LAST_REBIND_SECONDS = 1.0, 60.0
# After wrong credentials: many centres lock an account that keeps knocking.
LOCKED_OUT_SECONDS = 600.0
# A bind that held so long was a good one: the next try starts from the first wait.
STEADY_SECONDS = 60.0
# After "too fast": doubled while nothing is taken in between.
FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS = 1.0, 30.0
# A part that was turned away for the moment, when the others were taken.
PART_TRIES = 3
LEAVE_SECONDS = 5.0

PART_SECONDS = 1.0

AGAIN = (Kind.THROTTLE, Kind.TRANSIENT)


@dataclass(frozen=True, slots=True)
class Account:
    """Where and how to bind; `terms` has one entry for each bind that is kept."""

    host: str
    port: int
    terms: tuple[Terms, ...]
    connect_seconds: float
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    # What the account's command_status numbers mean, ours on top of the standard's.
    kinds: Mapping[int, Kind] = field(default_factory=dict, repr=False)

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told. `store` returns when messages are safe.

    `taken` and `late` get an id of the centre and our name of the message; `taken` answers the id as it is to be kept.
    """

    store: Store
    taken: Callable[[bytes, str], str]
    late: Callable[[int, bytes, str], None]


class Link:
    """Keeps the binds up from `open` to `close`; `submit` uses all of them."""

    def __init__(self, account: Account, listener: Listener) -> None:
        self._account = account
        self._listener = listener
        self._queue: deque[Piece | list[Piece]] = deque()
        self._again: deque[tuple[float, list[Piece]]] = deque()
        self._sessions: list[Session] = []
        self._up = asyncio.Event()
        self._gate = asyncio.Lock()
        self._fault: NotSent = Unavailable("the link is not open")
        self._locked_until = 0.0
        self._paused_until = 0.0
        self._pause = 0.0
        self._leaving = False
        self._tasks: list[asyncio.Task[None]] = []
        self._loop = asyncio.get_running_loop()

    def open(self) -> None:
        """Begin to bind; never waits."""
        self._fault = Unavailable(f"not yet bound at {self._account.place}")
        keepers = [self._loop.create_task(self._keep(terms)) for terms in self._account.terms]
        self._tasks = [*keepers, self._loop.create_task(self._watch())]

    async def close(self) -> None:
        """Hand back what was not sent, let the rest be answered, unbind."""
        self._leaving = True
        self._fault = Unavailable("the link is closed")
        self._hand_back(Unwritten("the link was closed"))
        self._give_up_parts("the link was closed")
        await asyncio.gather(*(session.leave(LEAVE_SECONDS) for session in self._sessions))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def submit(self, names: Sequence[str], messages: Sequence[Sequence[bytes]]) -> list[Answer]:
        """Send messages, each a PDU body or several, and tell what became of each; `names` are ours, for the listener.

        Raises a `NotSent` when none of them was sent.
        """
        await self._ready()
        call = Call(names, self._loop.time())
        for index, parts in enumerate(messages):
            if len(parts) == 1:
                self._queue.append((call, index, WHOLE, parts[0]))
            else:
                pieces = [(call, index, number, body) for number, body in enumerate(parts)]
                call.long[index] = Long(pieces)
                self._queue.append(pieces)
        self._pump()
        try:
            return await call.done
        finally:
            if call.done.cancelled():
                self._queue = deque(item for item in self._queue if _call(item) is not call)

    @property
    def pause_left(self) -> float:
        """Seconds until the centre may be sent to again."""
        return max(0.0, self._paused_until - self._loop.time())

    async def any_session(self) -> Session:
        """A bind to ask over. Raises a `NotSent` where none stands."""
        await self._ready()
        return next(session for session in self._sessions if session.terms.window)

    async def _ready(self) -> None:
        if wait := self.pause_left:
            raise Throttled(f"{self._account.place} asked for a pause", retry_after=wait)
        if self._tasks and not self._up.is_set() and isinstance(self._fault, Unavailable):
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await self._up.wait()
        if self._leaving or not self._up.is_set():
            raise self._fault

    # What the sessions call

    def take(self, backlog: deque[Piece], room: int) -> list[Piece]:
        """What to send next: the rest of messages that were begun on this bind, then whole messages in their order."""
        pieces: list[Piece] = []
        if self._loop.time() < self._paused_until:
            return pieces
        queue = self._queue
        while len(pieces) < room:
            if backlog:
                self._take_part(backlog.popleft(), pieces)
            elif self._again and self._again[0][0] <= self._loop.time():
                backlog.extend(self._again.popleft()[1])
            elif not queue:
                break
            elif isinstance(item := queue.popleft(), tuple):
                pieces.append(item)
            else:
                backlog.extend(item)
        return pieces

    def _take_part(self, piece: Piece, pieces: list[Piece]) -> None:
        """Where a part was turned away for good, the others are not sent."""
        call, index, _, _ = piece
        if any(isinstance(outcome, int) and not self._worth_again(outcome) for outcome in call.long[index].known):
            self.unwritten(piece, "another part was refused")
        else:
            pieces.append(piece)

    def answered(self, piece: Piece, status: int, id_: bytes) -> None:
        call, index, part, _ = piece
        outcome: Outcome = status
        if status == OK:
            outcome = self._listener.taken(id_, call.names[index])
            self._pause = 0.0
        elif self._account.kinds.get(status) is Kind.THROTTLE:
            self._throttled(status)
        if part == WHOLE:
            call.settle(index, outcome)
        else:
            self._settle_part(piece, outcome)

    def answered_late(self, piece: Piece, status: int, id_: bytes) -> None:
        self._listener.late(status, id_, piece[0].names[piece[1]])

    def lost(self, piece: Piece, why: str) -> None:
        self._settle(piece, Lost(why))

    def unwritten(self, piece: Piece, why: str) -> None:
        self._settle(piece, Unwritten(why))

    # What becomes of messages

    def _settle(self, piece: Piece, outcome: Outcome) -> None:
        call, index, part, _ = piece
        if part == WHOLE:
            call.settle(index, outcome)
        else:
            self._settle_part(piece, outcome)

    def _settle_part(self, piece: Piece, outcome: Outcome) -> None:
        call, index, part, _ = piece
        long = call.long[index]
        long.settle(part, outcome)
        if long.left:
            return
        if parts := self._missing(long):
            self._again.append((self._loop.time() + PART_SECONDS, long.again(parts)))
        else:
            call.settle(index, long.known)

    def _missing(self, long: Long) -> list[int]:
        """Parts to send again, because the others were taken: half a text is worse than a late one.

        Only parts that were provably not taken, and none where the fate of another is unknown.
        """
        missing = [part for part, outcome in enumerate(long.known) if not isinstance(outcome, str)]
        hopeful = all(self._worth_again(long.known[part]) for part in missing)
        able = long.tries < PART_TRIES and self._up.is_set() and not self._leaving
        return missing if hopeful and able and len(missing) < len(long.known) else []

    def _worth_again(self, outcome: Outcome) -> bool:
        if isinstance(outcome, int):
            return self._account.kinds.get(outcome) in AGAIN
        return isinstance(outcome, Unwritten)

    def _throttled(self, status: int) -> None:
        """One pause for all binds; the rest of a window says the same again, and that adds nothing."""
        now = self._loop.time()
        if now < self._paused_until:
            return
        self._pause = min(self._pause * 2 or FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS)
        self._paused_until = now + self._pause
        log.warning("smpp.throttled", centre=self._account.place, status=status_name(status), seconds=self._pause)
        self._hand_back(Unwritten(f"{self._account.place} asked for a pause: {status_name(status)}", busy=True))

    def _hand_back(self, outcome: Unwritten, asked_before: float = math.inf) -> None:
        """Messages that wait are not sent after all: nothing waits long, so that who stops a campaign stops it."""
        while self._queue and _call(self._queue[0]).asked_at < asked_before:
            item = self._queue.popleft()
            for piece in [item] if isinstance(item, tuple) else item:
                self._settle(piece, outcome)

    def _give_up_parts(self, why: str) -> None:
        while self._again:
            for piece in self._again.popleft()[1]:
                self.unwritten(piece, why)

    def _pump(self) -> None:
        for session in sorted(self._sessions, key=lambda each: len(each.pending)):
            if self._queue or self._again:
                session.pump()

    # Keeping the binds up

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                self._sweep(self._loop.time())
            except Exception:  # it must go on: nobody else notices that an answer does not come
                log.exception("smpp.sweep_failed", centre=self._account.place)

    def _sweep(self, now: float) -> None:
        for session in tuple(self._sessions):
            session.sweep(now)
        self._hand_back(Unwritten("every window was full", busy=self._up.is_set()), now - QUEUE_SECONDS)
        if not self._up.is_set():
            self._give_up_parts("the link went down")
        for session in self._sessions:
            session.pump()

    async def _keep(self, terms: Terms) -> None:
        """One bind, made again whenever it is gone."""
        wait = FIRST_REBIND_SECONDS
        while True:
            began = self._loop.time()
            locked_out = not await self._bind_and_stay(terms)
            if self._loop.time() - began > STEADY_SECONDS:
                wait = FIRST_REBIND_SECONDS
            chance = random.uniform(0.5, 1.0)  # noqa: S311  spreads the knocking, guards nothing
            await asyncio.sleep(LOCKED_OUT_SECONDS if locked_out else wait * chance)
            wait = min(wait * 2, LAST_REBIND_SECONDS)

    async def _bind_and_stay(self, terms: Terms) -> bool:
        """Bind and return when the bind is gone; False where trying again soon would do harm. One at a time knocks."""
        async with self._gate:
            if self._loop.time() < self._locked_until:
                return False
            try:
                session, told = await bound(self._account, terms, self, self._listener.store)
            except NotSent as error:
                return self._not_bound(error)
            self._add(session, told)
        await asyncio.wait([session.closed])
        self._remove(session)
        return True

    def _not_bound(self, error: NotSent) -> bool:
        """A wrong password stops all binds, but not where another bind stands: then it is the number of binds."""
        locked_out = isinstance(error, Misconfigured)
        if not self._sessions:
            self._fault = error
            self._locked_until = self._loop.time() + LOCKED_OUT_SECONDS if locked_out else 0.0
        log.warning("smpp.not_bound", centre=self._account.place, error=str(error))
        return not locked_out

    def _add(self, session: Session, told: BindAnswer) -> None:
        log.info("smpp.bound", centre=self._account.place, as_=session.terms.command.name, version=told.version)
        self._sessions.append(session)
        if session.terms.window:
            self._up.set()
            session.pump()

    def _remove(self, session: Session) -> None:
        why = session.closed.result()
        log.log(INFO if self._leaving else WARNING, "smpp.unbound", centre=self._account.place, why=why)
        self._sessions.remove(session)
        if not any(each.terms.window for each in self._sessions):
            self._up.clear()
            if not self._leaving:
                self._fault = Unavailable(f"the link to {self._account.place} is down: {why}")


async def bound(account: Account, terms: Terms, owner: Owner, store: Store) -> tuple[Session, BindAnswer]:
    """Connect and bind. Raises `Unavailable`, or `Misconfigured` where the centre does not accept the account."""
    session: Session | None = None
    told: BindAnswer | None = None
    try:
        async with asyncio.timeout(account.connect_seconds):
            _, session = await asyncio.get_running_loop().create_connection(
                lambda: Session(terms, owner, store), account.host, account.port, ssl=account.tls
            )
            told = await session.bind()
            return session, told
    except NotBound as error:
        raise _refusal(account, error) from None
    except (OSError, TimeoutError) as error:
        raise Unavailable(f"{account.place}: no bind, nothing was sent: {_words(error)}") from None
    finally:
        if session is not None and told is None:
            session.drop("not bound")


def _refusal(account: Account, error: NotBound) -> NotSent:
    kind = account.kinds.get(error.status or 0)
    code = status_name(error.status or 0)
    said = f"{account.place}: {error}"
    return Misconfigured(said, code=code) if kind is Kind.ACCOUNT else Unavailable(said, code=code)


def _words(error: Exception) -> str:
    reason = getattr(error, "strerror", None) or str(error)
    return f"{type(error).__name__} ({blanked(reason, limit=120)})" if reason else type(error).__name__


def _call(item: Piece | list[Piece]) -> Call:
    return item[0] if isinstance(item, tuple) else item[0][0]
