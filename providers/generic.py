"""A carrier that is described in routes.toml and needs no code: one message a call over HTTP.

Address, headers and body are templates; the answer and the callback are read by paths; codes mean what the table says.
Everything about it: docs/providers/http_generic.md.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from providers.base import (
    Accepted,
    Callback,
    Capabilities,
    Dedupe,
    Encoding,
    Health,
    Hours,
    Options,
    Outcome,
    Provider,
    Reason,
    Receipt,
    Receipts,
    Submission,
    Submitted,
    require_fitting,
)
from providers.blanking import BLANK, blanked, masked
from providers.errors import Misconfigured, Throttled, Uncertain
from providers.filling import CONTENT_TYPES, WRITTEN, Form, filled, in_address, names, require_well_formed
from providers.http import Answer, Call, Http, require_access
from providers.options import INSECURE, OpenHours, safe
from providers.picking import Pick, from_form, from_json, from_mapping, from_words, from_xml
from providers.reading import MESSAGE_ID, Meaning, known, moment, money, refused

# What a template may ask for, beside the route's own secrets.
OF_A_MESSAGE = frozenset(
    {
        "msisdn",
        "local",
        "plus",
        "text",
        "text_base64",
        "sender",
        "message_id",
        "unicode",
        "segments",
        "callback_url",
    }
)
OF_A_CHECK = frozenset({"sender"})
LONGEST_CODE = 40
# A header holds no line breaks and no accents: nothing that people wrote.
IN_HEADERS = frozenset({"message_id", "msisdn", "segments", "unicode"})

CLASSES: Mapping[str, Meaning] = {
    "recipient": Meaning(Reason.RECIPIENT, "the carrier refuses the number"),
    "network": Meaning(Reason.NETWORK, "the number is not on this carrier's network"),
    "content": Meaning(Reason.CONTENT, "the carrier refuses the text"),
    "request": Meaning(Reason.REQUEST, "the carrier does not understand the request"),
    "duplicate": Meaning(Reason.DUPLICATE, "the carrier has this message already"),
    "misconfigured": Meaning(Misconfigured, "a person must act: keys, money or brandname"),
    "throttled": Meaning(Throttled, "too fast for the carrier", 1.0),
    "uncertain": Meaning(Uncertain, "the carrier does not know itself"),
}
Class = Literal["recipient", "network", "content", "request", "duplicate", "misconfigured", "throttled", "uncertain"]


def _printable(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().isprintable() or not secret.get_secret_value():
        raise ValueError("phải gồm ít nhất một ký tự, không xuống dòng")
    return secret


class Table(BaseModel):
    """Base of the tables in `[route.options]`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Request(Table):
    """A call: its parts are templates."""

    method: Literal["GET", "POST", "PUT"] = "POST"
    url: str
    headers: dict[str, str] = Field(default_factory=dict)
    body: str | None = None
    format: Form = Form.JSON


class Reply(Table):
    """How an answer is read. Without `code` the HTTP status is the code, written `HTTP 200`."""

    format: Literal["json", "xml", "text"] = "json"
    separator: Annotated[str, Field(min_length=1)] = "|"
    code: str | None = None
    accepted: Annotated[tuple[str, ...], Field(min_length=1, strict=False)]
    reference: str | None = None
    message: str | None = None
    balance: str | None = None

    def pick(self, body: bytes) -> Pick:
        """Raises ValueError for a body that is not of the format."""
        readers: Mapping[str, Callable[[bytes], Pick]] = {
            "json": from_json,
            "xml": from_xml,
            "text": from_words(self.separator),
        }
        return readers[self.format](body)


class Check(Request):
    """A call that sends nothing and shows that the account works."""

    method: Literal["GET", "POST", "PUT"] = "GET"
    answer: Reply


class Signature(Table):
    """A header with the HMAC-SHA256 of the body, in hexadecimal, with or without `sha256=` before it."""

    header: str
    key: SecretStr

    def require(self, callback: Callback) -> None:
        """Raise ValueError where the header is not that of this body."""
        given = callback.headers.get(self.header, "").removeprefix("sha256=").lower()
        made = hmac.new(self.key.get_secret_value().encode(), callback.body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(given.encode(), made.encode()):
            raise ValueError(f"the signature in {self.header} is not that of the body")


class Report(Table):
    """How a callback is read. A status that is in no list moves nothing and is logged."""

    format: Literal["query", "form", "json", "xml"] = "query"
    message_id: str | None = None
    reference: str | None = None
    status: str
    delivered: Annotated[tuple[str, ...], Field(min_length=1, strict=False)]
    undelivered: Annotated[tuple[str, ...], Field(strict=False)] = ()
    time: str | None = None
    signature: Signature | None = None

    @model_validator(mode="after")
    def _names_a_message(self) -> Self:
        if not (self.message_id or self.reference):
            raise ValueError("cần message_id hoặc reference để biết báo nhận nói về tin nào")
        if self.signature and self.format == "query":
            raise ValueError("signature ký phần thân, mà format = query không có phần thân")
        return self

    def pick(self, callback: Callback) -> Pick:
        """Raises ValueError for a callback that is not of the format."""
        if self.format == "query":
            return from_mapping(callback.query)
        readers: Mapping[str, Callable[[bytes], Pick]] = {"form": from_form, "json": from_json, "xml": from_xml}
        return readers[self.format](callback.body)

    def outcome(self, status: str) -> Outcome:
        if status in self.delivered:
            return Outcome.DELIVERED
        return Outcome.UNDELIVERED if status in self.undelivered else Outcome.PENDING


class GenericOptions(Options):
    """`[route.options]` of a route over `http_generic`; each is explained in docs/providers/http_generic.md."""

    plain_http: bool = False
    callback_base: str | None = None
    hours: OpenHours = None
    secrets: dict[
        Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,39}$")], Annotated[SecretStr, AfterValidator(_printable)]
    ] = Field(default_factory=dict)
    send: Request
    answer: Reply
    codes: dict[str, Class] = Field(default_factory=dict)
    receipt: Report | None = None
    check: Check | None = None
    dedupe_seconds: int = Field(default=0, ge=0, le=7 * 24 * 3600)

    @field_validator("send", "check")
    @classmethod
    def _fillable(cls, request: Request | None, info: ValidationInfo) -> Request | None:
        if request is not None:
            secrets, plain = set(info.data.get("secrets", {})), bool(info.data.get("plain_http"))
            _require_address(request.url, plain)
            _require_names(request, secrets, OF_A_MESSAGE if info.field_name == "send" else OF_A_CHECK)
        return request

    @field_validator("dedupe_seconds")
    @classmethod
    def _with_an_id(cls, seconds: int, info: ValidationInfo) -> int:
        send = info.data.get("send")
        if seconds and send and "${message_id}" not in f"{send.url}{send.body}{send.headers}":
            raise ValueError("chỉ dùng được khi send gửi kèm ${message_id}")
        return seconds

    def keys(self) -> dict[str, str]:
        """The secrets in clear."""
        return {name: secret.get_secret_value() for name, secret in self.secrets.items()}


def _require_address(url: str, plain: bool) -> None:
    if not safe(url, plain=plain) or "$" in urlsplit(url).netloc:
        raise ValueError(f"url: {INSECURE}; tên máy không được chứa ${{...}}")


def _require_names(request: Request, secrets: Collection[str], values: Collection[str]) -> None:
    """Raise ValueError that begins with the field it is about."""
    known, in_header = {*values, *secrets}, {*(IN_HEADERS & set(values)), *secrets}
    fields = [("url", request.url, known), ("body", request.body or "", known)]
    fields += [(f"headers.{name}", value, in_header) for name, value in request.headers.items()]
    for field, template, allowed in fields:
        try:
            names(template, allowed)
            if field == "body" and template:
                require_well_formed(template, known, request.format)
        except ValueError as error:
            raise ValueError(f"{field}: {error}") from None


class Generic(Provider):
    """One message a call. What the carrier is said to do is what routes.toml says."""

    options: GenericOptions
    options_model = GenericOptions
    capabilities = Capabilities(channel="sms")

    def __init__(self, sender: str, options: GenericOptions, http: Http) -> None:
        super().__init__(sender, options, http)
        self.capabilities = replace(
            type(self).capabilities,
            receipts=Receipts.PUSH if options.receipt else Receipts.NONE,
            negative_receipts=bool(options.receipt and options.receipt.undelivered),
            dedupe=Dedupe.ID if options.dedupe_seconds else Dedupe.NONE,
            dedupe_seconds=options.dedupe_seconds,
            hours=Hours(*options.hours) if options.hours else None,
        )
        self._codes = {code: CLASSES[name] for code, name in options.codes.items()}

    async def submit(self, submissions: Sequence[Submission]) -> Submitted:
        """Hand over one message."""
        require_fitting(self.capabilities, submissions)
        call = self._call(self.options.send, f"{self.sender}: send a message", *_values(self.sender, submissions[0]))
        answer = await self.http.send(call)
        code, pick = _read(self.options.answer, call, answer)
        if code in self.options.answer.accepted:
            reference = pick(self.options.answer.reference or "") or ""
            return Submitted((Accepted(known(reference)),), answer.exchange)
        words = pick(self.options.answer.message or "") or ""
        return Submitted((refused(self._codes, code, words, call, answer),), answer.exchange)

    def read_callback(self, callback: Callback) -> Sequence[Receipt]:
        """Read a callback as `[route.options.receipt]` says."""
        report = self.options.receipt
        if report is None:
            raise ValueError("this route reads no callbacks: it has no receipt table")
        if report.signature:
            report.signature.require(callback)
        pick = report.pick(callback)
        message_id, reference = pick(report.message_id or ""), pick(report.reference or "")
        status = pick(report.status) or ""
        ours = message_id if MESSAGE_ID.fullmatch(message_id or "") else None
        theirs = known(reference or "")
        if not (ours or theirs) or not status:
            raise ValueError("the callback names no message of ours, or no status")
        code = blanked(status, limit=40)
        at = moment(pick(report.time) or "") if report.time else None
        return [Receipt(report.outcome(status), ours, theirs, code, raw=f"status {code}", at=at)]

    async def check(self) -> Health:
        """Make the call of `[route.options.check]`; without one there is nothing to ask."""
        check = self.options.check
        if check is None:
            return Health(True, "nothing to ask: the route has no check table", 0.0)
        values = {"sender": self.sender}
        call = self._call(check, f"{self.sender}: ask for the account", values, values)
        answer = await self.http.send(call)
        code, pick = _read(check.answer, call, answer)
        if code not in check.answer.accepted:
            refused(self._codes, code, "", call, answer)
        ok = code in check.answer.accepted
        detail = "the account answers" if ok else f"the carrier answered code {code}"
        balance = money(pick(check.answer.balance or "") or "")
        return Health(ok, detail, answer.exchange.elapsed, balance=balance, exchange=answer.exchange)

    def _call(self, request: Request, tried: str, values: Mapping[str, str], kept: Mapping[str, str]) -> Call:
        """The templates filled in; `kept` are the values as they may be stored."""
        keys = self.options.keys()
        seen = {**kept, **dict.fromkeys(keys, BLANK)}
        hidden = [*keys.values(), *(values[name] for name in ("text", "text_base64", "callback_url") if name in values)]
        return Call(
            request.method,
            filled(request.url, {**values, **keys}, in_address),
            tried,
            shown=f"{request.method} {filled(request.url, seen, str)} {filled(request.body or '', seen, str)}".strip(),
            hidden=tuple(filter(None, hidden)),
            body=None if request.body is None else filled(request.body, {**values, **keys}, WRITTEN[request.format]),
            headers={
                **({} if request.body is None else {"Content-Type": CONTENT_TYPES[request.format]}),
                **{name: filled(value, {**values, **keys}, str) for name, value in request.headers.items()},
            },
        )


def _values(sender: str, submission: Submission) -> tuple[dict[str, str], dict[str, str]]:
    """What a template may ask for of a message: as it is sent, and as it may be stored."""
    number, text = submission.msisdn, submission.text
    values = {
        "msisdn": number,
        "local": f"0{number[2:]}",
        "plus": f"+{number}",
        "text": text,
        "text_base64": base64.b64encode(text.encode()).decode(),
        "sender": sender,
        "message_id": submission.message_id,
        "unicode": "1" if submission.encoding is Encoding.UCS2 else "0",
        "segments": str(submission.segments),
        "callback_url": submission.callback_url or "",
    }
    length = f"{len(text)} characters"
    blank = {"text": length, "text_base64": length, "callback_url": BLANK}
    return values, {**values, **blank, **dict.fromkeys(("msisdn", "local", "plus"), masked(number))}


def _read(reply: Reply, call: Call, answer: Answer) -> tuple[str, Pick]:
    """The answer's code. Raises what the HTTP status says, `Uncertain` where there is no code."""
    try:
        pick = reply.pick(answer.body)
        code = pick(reply.code) if reply.code else f"HTTP {answer.status}"
    except ValueError:
        code = None
    if not code or len(code) > LONGEST_CODE:
        require_access(answer, call.tried)
        raise Uncertain(f"{call.tried}: an answer without a code (HTTP {answer.status})", exchange=answer.exchange)
    return code, pick
