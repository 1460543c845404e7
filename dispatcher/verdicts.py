"""What a call to a provider came to, read into what is to be stored: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from dispatcher.lifecycle import Event
from dispatcher.retrying import Decision, decide
from dispatcher.store.batches import Row
from dispatcher.store.messages import Result, StoredExchange
from providers.base import Accepted, Reason, Refused, Submitted, Unclear, Unsent
from providers.errors import Misconfigured, ProviderError, Throttled


@dataclass(frozen=True, slots=True)
class Call:
    """One call: the messages handed over, when, and the answer or the failure of the whole."""

    rows: tuple[Row, ...]
    started_at: datetime
    ended_at: datetime
    answer: Submitted | ProviderError


@dataclass(frozen=True, slots=True)
class Reading:
    """What to store of some calls, and what they mean for the rest of the batch.

    `halt`: send no more of this batch now; it is due again after `delay` seconds. `park`: why a person must act first.
    `onward`: the route to which a message goes that was refused for its network. `settled`: messages that came from
    another route like that, and were accepted here. `parts`: the carrier's ids of the parts of long messages.
    """

    results: tuple[Result, ...]
    exchanges: tuple[StoredExchange, ...]
    halt: bool
    delay: float
    park: str | None
    onward: Mapping[UUID, str]
    settled: tuple[UUID, ...]
    parts: tuple[tuple[UUID, str], ...]


class _Word(NamedTuple):
    """One message's part of an answer, in our words."""

    event: Event
    outcome: str
    reference: str | None = None
    reason: str | None = None
    code: str | None = None
    refund: bool = False
    parts: tuple[str, ...] = ()
    onward: str | None = None


# This route refuses what another may take.
ELSEWHERE = frozenset({Reason.NETWORK, Reason.FEW})

# What one message's failure means, and the failure.
_Failure = tuple[Decision, ProviderError]


@dataclass(frozen=True, slots=True)
class Paths:
    """network -> the route to try next: `ways` where this one is refused for its network; `instead`, where there is any, by another
    channel, whatever the reason but the person's own will, or if this one is not to be had within `patience` seconds."""

    ways: Mapping[str, str]
    instead: Mapping[str, str] = field(default_factory=dict)
    patience: float = 0.0

    def after(self, reason: Reason, row: Row) -> str | None:
        """The next route for a message that this one refuses. One that an earlier try left a doubt about stays."""
        if row.doubted or reason is Reason.OPT_OUT:
            return None
        if row.network in self.instead:
            return self.instead[row.network]
        # A number that was carried to another network is tried on one more route.
        return self.ways.get(row.network) if reason in ELSEWHERE and not row.rerouted else None

    def meanwhile(self, error: ProviderError, row: Row) -> str | None:
        """The route for a message that this one would take, but much later."""
        late = isinstance(error, Throttled) and (error.retry_after or 0.0) > self.patience
        return self.instead.get(row.network) if late and not row.doubted else None


def read(calls: Sequence[Call], paths: Paths, *, probing: bool = False) -> Reading:
    """Results in the order of the calls; an exchange is kept once, however many messages it carried."""
    results: list[Result] = []
    exchanges: list[StoredExchange] = []
    failures: list[_Failure] = []
    onward: dict[UUID, str] = {}
    settled: list[UUID] = []
    parts: list[tuple[UUID, str]] = []
    halt = False
    for call in calls:
        place = _keep(call, exchanges)
        for row, (word, failure) in zip(call.rows, _words(call, paths, probing), strict=True):
            results.append(_result(call, row, word, place))
            parts += [(row.id, reference) for reference in word.parts]
            if word.onward:
                onward[row.id] = word.onward
            elif word.event is Event.ACCEPTED and row.rerouted:
                settled.append(row.id)
            if failure:
                failures.append(failure)
        halt = halt or _halts(call.answer, failures)
    stopping = [d for d, _ in failures if d.event is not Event.LOST]
    return Reading(
        tuple(results),
        tuple(exchanges),
        halt=halt,
        delay=max((d.delay for d in stopping), default=0.0),
        park=next((str(error) for d, error in failures if d.park), None),
        onward=onward,
        settled=tuple(settled),
        parts=tuple(parts),
    )


def _keep(call: Call, exchanges: list[StoredExchange]) -> int | None:
    exchange = call.answer.exchange
    if exchange is None:
        return None
    exchanges.append(
        StoredExchange(call.started_at, exchange.elapsed, exchange.status, exchange.request, exchange.response)
    )
    return len(exchanges) - 1


def _halts(answer: Submitted | ProviderError, failures: Sequence[_Failure]) -> bool:
    """A failure of one message alone stops nobody else, unless the carrier asks for a pause or a person must act."""
    if isinstance(answer, ProviderError):
        return any(decision.event is not Event.LOST for decision, _ in failures)
    return any(isinstance(error, Throttled | Misconfigured) for _, error in failures)


def _words(call: Call, paths: Paths, probing: bool) -> list[tuple[_Word, _Failure | None]]:
    if isinstance(call.answer, Submitted):
        pairs = zip(call.answer.verdicts, call.rows, strict=True)
        return [
            _failure(verdict.failure, row, paths, probing)
            if isinstance(verdict, Unsent)
            else (_verdict(verdict, row, paths), None)
            for verdict, row in pairs
        ]
    return [_failure(call.answer, row, paths, probing) for row in call.rows]


def _verdict(verdict: Accepted | Refused | Unclear, row: Row, paths: Paths) -> _Word:
    match verdict:
        case Accepted(reference=reference, parts=parts):
            return _Word(Event.ACCEPTED, "accepted", reference=reference, parts=parts)
        case Refused(reason=Reason.DUPLICATE, code=code) if row.doubted:
            return _Word(Event.ACCEPTED, "accepted", reason="the carrier has it from an earlier try", code=code)
        case Refused(reason=reason, code=code, detail=detail):
            onward = paths.after(reason, row)
            event = Event.REROUTED if onward else Event.REFUSED
            return _Word(event, "refused", reason=f"{reason.value}: {detail}".rstrip(": "), code=code, onward=onward)
        case Unclear(code=code, detail=detail):
            return _Word(Event.LOST, "uncertain", reason=detail, code=code)


def _failure(error: ProviderError, row: Row, paths: Paths, probing: bool) -> tuple[_Word, _Failure | None]:
    if onward := paths.meanwhile(error, row):
        return _Word(Event.REROUTED, "not_sent", reason=str(error), code=error.code, onward=onward), None
    decision = decide(error, row.attempts + 1, probing=probing)
    outcome = "uncertain" if decision.event is Event.LOST else "not_sent"
    word = _Word(decision.event, outcome, reason=str(error), code=error.code, refund=not decision.costs_attempt)
    return word, (decision, error)


def _result(call: Call, row: Row, word: _Word, exchange: int | None) -> Result:
    return Result(
        row.id,
        word.event,
        word.refund,
        row.attempts + 1,
        call.started_at,
        call.ended_at,
        word.outcome,
        word.reference,
        word.reason,
        word.code,
        row.segments,
        exchange,
    )
