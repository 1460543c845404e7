"""VNPT / VinaPhone "SMS Marketing": one text to a list of numbers of one network, or to a group that VNPT keeps.

Source: VNPT's own sample client and the public clients of integrators; the vendor publishes no page. See
docs/providers/vnpt.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import BaseModel, Field, SecretStr

from providers.base import (
    Accepted,
    Callback,
    Capabilities,
    Dedupe,
    Encoding,
    Health,
    Provider,
    Reason,
    Receipt,
    Submission,
    Submitted,
    Verdict,
    require_fitting,
)
from providers.blanking import BLANK, masked, shown
from providers.errors import Misconfigured, Throttled, Uncertain
from providers.http import Answer, Call, Http
from providers.lists import halved, list_id
from providers.options import HttpOptions
from providers.reading import CODE_PATTERN, Code, Meaning, Words, parsed, readable, refused


class VnptOptions(HttpOptions):
    """`[route.options]` of a VNPT route; each is explained in docs/providers/vnpt.md."""

    path: str = "smsmarketing/api"
    api_user: str = Field(min_length=1)
    api_pass: SecretStr = Field(min_length=1)
    user_name: str = Field(min_length=1)
    agent_id: str = Field(min_length=1)
    label_id: str = Field(min_length=1)
    contract_id: str = Field(min_length=1)
    contract_type_id: str = Field(default="1", pattern="^[12]$")
    template_id: str = Field(min_length=1)
    numbers_per_call: int = Field(default=100, ge=1, le=1000)
    reqid_seconds: int = Field(default=0, ge=0, le=7 * 24 * 3600)
    defer_seconds: float = Field(default=900, gt=0)
    check_method: str = "get_contract"


ACCEPTED = "0"
SPOILT = "23"  # several networks in the list, or a wrong number: nothing of it is taken
CODES: Mapping[str, Meaning] = {
    "-1": Meaning(Uncertain, "an internal error, a character that breaks the format, or a text too long"),
    "1": Meaning(Misconfigured, "wrong user, password or IP address"),
    "2": Meaning(Reason.REQUEST, "wrong time format"),
    "3": Meaning(Reason.REQUEST, "wrong method"),
    "7": Meaning(Reason.CONTENT, "wrong template"),
    "8": Meaning(Throttled, "not at this time of day"),
    "9": Meaning(Misconfigured, "wrong type of contract"),
    "10": Meaning(Misconfigured, "wrong user name"),
    "11": Meaning(Reason.CONTENT, "the text is too long"),
    "12": Meaning(Throttled, "against the network's hours"),
    "13": Meaning(Misconfigured, "wrong contract"),
    "14": Meaning(Misconfigured, "wrong label"),
    "15": Meaning(Misconfigured, "wrong agent"),
    "16": Meaning(Throttled, "too fast for the carrier", 1.0),
    "17": Meaning(Reason.CONTENT, "the text's characters do not fit DATACODING"),
    "20": Meaning(Misconfigured, "the contract's package is used up"),
    "21": Meaning(Misconfigured, "the customer's package is used up"),
    "22": Meaning(Misconfigured, "the agent's package is used up"),
    SPOILT: Meaning(Reason.RECIPIENT, "a wrong number, or one of another network"),
    "24": Meaning(Reason.REQUEST, "the time lies in the past"),
    "25": Meaning(Reason.NETWORK, "the label is not registered on this network"),
    "26": Meaning(Reason.RECIPIENT, "three advertising messages today already"),
    "30": Meaning(Reason.CONTENT, "banned keyword"),
    "31": Meaning(Misconfigured, "the customer is not active"),
    "32": Meaning(Reason.CONTENT, "the template is out of date"),
    "33": Meaning(Reason.DUPLICATE, "the REQID was used before"),
}


@dataclass(frozen=True, slots=True)
class Group:
    """One text to a group of subscribers that VNPT keeps; `order_id` is ours, 32 hexadecimal digits.

    `most` = 0 means everybody; `own_subscribers` is VNPT's own group of its network (ISTELCOSUB).
    """

    order_id: str
    group_id: str
    text: str
    encoding: Encoding
    most: int = 0
    own_subscribers: bool = True


class Vnpt(Provider):
    """`REQID` is our message's id, or one for the list: VNPT blocks its reuse (code 33), nobody says for how long."""

    options: VnptOptions
    options_model = VnptOptions
    capabilities = Capabilities(
        channel="sms", one_text=True, single_network=True, per_recipient=False, shared_reference=True
    )

    def __init__(self, sender: str, options: VnptOptions, http: Http) -> None:
        super().__init__(sender, options, http)
        # A list that is tried again need not hold the same messages, and then has another REQID: no protection.
        protected = options.reqid_seconds if options.numbers_per_call == 1 else 0
        self.capabilities = replace(
            type(self).capabilities,
            max_per_call=options.numbers_per_call,
            dedupe=Dedupe.ID if protected else Dedupe.NONE,
            dedupe_seconds=protected,
            hours=options.open_hours,
        )

    async def submit(self, submissions: Sequence[Submission]) -> Submitted:
        """Hand over one text to a list of numbers; a list with a wrong number in it is found out by halves."""
        require_fitting(self.capabilities, submissions)
        return await halved(self._submit, submissions, _spoilt)

    async def _submit(self, submissions: Sequence[Submission]) -> Submitted:
        call, reference = self._message(submissions), list_id(submissions)
        answer = await self.http.send(call)
        verdict = self._verdict(call, answer, reference)
        return Submitted((verdict,) * len(submissions), answer.exchange)

    async def submit_group(self, group: Group) -> Submitted:
        """Hand over one text to a group that VNPT keeps: one verdict for all of it. Raises a `ProviderError`."""
        fields = {
            "MOBILEGOUPID": group.group_id,  # sic
            "MAXITEM": str(group.most),
            "ISTELCOSUB": "1" if group.own_subscribers else "0",
            **self._said(group.order_id, group.text, group.encoding),
        }
        call = self._call(
            "send_sms_group", "VNPT, send to a group", fields, {"PARAMS": f"{len(group.text)} characters"}
        )
        call = replace(call, hidden=(*call.hidden, group.text))
        answer = await self.http.send(call)
        return Submitted((self._verdict(call, answer, group.order_id),), answer.exchange)

    def read_callback(self, callback: Callback) -> Sequence[Receipt]:  # noqa: ARG002  of every provider
        """Nothing comes by HTTP."""
        raise ValueError("VNPT makes no callbacks")

    async def check(self) -> Health:
        """Ask for something harmless: any answer but a refusal of the keys shows that they are good."""
        call = self._call(self.options.check_method, "VNPT, ask for the contract", {}, {})
        answer = await self.http.send(call)
        said = _read(call, answer)
        if said.code != ACCEPTED:
            refused(CODES, said.code, said.words, call, answer)
        return Health(
            True, f"the account answers (code {said.code})", answer.exchange.elapsed, exchange=answer.exchange
        )

    def _verdict(self, call: Call, answer: Answer, reference: str) -> Verdict:
        said = _read(call, answer)
        if said.code == ACCEPTED:
            return Accepted(reference)
        return refused(self._codes, said.code, said.words, call, answer)

    @property
    def _codes(self) -> Mapping[str, Meaning]:
        """The table, with how long to wait where the hour is wrong."""
        wait = self.options.defer_seconds
        return {**CODES, **{code: replace(CODES[code], wait=wait) for code in ("8", "12")}}

    def _message(self, submissions: Sequence[Submission]) -> Call:
        first = submissions[0]
        fields = {
            "SCHEDULETIME": "",
            "MOBILELIST": ",".join(one.msisdn for one in submissions),
            "ISTELCOSUB": "0",
            **self._said(list_id(submissions), first.text, first.encoding),
        }
        kept = {
            "MOBILELIST": ",".join(masked(one.msisdn) for one in submissions),
            "PARAMS": f"{len(first.text)} characters",
        }
        call = self._call("send_sms_list", "VNPT, send a message", fields, kept)
        return replace(call, hidden=(*call.hidden, first.text))

    def _said(self, reqid: str, text: str, encoding: Encoding) -> dict[str, object]:
        return {
            "REQID": reqid,
            "LABELID": self.options.label_id,
            "CONTRACTTYPEID": self.options.contract_type_id,
            "TEMPLATEID": self.options.template_id,
            "PARAMS": [{"NUM": "1", "CONTENT": text}],
            "DATACODING": "8" if encoding is Encoding.UCS2 else "0",
        }

    def _call(self, name: str, tried: str, fields: Mapping[str, object], kept: Mapping[str, object]) -> Call:
        options = self.options
        password = options.api_pass.get_secret_value()
        account = {
            "CONTRACTID": options.contract_id,
            "AGENTID": options.agent_id,
            "APIUSER": options.api_user,
            "APIPASS": password,
            "USERNAME": options.user_name,
        }
        request = {"name": name, **fields, **account}
        seen = {**request, **kept, "APIPASS": BLANK}
        return Call(
            "POST",
            options.base_url + options.path,
            tried,
            shown=f"POST {options.path} {shown(seen)}",
            hidden=(password,),
            body={"RQST": request},
        )


class _Reply(BaseModel):
    code: Code = Field(alias="ERROR", pattern=CODE_PATTERN, min_length=1)
    words: Words = Field("", alias="ERROR_DESC")


class _Said(BaseModel):
    reply: _Reply = Field(alias="RPLY")


def _read(call: Call, answer: Answer) -> _Reply:
    return readable(parsed(_Said, answer.body), call, answer).reply


def _spoilt(verdict: Verdict) -> bool:
    return getattr(verdict, "code", "") == SPOILT
