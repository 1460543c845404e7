"""What a text costs and how long it takes, network by network: with accents, without, and mixed.

No price is made up. Those that ship (data/prices.csv) were published once and are dated; whoever has a contract writes
its prices into the office's terms file, and they win. What is not known stays None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from typing import TypeVar

from campaigns.tables import rows
from campaigns.template import Form
from campaigns.text import Size

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tariff:
    """One network's terms. `vnd_per_segment` is in đồng; `segments_per_second` is the pace of the way out to it.

    `accented` says whether it takes accented texts at all, None where nobody has asked; `source` says who stated the
    price.
    """

    network: str
    vnd_per_segment: float | None = None
    segments_per_second: float | None = None
    accented: bool | None = None
    source: str = ""
    as_of: str = ""


class Plan(StrEnum):
    """Who gets which form. `mixed`: with accents where the network takes them, without where it does not."""

    ACCENTED = "accented"
    UNACCENTED = "unaccented"
    MIXED = "mixed"


@dataclass(frozen=True, slots=True)
class Cost:
    """One network's share of a plan; `vnd_each` is for one person, `vnd` and `seconds` for all `people` of it."""

    network: str
    form: Form
    segments: int
    vnd_each: float | None
    people: int | None
    vnd: float | None
    seconds: float | None
    source: str


@dataclass(frozen=True, slots=True)
class Total:
    """A plan over all networks. None where any part of it is unknown; networks are sent to at the same time."""

    plan: Plan
    costs: tuple[Cost, ...]
    segments: int | None
    vnd: float | None
    seconds: float | None


@cache
def published() -> tuple[Tariff, ...]:
    """The prices that ship with the package: placeholders, each with its source and year."""
    return tuple(
        Tariff(row["network"], float(row["vnd_per_segment"]), source=row["source"], as_of=row["as_of"])
        for row in rows("prices.csv")
    )


def tariffs(own: Iterable[Tariff]) -> dict[str, Tariff]:
    """By network: an office's own terms, over the published price where they state none."""
    known = {tariff.network: tariff for tariff in published()}
    for mine in own:
        base = known.get(mine.network, Tariff(mine.network))
        priced = mine.vnd_per_segment is not None
        known[mine.network] = mine if priced else replace(
            mine, vnd_per_segment=base.vnd_per_segment, source=base.source, as_of=base.as_of
        )  # fmt: skip
    return known


def totals(sizes: Mapping[Form, Size], terms: Mapping[str, Tariff], people: Mapping[str, int]) -> list[Total]:
    """The plans that the terms allow: `people` are counted by network; without any, prices are for one person each."""
    networks = list(people) or list(terms)
    chosen = [terms.get(network, Tariff(network)) for network in networks]
    plans = [Plan.ACCENTED, Plan.UNACCENTED, *([Plan.MIXED] if _mixable(chosen) else [])]
    return [_total(plan, [_cost(tariff, _form(plan, tariff), sizes, people) for tariff in chosen]) for plan in plans]


def _mixable(chosen: list[Tariff]) -> bool:
    """Mixed differs from the other two only where some networks are known to take accents and some not to."""
    return {True, False} <= {tariff.accented for tariff in chosen}


def _form(plan: Plan, tariff: Tariff) -> Form:
    if plan is Plan.MIXED:
        return Form.ACCENTED if tariff.accented else Form.UNACCENTED
    return Form(plan.value)


def _cost(tariff: Tariff, form: Form, sizes: Mapping[Form, Size], people: Mapping[str, int]) -> Cost:
    segments, count = sizes[form].segments, people.get(tariff.network)
    each = None if tariff.vnd_per_segment is None else tariff.vnd_per_segment * segments
    vnd = None if each is None or count is None else each * count
    pace = tariff.segments_per_second
    seconds = None if pace is None or count is None else segments * count / pace
    source = ", ".join(filter(None, (tariff.source, tariff.as_of)))
    return Cost(tariff.network, form, segments, each, count, vnd, seconds, source)


def _total(plan: Plan, costs: list[Cost]) -> Total:
    segments = _all([None if cost.people is None else cost.segments * cost.people for cost in costs])
    vnd, seconds = _all([cost.vnd for cost in costs]), _all([cost.seconds for cost in costs])
    return Total(
        plan,
        tuple(costs),
        None if segments is None else sum(segments),
        None if vnd is None else sum(vnd),
        None if seconds is None else max(seconds),
    )


def _all(values: list[T | None]) -> list[T] | None:
    """The values, None when there are none or one of them is unknown."""
    known = [value for value in values if value is not None]
    return known if known and len(known) == len(values) else None
