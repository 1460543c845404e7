"""What may be kept of a call: secrets blanked, phone numbers masked, control characters dropped."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import quote, quote_plus

BLANK = "***"

# Digits only around it, not letters: `%2B84912345678` and `phone0912345678` must be masked too.
_NUMBER = re.compile(r"(?<![0-9])(?:\+?84|0)[0-9]{9,10}(?![0-9])")


def masked(number: str) -> str:
    """A phone number that cannot be dialled any more: `84912345678`, `+84912345678` and `0912345678` are `0912***678`.

    Anything too short to keep both ends of is blanked whole.
    """
    digits = number.removeprefix("+")
    local = "0" + digits[2:] if digits.startswith("84") else digits
    return f"{local[:4]}{BLANK}{local[-3:]}" if len(local) >= 9 else BLANK


def blanked(text: str, hidden: Iterable[str] = (), *, limit: int = 2000) -> str:
    """`text` with each `hidden` value blanked, every phone number masked and at most `limit` characters kept."""
    for value in hidden:
        for form in _forms(value):
            text = text.replace(form, BLANK)
    text = _NUMBER.sub(lambda found: masked(found[0]), text)
    # PostgreSQL refuses NUL, and a terminal obeys escape codes: what a stranger sent keeps neither.
    text = text[:limit]
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


@lru_cache(maxsize=256)  # the same keys and, mostly, the same text in every call
def _forms(value: str) -> tuple[str, ...]:
    """As it is and as JSON, XML and a form write it, each once and in this order."""
    written = (
        value,
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        html.escape(value, quote=False),
        html.escape(value),
        quote(value, safe=""),
        quote_plus(value),
    )
    return tuple(dict.fromkeys(form for form in written if form))


_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def shown(body: Mapping[str, object]) -> str:
    """A body, already blanked field by field, as one line of JSON."""
    return _JSON.encode(body)
