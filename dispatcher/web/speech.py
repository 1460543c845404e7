"""Vietnamese is what the pages are written in; other languages are catalogs, read when the first page asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from importlib.resources import files
from io import BytesIO

from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent

from campaigns.calendar import VIETNAM

OWN = "vi"
LANGUAGES = {OWN: "Tiếng Việt", "en": "English"}
LOCALES = {OWN: "vi_VN", "en": "en_GB"}


@cache
def catalog(language: str) -> Mapping[str, str]:
    """Sentence -> translation; empty for our own language."""
    if language == OWN:
        return {}
    raw = (files("dispatcher.web") / "locale" / f"{language}.po").read_bytes()
    return {str(m.id): str(m.string) for m in read_po(BytesIO(raw)) if m.id and m.string}


@dataclass(frozen=True)
class Speech:
    """How a page speaks: words, numbers, times; always the time of Viet Nam, whatever the language."""

    language: str

    def word(self, sentence: str, **values: object) -> str:
        """A sentence in this language, with the values filled in."""
        said = catalog(self.language).get(sentence, sentence)
        return said.format(**{name: self._spoken(value) for name, value in values.items()}) if values else said

    def _spoken(self, value: object) -> object:
        return self.number(value) if isinstance(value, int) and not isinstance(value, bool) else value

    def number(self, value: float) -> str:
        return str(format_decimal(value, locale=LOCALES[self.language]))

    def money(self, vnd: float) -> str:
        """1.250.000 đồng"""
        return f"{self.number(round(vnd))} {self.word('đồng')}"

    def percent(self, part: float, whole: float) -> str:
        return str(format_percent(part / whole if whole else 0, "#,##0.0%", locale=LOCALES[self.language]))

    def moment(self, at: datetime | str | None) -> str:
        """14:05 21/11/2026"""
        if at is None:
            return ""
        read = datetime.fromisoformat(at) if isinstance(at, str) else at
        return read.astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y")

    def second(self, at: datetime | str | None) -> str:
        """14:05:09 21/11/2026"""
        if at is None:
            return ""
        read = datetime.fromisoformat(at) if isinstance(at, str) else at
        return read.astimezone(VIETNAM).strftime("%H:%M:%S %d/%m/%Y")

    def day(self, day: date | str) -> str:
        """21/11/2026"""
        return (date.fromisoformat(day) if isinstance(day, str) else day).strftime("%d/%m/%Y")

    def clock(self, at: time) -> str:
        return at.strftime("%H:%M")
