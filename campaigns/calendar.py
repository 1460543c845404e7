"""Viet Nam time, awareness days and their yearly themes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from zoneinfo import ZoneInfo

from campaigns.tables import rows

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")  # UTC+7, no summer time


@dataclass(frozen=True, slots=True)
class Occasion:
    """An awareness day or month. `start` and `end` are (month, day), both included; every year the same."""

    slug: str
    name: str
    start: tuple[int, int]
    end: tuple[int, int]
    legal_basis: str

    def days(self, year: int) -> tuple[date, date]:
        """First and last day of the occasion that begins in a year; one that ends before it starts ends a year later."""
        return date(year, *self.start), date(year + (self.end < self.start), *self.end)


@dataclass(frozen=True, slots=True)
class Calendar:
    """What an installation knows: occasions by slug, and themes by occasion and year."""

    occasions: Mapping[str, Occasion]
    themes: Mapping[tuple[str, int], str]

    def overlapping(self, slug: str, year: int) -> Iterator[Occasion]:
        """The other occasions that share a day with this one; their campaigns share the limit of a person."""
        first, last = self.occasions[slug].days(year)
        for other in self.occasions.values():
            if other.slug != slug and other.days(year)[0] <= last and first <= other.days(year)[1]:
                yield other


def _month_day(written: str) -> tuple[int, int]:
    month, day = written.split("-")
    return int(month), int(day)


@cache
def occasions() -> dict[str, Occasion]:
    """The awareness days by slug (data/awareness-days.csv)."""
    return {
        row["slug"]: Occasion(
            row["slug"], row["name"], _month_day(row["start"]), _month_day(row["end"]), row["legal_basis"]
        )
        for row in rows("awareness-days.csv")
    }


@cache
def themes() -> dict[tuple[str, int], str]:
    """The themes whose wording was verified, by occasion and year (data/themes.csv). Many years are missing."""
    return {(row["occasion"], int(row["year"])): row["theme"] for row in rows("themes.csv")}


@cache
def shipped() -> Calendar:
    """The calendar that comes with the package; an office adds its own (campaigns/occasions.py)."""
    return Calendar(occasions(), themes())


def spoken(moment: datetime) -> str:
    """A moment as staff read it: "07:00 ngày 01/06/2026 (giờ Việt Nam)". Raises ValueError for a naive datetime."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return f"{moment.astimezone(VIETNAM):%H:%M ngày %d/%m/%Y} (giờ Việt Nam)"
