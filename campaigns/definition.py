"""A campaign, read from a TOML definition; everything wrong with one is found at once, by line and field."""

from __future__ import annotations

from pathlib import Path

from campaigns.assembly import assemble
from campaigns.calendar import Calendar, shipped
from campaigns.campaign import Campaign, LegalBasis, MessageClass, Part, Period, Text, Wave, canonical
from campaigns.problems import DefinitionError, Found, Problem
from campaigns.template import Form
from campaigns.toml_file import tables, written
from campaigns.written import nearest

__all__ = [
    "Campaign", "DefinitionError", "Form", "LegalBasis", "MessageClass", "Part", "Period", "Problem", "Text", "Wave",
    "canonical", "library", "library_path", "load", "parse",
]  # fmt: skip

LIBRARY = Path(__file__).parent / "library"


def library() -> list[str]:
    """Names of the definitions that ship with the package."""
    return sorted(path.stem for path in LIBRARY.glob("*.toml"))


def library_path(name: str) -> Path:
    """Where a definition of the library stands. Raises `DefinitionError` for a name that is not in it."""
    if name not in library():
        found = Found(name)
        found.add("", f"không có mẫu này trong thư viện{nearest(name, library())}")
        found.stop()
    return LIBRARY / f"{name}.toml"


def load(source: Path | str, *, year: int | None = None, calendar: Calendar | None = None) -> Campaign:
    """Read a definition file (UTF-8, at most 1 MiB) for a year. Raises `DefinitionError` with all its problems."""
    return parse(contents(source), str(source), year=year, calendar=calendar)


def contents(source: Path | str) -> str:
    """A definition file as it is written. Raises `DefinitionError`."""
    return written(Path(source), Found(str(source)), f", hoặc dùng một mẫu có sẵn: {', '.join(library())}")


def parse(text: str, name: str, *, year: int | None = None, calendar: Calendar | None = None) -> Campaign:
    """Read a definition; `name` is what problems call the file. `year` wins over the file's own.

    Occasions and themes are those of `calendar`, by default the shipped one. Raises `DefinitionError` with all problems.
    """
    found = Found(name, text.removeprefix("\ufeff"))
    raw = tables(text, found, f"; chép một mẫu có sẵn rồi sửa: {', '.join(library())}")
    fields = assemble(raw, year, calendar or shipped(), found)
    found.stop()
    return Campaign.model_validate(fields)
