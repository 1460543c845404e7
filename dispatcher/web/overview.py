"""What there is: today's work, the campaigns, the year."""

from __future__ import annotations

from contextlib import suppress
from datetime import date

from starlette.responses import Response

from campaigns import schedule
from campaigns.calendar import VIETNAM
from campaigns.campaign import Campaign
from campaigns.problems import DefinitionError
from dispatcher import drafting
from dispatcher.accounts import FIRST
from dispatcher.lifecycle import CampaignStatus, Status
from dispatcher.reports import making
from dispatcher.reports.making import Due
from dispatcher.settings import load_calendar
from dispatcher.store import complaints, figures, installation, statements
from dispatcher.store.complaints import Complaint
from dispatcher.store.figures import Glance
from dispatcher.store.statements import Request
from dispatcher.web import broadcasting
from dispatcher.web.charts import bar
from dispatcher.web.door import Page, Visit
from dispatcher.web.rights import Action

YEARS = range(2020, 2100)
SHOWN_WAVES = 40  # of a month
SHOWN_COMPLAINTS = 5
# Reports that are due so soon stand on today's page.
SOON_DAYS = 21


async def today(visit: Visit) -> Response:
    """What waits for this person, and what runs."""
    found = await _glances(visit) if visit.may(Action.SEE_FIGURES) else []
    running = [g for g in found if g.status in (CampaignStatus.RUNNING, CampaignStatus.PAUSED)]
    return visit.show(
        "today.html",
        drafts=[g for g in found if g.status is CampaignStatus.DRAFT and not g.proposed_at],
        proposed=[g for g in found if g.status is CampaignStatus.DRAFT and g.proposed_at],
        ready=[g for g in found if g.status is CampaignStatus.APPROVED],
        running=running,
        doubtful=[(g, doubts) for g in found if (doubts := g.counts.get(Status.UNCERTAIN, 0))],
        bars={g.edition: bar(g.counts, visit.speech) for g in running},
        requests=await _requests(visit) if visit.may(Action.RELEASE_STATEMENT) else [],
        complaints=await _complaints(visit) if visit.may(Action.TAKE_COMPLAINT) else [],
        reports=await _reports(visit) if visit.may(Action.MAKE_REPORT) else [],
        articles=await broadcasting.waiting(visit),
        title=broadcasting.title,
        new_here=not found,
    )


async def _requests(visit: Visit) -> list[Request]:
    """Statements that this person may release."""
    async with visit.desk() as connection:
        found = await statements.listing(connection)
    return [request for request in found if not request.released_at and request.asked_by != visit.by]


async def _complaints(visit: Visit) -> list[Complaint]:
    async with visit.desk() as connection:
        return await complaints.listing(connection, only_open=True, limit=SHOWN_COMPLAINTS)


async def listing(visit: Visit) -> Response:
    return visit.show("campaigns.html", glances=await _glances(visit))


async def _glances(visit: Visit) -> list[Glance]:
    async with visit.desk() as connection:
        return await figures.glances(connection)


async def calendar(visit: Visit) -> Response:
    """The year month by month: occasions, waves, reports to hand in, months in which nobody is told anything."""
    asked = visit.asked("year")
    known = load_calendar(visit.runtime.settings.occasions)
    async with visit.desk() as connection:
        this = (await installation.now(connection)).astimezone(VIETNAM)
        year = int(asked) if asked.isdecimal() and int(asked) in YEARS else this.year
        found = await drafting.year_of(connection, known, year)
    return visit.show(
        "calendar.html", year=found, months=_months(found), this=(this.year, this.month), shown=SHOWN_WAVES,
        deadlines=_deadlines(visit, year), today=this.date(),
    )  # fmt: skip


def _deadlines(visit: Visit, year: int) -> list[tuple[date, str]]:
    """Reports to hand in; none where the office's duties cannot be read, which the page of reports says."""
    if visit.person.organisation != FIRST or not visit.may(Action.SEE_REPORTS):
        return []
    with suppress(DefinitionError):
        return making.deadlines(making.load(visit.runtime.settings.reports), year)
    return []


async def _reports(visit: Visit) -> list[Due]:
    """Reports that this person may make and that are soon due, or overdue."""
    if visit.person.organisation != FIRST:
        return []
    async with visit.desk() as connection:
        day = (await installation.now(connection)).astimezone(VIETNAM).date()
        with suppress(DefinitionError):
            found = await making.due(connection, making.load(visit.runtime.settings.reports), day, SOON_DAYS)
            return [due for due in found if due.made is None]
    return []


def _months(found: drafting.Year) -> list[tuple[int, list[drafting.Row], list[tuple[Campaign, schedule.PlannedWave]]]]:
    """(month, occasions that touch it, waves that open in it)"""
    waves = [(c, wave) for c in found.campaigns for wave in schedule.waves(c) if wave.opens_at.year == found.year]
    return [
        (
            month,
            [row for row in found.rows if _touches(row, found.year, month)],
            sorted(((c, w) for c, w in waves if w.opens_at.month == month), key=lambda pair: pair[1].opens_at),
        )
        for month in range(1, 13)
    ]


def _touches(row: drafting.Row, year: int, month: int) -> bool:
    first, last = date.fromisoformat(row.first), date.fromisoformat(row.last)
    return (first.year, first.month) <= (year, month) <= (last.year, last.month)


PAGES = (
    Page("/", Action.INSIDE, today),
    Page("/campaigns", Action.SEE_FIGURES, listing),
    Page("/calendar", Action.SEE_FIGURES, calendar),
)
