"""What a text costs at best and at worst, when part of it differs from one recipient to the next.

The longest value is not always the dearest: in an accented text of plain letters, a short commune with accents turns
the whole into UCS-2 and a longer one without does not. So every value that can make a difference is tried.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from campaigns.places import areas
from campaigns.template import Form, Placeholder, placeholders, render, values
from campaigns.text import EXTENSION, GSM7, Size, measure, nfc, plain

NOWHERE = "địa phương"  # reads well where a commune's name would stand: "người dân địa phương"


@dataclass(frozen=True, slots=True)
class Case:
    """One body that a text can become, and what it costs."""

    body: str
    size: Size


@dataclass(frozen=True, slots=True)
class Extremes:
    """The cheapest and the dearest body of a text; the same one where everybody reads the same."""

    best: Case
    worst: Case


def extremes(
    template: str, form: Form, facts: Mapping[Placeholder, str | None], communes: Iterable[str] | None = None
) -> Extremes:
    """The cheapest and dearest body of a text over the communes that it may name (all of them, unless given).

    Raises `TemplateError` for a text that cannot be read, and KeyError for a placeholder without a value.
    """
    cases = [_case(template, form, {**facts, Placeholder.COMMUNE: name}) for name in _tried(template, communes)]
    cases.sort(key=lambda case: (case.size.segments, case.size.units))
    return Extremes(cases[0], cases[-1])


def _case(template: str, form: Form, facts: Mapping[Placeholder, str | None]) -> Case:
    body = nfc(render(template, values(form, facts)))
    return Case(body, measure(body))


def _tried(template: str, communes: Iterable[str] | None) -> Iterable[str]:
    if Placeholder.COMMUNE not in placeholders(template):
        return (NOWHERE,)
    return every_commune() if communes is None else distinct(communes)


@cache
def every_commune() -> tuple[str, ...]:
    """Names enough to meet every cost that the 3,321 communes, and having none, can give a text."""
    return distinct([NOWHERE, *sorted(area.name for area in areas().values())])


def distinct(names: Iterable[str]) -> tuple[str, ...]:
    """One name for each way in which a name can weigh on a text, the last one given."""
    return tuple({_weight(name): name for name in map(nfc, names)}.values())


def _weight(name: str) -> object:
    """Names alike in this cost the same wherever they stand, with accents and without."""
    simple = plain(name)
    if any(char in EXTENSION or char > "\uffff" for char in name + simple):
        return name  # a double unit may not be torn between two parts: such a name stands for itself
    return GSM7.issuperset(name), len(name), GSM7.issuperset(simple), len(simple)
