"""What a pretend SMSC saw and did: the ledger of the other pretend carriers, and every submit_sm below it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO

from providers.sandbox.ledger import Arrival, Delivery, Ledger


@dataclass(frozen=True, slots=True)
class Heard(Arrival):
    """A whole message, put together from its parts; or a submit_sm that was turned away, with what it held.

    `request_id` is user_message_reference as four hexadecimal digits, `smsid` the id of the first part in the form of our
    answers, `smsids` of all, `segments` what went over the air.
    """

    smsids: tuple[str, ...] = ()
    sender: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class PartHeard:
    """One submit_sm. `octets` is short_message or message_payload in hexadecimal; `session` counts the binds."""

    time: float
    session: int
    phone: str
    sender: str
    smsid: str
    code: str
    answer: str
    reference: int
    total: int
    number: int
    esm_class: int
    data_coding: int
    registered_delivery: int
    validity: str
    octets: str
    kind: str = field(default="part", init=False)


@dataclass(frozen=True, slots=True)
class InboundTry:
    """A try to deliver a text from a person; `result` is the command_status or the name of the failure."""

    time: float
    phone: str
    delivery: Delivery
    number: int
    result: str
    kind: str = field(default="inbound", init=False)


class SmscLedger(Ledger):
    """Grows only. A message counts as received when its last part was taken."""

    def __init__(self, file: IO[str] | None = None) -> None:
        super().__init__(file)
        self.parts: list[PartHeard] = []
        self.inbound: list[InboundTry] = []
        self.binds = 0
        self.broken = 0  # messages of which a part came a second time before the last came

    def part_heard(self, part: PartHeard, segments: int, taken: bool) -> None:
        """Note a submit_sm."""
        self.parts.append(part)
        self.paced(part.time, segments, taken)
        self.note(part)

    def inbound_tried(self, tried: InboundTry) -> None:
        """Note a try to deliver a text from a person."""
        self.inbound.append(tried)
        self.note(tried)

    def summary(self) -> dict[str, object]:
        """Totals; `requests` are messages, not parts."""
        delivered = sum(tried.delivery is Delivery.DELIVERED for tried in self.inbound)
        return {
            **super().summary(),
            "binds": self.binds,
            "parts": len(self.parts),
            "broken": self.broken,
            "inbound_delivered": delivered,
        }
