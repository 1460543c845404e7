"""A delivery receipt, in the text form of every centre or in optional parameters: what it says of which message.

Source: SMPP 3.4, appendix B (the text is "vendor specific", and vendors take it at its word), 5.2.28 (states) and 5.3.2.
The text is a stranger's: it is bounded, and what cannot be read is a ValueError, never anything else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from providers.base import Outcome
from providers.blanking import blanked
from providers.smpp.codes import Tag
from providers.smpp.parts import UDHI, piece
from providers.smpp.pdu import Message

_KIND, _RECEIPTS = 0x3C, (0x04, 0x20)  # esm_class: what a deliver_sm is; final and intermediate receipts
VIET_NAM = ZoneInfo("Asia/Ho_Chi_Minh")
# A receipt is a line of some 120 characters; the rest of a longer one is nothing that we read.
MOST_CHARACTERS = 1000


class IdForm(StrEnum):
    """How a centre writes a message id. Some write it in hexadecimal when they take a message and in decimal later."""

    RAW = "raw"
    HEX = "hex"
    DEC = "dec"


_DIGITS = {IdForm.HEX: (re.compile("(?:0[xX])?[0-9A-Fa-f]+"), 16), IdForm.DEC: (re.compile("[0-9]+"), 10)}
_ID = re.compile("[!-~]{1,64}")  # visible ASCII: it goes into a database and onto screens


def reference(raw: str, form: IdForm) -> str:
    """One name for a message, however its centre writes it.

    As a number ids are the same with and without leading zeros, in either case. As `raw` only what is written alike is
    the same: two ids are never taken for one. An id that is no number although it should be stays as it is.
    Raises ValueError for what cannot be an id.
    """
    if not _ID.fullmatch(raw):
        raise ValueError(f"not a message id: {raw[:64]!r}")
    if form is IdForm.RAW:
        return raw
    digits, base = _DIGITS[form]
    return str(int(raw, base)) if digits.fullmatch(raw) else raw


class State(NamedTuple):
    """A message_state: its number, the word for it in a text, what it means to us."""

    number: int
    word: str
    outcome: Outcome


# UNKNOWN is final in the standard, but it says nothing: it moves nothing here.
STATES = (
    State(0, "SCHEDULED", Outcome.PENDING),
    State(1, "ENROUTE", Outcome.PENDING),
    State(2, "DELIVRD", Outcome.DELIVERED),
    State(3, "EXPIRED", Outcome.UNDELIVERED),
    State(4, "DELETED", Outcome.UNDELIVERED),
    State(5, "UNDELIV", Outcome.UNDELIVERED),
    State(6, "ACCEPTD", Outcome.PENDING),
    State(7, "UNKNOWN", Outcome.PENDING),
    State(8, "REJECTD", Outcome.UNDELIVERED),
    State(9, "SKIPPED", Outcome.UNDELIVERED),
)
_BY_NUMBER = {state.number: state for state in STATES}
_OTHER_WORDS = {
    "DELIVERED": "DELIVRD",
    "UNDELIVERABLE": "UNDELIV",
    "UNDELIVERED": "UNDELIV",
    "UNDELIVRD": "UNDELIV",
    "ACCEPTED": "ACCEPTD",
    "REJECTED": "REJECTD",
}
_BY_WORD = {state.word: state for state in STATES}
_BY_WORD |= {word: _BY_WORD[known] for word, known in _OTHER_WORDS.items()}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one account's receipts are to be read.

    `ids` is the form of ids in receipts; `zone` that of their dates, which name none; `accepted_is_delivered` for a
    centre that says ACCEPTD and then nothing more.
    """

    ids: IdForm = IdForm.RAW
    zone: tzinfo = VIET_NAM
    accepted_is_delivered: bool = False


class Report(NamedTuple):
    """What a receipt says.

    `reference` is the centre's id as `reference` writes it, `user_reference` our own user_message_reference; at least
    one of them is there. `code` is the state in the centre's words and its error. `raw` is without the text that some
    centres quote, numbers masked.
    """

    outcome: Outcome
    reference: str | None
    user_reference: int | None
    code: str
    submitted_at: datetime | None
    done_at: datetime | None
    raw: str


def is_receipt(message: Message) -> bool:
    """Whether a deliver_sm or data_sm is a receipt. Its text proves nothing: anybody can write `stat:DELIVRD`."""
    return message.esm_class & _KIND in _RECEIPTS or Tag.RECEIPTED_MESSAGE_ID in message.tlvs


def report(message: Message, dialect: Dialect) -> Report:
    """Read a receipt; optional parameters go before the text. Raises ValueError where it tells no message or no state."""
    head, tlvs = _head(message), message.tlvs
    first = _ID_FIRST.match(head)
    id_in_text, rest = (first[1], head[first.end(1) :]) if first else ("", head)
    state, error = tlvs.get(Tag.MESSAGE_STATE, b""), tlvs.get(Tag.NETWORK_ERROR_CODE, b"")
    story = _story(rest, state, error, dialect.zone, dialect.accepted_is_delivered)
    id_ = _id(tlvs, id_in_text or story.id, dialect.ids)
    user_reference = _user_reference(tlvs)
    if id_ is None and user_reference is None:
        raise ValueError("a receipt for no message")
    raw = _raw(id_in_text, story.raw, tlvs)
    return Report(story.outcome, id_, user_reference, story.code, story.submitted_at, story.done_at, raw)


class _Story(NamedTuple):
    """A receipt without the id in front."""

    outcome: Outcome
    id: str
    code: str
    submitted_at: datetime | None
    done_at: datetime | None
    raw: str


# Receipts come in crowds: thousands differ in nothing but the id.
@lru_cache(maxsize=4096)
def _story(rest: str, state_octets: bytes, error_octets: bytes, zone: tzinfo, accepted_is_delivered: bool) -> _Story:
    told = {key.lower().replace(" ", "").replace("_", ""): value for key, value in reversed(_FIELD.findall(rest))}
    state, word = _state(state_octets, told.get("stat", "").upper())
    shown = {"message_state": state_octets, "network_error_code": error_octets}
    return _Story(
        _outcome(state, accepted_is_delivered),
        told.get("id", ""),
        _code(word, _error(error_octets, told)),
        _moment(told.get("submitdate", ""), zone),
        _moment(told.get("donedate", ""), zone),
        _shown(blanked(rest.strip(), limit=300), shown),
    )


# As nearly all centres begin; the id alone differs from one receipt to the next.
_ID_FIRST = re.compile(r"id[ \t]*:[ \t]*([^\s:]+)(?!\S)", re.IGNORECASE)
# `id:1 sub:001 dlvrd:001 submit date:2601021530 done date:2601021531 stat:DELIVRD err:000 text:...`: keys in any order
# and case, `submitdate`, `submit_date`, keys that we do not know, keys without a value.
_FIELD = re.compile(
    r"(?<![A-Za-z0-9_])(id|submit[ _]?date|done[ _]?date|stat|err)[ \t]*:[ \t]*([^\s:]*)(?![^\s:]*:)", re.IGNORECASE
)


def _head(message: Message) -> str:
    """The text up to the quoted message, read as Latin-1: lower case is as long as upper case there."""
    content = message.content
    if message.esm_class & UDHI:
        content = piece(message.esm_class, content, {}).octets
    if message.data_coding == 8:  # most write ASCII even then
        content = content[: 2 * MOST_CHARACTERS].replace(b"\0", b"")
    text = content[:MOST_CHARACTERS].decode("latin-1")
    quoted = text.lower().find("text:")
    return text if quoted < 0 else text[:quoted]


def _id(tlvs: Mapping[int, bytes], in_text: str, form: IdForm) -> str | None:
    in_tlv = tlvs.get(Tag.RECEIPTED_MESSAGE_ID, b"").partition(b"\0")[0].decode("latin-1").strip(" ")
    raw = in_tlv or in_text
    return reference(raw, form) if raw else None


def _user_reference(tlvs: Mapping[int, bytes]) -> int | None:
    octets = tlvs.get(Tag.USER_MESSAGE_REFERENCE, b"")
    return int.from_bytes(octets, "big") if len(octets) == 2 else None


def _state(octets: bytes, word: str) -> tuple[State | None, str]:
    """The state, None for one that is in no table, and the centre's word for it."""
    number = octets[0] if len(octets) == 1 else None
    state = _BY_NUMBER.get(number) if number is not None else None
    if state is None and number is None and not word:
        raise ValueError("a receipt without a state")
    if state is None and word:
        return _BY_WORD.get(word), word[:20]
    return state, state.word if state else f"state {number}"


def _outcome(state: State | None, accepted_is_delivered: bool) -> Outcome:
    if state is None:
        return Outcome.PENDING
    accepted = state.word == "ACCEPTD" and accepted_is_delivered
    return Outcome.DELIVERED if accepted else state.outcome


def _error(octets: bytes, told: Mapping[str, str]) -> str:
    """The centre's error, "" for none: from the text, or the kind of network and its error."""
    in_tlv = f"{octets[0]}:{int.from_bytes(octets[1:], 'big')}" if len(octets) == 3 and any(octets[1:]) else ""
    in_text = told.get("err", "")[:20]
    return in_text if in_text.strip("0") else in_tlv


def _code(word: str, error: str) -> str:
    code = f"{word}/{error}" if error else word
    return code if code.isprintable() else ascii(code)[1:-1]


_SHAPES = {10: ("%y%m%d%H%M",), 12: ("%y%m%d%H%M%S", "%Y%m%d%H%M"), 14: ("%Y%m%d%H%M%S",)}


def _moment(text: str, zone: tzinfo) -> datetime | None:
    """A date with or without seconds; None for anything else: it is a hint, never a reason to lose a receipt."""
    if not (text.isascii() and text.isdigit()):
        return None
    for shape in _SHAPES.get(len(text), ()):
        try:
            return datetime.strptime(text, shape).replace(tzinfo=zone)
        except ValueError:
            continue
    return None


def _raw(id_in_text: str, rest: str, tlvs: Mapping[int, bytes]) -> str:
    """The text as it came, and the optional parameters that were read, in hexadecimal; numbers masked."""
    text = f"id:{_masked(id_in_text)} {rest}" if id_in_text else rest
    if not tlvs:
        return text
    shown = {
        "receipted_message_id": tlvs.get(Tag.RECEIPTED_MESSAGE_ID, b""),
        "user_message_reference": tlvs.get(Tag.USER_MESSAGE_REFERENCE, b""),
    }
    return _shown(text, shown)


def _masked(id_: str) -> str:
    """An id that could be dialled is masked; that most cannot is seen without searching them."""
    return id_ if id_.isdecimal() and id_[0] not in "08" else blanked(id_, limit=65)


def _shown(text: str, octets: Mapping[str, bytes]) -> str:
    return " ".join([text, *(f"{name}={value[:65].hex()}" for name, value in octets.items() if value)]).strip()
