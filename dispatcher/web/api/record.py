"""The log, the trail and the token itself, for programs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel

from dispatcher import searching
from dispatcher.searching import SearchError
from dispatcher.store import audit
from dispatcher.store.audit import Deed
from dispatcher.web.api.campaigns import Because
from dispatcher.web.api.gate import Entry, Here, may
from dispatcher.web.api.pages import Cursor, Limit, Page, after, page
from dispatcher.web.door import MissingError
from dispatcher.web.rights import Action

Word = Annotated[str, Query(max_length=100)]


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
    Entry("POST", "/messages/{message}/reveal", Action.REVEAL, reveal),
    Entry("GET", "/trail", Action.SEE_TRAIL, trail),
)
