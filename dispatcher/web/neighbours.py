"""People on the other side: what they write to us, and whom we leave alone."""

from __future__ import annotations

from starlette.responses import Response

from dispatcher import correspondence
from dispatcher.complaints import CAME_BY_WORDS
from dispatcher.correspondence import SCOPE_WORDS, CorrespondenceError
from dispatcher.store import inbound
from dispatcher.store.suppressions import Refused, Scope
from dispatcher.web.door import MissingError, Page, Visit
from dispatcher.web.rights import Action

SHOWN = 100
FIELDS = ("numbers", "reason", "scope", "topics", "proof")
SCOPES = {scope.value: scope for scope in Scope}
# Where a refusal came from, and who brought it, where that was no person.
SOURCE_WORDS: dict[str, str] = {
    **{kind.value: words for kind, words in CAME_BY_WORDS.items()},
    "web": "nhập trên trang này",
    "api": "chương trình (API)",
    "command line": "dòng lệnh",
    "release": "gửi lại một phần",
    "inbound": "tin từ chối",
}
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
    return visit.show("inbound.html", text=found, revealed=False, problem=None, scopes=SCOPE_WORDS)


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
    return visit.show(
        "inbound.html", 409 if problem else 200, text=told, revealed=not problem, problem=problem, scopes=SCOPE_WORDS
    )


async def suppressed(visit: Visit) -> Response:
    return await _suppressed(visit)


async def _suppressed(visit: Visit, status: int = 200, **given: object) -> Response:
    async with visit.desk() as connection:
        total, rows = await correspondence.newest_suppressions(connection, visit.runtime.keyring, SHOWN)
        asked = await correspondence.asked_releases(connection, visit.runtime.keyring)
    values = {
        "sources": SOURCE_WORDS,
        "problem": None,
        "given": dict.fromkeys(FIELDS, ""),
        "scopes": SCOPE_WORDS,
        **given,
    }
    return visit.show("suppressions.html", status, total=total, rows=rows, asked=asked, shown=SHOWN, **values)


async def suppress(visit: Visit) -> Response:
    said = {name: visit.given(name) for name in FIELDS}
    written, reason = correspondence.apart(said["numbers"]), said["reason"]
    try:
        if not written or not reason:
            raise CorrespondenceError("Cần ghi ít nhất một số và lý do.")
        refused = Refused(SCOPES.get(said["scope"], Scope.ALL), tuple(correspondence.apart(said["topics"])))
        async with visit.desk() as connection:
            given, new = await correspondence.leave_alone(
                connection, visit.runtime.keyring, written, reason, "web", visit.by, refused, said["proof"]
            )
    except CorrespondenceError as error:
        return await _suppressed(visit, 409, problem=str(error), given=said)
    told = visit.speech.word("Đã thêm {new} số; {there} số đã có sẵn.", new=new, there=given - new)
    return visit.go("/suppressions", told)


PAGES = (
    Page("/inbox", Action.READ_INBOX, inbox),
    Page("/inbox/{text}", Action.READ_INBOX, text),
    Page("/inbox/{text}/forward", Action.FORWARD, forward, "POST"),
    Page("/suppressions", Action.SEE_SUPPRESSIONS, suppressed),
    Page("/suppressions", Action.SUPPRESS, suppress, "POST"),
)
