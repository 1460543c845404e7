"""What staff do with reports: see what is due, count, make the papers, enter what was done by other means."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from campaigns import obligations, places
from campaigns.calendar import VIETNAM
from campaigns.obligations import Duties, Obligation, Period
from dispatcher.errors import UserError
from dispatcher.reports import figures, wording
from dispatcher.reports.document import Report, render
from dispatcher.reports.figures import Figures
from dispatcher.reports.wording import Notes, Upcoming
from dispatcher.reports.workbook import workbook
from dispatcher.store import audit, reports, retention
from dispatcher.store.database import Connection
from dispatcher.store.reports import Activity, Made

SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"


@dataclass(frozen=True, slots=True)
class Due:
    """A report to hand in; `days` until the last day in time, negative when that has passed."""

    slug: str
    year: int
    title: str
    recipients: tuple[str, ...]
    starts: date
    ends: date
    deadline: date
    days: int
    made: Made | None


@dataclass(frozen=True, slots=True)
class Papers:
    """A report as made: the document, the workbook, and what is in them."""

    document: bytes
    annex: bytes
    figures: Figures
    sha256: str


def load(path: Path) -> Duties:
    """The office's duties. Raises `DefinitionError` with all problems of the file."""
    return obligations.load(path, places.areas())


def title(duties: Duties, slug: str, year: int) -> str:
    """What the report of a year is called; its slug and year where it is no duty any more."""
    obligation = duties.obligations.get(slug)
    return wording.subject(obligation, obligation.period(year)) if obligation else f"{slug}-{year}"


async def due(connection: Connection, duties: Duties, today: date, within_days: int) -> list[Due]:
    """Reports due within so many days, and those overdue for up to a year that were never made, the nearest first."""
    made = {(m.slug, m.year): m for m in reversed(await reports.made(connection))}
    return list(_due(duties, made, today, within_days))


def _due(duties: Duties, made: dict[tuple[str, int], Made], today: date, within_days: int) -> Iterator[Due]:
    last_year = today - timedelta(days=366)
    for deadline, year, obligation in duties.due(last_year, today + timedelta(days=within_days)):
        period, done = obligation.period(year), made.get((obligation.slug, year))
        if deadline >= today or (done is None and any(o.since <= deadline for o in duties.offices)):
            title = wording.subject(obligation, period)
            yield Due(
                obligation.slug,
                year,
                title,
                obligation.recipients,
                period.start,
                period.end,
                deadline,
                (deadline - today).days,
                done,
            )


def deadlines(duties: Duties, year: int) -> list[tuple[date, str]]:
    """(last day in time, what the report is called) of every report that is due in a year, the nearest first."""
    due = duties.due(date(year, 1, 1), date(year, 12, 31))
    return [(deadline, wording.subject(obligation, obligation.period(of))) for deadline, of, obligation in due]


def chosen(duties: Duties, slug: str, year: int, until: date | None) -> tuple[Obligation, Period]:
    """The obligation and its window, cut off early if asked. Raises `UserError`."""
    if slug not in duties.obligations:
        known = ", ".join(duties.obligations) or "chưa khai báo báo cáo nào"
        raise UserError(f"Không có báo cáo {slug} trong reports.toml; có: {known}.")
    period = duties.obligations[slug].period(year)
    if until and not period.start <= until <= period.end:
        raise UserError(f"Ngày chốt {until:%d/%m/%Y} nằm ngoài kỳ {period.start:%d/%m/%Y} - {period.end:%d/%m/%Y}.")
    return duties.obligations[slug], replace(period, end=until) if until else period


async def count(connection: Connection, duties: Duties, obligation: Obligation, period: Period) -> Figures:
    """The figures of a report, all from one snapshot of the log."""
    await connection.execute(SNAPSHOT)
    kept = await retention.kept_from(connection)
    if kept and period.bounds[0] < kept:
        raise UserError(
            f"Tin trước ngày {kept.astimezone(VIETNAM):%d/%m/%Y} không còn lưu từng tin, kỳ này không đếm lại được."
            " Xem báo cáo đã lập: dispatcher report list"
        )
    return await figures.counted(connection, obligation, period, duties.targets)


async def make(
    connection: Connection,
    duties: Duties,
    asked: tuple[str, int, date | None],
    by: str,
    *,
    notes: Notes | None = None,
    template: Path | None = None,
) -> Papers:
    """Make the report (slug, year, cut-off) and remember it. Raises `UserError`."""
    obligation, period = chosen(duties, *asked)
    office = duties.office(period.end)
    if office is None:
        raise UserError(
            f"reports.toml chưa khai báo cơ quan ban hành cho ngày {period.end:%d/%m/%Y} (bảng [[office]])."
        )
    found = await count(connection, duties, obligation, period)
    ahead = [Upcoming(*row) for row in await reports.upcoming(connection, max(found.counted_at, period.bounds[1]))]
    document = render(Report(found, office, obligation, notes or Notes(), ahead), template)
    sha256 = hashlib.sha256(document).hexdigest()
    await reports.keep(connection, obligation.slug, asked[1], (period.start, period.end), found.plain(), sha256, by)
    await audit.record(connection, by, "report.make", f"{obligation.slug}-{asked[1]}", sha256=sha256)
    return Papers(document, workbook(found), found, sha256)


async def add_activity(connection: Connection, activity: Activity) -> int:
    """Enter something done by other means. Raises `UserError`."""
    if activity.kind not in wording.ACTIVITIES:
        known = ", ".join(f"{kind} ({words})" for kind, words in wording.ACTIVITIES.items())
        raise UserError(f"Không có hình thức {activity.kind}; có: {known}.")
    if activity.quantity < 1:
        raise UserError("Số lượng phải từ 1 trở lên.")
    number = await reports.add_activity(connection, activity)
    await audit.record(connection, activity.added_by, "activity.add", str(number), kind=activity.kind)
    return number


async def withdraw_activity(connection: Connection, number: int, by: str, reason: str) -> None:
    """Take an entry back; it stays in the database, and who and why in the trail. Raises `UserError`."""
    if not reason.strip():
        raise UserError("Ghi lý do rút mục này (--reason).")
    if not await reports.withdraw_activity(connection, number):
        raise UserError(f"Không có mục số {number}, hoặc đã rút rồi.")
    await audit.record(connection, by, "activity.withdraw", str(number), reason=reason)
