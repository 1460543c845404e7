"""How a pretend carrier misbehaves: every dial, with the carrier that never fails as the default."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]


def _at_most_everybody(shares: dict[str, float]) -> dict[str, float]:
    if sum(shares.values()) > 1 + 1e-9:
        raise ValueError("the shares add up to more than 1")
    return shares


AtMostEverybody = AfterValidator(_at_most_everybody)


class DialSet(BaseModel):
    """Base of all dials: an unknown one is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Spread(DialSet):
    """A duration in seconds: evenly spread over `mean` plus or minus `jitter`, never below zero."""

    mean: float = Field(default=0.0, ge=0)
    jitter: float = Field(default=0.0, ge=0)


class ReceiptDials(DialSet):
    """Callbacks. Delays count from the answer; the shares are drawn independently of each other."""

    delay_seconds: Spread = Spread(mean=0.05)
    undelivered: Share = 0.0  # the final word is that the phone was not reached
    never: Share = 0.0  # no callback comes; the status calls still know
    repeated: Share = 0.0  # the final callback comes twice
    out_of_order: Share = 0.0  # "sent, waiting for the report" comes after the final callback
    early: Share = 0.0  # the final callback comes before the answer to the submission
    tries: int = Field(default=5, ge=1)
    timeout_seconds: float = Field(default=10.0, gt=0)
    retry_seconds: float = Field(default=1.0, ge=0)


class Dials(DialSet):
    """One pretend carrier.

    `refusals` maps an eSMS code to the share of numbers that get it; together at most 1. No `brandnames` = any is good.
    `balance` and `price_per_segment` are in VND; no balance = never runs out. `throttle_tps` is in segments per second.
    """

    seed: int = 1
    api_key: str = "sandbox-api-key"
    secret_key: str = "sandbox-secret-key"  # noqa: S105  the pretend carrier's, known to everybody
    brandnames: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()  # care texts that are approved, `{P1,20}` for up to twenty characters; only told
    content_dedupe_seconds: float = Field(default=0.0, ge=0)  # the same text to the same number is refused (Viettel)
    balance: float | None = None
    price_per_segment: float = 500.0
    latency_seconds: Spread = Spread()
    refusals: Annotated[dict[str, Share], AtMostEverybody] = {}
    lost_answers: Share = 0.0  # the message is taken, then the connection is cut
    lost_requests: Share = 0.0  # the connection is cut and nothing is taken; looks the same from outside
    index_lag_seconds: float = Field(default=0.0, ge=0)  # how long the status calls know nothing of a new message
    lookups_throttled: bool = False  # the status calls answer 429, the others go on
    throttle_tps: int | None = Field(default=None, ge=1)
    throttle_answer: Literal["429", "160"] = "429"
    receipts: ReceiptDials = ReceiptDials()
