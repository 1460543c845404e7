"""Zalo's webhook: signed, in any order, more than once; receipts, followers and texts are read from it.

The signature is a plain SHA-256 over app id, raw body, the body's own timestamp and a secret, which makes the age of an
event ours to check.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field

from providers.base import Callback, Follow, Heard, Inbound, Outcome, Receipt, user_address
from providers.blanking import blanked, masked, shown
from providers.reading import MESSAGE_ID, Words, known, parsed

SIGNATURE = "x-zevent-signature"
# Texts; what a person sends otherwise has no words in it.
TEXTS = frozenset({"user_send_text"})
USER_ID = re.compile(r"[0-9]{1,40}")
LATEST_AHEAD_SECONDS = 300  # clocks differ
MOST_SEEN = 100


class _Person(BaseModel):
    id: Words = Field(default="", max_length=80)


class _Message(BaseModel):
    msg_id: Words = Field(default="", max_length=128)
    tracking_id: Words = Field(default="", max_length=128)
    msg_ids: tuple[Words, ...] = Field(default=(), max_length=MOST_SEEN)
    text: Words = Field(default="", max_length=4000)


class _Event(BaseModel):
    model_config = ConfigDict(extra="ignore")

    event_name: Words = Field(default="", max_length=80)
    timestamp: str = Field(pattern=r"^[0-9]{10,14}$")
    oa_id: Words = ""
    sender: _Person = _Person()
    recipient: _Person = _Person()
    follower: _Person = _Person()
    message: _Message = _Message()


def read(callback: Callback, keys: tuple[str, str, str], oa_id: str, most_seconds: float, now: float) -> list[Heard]:
    """What an event says; nothing where it is of a kind that we have no use for. Raises ValueError for a false one.

    `keys` are app id, OA secret and app secret: which of the two signs is said differently in different places.
    """
    event = parsed(_Event, callback.body) if callback.method == "POST" else None
    if event is None:
        raise ValueError("expected a POST of JSON with event_name and timestamp")
    if not _genuine(callback, event.timestamp, keys):
        raise ValueError("the signature is not ours")
    age = now - int(event.timestamp) / 1000
    if not -LATEST_AHEAD_SECONDS <= age <= most_seconds:
        raise ValueError(f"the event is {age:.0f} s old")
    reader = _READERS.get(event.event_name)
    return reader(event, oa_id) if reader else []


def signature(app_id: str, body: bytes, timestamp: str, secret: str) -> str:
    """What the header says of a body."""
    return hashlib.sha256(app_id.encode() + body + timestamp.encode() + secret.encode()).hexdigest()


def _genuine(callback: Callback, timestamp: str, keys: tuple[str, str, str]) -> bool:
    given = _header(callback.headers).removeprefix("mac=").lower().encode()
    app_id, *secrets = keys
    matches = [
        hmac.compare_digest(given, signature(app_id, callback.body, timestamp, secret).encode()) for secret in secrets
    ]
    return any(matches)


def _header(headers: Mapping[str, str]) -> str:
    return next((value for name, value in headers.items() if name.lower() == SIGNATURE), "")


def _received(event: _Event, oa_id: str) -> list[Heard]:
    """It reached the device. Zalo never says that it did not."""
    told = event.message
    return [_reached(event, oa_id, told.msg_id, told.tracking_id if MESSAGE_ID.fullmatch(told.tracking_id) else None)]


def _seen(event: _Event, oa_id: str) -> list[Heard]:
    """Whoever has read a message has got it."""
    return [_reached(event, oa_id, msg_id, None) for msg_id in event.message.msg_ids]


def _reached(event: _Event, oa_id: str, msg_id: str, ours: str | None) -> Receipt:
    """A message of the account has no id of ours: its own and the person find it, on whatever route of the account it is heard."""
    if known(msg_id) is None:
        raise ValueError("msg_id is missing or malformed")
    # Which of the two is the person is said differently in different places.
    person = next((one.id for one in (event.recipient, event.sender) if one.id not in ("", oa_id)), "")
    address = user_address(person) if USER_ID.fullmatch(person) else None
    raw = shown({"event": event.event_name, "msg_id": blanked(msg_id), "recipient": masked(person)})
    return Receipt(Outcome.DELIVERED, ours, msg_id, event.event_name, raw=raw, msisdn=address)


def _follow(event: _Event, _oa_id: str) -> list[Heard]:
    if not USER_ID.fullmatch(event.follower.id):
        raise ValueError("follower.id is not a number")
    at = datetime.fromtimestamp(int(event.timestamp) / 1000, UTC)
    return [Follow(user_address(event.follower.id), event.event_name == "follow", at)]


def _text(event: _Event, oa_id: str) -> list[Heard]:
    if not USER_ID.fullmatch(event.sender.id):
        raise ValueError("sender.id is not a number")
    return [Inbound(user_address(event.sender.id), oa_id, event.message.text, event.message.msg_id or None)]


_READERS: Mapping[str, Callable[[_Event, str], list[Heard]]] = {
    "user_received_message": _received,
    "user_seen_message": _seen,
    "follow": _follow,
    "unfollow": _follow,
    **dict.fromkeys(TEXTS, _text),
}
