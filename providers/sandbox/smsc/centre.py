"""What a pretend SMSC decides about each bind and each submit_sm: the standard's rules first, then the dials. No network."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from providers.sandbox.chance import Chance
from providers.sandbox.counting import SlidingSecond
from providers.sandbox.ledger import Fate
from providers.sandbox.numbering import normal
from providers.sandbox.smsc.dials import SmscDials
from providers.sandbox.smsc.ledger import Heard, PartHeard, SmscLedger
from providers.sandbox.smsc.texts import Fragment, Unreadable, fragment, text
from providers.smpp.pdu import Message

OK, BAD_BIND, BAD_PASSWORD, BAD_SYSTEM_ID = 0x00, 0x0D, 0x0E, 0x0F
BAD_COMMAND, BAD_SENDER, BAD_PHONE, BAD_TEXT, THROTTLED = 0x03, 0x0A, 0x0B, 0x45, 0x58
USER_MESSAGE_REFERENCE = 0x0204
ID_FORMS = {"dec": "{:d}", "dec10": "{:010d}", "hex": "{:x}", "hex16": "{:016x}", "HEX": "{:X}"}


class Answer(StrEnum):
    """How a submit_sm is answered."""

    ONCE = "once"
    TWICE = "twice"
    LATE = "late"
    NEVER = "never"
    NACK = "nack"
    CUT = "cut"  # the session ends
    SILENCE = "silence"  # the session stays and says nothing any more


@dataclass(frozen=True, slots=True)
class Request:
    """A submit_sm with where it came from; `waiting` is how many before it are still unanswered on that session."""

    account: str
    session: int
    waiting: int
    message: Message


@dataclass(frozen=True, slots=True)
class Taken:
    """A part that was taken: what its receipts are made from. `about` is the same for all parts of a message."""

    number: int
    phone: str
    sender: str
    message: Message
    about: str
    at: float


@dataclass(frozen=True, slots=True)
class Ruling:
    """What to do about a submit_sm; `taken` is None unless it was taken."""

    status: int
    answer: Answer = Answer.ONCE
    taken: Taken | None = None


class Centre:
    """All accounts of one pretend SMSC."""

    def __init__(
        self,
        dials: SmscDials,
        ledger: SmscLedger,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.dials, self.ledger, self.clock, self.wall = dials, ledger, clock, wall
        self.chance = Chance(dials.seed)
        # A centre that is started again never gives an id a second time.
        self._numbers = itertools.count(int(wall() * 1e6))
        self._seen: set[str] = set()
        self._pace: dict[str, SlidingSecond] = {}
        self._unfinished: dict[tuple[str, str, str, int, int], dict[int, tuple[Fragment, str]]] = {}

    def admit(self, system_id: str, password: str, mode: str, binds: int) -> int:
        """The command_status of a bind, for an account that has so many `binds`."""
        if system_id not in self.dials.accounts:
            return BAD_SYSTEM_ID
        if password != self.dials.accounts[system_id]:
            return BAD_PASSWORD
        return OK if mode in self.dials.bind_modes and binds < self.dials.most_binds else BAD_BIND

    def receive(self, request: Request) -> Ruling:
        """Decide, remember what was taken, and note it in the ledger."""
        try:
            part: Fragment | None = fragment(request.message, self.dials.default_alphabet)
        except Unreadable:
            part = None
        now, content = self.clock(), request.message.content
        phone, subject = request.message.dest.decode("latin-1"), f"{request.message.dest!r}:{content!r}"
        ruling = (
            self._lost(subject) or self._refused(request, part, phone, now) or self._take(request, part, subject, now)
        )
        self._note(request, part, ruling, now)
        return ruling

    def answered_id(self, number: int) -> str:
        """A message id as it stands in an answer."""
        return ID_FORMS[self.dials.ids_in_answers].format(number)

    def latency(self, taken: Taken) -> float:
        """Seconds until it is answered."""
        return self.chance.seconds(self.dials.latency_seconds, f"{taken.number}", "latency")

    def _lost(self, subject: str) -> Ruling | None:
        """The first time only: the second try of a careful sender has to get through some day."""
        if subject in self._seen or not (self.dials.lost_requests or self.dials.nacks):
            return None
        self._seen.add(subject)
        if self.chance.happens(self.dials.lost_requests, subject, "lost request"):
            return Ruling(OK, Answer.NEVER)
        return Ruling(BAD_COMMAND, Answer.NACK) if self.chance.happens(self.dials.nacks, subject, "nack") else None

    def _refused(self, request: Request, part: Fragment | None, phone: str, now: float) -> Ruling | None:
        dials, sender = self.dials, request.message.source.decode("latin-1")
        checks = (
            (dials.window is not None and request.waiting >= dials.window, THROTTLED),
            (self._too_fast(request.account, part, now), int(dials.throttle_status, 16)),
            (bool(dials.senders) and sender not in dials.senders, BAD_SENDER),
            (normal(phone) != phone, BAD_PHONE),
            (part is None, BAD_TEXT),
        )
        status = next((status for refused, status in checks if refused), None)
        if status is None and (picked := self.chance.pick(dials.refusals, phone, "refusal")):
            status = int(picked, 16)
        return None if status is None else Ruling(status)

    def _too_fast(self, account: str, part: Fragment | None, now: float) -> bool:
        limit, pace = self.dials.throttle_tps, self._pace.setdefault(account, SlidingSecond())
        return limit is not None and not pace.room(now, part.segments if part else 1, limit)

    def _take(self, request: Request, part: Fragment | None, subject: str, now: float) -> Ruling:
        message = request.message
        self._pace[request.account].add(now, part.segments if part else 1)
        about = f"{message.dest!r}:{part.reference}" if part and part.total > 1 else subject
        phone, sender = message.dest.decode("latin-1"), message.source.decode("latin-1")
        taken = Taken(next(self._numbers), phone, sender, message, about, self.wall())
        return Ruling(OK, self._manner(f"{taken.number}:{subject}"), taken)

    def _manner(self, subject: str) -> Answer:
        dials = self.dials
        shares = (
            (dials.disconnects, Answer.CUT),
            (dials.half_opens, Answer.SILENCE),
            (dials.lost_responses, Answer.NEVER),
            (dials.late_responses, Answer.LATE),
            (dials.duplicate_responses, Answer.TWICE),
        )
        return next((answer for share, answer in shares if self.chance.happens(share, subject, answer)), Answer.ONCE)

    def _note(self, request: Request, part: Fragment | None, ruling: Ruling, now: float) -> None:
        """A part as such; and a message, once it is whole or was turned away."""
        smsid = self.answered_id(ruling.taken.number) if ruling.taken else ""
        taken = ruling.taken is not None
        entry = _part_heard(request, part, ruling, smsid, now)
        self.ledger.part_heard(entry, part.segments if part else 1, taken)
        if not taken or part is None:
            self.ledger.settled(self._heard(entry, [(part, "")] if part else [], _fate(ruling), request))
        elif whole := self._completed(request, part, smsid):
            self.ledger.settled(self._heard(entry, whole, Fate.TAKEN, request))

    def _completed(self, request: Request, part: Fragment, smsid: str) -> list[tuple[Fragment, str]] | None:
        """The parts of the message that this one makes whole, in order, with their ids."""
        if part.total == 1:
            return [(part, smsid)]
        message = request.message
        key = (request.account, message.source.hex(), message.dest.hex(), part.reference, part.total)
        parts = self._unfinished.setdefault(key, {})
        if part.number in parts:
            self.ledger.broken += 1
            parts.clear()
        parts[part.number] = (part, smsid)
        if len(parts) < part.total:
            return None
        del self._unfinished[key]
        return [parts[number] for number in sorted(parts)]

    def _heard(self, entry: PartHeard, parts: list[tuple[Fragment, str]], fate: Fate, request: Request) -> Heard:
        try:
            said = text([part for part, _ in parts]) if parts else ""
        except Unreadable:
            said = ""
        phone = normal(entry.phone)
        return Heard(
            time=entry.time,
            wall=self.wall(),
            phones=(phone,) if phone else (),
            request_id=request.message.tlvs.get(USER_MESSAGE_REFERENCE, b"").hex(),
            smsid=parts[0][1] if parts else "",
            fate=fate,
            code=entry.code,
            characters=len(said),
            encoding="ucs2" if parts and parts[0][0].unicode else "gsm7",
            segments=sum(part.segments for part, _ in parts),
            answered=entry.answer in (Answer.ONCE, Answer.TWICE, Answer.LATE),
            smsids=tuple(smsid for _, smsid in parts),
            sender=entry.sender,
            text=said,
        )


def _fate(ruling: Ruling) -> Fate:
    if ruling.answer is Answer.NEVER:
        return Fate.LOST
    return Fate.THROTTLED if ruling.status in (THROTTLED, 0x14) else Fate.REFUSED


def _part_heard(request: Request, part: Fragment | None, ruling: Ruling, smsid: str, now: float) -> PartHeard:
    message = request.message
    return PartHeard(
        time=now,
        session=request.session,
        phone=message.dest.decode("latin-1"),
        sender=message.source.decode("latin-1"),
        smsid=smsid,
        code=f"0x{ruling.status:02X}",
        answer=ruling.answer,
        reference=part.reference if part else -1,
        total=part.total if part else 0,
        number=part.number if part else 0,
        esm_class=message.esm_class,
        data_coding=message.data_coding,
        registered_delivery=message.registered_delivery,
        validity=message.validity.decode("latin-1"),
        octets=message.content.hex(),
    )
