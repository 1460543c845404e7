"""The circuit breaker of a route: pure counting of calls that nobody answered."""

from __future__ import annotations

from dataclasses import dataclass

from providers.errors import ProviderError, Unavailable, Uncertain

# Each of them may be a person of whom nobody knows, so few; but a line that loses one call in three is not down.
FAILURES = 10


@dataclass
class Breaker:
    """Counts the calls of one process in a row that were not answered."""

    failures: int = 0

    def trips(self, answer: object) -> bool:
        """Note a call's answer or error; True when this one is a failure too many."""
        self.failures = 0 if answered(answer) else self.failures + 1
        if self.failures < FAILURES:
            return False
        self.failures = 0
        return True


def answered(answer: object) -> bool:
    """Whether the carrier is there: throttling and refusing are answers too."""
    return not isinstance(answer, Unavailable | Uncertain)


def reason(error: ProviderError) -> str:
    """Why a route is tripped, for the log and for staff."""
    return f"{FAILURES} calls in a row without an answer; the last: {error}"
