"""A definition's text for another year or office, or with other words: some keys are set, the rest stays, comments too."""

from __future__ import annotations

import json
import re
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


# What a key can be set to; None takes it out.
Value = str | list[str] | list[int] | None


def rewritten(text: str, values: Mapping[str, Value]) -> str:
    """The text with these keys set, each by its path as problems name it: `texts.launch.accented`, `wave[2].date`.

    Raises ValueError where a path has no table of its own in the text, or the text is not TOML.
    """
    for path, value in values.items():
        text = _put(text, path, value)
    return text


def _put(text: str, path: str, value: Value) -> str:
    written, at = text.split("\n"), lines(text)
    table, _, key = path.rpartition(".")
    statement = [] if value is None else [f"{key} = {json.dumps(value, ensure_ascii=False)}"]
    if path in at:
        start, end = at[path] - 1, _end(written, at[path])
    elif table in at and _is_table(written[at[table] - 1]):
        start = end = at[table]
    else:
        raise ValueError(f"no table {table}")
    made = "\n".join([*written[:start], *statement, *written[end:]])
    if _found(tomllib.loads(made), path) != value:
        raise ValueError(f"{path} is not written in a table of its own")
    return made


def _found(tables: object, path: str) -> object:
    for part in re.findall(r"[^.\[\]]+", path):
        if isinstance(tables, list):
            tables = tables[int(part) - 1]
        elif isinstance(tables, dict):
            tables = tables.get(part)
    return tables


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
