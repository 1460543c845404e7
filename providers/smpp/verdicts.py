"""What the centre answered, and what became of the rest, read into verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from providers.base import Accepted, Reason, Refused, Unclear, Unsent, Verdict
from providers.errors import Misconfigured, NotSent, Throttled, Unavailable
from providers.smpp.calls import Answer, Lost, Outcome, Unwritten
from providers.smpp.codes import Kind, status_name

REFUSALS = {
    Kind.RECIPIENT: Reason.RECIPIENT,
    Kind.REQUEST: Reason.REQUEST,
    Kind.REJECTED: Reason.OTHER,
}
FAILURES: Mapping[Kind, type[NotSent]] = {
    Kind.TRANSIENT: NotSent,
    Kind.SESSION: Unavailable,
    Kind.ACCOUNT: Misconfigured,
}


class Judge:
    """For one call: the same status is the same verdict. `retry_after` is the pause in seconds, if there is one."""

    def __init__(self, place: str, kinds: Mapping[int, Kind], retry_after: float | None = None) -> None:
        self._place = place
        self._kinds = kinds
        self._retry_after = retry_after
        self._of_status: dict[int, Verdict] = {}

    def verdicts(self, answers: Sequence[Answer]) -> tuple[Verdict, ...]:
        """In the same order."""
        return tuple([Accepted(a or None) if isinstance(a, str) else self._verdict(a) for a in answers])

    def _verdict(self, answer: Answer) -> Verdict:
        match answer:
            case list():
                return self._of_parts(answer)
            case int():
                return self._of_status.get(answer) or self._turned_away(answer)
            case Lost(why=why):
                return Unclear("", why)
            case Unwritten(why=why, busy=True):
                return Unsent(Throttled(why, retry_after=self._retry_after))
            case Unwritten(why=why):
                return Unsent(Unavailable(why))
            case str():
                return Accepted(answer or None)

    def _turned_away(self, status: int) -> Verdict:
        kind, code = self._kinds.get(status), status_name(status)
        verdict: Verdict
        if kind is Kind.THROTTLE:
            verdict = Unsent(Throttled(self._said(code), retry_after=self._retry_after, code=code))
        elif kind and kind in FAILURES:
            verdict = Unsent(FAILURES[kind](self._said(code), code=code))
        elif kind in (Kind.AMBIGUOUS, Kind.OK):
            verdict = Unclear(code, "this carrier answers so for messages that it took, too")
        else:
            verdict = Refused(REFUSALS.get(kind, Reason.OTHER) if kind else Reason.OTHER, code)
        self._of_status[status] = verdict
        return verdict

    def _said(self, code: str) -> str:
        return f"{self._place} answered {code}"

    def _of_parts(self, outcomes: list[Outcome]) -> Verdict:
        """Accepted when all parts are; nothing is known of a message of which only some are."""
        taken = tuple(outcome for outcome in outcomes if isinstance(outcome, str))
        if len(taken) == len(outcomes):
            return Accepted(taken[0] or None, taken if all(taken) else ())
        verdicts = [self._verdict(outcome) for outcome in outcomes]
        if not taken and not any(isinstance(verdict, Unclear) for verdict in verdicts):
            told = (v for v, outcome in zip(verdicts, outcomes, strict=True) if isinstance(outcome, int))
            return next(told, verdicts[0])
        other = next(v for v, outcome in zip(verdicts, outcomes, strict=True) if not isinstance(outcome, str))
        return Unclear(_code(other), f"{len(taken)} of {len(outcomes)} parts taken; then: {_words(other)}")


def _code(verdict: Verdict) -> str:
    match verdict:
        case Unclear(code=code) | Refused(code=code):
            return code
        case Unsent(failure=failure):
            return failure.code
    return ""


def _words(verdict: Verdict) -> str:
    match verdict:
        case Unclear(detail=detail) if detail:
            return detail
        case Unsent(failure=failure):
            return str(failure)
    return _code(verdict)
