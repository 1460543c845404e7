"""The office's own awareness days and yearly themes: a file beside the routes, laid over what is shipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import StrictInt

from campaigns.calendar import Calendar, Occasion, shipped
from campaigns.moments import Day
from campaigns.problems import Found
from campaigns.toml_file import tables, written
from campaigns.written import FIRST_YEAR, LAST_YEAR, Name, Sentence, Slug, Written, WrittenDay, listed, nearest, read


class OccasionTable(Written):
    """`[[occasion]]`"""

    required = ("slug", "name", "start", "end", "legal_basis")

    slug: Slug | None = None
    name: Sentence | None = None
    start: WrittenDay | None = None
    end: WrittenDay | None = None
    legal_basis: Sentence | None = None


class ThemeTable(Written):
    """`[[theme]]`; `source` is the document that gives the wording."""

    required = ("occasion", "year", "theme", "source")

    occasion: Name | None = None
    year: StrictInt | None = None
    theme: Sentence | None = None
    source: Sentence | None = None


class File(Written):
    """The whole file; its tables are read one by one."""

    occasion: Any = None
    theme: Any = None


def load(path: Path) -> Calendar:
    """The shipped calendar with what the file adds or replaces. Raises `DefinitionError` with all problems."""
    text = written(path, Found(str(path)), "")
    found = Found(str(path), text)
    raw = tables(text, found, "")
    read(File, raw, "", found)
    occasions = {**shipped().occasions, **dict(_occasions(raw.get("occasion", []), found))}
    themes = {**shipped().themes, **dict(_themes(raw.get("theme", []), occasions, found))}
    found.stop()
    return Calendar(occasions, themes)


def _occasions(raw: object, found: Found) -> Iterator[tuple[str, Occasion]]:
    for field, given in listed(raw, "occasion", found):
        table = read(OccasionTable, given, field, found)
        start, end = (_every_year(getattr(table, key), f"{field}.{key}", found) for key in ("start", "end"))
        if table.slug and table.name and start and end and table.legal_basis:
            yield table.slug, Occasion(table.slug, table.name, start, end, table.legal_basis)


def _every_year(day: object, field: str, found: Found) -> tuple[int, int] | None:
    if day is None:
        return None
    if not isinstance(day, Day) or day.year is not None or (day.month, day.day) == (2, 29):
        found.add(field, 'dịp lặp lại hằng năm; viết tháng-ngày, ví dụ "06-26"')
        return None
    return day.month, day.day


def _themes(raw: object, occasions: dict[str, Occasion], found: Found) -> Iterator[tuple[tuple[str, int], str]]:
    for field, given in listed(raw, "theme", found):
        table = read(ThemeTable, given, field, found)
        if table.occasion is not None and table.occasion not in occasions:
            found.add(f"{field}.occasion", f'không có dịp "{table.occasion}"{nearest(table.occasion, occasions)}')
        if table.year is not None and not FIRST_YEAR <= table.year <= LAST_YEAR:
            found.add(f"{field}.year", f"năm {table.year} ngoài khoảng {FIRST_YEAR}-{LAST_YEAR}")
        if table.occasion and table.year and table.theme:
            yield (table.occasion, table.year), table.theme
