"""What a pretend Zalo decides about each call: tokens first, then the template, then the person. No network here."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from providers.sandbox.chance import Chance
from providers.sandbox.ledger import Arrival, Fate, Ledger
from providers.sandbox.numbering import normal
from providers.sandbox.zalo.dials import ZaloDials

OK, NO_ACCOUNT, STALE, QUOTA = 0, -118, -124, -144
QUIET, OVER_THE_LIMIT = -230, -210
LONGEST_TEXT = 2000
UNUSABLE, MALFORMED, MISSING, TOO_LONG, NO_SUCH_MESSAGE, NO_SUCH_TEMPLATE = -131, -132, -1122, -1121, -107, -109
NOT_GRANTED = -14014


@dataclass(frozen=True, slots=True)
class Order:
    """A message, read. `address` is a number in digits from 84, a hash or a user id.

    `text` is a message of the account, which has neither template nor tracking id.
    """

    token: str
    address: str
    template: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)
    tracking_id: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that was taken; `reached_at` is monotonic, None where it reaches nobody."""

    msg_id: str
    order: Order
    reached_at: float | None


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to an order; `answered` is false where the line is cut instead, `taken` is None unless it was."""

    code: int
    taken: Taken | None = None
    answered: bool = True


@dataclass(frozen=True, slots=True)
class Refresh:
    """A try to get a pair of tokens; `ended`: the access token of before was worth nothing any more."""

    time: float
    granted: bool
    ended: bool
    answered: bool = True
    kind: str = field(default="refresh", init=False)


class Account:
    """One Official Account under one app."""

    def __init__(self, dials: ZaloDials, ledger: Ledger, clock: Callable[[], float] = time.monotonic) -> None:
        self.dials, self.ledger, self.clock = dials, ledger, clock
        self.chance = Chance(dials.seed)
        self.messages: dict[str, Taken] = {}
        self.left = dials.daily_quota
        self.refreshes: list[Refresh] = []
        self._refresh, self._access, self._ends, self._uses = dials.refresh_token, "", 0.0, 0

    def trade(self, secret: str, spent: str) -> tuple[str, str] | None:
        """A pair for a refresh token (or for the code of a person who signed in); the old pair is worth nothing from now on."""
        granted = secret == self.dials.app_secret and spent in (self._refresh, f"code-{self._refresh}")
        answered = len([one for one in self.refreshes if one.granted]) >= self.dials.lost_refreshes
        self._noted(Refresh(self.clock(), granted, not self._good(self._access), answered or not granted))
        if not granted:
            return None
        number = len(self.refreshes)
        self._access, self._refresh = self._named("access", number), self._named("refresh", number)
        self._ends, self._uses = self.clock() + self.dials.access_seconds, 0
        return (self._access, self._refresh) if answered else ("", "")

    def revoke(self) -> None:
        """Somebody has withdrawn the permission: nothing works until a person signs in again."""
        self._access, self._refresh = "", self._named("withdrawn", len(self.refreshes))

    @property
    def grant(self) -> str:
        """The code that a person is given who signs in now."""
        return f"code-{self._refresh}"

    def admits(self, token: str) -> bool:
        """Whether a call with this token is listened to."""
        good = self._good(token)
        self._uses += good
        return good

    def _good(self, token: str) -> bool:
        spent = self.dials.access_uses is not None and self._uses >= self.dials.access_uses
        return bool(token) and token == self._access and self.clock() < self._ends and not spent

    def receive(self, order: Order) -> Decision:
        """Decide, remember what was taken, and note it in the ledger."""
        now = self.clock()
        code = self._code(order)
        decision = self._take(order, now) if code == OK else Decision(code)
        self.ledger.arrived(_arrival(order, decision, now))
        return decision

    def status(self, msg_id: str) -> int:
        """As the status call tells it: -1 no such message, 0 here, 1 on the device."""
        taken = self.messages.get(msg_id)
        if taken is None:
            return -1
        return int(taken.reached_at is not None and self.clock() >= taken.reached_at)

    def active(self, person: str) -> bool:
        """Whether somebody has done something with the account in the last seven days."""
        return self.chance.happens(self.dials.active, person, "active")

    def _code(self, order: Order) -> int:
        if not self.admits(order.token):
            return STALE
        if code := self._of_text(order) if order.text else self._of_template(order):
            return code
        return self._about(order.address)

    def _of_text(self, order: Order) -> int:
        if len(order.text) > LONGEST_TEXT:
            return OVER_THE_LIMIT
        return OK if self.active(order.address) else QUIET

    def _of_template(self, order: Order) -> int:
        template = self.dials.template
        if order.template != template.id or template.status != "ENABLE":
            return NO_SUCH_TEMPLATE if order.template != template.id else UNUSABLE
        if order.parameters.keys() != template.parameters.keys():
            return MISSING if template.parameters.keys() - order.parameters.keys() else MALFORMED
        if any(len(value) > template.parameters[name] for name, value in order.parameters.items()):
            return TOO_LONG
        return QUOTA if self.left is not None and self.left <= 0 else OK

    def _about(self, address: str) -> int:
        shares = {str(NO_ACCOUNT): self.dials.no_account, **self.dials.refusals}
        picked = self.chance.pick(shares, address, "refusal")
        return int(picked) if picked else OK

    def _take(self, order: Order, now: float) -> Decision:
        self.left = self.left if self.left is None or order.text else self.left - 1
        msg_id = blake2b(f"{self.dials.seed}:{len(self.messages)}".encode(), digest_size=12).hexdigest()
        reached = not self.chance.happens(self.dials.unreached, order.address, "unreached")
        delay = self.chance.seconds(self.dials.webhooks.delay_seconds, order.address, "delay")
        taken = self.messages[msg_id] = Taken(msg_id, order, now + delay if reached else None)
        lost = self.chance.happens(self.dials.lost_answers, order.address, "lost answer")
        return Decision(OK, taken, answered=not lost)

    def _noted(self, refresh: Refresh) -> None:
        self.refreshes.append(refresh)
        self.ledger.note(refresh)

    def _named(self, what: str, number: int) -> str:
        return f"{what}-{self.dials.seed}-{number}-" + blake2b(f"{what}{number}".encode(), digest_size=8).hexdigest()


def _arrival(order: Order, decision: Decision, now: float) -> Arrival:
    fates = {OK: Fate.TAKEN, QUOTA: Fate.THROTTLED}
    phone = normal(order.address) or order.address
    return Arrival(
        time=now,
        wall=time.time(),
        phones=(phone,),
        request_id=order.tracking_id,
        smsid=decision.taken.msg_id if decision.taken else "",
        fate=fates.get(decision.code, Fate.REFUSED),
        code=str(decision.code),
        characters=0,
        encoding="zalo",
        segments=1,
        answered=decision.answered,
    )
