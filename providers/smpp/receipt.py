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
    head = _head(message)
    told = {key.lower().replace(" ", "").replace("_", ""): value for key, value in reversed(_FIELD.findall(head))}
    id_, user_reference = _id(message.tlvs, told, dialect.ids), _user_reference(message.tlvs)
    if id_ is None and user_reference is None:
        raise ValueError("a receipt for no message")
    state, word = _state(message.tlvs, told.get("stat", "").upper())
    return Report(
        _outcome(state, dialect),
        id_,
        user_reference,
        _code(word, _error(message.tlvs, told)),
        _moment(told.get("submitdate", ""), dialect.zone),
        _moment(told.get("donedate", ""), dialect.zone),
        _raw(head, message.tlvs),
    )


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


def _id(tlvs: Mapping[int, bytes], told: Mapping[str, str], form: IdForm) -> str | None:
    in_tlv = tlvs.get(Tag.RECEIPTED_MESSAGE_ID, b"").partition(b"\0")[0].decode("latin-1").strip(" ")
    raw = in_tlv or told.get("id", "")
    return reference(raw, form) if raw else None


def _user_reference(tlvs: Mapping[int, bytes]) -> int | None:
    octets = tlvs.get(Tag.USER_MESSAGE_REFERENCE, b"")
    return int.from_bytes(octets, "big") if len(octets) == 2 else None


def _state(tlvs: Mapping[int, bytes], word: str) -> tuple[State | None, str]:
    """The state, None for one that is in no table, and the centre's word for it."""
    octets = tlvs.get(Tag.MESSAGE_STATE, b"")
    number = octets[0] if len(octets) == 1 else None
    state = _BY_NUMBER.get(number) if number is not None else None
    if state is None and number is None and not word:
        raise ValueError("a receipt without a state")
    if state is None and word:
        return _BY_WORD.get(word), word[:20]
    return state, state.word if state else f"state {number}"


def _outcome(state: State | None, dialect: Dialect) -> Outcome:
    if state is None:
        return Outcome.PENDING
    accepted = state.word == "ACCEPTD" and dialect.accepted_is_delivered
    return Outcome.DELIVERED if accepted else state.outcome


def _error(tlvs: Mapping[int, bytes], told: Mapping[str, str]) -> str:
    """The centre's error, "" for none: from the text, or the kind of network and its error."""
    octets = tlvs.get(Tag.NETWORK_ERROR_CODE, b"")
    in_tlv = f"{octets[0]}:{int.from_bytes(octets[1:], 'big')}" if len(octets) == 3 and any(octets[1:]) else ""
    in_text = told.get("err", "")[:20]
    return in_text if in_text.strip("0") else in_tlv


def _code(word: str, error: str) -> str:
    code = f"{word}/{error}" if error else word
    return code if code.isprintable() else ascii(code)[1:-1]


_SHAPES = {10: ("%y%m%d%H%M",), 12: ("%y%m%d%H%M%S", "%Y%m%d%H%M"), 14: ("%Y%m%d%H%M%S",)}


# Receipts come in crowds: thousands have the same minute.
@lru_cache(maxsize=4096)
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


_SHOWN = (Tag.RECEIPTED_MESSAGE_ID, Tag.MESSAGE_STATE, Tag.NETWORK_ERROR_CODE, Tag.USER_MESSAGE_REFERENCE)


def _raw(head: str, tlvs: Mapping[int, bytes]) -> str:
    """The text as it came, and the optional parameters that were read, in hexadecimal."""
    shown = [f"{tag.name.lower()}={tlvs[tag][:65].hex()}" for tag in _SHOWN if tag in tlvs]
    return blanked(" ".join([head.strip(), *shown]).strip(), limit=500)
