"""Zalo template messages (ZBS, formerly ZNS): one person a call, by number, hashed number or user id.

Source: developers.zalo.me and its mirrors; each fact with its confidence in docs/providers/zalo_zbs.md. There is no
deduplication and no negative receipt: what has not arrived within the template's time never will.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal
from urllib.parse import quote

from pydantic import Field, ValidationInfo, field_validator

from providers.base import (
    USER,
    Capabilities,
    Exchange,
    Finding,
    Found,
    Health,
    Lookup,
    Parameter,
    Queried,
    Receipts,
    Submission,
    Submitted,
    TemplateInfo,
    Terms,
    require_fitting,
)
from providers.blanking import blanked, masked
from providers.http import Http
from providers.options import INSECURE, safe
from providers.reading import refused
from providers.zalo.calls import Asked, Said, Zalo, ZaloOptions
from providers.zalo.codes import ACCEPTED, CODES


class ZbsOptions(ZaloOptions):
    """`[route.options]` of a Zalo template route.

    `address`: by `phone`, by the SHA-256 of it (`hashed`), or by the account's own user ids (`uid`). `development`: only
    the app's administrators get it. `send_path`, `hashed_path`: below `base_url`; `uid_url` is another host.
    `template_seconds`: after so long a message that has not arrived never will, where Zalo does not say it of the template.
    """

    base_url: str = "https://business.openapi.zalo.me/"
    uid_url: str = "https://openapi.zalo.me/v3.0/oa/message/template"
    address: Literal["phone", "hashed", "uid"] = "phone"
    development: bool = False
    send_path: str = "message/template"
    hashed_path: str = "message/template/hashphone"
    status_path: str = "message/status"
    quota_path: str = "message/quota"
    info_path: str = "template/info/v2"
    template_seconds: int | None = Field(default=None, gt=0)

    @field_validator("uid_url")
    @classmethod
    def _safe_uid_address(cls, value: str, info: ValidationInfo) -> str:
        """The token travels in the call."""
        if not safe(value, plain=bool(info.data.get("plain_http"))):
            raise ValueError(INSECURE)
        return value


# Of the status call: no such message, at Zalo but not on the device, on the device.
FINDINGS = {"-1": Finding.ABSENT, "0": Finding.ACCEPTED, "1": Finding.DELIVERED}
# A template's status; the list of templates writes it as a number.
USABLE = frozenset({"ENABLE", "1"})
LONGEST_VALUE = 1000


class Zbs(Zalo):
    """Messages of templates that Zalo has approved."""

    options: ZbsOptions
    options_model = ZbsOptions
    capabilities = Capabilities(
        channel="zalo",
        receipts=Receipts.PUSH,
        negative_receipts=False,
        reference_lookup=True,
        templates=True,
    )

    def __init__(self, sender: str, options: ZbsOptions, http: Http) -> None:
        super().__init__(sender, options, http)
        self.capabilities = replace(self.capabilities, sandbox=options.development)

    async def submit(self, submissions: Sequence[Submission]) -> Submitted:
        """Hand over one message. Raises ValueError for one without a template, or with an address of another kind."""
        require_fitting(self.capabilities, submissions)
        return await self.handed_over(self._sending(submissions[0]), "msg_id")

    def _sending(self, one: Submission) -> Asked:
        if one.filled is None:
            raise ValueError("a Zalo template message needs a template")
        url, address = self._addressed(one.msisdn)
        body: dict[str, object] = {
            **address,
            "template_id": one.filled.template,
            "template_data": dict(one.filled.parameters),
            "tracking_id": one.message_id,
            **({"mode": "development"} if self.options.development else {}),
        }
        kept: dict[str, object] = {name: masked(value) for name, value in address.items()}
        kept["template_data"] = f"{len(one.filled.parameters)} parameters"
        hidden = (one.msisdn, one.text, *address.values())
        return Asked("POST", url, "Zalo, send a template message", body, kept, hidden)

    def _addressed(self, msisdn: str) -> tuple[str, dict[str, str]]:
        base, by = self.options.base_url, self.options.address
        if msisdn.startswith(USER) is not (by == "uid"):
            raise ValueError(f"a route by {by} cannot write to an address of another kind")
        if by == "uid":
            return self.options.uid_url, {"user_id": msisdn.removeprefix(USER)}
        if by == "hashed":
            return base + self.options.hashed_path, {"hash_phone": hashlib.sha256(msisdn.encode()).hexdigest()}
        return base + self.options.send_path, {"phone": msisdn}

    async def query(self, lookups: Sequence[Lookup]) -> Queried:
        """Ask for each message by Zalo's id; one whose answer was lost has none, and stays unknown."""
        found, exchanges = [], []
        for lookup in lookups:
            answer, exchange = await self._status(lookup)
            found.append(answer)
            exchanges += [exchange] if exchange else []
        return Queried(tuple(found), tuple(exchanges))

    async def _status(self, lookup: Lookup) -> tuple[Found, Exchange | None]:
        if lookup.reference is None:
            return Found(lookup.message_id, Finding.UNKNOWN, detail="Zalo finds messages by its own id only"), None
        url = f"{self.options.base_url}{self.options.status_path}?message_id={quote(lookup.reference, safe='')}"
        call, said, answer = await self.asked(
            Asked("GET", url, "Zalo, ask for a message's status", hidden=(lookup.msisdn, lookup.text))
        )
        status = str(said.data.get("status", "")) if said.error == ACCEPTED else ""
        finding = FINDINGS.get(status, Finding.UNKNOWN)
        words = blanked(said.message, call.hidden, limit=200)
        code = status if status in FINDINGS else said.error
        return Found(lookup.message_id, finding, lookup.reference, code, words), answer.exchange

    async def check(self) -> Health:
        """Ask for the quota of the day."""
        call, said, answer = await self.asked(self._quota())
        elapsed = answer.exchange.elapsed
        if said.error != ACCEPTED:
            verdict = refused(CODES, said.error, said.message, call, answer)
            return Health(False, f"{verdict.detail} (code {verdict.code})", elapsed, exchange=answer.exchange)
        return Health(True, "the account answers", elapsed, exchange=answer.exchange)

    async def terms(self) -> Terms:
        """What is left of the day's quota; templates are asked for one by one."""
        _, said, _ = await self.asked(self._quota())
        return Terms(quota=said.number("remainingQuota"))

    def _quota(self) -> Asked:
        return Asked("GET", self.options.base_url + self.options.quota_path, "Zalo, ask for the quota")

    async def template(self, template: str) -> TemplateInfo:
        """Ask for a template: whether it may be sent, and what has to be filled in."""
        url = f"{self.options.base_url}{self.options.info_path}?template_id={quote(template, safe='')}"
        call, said, answer = await self.asked(Asked("GET", url, "Zalo, ask for a template"))
        if said.error != ACCEPTED:
            verdict = refused(CODES, said.error, said.message, call, answer)
            return TemplateInfo(template, usable=False, detail=f"{verdict.detail} (code {verdict.code})")
        status = blanked(str(said.data.get("status", "")), limit=40)
        return TemplateInfo(
            template,
            status in USABLE,
            status,
            _parameters(said),
            None if self.options.address == "uid" else said.number("price"),  # it is that of a message by number
            said.number("timeout") or self.options.template_seconds,
            said.number("templateRemainingQuota"),
        )


def _parameters(said: Said) -> tuple[Parameter, ...]:
    listed = said.data.get("listParams")
    return tuple(_parameter(one) for one in listed if isinstance(one, Mapping)) if isinstance(listed, list) else ()


def _parameter(told: Mapping[str, object]) -> Parameter:
    return Parameter(
        blanked(str(told.get("name", "")), limit=80),
        told.get("require") in (True, "true", 1),
        _length(told.get("minLength"), 0),
        _length(told.get("maxLength"), LONGEST_VALUE),
    )


def _length(value: object, otherwise: int) -> int:
    written = str(value)
    return int(written) if written.isascii() and written.isdigit() and len(written) < 6 else otherwise
