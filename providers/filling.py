"""Texts with `${names}` in them, filled in and written so that no value can break out. Nothing is ever run."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from string import Template
from urllib.parse import quote, quote_plus

from providers.xmltree import tree


class Form(StrEnum):
    """What a body is written in."""

    JSON = "json"
    FORM = "form"
    XML = "xml"
    TEXT = "text"


CONTENT_TYPES = {
    Form.JSON: "application/json",
    Form.FORM: "application/x-www-form-urlencoded",
    Form.XML: "text/xml; charset=utf-8",
    Form.TEXT: "text/plain; charset=utf-8",
}
WRITTEN: Mapping[Form, Callable[[str], str]] = {
    Form.JSON: lambda value: json.dumps(value, ensure_ascii=False)[1:-1],
    Form.FORM: quote_plus,
    Form.XML: html.escape,
    Form.TEXT: str,
}


def in_address(value: str) -> str:
    """A value as it stands in a URL."""
    return quote(value, safe="")


def names(template: str, known: Collection[str]) -> set[str]:
    """The names asked for. Raises ValueError, in words for staff, for a name that is not `known` or a stray `$`."""
    parsed = Template(template)
    if not parsed.is_valid():
        raise ValueError("có dấu $ lẻ; viết ${tên}, hoặc $$ nếu muốn chính dấu $")
    asked = set(parsed.get_identifiers())
    if strange := asked - set(known):
        raise ValueError(f"không có ${{{min(strange)}}}; các tên dùng được: {', '.join(sorted(known))}")
    return asked


def filled(template: str, values: Mapping[str, str], written: Callable[[str], str]) -> str:
    """The template with each value put in as `written` writes it."""
    return Template(template).substitute({name: written(value) for name, value in values.items()})


def require_well_formed(template: str, known: Collection[str], form: Form) -> None:
    """Raise ValueError, in words for staff, for a body that would not be what it says it is."""
    sample = filled(template, dict.fromkeys(known, 'x"&<1'), WRITTEN[form])
    try:
        if form is Form.JSON:
            json.loads(sample)
        elif form is Form.XML:
            tree(sample.encode())
    except ValueError:
        raise ValueError(f"không phải {form.upper()} hợp lệ sau khi điền các giá trị") from None
