"""What eSMS's list of sent messages (GetSmsSentData_V2) proves about messages whose answer was lost.

The documented rows hold number, text and SMSID but not our RequestId, so a message is recognised by number and text.
Source: the page of 2025-03-24 in devesms/gitbook_esms_for_develop_v2. See docs/providers/esms.md.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from providers.base import Finding, Found, Lookup
from providers.blanking import masked, shown
from providers.reading import VIETNAM

FINISHED = 5

# `SendStatus` of a row or of GetSendStatus. 0 is a draft: held, but nobody says that it will be sent.
STANDINGS: Mapping[int | None, Finding] = {
    1: Finding.ACCEPTED,  # awaiting approval
    2: Finding.ACCEPTED,  # waiting
    4: Finding.UNDELIVERED,  # rejected
    7: Finding.ACCEPTED,  # sent, waiting for the network's report
}

# `SendResult` of a row that is finished.
RESULTS: Mapping[int | None, Finding] = {0: Finding.UNDELIVERED, 1: Finding.DELIVERED, 2: Finding.ACCEPTED}

# Their clock against ours, and the way there: how far a list reaches beyond what is asked.
SKEW = timedelta(minutes=2)

# The other status calls forget after 7 days; nobody says when this one does.
REMEMBERED = timedelta(days=7)

REFERENCE = re.compile(r"[A-Za-z0-9._-]{1,64}")
MESSAGE_ID = re.compile(r"[0-9a-f]{32}")
_PHONE = re.compile(r"(?:\+?84|0)?([1-9][0-9]{8,9})")
_DATE = re.compile(r"/Date\((-?[0-9]{1,16})(?:[+-][0-9]{4})?\)/")
_COUNT = re.compile(r"[0-9]{1,9}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Row:
    """A listed message. `phone` is E.164 digits without plus; what could not be read is None."""

    phone: str | None
    text: str
    reference: str | None
    message_id: str | None
    status: int | None
    result: int | None
    sent_at: datetime | None

    @property
    def finding(self) -> Finding:
        """What it says of the message."""
        if self.status == FINISHED:
            return RESULTS.get(self.result, Finding.UNKNOWN)
        return STANDINGS.get(self.status, Finding.UNKNOWN)


UNREADABLE = Row(None, "", None, None, None, None, None)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the list; `total` is how many rows all pages have, None where that cannot be read."""

    total: int | None
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """Lookups that one list answers, from `since` to `until`."""

    since: datetime
    until: datetime
    lookups: tuple[Lookup, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """The pages of a span as they were read, the first one asked for at `asked_at`. `code`, if the carrier refused."""

    span: Span
    asked_at: datetime
    pages: tuple[Page, ...]
    code: str = ""

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows, in their order."""
        return tuple(row for page in self.pages for row in page.rows)

    @property
    def whole(self) -> bool:
        """Whether every row was read, once: a row seen twice means that another one slipped between two pages."""
        known = [(row.reference, row.phone) for row in self.rows if row.reference]
        return {page.total for page in self.pages} == {len(self.rows)} and len(set(known)) == len(known)


def spans(lookups: Sequence[Lookup]) -> list[Span]:
    """Lookups whose times overlap share a list, others do not: hours in between would be read for nothing."""
    made: list[Span] = []
    for lookup in sorted(lookups, key=lambda lookup: lookup.submitted_after):
        since, until = lookup.submitted_after - SKEW, lookup.submitted_before + SKEW
        if made and since <= made[-1].until:
            last = made.pop()
            made.append(Span(last.since, max(last.until, until), (*last.lookups, lookup)))
        else:
            made.append(Span(since, until, (lookup,)))
    return made


def local(moment: datetime) -> str:
    """A time as the list is asked for: Viet Nam's, without fractions."""
    return f"{moment.astimezone(VIETNAM):%Y-%m-%d %H:%M:%S}"


@dataclass(frozen=True, slots=True)
class _Evidence:
    """A whole list, sorted once: `latest` is the last time in it that lies in its span."""

    listing: Listing
    by_phone: Mapping[str | None, Sequence[Row]]
    latest: datetime | None
    absence_after: timedelta


def settled(listing: Listing, absence_after: timedelta) -> dict[Lookup, Found]:
    """What a list proves about each lookup of its span; absence only `absence_after` the last try."""
    if listing.code or not listing.whole:
        why = f"eSMS answered code {listing.code}" if listing.code else "the list could not be read to its end"
        return {lookup: unknown(lookup, why, listing.code) for lookup in listing.span.lookups}
    evidence = _sorted(listing, absence_after)
    asked = {lookup: (lookup.msisdn, _plain(lookup.text)) for lookup in listing.span.lookups}
    claims = Counter(wanted for _, wanted in {(lookup.message_id, wanted) for lookup, wanted in asked.items()})
    return {lookup: _found(lookup, evidence, claims[wanted]) for lookup, wanted in asked.items()}


def _sorted(listing: Listing, absence_after: timedelta) -> _Evidence:
    by_phone: dict[str | None, list[Row]] = {}
    for row in listing.rows:
        by_phone.setdefault(row.phone, []).append(row)
    times = [row.sent_at for row in listing.rows if row.sent_at and row.sent_at <= listing.span.until]
    return _Evidence(listing, by_phone, max(times, default=None), absence_after)


def _found(lookup: Lookup, evidence: _Evidence, claims: int) -> Found:
    own = [row for row in evidence.by_phone.get(lookup.msisdn, ()) if not _of_another(row, lookup)]
    named = [row for row in own if row.message_id == lookup.message_id]
    fitting = named or [row for row in own if _fits(row, lookup, evidence.listing.span.since)]
    if len(fitting) == 1 and (named or claims == 1):
        return _told(lookup, fitting[0])
    if fitting:
        return unknown(lookup, f"{len(fitting)} listed messages for {claims} of ours with this number and text")
    if own:
        return unknown(lookup, "the number was sent something else at that time, or this message with another text")
    if doubt := _doubt(lookup, evidence):
        return unknown(lookup, doubt)
    return Found(lookup.message_id, Finding.ABSENT)


def _of_another(row: Row, lookup: Lookup) -> bool:
    return row.reference in lookup.others or row.message_id not in (None, lookup.message_id)


def _fits(row: Row, lookup: Lookup, since: datetime) -> bool:
    """A time before the list begins is no time: .NET writes the year 1 for "not sent yet"."""
    too_early = row.sent_at is not None and since <= row.sent_at < lookup.submitted_after - SKEW
    return not too_early and _plain(row.text) == _plain(lookup.text)


def _doubt(lookup: Lookup, evidence: _Evidence) -> str:
    """Why a number that is not in the list may have been sent the message all the same; empty if nothing is left."""
    asked_at = evidence.listing.asked_at
    if asked_at < lookup.submitted_before + evidence.absence_after:
        return "not listed, but asked too early: the list lags behind"
    if asked_at > lookup.submitted_after + REMEMBERED:
        return "not listed, but older than the carrier surely remembers"
    if None in evidence.by_phone:
        return "not listed, but there are rows that cannot be read"
    # A wrong time zone, another account or a list that stands still look just like an empty one. Whole seconds,
    # because their times may have no more.
    if evidence.latest is None or evidence.latest < lookup.submitted_after.replace(microsecond=0):
        return "not listed, but nor is anything else since then: the list itself is in doubt"
    return ""


def _told(lookup: Lookup, row: Row) -> Found:
    kept = {
        "Phone": masked(lookup.msisdn),
        "Content": f"{len(row.text)} characters",
        "ReferenceId": row.reference,
        "SendStatus": row.status,
        "SendResult": row.result,
        "SentTime": row.sent_at.isoformat() if row.sent_at else None,
    }
    code = "" if row.status is None else str(row.status)
    detail = "a status that is not in the table" if row.finding is Finding.UNKNOWN else ""
    return Found(lookup.message_id, row.finding, row.reference, code, detail, shown(kept))


def unknown(lookup: Lookup, detail: str, code: str = "") -> Found:
    """Nothing is proved."""
    return Found(lookup.message_id, Finding.UNKNOWN, lookup.reference, code, detail)


def _plain(text: str) -> str:
    """Text as far as it is the same text: spaces and the two spellings of an accented letter make no difference."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _words(value: object) -> str:
    return str(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else ""


_Words = Annotated[str, BeforeValidator(_words)]


class _Row(BaseModel):
    phone: _Words = Field("", alias="Phone")
    text: _Words = Field("", alias="Content")
    reference: _Words = Field("", alias="ReferenceId")
    request_id: _Words = Field("", alias="RequestId")  # not documented for this call, but it would settle everything
    status: _Words = Field("", alias="SendStatus")
    result: _Words = Field("", alias="SendResult")
    sent_at: _Words = Field("", alias="SentTime")


class _Page(BaseModel):
    total: _Words = Field("", alias="CountTotal")
    rows: list[object] = Field(default=[], alias="SentData")


def page(body: bytes) -> Page:
    """Read a page; what cannot be read is told as such, never guessed and never an error."""
    try:
        told = _Page.model_validate_json(body.removeprefix(b"\xef\xbb\xbf"))
    except ValidationError:
        return Page(None, ())
    return Page(_whole_number(told.total), tuple(_row(one) for one in told.rows))


def _row(one: object) -> Row:
    try:
        told = _Row.model_validate(one)
    except ValidationError:
        return UNREADABLE
    phone = _PHONE.fullmatch(told.phone.strip())
    request_id = told.request_id.strip().lower()
    return Row(
        f"84{phone[1]}" if phone else None,
        told.text,
        told.reference if REFERENCE.fullmatch(told.reference) else None,
        request_id if MESSAGE_ID.fullmatch(request_id) else None,
        _whole_number(told.status),
        _whole_number(told.result),
        _moment(told.sent_at),
    )


def _whole_number(text: str) -> int | None:
    return int(text) if _COUNT.fullmatch(text) else None


def _moment(text: str) -> datetime | None:
    """`/Date(1705484048995+0700)/`: milliseconds since 1970, UTC; the zone behind it is for the reader only."""
    if not (date := _DATE.fullmatch(text)):
        return None
    try:
        return _EPOCH + timedelta(milliseconds=int(date[1]))
    except OverflowError:
        return None
