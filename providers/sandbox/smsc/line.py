"""One session of a pretend SMSC: bytes in, decisions asked for, bytes out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count

from providers.sandbox.smsc.centre import Answer, Centre, Request, Taken
from providers.sandbox.smsc.post import Letter, Offices, receipts
from providers.smpp.codes import (
    INVALID_BIND_STATUS,
    INVALID_COMMAND,
    RESPONSE,
    Command,
)
from providers.smpp.pdu import Bind, BindAnswer, Frame, Malformed, Reader, answer, frame, read_message

ALREADY_BOUND, VERSION = 0x05, 0x34
MODES = {
    Command.BIND_TRANSMITTER: "transmitter",
    Command.BIND_RECEIVER: "receiver",
    Command.BIND_TRANSCEIVER: "transceiver",
}


class Line(asyncio.Protocol):
    """A session, one of `lines` while it lives. `silent` once it is half-open: it reads and says nothing, ever."""

    def __init__(self, centre: Centre, office: Offices, lines: set[Line], number: int) -> None:
        self._centre, self._office, self._lines, self.number = centre, office, lines, number
        self.account, self.mode, self.silent = "", "", False
        self._reader = Reader()
        self._sequence = count(1)
        self._unanswered = 0  # submit_sm that wait for their answer
        self._delivering: dict[int, tuple[Letter, asyncio.TimerHandle]] = {}
        self._timers: set[asyncio.TimerHandle] = set()
        self._alive = True
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._answers: dict[int, Callable[[Frame], None]] = {
            Command.BIND_TRANSMITTER: self._bind,
            Command.BIND_RECEIVER: self._bind,
            Command.BIND_TRANSCEIVER: self._bind,
            Command.SUBMIT_SM: self._submit,
            Command.ENQUIRE_LINK: lambda one: self._write(answer(Command.ENQUIRE_LINK, 0, one[2])),
            Command.ENQUIRE_LINK | RESPONSE: self._lives,
            Command.DELIVER_SM | RESPONSE: self._acknowledged,
            Command.UNBIND: self._unbind,
            Command.GENERIC_NACK: self._acknowledged,
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
        self._lines.add(self)
        if self._centre.dials.enquire_seconds:
            self._later(self._centre.dials.enquire_seconds, self._enquire)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  the protocol's shape
        self._lines.discard(self)
        self.gone.set_result(None)
        for timer in self._timers:
            timer.cancel()
        if not self.account:
            return
        office = self._office(self.account)
        office.closed(self)
        for letter, timer in self._delivering.values():
            timer.cancel()
            office.settled(letter, "closed")

    def data_received(self, data: bytes) -> None:
        for one in self._reader.feed(data):
            if self.silent or self._transport.is_closing():
                return
            self._read(one)
        if self._reader.broken and not self.silent:
            self._write(frame(Command.GENERIC_NACK, self._reader.broken.status, 0))
            self._transport.close()

    def cut(self) -> None:
        """End it without a word, what was written and not yet sent included."""
        self._transport.abort()

    def deliver(self, letter: Letter) -> None:
        """Write a deliver_sm; its answer, or none in time, goes to the post office."""
        sequence, office = next(self._sequence), self._office(self.account)

        def missing() -> None:
            del self._delivering[sequence]
            office.settled(letter, "timeout")

        timer = asyncio.get_running_loop().call_later(self._centre.dials.receipts.timeout_seconds, missing)
        self._delivering[sequence] = (letter, timer)
        self._write(frame(Command.DELIVER_SM, 0, sequence, letter.message.pack()))

    def _read(self, one: Frame) -> None:
        command, _, sequence, _ = one
        known = self._answers.get(command)
        if known is None:
            self._write(frame(Command.GENERIC_NACK, INVALID_COMMAND, sequence))
            return
        try:
            known(one)
        except Malformed as error:
            self._write(answer(command, error.status, sequence))

    def _bind(self, one: Frame) -> None:
        command, _, sequence, body = one
        asked = Bind.read(body)
        account, mode = asked.system_id.decode("latin-1"), MODES[Command(command)]
        binds = sum(line.account == account for line in self._lines)
        status = self._centre.admit(account, asked.password.decode("latin-1"), mode, binds)
        if self.account:
            status = ALREADY_BOUND
        body = b"" if status else BindAnswer(b"pretend", VERSION).pack()
        self._write(answer(command, status, sequence, body))
        if not status:
            self._bound(account, mode)

    def _bound(self, account: str, mode: str) -> None:
        self.account, self.mode = account, mode
        self._centre.ledger.binds += 1
        if mode != "transmitter":
            self._office(account).opened(self)

    def _unbind(self, one: Frame) -> None:
        self._write(answer(Command.UNBIND, 0, one[2]))
        self._transport.close()

    def _lives(self, _: Frame) -> None:
        self._alive = True

    def _enquire(self) -> None:
        if not self._alive:
            self.cut()
            return
        self._alive = False
        self._write(frame(Command.ENQUIRE_LINK, 0, next(self._sequence)))
        self._later(self._centre.dials.enquire_seconds or 0, self._enquire)

    def _acknowledged(self, one: Frame) -> None:
        _, status, sequence, _ = one
        if found := self._delivering.pop(sequence, None):
            letter, timer = found
            timer.cancel()
            self._office(self.account).settled(letter, f"0x{status:02X}")

    def _submit(self, one: Frame) -> None:
        _, _, sequence, body = one
        if self.mode not in ("transmitter", "transceiver"):
            self._write(answer(Command.SUBMIT_SM, INVALID_BIND_STATUS, sequence))
            return
        ruling = self._centre.receive(Request(self.account, self.number, self._unanswered, read_message(body)))
        if ruling.taken:
            self._answer_taken(sequence, ruling.taken, ruling.answer)
        elif ruling.answer is Answer.NACK:
            self._write(frame(Command.GENERIC_NACK, ruling.status, sequence))
        elif ruling.answer is not Answer.NEVER:
            self._write(answer(Command.SUBMIT_SM, ruling.status, sequence))

    def _answer_taken(self, sequence: int, taken: Taken, manner: Answer) -> None:
        if manner is Answer.SILENCE:
            self.silent = True
        letter, dials = receipts(self._centre, taken), self._centre.dials
        office, chance = self._office(self.account), self._centre.chance
        if letter and chance.happens(dials.receipts.early, taken.about, "early"):
            office.post(letter, 0) if manner is Answer.LATE else self._deliver_early(letter)
            letter = None
        response = answer(Command.SUBMIT_SM, 0, sequence, self._centre.answered_id(taken.number).encode() + b"\0")
        delay = self._centre.latency(taken) + (dials.late_seconds if manner is Answer.LATE else 0)
        self._unanswered += 1
        self._after(delay, lambda: self._answered(response, manner))
        if letter:
            office.post(
                letter, delay + chance.seconds(dials.receipts.delay_seconds, f"{taken.number}", "receipt delay")
            )

    def _deliver_early(self, letter: Letter) -> None:
        """Before the answer, and by this session if it can."""
        self._centre.ledger.callbacks_pending += 1
        if self.mode == "transceiver" and not self.silent:
            self.deliver(letter)
        else:
            self._office(self.account).send(letter)

    def _answered(self, response: bytes, manner: Answer) -> None:
        self._unanswered -= 1
        if manner is Answer.CUT:
            self.cut()
        elif manner is not Answer.NEVER:
            self._write(response * (2 if manner is Answer.TWICE else 1))

    def _after(self, delay: float, act: Callable[[], None]) -> None:
        if delay:
            self._later(delay, act)
        else:
            act()

    def _later(self, delay: float, act: Callable[[], None]) -> None:
        def due() -> None:
            self._timers.discard(timer)
            act()

        timer = asyncio.get_running_loop().call_later(delay, due)
        self._timers.add(timer)

    def _write(self, octets: bytes) -> None:
        if not self.silent and not self._transport.is_closing():
            self._transport.write(octets)
