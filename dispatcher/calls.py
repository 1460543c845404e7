"""How a batch is cut into calls for carriers that take one text and a list of numbers: pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

from dispatcher.store.batches import Row
from providers.base import Capabilities, Reason, Refused, Submitted


def lists(rows: Sequence[Row], capabilities: Capabilities, tps: float) -> Iterator[tuple[Row, ...]]:
    """Calls of one text each, and of one network where the carrier asks for that; at most a second of the route's pace.

    A call has `min_per_call` numbers if there are so many, whatever the pace.
    """
    alike: defaultdict[tuple[int, str], list[Row]] = defaultdict(list)
    for row in rows:
        alike[row.text_id, row.network if capabilities.single_network else ""].append(row)
    for group in alike.values():
        yield from _even(group, _pieces(len(group), capabilities, tps / group[0].segments))


def _pieces(count: int, capabilities: Capabilities, pace: float) -> int:
    """As many as the pace asks for, but none too small."""
    least, most = capabilities.min_per_call, capabilities.max_per_call
    size = max(least, min(most, int(pace)), 1)
    return max(math.ceil(count / most), min(math.ceil(count / size), count // least), 1)


def _even(group: Sequence[Row], pieces: int) -> Iterator[tuple[Row, ...]]:
    for number in range(pieces):
        yield tuple(group[number * len(group) // pieces : (number + 1) * len(group) // pieces])


def too_few(rows: Sequence[Row], capabilities: Capabilities) -> Submitted | None:
    """The answer to a call that the carrier would not even look at: another route may take its messages."""
    least = capabilities.min_per_call
    if len(rows) >= least:
        return None
    refusal = Refused(
        Reason.FEW, "too-few", f"{len(rows)} numbers, and the carrier takes no fewer than {least} at once"
    )
    return Submitted((refusal,) * len(rows), None)
