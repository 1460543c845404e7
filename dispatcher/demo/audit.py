"""Our delivery log against the pretend carrier's own ledger, number by number."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dispatcher.lifecycle import Status

OUT = frozenset({Status.SUBMITTED, Status.DELIVERED, Status.UNDELIVERED})
UNKNOWN = frozenset({Status.UNCERTAIN, Status.UNCONFIRMED, Status.SENDING})


@dataclass(frozen=True, slots=True)
class Logged:
    """What our log says of one message; the number in full. `text` is what was said, where it is to be compared."""

    message_id: str
    msisdn: str
    status: Status
    text: str = ""


@dataclass
class Ledger:
    """What the carrier says it was asked to send, by our id and number; what it took, by these and the text, and by number.

    `digits`: of how many our id is there, counted from its beginning; over SMPP no more than four of them travel.
    Where texts are not compared, all are empty.
    """

    digits: int = 32

    taken: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    received: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Finding:
    """The comparison. `twice` counts messages that the carrier took more than once; `differences` are in words."""

    compared: int
    taken: int
    twice: int
    open_questions: int
    differences: tuple[str, ...]

    @property
    def clean(self) -> bool:
        return not self.differences and not self.twice


def read_ledger(path: Path, *, texts: bool = False) -> Ledger:
    """The ledger file that the pretend carrier wrote, one JSON object a line; with what was said, if it noted that."""
    ledger = Ledger()
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            if entry["kind"] == "request":
                ledger.digits = len(entry["request_id"])
                said = entry["text"] if texts else ""
                _note(ledger, entry["request_id"], entry["phone"], said, entry["fate"])
    return ledger


def _note(ledger: Ledger, request_id: str, phone: str, text: str, fate: str) -> None:
    ledger.asked[request_id, phone] += 1
    if fate == "taken":
        ledger.taken[request_id, phone, text] += 1
        ledger.received[phone] += 1


def compare(logged: Iterable[Logged], ledger: Ledger) -> Finding:
    """Every message of the log against the ledger, and every entry of the ledger against the log."""
    differences: list[str] = []
    known: set[tuple[str, str]] = set()
    said: set[tuple[str, str, str]] = set()
    unknown = 0
    for message in logged:
        key = (message.message_id[: ledger.digits], message.msisdn)
        known.add(key)
        said.add((*key, message.text))
        unknown += message.status in UNKNOWN
        differences += _differences(message, ledger.asked[key], ledger.taken[*key, message.text])
    strangers = [request_id for request_id, phone in ledger.asked if (request_id, phone) not in known]
    differences += [f"the carrier was asked for {request_id}, which our log does not have" for request_id in strangers]
    other = [key for key in ledger.taken if key not in said and key[:2] in known]
    differences += [f"the carrier heard another text for {request_id}: {text}" for request_id, _, text in other]
    twice = sum(count > 1 for count in ledger.taken.values())
    return Finding(len(said), ledger.taken.total(), twice, unknown, tuple(differences))


def _differences(message: Logged, asked: int, taken: int) -> Iterator[str]:
    what = f"{message.message_id} ({message.status})"
    if message.status in OUT and taken != 1:
        yield f"{what}: our log says it went out, the carrier took it {taken} times"
    if message.status is Status.REJECTED and (taken or not asked):
        yield f"{what}: our log says refused, the carrier was asked {asked} times and took it {taken} times"
    if message.status not in OUT | UNKNOWN | {Status.REJECTED} and taken:
        yield f"{what}: our log says it did not go out, the carrier took it {taken} times"
