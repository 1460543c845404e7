"""Audiences and rosters, the suppression list and the inbox, for programs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from dispatcher import correspondence
from dispatcher.correspondence import CorrespondenceError
from dispatcher.roster_desk import RosterDesk
from dispatcher.store import audiences, inbound, suppressions, uploads
from dispatcher.store.audiences import Audience
from dispatcher.store.suppressions import Scope
from dispatcher.store.uploads import Upload
from dispatcher.web.api.campaigns import Reason
from dispatcher.web.api.gate import Call, Entry, Here
from dispatcher.web.api.pages import Cursor, Limit, Page, after, page
from dispatcher.web.door import MissingError
from dispatcher.web.rights import Action
from dispatcher.web.uploading import LARGEST

Name = Annotated[str, Query(min_length=1, max_length=80)]
Place = Annotated[str | None, Query(pattern=r"^[0-9]{1,17}-[0-9a-f]{32}$", description="`next` of the page before.")]
EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
RowId = Annotated[int, Field(ge=1, lt=1 << 63)]


class Seen(BaseModel):
    """A roster before it is imported: what was recognised, and its first rows with numbers masked."""

    model_config = ConfigDict(from_attributes=True)

    columns: list[str]
    mapping: dict[str, str]
    notes: list[str]
    samples: list[dict[str, str | None]]


class Taken(BaseModel):
    """A roster that has come in, and what was recognised in it."""

    upload: Upload
    seen: Seen


class Mapping(BaseModel):
    mapping: dict[str, Annotated[str, Field(max_length=200)]] = Field(
        default_factory=dict, max_length=20, description="Field -> column; what is not named is recognised."
    )


class Numbers(BaseModel):
    numbers: Annotated[list[Annotated[str, Field(max_length=40)]], Field(min_length=1, max_length=1000)]
    reason: Reason


class Suppressed(BaseModel):
    given: int
    new: int


class Left(BaseModel):
    """An entry of the suppression list."""

    msisdn: str
    scope: Scope
    topics: list[str]
    reason: str
    source: str
    proof: str
    added_by: str
    added_at: datetime


class Forward(BaseModel):
    to: Annotated[str, Field(min_length=1, max_length=200)]
    reason: Reason


class Inbound(BaseModel):
    """A text from a person."""

    id: int
    received_at: datetime
    msisdn: str
    sent_to: str
    route: str
    text: str
    complete: bool
    refusal: bool
    confirmation: str | None
    forwarded_to: str | None
    forwarded_by: str | None
    forwarded_at: datetime | None


def _desk(call: Call) -> RosterDesk:
    desk: RosterDesk = call.request.app.state.rosters
    return desk


async def listing(call: Here, limit: Limit = 50, cursor: Cursor = None) -> Page[Audience]:
    """All versions of all audiences, newest first."""
    found = await audiences.page(call.connection, limit + 1, after(cursor))
    return page(found, limit, lambda one: one.id)


async def take(
    call: Here,
    audience: Name,
    file_name: Annotated[str, Query(min_length=1, max_length=200, examples=["danh-sach.xlsx"])],
    province: Annotated[str, Query(max_length=80)] = "",
) -> Taken:
    """Send a roster (XLSX or CSV) as the body; nothing is imported before that is asked for."""
    id_ = await _desk(call).take(call.connection, call.sent, file_name, audience, province, call.by)
    found = await _upload(call, id_)
    return Taken(upload=found, seen=Seen.model_validate(await _desk(call).look(found, {})))


async def _upload(call: Call, id_: UUID) -> Upload:
    found = await uploads.find(call.connection, id_)
    if found is None:
        raise MissingError("There is no such roster of your organisation, or it has expired.")
    return found


async def upload(call: Here, upload: UUID) -> Upload:
    """How far a roster is, and the accounts of its import."""
    return await _upload(call, upload)


async def begin(call: Here, upload: UUID, given: Mapping) -> Upload:
    """Import a roster that waits; ask for it again to see how far it is."""
    found = await _upload(call, upload)
    await _desk(call).begin(call.connection, found, given.mapping)
    organisation = call.token.user.organisation_id
    call.afterwards.append(lambda: _desk(call).launch(found, given.mapping, organisation))
    return await _upload(call, upload)


async def suppress(call: Here, given: Numbers) -> Suppressed:
    """Leave these numbers alone from now on, messages that already wait included."""
    total, new = await correspondence.leave_alone(
        call.connection, call.runtime.keyring, given.numbers, given.reason, "api", call.by
    )
    return Suppressed(given=total, new=new)


async def left(call: Here, limit: Limit = 50, cursor: Place = None) -> Page[Left]:
    """Whom we leave alone, the last added first, numbers masked."""
    found = await suppressions.newest(call.connection, limit + 1, _spot(cursor))
    shown = page(found, limit, lambda one: f"{(one.added_at - EPOCH) // MICROSECOND}-{one.msisdn_hash.hex()}")
    keyring = call.runtime.keyring
    told = [Left(**{**correspondence.listed(one, keyring), "scope": one.scope}) for one in shown.items]
    return Page(items=told, next=shown.next)


def _spot(cursor: str | None) -> tuple[datetime | None, bytes]:
    at, _, person = (cursor or "").partition("-")
    return (EPOCH + int(at) * MICROSECOND, bytes.fromhex(person)) if cursor else (None, b"")


async def inbox(
    call: Here,
    limit: Limit = 50,
    cursor: Cursor = None,
    refusal: Annotated[bool | None, Query(description="Only refusals, or only the others.")] = None,
) -> Page[Inbound]:
    """Texts from people, newest first, numbers masked."""
    rows = await inbound.newest(call.connection, limit=limit + 1, person=None, refusal=refusal, before=after(cursor))
    told = await correspondence.several(call.connection, call.runtime.keyring, rows)
    return page([Inbound.model_validate(one) for one in told], limit, lambda one: one.id)


async def forward(call: Here, text: RowId, given: Forward) -> Inbound:
    """Pass a text on: answers it with the whole number, which is recorded."""
    keyring = call.runtime.keyring
    await found_text(call, text)
    told = await correspondence.forward(call.connection, keyring, text, given.to, call.by, given.reason)
    return Inbound.model_validate(told)


async def found_text(call: Call, text: int) -> None:
    """Raises `MissingError` where the inbox of this organisation has no such text."""
    try:
        await correspondence.one(call.connection, call.runtime.keyring, text)
    except CorrespondenceError:
        raise MissingError("There is no such text in the inbox.") from None


ENTRIES = (
    Entry("GET", "/audiences", Action.SEE_AUDIENCES, listing),
    Entry("POST", "/uploads", Action.IMPORT_AUDIENCE, take, status=201, largest=LARGEST, file=True),
    Entry("GET", "/uploads/{upload}", Action.IMPORT_AUDIENCE, upload),
    Entry("POST", "/uploads/{upload}/import", Action.IMPORT_AUDIENCE, begin, status=202),
    Entry("GET", "/suppressions", Action.SEE_SUPPRESSIONS, left),
    Entry("POST", "/suppressions", Action.SUPPRESS, suppress),
    Entry("GET", "/inbox", Action.READ_INBOX, inbox),
    Entry("POST", "/inbox/{text}/forward", Action.FORWARD, forward),
)
