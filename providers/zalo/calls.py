"""What Zalo's kinds of messages share: the account, calls with its token, getting one, and the webhook."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote, urlencode

from pydantic import BaseModel, BeforeValidator, Field, SecretStr, ValidationInfo, field_validator

from providers.base import Accepted, Callback, Heard, Hours, Submitted, user_address
from providers.blanking import BLANK, shown
from providers.errors import Misconfigured, Throttled, Uncertain
from providers.http import Answer, Call, Http
from providers.options import INSECURE, HttpOptions, safe
from providers.reading import REFERENCE, Code, Meaning, Words, parsed, readable, refused
from providers.tokens import NotAuthorised, Pair, Signed
from providers.zalo.codes import ACCEPTED, CODES, SENDING_BEGINS, SENDING_ENDS, STALE_TOKEN, WAITS
from providers.zalo.webhook import USER_ID, read

PAGE = 50
LISTED = 10_000  # ids that Zalo lists at most
WEEK = "L7D"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class ZaloOptions(HttpOptions):
    """`app_id`, `app_secret`: of the app; `oa_id`, `oa_secret`: of the Official Account and its webhook's signature.

    `oauth_url` is where tokens are asked for, `permission_url` where a person allows us in, who is sent on to `redirect_url`.
    `webhook_age`: how many seconds old a signed webhook may be. `oa_url`: the host of the Official Account.
    """

    app_id: str = Field(pattern=r"^[0-9]{1,32}$")
    oa_id: str = Field(pattern=r"^[0-9]{1,32}$")
    app_secret: SecretStr = Field(min_length=1)
    oa_secret: SecretStr = Field(min_length=1)
    oauth_url: str = "https://oauth.zaloapp.com/v4/oa/access_token"
    permission_url: str = "https://oauth.zaloapp.com/v4/oa/permission"
    redirect_url: str = ""
    oa_url: str = "https://openapi.zalo.me/"
    webhook_age: float = Field(default=7200, gt=0)

    @field_validator("oauth_url", "permission_url", "oa_url")
    @classmethod
    def _safe_oauth(cls, value: str, info: ValidationInfo) -> str:
        """Secrets travel in the call."""
        if not safe(value, plain=bool(info.data.get("plain_http"))):
            raise ValueError(INSECURE)
        return value


def _whole(value: object) -> object:
    """Documented as a string, seen as a number too."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10 else value


class _Pair(BaseModel):
    access_token: str = Field(min_length=1)
    refresh_token: str = Field(min_length=1)
    expires_in: Annotated[int, BeforeValidator(_whole)] = Field(gt=0)


class Said(BaseModel):
    """An answer of either host; failures come with HTTP 200 too."""

    error: Code = Field(pattern=r"^-?[0-9]{1,9}$")
    message: Words = ""
    data: dict[str, object] = {}

    def number(self, name: str) -> int | None:
        """A count in the data; Zalo writes them as strings."""
        value = str(self.data.get(name, ""))
        return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else None


@dataclass(frozen=True, slots=True)
class Asked:
    """A call before it has its token. `kept` is stored in place of some fields; `hidden` is blanked wherever it appears."""

    method: str
    url: str
    tried: str
    body: Mapping[str, object] | None = field(default=None, repr=False)
    kept: Mapping[str, object] = field(default_factory=dict)
    hidden: tuple[str, ...] = field(default=(), repr=False)

    def call(self, token: str, secrets: tuple[str, ...]) -> Call:
        """With the token."""
        path = "/" + self.url.split("/", 3)[-1]
        body = f" {shown({**self.body, **self.kept})}" if self.body else ""
        return Call(
            self.method,
            self.url,
            self.tried,
            shown=f"{self.method} {path}{body}",
            hidden=(*secrets, token, *self.hidden),
            body=self.body,
            headers={"access_token": token},
        )


class Zalo(Signed):
    """An Official Account under an app."""

    options: ZaloOptions
    codes: Mapping[str, Meaning] = CODES

    def __init__(self, sender: str, options: ZaloOptions, http: Http) -> None:
        super().__init__(sender, options, http)
        self._app_secret, self._oa_secret = options.app_secret.get_secret_value(), options.oa_secret.get_secret_value()
        hours = options.open_hours or Hours(SENDING_BEGINS, SENDING_ENDS)
        self.capabilities = replace(type(self).capabilities, hours=hours)

    @property
    def account(self) -> str:
        return f"zalo:{self.options.app_id}:{self.options.oa_id}"

    def permission(self, challenge: str, state: str) -> str:
        asked = {"app_id": self.options.app_id, "redirect_uri": self.options.redirect_url}
        return f"{self.options.permission_url}?{urlencode({**asked, 'code_challenge': challenge, 'state': state})}"

    async def granted(self, code: str, verifier: str) -> Pair:
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
        return await self._pair(form, ("code", "code_verifier"), "Zalo, ask for the first token")

    async def refreshed(self, refresh: str) -> Pair:
        form = {"grant_type": "refresh_token", "refresh_token": refresh}
        return await self._pair(form, ("refresh_token",), "Zalo, refresh the token")

    async def _pair(self, form: Mapping[str, str], secret: tuple[str, ...], tried: str) -> Pair:
        """Any answer without a token is one that only a person can mend: which code a spent one gets is not known."""
        form = {**form, "app_id": self.options.app_id}
        call = Call(
            "POST",
            self.options.oauth_url,
            tried,
            shown=f"POST oauth {shown({**form, **dict.fromkeys(secret, BLANK)})}",
            hidden=(self._app_secret, *(form[name] for name in secret)),
            body=urlencode(form),
            headers={**FORM, "secret_key": self._app_secret},
        )
        answer = await self.http.send(call)
        pair = parsed(_Pair, answer.body)
        if pair is None:
            said = parsed(Said, answer.body)
            raise NotAuthorised(
                f"{tried}: somebody must sign in at Zalo again",
                code=said.error if said else "",
                exchange=answer.exchange,
            )
        return Pair(pair.access_token, pair.refresh_token, pair.expires_in)

    def read_callback(self, callback: Callback) -> list[Heard]:
        """Read a webhook; raises ValueError for a signature that is not of this account, or too old an event."""
        keys = (self.options.app_id, self._oa_secret, self._app_secret)
        return read(callback, keys, self.options.oa_id, self.options.webhook_age, time.time())

    async def followers(self, *, recent: bool = False) -> AsyncIterator[list[str]]:
        """Pages of the addresses of all who follow the account, as far as Zalo lists them. Raises a `ProviderError`.

        `recent`: only those who have done something with it in the last seven days, whom it may write to.
        """
        wanted = {"count": PAGE, "is_follower": "true", **({"last_interaction_period": WEEK} if recent else {})}
        for offset in range(0, LISTED, PAGE):
            data = json.dumps({"offset": offset, **wanted}, separators=(",", ":"))
            url = f"{self.options.oa_url.rstrip('/')}/v3.0/oa/user/getlist?data={quote(data)}"
            call, said, answer = await self.asked(Asked("GET", url, "Zalo, ask for the followers"))
            if said.error != ACCEPTED:
                verdict = refused(CODES, said.error, said.message, call, answer)
                raise Misconfigured(f"{call.tried}: {verdict.detail}", code=verdict.code, exchange=answer.exchange)
            page = _users(said)
            if page:
                yield page
            if len(page) < PAGE:
                return

    async def handed_over(self, asked: Asked, name: str, shape: re.Pattern[str] = REFERENCE) -> Submitted:
        """The verdict on one message, which the answer calls by an id of that name and shape."""
        call, said, answer = await self.asked(asked)
        if said.error != ACCEPTED:
            return Submitted((refused(self.codes, said.error, said.message, call, answer),), answer.exchange)
        reference = str(said.data.get(name, ""))
        if not shape.fullmatch(reference):
            raise Uncertain(f"{call.tried}: accepted, but without {name}", exchange=answer.exchange)
        return Submitted((Accepted(reference),), answer.exchange)

    async def asked(self, asked: Asked) -> tuple[Call, Said, Answer]:
        """The answer to a call with the token. One whose token was refused did nothing: a newer one is tried once."""
        token = await self.tokens.current()
        first = await self._ask(asked, token)
        if first[1].error not in STALE_TOKEN:
            return first
        return await self._ask(asked, await self.tokens.after(token))

    async def _ask(self, asked: Asked, token: str) -> tuple[Call, Said, Answer]:
        call = asked.call(token, (self._app_secret, self._oa_secret))
        answer = await self.http.send(call)
        said = readable(parsed(Said, answer.body), call, answer)
        if wait := WAITS.get(said.error):
            seconds = wait(datetime.now(UTC))
            raise Throttled(
                f"{asked.tried}: refused until later (code {said.error})",
                retry_after=seconds,
                code=said.error,
                exchange=answer.exchange,
            )
        return call, said, answer


def _users(said: Said) -> list[str]:
    users = said.data.get("users")
    ids = [str(one.get("user_id", "")) for one in users if isinstance(one, Mapping)] if isinstance(users, list) else []
    return [user_address(id_) for id_ in ids if USER_ID.fullmatch(id_)]
