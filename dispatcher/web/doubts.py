"""What nobody knows, and what went wrong: lists, and decisions with a reason."""

from __future__ import annotations

from starlette.responses import Response

from dispatcher import control
from dispatcher.delivery_log import shown
from dispatcher.lifecycle import Status
from dispatcher.store import log
from dispatcher.store.search import Wanted
from dispatcher.web import campaign as one
from dispatcher.web.door import Page, Visit
from dispatcher.web.rights import Action

DOUBTFUL = (Status.UNCERTAIN, Status.UNCONFIRMED)
BROKEN = (Status.FAILED, Status.REJECTED, Status.UNDELIVERED)
LISTED = 200


async def doubts(visit: Visit) -> Response:
    async with visit.desk(snapshot=True) as connection:
        stored = await one.found(connection, visit)
        seen = await control.view(connection, stored.edition)
        lists = [
            (statuses, await log.first(connection, Wanted(edition=stored.edition, statuses=statuses), LISTED))
            for statuses in (DOUBTFUL, BROKEN)
        ]
    told = [
        (
            {status: seen.counts.get(status, 0) for status in statuses},
            [shown(row, visit.runtime.keyring, reveal=False) for row in rows],
        )
        for statuses, rows in lists
    ]
    waves = {wave.slug: wave.title for wave in seen.waves}
    return visit.show("doubts.html", stored=stored, doubtful=told[0], broken=told[1], listed=LISTED, waves=waves)


async def decide(visit: Visit) -> Response:
    edition, resend = visit.path("edition"), visit.given("act") == "resend"
    async with visit.desk() as connection:
        await one.found(connection, visit)
        count = await control.settle_uncertain(connection, edition, visit.by, visit.given("reason"), resend=resend)
    words = "{count} tin được xếp hàng gửi lại." if resend else "{count} tin được ghi là không xác nhận được."
    return visit.go(f"/campaigns/{edition}/doubts", visit.speech.word(words, count=count))


PAGES = (
    Page("/campaigns/{edition}/doubts", Action.SEE_DOUBTS, doubts),
    Page("/campaigns/{edition}/doubts", Action.DECIDE_DOUBTS, decide, "POST"),
)
