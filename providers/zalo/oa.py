"""Zalo Official Account: a text to one person who follows the account and has lately done something with it.

Source: developers.zalo.me, the vendor's SDK and their mirrors; each fact with its confidence in docs/providers/zalo_oa.md.
There is no deduplication, no id of ours in the webhook and no status query: an answer that is lost stays in doubt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from providers.base import (
    USER,
    Capabilities,
    Health,
    Reason,
    Receipts,
    Refused,
    Submission,
    Submitted,
    require_fitting,
)
from providers.blanking import blanked, masked
from providers.reading import refused
from providers.zalo.calls import Asked, Said, Zalo, ZaloOptions
from providers.zalo.codes import ACCEPTED, OA

LONGEST_TEXT = 2000
TOO_LONG = Refused(Reason.REQUEST, "too-long", f"a text has at most {LONGEST_TEXT} characters")


class OaOptions(ZaloOptions):
    """`[route.options]` of a route of the account's own messages. Paths are below `base_url`.

    `article_status`, `article_comment`: whether an article that we make is on the account's page, and open to comments.
    `broadcasts_a_day`, `broadcasts_a_month`: how many the account may send (None: what its package allows).
    `title_characters`, `description_characters`: of an article, at most.
    """

    base_url: str = "https://openapi.zalo.me/"
    message_path: str = "v3.0/oa/message/cs"
    account_path: str = "v2.0/oa/getoa"
    article_path: str = "v2.0/article/create"
    verify_path: str = "v2.0/article/verify"
    broadcast_path: str = "v2.0/oa/message"
    article_status: Literal["show", "hide"] = "show"
    article_comment: Literal["show", "hide"] = "hide"
    broadcasts_a_day: int = Field(default=1, ge=1)
    broadcasts_a_month: int | None = Field(default=None, ge=1)
    title_characters: int = Field(default=149, ge=1)
    description_characters: int = Field(default=299, ge=1)


class Oa(Zalo):
    """The account's own messages: texts, one person a call."""

    options: OaOptions
    options_model = OaOptions
    capabilities = Capabilities(channel="oa", receipts=Receipts.PUSH, negative_receipts=False)
    codes = OA

    async def submit(self, submissions: Sequence[Submission]) -> Submitted:
        """Hand over one message. Raises ValueError for one to somebody who is not known by an id at the account."""
        require_fitting(self.capabilities, submissions)
        one = submissions[0]
        if not one.msisdn.startswith(USER):
            raise ValueError("an Official Account writes to people by their ids, not by numbers")
        if len(one.text) > LONGEST_TEXT:
            return Submitted((TOO_LONG,), None)
        return await self.handed_over(self._sending(one), "message_id")

    def _sending(self, one: Submission) -> Asked:
        user = one.msisdn.removeprefix(USER)
        body: dict[str, object] = {"recipient": {"user_id": user}, "message": {"text": one.text}}
        kept = {"recipient": {"user_id": masked(user)}, "message": f"{len(one.text)} characters"}
        url = self.options.base_url + self.options.message_path
        return Asked("POST", url, "Zalo, send a message of the account", body, kept, (one.msisdn, one.text, user))

    async def check(self) -> Health:
        """Ask who the account is."""
        asked = Asked("GET", self.options.base_url + self.options.account_path, "Zalo, ask for the account")
        call, said, answer = await self.asked(asked)
        elapsed = answer.exchange.elapsed
        if said.error != ACCEPTED:
            verdict = refused(self.codes, said.error, said.message, call, answer)
            return Health(False, f"{verdict.detail} (code {verdict.code})", elapsed, exchange=answer.exchange)
        return Health(True, _introduced(said), elapsed, exchange=answer.exchange)


def _introduced(said: Said) -> str:
    """Name, package and its end, as far as they are told."""
    told = [str(said.data.get(name) or "") for name in ("name", "package_name", "package_valid_through_date")]
    return "the account answers" + "".join(f", {blanked(word, limit=60)}" for word in told if word)
