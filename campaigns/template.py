"""Placeholders and language forms of a text: `{year}`, `{theme}`, `{hotline}`, `{owner}`, per recipient `{commune}`.

Strict, because a brace that nobody meant is sent to a million people: an unknown or unclosed placeholder is an error.
`{{` and `}}` stand for the braces themselves.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from campaigns.text import plain


class Placeholder(StrEnum):
    """What a text may leave open."""

    YEAR = "year"
    THEME = "theme"
    HOTLINE = "hotline"
    OWNER = "owner"
    COMMUNE = "commune"


class Form(StrEnum):
    """The two ways in which every text is written, by hand: unaccented Vietnamese is ambiguous."""

    ACCENTED = "accented"
    UNACCENTED = "unaccented"


# Stands for a theme that is still to come: the yearly dispatch is days before the month. About as long as a theme.
THEME_TO_COME = "(chủ đề của năm, sẽ điền khi có văn bản hướng dẫn, trước khi phê duyệt)"

PER_RECIPIENT = frozenset({Placeholder.COMMUNE})
KNOWN = ", ".join(f"{{{name}}}" for name in Placeholder)


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrong brace at character `position` (from 1), explained in Vietnamese."""

    position: int
    message: str


class TemplateError(ValueError):
    """A text whose braces cannot be read; `mistakes` has all of them."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__("; ".join(f"vị trí {mistake.position}: {mistake.message}" for mistake in mistakes))
        self.mistakes = mistakes


Piece = str | Placeholder | Mistake

_PIECES = re.compile(r"\{\{|\}\}|\{[^{}]*\}|[{}]|[^{}]+")
_LITERAL = {"{{": "{", "}}": "}"}
_STRAY = {
    "{": "dấu { chưa có dấu } đóng lại; muốn in dấu { thì viết {{",
    "}": "dấu } không có dấu { mở ra; muốn in dấu } thì viết }}",
}


def _pieces(template: str) -> Iterator[Piece]:
    for match in _PIECES.finditer(template):
        written = match.group()
        if written in _STRAY:
            yield Mistake(match.start() + 1, _STRAY[written])
        elif written.startswith("{") and written not in _LITERAL:
            yield _named(written[1:-1], match.start() + 1)
        else:
            yield _LITERAL.get(written, written)


def _named(name: str, position: int) -> Placeholder | Mistake:
    if name in frozenset(Placeholder):
        return Placeholder(name)
    close = difflib.get_close_matches(name.strip().lower(), list(Placeholder), n=1)
    instead = f"viết {{{close[0]}}}" if close else f"chỉ dùng {KNOWN}"
    return Mistake(position, f"không có chỗ điền {{{name}}}; {instead}")


def mistakes(template: str) -> tuple[Mistake, ...]:
    """Everything wrong with the braces of a text; empty when it can be rendered."""
    return tuple(piece for piece in _pieces(template) if isinstance(piece, Mistake))


def parse(template: str) -> tuple[str | Placeholder, ...]:
    """Literal pieces and placeholders, in order. Raises `TemplateError` with all mistakes."""
    pieces = tuple(_pieces(template))
    wrong = tuple(piece for piece in pieces if isinstance(piece, Mistake))
    if wrong:
        raise TemplateError(wrong)
    return tuple(piece for piece in pieces if not isinstance(piece, Mistake))


def placeholders(template: str) -> frozenset[Placeholder]:
    """The placeholders that a text uses, as far as it can be read."""
    return frozenset(piece for piece in _pieces(template) if isinstance(piece, Placeholder))


def render(template: str, values: Mapping[Placeholder, str]) -> str:
    """The text with its placeholders filled in; values are taken as they are, braces included.

    Raises `TemplateError` for a text that cannot be read, and KeyError for a placeholder without a value.
    """
    return "".join(values[piece] if isinstance(piece, Placeholder) else piece for piece in parse(template))


def values(form: Form, facts: Mapping[Placeholder, str | None]) -> dict[Placeholder, str]:
    """What to fill in for a form: facts that are known, without accents in the unaccented form."""
    known = {name: fact for name, fact in facts.items() if fact is not None}
    return {name: plain(fact) for name, fact in known.items()} if form is Form.UNACCENTED else known
