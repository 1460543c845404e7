"""What a call to a provider came to, read into what is to be stored: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


# This route refuses what another may take.
ELSEWHERE = frozenset({Reason.NETWORK, Reason.FEW})

# What one message's failure means, and the failure.
_Failure = tuple[Decision, ProviderError]


def read(calls: Sequence[Call], ways: Mapping[str, str], *, probing: bool = False) -> Reading:
    """Results in the order of the calls; an exchange is kept once, however many messages it carried.

    `ways` is network -> the route to try next where this one is refused.
    """
    results: list[Result] = []
    exchanges: list[StoredExchange] = []
    failures: list[_Failure] = []
    onward: dict[UUID, str] = {}
    settled: list[UUID] = []
    parts: list[tuple[UUID, str]] = []
    halt = False
    for call in calls:
        place = _keep(call, exchanges)
        for row, (word, failure) in zip(call.rows, _words(call, ways, probing), strict=True):
            results.append(_result(call, row, word, place))
            parts += [(row.id, reference) for reference in word.parts]
            if word.event is Event.REROUTED:
                onward[row.id] = ways[row.network]
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


def _words(call: Call, ways: Mapping[str, str], probing: bool) -> list[tuple[_Word, _Failure | None]]:
    if isinstance(call.answer, Submitted):
        pairs = zip(call.answer.verdicts, call.rows, strict=True)
        return [
            _failure(verdict.failure, row, probing)
            if isinstance(verdict, Unsent)
            else (_verdict(verdict, row, ways), None)
            for verdict, row in pairs
        ]
    return [_failure(call.answer, row, probing) for row in call.rows]


def _verdict(verdict: Accepted | Refused | Unclear, row: Row, ways: Mapping[str, str]) -> _Word:
    match verdict:
        case Accepted(reference=reference, parts=parts):
            return _Word(Event.ACCEPTED, "accepted", reference=reference, parts=parts)
        case Refused(reason=Reason.DUPLICATE, code=code) if row.doubted:
            return _Word(Event.ACCEPTED, "accepted", reason="the carrier has it from an earlier try", code=code)
        case Refused(reason=reason, code=code, detail=detail):
            event = Event.REROUTED if reason in ELSEWHERE and _may_go_on(row, ways) else Event.REFUSED
            return _Word(event, "refused", reason=f"{reason.value}: {detail}".rstrip(": "), code=code)
        case Unclear(code=code, detail=detail):
            return _Word(Event.LOST, "uncertain", reason=detail, code=code)


def _may_go_on(row: Row, ways: Mapping[str, str]) -> bool:
    """A number that was carried to another network is tried on one more route, unless an earlier try left a doubt."""
    return row.network in ways and not row.rerouted and not row.doubted


def _failure(error: ProviderError, row: Row, probing: bool) -> tuple[_Word, _Failure]:
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
