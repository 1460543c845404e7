"""What a rehearsal came to: when each wave was out, what it would cost, how messages ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from campaigns.calendar import VIETNAM
from campaigns.tariff import Tariff
from dispatcher.lifecycle import Status
from dispatcher.rehearsing.script import Script
from dispatcher.store.rehearsals import Mix

# What a carrier took it charges for, whatever became of it.
CHARGED = frozenset({Status.SUBMITTED, Status.DELIVERED, Status.UNDELIVERED, Status.UNCERTAIN, Status.UNCONFIRMED})
NEVER_LEFT = frozenset({Status.EXPIRED, Status.QUEUED, Status.RETRYING, Status.SENDING})


@dataclass(frozen=True, slots=True)
class Played:
    """What the stage knows at the end: wave -> when its last message left; `took_seconds` in real time."""

    finished: Mapping[str, datetime]
    mix: Sequence[Mix]
    speed: float
    took_seconds: float


def outcome(script: Script, played: Played, prices: Mapping[str, Tariff]) -> dict[str, Any]:
    """As it is stored and hashed: JSON, times in Viet Nam time, to the second."""
    counts = _counts(played.mix)
    finished = {slug: _written(moment) for slug, moment in sorted(played.finished.items())}
    costs = [_cost(prices.get(network), parts) for network, parts in _charged(played.mix).items()]
    late = sum(counts.get(status, 0) for status in NEVER_LEFT)
    return {
        "waves": finished,
        "finishes_at": max(finished.values(), default=None) if not late else None,
        "counts": counts,
        "by_network": {
            network: _counts(mix for mix in played.mix if mix.network == network)
            for network in sorted({mix.network for mix in played.mix})
        },
        "segments": sum(_charged(played.mix).values()),
        "vnd": None if None in costs else sum(cost for cost in costs if cost is not None),
        "speed": round(played.speed, 2),
        "took_seconds": round(played.took_seconds, 1),
        "capped_routes": script.capped,
    }


def _counts(mix: Iterable[Mix]) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for one in mix:
        counted[one.status] += one.messages
    return dict(sorted(counted.items()))


def _charged(mix: Sequence[Mix]) -> dict[str, int]:
    """network -> segments that a carrier took."""
    counted: Counter[str] = Counter()
    for one in mix:
        counted[one.network] += one.segments if one.status in CHARGED else 0
    return dict(counted)


def _cost(tariff: Tariff | None, segments: int) -> float | None:
    if not segments:
        return 0.0
    return None if tariff is None or tariff.vnd_per_segment is None else tariff.vnd_per_segment * segments


def _written(moment: datetime) -> str:
    return moment.astimezone(VIETNAM).isoformat(timespec="seconds")
