"""What an office must report, to whom and by when; its names through the years; the targets that reports measure against.

All of it is the office's own data (`reports.toml`), because issuers are merged, deadlines differ from recipient to
recipient, and the window of the data (15/12 to 14/6, say) is neither the half-year nor tied to the deadline.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StrictInt, StrictStr, StringConstraints

from campaigns.calendar import VIETNAM
from campaigns.campaign import Document
from campaigns.moments import Day, wrong
from campaigns.problems import Found
from campaigns.toml_file import tables, written
from campaigns.written import (
    FIRST_YEAR,
    LAST_YEAR,
    DocumentTable,
    FullDate,
    Sentence,
    Slug,
    Written,
    WrittenDay,
    listed,
    nearest,
    read,
)


class Form(StrEnum):
    """How the paper looks: state bodies by Decree 30/2020/ND-CP, Party bodies by Instruction 36-HD/VPTW of 2018."""

    STATE = "state"
    PARTY = "party"


class Measure(StrEnum):
    """What a target counts."""

    COMMUNES = "communes"  # of the communes listed, how many had somebody reached
    MONTHS = "months"  # of the months of the period, in how many somebody was reached
    REACH = "reach"  # distinct numbers reached in the communes listed, of the people said to live there


@dataclass(frozen=True, slots=True)
class Period:
    """The days that a report speaks of, both included."""

    start: date
    end: date

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """The first moment of it, and the first one after it, Viet Nam time."""
        first, after = self.start, self.end + timedelta(days=1)
        return datetime.combine(first, time(), VIETNAM), datetime.combine(after, time(), VIETNAM)

    @property
    def months(self) -> tuple[date, ...]:
        """The first days of its months, counted from its first day: 15/12, 15/01, ..., 15/5 for 15/12 to 14/6."""
        first = self.start.year * 12 + self.start.month - 1
        last = self.end.year * 12 + self.end.month - 1
        starts = (_day(month // 12, month % 12 + 1, self.start.day) for month in range(first, last + 1))
        return tuple(start for start in starts if start <= self.end)

    def month_of(self, day: date) -> date:
        """The first day of the month of the period that a day of it lies in."""
        return max(start for start in self.months if start <= day)


def _day(year: int, month: int, number: int) -> date:
    """That day of a month, or its last day where the month is too short."""
    return date(year, month, min(number, monthrange(year, month)[1]))


@dataclass(frozen=True, slots=True)
class Office:
    """The issuing body as it was named from a day on. `signature` are the lines above the name of who signs."""

    since: date
    superior: str
    name: str
    symbol: str
    place: str
    signature: tuple[str, ...]
    unit: str
    signer: str | None = None
    form: Form = Form.STATE


@dataclass(frozen=True, slots=True)
class Target:
    """A gauge: `at_least` is in percent; `people` the stated population of the communes, from `source`."""

    title: str
    measure: Measure
    at_least: int
    topics: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    people: int | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Obligation:
    """One report to hand in, every year. `before` is the first day that is too late, as the documents say it.

    `follows` and `days`: its deadline is that of another report, so many days later. `years`: only these.
    """

    slug: str
    title: str
    start: tuple[int, int]
    end: tuple[int, int]
    recipients: tuple[str, ...]
    before: tuple[int, int] | None = None
    follows: str | None = None
    days: int = 0
    topics: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()
    years: frozenset[int] = frozenset()
    request: Document | None = None

    def period(self, year: int) -> Period:
        """The data window of the report of a year: it ends in that year, and may begin in the year before."""
        return Period(date(year - (self.start > self.end), *self.start), date(year, *self.end))


@dataclass(frozen=True, slots=True)
class Duties:
    """All that `reports.toml` says."""

    offices: tuple[Office, ...]
    obligations: Mapping[str, Obligation]
    targets: tuple[Target, ...]

    def office(self, day: date) -> Office | None:
        """The issuing body as it is named on a day; None before the first entry."""
        return max((o for o in self.offices if o.since <= day), key=lambda o: o.since, default=None)

    def deadline(self, obligation: Obligation, year: int) -> date:
        """The last day on which the report of a year is in time."""
        if obligation.follows:
            return self.deadline(self.obligations[obligation.follows], year) + timedelta(days=obligation.days)
        month_day = obligation.before or (1, 1)
        # A report whose window ends in December is handed in after New Year if its day is earlier in the year.
        late = (month_day < obligation.end) and (obligation.end[0] - month_day[0]) > 6
        return date(year + late, *month_day) - timedelta(days=1)

    def due(self, first: date, last: date) -> Iterator[tuple[date, int, Obligation]]:
        """(last day in time, year, obligation) of every report whose deadline lies in the span, the nearest first."""
        found = (
            (self.deadline(obligation, year), year, obligation)
            for obligation in self.obligations.values()
            for year in range(first.year - 1, last.year + 1)
            if not obligation.years or year in obligation.years
        )
        yield from sorted((f for f in found if first <= f[0] <= last), key=lambda f: (f[0], f[2].slug))


def _measure(value: str) -> str:
    if value not in set(Measure):
        raise wrong(f'"{value}" không phải cách đo; chọn một trong: {", ".join(Measure)}')
    return value


Short = Annotated[StrictStr, StringConstraints(min_length=1, max_length=40)]
AreaCode = Annotated[StrictStr, StringConstraints(pattern=r"^\d{5}$")]


class OfficeTable(Written):
    """`[[office]]`"""

    required = ("since", "superior", "name", "symbol", "place", "signature", "unit")

    since: FullDate | None = None
    superior: Sentence | None = None
    name: Sentence | None = None
    symbol: Short | None = None
    place: Sentence | None = None
    signature: tuple[Sentence, ...] | None = None
    unit: Short | None = None
    signer: Sentence | None = None
    form: Form | None = None


class ReportTable(Written):
    """`[[report]]`"""

    required = ("slug", "title", "from", "to", "recipients")

    slug: Slug | None = None
    title: Sentence | None = None
    start: WrittenDay | None = Field(default=None, alias="from")
    end: WrittenDay | None = Field(default=None, alias="to")
    before: WrittenDay | None = None
    follows: Slug | None = None
    days: Annotated[StrictInt, Field(ge=0, le=366)] | None = None
    recipients: tuple[Sentence, ...] | None = None
    copies: tuple[Sentence, ...] | None = None
    topics: tuple[Slug, ...] | None = None
    years: tuple[StrictInt, ...] | None = None
    request: Any = None


class TargetTable(Written):
    """`[[target]]`"""

    required = ("title", "measure", "at_least")

    title: Sentence | None = None
    measure: Annotated[StrictStr, AfterValidator(_measure)] | None = None
    at_least: Annotated[StrictInt, Field(ge=1, le=100)] | None = None
    topics: tuple[Slug, ...] | None = None
    areas: tuple[AreaCode, ...] | None = None
    people: Annotated[StrictInt, Field(ge=1)] | None = None
    source: Sentence | None = None


class File(Written):
    """The whole file; its tables are read one by one."""

    office: Any = None
    report: Any = None
    target: Any = None


def load(path: Path, known_areas: Iterable[str]) -> Duties:
    """What the file says. Raises `DefinitionError` with all problems, each by line and key."""
    text = written(path, Found(str(path)), "; chép reports.example.toml rồi sửa")
    found = Found(str(path), text)
    raw = tables(text, found, "; chép reports.example.toml rồi sửa")
    read(File, raw, "", found)
    offices = tuple(_offices(raw.get("office", []), found))
    obligations = {o.slug: o for o in _obligations(raw.get("report", []), found)}
    targets = tuple(_targets(raw.get("target", []), frozenset(known_areas), found))
    _chained(obligations, found)
    if "office" not in raw:
        found.add("office", "chưa có cơ quan nào; thêm bảng [[office]]")
    found.stop()
    return Duties(offices, obligations, targets)


def _offices(raw: object, found: Found) -> Iterator[Office]:
    for field, given in listed(raw, "office", found):
        table = read(OfficeTable, given, field, found).present()
        if set(OfficeTable.required) <= set(table):
            yield Office(**table)


def _obligations(raw: object, found: Found) -> Iterator[Obligation]:
    for field, given in listed(raw, "report", found):
        table = read(ReportTable, given, field, found)
        days = {key: _every_year(getattr(table, key), f"{field}.{key}", found) for key in ("start", "end", "before")}
        if (table.before is None) == (table.follows is None):
            found.add(field, 'cần đúng một trong hai khóa before = "06-15" (trước ngày) và follows = "bao-cao-khac"')
        given_request = read(DocumentTable, table.request, f"{field}.request", found) if table.request else None
        years = _years(table, field, found)
        if table.slug and table.title and days["start"] and days["end"] and table.recipients:
            yield Obligation(
                table.slug, table.title, days["start"], days["end"], table.recipients, days["before"], table.follows,
                table.days or 0, table.topics or (), table.copies or (), years, _document(given_request),
            )  # fmt: skip


def _document(table: DocumentTable | None) -> Document | None:
    present = table.present() if table else {}
    return Document(**present) if set(DocumentTable.required) <= set(present) else None


def _years(table: ReportTable, field: str, found: Found) -> frozenset[int]:
    for year in table.years or ():
        if not FIRST_YEAR <= year <= LAST_YEAR:
            found.add(f"{field}.years", f"năm {year} ngoài khoảng {FIRST_YEAR}-{LAST_YEAR}")
    return frozenset(table.years or ())


def _every_year(day: object, field: str, found: Found) -> tuple[int, int] | None:
    if day is None:
        return None
    if not isinstance(day, Day) or day.year is not None or (day.month, day.day) == (2, 29):
        found.add(field, 'lặp lại hằng năm; viết tháng-ngày, ví dụ "06-14"')
        return None
    return day.month, day.day


def _chained(obligations: Mapping[str, Obligation], found: Found) -> None:
    """Every `follows` leads, in the end, to a report with a day of its own."""
    for place, obligation in enumerate(obligations.values(), start=1):
        seen, at = {obligation.slug}, obligation
        while at.follows:
            if at.follows not in obligations:
                found.add(
                    f"report[{place}].follows", f'không có báo cáo "{at.follows}"{nearest(at.follows, obligations)}'
                )
                break
            at = obligations[at.follows]
            if at.slug in seen:
                found.add(f"report[{place}].follows", "các báo cáo chờ nhau thành vòng; một báo cáo phải có before")
                break
            seen.add(at.slug)


def _targets(raw: object, known_areas: frozenset[str], found: Found) -> Iterator[Target]:
    for field, given in listed(raw, "target", found):
        table = read(TargetTable, given, field, found)
        for code in table.areas or ():
            if code not in known_areas:
                found.add(f"{field}.areas", f"không có xã, phường, đặc khu mã {code}")
        if table.measure in (Measure.COMMUNES, Measure.REACH) and not table.areas:
            found.add(f"{field}.areas", 'cần danh sách mã xã, ví dụ areas = ["06124"]')
        if table.measure == Measure.REACH and not (table.people and table.source):
            found.add(f"{field}.people", "tỷ lệ tiếp cận cần dân số (people) và nguồn số liệu (source)")
        if table.title and table.measure and table.at_least:
            yield Target(
                table.title, Measure(table.measure), table.at_least, table.topics or (), table.areas or (),
                table.people, table.source,
            )  # fmt: skip
