"""From a definition as written to a draft: adapted to a year, judged, stored; and the year that it belongs to."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from campaigns import definition, rules, schedule
from campaigns.adapting import Value, adapted, rewritten
from campaigns.calendar import Calendar
from campaigns.campaign import Campaign
from campaigns.decree91 import Circumstances
from campaigns.problems import DefinitionError, Problem
from dispatcher import control
from dispatcher.errors import UserError
from dispatcher.store import campaigns
from dispatcher.store.database import Connection


@dataclass(frozen=True, slots=True)
class Judged:
    """What there is to say of a definition. `campaign` is None while there are problems; refusals only bar approval."""

    text: str
    campaign: Campaign | None
    problems: tuple[Problem, ...]
    refusals: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """An occasion in one year: what it is, what shares its days, and the editions prepared for it."""

    occasion: str
    name: str
    first: str
    last: str
    legal_basis: str
    theme: str | None
    overlaps: tuple[str, ...]
    campaigns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Year:
    """A year's occasions, the campaigns that are not called off, and the months in which nothing is sent."""

    year: int
    rows: tuple[Row, ...]
    campaigns: tuple[Campaign, ...]
    silent_months: tuple[int, ...]


def judge(text: str, name: str, calendar: Calendar, senders: tuple[str, ...] | None = None) -> Judged:
    """Read a definition and ask the rules; `name` is what problems call the file."""
    try:
        campaign = definition.parse(text, name, calendar=calendar)
    except DefinitionError as error:
        return Judged(text, None, error.problems, (), ())
    refusals = rules.refusals(campaign, Circumstances(senders=senders))
    return Judged(text, campaign, (), tuple(map(str, refusals)), tuple(rules.warnings(campaign, calendar)))


def for_year(text: str, name: str, year: int, given: Mapping[str, str | None]) -> str:
    """The definition's text for a year, with what was given. Raises `DefinitionError` for one that cannot be read."""
    values: dict[str, str | int] = {key: value for key, value in given.items() if value}
    try:
        return adapted(text, {**values, "year": year})
    except ValueError:
        definition.parse(text, name)  # says what is wrong, and where
        raise


async def source(connection: Connection, edition: str) -> str:
    """The definition that a campaign was added from, as written. Raises `UserError`."""
    text = await campaigns.source(connection, (await control.find(connection, edition)).id)
    if text is None:
        raise UserError(f"Chiến dịch {edition} không được thêm từ tệp nên không có gì để chép.")
    return text


def aimed(text: str, slug: str, aim: Mapping[str, Value]) -> str:
    """The definition's text with the wave `slug` for other people; None takes a condition out. Raises `UserError`."""
    written = tomllib.loads(text).get("wave", [])
    place = next((n for n, wave in enumerate(written, 1) if wave.get("slug") == slug), None)
    try:
        return rewritten(text, {f"wave[{place}].{key}": value for key, value in aim.items()})
    except ValueError:
        raise UserError("Đợt này được viết theo cách không sửa được ở đây; sửa trong tệp chiến dịch.") from None


async def year_of(connection: Connection, calendar: Calendar, year: int, topic: str | None = None) -> Year:
    """The year as the installation knows it; only campaigns of a topic, if one is given."""
    alive = [_read(written) for written in await campaigns.written(connection)]
    found = [campaign for campaign in alive if topic is None or topic in campaign.topics]
    return Year(year, tuple(_rows(calendar, found, year)), tuple(found), tuple(schedule.silent_months(found, year)))


@lru_cache(1024)
def _read(written: str) -> Campaign:
    """Reading a definition costs half a millisecond, and a year has hundreds."""
    return Campaign.model_validate_json(written)


def _rows(known: Calendar, found: list[Campaign], year: int) -> list[Row]:
    rows = []
    for slug, occasion in sorted(known.occasions.items(), key=lambda item: (item[1].days(year), item[0])):
        first, last = occasion.days(year)
        rows.append(
            Row(
                occasion=slug,
                name=occasion.name,
                first=first.isoformat(),
                last=last.isoformat(),
                legal_basis=occasion.legal_basis,
                theme=known.themes.get((slug, year)),
                overlaps=tuple(other.slug for other in known.overlapping(slug, year)),
                campaigns=tuple(c.edition for c in found if c.occasion == slug and c.year == year),
            )
        )
    return rows
