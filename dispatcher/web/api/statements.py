"""Requests for statements of one number, for programs: entered and looked at. Releasing one is left to people."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from dispatcher import statement
from dispatcher.accounts import FIRST
from dispatcher.statement import StatementError
from dispatcher.store import statements as stored
from dispatcher.web.api.gate import Call, Entry, Here
from dispatcher.web.api.pages import Page
from dispatcher.web.api.people import RowId
from dispatcher.web.door import MissingError
from dispatcher.web.rights import Action
from dispatcher.web.statements import ONLY_THE_FIRST

Written = Annotated[str, Field(min_length=1, max_length=500)]


class New(BaseModel):
    """What the authority's letter says; the days are those of Viet Nam, the last one included."""

    number: Annotated[str, Field(min_length=1, max_length=40)]
    starts: date
    ends: date
    authority: Written
    document: Written
    document_date: date
    basis: Written


class Request(BaseModel):
    """A request; its number is kept as a keyed hash alone. `released_at` is null while nobody has released it."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    starts: date
    ends: date
    authority: str
    document: str
    document_date: date
    basis: str
    asked_by: str
    asked_at: datetime
    released_by: str | None
    released_at: datetime | None


async def listing(call: Here) -> Page[Request]:
    """Requests for statements, the newest first."""
    return Page(items=await _all(call), next=None)


async def _all(call: Call) -> list[Request]:
    return [Request.model_validate(one) for one in await stored.listing(call.connection)]


async def ask(call: Here, given: New) -> Request:
    """Enter what an authority's letter asks about a number; another person releases it, on the pages."""
    if call.token.user.organisation != FIRST:
        raise StatementError(ONLY_THE_FIRST)
    asked = statement.Asked(**given.model_dump())
    return await show(call, await statement.ask(call.connection, call.runtime.keyring, asked, call.by))


async def show(call: Here, statement: RowId) -> Request:
    """A request for a statement, and whether it was released."""
    found = next((one for one in await _all(call) if one.id == statement), None)
    if found is None:
        raise MissingError("There is no such request of your organisation.")
    return found


ENTRIES = (
    Entry("GET", "/statements", Action.SEE_STATEMENTS, listing),
    Entry("POST", "/statements", Action.ASK_STATEMENT, ask, status=201),
    Entry("GET", "/statements/{statement}", Action.SEE_STATEMENTS, show),
)
