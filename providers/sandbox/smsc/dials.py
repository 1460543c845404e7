"""How a pretend SMSC misbehaves: every dial, with the centre that never fails as the default."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from providers.sandbox.dials import AtMostEverybody, DialSet, ReceiptDials, Share, Spread


def _status(text: str) -> str:
    if not 0 < int(text, 16) <= 0xFFFFFFFF:
        raise ValueError("a command_status in hexadecimal, not 0")
    return text


Status = Annotated[str, AfterValidator(_status)]
BindMode = Literal["transmitter", "receiver", "transceiver"]
IdForm = Literal["dec", "dec10", "hex", "hex16", "HEX"]


class SmscReceiptDials(ReceiptDials):
    """Receipts, one for each part. Delays count from the answer; a share is of all messages (`undelivered` too).

    `tries`, `timeout_seconds` and `retry_seconds` are for a deliver_sm that nobody acknowledges, or refuses.
    """

    form: Literal["text", "tlv", "both"] = "text"


class SmscDials(DialSet):
    """One pretend SMSC.

    `accounts` is system_id and password. `window` is how many unanswered submit_sm a session may have, `throttle_tps` is
    in segments a second for an account. `refusals` maps a command_status, as `0x0B`, to the share of numbers that get it;
    together at most 1. No `senders` = any is good. The shares after them are of all submit_sm.
    """

    seed: int = 1
    accounts: dict[str, str] = Field(default={"sandbox": "secret"})
    bind_modes: tuple[BindMode, ...] = ("transmitter", "receiver", "transceiver")
    most_binds: int = Field(default=16, ge=1)  # of one account
    senders: tuple[str, ...] = ()
    default_alphabet: Literal["gsm", "latin1"] = "gsm"  # what data_coding 0 means here
    ids_in_answers: IdForm = "hex16"
    ids_in_receipts: IdForm = "hex16"
    window: int | None = Field(default=None, ge=1)
    throttle_tps: int | None = Field(default=None, ge=1)
    throttle_status: Status = "0x58"
    latency_seconds: Spread = Spread()
    refusals: Annotated[dict[Status, Share], AtMostEverybody] = Field(default={})
    lost_requests: Share = 0.0  # not taken and not answered, the first time that it comes
    nacks: Share = 0.0  # not taken and answered by a generic_nack, the first time that it comes
    lost_responses: Share = 0.0  # taken, never answered
    late_responses: Share = 0.0  # taken, answered after `late_seconds`
    late_seconds: float = Field(default=5.0, ge=0)
    duplicate_responses: Share = 0.0  # taken, answered twice
    disconnects: Share = 0.0  # taken, then the session is cut, answered or not
    half_opens: Share = 0.0  # taken, then the session is silent for good, its TCP connection open
    enquire_seconds: float | None = Field(
        default=None, gt=0
    )  # asks for a sign of life; cuts who gave none till the next
    receipts: SmscReceiptDials = SmscReceiptDials()
