"""What adapters share for reading a carrier's answer: bodies by shape, codes by table, ids by their characters."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ValidationError

from providers.base import Reason, Refused
from providers.blanking import blanked
from providers.errors import Misconfigured, Throttled, Uncertain
from providers.http import Answer, Call, require_access

T = TypeVar("T", bound=BaseModel)

VIETNAM = timezone(timedelta(hours=7))  # no summer time since 1975
REFERENCE = re.compile(r"[A-Za-z0-9._-]{1,64}")
MESSAGE_ID = re.compile(r"[0-9a-f]{32}")
_PHONE = re.compile(r"(?:\+?84|0)?([1-9][0-9]{8,9})")
_COUNT = re.compile(r"[0-9]{1,9}")


def _code(value: object) -> str:
    """Strings and whole numbers only: 100.0 or true would look like an unknown code, hence like a refusal."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("not a code")
    return str(value).strip()


def _words(value: object) -> str:
    return str(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else ""


Code = Annotated[str, BeforeValidator(_code)]
# What merely explains a code must not make the code unreadable.
Words = Annotated[str, BeforeValidator(_words)]
CODE_PATTERN = r"^-?[A-Za-z0-9_]{0,20}$"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code says: of one message (a `Reason`), or of the whole call (a failure). `wait` in seconds, if throttled."""

    kind: Reason | type[Misconfigured | Throttled | Uncertain]
    words: str
    wait: float | None = None


def parsed(model: type[T], body: bytes) -> T | None:
    """The body as the model has it, None where it is anything else."""
    try:
        return model.model_validate_json(body.removeprefix(b"\xef\xbb\xbf"))
    except ValidationError:
        return None


def readable(said: T | None, call: Call, answer: Answer) -> T:
    """What was said; raises what the HTTP status says, `Uncertain` where nothing can be read."""
    if said is None:
        require_access(answer, call.tried)
        raise Uncertain(f"{call.tried}: an answer without a code (HTTP {answer.status})", exchange=answer.exchange)
    return said


def refused(codes: Mapping[str, Meaning], code: str, words: str, call: Call, answer: Answer) -> Refused:
    """What a code that is not success says; raises where it speaks of the whole call. An unknown one is kept as it is."""
    meaning = codes.get(code, Meaning(Reason.OTHER, ""))
    if isinstance(meaning.kind, Reason):
        return Refused(meaning.kind, code, blanked(words, call.hidden, limit=200) or meaning.words)
    said = f"{call.tried}: {meaning.words} (code {code})"
    if issubclass(meaning.kind, Throttled):
        raise Throttled(said, retry_after=meaning.wait, code=code, exchange=answer.exchange)
    raise meaning.kind(said, code=code, exchange=answer.exchange)


def known(reference: str) -> str | None:
    """A carrier's id if it looks like one."""
    return reference if REFERENCE.fullmatch(reference) else None


def normal(phone: str) -> str | None:
    """A number in any of its spellings as E.164 digits without plus."""
    found = _PHONE.fullmatch(phone.strip())
    return f"84{found[1]}" if found else None


def whole(text: str) -> int | None:
    """A count of at most nine digits."""
    return int(text) if _COUNT.fullmatch(text) else None


def moment(written: str) -> datetime:
    """A time in seconds or milliseconds since 1970, or written out (without a zone: Viet Nam's). Raises ValueError."""
    if written.isascii() and written.isdecimal() and len(written) in (10, 13):
        return datetime.fromtimestamp(int(written) / (1000 if len(written) == 13 else 1), UTC)
    try:
        told = datetime.fromisoformat(written)
    except ValueError:
        raise ValueError(f"not a time: {blanked(written, limit=40)}") from None
    return told if told.tzinfo else told.replace(tzinfo=VIETNAM)


def money(text: str) -> float | None:
    """An amount, None for anything that is not a finite number."""
    try:
        amount = float(text)
    except ValueError:
        return None
    return amount if math.isfinite(amount) else None
