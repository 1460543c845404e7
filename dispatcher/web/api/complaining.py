"""The complaint desk for programs: taken with their proof, listed, told with what was sent, answered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, Field

from dispatcher import complaints, correspondence
from dispatcher.complaints import CameBy, ComplaintError, Given
from dispatcher.store import complaints as stored
from dispatcher.store.suppressions import Refused, Scope
from dispatcher.web.api.gate import Call, Entry, Here
from dispatcher.web.api.pages import Cursor, Limit, Page, after, page
from dispatcher.web.api.people import RowId, found_text
from dispatcher.web.door import MissingError
from dispatcher.web.rights import Action

LONGEST_SAID, MOST_TOPICS = 4000, 20
Said = Annotated[str, Field(min_length=1, max_length=LONGEST_SAID)]


class Refusing(BaseModel):
    """What a person wants no more of; topics are named where the scope is theirs."""

    scope: Scope
    topics: Annotated[list[Annotated[str, Field(min_length=1, max_length=100)]], Field(max_length=MOST_TOPICS)] = []


class OfText(BaseModel):
    """What the sender of a text refuses with it."""

    refused: Refusing | None = None


class New(OfText):
    """A complaint as it came in; `document` is what proves it: a letter's number, a call's time."""

    number: Annotated[str, Field(min_length=1, max_length=40)]
    came_by: CameBy
    document: Annotated[str, Field(min_length=1, max_length=500)]
    said: Said


class Answer(BaseModel):
    answer: Said


class Line(BaseModel):
    """A complaint in a list."""

    id: int
    received_at: datetime
    msisdn: str
    came_by: CameBy
    document: str
    said: str
    taken_by: str
    status: Literal["open", "answered"]
    answer: str | None
    answered_by: str | None
    answered_at: datetime | None


class Refusal(Refusing):
    """What the suppression list says of a person."""

    reason: str
    source: str
    proof: str
    added_by: str
    added_at: datetime


class Past(Refusal):
    until: datetime


class Complaint(Line):
    """A complaint with the messages to its person, and what they refuse."""

    messages: list[dict[str, Any]]
    refuses: Refusal | None
    refused_before: list[Past]
    confirmation: str | None


def _refused(given: OfText) -> Refused | None:
    asked = given.refused
    if asked is None:
        return None
    if asked.scope is Scope.TOPICS and not asked.topics:
        raise ComplaintError("Cần ghi ít nhất một chủ đề bị từ chối.")
    return Refused(asked.scope, tuple(asked.topics) if asked.scope is Scope.TOPICS else ())


async def listing(
    call: Here,
    limit: Limit = 50,
    cursor: Cursor = None,
    only_open: Annotated[bool, Query(alias="open", description="Only those that nobody has answered.")] = False,
) -> Page[Line]:
    """Complaints, newest first, numbers masked."""
    found = await stored.listing(call.connection, only_open=only_open, limit=limit + 1, before=after(cursor))
    told = [Line(**complaints.listed(one, call.runtime.keyring)) for one in found]
    return page(told, limit, lambda one: one.id)


async def take(call: Here, given: New) -> Complaint:
    """Keep a complaint with its proof, and refuse at once what its person refuses."""
    number = correspondence.one_number(given.number)
    return await _taken(call, Given(number, given.came_by, given.document, given.said, call.by, _refused(given)))


async def take_text(call: Here, text: RowId, given: OfText) -> Complaint:
    """Keep a text as a complaint, and refuse at once what its sender refuses."""
    await found_text(call, text)
    keyring = call.runtime.keyring
    return await _taken(call, await complaints.of_text(call.connection, keyring, text, call.by, _refused(given)))


async def _taken(call: Call, given: Given) -> Complaint:
    everybody = call.runtime.settings.confirm_refusals == "all"
    id_ = await complaints.take(call.connection, call.runtime.keyring, given, confirm_all=everybody)
    return await show(call, id_)


async def show(call: Here, complaint: RowId) -> Complaint:
    """A complaint, all that its person was sent, and what the suppression list says of them; numbers masked."""
    try:
        return Complaint(**await complaints.told(call.connection, call.runtime.keyring, complaint))
    except ComplaintError:
        raise MissingError("There is no such complaint of your organisation.") from None


async def answer(call: Here, complaint: RowId, given: Answer) -> Complaint:
    """Write down what was answered, once; nothing is sent."""
    await show(call, complaint)
    await complaints.answer(call.connection, complaint, given.answer, call.by)
    return await show(call, complaint)


ENTRIES = (
    Entry("POST", "/inbox/{text}/complaint", Action.TAKE_COMPLAINT, take_text, status=201),
    Entry("GET", "/complaints", Action.SEE_COMPLAINTS, listing),
    Entry("POST", "/complaints", Action.TAKE_COMPLAINT, take, status=201),
    Entry("GET", "/complaints/{complaint}", Action.SEE_COMPLAINTS, show),
    Entry("POST", "/complaints/{complaint}/answer", Action.TAKE_COMPLAINT, answer),
)
