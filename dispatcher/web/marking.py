"""A text with everything in it marked that a person should see: costly characters, and where a part ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from campaigns.text import EXTENSION, LIMITS, Encoding, Kind, costly, measure, nfc

KIND_WORDS = {
    Kind.LOOKALIKE: "chữ trông giống chữ La-tinh",
    Kind.SIGN: "dấu câu của máy soạn thảo",
    Kind.SPACE: "khoảng trắng lạ",
    Kind.INVISIBLE: "ký tự không nhìn thấy",
    Kind.OTHER: "ký tự lạ",
    Kind.ACCENT: "chữ có dấu",
}
VISIBLE = "␣"


@dataclass(frozen=True, slots=True)
class Run:
    """Characters of one kind; `cut`: a part of the SMS ends before them. `why` is set for those that cost."""

    text: str
    why: str | None = None
    cut: bool = False


def runs(text: str, *, accented: bool) -> Iterator[Run]:
    """The text in runs. In a text with accents these are what it is written with, and only the rest is marked."""
    text = nfc(text)
    why = {
        c.position - 1: _why(c.kind, c.replacement) for c in costly(text) if not (accented and c.kind is Kind.ACCENT)
    }
    cuts, start = set(ends(text)), 0
    for place in range(1, len(text) + 1):
        if place == len(text) or place in cuts or why.get(place) != why.get(start):
            piece = text[start:place]
            shown = piece if (piece.isprintable() and not piece.isspace()) or start not in why else VISIBLE * len(piece)
            yield Run(shown, why.get(start), start in cuts)
            start = place


def _why(kind: Kind, replacement: str | None) -> str:
    instead = "" if replacement is None else f" → {replacement}" if replacement else " → bỏ đi"
    return KIND_WORDS[kind] + instead


def ends(text: str) -> Iterator[int]:
    """Where parts after the first begin, in characters; none for a text of one part."""
    size = measure(text)
    if size.segments < 2:
        return
    limit, used = LIMITS[size.encoding].part, 0
    for place, char in enumerate(text):
        units = _units(char, size.encoding)
        if used + units > limit:
            yield place
            used = 0
        used += units


def _units(char: str, encoding: Encoding) -> int:
    if encoding is Encoding.GSM7:
        return 2 if char in EXTENSION else 1
    return 2 if char > "\uffff" else 1
