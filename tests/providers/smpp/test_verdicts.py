"""Answers of a centre, read into verdicts."""

from __future__ import annotations

import pytest

from providers.base import Accepted, Reason, Refused, Unclear, Unsent, Verdict
from providers.errors import Misconfigured, NotSent, Throttled, Unavailable
from providers.smpp.calls import Answer, Lost, Unwritten
from providers.smpp.codes import STATUSES
from providers.smpp.verdicts import Judge

KINDS = {code: status.kind for code, status in STATUSES.items()}
GONE, NOT_YET = Lost("the link broke"), Unwritten("the link went down")


def verdict(answer: Answer) -> Verdict:
    (found,) = Judge("centre:2775", KINDS, retry_after=2.5).verdicts([answer])
    return found


def failure(answer: Answer) -> tuple[type[NotSent], str, str]:
    found = verdict(answer)
    assert isinstance(found, Unsent)
    return type(found.failure), found.failure.code, str(found.failure)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("ID1", Accepted("ID1")),
        ("", Accepted(None)),
        (GONE, Unclear("", "the link broke")),
        (["A", "B"], Accepted("A", ("A", "B"))),
        (["", ""], Accepted(None)),
        ([0x0B, NOT_YET], Refused(Reason.RECIPIENT, "0x0B RINVDSTADR")),
        ([NOT_YET, 0x0B], Refused(Reason.RECIPIENT, "0x0B RINVDSTADR")),
        (["A", 0x0B], Unclear("0x0B RINVDSTADR", "1 of 2 parts taken; then: 0x0B RINVDSTADR")),
        (["A", GONE], Unclear("", "1 of 2 parts taken; then: the link broke")),
        (["A", NOT_YET, "C"], Unclear("", "2 of 3 parts taken; then: the link went down")),
        ([0x0B, GONE], Unclear("0x0B RINVDSTADR", "0 of 2 parts taken; then: 0x0B RINVDSTADR")),
    ],
)
def test_what_became_of_a_message_or_its_parts_is_one_verdict(answer: Answer, told: Verdict) -> None:
    assert verdict(answer) == told


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (0x58, (Throttled, "0x58 RTHROTTLED", "centre:2775 answered 0x58 RTHROTTLED")),
        (0x04, (Unavailable, "0x04 RINVBNDSTS", "centre:2775 answered 0x04 RINVBNDSTS")),
        (0x0A, (Misconfigured, "0x0A RINVSRCADR", "centre:2775 answered 0x0A RINVSRCADR")),
        (NOT_YET, (Unavailable, "", "the link went down")),
        (Unwritten("full", busy=True), (Throttled, "", "full")),
        ([0x58, 0x58], (Throttled, "0x58 RTHROTTLED", "centre:2775 answered 0x58 RTHROTTLED")),
        ([NOT_YET, NOT_YET], (Unavailable, "", "the link went down")),
    ],
)
def test_what_was_not_taken_carries_the_failure_that_it_would_have_been(
    answer: Answer, told: tuple[type[NotSent], str, str]
) -> None:
    assert failure(answer) == told


def test_the_pause_is_told_so_that_the_message_waits_for_it() -> None:
    found = verdict(0x58)
    assert isinstance(found, Unsent)
    assert isinstance(found.failure, Throttled)
    assert found.failure.retry_after == 2.5


def test_what_is_answered_ok_without_being_an_acceptance_is_never_sent_again() -> None:
    assert isinstance(verdict(0xFF), Unclear)


@pytest.mark.parametrize("code", [code for code in STATUSES if code])
def test_every_status_of_the_standard_has_a_verdict(code: int) -> None:
    found = verdict(code)
    told = found.failure.code if isinstance(found, Unsent) else getattr(found, "code", "")
    assert told.startswith(f"0x{code:02X} R")
