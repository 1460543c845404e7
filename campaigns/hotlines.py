"""The telephone numbers that a text may name: only those checked against several sources."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

from campaigns.tables import rows


@dataclass(frozen=True, slots=True)
class Hotline:
    """A verified number, without dots or spaces. `since` is its first day of service, None when long in use."""

    number: str
    name: str
    since: date | None


@cache
def hotlines() -> dict[str, Hotline]:
    """The verified numbers (data/hotlines.csv)."""
    return {
        row["number"]: Hotline(row["number"], row["name"], date.fromisoformat(row["since"]) if row["since"] else None)
        for row in rows("hotlines.csv")
    }
