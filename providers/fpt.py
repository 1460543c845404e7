"""FPT Telecom's SMS brandname: one care message a call, or an advertising campaign with a list of numbers.

Source: the vendor's old SDK and the public clients of integrators; the manual could not be read. See
docs/providers/fpt.md.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, SecretStr, model_validator

from providers.base import (
    Accepted,
    Callback,
    Capabilities,
    Dedupe,
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
from providers.errors import Misconfigured, Uncertain
from providers.http import Answer, Call, Http, require_access
from providers.lists import list_id
from providers.login import Login, Pass, beforehand
from providers.options import HttpOptions
from providers.reading import CODE_PATTERN, VIETNAM, Code, Meaning, Words, known, parsed, readable, refused


class FptOptions(HttpOptions):
    """`[route.options]` of an FPT route; each is explained in docs/providers/fpt.md.

    `taken_field`: the member of the answer whose presence says that the message, or the list, was taken.
    """

    base_url: str = "https://app.sms.fpt.net/"
    client_id: str = Field(min_length=1)
    client_secret: SecretStr = Field(min_length=1)
    mode: Literal["care", "advertising"] = "care"
    scope: str = "send_brandname_otp send_brandname"
    token_seconds: float = Field(default=3500, gt=0)
    bearer: bool = False
    taken_field: str | None = None
    numbers_per_call: int = Field(default=1000, ge=1, le=10_000)
    schedule_format: str = "%Y-%m-%d %H:%M"
    schedule_minutes: float = Field(default=0, ge=0, le=24 * 60)
    content_dedupe_seconds: int = Field(default=0, ge=0, le=300)

    @model_validator(mode="after")
    def _known_answer(self) -> Self:
        """Nobody has written down what push-brandname-ads answers: guessing would make receipts out of refusals."""
        if self.mode == "advertising" and not self.taken_field:
            raise ValueError('mode = "advertising" cần taken_field: tên trường trong câu trả lời cho biết FPT đã nhận')
        return self


STALE_TOKEN = frozenset({"1011", "1013"})
DUPLICATE = Meaning(Reason.DUPLICATE, "the same text to the same number within five minutes")
BRANDNAME = Meaning(Misconfigured, "the brandname is wrong or not declared")
TEMPLATE = Meaning(Reason.CONTENT, "the text fits no template")
KEYWORD = Meaning(Reason.CONTENT, "banned keyword")
# Each code with its older spellings.
CODES: Mapping[str, Meaning] = {
    "1008": Meaning(Misconfigured, "wrong client id or secret"),
    **dict.fromkeys(STALE_TOKEN, Meaning(Misconfigured, "the access token is refused, a fresh one too")),
    **dict.fromkeys(("2501", "1"), DUPLICATE),
    **dict.fromkeys(("2513", "2", "-8"), BRANDNAME),
    **dict.fromkeys(("2518", "5", "-20"), TEMPLATE),
    **dict.fromkeys(("2519", "6", "-18"), KEYWORD),
}


class Fpt(Provider):
    """What RequestId does is unknown: only the content of a care message is known to be blocked, for five minutes."""

    options: FptOptions
    options_model = FptOptions
    capabilities = Capabilities(channel="sms")

    def __init__(self, sender: str, options: FptOptions, http: Http) -> None:
        super().__init__(sender, options, http)
        advertising = options.mode == "advertising"
        protected = 0 if advertising else options.content_dedupe_seconds
        self.capabilities = replace(
            type(self).capabilities,
            max_per_call=options.numbers_per_call if advertising else 1,
            one_text=advertising,
            per_recipient=not advertising,
            shared_reference=advertising,
            dedupe=Dedupe.CONTENT if protected else Dedupe.NONE,
            dedupe_seconds=protected,
            hours=options.open_hours,
        )
        self._session_id = secrets.token_hex(16)
        self._login = Login(self._sign_in)

    async def submit(self, submissions: Sequence[Submission]) -> Submitted:
        """Hand over one care message, or a campaign of one text with its list of numbers."""
        require_fitting(self.capabilities, submissions)
        if self.options.mode == "care":
            return await self._push("push-brandname-otp", *self._care(submissions[0]), submissions)
        with beforehand():  # a campaign without numbers sends nothing; a second one does no harm
            code = await self._campaign(submissions)
        fields = {"CampaignCode": code, "PhoneList": ",".join(one.msisdn for one in submissions)}
        kept = {"PhoneList": ",".join(masked(one.msisdn) for one in submissions)}
        return await self._push("push-brandname-ads", fields, kept, submissions, reference=code)

    def read_callback(self, callback: Callback) -> Sequence[Receipt]:  # noqa: ARG002  of every provider
        """The manual names delivery reports, but nobody has written down their shape."""
        raise ValueError("callbacks of FPT are not known")

    async def check(self) -> Health:
        """Ask for a token."""
        answer, _ = await self._signed_in()
        return Health(True, "the keys are good", answer.exchange.elapsed, exchange=answer.exchange)

    async def _push(
        self,
        path: str,
        fields: Mapping[str, object],
        kept: Mapping[str, object],
        submissions: Sequence[Submission],
        reference: str | None = None,
    ) -> Submitted:
        call, said, answer = await self._asked(path, fields, kept, submissions[0].text)
        verdict = self._verdict(call, said, answer, reference)
        return Submitted((verdict,) * len(submissions), answer.exchange)

    def _verdict(self, call: Call, said: _Said, answer: Answer, reference: str | None) -> Verdict:
        if said.error:
            return refused(CODES, said.error, said.words, call, answer)
        taken = (said.model_extra or {}).get(self.options.taken_field or "")
        if not (said.message_id or taken):
            require_access(answer, call.tried)
            raise Uncertain(f"{call.tried}: an answer that says neither yes nor no", exchange=answer.exchange)
        return Accepted(reference or known(said.message_id or str(taken)))

    def _care(self, submission: Submission) -> tuple[dict[str, object], dict[str, object]]:
        fields: dict[str, object] = {
            "BrandName": self.sender,
            "Phone": submission.msisdn,
            "Message": _base64(submission.text),
            "RequestId": submission.message_id,
        }
        return fields, {"Phone": masked(submission.msisdn), "Message": f"{len(submission.text)} characters"}

    async def _campaign(self, submissions: Sequence[Submission]) -> str:
        text = submissions[0].text
        start = datetime.now(UTC).astimezone(VIETNAM) + timedelta(minutes=self.options.schedule_minutes)
        fields: dict[str, object] = {
            "CampaignName": list_id(submissions),
            "BrandName": self.sender,
            "Message": _base64(text),
            "ScheduleTime": start.strftime(self.options.schedule_format),
            "Quota": len(submissions),
        }
        kept = {"Message": f"{len(text)} characters"}
        call, said, answer = await self._asked("create-campaign", fields, kept, text)
        if said.error:
            meaning = refused(CODES, said.error, said.words, call, answer)
            raise Misconfigured(f"{call.tried}: {meaning.detail}", code=said.error, exchange=answer.exchange)
        if not said.campaign:
            raise Uncertain(f"{call.tried}: an answer without CampaignCode", exchange=answer.exchange)
        return said.campaign

    async def _asked(
        self, path: str, fields: Mapping[str, object], kept: Mapping[str, object], text: str
    ) -> tuple[Call, _Said, Answer]:
        """The answer; where the token is refused nothing was taken, and a fresh one is tried once."""
        first = await self._ask(path, fields, kept, text)
        return await self._ask(path, fields, kept, text) if first[1].error in STALE_TOKEN else first

    async def _ask(
        self, path: str, fields: Mapping[str, object], kept: Mapping[str, object], text: str
    ) -> tuple[Call, _Said, Answer]:
        token = await self._login.value()
        call = self._call(path, fields, kept, text, token)
        answer = await self.http.send(call)
        said = readable(parsed(_Said, answer.body), call, answer)
        if said.error in STALE_TOKEN:
            self._login.drop(token)
        return call, said, answer

    def _call(self, path: str, fields: Mapping[str, object], kept: Mapping[str, object], text: str, token: str) -> Call:
        keys: dict[str, object] = {} if self.options.bearer else {"access_token": token, "session_id": self._session_id}
        return Call(
            "POST",
            f"{self.options.base_url}api/{path}",
            f"FPT, {path}",
            shown=f"POST api/{path} {shown({**dict.fromkeys(keys, BLANK), **fields, **kept})}",
            hidden=(token, self._session_id, self.options.client_secret.get_secret_value(), text, _base64(text)),
            body={**keys, **fields},
            headers={"Authorization": f"Bearer {token}"} if self.options.bearer else None,
        )

    async def _sign_in(self) -> Pass:
        with beforehand():
            _, said = await self._signed_in()
        return Pass(said.access_token, min(self.options.token_seconds, said.expires_in or self.options.token_seconds))

    async def _signed_in(self) -> tuple[Answer, _Token]:
        secret = self.options.client_secret.get_secret_value()
        fields: dict[str, Any] = {
            "grant_type": "client_credentials",
            "client_id": self.options.client_id,
            "client_secret": secret,
            "scope": self.options.scope,
            "session_id": self._session_id,
        }
        call = Call(
            "POST",
            self.options.base_url + "oauth2/token",
            "FPT, ask for a token",
            shown=f"POST oauth2/token {shown({**fields, 'client_secret': BLANK, 'session_id': BLANK})}",
            hidden=(secret, self._session_id),
            body=fields,
        )
        answer = await self.http.send(call)
        said = readable(parsed(_Token, answer.body), call, answer)
        if not said.access_token:
            raise Misconfigured(f"{call.tried}: refused (code {said.error})", code=said.error, exchange=answer.exchange)
        exchange = replace(answer.exchange, response=answer.exchange.response.replace(said.access_token, BLANK))
        return replace(answer, exchange=exchange), said


class _Token(BaseModel):
    access_token: Words = ""
    expires_in: float | None = Field(None, gt=0)
    error: Code = Field("", pattern=CODE_PATTERN)

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if not (self.access_token or self.error):
            raise ValueError("neither a token nor an error")
        return self


class _Said(BaseModel, extra="allow"):
    error: Code = Field("", pattern=CODE_PATTERN)
    words: Words = Field("", alias="error_description")
    message_id: Words = Field("", alias="MessageId")
    campaign: Words = Field("", alias="CampaignCode")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
