"""Viettel's bulk SMS over SOAP ("bulkapi"): one message a call, or a batch; who was not reached, a day later, as a list.

Source: stubs that others generated from the vendor's WSDL, and public clients. See docs/providers/viettel.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from pydantic import Field, SecretStr, field_validator

from providers.base import (
    Accepted,
    Callback,
    Capabilities,
    Collected,
    Dedupe,
    Encoding,
    Exchange,
    Health,
    Outcome,
    Provider,
    Reason,
    Receipt,
    Receipts,
    Submission,
    Submitted,
    Unclear,
    Unsent,
    Verdict,
    require_fitting,
)
from providers.blanking import BLANK, blanked, masked, shown
from providers.errors import Misconfigured, NotSent, Uncertain
from providers.http import Answer, Call, Http, require_access
from providers.options import HttpOptions
from providers.reading import Meaning, money, normal, refused
from providers.soap import HEADERS, Fields, envelope, returned
from providers.xmltree import Element


class ViettelOptions(HttpOptions):
    """`[route.options]` of a Viettel route; each is explained in docs/providers/viettel.md."""

    base_url: str = "https://ams.tinnhanthuonghieu.vn:8998/"
    path: str = "bulkapi"
    certificate_sha256: str | None = None
    user: str = Field(min_length=1)
    password: SecretStr = Field(min_length=1)
    cp_code: str = Field(min_length=1)
    command_code: str = "bulksms"
    plain_type: str = "0"
    unicode_type: str = "1"
    numbers_per_call: int = Field(default=1, ge=1, le=500)
    assume_content_dedupe_seconds: int = Field(default=0, ge=0, le=24 * 3600)
    daily_list: bool = True
    list_accepted: tuple[str, ...] = Field(default=("0",), strict=False)
    date_format: str = "%d/%m/%Y"
    page_size: int = Field(default=500, ge=1, le=5000)
    pages: int = Field(default=200, ge=1, le=10_000)

    @field_validator("certificate_sha256")
    @classmethod
    def _digest(cls, value: str | None) -> str | None:
        plain = (value or "").replace(":", "").lower()
        if value is not None and not re.fullmatch("[0-9a-f]{64}", plain):
            raise ValueError("phải là SHA-256 của chứng thư: 64 chữ số thập lục phân, có thể có dấu hai chấm")
        return plain or None


NAMESPACE = "http://impl.bulkSms.ws/"
TAKEN, REFUSED = "1", "0"
# What is in the text of a refusal, in this order: there are no codes.
MEANINGS: Sequence[tuple[str, str, Meaning]] = (
    ("NULL_OR_BLANK", "authenticate.*null_or_blank", Meaning(Misconfigured, "user, password or CP code is missing")),
    ("IP_INVALID", "ip_invalid", Meaning(Misconfigured, "our IP address is not on the account's list")),
    ("CP_CODE_NOT_FOUND", "cp_code_not_found", Meaning(Misconfigured, "wrong CP code")),
    ("WRONG_INFORMATION", "wrong_information_authenticate", Meaning(Misconfigured, "wrong user or password")),
    ("REQUEST_ID", "request_?id.*(null_or_blank|not_number)", Meaning(Reason.REQUEST, "wrong RequestID")),
    ("RECEIVER", "userid_not_equal_receiverid", Meaning(Reason.RECIPIENT, "UserID is not ReceiverID")),
    (
        "RECEIVER",
        "(userid|receiverid).*(null_or_blank|format_error|invalid)",
        Meaning(Reason.RECIPIENT, "the number is not valid"),
    ),
    ("TELCO_UNKNOWN", "unable to check telco", Meaning(Reason.RECIPIENT, "the number's network is not known")),
    ("DUPLICATE", "duplicate message", Meaning(Reason.DUPLICATE, "the same text to the same number a short while ago")),
    ("ALIAS_INVALID", "alias_invalid", Meaning(Reason.NETWORK, "the brandname is not registered on this network")),
    ("COMMAND_CODE", "commandcode", Meaning(Reason.REQUEST, "wrong CommandCode")),
    ("CONTENT", "content.*(null|maxlength_limit)", Meaning(Reason.CONTENT, "the text is empty or too long")),
    ("BLACKLIST", "msg_error_contain_blacklist", Meaning(Reason.CONTENT, "banned keyword")),
    ("TEMPLATE", "content_not_match_template", Meaning(Reason.CONTENT, "the text fits no template")),
    ("CHECK_ERROR", "check information error", Meaning(Uncertain, "the carrier could not check the message")),
)
CODES = {name: meaning for name, _, meaning in MEANINGS}
_FIRST_WORD = re.compile(r"[^\s:]{1,60}")


class Viettel(Provider):
    """No id comes back, and RequestID is no key: only number and text are known to be compared, nobody says how long."""

    options: ViettelOptions
    options_model = ViettelOptions
    capabilities = Capabilities(channel="sms", receipts=Receipts.DAILY)

    def __init__(self, sender: str, options: ViettelOptions, http: Http) -> None:
        super().__init__(sender, options, http)
        protected = options.assume_content_dedupe_seconds
        self.capabilities = replace(
            type(self).capabilities,
            max_per_call=options.numbers_per_call,
            receipts=Receipts.DAILY if options.daily_list else Receipts.NONE,
            dedupe=Dedupe.CONTENT if protected else Dedupe.NONE,
            dedupe_seconds=protected,
            hours=options.open_hours,
        )

    async def submit(self, submissions: Sequence[Submission]) -> Submitted:
        """Hand over one message by wsCpMt, several by wsCpBatchMt."""
        require_fitting(self.capabilities, submissions)
        if len(submissions) > 1:
            return await self._batch(submissions)
        call = self._message(submissions[0])
        answer = await self.http.send(call)
        said = _returned(call, answer)
        return Submitted((_verdict(said, call, answer),), answer.exchange)

    async def _batch(self, submissions: Sequence[Submission]) -> Submitted:
        call = self._messages(submissions)
        answer = await self.http.send(call)
        said = _returned(call, answer)
        told = {one.said("requestId"): one for one in said.children if one.name == "responseMt"}
        if not told:
            return Submitted((_of_all(said, call, answer),) * len(submissions), answer.exchange)
        verdicts = [_one_of(told.get(str(place)), call, answer) for place in range(1, len(submissions) + 1)]
        return Submitted(tuple(verdicts), answer.exchange)

    def read_callback(self, callback: Callback) -> Sequence[Receipt]:  # noqa: ARG002  of every provider
        """Nothing comes by HTTP."""
        raise ValueError("Viettel makes no callbacks")

    async def check(self) -> Health:
        """Ask for the balance."""
        call = self._call("checkBalance", "Viettel, ask for the balance", self._keys(), {})
        answer = await self.http.send(call)
        said = _returned(call, answer)
        words = said.said("errDesc") or ""
        code = _code(words)
        if code in CODES:
            refused(CODES, code, words, call, answer)
        balance = money(said.said("balance") or "")
        detail = (
            "the account answers" if balance is not None else f"no balance: {blanked(words, call.hidden, limit=100)}"
        )
        return Health(balance is not None, detail, answer.exchange.elapsed, balance, exchange=answer.exchange)

    async def collect(self, day: date) -> Collected:
        """The numbers that were not reached on a day, page by page; nothing is said of the others."""
        if self.capabilities.receipts is not Receipts.DAILY:
            return await super().collect(day)
        receipts, exchanges = list[Receipt](), list[Exchange]()
        for page in range(1, self.options.pages + 1):
            call = self._failed(day, page)
            answer = await self.http.send(call)
            exchanges.append(replace(answer.exchange, response=f"{len(answer.body)} bytes"))  # other people's numbers
            rows = self._rows(_returned(call, answer), call, answer)
            receipts += filter(None, map(_unreached, rows))
            if len(rows) < self.options.page_size:
                break
        return Collected(tuple(receipts), tuple(exchanges))

    def _rows(self, said: Element, call: Call, answer: Answer) -> list[Element]:
        """The numbers of a page. A list that was refused is not an empty one."""
        code, words = said.said("errorCode") or "", said.said("return.message") or ""
        if code not in self.options.list_accepted:
            if _code(words) in CODES:
                refused(CODES, _code(words), words, call, answer)
            raise Uncertain(f"{call.tried}: code {blanked(code, limit=20)}", code=code[:20], exchange=answer.exchange)
        return [row for row in said.children if row.name == "result"]

    def _failed(self, day: date, page: int) -> Call:
        (_, user), (_, password), (_, cp_code) = self._keys()
        fields = [
            ("username", user),
            ("password", password),
            ("cpCode", cp_code),
            ("alias", self.sender),
            ("date", day.strftime(self.options.date_format)),
            ("pageNumber", str(page)),
            ("pageSize", str(self.options.page_size)),
        ]
        return self._call("getFailSub", "Viettel, list who was not reached", fields, {})

    def _message(self, submission: Submission) -> Call:
        fields = [
            *self._keys(),
            ("RequestID", "1"),
            ("UserID", submission.msisdn),
            ("ReceiverID", submission.msisdn),
            ("ServiceID", self.sender),
            ("CommandCode", self.options.command_code),
            ("Content", submission.text),
            ("ContentType", self._type(submission)),
        ]
        kept = dict.fromkeys(("UserID", "ReceiverID"), masked(submission.msisdn))
        kept["Content"] = f"{len(submission.text)} characters"
        call = self._call("wsCpMt", "Viettel, send a message", fields, kept)
        return replace(call, hidden=(*call.hidden, submission.text))

    def _messages(self, submissions: Sequence[Submission]) -> Call:
        wanted = [
            (
                "requestMt",
                [
                    ("content", one.text),
                    ("contentType", self._type(one)),
                    ("receiverID", one.msisdn),
                    ("requestID", str(place)),
                    ("serviceID", self.sender),
                    ("userID", one.msisdn),
                ],
            )
            for place, one in enumerate(submissions, 1)
        ]
        fields: Fields = [*self._keys(), ("CommandCode", self.options.command_code), *wanted]
        kept = {"requestMt": f"{len(submissions)} messages"}
        call = self._call("wsCpBatchMt", "Viettel, send a batch", fields, kept)
        return replace(call, hidden=(*call.hidden, *{one.text for one in submissions}))

    def _type(self, submission: Submission) -> str:
        return self.options.unicode_type if submission.encoding is Encoding.UCS2 else self.options.plain_type

    def _keys(self) -> list[tuple[str, str]]:
        options = self.options
        return [("User", options.user), ("Password", options.password.get_secret_value()), ("CPCode", options.cp_code)]

    def _call(self, operation: str, tried: str, fields: Fields, kept: dict[str, str]) -> Call:
        """Of the fields named in `kept`, and of the password, the exchange shows only what is said there."""
        password = self.options.password.get_secret_value()
        seen = {name: BLANK if name.lower() == "password" else kept.get(name, value) for name, value in fields}
        pinned = self.options.certificate_sha256
        return Call(
            "POST",
            self.options.base_url + self.options.path,
            tried,
            shown=f"POST {self.options.path} {operation} {shown(seen)}",
            hidden=(password,),
            body=envelope(NAMESPACE, operation, fields),
            headers=HEADERS,
            fingerprint=bytes.fromhex(pinned) if pinned else None,
        )


def _returned(call: Call, answer: Answer) -> Element:
    try:
        return returned(answer.body)
    except ValueError as error:
        require_access(answer, call.tried)
        said = f"{call.tried}: {blanked(str(error), call.hidden, limit=100)} (HTTP {answer.status})"
        raise Uncertain(said, exchange=answer.exchange) from None


def _verdict(said: Element, call: Call, answer: Answer) -> Verdict:
    result = said.said("result")
    if result == TAKEN:
        return Accepted(None)
    words = said.said("message") or ""
    if result != REFUSED:
        raise Uncertain(
            f"{call.tried}: neither 1 nor 0", code=blanked(result or "", limit=20), exchange=answer.exchange
        )
    return refused(CODES, blanked(_code(words), call.hidden, limit=60), words, call, answer)


def _one_of(said: Element | None, call: Call, answer: Answer) -> Verdict:
    """One message of a batch: what would be the failure of a call of its own speaks of it alone."""
    if said is None:
        return Unclear("", "the answer leaves this message out")
    try:
        return _verdict(said, call, answer)
    except NotSent as failure:
        return Unsent(failure)
    except Uncertain as error:
        return Unclear(error.code, str(error))


def _of_all(said: Element, call: Call, answer: Answer) -> Verdict:
    """A batch that was answered as a whole. What is not in the table proves nothing about its messages."""
    words = said.said("errDesc") or ""
    code = _code(words)
    if code in CODES:
        return refused(CODES, code, words, call, answer)
    if not (number := said.said("errCode")):
        raise Uncertain(f"{call.tried}: an answer without a code", exchange=answer.exchange)
    return Unclear(blanked(number, limit=20), blanked(words, call.hidden, limit=200))


def _code(words: str) -> str:
    """Our name for what a refusal says; for one that is not in the table its first word."""
    lower = words.lower()
    found = next((name for name, pattern, _ in MEANINGS if re.search(pattern, lower)), None)
    first = _FIRST_WORD.search(words)
    return found or (first[0] if first else "")


def _unreached(row: Element) -> Receipt | None:
    """A row names number and reason in attributes, or in elements: the stubs do not agree."""
    number = normal(row.attributes.get("receiver") or row.said("receiver") or "")
    if number is None:
        return None
    words = blanked(row.attributes.get("message") or row.said("result.message") or "", (number,), limit=100)
    raw = shown({"receiver": masked(number), "message": words})
    return Receipt(Outcome.UNDELIVERED, None, None, words[:40], raw=raw, msisdn=number)
