"""A campaign played through before anybody approves it: begun here, as far as it is, and what came of it."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from dispatcher.accounts import FIRST
from dispatcher.errors import UserError
from dispatcher.rehearsal_desk import RehearsalDesk
from dispatcher.review import rehearsal_words, review
from dispatcher.store import rehearsals
from dispatcher.web import campaign as one
from dispatcher.web.door import Page, Visit
from dispatcher.web.rights import Action


def _desk(visit: Visit) -> RehearsalDesk:
    desk: RehearsalDesk = visit.request.app.state.rehearsals
    return desk


async def show(visit: Visit) -> Response:
    async with visit.desk(snapshot=True) as connection:
        stored = await one.found(connection, visit)
        last = await rehearsals.last(connection, stored.id)
    return visit.show(
        "rehearsal.html", stored=stored, played=_desk(visit).of(visit.person.organisation_id, stored.edition), last=last,
        said=rehearsal_words(last.outcome) if last else [], ours=visit.person.organisation == FIRST,
    )  # fmt: skip


async def begin(visit: Visit) -> Response:
    """What keeps the campaign from being reviewed keeps it from the stage, and is told before anything begins."""
    async with visit.desk() as connection:
        stored = await one.found(connection, visit)
        if visit.person.organisation != FIRST:
            raise UserError("Chạy thử dùng chung máy chủ; đơn vị đầu mối chạy giúp.")
        await review(connection, stored.edition, one.office(visit))
    _desk(visit).begin(visit.person.organisation_id, stored.edition, visit.by)
    return RedirectResponse(f"/campaigns/{stored.edition}/rehearsal", 303)


PAGES = (
    Page("/campaigns/{edition}/rehearsal", Action.REHEARSE, show),
    Page("/campaigns/{edition}/rehearsal", Action.REHEARSE, begin, "POST"),
)
