"""The telephone numbers that a text may name: those checked against several sources, and what an office answers for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import cache

from campaigns.tables import rows

UNVERIFIED = "không có trong danh sách đường dây nóng đã xác minh"
OWN_HOTLINE = "nếu là số của cơ quan, đã gọi thử, thì khai trong [[own_hotline]] với call và reason"


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


def dialled(written: str) -> str:
    """What a telephone calls inside the country: `+84 24 3821 1234` is `02438211234`."""
    return re.sub(r"^84(?=\d{9})", "0", re.sub(r"\D", "", written))
