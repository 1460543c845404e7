"""People on the other side: what they write to us, and whom we leave alone."""

from __future__ import annotations

from starlette.responses import Response

from dispatcher import correspondence
from dispatcher.correspondence import CorrespondenceError
from dispatcher.store import inbound
from dispatcher.web.door import MissingError, Page, Visit
from dispatcher.web.rights import Action

SHOWN = 100
KINDS = {"": None, "refusals": True, "others": False}


async def inbox(visit: Visit) -> Response:
    kind = visit.asked("kind")
    async with visit.desk() as connection:
        rows = await inbound.newest(connection, limit=SHOWN, person=None, refusal=KINDS.get(kind))
        texts = await correspondence.several(connection, visit.runtime.keyring, rows)
    return visit.show("inbox.html", texts=texts, kind=kind, shown=SHOWN)


def _id(visit: Visit) -> int:
    written = visit.path("text")
    if not written.isdecimal() or len(written) > 18:
        raise MissingError("Không có tin này.")
    return int(written)


async def text(visit: Visit) -> Response:
    try:
        async with visit.desk() as connection:
            found = await correspondence.one(connection, visit.runtime.keyring, _id(visit))
    except CorrespondenceError:
        raise MissingError("Không có tin này trong hộp thư đến.") from None
    return visit.show("inbound.html", text=found, revealed=False, problem=None)


async def forward(visit: Visit) -> Response:
    keyring, id_ = visit.runtime.keyring, _id(visit)
    try:
        async with visit.desk() as connection:
            told = await correspondence.one(connection, keyring, id_)
    except CorrespondenceError:
        raise MissingError("Không có tin này trong hộp thư đến.") from None
    problem = None
    try:
        async with visit.desk() as connection:
            told = await correspondence.forward(
                connection, keyring, id_, visit.given("to"), visit.by, visit.given("reason")
            )
    except CorrespondenceError as error:
        problem = str(error)
    return visit.show("inbound.html", 409 if problem else 200, text=told, revealed=not problem, problem=problem)


async def suppressed(visit: Visit) -> Response:
    return await _suppressed(visit)


async def _suppressed(visit: Visit, status: int = 200, **given: object) -> Response:
    async with visit.desk() as connection:
        total, rows = await correspondence.newest_suppressions(connection, visit.runtime.keyring, SHOWN)
    values = {"problem": None, "numbers": "", "reason": "", **given}
    return visit.show("suppressions.html", status, total=total, rows=rows, shown=SHOWN, **values)


async def suppress(visit: Visit) -> Response:
    numbers, reason = visit.given("numbers"), visit.given("reason")
    written = [one.strip() for one in numbers.replace(",", "\n").replace(";", "\n").splitlines() if one.strip()]
    try:
        if not written or not reason:
            raise CorrespondenceError("Cần ghi ít nhất một số và lý do.")
        async with visit.desk() as connection:
            given, new = await correspondence.leave_alone(
                connection, visit.runtime.keyring, written, reason, "web", visit.by
            )
    except CorrespondenceError as error:
        return await _suppressed(visit, 409, problem=str(error), numbers=numbers, reason=reason)
    told = visit.speech.word("Đã thêm {new} số; {there} số đã có sẵn.", new=new, there=given - new)
    return visit.go("/suppressions", told)


PAGES = (
    Page("/inbox", Action.READ_INBOX, inbox),
    Page("/inbox/{text}", Action.READ_INBOX, text),
    Page("/inbox/{text}/forward", Action.FORWARD, forward, "POST"),
    Page("/suppressions", Action.SEE_SUPPRESSIONS, suppressed),
    Page("/suppressions", Action.SUPPRESS, suppress, "POST"),
)
