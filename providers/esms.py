"""eSMS.vn (ViHAT): customer-care SMS under a registered brandname, one recipient a call.

Source: the vendor's developer documentation, repository devesms/gitbook_esms_for_develop_v2, as of 2026-04-07:
sending (page of 2025-08-01), codes (2026-02-05), callbacks (2026-02-26), status (2025-03-24), balance.
See docs/providers/esms.md.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AliasChoices, BaseModel, BeforeValidator, Field, SecretStr, ValidationError, field_validator

from providers.base import (
    Accepted,
    Callback,
    Capabilities,
    Encoding,
    Exchange,
    Finding,
    Found,
    Health,
    Lookup,
    Options,
    Outcome,
    Provider,
    Queried,
    Reason,
    Receipt,
    Receipts,
    Refused,
    Submission,
    Submitted,
    Verdict,
)
from providers.blanking import BLANK, blanked, masked, shown
from providers.errors import Misconfigured, Throttled, Uncertain
from providers.esms_sent import (
    FINISHED,
    MESSAGE_ID,
    REFERENCE,
    STANDINGS,
    Listing,
    Page,
    Span,
    local,
    page,
    settled,
    spans,
    unknown,
)
from providers.http import Answer, Call, require_access


class EsmsOptions(Options):
    """`[route.options]` of an eSMS route.

    `callback_base`: our public address, the dispatcher adds path and token. `absence_after`: for how many seconds after
    the last try a message that eSMS does not list may still turn up. `lookup_page_size` is at most 500 at eSMS; 200 rows
    of long accented text stay below the longest answer that we read.
    """

    base_url: str = "https://rest.esms.vn/MainService.svc/json/"
    api_key: SecretStr = Field(min_length=1)
    secret_key: SecretStr = Field(min_length=1)
    callback_base: str | None = None
    campaign_id: str | None = Field(default=None, max_length=254)
    sandbox: bool = False
    absence_after: float = Field(default=600, ge=300, le=7 * 24 * 3600)
    lookup_page_size: int = Field(default=200, ge=1, le=500)
    lookup_pages: int = Field(default=250, ge=1, le=10_000)

    @field_validator("base_url")
    @classmethod
    def _safe_address(cls, value: str) -> str:
        """The keys travel in the body, so plain http is for this machine only."""
        parts = urlsplit(value)
        if parts.scheme == "https" or (parts.scheme == "http" and _loopback(parts.hostname)):
            return value.rstrip("/") + "/"
        raise ValueError("phải là địa chỉ bắt đầu bằng https:// (http:// chỉ dùng cho chính máy này, ví dụ 127.0.0.1)")


ACCEPTED = "100"
INVALID_REQUEST = "invalid request"  # a body without any code: `{"error":"Invalid request"}`

# Codes that concern one message: eSMS refuses it and will not send it.
REFUSALS: Mapping[str, tuple[Reason, str]] = {
    "99": (Reason.RECIPIENT, "the number is blocked at eSMS"),
    "107": (Reason.REQUEST, "fewer than 30 distinct valid numbers"),
    "108": (Reason.RECIPIENT, "malformed number"),
    "110": (Reason.REQUEST, "wrong data"),
    "115": (Reason.RECIPIENT, "wrong hashed number"),
    "118": (Reason.REQUEST, "unsupported message type"),
    "120": (Reason.REQUEST, "too many numbers"),
    "124": (Reason.DUPLICATE, "the RequestId was used in the last 24 hours"),
    "146": (Reason.CONTENT, "the text fits no registered template"),
    "163": (Reason.REQUEST, "more than one number"),
    "177": (Reason.NETWORK, "the brandname is not open on this number's network"),
    "201": (Reason.CONTENT, "blocked keyword"),
    "210": (Reason.REQUEST, "wrong payload"),
    "300": (Reason.REQUEST, "message type missing"),
    "301": (Reason.REQUEST, "message type unsupported"),
}

# Codes that concern the account or the moment: nothing was taken, and every message would fare the same.
FAILURES: Mapping[str, tuple[type[Misconfigured | Throttled], str]] = {
    "101": (Misconfigured, "wrong API key or secret key"),
    "102": (Misconfigured, "the account has no price list"),
    "103": (Misconfigured, "not enough money in the account"),
    "104": (Misconfigured, "the brandname is unknown or inactive"),
    "140": (Misconfigured, "our IP address is not on the account's list"),
    "143": (Misconfigured, "the account is inactive or locked"),
    "160": (Throttled, "too fast for the carrier"),
}

# `telcoid` of a callback, in the names that routes and prefixes use.
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

MAX_PARAMETERS = 40
_COUNT = re.compile(r"[0-9]{1,6}")


class Esms(Provider):
    """Customer-care messages (SmsType 2). `RequestId` is our message id, and eSMS blocks its reuse for 24 hours."""

    options: EsmsOptions
    options_model = EsmsOptions
    capabilities = Capabilities(
        channel="sms", max_per_call=1, receipts=Receipts.PUSH, dedupe_seconds=24 * 3600, status_lookup=True
    )

    async def submit(self, submissions: Sequence[Submission]) -> Submitted:
        """Hand over one message."""
        (submission,) = submissions
        call = self._message(submission)
        answer = await self.http.send(call)
        return Submitted((_verdict(call, answer),), answer.exchange)

    def read_callback(self, callback: Callback) -> list[Receipt]:
        """Read a delivery report: a GET whose query holds SMSID, RequestId, SendStatus, SendSuccess, SendFailed."""
        if callback.method != "GET":
            raise ValueError(f"expected a GET, got {blanked(callback.method, limit=16)}")
        if len(callback.query) > MAX_PARAMETERS:
            raise ValueError(f"at most {MAX_PARAMETERS} parameters expected, got {len(callback.query)}")
        query = {key.lower(): value.strip() for key, value in callback.query.items()}
        message_id, reference = _ids(query)
        status = _number(query, "SendStatus")
        if status is None:
            raise ValueError("SendStatus is missing")
        network = NETWORKS.get(query.get("telcoid", ""))
        return [Receipt(_outcome(query, status), message_id, reference, str(status), network, _raw(query))]

    async def check(self) -> Health:
        """Ask for the balance."""
        call = self._call("GetBalance_json", "eSMS, ask for the balance", {}, {})
        answer = await self.http.send(call)
        said = _read(call, answer)
        ok = said.code == ACCEPTED
        detail = "the account answers" if ok else f"eSMS answered code {said.code}"
        exchange = answer.exchange
        return Health(ok, detail, exchange.elapsed, balance=_money(said.balance), exchange=exchange)

    async def query(self, lookups: Sequence[Lookup]) -> Queried:
        """Ask by SMSID where one is known, else look for number and text in the list of what was sent."""
        if self.options.sandbox:
            return Queried(tuple(unknown(lookup, "a test message: eSMS keeps none of them") for lookup in lookups), ())
        exchanges: list[Exchange] = []
        found = {lookup: await self._by_reference(lookup, exchanges) for lookup in lookups if lookup.reference}
        for span in spans([lookup for lookup in lookups if not lookup.reference]):
            listing = await self._listing(span, exchanges)
            found |= settled(listing, timedelta(seconds=self.options.absence_after))
        return Queried(tuple(found[lookup] for lookup in lookups), tuple(exchanges))

    async def _by_reference(self, lookup: Lookup, exchanges: list[Exchange]) -> Found:
        call = self._status(lookup.reference or "")
        answer = await self.http.send(call)
        exchanges.append(answer.exchange)
        said = _read(call, answer)
        if said.code != ACCEPTED:  # 105 is "not yet" as well as "never heard of"
            code = said.code or "99"
            return unknown(lookup, f"eSMS answered code {code}", code)
        return _stood(lookup, said)

    async def _listing(self, span: Span, exchanges: list[Exchange]) -> Listing:
        first, pages = len(exchanges), list[Page]()
        while len(pages) < self.options.lookup_pages:
            call = self._page(span, len(pages) + 1)
            answer = _withheld(await self.http.send(call))
            exchanges.append(answer.exchange)
            said = _read(call, answer)
            if said.code != ACCEPTED:
                return Listing(span, exchanges[first].started_at, (), said.code or "99")
            pages.append(page(answer.body))
            if not pages[-1].rows or sum(len(read.rows) for read in pages) >= (pages[-1].total or 0):
                break
        return Listing(span, exchanges[first].started_at, tuple(pages))

    def _page(self, span: Span, number: int) -> Call:
        fields = {
            "From": local(span.since),
            "To": local(span.until + timedelta(seconds=1)),  # they know no fractions: round up
            "Page": str(number),
            "PageSize": str(self.options.lookup_page_size),
            "SmsType": "2",
        }
        call = self._call("GetSmsSentData_V2", "eSMS, list what was sent", fields, {})
        return replace(call, hidden=(*call.hidden, *{lookup.text for lookup in span.lookups}))

    def _status(self, reference: str) -> Call:
        """The keys travel in the URL here: `Http` keeps no URL, and what is shown of it is written by hand."""
        asked = self._call("GetSendStatus", "eSMS, ask for a message", {"RefId": reference}, {})
        params = {name: str(value) for name, value in asked.body.items()} if isinstance(asked.body, Mapping) else {}
        return replace(asked, method="GET", shown="GET" + asked.shown.removeprefix("POST"), params=params, body=None)

    def _message(self, submission: Submission) -> Call:
        fields = {
            "Phone": submission.msisdn,
            "Content": submission.text,
            "Brandname": self.sender,
            "SmsType": "2",
            "IsUnicode": "1" if submission.encoding is Encoding.UCS2 else "0",
            "RequestId": submission.message_id,
            "CallbackUrl": submission.callback_url,
            "campaignid": self.options.campaign_id,
            "Sandbox": "1" if self.options.sandbox else None,
        }
        kept = {
            "Phone": masked(submission.msisdn),
            "Content": f"{len(submission.text)} characters",
            # Its path holds the token that tells a callback from a forgery: a secret like any other.
            "CallbackUrl": BLANK,
        }
        given = {name: value for name, value in fields.items() if value is not None}
        return self._call("SendMultipleMessage_V4_post_json/", "eSMS, send a message", given, kept)

    def _call(self, path: str, tried: str, fields: dict[str, str], kept: dict[str, str]) -> Call:
        """Build a call; of the fields named in `kept`, the exchange shows only what is said there."""
        keys = {
            "ApiKey": self.options.api_key.get_secret_value(),
            "SecretKey": self.options.secret_key.get_secret_value(),
        }
        seen = dict.fromkeys(keys, BLANK) | {name: kept.get(name, value) for name, value in fields.items()}
        return Call(
            "POST",
            self.options.base_url + path,
            tried,
            shown=f"POST {path} {shown(seen)}",
            hidden=(*keys.values(), *(fields[name] for name in kept if name in fields and name != "Phone")),
            body=keys | fields,
        )


def _code(value: object) -> str:
    """Strings and whole numbers only: 100.0 or true would look like an unknown code, hence like a refusal."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("not a code")
    return str(value).strip()


def _loose(value: object) -> str:
    """What merely explains a code must not make the code unreadable."""
    return str(value) if isinstance(value, int | float | str) else ""


_Loose = Annotated[str, BeforeValidator(_loose)]


class _Said(BaseModel):
    """An eSMS answer. Depending on the call, the code has one of three names."""

    code: Annotated[str, BeforeValidator(_code)] = Field(
        "", pattern="^-?[A-Za-z0-9_]{0,20}$", validation_alias=AliasChoices("CodeResult", "CodeResponse", "Code")
    )
    error: _Loose = ""
    reference: _Loose = Field(default="", validation_alias="SMSID")
    message: _Loose = Field(default="", validation_alias="ErrorMessage")
    balance: _Loose = Field(default="", validation_alias="Balance")
    send_status: _Loose = Field(default="", validation_alias="SendStatus")
    succeeded: _Loose = Field(default="", validation_alias="SendSuccess")
    failed: _Loose = Field(default="", validation_alias="SendFailed")

    @property
    def invalid(self) -> bool:
        return not self.code and self.error.strip().lower() == INVALID_REQUEST


def _read(call: Call, answer: Answer) -> _Said:
    """Read an answer; raises what the code says of the whole call, and `Uncertain` where there is no code to read."""
    require_access(answer, call.tried)
    said = _parsed(answer.body)
    if said is None or not (said.code or said.invalid):
        raise Uncertain(f"{call.tried}: an answer without a code (HTTP {answer.status})", exchange=answer.exchange)
    if failure := FAILURES.get(said.code):
        kind, meaning = failure
        raise kind(f"{call.tried}: {meaning} (code {said.code})", code=said.code, exchange=answer.exchange)
    return said


def _parsed(body: bytes) -> _Said | None:
    try:
        return _Said.model_validate_json(body.removeprefix(b"\xef\xbb\xbf"))
    except ValidationError:
        return None


def _verdict(call: Call, answer: Answer) -> Verdict:
    said = _read(call, answer)
    if said.code == ACCEPTED:
        return Accepted(said.reference if REFERENCE.fullmatch(said.reference) else None)
    if said.invalid:
        return Refused(Reason.REQUEST, "99", said.error)  # the vendor files this body under its code 99
    reason, meaning = REFUSALS.get(said.code, (Reason.OTHER, ""))
    return Refused(reason, said.code, blanked(said.message, call.hidden, limit=200) or meaning)


def _stood(lookup: Lookup, said: _Said) -> Found:
    """Read GetSendStatus: the same numbers as in a callback."""
    query = {"sendstatus": said.send_status, "sendsuccess": said.succeeded, "sendfailed": said.failed}
    try:
        status, outcome = _number(query, "SendStatus"), _outcome(query, FINISHED)
    except ValueError as error:
        return unknown(lookup, str(error))
    if status is None or said.reference not in ("", lookup.reference):
        return unknown(lookup, "an answer without a status, or about another message")
    finding = STANDINGS.get(status, Finding.UNKNOWN) if status != FINISHED else FINDINGS[outcome]
    return Found(lookup.message_id, finding, lookup.reference, str(status), raw=_raw(query))


def _withheld(answer: Answer) -> Answer:
    """Of a list we keep its size only: it holds the texts and numbers of everybody whom the account wrote to."""
    said, listed = _parsed(answer.body), page(answer.body)
    kept = {
        "code": said.code if said else None,
        "CountTotal": listed.total,
        "rows": len(listed.rows),
        "bytes": len(answer.body),
    }
    return replace(answer, exchange=replace(answer.exchange, response=shown(kept)))


def _ids(query: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Our id and theirs. A RequestId that is not one of ours is dropped; theirs alone is enough."""
    reference = query.get("smsid") or None
    if reference and not REFERENCE.fullmatch(reference):
        raise ValueError(f"SMSID is not an id of at most 64 letters and digits: {blanked(reference, limit=80)}")
    message_id = query.get("requestid", "").lower()
    if MESSAGE_ID.fullmatch(message_id):
        return message_id, reference
    if reference is None:
        raise ValueError("SMSID is missing, and RequestId is not one of ours")
    return None, reference


def _number(query: Mapping[str, str], name: str) -> int | None:
    value = query.get(name.lower())
    if not value:
        return None
    if not _COUNT.fullmatch(value):
        raise ValueError(f"{name} is not a number: {blanked(value, limit=40)}")
    return int(value)


def _outcome(query: Mapping[str, str], status: int) -> Outcome:
    """A long SMS is counted by parts: one part that failed makes the message unreadable, so the worst part wins."""
    succeeded, failed = _number(query, "SendSuccess"), _number(query, "SendFailed")
    if status != FINISHED:
        return SEND_STATUS.get(status, Outcome.PENDING)
    if failed:
        return Outcome.UNDELIVERED
    return Outcome.DELIVERED if succeeded else Outcome.PENDING


def _raw(query: Mapping[str, str]) -> str:
    kept = {name[:40]: (masked(value) if name == "phonenumber" else value)[:200] for name, value in query.items()}
    return blanked(shown(kept))


def _money(balance: str) -> float | None:
    try:
        amount = float(balance)
    except ValueError:
        return None
    return amount if math.isfinite(amount) else None


def _loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
