"""What a pretend carrier decides about each request to send: eSMS's rules first, then the dials. No network here."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

from providers.sandbox.chance import Chance
from providers.sandbox.counting import SlidingSecond
from providers.sandbox.dials import Dials
from providers.sandbox.ledger import Arrival, Fate, Ledger

DEDUPE_SECONDS = 24 * 3600
LEAST_PHONES, MOST_PHONES = 30, 5000  # of an advertising call

TAKEN, THROTTLED = "100", "429"
FATES = {TAKEN: Fate.TAKEN, THROTTLED: Fate.THROTTLED, "160": Fate.THROTTLED, "124": Fate.DUPLICATE}


@dataclass(frozen=True, slots=True)
class Order:
    """A request to send, read. `phones` are digits from 84, or None where one is malformed; `segments` of one phone."""

    api_key: str
    secret_key: str
    brandname: str
    phones: tuple[str, ...] | None
    text: str
    unicode: bool
    segments: int | None
    request_id: str = ""
    test: bool = False
    callback_url: str = ""
    campaign: str = ""
    advertising: bool = False

    def about(self, phone: str) -> str:
        """This text for this number: a phone that is off today is not off for ever."""
        return f"{phone}:{self.text}"

    @property
    def total(self) -> int:
        """Segments of the whole request."""
        return (self.segments or 0) * len(self.phones or ())

    @property
    def first(self) -> str:
        """The number that draws are made with."""
        return self.phones[0] if self.phones else ""


@dataclass(frozen=True, slots=True)
class Sent:
    """A message, or an advertising batch, that was taken. `created` is seconds since 1970.

    `final_at` and `listed_at` are monotonic: when its fate is known, and from when the status calls know of it.
    """

    smsid: str
    order: Order
    phones: tuple[str, ...]
    segments: int
    failed: frozenset[str]
    price: float
    created: float
    final_at: float
    listed_at: float


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to an order; `answered` is false where the line is cut instead, `sent` is None unless taken."""

    code: str
    smsid: str = ""
    sent: Sent | None = None
    answered: bool = True


class Carrier:
    """One account at a pretend carrier."""

    def __init__(
        self,
        dials: Dials,
        ledger: Ledger,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.dials, self.ledger, self.clock, self.wall = dials, ledger, clock, wall
        self.chance = Chance(dials.seed)
        self.balance = dials.balance
        self.sent: dict[str, Sent] = {}
        self._used: dict[str, float] = {}
        self._lost: set[str] = set()
        self._pace = SlidingSecond()
        self._checks = (
            self._credentials,
            self._throttle,
            self._request_id,
            self._brandname,
            self._phones,
            self._text,
            self._refusal,
            self._money,
        )

    def receive(self, order: Order) -> Decision:
        """Decide, remember what was taken, and note it in the ledger."""
        now = self.clock()
        if self._loses(order):
            decision = Decision("", answered=False)
        else:
            code = next((code for check in self._checks if (code := check(order, now))), TAKEN)
            decision = (
                self._take(order, now) if code == TAKEN else Decision(code, self._smsid() if code == "146" else "")
            )
        self.ledger.arrived(self._arrival(order, decision, now))
        return decision

    def knows(self, api_key: str, secret_key: str) -> bool:
        """Whether these are the account's credentials."""
        return (api_key, secret_key) == (self.dials.api_key, self.dials.secret_key)

    def _take(self, order: Order, now: float) -> Decision:
        smsid = self._smsid()
        if order.test:
            return Decision(TAKEN, smsid)
        cost = order.total * self.dials.price_per_segment
        self.balance = None if self.balance is None else self.balance - cost
        self._pace.add(now, order.total)
        if order.request_id:
            self._used[order.request_id] = now
        sent = self.sent[smsid] = self._record(order, smsid, cost, now)
        lost = self.chance.happens(self.dials.lost_answers, order.about(order.first), "lost answer")
        return Decision(TAKEN, smsid, sent, answered=not lost)

    def _record(self, order: Order, smsid: str, cost: float, now: float) -> Sent:
        phones, receipts = order.phones or (), self.dials.receipts
        failed = frozenset(
            p for p in phones if self.chance.happens(receipts.undelivered, order.about(p), "undelivered")
        )
        final_at = now + self.latency(order.first) + self.receipt_delay(order.first)
        listed_at = now + self.dials.index_lag_seconds
        return Sent(smsid, order, phones, order.segments or 0, failed, cost, self.wall(), final_at, listed_at)

    def latency(self, phone: str) -> float:
        """Seconds until a number's submission is answered."""
        return self.chance.seconds(self.dials.latency_seconds, phone, "latency")

    def receipt_delay(self, phone: str) -> float:
        """Seconds from the answer to the final callback."""
        return self.chance.seconds(self.dials.receipts.delay_seconds, phone, "receipt delay")

    def _smsid(self) -> str:
        return blake2b(f"{self.dials.seed}:{len(self.ledger.arrivals)}".encode(), digest_size=16).hexdigest()

    def _arrival(self, order: Order, decision: Decision, now: float) -> Arrival:
        fate = FATES.get(decision.code, Fate.REFUSED) if decision.code else Fate.LOST
        return Arrival(
            time=now,
            wall=self.wall(),
            phones=order.phones or (),
            request_id=order.request_id,
            smsid=decision.smsid,
            fate=Fate.TESTED if decision.code == TAKEN and order.test else fate,
            code=decision.code,
            characters=len(order.text),
            encoding="ucs2" if order.unicode else "gsm7",
            segments=order.segments or 0,
            answered=decision.answered,
        )

    def _loses(self, order: Order) -> bool:
        """A number's first request only: the second try of a careful sender has to get through some day."""
        if order.first in self._lost or not self.chance.happens(self.dials.lost_requests, order.first, "lost request"):
            return False
        self._lost.add(order.first)
        return True

    def _credentials(self, order: Order, now: float) -> str | None:  # noqa: ARG002  one shape for all checks
        return None if self.knows(order.api_key, order.secret_key) else "101"

    def _throttle(self, order: Order, now: float) -> str | None:
        limit = self.dials.throttle_tps
        return None if limit is None or self._pace.room(now, order.total, limit) else self.dials.throttle_answer

    def _request_id(self, order: Order, now: float) -> str | None:
        """A RequestId counts as used when its message was taken; what a refused one does is not documented."""
        used_at = self._used.get(order.request_id)
        return "124" if used_at is not None and now - used_at < DEDUPE_SECONDS else None

    def _brandname(self, order: Order, now: float) -> str | None:  # noqa: ARG002
        return None if not self.dials.brandnames or order.brandname in self.dials.brandnames else "104"

    def _phones(self, order: Order, now: float) -> str | None:  # noqa: ARG002
        if order.phones is None:
            return "108"
        if not order.advertising:
            return None
        return "107" if len(order.phones) < LEAST_PHONES else "120" if len(order.phones) > MOST_PHONES else None

    def _text(self, order: Order, now: float) -> str | None:  # noqa: ARG002
        """Accents sent as plain text are the sender's mistake: the real carrier would send something else."""
        return "210" if not order.text or order.segments is None else None

    def _refusal(self, order: Order, now: float) -> str | None:  # noqa: ARG002
        return self.chance.pick(self.dials.refusals, order.first, "refusal")

    def _money(self, order: Order, now: float) -> str | None:  # noqa: ARG002
        return "103" if self.balance is not None and order.total * self.dials.price_per_segment > self.balance else None
