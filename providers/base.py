"""The contract between the dispatcher and a carrier: what is handed over, and what comes back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from providers.errors import NotSent

if TYPE_CHECKING:
    from providers.http import Http


class Encoding(StrEnum):
    """How the text goes over the air: it decides the price, so it is decided before the provider is called."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"


@dataclass(frozen=True, slots=True)
class Filled:
    """A template of the provider's and what to put in its places: parameter -> value."""

    template: str
    parameters: Mapping[str, str] = field(repr=False)


# Submission, Accepted and Receipt are tuples, because there is one for every message: a frozen dataclass takes five times as
# long to make.
class Submission(NamedTuple):
    """One message for one person.

    `message_id` is ours, 32 hexadecimal digits, the same on every try: where the provider deduplicates, it is the key.
    `msisdn` is E.164 digits without plus (`84912345678`), or a `user_address`. `callback_url` is where receipts should go, if
    anywhere. `filled` is what a provider of templates sends instead of the text.
    """

    message_id: str
    msisdn: str
    text: str
    encoding: Encoding
    segments: int
    callback_url: str | None = None
    filled: Filled | None = None


class Reason(StrEnum):
    """Why a carrier refused one message, normalised; the raw code stays beside it."""

    RECIPIENT = "recipient"  # this number cannot be texted
    OPT_OUT = "opt_out"  # this person refuses such messages: no other way is to be tried
    NETWORK = "network"  # not on this route's network, or the brandname is not open there
    CONTENT = "content"  # template mismatch, blocked word: every message of the wave would fare the same
    REQUEST = "request"  # the carrier does not understand what we sent: ours to mend
    DUPLICATE = "duplicate"  # our id was used before; after an uncertain try this means "already accepted"
    FEW = "few"  # the carrier takes no call with so few numbers: another route may
    OTHER = "other"  # a code that is not in the adapter's table


class Accepted(NamedTuple):
    """The carrier took the message; this is not delivery. `reference` is the carrier's id, None where it gives none.

    `parts`: where the carrier reports on each part of a long SMS by itself, its ids of all parts, `reference` the first.
    """

    reference: str | None
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """The carrier refused this message and will not send it. `code` is its raw code, `detail` its own words."""

    reason: Reason
    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Unclear:
    """Nobody can tell whether this message of a larger call was taken. `code` is whatever was answered."""

    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Unsent:
    """Provably not taken, though other messages of the call may have been: it may be tried again.

    `failure` is what would have been raised had it been the whole call, and means the same.
    """

    failure: NotSent


Verdict = Accepted | Refused | Unclear | Unsent


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call as it went over the wire: secrets blanked, numbers masked, text replaced by its length.

    `status` is the HTTP status (None when nothing was answered); `elapsed` is in seconds.
    """

    request: str
    response: str
    status: int | None
    started_at: datetime
    elapsed: float


@dataclass(frozen=True, slots=True)
class Submitted:
    """The answer to a call: one verdict per submission, in the same order and number.

    `exchange` is the call that decided, where it took several; None where nothing went over the wire.
    """

    verdicts: tuple[Verdict, ...]
    exchange: Exchange | None


class Outcome(StrEnum):
    """What a receipt says. `pending` moves nothing but is logged."""

    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    PENDING = "pending"


class Receipt(NamedTuple):
    """A provider's later word on a message. `message_id` (ours) or `reference` (theirs) is given, or `tag` and `msisdn`.

    `network` is the carrier that the provider says it used, in our names, None when unknown. `raw` has numbers masked.
    `part`: it speaks of one part of a long SMS, named by `reference`; delivered is the message when all its parts are.
    `msisdn` and `tag` (the `message_tag` of our id, None when not given back) are the second key: a message whose
    answer was lost has no reference yet. `at`: when the carrier says that it told us, with its zone.
    """

    outcome: Outcome
    message_id: str | None
    reference: str | None
    code: str = ""
    network: str | None = None
    raw: str = ""
    part: bool = False
    msisdn: str | None = None
    tag: int | None = None
    at: datetime | None = None

    def __repr__(self) -> str:
        """Without the number."""
        shown = zip(self._fields, self, strict=True)
        return f"Receipt({', '.join(f'{name}={value!r}' for name, value in shown if name != 'msisdn')})"


def message_tag(message_id: str) -> int:
    """16 bits of our id, for carriers that give back no more than a number."""
    return int(message_id[:4], 16)


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a long SMS: `group` is the same for all its parts, `number` counts from 1."""

    group: int
    total: int
    number: int


@dataclass(frozen=True, slots=True)
class Inbound:
    """A text from a person, or one part of it.

    `msisdn` is the person's number as in `Submission`, `to` our number or name as the carrier gave it. `reference` is
    the carrier's id of it, None where it gives none.
    """

    msisdn: str = field(repr=False)
    to: str
    text: str = field(repr=False)
    reference: str | None = None
    part: Part | None = None


@dataclass(frozen=True, slots=True)
class Follow:
    """Somebody, by `user_address`, began to follow our account, or ceased to; `at` is when."""

    address: str = field(repr=False)
    follows: bool
    at: datetime


# What a person is addressed by who is known to an account by an id instead of a number.
USER = "zalo:"


def user_address(user_id: str) -> str:
    """The address of a person by their id at the account."""
    return USER + user_id


Heard = Receipt | Inbound | Follow
# Returns when all of it is stored: only then is the carrier told so. Raises where it could not be.
Hear = Callable[[Sequence[Heard]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Callback:
    """An HTTP request that a provider made to us, already authenticated by its path token."""

    method: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Lookup:
    """A question about one message: did the carrier take it, and what became of it?

    `submitted_after` and `submitted_before` are aware: no try for this message left before the one or after the other.
    Keep them close, the carrier may have to list everything in between. `text` is what was submitted. `reference` is
    the carrier's id where one is known: then it alone is asked for. `others` are references that belong to other
    messages to this number: leave one out and it can be taken for this message.
    Raises ValueError for times that are naive or the wrong way round.
    """

    message_id: str
    msisdn: str
    text: str
    submitted_after: datetime
    submitted_before: datetime
    reference: str | None = None
    others: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.submitted_after.utcoffset() is None or self.submitted_before.utcoffset() is None:
            raise ValueError("submitted_after and submitted_before need a time zone")
        if self.submitted_before < self.submitted_after:
            raise ValueError("submitted_before is earlier than submitted_after")


class Finding(StrEnum):
    """What a status query tells of one message."""

    ACCEPTED = "accepted"  # the carrier has it, the end is open
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    ABSENT = "absent"  # the carrier never took it, as far as its own list can prove: it may be sent again
    UNKNOWN = "unknown"  # the answer proves nothing; never a reason to send again


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to a `Lookup`.

    `reference` is the carrier's id, `code` its raw status, `detail` why nothing is known, for the log; `raw` is what
    the carrier said, with the number masked and the text replaced by its length.
    """

    message_id: str
    outcome: Finding
    reference: str | None = None
    code: str = ""
    detail: str = ""
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Queried:
    """One `Found` per lookup, in the same order and number, and every call that it took."""

    found: tuple[Found, ...]
    exchanges: tuple[Exchange, ...]


@dataclass(frozen=True, slots=True)
class Collected:
    """A past day's receipts from a carrier that keeps a list of them, each with the person's number and no id."""

    receipts: tuple[Receipt, ...]
    exchanges: tuple[Exchange, ...]


class Receipts(StrEnum):
    """How receipts come."""

    PUSH = "push"  # to our callback
    PULL = "pull"  # when asked for by reference: see `Provider.query`
    DAILY = "daily"  # when a day's list is asked for: see `Provider.collect`
    LINK = "link"  # over the provider's own link: see `Provider.open`
    NONE = "none"


class Dedupe(StrEnum):
    """By what a carrier knows a message that it is handed a second time."""

    ID = "id"
    CONTENT = "content"  # same number, same text
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Hours:
    """From when until when in a day, Viet Nam's time."""

    begin: time
    end: time


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do: facts that the dispatcher plans with, never branches on a provider's name.

    `one_text`: a call says one text to a list of numbers; `single_network`: all of one network; `per_recipient`: each of
    them has an answer of its own; `shared_reference`: the carrier's id is that of the call, the number tells which message.
    `negative_receipts`: receipts also say who was not reached. `dedupe_seconds`: for how long the provider blocks a second
    submission of the same message (0 = never). `status_lookup`: whether `query` can be asked; `reference_lookup`: only by the
    carrier's own id. `sandbox`: nothing reaches anybody now. `templates`: it sends templates that are filled in. `hours`: when
    the carrier takes messages, None = at any time.
    """

    channel: str
    max_per_call: int = 1
    min_per_call: int = 1
    one_text: bool = False
    single_network: bool = False
    per_recipient: bool = True
    shared_reference: bool = False
    receipts: Receipts = Receipts.NONE
    negative_receipts: bool = True
    dedupe: Dedupe = Dedupe.NONE
    dedupe_seconds: int = 0
    status_lookup: bool = False
    reference_lookup: bool = False
    sandbox: bool = False
    templates: bool = False
    hours: Hours | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """A text that the carrier has approved: `pattern` is a regular expression that the whole of a text must fit.

    `network` is the one that it is approved for, None = all.
    """

    pattern: str
    network: str | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A place of a template that is filled in, by how many characters."""

    name: str
    required: bool
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class TemplateInfo:
    """A provider's template: whether it may be sent (`detail`: its status in the provider's words), and what goes in.

    `price` of one message in dong; `timeout`: after so many seconds a message that has not arrived never will; `quota`: how
    many may still be sent today. None = not said.
    """

    template: str
    usable: bool
    detail: str
    parameters: tuple[Parameter, ...] = ()
    price: int | None = None
    timeout: int | None = None
    quota: int | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """The answer to `dispatcher route check`: who answered, how fast (seconds), and what is left (in `currency`)."""

    ok: bool
    detail: str
    latency: float
    balance: float | None = None
    currency: str = "VND"
    exchange: Exchange | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Terms:
    """What the account may send: `senders` are its names, `templates` the texts approved for this route's sender.

    `quota`: how many messages may still be sent today. None = the carrier does not say.
    """

    senders: tuple[str, ...] | None = None
    templates: tuple[Template, ...] | None = None
    quota: int | None = None


def require_fitting(capabilities: Capabilities, submissions: Sequence[Submission]) -> None:
    """Raise ValueError for a call that the carrier could not be handed: the caller's mistake, before the wire."""
    least, most = capabilities.min_per_call, capabilities.max_per_call
    if not least <= len(submissions) <= most:
        raise ValueError(f"{least} to {most} messages a call, not {len(submissions)}")
    if capabilities.one_text and len({(one.text, one.encoding) for one in submissions}) > 1:
        raise ValueError("one text a call, not several")


class Options(BaseModel):
    """Base of a provider's `[route.options]`. Unknown keys are mistakes; secrets are `SecretStr`.

    `timeout` is how many seconds to wait for an answer.
    """

    # A key pasted into the wrong place must not come back in the message about it.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    timeout: float = Field(default=30.0, gt=0, le=300)


class Provider(ABC):
    """A way of speaking to one carrier over one account.

    `sender` is the route's brandname (SMS) or account (Zalo). Making one raises ValueError, in words for staff, for a
    sender that this carrier cannot show.
    """

    options_model: ClassVar[type[Options]]
    capabilities: Capabilities  # of the class; where they depend on the options, an instance knows better

    def __init__(self, sender: str, options: Options, http: Http) -> None:
        self.sender = sender
        self.options = options
        self.http = http

    async def open(self, hear: Hear) -> None:  # noqa: B027  most carriers have no link
        """Begin to keep a standing link up, where the carrier has one, and hand over what comes in by it.

        Returns at once: a carrier that is away now is tried again until `close`, and meanwhile `submit` raises.
        """

    async def close(self) -> None:  # noqa: B027  as above
        """Let what is under way end, take leave of the carrier and close the link."""

    @abstractmethod
    async def submit(self, submissions: Sequence[Submission]) -> Submitted:
        """Hand over `min_per_call`..`max_per_call` messages in one call, alike as far as the capabilities ask for it.

        Raises a `ProviderError` when the whole call failed; `Uncertain` whenever something may have been accepted and it
        cannot be said of which message.
        """

    @abstractmethod
    def read_callback(self, callback: Callback) -> Sequence[Heard]:
        """Read a provider's callback; raises ValueError saying what is wrong with it. Never touches network or disk."""

    @abstractmethod
    async def check(self) -> Health:
        """Ask the carrier whether the account works, without sending anything. Raises a `ProviderError`."""

    async def terms(self) -> Terms:
        """Ask the carrier what the account may send, as far as it can be asked. Raises a `ProviderError`."""
        return Terms()

    async def template(self, template: str) -> TemplateInfo:
        """Ask for a template of the provider's; reads only. Raises a `ProviderError`."""
        raise NotImplementedError(f"{type(self).__name__} sends no templates: capabilities.templates says so")

    async def query(self, lookups: Sequence[Lookup]) -> Queried:
        """Ask what became of messages; reads only, so it may be repeated.

        Raises a `ProviderError` when it could not be asked: that says nothing about the messages, whatever its kind.
        """
        raise NotImplementedError(f"{type(self).__name__} has no status query: capabilities.status_lookup says so")

    async def collect(self, day: date) -> Collected:
        """Read the receipts of a past day (Viet Nam's); reads only. Raises a `ProviderError`."""
        raise NotImplementedError(f"{type(self).__name__} keeps no daily list: capabilities.receipts says so")
