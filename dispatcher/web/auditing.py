"""The auditor's room: what was sent to a number, the whole story of a message, and the trail of people."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from starlette.responses import Response

from dispatcher import searching
from dispatcher.delivery_log import Format
from dispatcher.searching import Page as Found
from dispatcher.searching import SearchError
from dispatcher.store import audit
from dispatcher.store.tallies import Count
from dispatcher.web import asking, deeds
from dispatcher.web.door import MissingError, Page, Visit
from dispatcher.web.rights import Action

SHOWN = 50
TRAIL = 50
# A form carries where the pages before this one began; whoever is further asks for something narrower.
PAGES_BACK = 200


async def ask(visit: Visit) -> Response:
    """The form, and the campaigns to choose from."""
    return await _shown(visit)


async def _shown(
    visit: Visit,
    problem: str | None = None,
    *,
    found: Found | None = None,
    count: Count | None = None,
    began: Sequence[str] = (),
) -> Response:
    async with visit.desk() as connection:
        choices = await asking.choices(connection, visit)
    return visit.show(
        "log.html", 409 if problem else 200, problem=problem, shown=SHOWN, forms=list(Format), found=found, count=count,
        began=began, titles={known.edition: known.title for known in choices["stored"]}, **choices,
    )  # fmt: skip


async def search(visit: Visit) -> Response:
    """A number belongs in no address: those stand in histories and logs."""
    began = visit.given("began").split()[-PAGES_BACK:]
    try:
        query = asking.query(visit, SHOWN)
        async with visit.desk() as connection:
            keyring, after = visit.runtime.keyring, began[-1] if began else None
            found = await searching.page(connection, keyring, query, after=after, by=visit.by)
            count = await searching.count(connection, keyring, query)
            asked = {"filters": searching.filters(query), "messages": len(found.messages)}
            await audit.record(connection, visit.by, "log.search", query.campaign or "search", **asked)
    except SearchError as error:
        return await _shown(visit, str(error))
    return await _shown(visit, found=found, count=count, began=began)


def _id(visit: Visit) -> UUID:
    try:
        return UUID(visit.path("message"))
    except ValueError:
        raise MissingError("Không có tin này.") from None


async def message(visit: Visit) -> Response:
    return await _message(visit)


async def _message(visit: Visit, number: str | None = None, problem: str | None = None) -> Response:
    async with visit.desk(snapshot=True) as connection:
        found = await searching.story(connection, visit.runtime.keyring, _id(visit))
        if found is None:
            raise MissingError("Không có tin này ở đơn vị của bạn.")
        row, told, happened = found
        origin = await searching.origin(connection, row)
    return visit.show(
        "message.html", 409 if problem else 200, row=row, message=told, happened=happened, origin=origin, number_=number,
        problem=problem,
    )  # fmt: skip


async def reveal(visit: Visit) -> Response:
    try:
        async with visit.desk() as connection:
            number = await searching.reveal(
                connection, visit.runtime.keyring, _id(visit), visit.given("reason"), visit.by
            )
    except searching.SearchError as error:
        return await _message(visit, problem=str(error))
    return await _message(visit, number or visit.speech.word("đã xóa"))


async def trail(visit: Visit) -> Response:
    asked = {name: visit.asked(name) for name in ("who", "act", "subject")}
    before = visit.asked("before")
    async with visit.desk() as connection:
        found = await audit.deeds(
            connection,
            limit=TRAIL + 1,
            before=int(before) if before.isdecimal() and len(before) < 19 else None,
            **asked,
        )
    older = found[TRAIL - 1].id if len(found) > TRAIL else None
    said = visit.speech
    return visit.show(
        "trail.html", deeds=found[:TRAIL], asked=asked, older=older, families=list(deeds.families(said)),
        about=lambda subject: deeds.about(subject, said), told_of=lambda detail: deeds.told(detail, said),
    )  # fmt: skip


PAGES = (
    Page("/log", Action.SEARCH_LOG, ask),
    Page("/log", Action.SEARCH_LOG, search, "POST"),
    Page("/log/{message}", Action.SEARCH_LOG, message),
    Page("/log/{message}/reveal", Action.REVEAL, reveal, "POST"),
    Page("/trail", Action.SEE_TRAIL, trail),
)
