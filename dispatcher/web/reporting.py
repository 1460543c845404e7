"""Reports: what is due, what was made, and the papers of one, made from the log."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from typing import Any

from starlette.responses import Response

from campaigns.calendar import VIETNAM
from campaigns.problems import DefinitionError
from dispatcher.accounts import FIRST
from dispatcher.errors import UserError
from dispatcher.lifecycle import Status
from dispatcher.reports import making
from dispatcher.store import installation, reports
from dispatcher.web.charts import bars, tiles
from dispatcher.web.door import MissingError, Page, Visit
from dispatcher.web.rights import Action
from dispatcher.words import NETWORK_WORDS

WITHIN_DAYS = 180
DRAWN = 60
MOST_DIGITS = 10
ZIP = "application/zip"


async def listing(visit: Visit) -> Response:
    return await _listing(visit)


async def _listing(visit: Visit, problem: str | None = None) -> Response:
    status = 409 if problem else 200
    due, made, today, titles = [], [], None, {}
    if visit.person.organisation != FIRST:
        problem = "Báo cáo của cả cơ quan do đơn vị đầu mối lập."
    else:
        async with visit.desk(snapshot=True) as connection:
            today = (await installation.now(connection)).astimezone(VIETNAM).date()
            made = await reports.made(connection)
            try:
                duties = making.load(visit.runtime.settings.reports)
                titles = {(m.slug, m.year): making.title(duties, m.slug, m.year) for m in made}
                due = await making.due(connection, duties, today, WITHIN_DAYS)
            except DefinitionError as error:
                problem = problem or str(error)
    return visit.show("reports.html", status, due=due, made=made[::-1], titles=titles, today=today, problem=problem)


async def show(visit: Visit) -> Response:
    """What a report that was made says in numbers, drawn and in tables."""
    written = visit.path("report")
    made, found = None, None
    if visit.person.organisation == FIRST and written.isdecimal() and len(written) < MOST_DIGITS:
        async with visit.desk(snapshot=True) as connection:
            made = next((one for one in await reports.made(connection) if one.id == int(written)), None)
            found = await reports.figures(connection, int(written))
    if made is None or found is None:
        raise MissingError("Không có báo cáo này ở đơn vị của bạn.")
    title = f"{made.slug}-{made.year}"
    with suppress(DefinitionError):
        title = making.title(making.load(visit.runtime.settings.reports), made.slug, made.year)
    said = visit.speech
    months = _rows(found["months"], lambda row: "/".join(reversed(row["month"].split("-"))))
    networks = _rows(found["networks"], lambda row: NETWORK_WORDS.get(row["name"], row["name"]))
    communes = sorted(_rows(found["areas"], lambda row: row["name"]), key=lambda row: -sum(row[1].values()))
    return visit.show(
        "report.html", made=made, title=title, figures=found,
        months=(months, bars(months, said, said.word("Theo tháng"))),
        networks=(networks, bars(networks, said, said.word("Theo nhà mạng"))),
        communes=(communes, tiles(communes[:DRAWN], said, said.word("Theo xã, phường"))),
    )  # fmt: skip


def _rows(found: list[dict[str, Any]], name: Callable[[dict[str, Any]], str]) -> list[tuple[str, dict[str, int]]]:
    """(name, messages by status): what reached a phone, and what a carrier took of the rest."""
    return [
        (name(row), {Status.DELIVERED: row["delivered"], Status.SUBMITTED: row["sent"] - row["delivered"]})
        for row in found
    ]


async def make(visit: Visit) -> Response:
    """The document and its annex, in one file to take away; remembered with its figures."""
    slug, year = visit.given("slug"), visit.given("year")
    try:
        if visit.person.organisation != FIRST or not (year.isascii() and year.isdigit()):
            raise UserError("Không lập được báo cáo này.")
        duties = making.load(visit.runtime.settings.reports)
        # Only the first organisation comes here, which a transaction acts for that is told nothing.
        async with visit.request.app.state.pages.connection() as connection:
            papers = await making.make(connection, duties, (slug, int(year), _until(visit)), visit.by)
    except (DefinitionError, UserError) as error:
        return await _listing(visit, str(error))
    name = f"{slug}-{year}"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(f"{name}.docx", papers.document)
        file.writestr(f"{name}-phu-luc.xlsx", papers.annex)
    given = {"content-disposition": f'attachment; filename="{name}.zip"'}
    return Response(packed.getvalue(), media_type=ZIP, headers=given)


def _until(visit: Visit) -> date | None:
    written = visit.given("until")
    try:
        return date.fromisoformat(written) if written else None
    except ValueError:
        raise UserError("Ngày chốt: ghi dạng 2026-06-14.") from None


PAGES = (
    Page("/reports", Action.SEE_REPORTS, listing),
    Page("/reports", Action.MAKE_REPORT, make, "POST"),
    Page("/reports/{report}", Action.SEE_REPORTS, show),
)
