"""A campaign and its parts, as everything else sees them: checked, frozen, with real dates."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from campaigns.template import Form, Placeholder


class MessageClass(StrEnum):
    """What a message is in law (Decree 91/2020/ND-CP Art. 3): only advertising is bound by label, consent and caps."""

    PUBLIC_INFORMATION = "public_information"
    ADVERTISING = "advertising"
    INTERNAL_NOTICE = "internal_notice"
    CUSTOMER_CARE = "customer_care"


class Priority(StrEnum):
    """Who goes first on a route that several waves share, the first first. Nobody waits for ever."""

    ALERT = "alert"
    NORMAL = "normal"
    BULK = "bulk"


class Channel(StrEnum):
    """By what a wave reaches people. `zalo_then_sms`: by SMS whoever Zalo refuses or has not reached after a while.

    `zalo` are templates; `oa` is the text itself, as a message of the Official Account to people who follow it.
    """

    SMS = "sms"
    ZALO = "zalo"
    ZALO_THEN_SMS = "zalo_then_sms"
    OA = "oa"


# What is sent there is a template that is filled in, and not the text.
BY_TEMPLATE = frozenset({Channel.ZALO, Channel.ZALO_THEN_SMS})


class ContentKind(StrEnum):
    """What a text is about; reports count by it."""

    POLICY = "policy"
    HARM = "harm"
    TRICKS = "tricks"
    PREVENTION = "prevention"
    COMMENDATION = "commendation"
    CORRECTION = "correction"


class ConsentMethod(StrEnum):
    """The ways in which a person may have agreed to advertising (Decree 91/2020/ND-CP Art. 11(2))."""

    REGISTRATION_REPLY = "registration_reply"
    FORM = "form"
    CALL = "call"
    SOFTWARE = "software"


class Part(BaseModel):
    """Frozen, and nothing that was not asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LegalBasis(Part):
    """A document that a campaign rests on. It counts from `valid_from` to `valid_to`, both included, None = open."""

    kind: str
    number: str
    date: datetime.date
    issuer: str
    subject: str
    valid_from: datetime.date | None = None
    valid_to: datetime.date | None = None

    def in_force(self, day: datetime.date) -> bool:
        """Whether the document applies on a day."""
        return (self.valid_from or self.date) <= day and (self.valid_to is None or day <= self.valid_to)


class Document(Part):
    """A document that asks for a campaign, such as the yearly dispatch of a ministry."""

    kind: str
    number: str
    date: datetime.date
    issuer: str
    subject: str


class Appraisal(Part):
    """The licence of appraised material; `sha256` is that of the file that was appraised."""

    number: str
    date: datetime.date
    issuer: str
    sha256: str | None = None


class Policy(Part):
    """Where a campaign leaves the usual hours or frequency, and why; `agreement` is what its recipients agreed to."""

    reason: str
    hours: tuple[datetime.time, datetime.time] | None = None
    most_messages: int | None = None
    within_hours: int | None = None
    agreement: str | None = None


class Advertising(Part):
    """What the law asks of advertising only: how people agreed, and how they refuse, by message and by call."""

    consent_method: ConsentMethod
    consent_evidence: str
    stop_word: str
    stop_number: str
    stop_call: str


class Period(Part):
    """The days of a campaign, both included."""

    start: datetime.date
    end: datetime.date


class ZaloText(Part):
    """What stands for a text on Zalo: a template that Zalo has approved, and what goes into it, placeholders not yet filled in."""

    template: str
    parameters: Mapping[str, str] = {}


class Text(Part):
    """One text in both forms, in NFC, placeholders not yet filled in.

    `languages` has the text in other languages (BCP 47), each written in one form; `aloud` is for loudspeakers and for
    people who read it to others. `zalo` is None where it is sent by SMS only.
    """

    accented: str
    unaccented: str
    content_kind: str | None = None
    languages: Mapping[str, str] = {}
    aloud: str | None = None
    zalo: ZaloText | None = None

    def form(self, form: Form) -> str:
        """The text as written in one form."""
        return self.accented if form is Form.ACCENTED else self.unaccented


class Wave(Part):
    """One firing: from `date` to `until` (carry-over, both included), inside the daily `window`, Viet Nam time.

    `opens` is the hour of the first day where that is not the window's; `relay`: its recipients pass it on. `areas`, `zones`,
    `groups`, `ages` and `speakers` say who of the audience gets it, empty = not chosen by this: places as
    `campaigns.places.chosen` reads them, zones of the office, groups as `campaigns.groups` knows them, ages from and to,
    language codes. `order`: the networks whose operators send it to their own subscribers in `areas`, nobody else does.
    `wait_minutes`: how long a message on Zalo may be on its way before an SMS is thought of.
    """

    slug: str
    title: str
    date: datetime.date
    until: datetime.date
    window: tuple[datetime.time, datetime.time]
    text: str
    form: Form
    audience: str | None = None
    priority: Priority | None = None
    opens: datetime.time | None = None
    relay: bool = False
    order: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    ages: tuple[int, int] | None = None
    speakers: tuple[str, ...] = ()
    channel: Channel = Channel.SMS
    wait_minutes: int = 60


class Campaign(Part):
    """An awareness campaign of one year. `theme` is that of the year, None where none is known.

    `links` are the hosts beyond .gov.vn that its texts may name, `own_hotlines` the telephone numbers beyond the verified
    ones; each with the reason.
    """

    slug: str
    year: int
    title: str
    owner: str | None = None
    occasion: str
    message_class: MessageClass
    topics: tuple[str, ...] = ()
    programme: str | None = None
    co_owners: tuple[str, ...] = ()
    content_by: str | None = None
    budget: int | None = None
    legal_basis: tuple[LegalBasis, ...] = ()
    requests: tuple[Document, ...] = ()
    appraisal: Appraisal | None = None
    policy: Policy | None = None
    advertising: Advertising | None = None
    period: Period
    theme: str | None = None
    hotline: str | None = None
    audience: str | None = None
    priority: Priority = Priority.NORMAL
    links: Mapping[str, str] = {}
    own_hotlines: Mapping[str, str] = {}
    texts: Mapping[str, Text]
    waves: tuple[Wave, ...]

    @property
    def edition(self) -> str:
        """The name of this year's campaign: `drug_prevention_june-2026`."""
        return f"{self.slug}-{self.year}"

    def wave(self, slug: str) -> Wave:
        """A wave by its slug. Raises KeyError."""
        return {wave.slug: wave for wave in self.waves}[slug]

    def facts(self) -> dict[Placeholder, str | None]:
        """What the placeholders stand for that are the same for every recipient."""
        return {
            Placeholder.YEAR: str(self.year),
            Placeholder.THEME: self.theme,
            Placeholder.HOTLINE: self.hotline,
            Placeholder.OWNER: self.owner,
        }


def canonical(campaign: Campaign) -> str:
    """The campaign as one JSON text that depends on its content alone: what an approval is bound to."""
    return json.dumps(campaign.model_dump(mode="json"), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
