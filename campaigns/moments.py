"""How a definition writes days and hours: "06-26", "D-3 09:00", "every tuesday of june", and each mistake explained."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from pydantic_core import PydanticCustomError

from campaigns.text import plain

Span = tuple[date, date]


def wrong(message: str) -> PydanticCustomError:
    """An error whose words are already the ones to print."""
    return PydanticCustomError("explained", "{message}", {"message": message})


@dataclass(frozen=True, slots=True)
class Day:
    """A date whose year may be left open, so that a definition serves every year."""

    month: int
    day: int
    year: int | None = None

    def on(self, year: int) -> date:
        """The date in a year. Raises ValueError for 29 February of an ordinary year."""
        return date(self.year or year, self.month, self.day)


class Anchor(StrEnum):
    """The two ends of an occasion that days are counted from."""

    FIRST = "D"
    LAST = "E"


@dataclass(frozen=True, slots=True)
class Offset:
    """So many days after (before, if negative) an end of the occasion."""

    anchor: Anchor
    days: int

    def of(self, occasion: Span) -> date:
        """The date, given the first and last day of the occasion."""
        return occasion[self.anchor is Anchor.LAST] + timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class Weekly:
    """A weekday (Monday is 0) of every week, of one month if given."""

    weekday: int
    month: int | None = None

    def within(self, span: Span) -> Iterator[date]:
        """Its days inside a span, both ends included."""
        return (day for day in _days(span) if day.weekday() == self.weekday and self.month in (None, day.month))


@dataclass(frozen=True, slots=True)
class Monthly:
    """A day of every month; where a month is too short, its last day."""

    day: int

    def within(self, span: Span) -> Iterator[date]:
        """Its days inside a span, both ends included."""
        return (day for day in _days(span) if day.day == min(self.day, monthrange(day.year, day.month)[1]))


def _days(span: Span) -> Iterable[date]:
    return (span[0] + timedelta(days=n) for n in range((span[1] - span[0]).days + 1))


AnyDay = Day | Offset


@dataclass(frozen=True, slots=True)
class Moment:
    """When a wave begins: a day or a rule for days, and the hour of its first day if it is not that of the window."""

    when: AnyDay | Weekly | Monthly
    clock: time | None = None


_ISO = re.compile(r"(?:(\d{4})-)?(\d{2})-(\d{2})")
_SPOKEN = re.compile(r"(\d{1,2})/(\d{1,2})(?:/(\d{4}))?")
_OFFSET = re.compile(r"([DE])\s*(?:([+-])\s*(\d{1,3}))?")
_EVERY = re.compile(r"(?:every|moi) (thu \w+|chu nhat|\w+)(?: (?:(?:of|cua) )?(?:thang )?(\w+))?")
_MONTHLY = re.compile(r"every month on (\d{1,2})|ngay (\d{1,2}) (?:hang|moi) thang")
_TIMED = re.compile(r"(.+?)\s+(\d{1,2}:\d{2})")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")

FORMS = '"06-26" (tháng-ngày), "D-3" (3 ngày trước ngày đầu của dịp), "every tuesday of june" hoặc "every month on 15"'
_WEEKDAYS = (
    ("monday", "thu hai", "thu 2"),
    ("tuesday", "thu ba", "thu 3"),
    ("wednesday", "thu tu", "thu 4"),
    ("thursday", "thu nam", "thu 5"),
    ("friday", "thu sau", "thu 6"),
    ("saturday", "thu bay", "thu 7"),
    ("sunday", "chu nhat"),
)
WEEKDAYS = {name: number for number, names in enumerate(_WEEKDAYS) for name in names}
_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
MONTHS = {name: number for number, month in enumerate(_MONTHS, start=1) for name in (month, str(number))}


def day(value: object) -> AnyDay:
    """A day as written: a TOML date, "06-26", "2026-06-26", "D-3", "E+1". Raises an explained error."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return Day(value.month, value.day, value.year)
    written = value.strip() if isinstance(value, str) else ""
    if iso := _ISO.fullmatch(written):
        return _real(int(iso[2]), int(iso[3]), int(iso[1]) if iso[1] else None)
    if offset := _OFFSET.fullmatch(written):
        return Offset(Anchor(offset[1]), int(f"{offset[2] or '+'}{offset[3] or 0}"))
    if spoken := _SPOKEN.fullmatch(written):
        year = f"{spoken[3]}-" if spoken[3] else ""
        raise wrong(f'ngày viết theo thứ tự tháng-ngày; viết "{year}{int(spoken[2]):02}-{int(spoken[1]):02}"')
    raise wrong(f'{shown(value)} không phải ngày; viết "06-26" (tháng-ngày) hoặc "2026-06-26" (năm-tháng-ngày)')


def _real(month: int, number: int, year: int | None) -> Day:
    # 2000 is a leap year: 02-29 is good until the year is known.
    if 1 <= month <= 12 and 1 <= number <= monthrange(year or 2000, month)[1]:
        return Day(month, number, year)
    if month > 12 >= number >= 1:
        raise wrong(f'không có tháng {month}; tháng viết trước, ngày viết sau: "{number:02}-{month:02}"')
    raise wrong(f'không có ngày {number:02}/{month:02}; viết một ngày có thật, ví dụ "06-26" (tháng-ngày)')


def full_date(value: object) -> date:
    """A date with its year. Raises an explained error."""
    found = day(value)
    if isinstance(found, Offset):
        raise wrong('ngày này không tính theo dịp; viết đủ năm-tháng-ngày, ví dụ "2025-06-26"')
    if found.year is None:
        raise wrong(f'thiếu năm; viết đủ năm-tháng-ngày, ví dụ "2025-{found.month:02}-{found.day:02}"')
    return date(found.year, found.month, found.day)


def moment(value: object) -> Moment:
    """When a wave begins: a day as above or a rule, followed by an hour or not. Raises an explained error."""
    written = " ".join(value.split()) if isinstance(value, str) else ""
    timed = _TIMED.fullmatch(written)
    if timed:
        return Moment(_when(timed[1]), clock(timed[2]))
    return Moment(_when(written or value))


def _when(value: object) -> AnyDay | Weekly | Monthly:
    written = plain(value).lower() if isinstance(value, str) else ""
    if monthly := _MONTHLY.fullmatch(written):
        return _monthly(int(monthly[1] or monthly[2]))
    if every := _EVERY.fullmatch(written):
        return _weekly(every[1], every[2])
    if isinstance(value, str) and not re.match(r"\d|[DE]\b", value):
        raise wrong(f"{shown(value)} không phải ngày; viết {FORMS}")
    return day(value)


def _weekly(weekday: str, month: str | None) -> Weekly:
    if weekday not in WEEKDAYS or (month and month not in MONTHS):
        raise wrong(f'không có thứ hoặc tháng "{weekday} {month or ""}"; viết ví dụ "every tuesday of june"')
    return Weekly(WEEKDAYS[weekday], MONTHS[month] if month else None)


def _monthly(number: int) -> Monthly:
    if not 1 <= number <= 31:
        raise wrong(f'không có ngày {number}; viết ví dụ "every month on 15"')
    return Monthly(number)


def clock(value: object) -> time:
    """An hour as written: "07:00" or a TOML time. Raises an explained error."""
    if isinstance(value, time):
        return value
    if isinstance(value, str) and (hour := _CLOCK.fullmatch(value.strip())):
        return time(int(hour[1]), int(hour[2]))
    raise wrong(f'{shown(value)} không phải giờ; viết giờ:phút đủ hai chữ số từ "00:00" đến "23:59", ví dụ "07:00"')


def hours(value: object) -> tuple[time, time]:
    """Two hours of one day, the first before the second. Raises an explained error."""
    if not isinstance(value, list) or len(value) != 2:
        raise wrong('khung giờ gửi gồm đúng hai giờ; viết ví dụ window = ["07:00", "11:30"]')
    start, end = map(clock, value)
    if start >= end:
        span = f"khung giờ {start:%H:%M}-{end:%H:%M}"
        raise wrong(f"{span} bị ngược: giờ bắt đầu phải trước giờ kết thúc trong cùng một ngày; đổi chỗ hai giờ")
    return start, end


def shown(value: object) -> str:
    """A value as a message quotes it: short, on one line."""
    return f'"{short(value)}"' if isinstance(value, str) else short(str(value))


def short(value: object) -> str:
    """At most 60 characters of a value."""
    written = " ".join(str(value).split())
    return written if len(written) <= 60 else written[:59] + "…"
