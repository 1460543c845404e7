"""Delivers what a pretend SMSC has for an account: receipts and texts from people, over whichever session may receive."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Protocol

from providers.sandbox.ledger import CallbackTry, Delivery
from providers.sandbox.smsc.centre import ID_FORMS, Centre, Taken
from providers.sandbox.smsc.ledger import InboundTry
from providers.smpp.pdu import Message

VIET_NAM = timezone(timedelta(hours=7))  # of the dates in receipts, which name no zone
RECEIPT = 0x04
ENROUTE, DELIVERED, UNDELIVERED = 1, 2, 5
WORDS = {ENROUTE: "ENROUTE", DELIVERED: "DELIVRD", UNDELIVERED: "UNDELIV"}
ERRORS = {UNDELIVERED: 12}
RECEIPTED_MESSAGE_ID, USER_MESSAGE_REFERENCE, NETWORK_ERROR_CODE, MESSAGE_STATE = 0x001E, 0x0204, 0x0423, 0x0427
GSM_NETWORK = b"\x03"


@dataclass(frozen=True, slots=True)
class Letter:
    """A deliver_sm to come. `state` is None for a text from a person; `rest` goes out when this one is settled."""

    about: str
    state: int | None
    message: Message
    rest: tuple[Letter, ...] = ()
    tried: int = 0


class Way(Protocol):
    """A session that letters can go out by."""

    def deliver(self, letter: Letter) -> None:
        """Write it; the post office is told when it was answered, or that it never will be."""


class PostOffice:
    """One account's letters. They wait while no session may receive."""

    def __init__(self, centre: Centre) -> None:
        self._centre = centre
        self._dials = centre.dials.receipts
        self._ways: deque[Way] = deque()
        self._waiting: deque[Letter] = deque()
        self._timers: set[asyncio.TimerHandle] = set()

    def opened(self, way: Way) -> None:
        """A session that may receive was bound."""
        self._ways.append(way)
        while self._waiting:
            self.send(self._waiting.popleft())

    def closed(self, way: Way) -> None:
        """It is gone, or was never one."""
        if way in self._ways:
            self._ways.remove(way)

    def stop(self) -> None:
        """What is still to come does not come."""
        for timer in self._timers:
            timer.cancel()

    def post(self, letter: Letter, delay: float) -> None:
        """Deliver after `delay` seconds."""
        self._centre.ledger.callbacks_pending += letter.state is not None
        self._later(letter, delay)

    def send(self, letter: Letter) -> None:
        """Deliver now, by each session in turn."""
        if not self._ways:
            self._waiting.append(letter)
            return
        self._ways.rotate(-1)
        self._ways[0].deliver(letter)

    def settled(self, letter: Letter, result: str) -> None:
        """The answer to a letter: `0x00`, another command_status, or the name of what went wrong."""
        tried = replace(letter, tried=letter.tried + 1)
        if result != "0x00" and tried.tried < self._dials.tries:
            self._note(tried, Delivery.RETRYING, result)
            self._later(tried, self._dials.retry_seconds)
            return
        self._centre.ledger.callbacks_pending -= letter.state is not None
        self._note(tried, Delivery.DELIVERED if result == "0x00" else Delivery.FAILED, result)
        if letter.rest:
            self.post(replace(letter.rest[0], rest=letter.rest[1:]), 0)

    def _later(self, letter: Letter, delay: float) -> None:
        def due() -> None:
            self._timers.discard(timer)
            self.send(letter)

        timer = asyncio.get_running_loop().call_later(delay, due)
        self._timers.add(timer)

    def _note(self, letter: Letter, delivery: Delivery, result: str) -> None:
        now, ledger = self._centre.clock(), self._centre.ledger
        if letter.state is None:
            ledger.inbound_tried(InboundTry(now, letter.about, delivery, letter.tried, result))
        else:
            ledger.called_back(CallbackTry(now, letter.about, letter.state, delivery, letter.tried, result))


def receipts(centre: Centre, taken: Taken) -> Letter | None:
    """The receipts of one part, in the order in which they will be sent; None where none was asked for or none comes."""
    dials, happens = centre.dials.receipts, centre.chance.happens
    failed = happens(dials.undelivered, taken.about, "undelivered")
    wanted = taken.message.registered_delivery & 0x03
    if not wanted or (wanted == 2 and not failed) or happens(dials.never, taken.about, "never"):
        return None
    final = UNDELIVERED if failed else DELIVERED
    states = [final]
    if happens(dials.out_of_order, taken.about, "out of order"):
        states.append(ENROUTE)
    if happens(dials.repeated, taken.about, "repeated"):
        states.append(final)
    first, *rest = (_receipt(centre, taken, state) for state in states)
    return replace(first, rest=tuple(rest))


def _receipt(centre: Centre, taken: Taken, state: int) -> Letter:
    form = centre.dials.receipts.form
    id_ = ID_FORMS[centre.dials.ids_in_receipts].format(taken.number)
    text = "" if form == "tlv" else _words(centre, taken, state, id_)
    message = Message(
        source_ton=1,
        source_npi=1,
        source=taken.message.dest,
        dest_ton=taken.message.source_ton,
        dest_npi=taken.message.source_npi,
        dest=taken.message.source,
        esm_class=RECEIPT,
        text=text.encode("latin-1"),
        tlvs={} if form == "text" else _parameters(taken, state, id_),
    )
    return Letter(centre.answered_id(taken.number), state, message)


def _words(centre: Centre, taken: Taken, state: int, id_: str) -> str:
    """Appendix B, quoting the text as badly as centres do."""
    sent, done = (_date(moment) for moment in (taken.at, centre.wall()))
    delivered = int(state == DELIVERED)
    return (
        f"id:{id_} sub:001 dlvrd:{delivered:03} submit date:{sent} done date:{done}"
        f" stat:{WORDS[state]} err:{ERRORS.get(state, 0):03} text:{taken.message.content[:20].decode('latin-1')}"
    )


def _parameters(taken: Taken, state: int, id_: str) -> dict[int, bytes]:
    told = {RECEIPTED_MESSAGE_ID: id_.encode() + b"\0", MESSAGE_STATE: bytes((state,))}
    if state in ERRORS:
        told[NETWORK_ERROR_CODE] = GSM_NETWORK + ERRORS[state].to_bytes(2, "big")
    if ours := taken.message.tlvs.get(USER_MESSAGE_REFERENCE):
        told[USER_MESSAGE_REFERENCE] = ours
    return told


def _date(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).astimezone(VIET_NAM).strftime("%y%m%d%H%M")


# The post office of an account.
Offices = Callable[[str], PostOffice]
