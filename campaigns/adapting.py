"""A definition's text for another year or office: keys at its top are set, everything else stays, comments included."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping

from campaigns.problems import lines


def adapted(text: str, values: Mapping[str, str | int]) -> str:
    """The text with these keys at its top, each in its old place or else after the first key.

    Raises ValueError for a text that is not TOML.
    """
    tomllib.loads(text)
    for key, value in values.items():
        text = _set(text, key, f"{key} = {json.dumps(value, ensure_ascii=False)}")
    return text


def _set(text: str, key: str, statement: str) -> str:
    written, at = text.split("\n"), lines(text)
    if key in at and key in tomllib.loads("\n".join(written[: _end(written, at[key])])):
        start = at[key] - 1
        return "\n".join([*written[:start], statement, *written[_end(written, at[key]) :]])
    after = _end(written, min(at.values())) if at and not _is_table(written[min(at.values()) - 1]) else 0
    return "\n".join([*written[:after], statement, *written[after:]])


def _is_table(line: str) -> bool:
    return line.lstrip().startswith("[")


def _end(written: list[str], start: int) -> int:
    """The last line (from 1) of the statement that begins on line `start`: a string or a list may go on."""
    for end in range(start, len(written) + 1):
        try:
            tomllib.loads("\n".join(written[start - 1 : end]))
        except tomllib.TOMLDecodeError:
            continue
        return end
    return start
