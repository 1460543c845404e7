"""MobiFone's SMS brandname gateway (SMSG): a login, then one message a call. Keys and text travel in the address.

Source: two public clients that agree; the vendor publishes no page. See docs/providers/mobifone.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pydantic import BaseModel, Field, SecretStr

from providers.base import (
    Accepted,
    Callback,
    Capabilities,
    Health,
    Provider,
    Reason,
    Receipt,
    Refused,
    Submission,
    Submitted,
    require_fitting,
)
from providers.blanking import BLANK, blanked, masked, shown
from providers.errors import Misconfigured
from providers.http import Answer, Call, Http
from providers.login import Login, Pass, beforehand
from providers.options import HttpOptions
from providers.reading import CODE_PATTERN, Code, Words, parsed, readable


class MobiFoneOptions(HttpOptions):
    """`[route.options]` of a MobiFone route. `session_seconds`: for how long a login is used."""

    base_url: str = "https://smsbrandname.mobifone.vn/smsg/"
    user_name: str = Field(min_length=1)
    password: SecretStr = Field(min_length=1)
    bind_mode: str = "T"
    session_seconds: float = Field(default=300, gt=0)
    accepted: tuple[str, ...] = Field(default=("200",), min_length=1, strict=False)


class MobiFone(Provider):
    """No id, no receipts, no status query, no deduplication: whatever is not a clear answer stays uncertain."""

    options: MobiFoneOptions
    options_model = MobiFoneOptions
    capabilities = Capabilities(channel="sms")

    def __init__(self, sender: str, options: MobiFoneOptions, http: Http) -> None:
        super().__init__(sender, options, http)
        self.capabilities = replace(type(self).capabilities, hours=options.open_hours)
        self._login = Login(self._sign_in)

    async def submit(self, submissions: Sequence[Submission]) -> Submitted:
        """Hand over one message. A status that nobody documents may mean that the login is stale: the next call makes one."""
        require_fitting(self.capabilities, submissions)
        sid = await self._login.value()
        call = self._message(submissions[0], sid)
        answer = await self.http.send(call)
        said = readable(parsed(_Said, answer.body), call, answer)
        if said.status in self.options.accepted:
            return Submitted((Accepted(None),), answer.exchange)
        self._login.drop(sid)
        words = blanked(said.message, call.hidden, limit=200)
        return Submitted((Refused(Reason.OTHER, said.status, words),), answer.exchange)

    def read_callback(self, callback: Callback) -> Sequence[Receipt]:  # noqa: ARG002  of every provider
        """Nothing comes by HTTP."""
        raise ValueError("MobiFone makes no callbacks")

    async def check(self) -> Health:
        """Log in."""
        answer, _ = await self._signed_in()
        return Health(True, "the login works", answer.exchange.elapsed, exchange=answer.exchange)

    async def _sign_in(self) -> Pass:
        with beforehand():
            _, sid = await self._signed_in()
        return Pass(sid, self.options.session_seconds)

    async def _signed_in(self) -> tuple[Answer, str]:
        password = self.options.password.get_secret_value()
        call = Call(
            "GET",
            self.options.base_url + "login.jsp",
            "MobiFone, log in",
            shown=f"GET login.jsp {shown({'userName': self.options.user_name, 'password': BLANK})}",
            hidden=(password,),
            params={
                "userName": self.options.user_name,
                "password": password,
                "bindMode": self.options.bind_mode,
            },
        )
        answer = await self.http.send(call)
        said = readable(parsed(_Said, answer.body), call, answer)
        if said.status not in self.options.accepted or not said.sid:
            raise Misconfigured(
                f"{call.tried}: refused (status {said.status})", code=said.status, exchange=answer.exchange
            )
        exchange = replace(answer.exchange, response=answer.exchange.response.replace(said.sid, BLANK))
        return replace(answer, exchange=exchange), said.sid

    def _message(self, submission: Submission, sid: str) -> Call:
        kept = {"recipient": masked(submission.msisdn), "content": f"{len(submission.text)} characters"}
        return Call(
            "GET",
            self.options.base_url + "send.jsp",
            "MobiFone, send a message",
            shown=f"GET send.jsp {shown({'sid': BLANK, 'sender': self.sender, **kept})}",
            hidden=(sid, submission.text, self.options.password.get_secret_value()),
            params={
                "sid": sid,
                "sender": self.sender,
                "recipient": submission.msisdn,
                "content": submission.text,
            },
        )


class _Said(BaseModel):
    status: Code = Field(pattern=CODE_PATTERN, min_length=1)
    message: Words = ""
    sid: Words = ""
