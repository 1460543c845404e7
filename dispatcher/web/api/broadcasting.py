"""Articles to the followers of an account, for programs: written, looked at, approved, taken back, told of with figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from campaigns import broadcast as definition
from campaigns.broadcast import Broadcast
from campaigns.problems import DefinitionError
from dispatcher import broadcasts
from dispatcher.accounts import FIRST
from dispatcher.broadcasts import BroadcastError
from dispatcher.lifecycle import BroadcastStatus
from dispatcher.runtime import Route
from dispatcher.store import broadcasts as stored_broadcasts
from dispatcher.store import installation
from dispatcher.store.broadcasts import Called, StoredBroadcast
from dispatcher.web.api.campaigns import LONGEST_REASON, Because, Definition
from dispatcher.web.api.gate import Call, Entry, Here
from dispatcher.web.api.pages import Page
from dispatcher.web.api.problems import Mistake, ProblemError
from dispatcher.web.door import MissingError
from dispatcher.web.rights import Action
from providers.zalo.articles import Standing

NAME = "definition"
MOST = 2_000_000_000
Slug = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,59}$", examples=["ma-tuy-thang-6"])]
Figure = Annotated[int | None, Field(ge=0, le=MOST)]


class Figures(BaseModel):
    """What the account's console says of all who got it; Zalo tells of nobody alone."""

    reached: Figure = None
    opened: Figure = None
    source: Annotated[str, Field(min_length=1, max_length=LONGEST_REASON, description="Where it was read, and when.")]


class Result(Figures):
    model_config = ConfigDict(from_attributes=True)

    entered_by: str
    entered_at: datetime


class Line(BaseModel):
    """An article in a list. `waits` says why one that was approved has not left; `result` are the newest figures."""

    slug: str
    title: str
    route: str
    author: str
    added_at: datetime
    status: BroadcastStatus
    approved_by: str | None
    approved_at: datetime | None
    waits: str | None
    opens_at: datetime
    closes_at: datetime
    article_id: str | None
    message_id: str | None
    followers: int | None
    sent_at: datetime | None
    result: Result | None


class Article(Line):
    """An article with its definition, and what its account was asked and answered, secrets blanked."""

    definition: dict[str, Any]
    calls: list[Called]


class Seen(BaseModel):
    """What an approver is shown. `refusals` rule it out, `findings` do unless they are accepted with a reason."""

    broadcast: dict[str, Any]
    hash: str
    account: Standing | None
    refusals: list[str]
    findings: list[str]
    notes: list[str]


class Approving(BaseModel):
    seen: Annotated[str, Field(min_length=8, max_length=64, description="`hash` of the review that was looked at.")]
    accept: Annotated[str, Field(max_length=LONGEST_REASON, description="Why findings are accepted.")] = ""


async def _found(call: Call, slug: str) -> StoredBroadcast:
    found = await stored_broadcasts.find(call.connection, slug)
    if found is None:
        raise MissingError(f"There is no article {slug} of your organisation.")
    return found


def _route(call: Call, name: str) -> Route:
    route = call.runtime.routes.get(name)
    if route is None:
        raise BroadcastError(f"Không có đường gửi {name} trong cấu hình; bài không gửi được.")
    return route


async def _told(call: Call, chosen: Sequence[StoredBroadcast]) -> list[dict[str, Any]]:
    results = await stored_broadcasts.newest_results(call.connection, [stored.id for stored in chosen])
    now = await installation.now(call.connection)
    return [
        {
            **asdict(stored),
            "title": Broadcast.model_validate(stored.definition).title,
            "waits": broadcasts.waits(stored, now),
            "result": Result.model_validate(results[stored.id]) if stored.id in results else None,
        }
        for stored in chosen
    ]


async def listing(call: Here) -> Page[Line]:
    """Articles to followers, those that open last first."""
    found = await stored_broadcasts.listing(call.connection)
    return Page(items=[Line(**told) for told in await _told(call, found)], next=None)


async def show(call: Here, broadcast: Slug) -> Article:
    """An article with its definition, how far it is, and what was called for it."""
    stored = await _found(call, broadcast)
    calls = await stored_broadcasts.calls(call.connection, stored.id)
    (told,) = await _told(call, [stored])
    return Article(**told, calls=calls)


async def add(call: Here, given: Definition) -> Article:
    """Store a definition as a draft, or as a draft's newer form; only for programs of the first organisation."""
    if call.token.user.organisation != FIRST:
        raise ProblemError(403, "The accounts are the first organisation's; only its programs write articles.")
    read = _read(given.definition)
    broadcasts.account(_route(call, read.route))
    await broadcasts.add(call.connection, read, call.by)
    return await show(call, read.slug)


def _read(text: str) -> Broadcast:
    try:
        return definition.parse(text, NAME)
    except DefinitionError as error:
        mistakes = [Mistake(where=NAME, problem=str(one)) for one in error.problems]
        raise ProblemError(422, "The definition cannot be used.", mistakes) from None


async def review(call: Here, broadcast: Slug) -> Seen:
    """What an approver is shown; the account is asked how it stands. Its hash covers all that would be done."""
    stored = await _found(call, broadcast)
    seen = await broadcasts.review(call.connection, broadcast, _route(call, stored.route))
    return Seen(
        broadcast=seen.broadcast.model_dump(mode="json"),
        hash=seen.hash,
        account=seen.standing,
        refusals=list(seen.refusals),
        findings=list(seen.findings),
        notes=list(seen.notes),
    )


async def approve(call: Here, broadcast: Slug, given: Approving) -> Article:
    """Approve what the review with that hash showed; it leaves in its hours, once. Needs a code of the second factor."""
    stored = await _found(call, broadcast)
    route = _route(call, stored.route)
    asked = await broadcasts.ask(route)  # before the row is locked: the account may take its time
    await broadcasts.approve(
        call.connection, broadcast, call.by, route, accept=given.accept, seen=given.seen, asked=asked
    )
    return await show(call, broadcast)


async def withdraw(call: Here, broadcast: Slug, given: Because) -> Article:
    """Make it a draft again, before anything of it was sent. Needs a code of the second factor."""
    await _found(call, broadcast)
    await broadcasts.withdraw(call.connection, broadcast, call.by, given.reason)
    return await show(call, broadcast)


async def cancel(call: Here, broadcast: Slug, given: Because) -> Article:
    """It will not be sent."""
    await _found(call, broadcast)
    await broadcasts.cancel(call.connection, broadcast, call.by, given.reason)
    return await show(call, broadcast)


async def resume(call: Here, broadcast: Slug, given: Because) -> Article:
    """What held it has been mended."""
    await _found(call, broadcast)
    await broadcasts.resume(call.connection, broadcast, call.by, given.reason)
    return await show(call, broadcast)


async def result(call: Here, broadcast: Slug, given: Figures) -> Article:
    """Keep what the account's console says of one that was sent; the newest figures count."""
    await _found(call, broadcast)
    told = {"reached": given.reached, "opened": given.opened}
    await broadcasts.result(call.connection, broadcast, call.by, given.source, **told)
    return await show(call, broadcast)


ENTRIES = (
    Entry("GET", "/broadcasts", Action.SEE_CAMPAIGN, listing),
    Entry("POST", "/broadcasts", Action.WRITE_CAMPAIGN, add, status=201),
    Entry("GET", "/broadcasts/{broadcast}", Action.SEE_CAMPAIGN, show),
    Entry("GET", "/broadcasts/{broadcast}/review", Action.SEE_CAMPAIGN, review),
    Entry("POST", "/broadcasts/{broadcast}/approve", Action.APPROVE, approve),
    Entry("POST", "/broadcasts/{broadcast}/withdraw", Action.APPROVE, withdraw),
    Entry("POST", "/broadcasts/{broadcast}/cancel", Action.RUN, cancel),
    Entry("POST", "/broadcasts/{broadcast}/resume", Action.RUN, resume),
    Entry("POST", "/broadcasts/{broadcast}/result", Action.RUN, result),
)
