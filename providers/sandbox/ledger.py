"""What a pretend carrier saw and did, in the order it happened: the truth that others compare their log with."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import Field, asdict, dataclass, field
from enum import StrEnum
from typing import IO, Any, ClassVar, Protocol

from providers.sandbox.counting import SlidingSecond


class Fate(StrEnum):
    """What became of a request to send."""

    TAKEN = "taken"
    REFUSED = "refused"
    DUPLICATE = "duplicate"
    THROTTLED = "throttled"
    TESTED = "tested"  # Sandbox = 1: checked, not sent
    LOST = "lost"  # cut before it was taken


class Delivery(StrEnum):
    """What became of a try to deliver a callback."""

    DELIVERED = "delivered"
    RETRYING = "retrying"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request to send. `time` is monotonic seconds, `wall` seconds since 1970.

    `phones` are digits from 84, one for a care message; `segments` are those of one phone. `answered` is false
    where the line was cut instead.
    """

    time: float
    wall: float
    phones: tuple[str, ...]
    request_id: str
    smsid: str
    fate: Fate
    code: str
    characters: int
    encoding: str
    segments: int
    answered: bool = True
    kind: str = field(default="request", init=False)


@dataclass(frozen=True, slots=True)
class CallbackTry:
    """A try to deliver a callback; `result` is the HTTP status or the name of the failure."""

    time: float
    smsid: str
    status: int
    delivery: Delivery
    number: int
    result: str
    kind: str = field(default="callback", init=False)


class Entry(Protocol):
    """A line of the ledger: a frozen dataclass that names its kind."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def kind(self) -> str: ...


class Ledger:
    """Grows only. Also appended to `file`, one JSON object a line, where given."""

    def __init__(self, file: IO[str] | None = None) -> None:
        self.arrivals: list[Arrival] = []
        self.callbacks: list[CallbackTry] = []
        self.entries: list[Entry] = []
        self.received: Counter[str] = Counter()
        self.callbacks_pending = 0
        self.unreadable = 0  # requests to send that named no number we could note
        self._fates: Counter[str] = Counter()
        self._codes: Counter[str] = Counter()
        self._deliveries: Counter[str] = Counter()
        self._arrived, self._taken = SlidingSecond(), SlidingSecond()
        self._file = file

    def arrived(self, arrival: Arrival) -> None:
        """Note a request to send."""
        self.paced(arrival.time, arrival.segments * len(arrival.phones), arrival.fate is Fate.TAKEN)
        self.settled(arrival)

    def paced(self, time: float, segments: int, taken: bool) -> None:
        """Count what came in, and what was taken of it, for the busiest second."""
        self._arrived.add(time, segments)
        if taken:
            self._taken.add(time, segments)

    def settled(self, arrival: Arrival) -> None:
        """Note what became of a request whose segments are counted."""
        self.arrivals.append(arrival)
        self._fates[arrival.fate] += 1
        if arrival.fate is Fate.REFUSED:
            self._codes[arrival.code] += 1
        if arrival.fate is Fate.TAKEN:
            self.received.update(arrival.phones)
        self.note(arrival)

    def called_back(self, callback: CallbackTry) -> None:
        """Note a try to deliver a callback."""
        self.callbacks.append(callback)
        self._deliveries[callback.delivery] += 1
        self.note(callback)

    def summary(self) -> dict[str, object]:
        """Totals. `max_segments_per_second` counts everything that came in, in any sliding second."""
        return {
            "requests": len(self.arrivals),
            "unreadable": self.unreadable,
            **{fate.value: self._fates[fate] for fate in Fate},
            "refused_by_code": dict(self._codes),
            "messages": self.received.total(),
            "numbers": len(self.received),
            "most_for_one_number": max(self.received.values(), default=0),
            "max_segments_per_second": self._arrived.most,
            "max_taken_segments_per_second": self._taken.most,
            "callbacks_delivered": self._deliveries[Delivery.DELIVERED],
            "callbacks_failed": self._deliveries[Delivery.FAILED],
            "callbacks_pending": self.callbacks_pending,
        }

    def note(self, entry: Entry) -> None:
        """Append an entry of any kind."""
        self.entries.append(entry)
        if self._file:
            self._file.write(line(entry))


def line(entry: Entry) -> str:
    """An entry as one line of JSON; a care message has `phone` (empty if malformed), an advertising call `phones`."""
    told = asdict(entry)
    if isinstance(entry, Arrival) and len(entry.phones) <= 1:
        told["phone"] = "".join(told.pop("phones"))
    return json.dumps(told, ensure_ascii=False) + "\n"
