"""The auditor's room: what was sent to a number, the whole story of a message, and the trail of people."""

from __future__ import annotations

from uuid import UUID

from starlette.responses import Response

from dispatcher import searching
from dispatcher.lifecycle import Status
from dispatcher.searching import Query
from dispatcher.store import audit, campaigns
from dispatcher.web.door import MissingError, Page, Visit
from dispatcher.web.rights import Action

SHOWN = 100
TRAIL = 50


async def ask(visit: Visit) -> Response:
    """The form, and the campaigns to choose from."""
    return await _searched(visit, Query(), searched=False)


async def search(visit: Visit) -> Response:
    """A number belongs in no address: those stand in histories and logs."""
    statuses = [Status(s) for s in visit.form.getlist("status") if s in set(Status)]
    query = Query(visit.given("number") or None, visit.given("campaign") or None, None, statuses, SHOWN)
    return await _searched(visit, query, searched=True)


async def _searched(visit: Visit, query: Query, *, searched: bool) -> Response:
    keyring = visit.runtime.keyring
    found, problem = [], None
    async with visit.desk() as connection:
        stored = await campaigns.titles(connection)
        if searched:
            try:
                found = await searching.search(connection, keyring, query, reveal=False, reason="", by=visit.by)
                await audit.record(connection, visit.by, "log.search", query.campaign or "search", messages=len(found))
            except searching.SearchError as error:
                problem = str(error)
    return visit.show(
        "log.html", 409 if problem else 200, query=query, found=found, searched=searched, stored=stored,
        problem=problem, shown=SHOWN,
    )  # fmt: skip


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
        seen = await audit.deeds(connection, limit=TRAIL, subject=_id(visit).hex)
    if found is None:
        raise MissingError("Không có tin này ở đơn vị của bạn.")
    row, told, happened = found
    return visit.show(
        "message.html", 409 if problem else 200, row=row, message=told, happened=happened, seen=seen, number_=number,
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
        deeds = await audit.deeds(
            connection,
            limit=TRAIL + 1,
            before=int(before) if before.isdecimal() and len(before) < 19 else None,
            **asked,
        )
    older = deeds[TRAIL - 1].id if len(deeds) > TRAIL else None
    return visit.show("trail.html", deeds=deeds[:TRAIL], asked=asked, older=older)


PAGES = (
    Page("/log", Action.SEARCH_LOG, ask),
    Page("/log", Action.SEARCH_LOG, search, "POST"),
    Page("/log/{message}", Action.SEARCH_LOG, message),
    Page("/log/{message}/reveal", Action.REVEAL, reveal, "POST"),
    Page("/trail", Action.SEE_TRAIL, trail),
)
