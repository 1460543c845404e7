"""Who of a wave reads what: the very bodies, for how many people, on which networks, in which communes. Pure."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from campaigns.campaign import Campaign
from campaigns.compose import Variant, variants
from campaigns.tariff import Tariff
from campaigns.template import Form


@dataclass(frozen=True, slots=True)
class Group:
    """People of an audience who are alike for us; `left_out` of them refused, and get nothing."""

    network: str
    area_code: str | None
    language: str
    people: int
    left_out: int = 0

    @property
    def reached(self) -> int:
        return self.people - self.left_out


@dataclass(frozen=True, slots=True)
class Share:
    """A group, and the body that it reads."""

    group: Group
    variant: Variant


@dataclass(frozen=True, slots=True)
class Specimen:
    """One body as it will be read; `why` it is shown: the shortest, the longest, or drawn by lot. `people` read just that."""

    why: str
    variant: Variant
    people: int


@dataclass(frozen=True, slots=True)
class Amount:
    """What a network costs; `vnd` is None where nobody has stated its price."""

    network: str
    people: int
    segments: int
    vnd: float | None
    source: str


def shares(campaign: Campaign, wave_slug: str, groups: Sequence[Group], form: Form | None = None) -> list[Share]:
    """Each group with its body, in the wave's own form or in another. Raises KeyError where a theme is still to come."""
    if form is not None:
        wave = campaign.wave(wave_slug).model_copy(update={"form": form})
        campaign = campaign.model_copy(update={"waves": (wave,)})
    bodies = {(v.area_code, v.language): v for v in variants(campaign, wave_slug, {g.area_code for g in groups})}
    return [Share(group, _body(bodies, group)) for group in groups]


def _body(bodies: Mapping[tuple[str | None, str], Variant], group: Group) -> Variant:
    """As the planning does: the language if the text is written in it, then the commune's body or everybody's."""
    language = group.language if (None, group.language) in bodies else ""
    return bodies.get((group.area_code, language)) or bodies[None, language]


def pieces(found: Iterable[Share], networks: Iterable[str] | None = None) -> dict[int, int]:
    """segments of a message -> people who get it, of those networks (None: of all)."""
    wanted = None if networks is None else frozenset(networks)
    counted: Counter[int] = Counter()
    for share in found:
        if wanted is None or share.group.network in wanted:
            counted[share.variant.segments] += share.group.reached
    return {segments: people for segments, people in counted.items() if people}


def specimens(found: Sequence[Share], lot: random.Random) -> list[Specimen]:
    """The shortest and the longest body of each language, and one that somebody drawn by lot will read; no body twice."""
    shown: dict[str, Specimen] = {}
    for language in sorted({share.variant.language for share in found}):
        spoken = [share for share in found if share.variant.language == language]
        ordered = sorted(spoken, key=lambda share: (share.variant.segments, share.variant.units))
        drawn = lot.choices(spoken, [max(share.group.people, 0) + 1e-9 for share in spoken])[0]
        for why, share in (("longest", ordered[-1]), ("shortest", ordered[0]), ("random", drawn)):
            readers = sum(s.group.reached for s in found if s.variant.body == share.variant.body)
            shown.setdefault(share.variant.body, Specimen(why, share.variant, readers))
    return list(shown.values())


def amounts(found: Iterable[Share], tariffs: Mapping[str, Tariff]) -> list[Amount]:
    """What each network costs, the largest first."""
    people: Counter[str] = Counter()
    segments: Counter[str] = Counter()
    for share in found:
        people[share.group.network] += share.group.reached
        segments[share.group.network] += share.group.reached * share.variant.segments
    return [
        _amount(network, people[network], segments[network], tariffs.get(network))
        for network, _ in people.most_common()
    ]


def _amount(network: str, people: int, segments: int, tariff: Tariff | None) -> Amount:
    price = tariff.vnd_per_segment if tariff else None
    source = ", ".join(filter(None, (tariff.source, tariff.as_of))) if tariff else ""
    return Amount(network, people, segments, None if price is None else price * segments, source)


def by_area(found: Iterable[Share]) -> dict[str | None, int]:
    """commune -> people who get a message, the most first."""
    counted: Counter[str | None] = Counter()
    for share in found:
        counted[share.group.area_code] += share.group.reached
    return dict(counted.most_common())
