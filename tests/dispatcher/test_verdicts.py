"""Answers of providers, read into what is stored."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from dispatcher.lifecycle import Event
from dispatcher.store.batches import Row
from dispatcher.verdicts import Call, Paths, read
from providers.base import Accepted, Exchange, Reason, Refused, Submitted, Unclear, Unsent, Verdict
from providers.errors import Misconfigured, NotSent, ProviderError, Throttled, Unavailable, Uncertain

START, END = datetime(2026, 6, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, 2, tzinfo=UTC)
EXCHANGE = Exchange("POST", "200", 200, START, 0.25)


WAYS = {"viettel": "next"}


def row(number: int = 1, attempts: int = 0, *, doubted: bool = False, rerouted: bool = False) -> Row:
    return Row(UUID(int=number), b"h" * 16, b"c", "1", 1, 2, attempts, "viettel", doubted, rerouted)


def call(answer: Submitted | ProviderError, *rows: Row) -> Call:
    return Call(rows or (row(),), START, END, answer)


ANSWERS: list[tuple[Verdict, Event, str, str | None, str | None, str | None]] = [
    (Accepted("ref-1"), Event.ACCEPTED, "accepted", "ref-1", None, None),
    (Accepted(None), Event.ACCEPTED, "accepted", None, None, None),
    (Refused(Reason.RECIPIENT, "99", "blocked"), Event.REFUSED, "refused", None, "recipient: blocked", "99"),
    (Refused(Reason.OTHER, "777"), Event.REFUSED, "refused", None, "other", "777"),
    (Unclear("500", "half an answer"), Event.LOST, "uncertain", None, "half an answer", "500"),
]


@pytest.mark.parametrize(("verdict", "event", "outcome", "reference", "reason", "code"), ANSWERS)
def test_a_verdict_is_stored_in_our_words_with_the_carriers_code(
    verdict: Verdict, event: Event, outcome: str, reference: str | None, reason: str | None, code: str | None
) -> None:
    reading = read([call(Submitted((verdict,), EXCHANGE))], Paths(WAYS))
    (result,) = reading.results
    assert (result.event, result.outcome, result.reference) == (event.value, outcome, reference)
    assert (result.reason, result.code, result.segments) == (reason, code, 2)
    assert (result.started_at, result.ended_at, result.number, result.refund) == (START, END, 1, False)
    assert (reading.halt, reading.park) == (False, None)


def test_a_duplicate_means_accepted_where_an_earlier_try_was_in_doubt_and_a_refusal_elsewhere() -> None:
    duplicate = Submitted((Refused(Reason.DUPLICATE, "124"),) * 2, EXCHANGE)
    reading = read([call(duplicate, row(1, attempts=1, doubted=True), row(2))], Paths(WAYS))
    assert [result.event for result in reading.results] == [Event.ACCEPTED, Event.REFUSED]
    assert [result.code for result in reading.results] == ["124", "124"]


FAILURES: list[tuple[ProviderError, Event, str, bool, bool, float, bool]] = [
    (Throttled("slow", retry_after=3), Event.NOT_SENT, "not_sent", True, True, 3, False),
    (Unavailable("gone"), Event.NOT_SENT, "not_sent", False, True, 5, False),
    (Misconfigured("keys"), Event.RETURNED, "not_sent", True, True, 0, True),
    (Uncertain("cut"), Event.LOST, "uncertain", False, False, 0, False),
]


@pytest.mark.parametrize(("error", "event", "outcome", "refund", "halt", "delay", "park"), FAILURES)
def test_a_failed_call_halts_the_batch_unless_only_its_own_fate_is_unknown(
    error: ProviderError, event: Event, outcome: str, refund: bool, halt: bool, delay: float, park: bool
) -> None:
    reading = read([call(error, row(1), row(2))], Paths(WAYS))
    assert [(r.event, r.outcome, r.refund) for r in reading.results] == [(event.value, outcome, refund)] * 2
    assert (reading.halt, reading.delay, reading.park) == (halt, delay, str(error) if park else None)


NOT_HERE = Refused(Reason.NETWORK, "177")
ONWARD = [
    (NOT_HERE, row(), WAYS, Event.REROUTED),
    (NOT_HERE, row(), {}, Event.REFUSED),
    (NOT_HERE, row(), {"mobifone": "next"}, Event.REFUSED),
    (NOT_HERE, row(attempts=1, rerouted=True), WAYS, Event.REFUSED),
    (NOT_HERE, row(attempts=1, doubted=True), WAYS, Event.REFUSED),
    (Refused(Reason.CONTENT, "146"), row(), WAYS, Event.REFUSED),
]


@pytest.mark.parametrize(("verdict", "one", "ways", "event"), ONWARD)
def test_a_number_on_another_network_goes_on_once(
    verdict: Verdict, one: Row, ways: dict[str, str], event: Event
) -> None:
    reading = read([call(Submitted((verdict,), EXCHANGE), one)], Paths(ways))
    assert [(r.event, r.outcome) for r in reading.results] == [(event.value, "refused")]
    assert reading.onward == ({one.id: "next"} if event is Event.REROUTED else {})


def test_who_took_a_number_that_another_refused_proves_where_it_is() -> None:
    accepted = Submitted((Accepted("a"), Accepted("b")), EXCHANGE)
    reading = read([call(accepted, row(1), row(2, attempts=1, rerouted=True))], Paths(WAYS))
    assert reading.settled == (UUID(int=2),)


def test_an_exchange_is_kept_once_however_many_messages_it_carried() -> None:
    reading = read([
        call(Unavailable("no exchange"), row(1)),
        call(Submitted((Accepted("a"), Accepted("b")), EXCHANGE), row(2), row(3)),
        call(Uncertain("cut", exchange=EXCHANGE), row(4)),
    ], Paths(WAYS))  # fmt: skip
    assert [result.exchange for result in reading.results] == [None, 0, 0, 1]
    assert len(reading.exchanges) == 2


def test_the_longest_delay_counts_and_the_first_reason_to_park() -> None:
    reading = read([
        call(Throttled("t", retry_after=9)), call(Unavailable("u")), call(Misconfigured("m1")), call(Misconfigured("m2")),
    ], Paths(WAYS))  # fmt: skip
    assert (reading.halt, reading.delay, reading.park) == (True, 9, "m1")


def test_a_last_try_that_was_not_sent_is_exhausted() -> None:
    (result,) = read([call(Unavailable("gone"), row(attempts=4))], Paths(WAYS)).results
    assert (result.event, result.number) == (Event.EXHAUSTED.value, 5)


@pytest.mark.parametrize(
    ("failure", "event", "refund", "halt", "delay", "park"),
    [
        (Throttled("slow", retry_after=3, code="0x58"), Event.NOT_SENT, True, True, 3, None),
        (Unavailable("the link went down"), Event.NOT_SENT, False, False, 5, None),
        (NotSent("system error", code="0x08"), Event.NOT_SENT, False, False, 5, None),
        (Misconfigured("brandname not allowed", code="0x0A"), Event.RETURNED, True, True, 0, "brandname not allowed"),
    ],
)
def test_one_message_of_a_call_that_was_not_sent_is_tried_again_and_the_others_stand(
    failure: NotSent, event: Event, refund: bool, halt: bool, delay: float, park: str | None
) -> None:
    answer = Submitted((Accepted("ref-1"), Unsent(failure), Accepted("ref-3")), EXCHANGE)
    reading = read([call(answer, row(1), row(2), row(3))], Paths(WAYS))
    assert [result.event for result in reading.results] == [Event.ACCEPTED, event, Event.ACCEPTED]
    unsent = reading.results[1]
    assert (unsent.outcome, unsent.code, unsent.refund) == ("not_sent", failure.code, refund)
    assert (reading.halt, reading.delay, reading.park) == (halt, delay, park)
