"""What eSMS answers: codes, statuses, and who of a batch was reached.

Source: as in esms.py; the list of codes is of 2026-02-05, statuses of 2025-03-24. See docs/providers/esms.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import AliasChoices, BaseModel, BeforeValidator, Field

from providers.base import Accepted, Finding, Found, Lookup, Outcome, Reason, Refused, Template, Verdict
from providers.blanking import blanked, masked, shown
from providers.errors import Misconfigured, Throttled
from providers.esms_sent import FINISHED, STANDINGS, unknown
from providers.http import Answer, Call
from providers.reading import CODE_PATTERN, REFERENCE, Code, Meaning, Words, normal, parsed, readable, refused, whole

ACCEPTED = "100"
INVALID_REQUEST = "invalid request"  # a body without any code: `{"error":"Invalid request"}`

CODES: Mapping[str, Meaning] = {
    "99": Meaning(Reason.RECIPIENT, "the number is blocked at eSMS"),
    "101": Meaning(Misconfigured, "wrong API key or secret key"),
    "102": Meaning(Misconfigured, "the account has no price list"),
    "103": Meaning(Misconfigured, "not enough money in the account"),
    "104": Meaning(Misconfigured, "the brandname is unknown or inactive"),
    "105": Meaning(Reason.REQUEST, "the id is not found, or not yet"),
    "106": Meaning(Reason.REQUEST, "about an audio file"),
    "107": Meaning(Reason.REQUEST, "fewer than 30 distinct valid numbers"),
    "108": Meaning(Reason.RECIPIENT, "malformed number"),
    "110": Meaning(Reason.REQUEST, "wrong data"),
    "115": Meaning(Reason.RECIPIENT, "wrong hashed number"),
    "118": Meaning(Reason.REQUEST, "unsupported message type"),
    "120": Meaning(Reason.REQUEST, "too many numbers"),
    "124": Meaning(Reason.DUPLICATE, "the RequestId was used in the last 24 hours"),
    "140": Meaning(Misconfigured, "our IP address is not on the account's list"),
    "143": Meaning(Misconfigured, "the account is inactive or locked"),
    "146": Meaning(Reason.CONTENT, "the text fits no registered template"),
    "160": Meaning(Throttled, "too fast for the carrier"),
    "163": Meaning(Reason.REQUEST, "more than one number"),
    "171": Meaning(Reason.REQUEST, "about a voucher"),
    "177": Meaning(Reason.NETWORK, "the brandname is not open on this number's network"),
    "199": Meaning(Reason.REQUEST, "the registration exists already"),
    "201": Meaning(Reason.CONTENT, "blocked keyword"),
    "204": Meaning(Misconfigured, "the OA is not known"),
    "210": Meaning(Reason.REQUEST, "wrong payload"),
    "300": Meaning(Reason.REQUEST, "message type missing"),
    "301": Meaning(Reason.REQUEST, "message type unsupported"),
    "687": Meaning(Reason.REQUEST, "more than 500 messages"),
    "789": Meaning(Misconfigured, "Zalo template or OA not set up"),
    "790": Meaning(Misconfigured, "Zalo template or OA not set up"),
    "791": Meaning(Misconfigured, "Zalo template or OA not set up"),
    "799": Meaning(Misconfigured, "Zalo template or OA not set up"),
    "801": Meaning(Reason.REQUEST, "this mode of sending cannot be scheduled"),
    "802": Meaning(Misconfigured, "the account may not use this mode of sending"),
    "851": Meaning(Reason.REQUEST, "the id is missing"),
    "852": Meaning(Reason.RECIPIENT, "the UID is too long"),
    "853": Meaning(Reason.REQUEST, "the UID is missing"),
    "854": Meaning(Reason.REQUEST, "no data of that id"),
}

# `telcoid` of a callback and `NetworkID` of a template, in the names that routes and prefixes use.
NETWORKS = {
    "1": "viettel",
    "2": "mobifone",
    "3": "vinaphone",
    "4": "vietnamobile",
    "5": "gmobile",
    "6": "itel",
    "7": "wintel",
}

# `SendStatus` of a callback; 5 is final too, but its counts decide. Any other number moves nothing and is logged.
SEND_STATUS = {
    1: Outcome.PENDING,  # awaiting approval
    2: Outcome.PENDING,  # waiting
    4: Outcome.UNDELIVERED,  # rejected
    7: Outcome.PENDING,  # sent, waiting for the network's report
}

# What finished counts come to, in the words of a status query.
FINDINGS = {
    Outcome.DELIVERED: Finding.DELIVERED,
    Outcome.UNDELIVERED: Finding.UNDELIVERED,
    Outcome.PENDING: Finding.ACCEPTED,
}


class Said(BaseModel):
    """An eSMS answer. Depending on the call, the code has one of three names."""

    code: Code = Field("", pattern=CODE_PATTERN, validation_alias=AliasChoices("CodeResult", "CodeResponse", "Code"))
    error: Words = ""
    reference: Words = Field(default="", validation_alias="SMSID")
    message: Words = Field(default="", validation_alias="ErrorMessage")
    balance: Words = Field(default="", validation_alias="Balance")
    send_status: Words = Field(default="", validation_alias="SendStatus")
    succeeded: Words = Field(default="", validation_alias="SendSuccess")
    failed: Words = Field(default="", validation_alias="SendFailed")

    @property
    def invalid(self) -> bool:
        """Refused without a code; the vendor files this body under its code 99."""
        return not self.code and self.error.strip().lower() == INVALID_REQUEST


def read(call: Call, answer: Answer) -> Said:
    """Read an answer; raises what the code says of the whole call, and `Uncertain` where there is no code to read."""
    said = parsed(Said, answer.body)
    said = readable(said if said and (said.code or said.invalid) else None, call, answer)
    if said.code in CODES and not isinstance(CODES[said.code].kind, Reason):
        refused(CODES, said.code, said.message, call, answer)
    return said


def verdict(call: Call, answer: Answer) -> Verdict:
    """What an answer to a submission says of every message in it."""
    said = read(call, answer)
    if said.code == ACCEPTED:
        return Accepted(said.reference if REFERENCE.fullmatch(said.reference) else None)
    if said.invalid:
        return Refused(Reason.REQUEST, "99", said.error)
    return refused(CODES, said.code, said.message, call, answer)


def stood(lookup: Lookup, said: Said) -> Found:
    """Read GetSendStatus: the same numbers as in a callback."""
    query = {"sendstatus": said.send_status, "sendsuccess": said.succeeded, "sendfailed": said.failed}
    try:
        status, outcome = number(query, "SendStatus"), counted(query, FINISHED)
    except ValueError as error:
        return unknown(lookup, str(error))
    if status is None or said.reference not in ("", lookup.reference):
        return unknown(lookup, "an answer without a status, or about another message")
    finding = STANDINGS.get(status, Finding.UNKNOWN) if status != FINISHED else FINDINGS[outcome]
    return Found(lookup.message_id, finding, lookup.reference, str(status), raw=kept(query))


def number(query: Mapping[str, str], name: str) -> int | None:
    """The count of that name; raises ValueError where it is none."""
    value = query.get(name.lower())
    if not value:
        return None
    if len(value) > LONGEST_COUNT or (count := whole(value)) is None:
        raise ValueError(f"{name} is not a number: {blanked(value, limit=40)}")
    return count


LONGEST_COUNT = 6


def counted(query: Mapping[str, str], status: int) -> Outcome:
    """A long SMS is counted by parts: one part that failed makes the message unreadable, so the worst part wins."""
    succeeded, failed = number(query, "SendSuccess"), number(query, "SendFailed")
    if status != FINISHED:
        return SEND_STATUS.get(status, Outcome.PENDING)
    if failed:
        return Outcome.UNDELIVERED
    return Outcome.DELIVERED if succeeded else Outcome.PENDING


def kept(query: Mapping[str, str]) -> str:
    """A callback's query as it may be stored."""
    short = {name[:40]: (masked(value) if name == "phonenumber" else value)[:200] for name, value in query.items()}
    return blanked(shown(short))


# One odd row must not hide what the others say.
_Flag = Annotated[bool | None, BeforeValidator(lambda value: value if isinstance(value, bool) else None)]


class _Receiver(BaseModel):
    phone: Words = Field("", alias="Phone")
    sent: _Flag = Field(None, alias="IsSent")
    reached: _Flag = Field(None, alias="SentResult")


class _Receivers(BaseModel):
    rows: list[_Receiver] = Field(alias="ReceiverList")


def reached(body: bytes, lookups: Sequence[Lookup]) -> list[Found]:
    """Read GetSmsReceiverStatus_get of a finished batch: each number was reached or not."""
    told = parsed(_Receivers, body)
    rows = {normal(row.phone): row for row in told.rows} if told else {}
    return [_reached(lookup, rows.get(lookup.msisdn)) for lookup in lookups]


def _reached(lookup: Lookup, row: _Receiver | None) -> Found:
    if row is None or row.sent is None or row.reached is None:
        return unknown(lookup, "the batch's list does not have this number")
    if not row.sent:
        return Found(lookup.message_id, Finding.ACCEPTED, lookup.reference, "not sent yet")
    finding = Finding.DELIVERED if row.reached else Finding.UNDELIVERED
    return Found(lookup.message_id, finding, lookup.reference, f"SentResult {str(row.reached).lower()}")


class _Brandname(BaseModel):
    name: Words = Field(alias="Brandname")


class Brandnames(BaseModel):
    """GetListBrandname."""

    rows: list[_Brandname] = Field(alias="ListBrandName")


class _Template(BaseModel):
    network: Words = Field("", alias="NetworkID")
    content: Words = Field(alias="TempContent")


class Templates(BaseModel):
    """GetTemplate: care templates of a brandname, `{P1,20}` standing for up to twenty characters."""

    rows: list[_Template] = Field(alias="BrandnameTemplates")

    def terms(self) -> tuple[Template, ...]:
        return tuple(Template(_pattern(row.content), NETWORKS.get(row.network)) for row in self.rows if row.content)


_PLACEHOLDER = re.compile(r"\{P[0-9]{1,2},([0-9]{1,3})\}")


def _pattern(content: str) -> str:
    """Literal text with each placeholder as "at most so many characters"."""
    literals = _PLACEHOLDER.split(content)
    pieces = [re.escape(piece) if place % 2 == 0 else f".{{0,{piece}}}" for place, piece in enumerate(literals)]
    return "".join(pieces)
