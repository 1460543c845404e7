"""Viet Nam time, quiet hours, awareness days and their yearly themes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from zoneinfo import ZoneInfo

from campaigns.tables import rows

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")  # UTC+7, no summer time

# Decree 91/2020/ND-CP Art. 13(6) allows advertising messages from 07:00 to 22:00 only. Awareness messages are not
# advertising in law (Art. 3(1)); for them the same hours are our courtesy.
SENDING_FROM = time(7)
SENDING_TO = time(22)


@dataclass(frozen=True, slots=True)
class Occasion:
    """An awareness day or month. `start` and `end` are (month, day), both included; every year the same."""

    slug: str
    name: str
    start: tuple[int, int]
    end: tuple[int, int]
    legal_basis: str

    def days(self, year: int) -> tuple[date, date]:
        """First and last day in a year."""
        return date(year, *self.start), date(year, *self.end)


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


def spoken(moment: datetime) -> str:
    """A moment as staff read it: "07:00 ngày 01/06/2026 (giờ Việt Nam)". Raises ValueError for a naive datetime."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return f"{moment.astimezone(VIETNAM):%H:%M ngày %d/%m/%Y} (giờ Việt Nam)"
