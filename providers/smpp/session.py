"""One bind: a connection, its window of unanswered messages, and the signs of life both ways."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from providers.smpp.calls import Piece
from providers.smpp.codes import (
    INVALID_BIND_STATUS,
    INVALID_COMMAND,
    OK,
    QUEUE_FULL,
    RESPONSE,
    Command,
    status_name,
)
from providers.smpp.hearing import Hearing, Store
from providers.smpp.pdu import (
    HEADER,
    HEADER_SIZE,
    LAST_SEQUENCE,
    Bind,
    BindAnswer,
    Frame,
    Malformed,
    Message,
    Reader,
    answer,
    frame,
    message_id,
    read_data,
    read_message,
)

log = structlog.get_logger()

SUBMIT = int(Command.SUBMIT_SM)
SUBMIT_ANSWER = SUBMIT | RESPONSE
DELIVER = int(Command.DELIVER_SM)
READ = {DELIVER: read_message, int(Command.DATA_SM): read_data}
# Of messages that were given up for lost: so many are remembered, in case their answer comes late.
LATE = 10_000
# How long a centre that says goodbye is kept waiting for the answers that it still owes.
PARTING_SECONDS = 2.0


class NotBound(Exception):  # noqa: N818  reads as the sentence it is
    """The centre would not have us; `status` is its command_status, None where it gave none."""

    def __init__(self, why: str, status: int | None = None) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class Terms:
    """How a bind is made and kept. Times in seconds; `silence`: of the other end, before it is asked for a sign."""

    command: Command
    bind: Bind = field(repr=False)
    window: int
    answer_seconds: float
    silence_seconds: float
    sign_seconds: float


class Owner(Protocol):
    """Who gives a session its work, and hears what became of it."""

    def take(self, backlog: deque[Piece], room: int) -> list[Piece]:
        """Up to `room` pieces to send now. Further parts of a message that was begun are left in `backlog`."""

    def answered(self, piece: Piece, status: int, id_: bytes) -> None:
        """The centre has answered."""

    def answered_late(self, piece: Piece, status: int, id_: bytes) -> None:
        """The centre has answered what had been given up for lost."""

    def lost(self, piece: Piece, why: str) -> None:
        """It was sent, and nobody can tell what became of it."""

    def unwritten(self, piece: Piece, why: str) -> None:
        """It was taken and not sent."""


class Session(asyncio.Protocol):
    """asyncio calls it with what comes in; it calls `owner` with what that means. No task or future per message."""

    def __init__(self, terms: Terms, owner: Owner, store: Store) -> None:
        self.terms = terms
        self.bound = False
        self.leaving = False
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.pending: dict[int, Piece] = {}
        self.hearing = Hearing(store, self._answer_deliveries)
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reader = Reader()
        self._sequence = 1
        self._written = 0
        self._ticks: deque[tuple[float, int]] = deque()
        self._late: dict[int, Piece] = {}
        self._backlog: deque[Piece] = deque()
        self._asked: dict[int, asyncio.Future[tuple[int, bytes]]] = {}
        self._choked = False
        self._quiet = asyncio.Event()
        self._heard_at = self._loop.time()
        self._sign_asked_at = 0.0
        self._parting: tuple[int, float] | None = None
        self._why = "the connection was closed by the other end"

    # What the link asks of it

    async def bind(self) -> BindAnswer:
        """Raises `NotBound`, ConnectionError; the caller sets the time limit."""
        status, body = await self.ask(self.terms.command, self.terms.bind.pack())
        if status != OK:
            raise NotBound(f"bind refused: {status_name(status)}", status)
        return BindAnswer.read(body)

    async def ask(self, command: int, body: bytes = b"") -> tuple[int, bytes]:
        """Send a rare command and wait for its status and body. Raises ConnectionError."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionError(self._why)
        sequence = self._next(1)
        answered: asyncio.Future[tuple[int, bytes]] = self._loop.create_future()
        self._asked[sequence] = answered
        try:
            self._transport.write(frame(command, OK, sequence, body))
            return await answered
        finally:
            self._asked.pop(sequence, None)

    def pump(self) -> None:
        """Fill the window, in one write."""
        room = self.terms.window - len(self.pending)
        if room <= 0 or not self.bound or self._choked or self._parting or self._transport is None:
            return
        pieces = self._owner.take(self._backlog, room)
        if not pieces:
            return
        sequence = self._next(len(pieces))
        out: list[bytes] = []
        pack, pending = HEADER.pack, self.pending
        for piece in pieces:
            body = piece[3]
            out += (pack(HEADER_SIZE + len(body), SUBMIT, OK, sequence), body)
            pending[sequence] = piece
            sequence += 1
        self._transport.write(b"".join(out))

    def sweep(self, now: float) -> None:
        """Give up what waited too long, ask a silent centre for a sign, part from one that said goodbye."""
        self._expire(now)
        self._mind_silence(now)
        if self._parting:
            self._part(now)

    async def leave(self, seconds: float) -> None:
        """Let what is under way be answered, unbind, close; `seconds` at most for each of the first two."""
        self.leaving = True
        self._settle_down()
        try:
            async with asyncio.timeout(seconds):
                await self._quiet.wait()
            await self.hearing.idle(seconds)
            async with asyncio.timeout(seconds):
                await self.ask(Command.UNBIND)
        except (TimeoutError, ConnectionError):
            log.warning("smpp.left_without_goodbye", unanswered=len(self.pending))
        self._why = "we closed the connection"
        if self._transport is not None:
            self._transport.close()
        await asyncio.wait([self.closed], timeout=seconds)
        self.drop(self._why)  # what could not be flushed to a dead peer

    def drop(self, why: str) -> None:
        """Break the connection: what is unanswered is lost."""
        self._why = why
        if self._transport is not None:
            self._transport.abort()

    # What asyncio tells it

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream's transport

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        pending, owner, delivered, unbound = self.pending, self._owner, [], False
        for one in self._reader.feed(data):
            command, status, sequence, body = one
            if command == SUBMIT_ANSWER and sequence in pending:
                owner.answered(pending.pop(sequence), status, message_id(body))
                unbound = unbound or status == INVALID_BIND_STATUS
            elif command in READ:
                delivered.append(one)
            else:
                self._other(one)
        if delivered:
            self._deliver(delivered)
        if self._reader.broken:
            self._write(frame(Command.GENERIC_NACK, self._reader.broken.status, 0))
            self.drop(f"the centre sent no SMPP: {self._reader.broken}")
        elif unbound:
            self.drop("the centre does not know of our bind")
        else:
            self.pump()
            self._settle_down()

    def pause_writing(self) -> None:
        self._choked = True

    def resume_writing(self) -> None:
        self._choked = False
        self.pump()

    def connection_lost(self, error: Exception | None) -> None:
        self.bound = False
        why = f"{self._why} ({type(error).__name__})" if error else self._why
        pending, self.pending = self.pending, {}
        for piece in pending.values():
            self._owner.lost(piece, why)
        while self._backlog:
            self._owner.unwritten(self._backlog.popleft(), why)
        for asked in self._asked.values():
            if not asked.done():
                asked.set_exception(ConnectionError(why))
        self._quiet.set()
        self.closed.set_result(why)

    # Within

    def _settle_down(self) -> None:
        if self.leaving and not (self.pending or self._backlog):
            self._quiet.set()

    def _next(self, count: int) -> int:
        """The first of `count` sequence numbers in a row."""
        if self._sequence + count > LAST_SEQUENCE:
            self._written += LAST_SEQUENCE + 1 - self._sequence  # numbers that are passed over
            self._sequence = 1
        first = self._sequence
        self._sequence += count
        self._written += count
        return first

    def _write(self, octets: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(octets)

    def _other(self, one: Frame) -> None:
        command, _, sequence, _ = one
        if command == Command.ENQUIRE_LINK:
            self._write(answer(command, OK, sequence))
        elif command == Command.UNBIND:
            self._parting = (sequence, self._loop.time() + PARTING_SECONDS)
            self._part(self._loop.time())
        elif command & RESPONSE:
            self._response(one)
        elif command not in (Command.OUTBIND, Command.ALERT_NOTIFICATION):
            self._write(frame(Command.GENERIC_NACK, INVALID_COMMAND, sequence))

    def _response(self, one: Frame) -> None:
        command, status, sequence, body = one
        asked = self._asked.get(sequence)
        if command == self.terms.command | RESPONSE and status == OK:
            self.bound = True  # not later: receipts may stand in the same read
        if asked is not None:
            if not asked.done():
                asked.set_result((status, body))
        elif command == Command.GENERIC_NACK and sequence in self.pending:
            self._owner.answered(self.pending.pop(sequence), status or INVALID_COMMAND, b"")
        elif command == SUBMIT_ANSWER and sequence in self._late:
            self._owner.answered_late(self._late.pop(sequence), status, message_id(body))

    def _deliver(self, delivered: list[Frame]) -> None:
        """Texts and receipts: those that can be read go to be stored, and are answered then."""
        messages: list[tuple[int, int, Message]] = []
        refused: list[bytes] = []
        for command, _, sequence, body in delivered:
            try:
                messages.append((command, sequence, READ[command](body)))
            except Malformed as error:
                refused.append(answer(command, error.status, sequence, b"\0"))
        if not self.bound:
            refused += [answer(command, INVALID_BIND_STATUS, sequence, b"\0") for command, sequence, _ in messages]
            messages = []
        too_many = self.hearing.take(messages)
        refused += [answer(command, QUEUE_FULL, sequence, b"\0") for command, sequence, _ in too_many]
        if refused:
            self._write(b"".join(refused))

    def _answer_deliveries(self, messages: list[tuple[int, int, Message]], status: int) -> None:
        self._write(b"".join([answer(command, status, sequence, b"\0") for command, sequence, _ in messages]))

    def _expire(self, now: float) -> None:
        """A tick says how much had been written by then, so no message needs a time of its own."""
        ticks = self._ticks
        ticks.append((now, self._written))
        if now - ticks[0][0] < self.terms.answer_seconds:
            return
        asked_at, written = ticks.popleft()
        overdue = self._overdue(self._written - written)
        if overdue and self._heard_at < asked_at:
            self.drop(f"not a word from the centre in {self.terms.answer_seconds:g} s")
            return
        for sequence in overdue:
            piece = self._late[sequence] = self.pending.pop(sequence)
            self._owner.lost(piece, f"no answer in {self.terms.answer_seconds:g} s")
        while len(self._late) > LATE:
            del self._late[next(iter(self._late))]
        if overdue:
            self.pump()

    def _overdue(self, since: int) -> list[int]:
        """Sequence numbers that were written before the last `since`; `pending` is in the order of writing."""
        found = []
        for sequence in self.pending:
            if (self._sequence - sequence) % LAST_SEQUENCE <= since:
                break
            found.append(sequence)
        return found

    def _mind_silence(self, now: float) -> None:
        if not self.bound or now - self._heard_at < self.terms.silence_seconds:
            return
        if self._sign_asked_at <= self._heard_at:
            self._sign_asked_at = now
            self._write(frame(Command.ENQUIRE_LINK, OK, self._next(1)))
        elif now - self._sign_asked_at > self.terms.sign_seconds:
            self.drop(f"no sign of life in {self.terms.sign_seconds:g} s")

    def _part(self, now: float) -> None:
        """The centre asked to unbind: what it still owes is waited for, a little."""
        sequence, until = self._parting or (0, 0.0)
        if self.pending and now < until:
            return
        self._why = "the centre unbound"
        self._write(answer(Command.UNBIND, OK, sequence))
        if self._transport is not None:
            self._transport.close()
