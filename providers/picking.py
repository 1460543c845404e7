"""Single values picked out of an answer by a path: JSON, XML, a form, or words with a separator."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import parse_qsl

from providers.xmltree import tree


class Pick(Protocol):
    """Answers the value at a path, None where there is none."""

    def __call__(self, path: str, /) -> str | None: ...


def from_json(body: bytes) -> Pick:
    """`a.b.0`: members by name, items by number. Only strings and whole numbers are values."""
    try:
        root = json.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    if not isinstance(root, dict | list):
        raise ValueError("neither a JSON object nor a list")
    return lambda path: _at(root, path)


def _at(root: object, path: str) -> str | None:
    here = root
    for step in path.split("."):
        if isinstance(here, dict):
            here = here.get(step)
        elif isinstance(here, list) and step.isdecimal() and int(step) < len(here):
            here = here[int(step)]
        else:
            return None
    if isinstance(here, bool) or not isinstance(here, str | int):
        return None
    return str(here).strip()


def from_xml(body: bytes) -> Pick:
    """`a.b`: the first element `b` in an `a`, whatever their namespaces."""
    return tree(body).said


def from_form(body: bytes) -> Pick:
    """The field of that name."""
    return from_mapping(dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=100)))


def from_mapping(given: Mapping[str, str]) -> Pick:
    """The entry of that name."""
    return given.get


def from_words(separator: str) -> Callable[[bytes], Pick]:
    """`0`, `1`, ...: the words of the answer in their order."""

    def pick(body: bytes) -> Pick:
        words = [word.strip() for word in body.decode("utf-8", "replace").strip().split(separator)]
        return lambda path: words[int(path)] if path.isdecimal() and int(path) < len(words) else None

    return pick
