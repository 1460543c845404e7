"""The complaint desk: what people complained of, what they were sent, what was answered, and what they refuse from now on."""

from __future__ import annotations

from starlette.responses import Response

from dispatcher import complaints, correspondence, releases
from dispatcher.complaints import CAME_BY_WORDS, CameBy, Given
from dispatcher.correspondence import SCOPE_WORDS
from dispatcher.errors import UserError
from dispatcher.releases import Released
from dispatcher.store import complaints as stored
from dispatcher.store.complaints import Complaint
from dispatcher.store.database import Connection
from dispatcher.store.suppressions import Refused, Scope
from dispatcher.web.door import MissingError, Page, Visit
from dispatcher.web.rights import Action

SHOWN = 100
FIELDS = ("number", "text", "came_by", "document", "said", "scope", "topics")
LONGEST_ID = 18
RELEASED_WORDS = {
    Released.FROM_TOPICS: "Số này nhận lại mọi tin.",
    Released.TO_ADVERTISING: "Số này nhận lại tin; tin quảng cáo vẫn không gửi.",
    Released.ASKED: "Đã ghi đề nghị gửi lại cả quảng cáo; chờ một người khác xem lại và đồng ý.",
    Released.WHOLLY: "Số này nhận lại mọi tin, kể cả quảng cáo.",
}


async def listing(visit: Visit) -> Response:
    return await _listing(visit)


async def _listing(visit: Visit, problem: str | None = None) -> Response:
    everything = visit.asked("kind") == "all"
    async with visit.desk() as connection:
        found = await stored.listing(connection, only_open=not everything, limit=SHOWN)
    rows = [complaints.listed(one, visit.runtime.keyring) for one in found]
    given = {name: visit.given(name) for name in FIELDS}
    return visit.show(
        "complaints.html", 409 if problem else 200, rows=rows, everything=everything, shown=SHOWN, given=given, scopes=SCOPE_WORDS,
        came_by=CAME_BY_WORDS, problem=problem,
    )  # fmt: skip


async def take(visit: Visit) -> Response:
    """A complaint as it came in, or a text of the inbox that is one."""
    try:
        refused = _refused(visit)
        async with visit.desk() as connection:
            given = await _given(connection, visit, refused)
            everybody = visit.runtime.settings.confirm_refusals == "all"
            id_ = await complaints.take(connection, visit.runtime.keyring, given, confirm_all=everybody)
    except UserError as error:
        return await _listing(visit, str(error))
    return visit.go(f"/complaints/{id_}", visit.speech.word("Đã ghi phản ánh số {n}.", n=id_))


async def _given(connection: Connection, visit: Visit, refused: Refused | None) -> Given:
    if text := visit.given("text"):
        return await complaints.of_text(connection, visit.runtime.keyring, _number(text), visit.by, refused)
    came_by = {kind.value: kind for kind in CameBy}.get(visit.given("came_by"), CameBy.OTHER)
    number = correspondence.one_number(visit.given("number"))
    return Given(number, came_by, visit.given("document"), visit.given("said"), visit.by, refused)


def _refused(visit: Visit) -> Refused | None:
    scope = {one.value: one for one in Scope}.get(visit.given("scope"))
    topics = tuple(correspondence.apart(visit.given("topics")))
    if scope is Scope.TOPICS and not topics:
        raise UserError("Cần ghi ít nhất một chủ đề bị từ chối.")
    return Refused(scope, topics if scope is Scope.TOPICS else ()) if scope else None


def _number(written: str) -> int:
    return int(written) if written.isdecimal() and len(written) <= LONGEST_ID else 0


async def _found(connection: Connection, visit: Visit) -> Complaint:
    found = await stored.find(connection, _number(visit.path("complaint")))
    if found is None:
        raise MissingError("Không có phản ánh này ở đơn vị của bạn.")
    return found


async def show(visit: Visit) -> Response:
    return await _show(visit)


async def _show(visit: Visit, problem: str | None = None) -> Response:
    async with visit.desk(snapshot=True) as connection:
        found = await _found(connection, visit)
        told = await complaints.told(connection, visit.runtime.keyring, found.id)
    return visit.show(
        "complaint.html", 409 if problem else 200, c=told, scopes=SCOPE_WORDS, came_by=CAME_BY_WORDS, problem=problem
    )


async def answer(visit: Visit) -> Response:
    """Write down what was answered; nothing is sent."""
    try:
        async with visit.desk() as connection:
            found = await _found(connection, visit)
            await complaints.answer(connection, found.id, visit.given("answer"), visit.by)
    except MissingError:
        raise
    except UserError as error:
        return await _show(visit, str(error))
    return visit.go(f"/complaints/{found.id}", visit.speech.word("Đã ghi trả lời."))


async def release(visit: Visit) -> Response:
    """Text the person of a complaint again."""
    try:
        async with visit.desk() as connection:
            found = await _found(connection, visit)
            done = await _released(connection, visit, found.msisdn_hash)
    except MissingError:
        raise
    except UserError as error:
        return await _show(visit, str(error))
    return visit.go(f"/complaints/{found.id}", visit.speech.word(RELEASED_WORDS[done]))


async def _released(connection: Connection, visit: Visit, person: bytes) -> Released:
    reason, advertising = visit.given("reason"), bool(visit.given("advertising"))
    return await releases.release(connection, person, reason, visit.by, advertising=advertising)


async def release_number(visit: Visit) -> Response:
    """Text a number again that was typed, or a person whom somebody else asked to release."""
    async with visit.desk() as connection:
        done = await _released(connection, visit, _person(visit))
    return visit.go("/suppressions", visit.speech.word(RELEASED_WORDS[done]))


def _person(visit: Visit) -> bytes:
    try:
        if named := visit.given("person"):
            return bytes.fromhex(named)
    except ValueError:
        raise UserError("Không có người này trong danh sách từ chối nhận.") from None
    return visit.runtime.keyring.hash(correspondence.one_number(visit.given("number")))


PAGES = (
    Page("/complaints", Action.SEE_COMPLAINTS, listing),
    Page("/complaints", Action.TAKE_COMPLAINT, take, "POST"),
    Page("/complaints/{complaint}", Action.SEE_COMPLAINTS, show),
    Page("/complaints/{complaint}/answer", Action.TAKE_COMPLAINT, answer, "POST"),
    Page("/complaints/{complaint}/release", Action.RELEASE_PERSON, release, "POST"),
    Page("/suppressions/release", Action.RELEASE_PERSON, release_number, "POST"),
)
