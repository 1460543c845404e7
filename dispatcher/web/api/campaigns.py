"""Campaigns for programs: write, look, approve, let go, stop; the texts bench and the calendar beside them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field

from campaigns import bench
from campaigns.bench import Question, Report
from campaigns.calendar import VIETNAM
from campaigns.campaign import MessageClass
from campaigns.lints import Setting
from dispatcher import approval, control, drafting, outlook
from dispatcher.control import ControlError, Stopped, View
from dispatcher.drafting import Judged, Row
from dispatcher.lifecycle import Act, CampaignStatus
from dispatcher.preflight import freight, lacking
from dispatcher.review import Office, chosen, fields, office, outlook_fields, review
from dispatcher.settings import load_calendar
from dispatcher.store import campaigns
from dispatcher.store.campaigns import StoredCampaign
from dispatcher.web.api.gate import Call, Entry, Here
from dispatcher.web.api.pages import Cursor, Limit, Page, after, page
from dispatcher.web.api.problems import Mistake, ProblemError
from dispatcher.web.door import MissingError
from dispatcher.web.rights import Action

NAME = "definition"
LONGEST_TEXT, LONGEST_DEFINITION, LONGEST_REASON = 4000, 200_000, 500

Edition = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,79}$", examples=["ma-tuy-2027"])]
Reason = Annotated[str, Field(min_length=1, max_length=LONGEST_REASON)]
WaveSlug = Annotated[str | None, Query(max_length=80, description="Only this wave; the others go on.")]


class Line(BaseModel):
    """A campaign in a list."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    edition: str
    title: str
    status: CampaignStatus
    author: str
    added_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    void: str | None = Field(description="Why the approval no longer holds.")


class Campaign(Line):
    """A campaign with its definition."""

    definition: dict[str, Any]


class Definition(BaseModel):
    """A campaign's definition file."""

    definition: Annotated[str, Field(min_length=1, max_length=LONGEST_DEFINITION, description="TOML, as in a file.")]


class Text(BaseModel):
    text: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
    message_class: MessageClass = MessageClass.PUBLIC_INFORMATION
    year: Annotated[int | None, Field(ge=2020, le=2099)] = None


class Added(BaseModel):
    edition: str
    replaced: bool
    refusals: list[str] = Field(description="What bars approval.")
    warnings: list[str]


class Judgement(BaseModel):
    """What there is to say of a definition."""

    edition: str | None = Field(description="None while there are problems.")
    problems: list[str]
    refusals: list[str] = Field(description="What bars approval.")
    warnings: list[str]


class Approving(BaseModel):
    seen: Annotated[str, Field(min_length=8, max_length=64, description="`hash` of the review that was looked at.")]
    accept: Annotated[str, Field(max_length=LONGEST_REASON, description="Why findings are accepted.")] = ""
    alert: Annotated[str, Field(max_length=LONGEST_REASON, description="Why the short way is gone.")] = ""


class Given(BaseModel):
    """An approval."""

    edition: str
    hash: str
    path: str
    findings: list[str]


class CalendarYear(BaseModel):
    year: int
    occasions: list[Row]
    silent_months: list[int]


class Because(BaseModel):
    reason: Reason


class Decision(Because):
    decision: Literal["resend", "close"]


class Decided(BaseModel):
    messages: int


async def found(call: Call, edition: str) -> StoredCampaign:
    try:
        return await control.find(call.connection, edition)
    except ControlError:
        raise MissingError(f"There is no campaign {edition} of your organisation.") from None


async def listing(call: Here, limit: Limit = 50, cursor: Cursor = None) -> Page[Line]:
    """The campaigns, newest first."""
    stored = await campaigns.newest(call.connection, limit + 1, after(cursor))
    return page([Line.model_validate(one) for one in stored], limit, lambda one: one.id)


async def show(call: Here, edition: Edition) -> Campaign:
    """A campaign with its definition."""
    return Campaign.model_validate(await found(call, edition), from_attributes=True)


async def add(call: Here, given: Definition) -> Added:
    """Store a definition as a draft, or as a draft's newer form."""
    judged = _judged(call, given)
    if judged.campaign is None:
        mistakes = [Mistake(where=NAME, problem=str(one)) for one in judged.problems]
        raise ProblemError(422, "The definition cannot be used.", mistakes)
    replaced = await control.add(call.connection, judged.campaign, call.by, given.definition)
    return Added(
        edition=judged.campaign.edition,
        replaced=replaced,
        refusals=list(judged.refusals),
        warnings=list(judged.warnings),
    )


async def check(call: Here, given: Definition) -> Judgement:
    """Say what is wrong with a definition, and store nothing."""
    judged = _judged(call, given)
    return Judgement(
        edition=judged.campaign.edition if judged.campaign else None,
        problems=list(map(str, judged.problems)),
        refusals=list(judged.refusals),
        warnings=list(judged.warnings),
    )


def _judged(call: Call, given: Definition) -> Judged:
    calendar = load_calendar(call.runtime.settings.occasions)
    return drafting.judge(given.definition, NAME, calendar, tuple(one.sender for one in _office(call).routes))


def _office(call: Call) -> Office:
    return office(call.runtime.settings)


async def figures(call: Here, edition: Edition) -> View:
    """How far a campaign is: counts by status, its waves, and why they wait."""
    await found(call, edition)
    refusal = (await call.runtime.guard.find(call.runtime.pool)).refusal
    return await control.view(call.connection, edition, refusal)


async def look(call: Here, edition: Edition) -> dict[str, Any]:
    """What an approver is shown: samples, people, segments, price, forecast, findings, and the hash that covers it."""
    await found(call, edition)
    return fields(await review(call.connection, edition, _office(call)))


async def forecast(call: Here, edition: Edition) -> dict[str, Any]:
    """When each wave will be finished on each route."""
    stored = await found(call, edition)
    waves = await chosen(call.connection, stored)
    return outlook_fields(await outlook.look(call.connection, stored, waves, _office(call).routes))


async def approve(call: Here, edition: Edition, given: Approving) -> Given:
    """Approve what the review with that hash showed. Needs a code of the person's second factor: `Dispatcher-Code`."""
    await found(call, edition)
    terms = _office(call)
    lacks = await lacking(call.runtime.routes.values(), await freight(call.connection, edition, terms))
    done = await approval.approve(call.connection, edition, call.by, terms, **given.model_dump(), lacking=lacks)
    return Given(edition=edition, hash=done.hash, path=done.path, findings=list(done.findings))


async def propose(call: Here, edition: Edition) -> Line:
    """Put a draft up for approval, once nothing bars it; whoever changes it takes that back."""
    await found(call, edition)
    await approval.propose(call.connection, edition, call.by, _office(call))
    return Line.model_validate(await found(call, edition))


async def confirm(call: Here, edition: Edition) -> Line:
    """Stand for an alert that was approved the short way. Needs a code of the second factor."""
    await found(call, edition)
    await approval.confirm(call.connection, edition, call.by, _office(call))
    return Line.model_validate(await found(call, edition))


async def withdraw(call: Here, edition: Edition, given: Because) -> Line:
    """Take an approval back. Needs a code of the second factor."""
    await found(call, edition)
    await approval.withdraw(call.connection, edition, call.by, given.reason)
    return Line.model_validate(await found(call, edition))


async def start(call: Here, edition: Edition) -> Line:
    """Let an approved campaign go."""
    await found(call, edition)
    await control.start(call.connection, edition, call.by, _office(call).routes)
    return Line.model_validate(await found(call, edition))


async def pause(call: Here, edition: Edition, wave: WaveSlug = None) -> Stopped:
    """Stop for now; the answer says how many messages were out, in flight and saved."""
    await found(call, edition)
    if wave:
        return await control.hold_wave(call.connection, edition, wave, call.by)
    return await control.stop(call.connection, edition, call.by, Act.PAUSE)


async def resume(call: Here, edition: Edition, wave: WaveSlug = None) -> Line:
    """Go on."""
    await found(call, edition)
    if wave:
        await control.release_wave(call.connection, edition, wave, call.by)
    else:
        await control.resume(call.connection, edition, call.by)
    return Line.model_validate(await found(call, edition))


async def cancel(call: Here, edition: Edition, wave: WaveSlug = None) -> Stopped:
    """Stop for good: what is saved is never sent."""
    await found(call, edition)
    if wave:
        return await control.cancel_wave(call.connection, edition, wave, call.by)
    return await control.stop(call.connection, edition, call.by, Act.CANCEL)


async def decide(call: Here, edition: Edition, given: Decision) -> Decided:
    """What becomes of messages of which nobody knows whether they arrived: sent again, or left."""
    await found(call, edition)
    resend = given.decision == "resend"
    count = await control.settle_uncertain(call.connection, edition, call.by, given.reason, resend=resend)
    return Decided(messages=count)


async def check_text(given: Text) -> dict[str, Any]:
    """A text on the bench: encoding, segments, characters that cost, both forms, price."""
    this_year = datetime.now(VIETNAM).year
    facts = bench.facts(given.year or this_year, {})
    setting = Setting(given.year, (), given.message_class, facts, {})
    report: Report = bench.examine(Question(text=given.text, setting=setting, this_year=this_year))
    return {**asdict(report), "usable": report.usable}


async def calendar(call: Here, year: Annotated[int, Query(ge=2020, le=2099)]) -> CalendarYear:
    """A year's occasions, the campaigns prepared for them, and the months in which nothing is sent."""
    found = await drafting.year_of(call.connection, load_calendar(call.runtime.settings.occasions), year)
    return CalendarYear(year=year, occasions=list(found.rows), silent_months=list(found.silent_months))


ENTRIES = (
    Entry("GET", "/campaigns", Action.SEE_CAMPAIGN, listing),
    Entry("POST", "/campaigns", Action.WRITE_CAMPAIGN, add, status=201),
    Entry("POST", "/definitions/check", Action.WRITE_CAMPAIGN, check),
    Entry("GET", "/campaigns/{edition}", Action.SEE_CAMPAIGN, show),
    Entry("GET", "/campaigns/{edition}/figures", Action.SEE_FIGURES, figures),
    Entry("GET", "/campaigns/{edition}/review", Action.SEE_CAMPAIGN, look),
    Entry("GET", "/campaigns/{edition}/forecast", Action.SEE_CAMPAIGN, forecast),
    Entry("POST", "/campaigns/{edition}/propose", Action.WRITE_CAMPAIGN, propose),
    Entry("POST", "/campaigns/{edition}/approve", Action.APPROVE, approve),
    Entry("POST", "/campaigns/{edition}/confirm", Action.APPROVE, confirm),
    Entry("POST", "/campaigns/{edition}/withdraw", Action.APPROVE, withdraw),
    Entry("POST", "/campaigns/{edition}/start", Action.RUN, start),
    Entry("POST", "/campaigns/{edition}/resume", Action.RUN, resume),
    Entry("POST", "/campaigns/{edition}/pause", Action.STOP, pause),
    Entry("POST", "/campaigns/{edition}/cancel", Action.RUN, cancel),
    Entry("POST", "/campaigns/{edition}/uncertain", Action.DECIDE_DOUBTS, decide),
    Entry("POST", "/texts/check", Action.TRY_TEXT, check_text),
    Entry("GET", "/calendar", Action.SEE_CAMPAIGN, calendar),
)
