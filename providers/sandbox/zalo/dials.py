"""How a pretend Zalo misbehaves: every dial, with the Zalo that never fails as the default."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from providers.sandbox.dials import AtMostEverybody, DialSet, Share, Spread


class WebhookDials(DialSet):
    """Webhooks. Delays count from the answer; the shares are drawn independently of each other."""

    delay_seconds: Spread = Spread(mean=0.05)
    lost: Share = 0.0  # it arrived, and no webhook says so; the status call knows
    late: Share = 0.0
    late_seconds: float = Field(default=1.0, ge=0)
    repeated: Share = 0.0
    tries: int = Field(default=5, ge=1)
    timeout_seconds: float = Field(default=2.0, gt=0)
    retry_seconds: float = Field(default=1.0, ge=0)


class TemplateDials(DialSet):
    """The one template. `parameters` maps a name to its longest value; all of them are required."""

    id: str = "204519"
    status: str = "ENABLE"
    parameters: dict[str, int] = Field(default_factory=dict)
    timeout_seconds: int | None = None


class ArticleDials(DialSet):
    """Articles.

    `at_hand`: ids of those that were written in Zalo's own console; `looks`: how often one of ours is asked for in vain.
    `lost_articles`, `lost_broadcasts`: so many answers are cut off after the call was taken. `refused`: the code that all
    calls to send one get, if not 0. `silent_seconds` pass before an answer. `package`, `verified`: what is told of the account.
    """

    at_hand: tuple[str, ...] = ()
    looks: int = Field(default=1, ge=0)
    lost_articles: int = Field(default=0, ge=0)
    lost_broadcasts: int = Field(default=0, ge=0)
    refused: int = 0
    silent_seconds: float = Field(default=0.0, ge=0)
    package: str = "Premium"
    verified: bool = True


class ZaloDials(DialSet):
    """One account.

    `refusals` maps a code to the share of numbers that get it; together with `no_account` (-118) at most 1. `unreached`: taken,
    but on no device before the template's time is over. `active`: of the followers, who did something within seven days.
    `access_seconds` and `access_uses` end an access token.
    """

    seed: int = 1
    app_id: str = "4107312345678901234"
    app_secret: str = "sandbox-app-secret"  # noqa: S105  the pretend account's, known to everybody
    oa_id: str = "2867312345678901234"
    oa_secret: str = "sandbox-oa-secret"  # noqa: S105  as above
    refresh_token: str = "sandbox-refresh-token"  # noqa: S105  as above
    access_seconds: int = Field(default=90_000, ge=1)
    access_uses: int | None = Field(default=None, ge=1)
    lost_refreshes: int = Field(default=0, ge=0)  # so many refreshes are cut off after the old pair is worth nothing
    no_account: Share = 0.0
    refusals: Annotated[dict[str, Share], AtMostEverybody] = Field(default_factory=dict)
    unreached: Share = 0.0
    lost_answers: Share = 0.0
    daily_quota: int | None = Field(default=None, ge=0)
    latency_seconds: Spread = Spread()
    followers: int = Field(default=0, ge=0)
    active: Share = 1.0
    template: TemplateDials = TemplateDials()
    articles: ArticleDials = ArticleDials()
    webhooks: WebhookDials = WebhookDials()
    webhook_url: str = ""
