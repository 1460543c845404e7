"""SpeedSMS.vn: brandname SMS, one text to at most a hundred numbers a call.

Source: the vendor's page speedsms.vn/sms-api and its public clients. See docs/providers/speedsms.md.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, SecretStr, model_validator

from providers.base import (
    Accepted,
    Callback,
    Capabilities,
    Finding,
    Found,
    Health,
    Inbound,
    Lookup,
    Outcome,
    Provider,
    Queried,
    Reason,
    Receipt,
    Receipts,
    Refused,
    Submission,
    Submitted,
    require_fitting,
)
from providers.blanking import blanked, masked, shown
from providers.errors import Misconfigured, Uncertain
from providers.http import Call, Http
from providers.options import HttpOptions
from providers.reading import Code, Meaning, Words, known, money, normal, parsed, readable, refused, whole


class SpeedSmsOptions(HttpOptions):
    """`[route.options]` of a SpeedSMS route; without `callback_base` receipts are asked for."""

    base_url: str = "https://api.speedsms.vn/index.php/"
    access_token: SecretStr = Field(min_length=1)
    sms_type: int = Field(default=3, ge=1, le=8)
    numbers_per_call: int = Field(default=100, ge=1, le=1000)


ACCEPTED = "00"
CODES: Mapping[str, Meaning] = {
    "007": Meaning(Misconfigured, "our IP address is locked"),
    "008": Meaning(Misconfigured, "the account is blocked"),
    "009": Meaning(Misconfigured, "the account may not use this call"),
    "101": Meaning(Reason.REQUEST, "a parameter is missing or wrong"),
    "105": Meaning(Reason.RECIPIENT, "the number is not valid"),
    "110": Meaning(Reason.REQUEST, "the text's encoding is not supported"),
    "113": Meaning(Reason.REQUEST, "the text is too long"),
    "300": Meaning(Misconfigured, "not enough money in the account"),
    "500": Meaning(Uncertain, "an internal error of the carrier"),
}
INVALID_NUMBER = Refused(Reason.RECIPIENT, "invalidPhone", "the carrier lists the number as invalid")
FIRST_FINAL_FAILURE = 64  # statuses below it and above 0 are failures for now: the carrier goes on trying
FINDINGS = {
    Outcome.DELIVERED: Finding.DELIVERED,
    Outcome.UNDELIVERED: Finding.UNDELIVERED,
    Outcome.PENDING: Finding.ACCEPTED,
}


class SpeedSms(Provider):
    """`tranId` names the call; its numbers are told apart by themselves. The carrier does not deduplicate."""

    options: SpeedSmsOptions
    options_model = SpeedSmsOptions
    capabilities = Capabilities(channel="sms", one_text=True, shared_reference=True)

    def __init__(self, sender: str, options: SpeedSmsOptions, http: Http) -> None:
        super().__init__(sender, options, http)
        self.capabilities = replace(
            type(self).capabilities,
            max_per_call=options.numbers_per_call,
            receipts=Receipts.PUSH if options.callback_base else Receipts.PULL,
            hours=options.open_hours,
        )

    async def submit(self, submissions: Sequence[Submission]) -> Submitted:
        """Hand over one text to a list of numbers; those that SpeedSMS lists as invalid are refused, the others taken."""
        require_fitting(self.capabilities, submissions)
        call = self._message(submissions)
        answer = await self.http.send(call)
        said = readable(parsed(_Said, answer.body), call, answer)
        if said.code != ACCEPTED:
            verdict = refused(CODES, said.code, said.message, call, answer)
            return Submitted((verdict,) * len(submissions), answer.exchange)
        if said.data is None:
            raise Uncertain(f"{call.tried}: accepted, but nothing is said of what", exchange=answer.exchange)
        taken, invalid = Accepted(known(said.data.tran_id)), {normal(phone) for phone in said.data.invalid}
        verdicts = [INVALID_NUMBER if one.msisdn in invalid else taken for one in submissions]
        return Submitted(tuple(verdicts), answer.exchange)

    def read_callback(self, callback: Callback) -> Sequence[Receipt | Inbound]:
        """Read a webhook's JSON: `report` is a receipt, `sms` a text from a person."""
        told = parsed(_Hook, callback.body) if callback.method == "POST" else None
        if told is None:
            raise ValueError("expected a POST of JSON with type, phone and more")
        phone = normal(told.phone)
        if phone is None:
            raise ValueError("phone is not a number")
        if told.type == "sms":
            return [Inbound(phone, self.sender, told.content)]
        if told.type != "report":
            raise ValueError(f"a type that is neither report nor sms: {blanked(told.type, limit=20)}")
        return [_receipt(told, phone)]

    async def check(self) -> Health:
        """Ask for the balance."""
        call = self._call("GET", "user/info", "SpeedSMS, ask for the balance", None, {})
        answer = await self.http.send(call)
        said = readable(parsed(_Account, answer.body), call, answer)
        return Health(
            True,
            "the account answers",
            answer.exchange.elapsed,
            balance=money(said.balance),
            currency=blanked(said.currency, limit=8) or "VND",
            exchange=answer.exchange,
        )

    async def query(self, lookups: Sequence[Lookup]) -> Queried:
        """Ask what became of the numbers of each call; a message without its call's id is unknown."""
        if self.capabilities.receipts is not Receipts.PULL:
            return await super().query(lookups)
        exchanges, statuses = [], dict[tuple[str, str], str]()
        texts = {lookup.text for lookup in lookups}
        for reference in dict.fromkeys(lookup.reference for lookup in lookups if lookup.reference):
            call = self._call("GET", f"sms/status/{reference}", "SpeedSMS, ask for a call's numbers", None, {})
            answer = await self.http.send(replace(call, hidden=(*call.hidden, *texts)))
            exchanges.append(answer.exchange)
            rows = readable(parsed(_Statuses, answer.body), call, answer).rows
            statuses |= {(reference, normal(row.phone) or ""): row.status for row in rows}
        return Queried(tuple(_found(lookup, statuses) for lookup in lookups), tuple(exchanges))

    def _message(self, submissions: Sequence[Submission]) -> Call:
        first = submissions[0]
        body: dict[str, object] = {
            "to": [one.msisdn for one in submissions],
            "content": first.text,
            "sms_type": self.options.sms_type,
            "sender": self.sender,
        }
        kept = {"to": [masked(one.msisdn) for one in submissions], "content": f"{len(first.text)} characters"}
        call = self._call("POST", "sms/send", "SpeedSMS, send a message", body, kept)
        return replace(call, hidden=(*call.hidden, first.text))

    def _call(
        self, method: str, path: str, tried: str, body: dict[str, object] | None, kept: Mapping[str, object]
    ) -> Call:
        token = self.options.access_token.get_secret_value()
        basic = base64.b64encode(f"{token}:x".encode()).decode()
        return Call(
            method,
            self.options.base_url + path,
            tried,
            shown=f"{method} {path}" + (f" {shown({**body, **kept})}" if body else ""),
            hidden=(token, basic),
            body=body,
            headers={"Authorization": f"Basic {basic}"},
        )


def _phones(value: object) -> object:
    return value or []


class _Taken(BaseModel):
    tran_id: Words = Field(alias="tranId")
    invalid: Annotated[list[Words], BeforeValidator(_phones)] = Field([], alias="invalidPhone")


class _Said(BaseModel):
    code: Code = Field(pattern=r"^[0-9A-Za-z]{1,20}$")
    message: Words = ""
    data: _Taken | None = None


class _Account(BaseModel):
    balance: Words
    currency: Words = "VND"


class _Hook(BaseModel):
    type: Words
    phone: Words = Field(max_length=20)
    status: Words = ""
    content: Words = Field("", max_length=4000)
    tran_id: Words = Field("", alias="tranId")


class _Row(BaseModel):
    phone: Words
    status: Words


class _Statuses(BaseModel):
    """Clients have seen the list by itself and inside `data`."""

    rows: list[_Row] = Field(alias="data")

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: object) -> object:
        return {"data": value} if isinstance(value, list) else value


def _outcome(status: str) -> Outcome:
    number = whole(status)
    if number is None:
        raise ValueError(f"status is not a number: {blanked(status, limit=40)}")
    if number == 0:
        return Outcome.DELIVERED
    return Outcome.UNDELIVERED if number >= FIRST_FINAL_FAILURE else Outcome.PENDING


def _receipt(told: _Hook, phone: str) -> Receipt:
    reference = known(told.tran_id)
    if reference is None:
        raise ValueError("tranId is missing")
    raw = shown({"tranId": reference, "phone": masked(phone), "status": told.status[:20]})
    return Receipt(_outcome(told.status), None, reference, told.status, raw=raw, msisdn=phone)


def _found(lookup: Lookup, statuses: Mapping[tuple[str, str], str]) -> Found:
    status = statuses.get((lookup.reference or "", lookup.msisdn))
    try:
        finding = FINDINGS[_outcome(status)] if status is not None else Finding.UNKNOWN
    except ValueError:
        finding = Finding.UNKNOWN
    return Found(lookup.message_id, finding, lookup.reference, (status or "")[:20])
