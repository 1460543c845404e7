"""The log, the trail and the token itself, for programs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query as Asked
from pydantic import AwareDatetime, BaseModel, Field

from dispatcher import searching
from dispatcher.lifecycle import Status
from dispatcher.searching import Query, SearchError
from dispatcher.store import audit
from dispatcher.store.audit import Deed
from dispatcher.store.log import Told
from dispatcher.web.api.campaigns import Because
from dispatcher.web.api.gate import Entry, Here, may
from dispatcher.web.api.pages import Cursor, Limit, Page, after, page
from dispatcher.web.door import MissingError
from dispatcher.web.rights import Action

Word = Annotated[str, Asked(max_length=100)]
Term = Annotated[str | None, Field(max_length=100)]
# Nobody asks about other years, and the first and the last there are have no day in Viet Nam.
Moment = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(2200, 1, 1, tzinfo=UTC))]


class Wanted(BaseModel):
    """What is looked for; what is not given is not asked about."""

    number: Term = None
    campaign: Term = None
    wave: Term = None
    statuses: Annotated[list[Status], Field(max_length=20)] = []
    route: Term = None
    place: Annotated[Term, Field(description="A commune or a province, as code or name.")] = None
    error: Annotated[Term, Field(description="A carrier's code.")] = None
    reference: Term = None
    approver: Term = None
    since: Moment | None = None
    until: Moment | None = None

    def query(self, limit: int) -> Query:
        return Query(**self.model_dump(include=TERMS), statuses=tuple(self.statuses), limit=limit)


TERMS = set(Wanted.model_fields) - {"statuses"}


class Looked(Wanted):
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str | None, Field(max_length=200)] = None


class Counted(BaseModel):
    """`n` is null where nobody has counted that; `at` where it is of this moment."""

    n: int | None
    at: datetime | None


class Story(BaseModel):
    """A message, where it comes from, and everything that happened to it; exchanges with secrets blanked."""

    message: dict[str, Any]
    origin: dict[str, Any]
    happened: list[Told]


class Me(BaseModel):
    """Whose token this is, and what it opens."""

    login: str
    name: str
    organisation: str
    token: str
    expires_at: datetime
    actions: list[str]


class Revealed(BaseModel):
    msisdn: str | None


async def me(call: Here) -> Me:
    """Whose token this is, and what it opens now."""
    user = call.token.user
    return Me(
        login=user.login,
        name=user.name,
        organisation=user.organisation,
        token=call.token.name,
        expires_at=call.token.expires_at,
        actions=[action for action in call.token.actions if may(call.token, Action(action))],
    )


async def search(call: Here, asked: Looked) -> Page[dict[str, Any]]:
    """Messages, newest wave first, numbers masked. A page may be short; as long as there is a `next`, there may be more."""
    query = asked.query(asked.limit)
    found = await searching.page(call.connection, call.runtime.keyring, query, after=asked.cursor, by=call.by)
    told = {"filters": searching.filters(query), "messages": len(found.messages)}
    await audit.record(call.connection, call.by, "log.search", asked.campaign or "search", **told)
    return Page(items=found.messages, next=found.after)


async def count(call: Here, asked: Wanted) -> Counted:
    """How many messages there are, from what is kept."""
    found = await searching.count(call.connection, call.runtime.keyring, asked.query(1))
    return Counted(n=found.n, at=found.at) if found else Counted(n=None, at=None)


async def story(call: Here, message: UUID) -> Story:
    """The whole story of a message."""
    found = await searching.story(call.connection, call.runtime.keyring, message)
    if found is None:
        raise MissingError("There is no such message of your organisation.")
    row, told, happened = found
    return Story(message=told, origin=await searching.origin(call.connection, row), happened=happened)


async def reveal(call: Here, message: UUID, given: Because) -> Revealed:
    """The whole number of a message; recorded with the reason. Null where the person was erased."""
    try:
        number = await searching.reveal(call.connection, call.runtime.keyring, message, given.reason, call.by)
    except SearchError:
        raise MissingError("There is no such message of your organisation.") from None
    return Revealed(msisdn=number)


async def trail(
    call: Here, limit: Limit = 50, cursor: Cursor = None, who: Word = "", act: Word = "", subject: Word = ""
) -> Page[Deed]:
    """What people did, newest first; `act` is how acts begin."""
    deeds = await audit.deeds(call.connection, limit=limit + 1, who=who, act=act, subject=subject, before=after(cursor))
    return page(deeds, limit, lambda one: one.id)


ENTRIES = (
    Entry("GET", "/me", Action.INSIDE, me),
    Entry("POST", "/messages/search", Action.SEARCH_LOG, search, reads=True),
    Entry("POST", "/messages/count", Action.SEARCH_LOG, count, reads=True),
    Entry("GET", "/messages/{message}", Action.SEARCH_LOG, story),
    Entry("POST", "/messages/{message}/reveal", Action.REVEAL, reveal),
    Entry("GET", "/trail", Action.SEE_TRAIL, trail),
)
