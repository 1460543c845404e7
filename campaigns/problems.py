"""What is wrong with a definition, where it stands in the file, and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. `line` counts from 1, None where no line can be named; `field` is a path such as `wave[2].window`.

    Numbers in a path count from 1, as people do: `wave[2]` is the second `[[wave]]` of the file.
    """

    file: str
    line: int | None
    field: str
    message: str

    def __str__(self) -> str:
        line = f"dòng {self.line}" if self.line else ""
        return ", ".join(filter(None, (self.file, line, self.field))) + f": {self.message}"


class DefinitionError(ValueError):
    """A definition that cannot be used; `problems` has everything that is wrong with it, in the order of the file."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class Found:
    """The problems of one file, collected until all are known."""

    def __init__(self, file: str, written: str = "") -> None:
        self.file = file
        self._written = written
        self._problems: dict[Problem, None] = {}

    def add(self, field: str, message: str, line: int | None = None) -> None:
        """Note a problem; unless given, the line is that of the key, or else of the table that it is missing from."""
        self._problems[Problem(self.file, line or self._line(field), field, message)] = None

    def has(self, field: str) -> bool:
        """Whether something is wrong with a field, or with an entry of it, already."""
        return any(problem.field == field or problem.field.startswith(f"{field}[") for problem in self._problems)

    def stop(self) -> None:
        """Raise `DefinitionError` when anything was found."""
        if self._problems:
            raise DefinitionError(tuple(sorted(self._problems, key=lambda problem: problem.line or 0)))

    def _line(self, field: str) -> int | None:
        return next((self._lines[path] for path in _upwards(field) if path in self._lines), None)

    @cached_property
    def _lines(self) -> dict[str, int]:
        return lines(self._written)  # only once a key is at fault: by then the text is known to be TOML


def _upwards(path: str) -> Iterator[str]:
    """A path and the paths above it: `wave[2].date`, `wave[2]`, `wave`."""
    while path:
        yield path
        path = re.sub(r"(\[\d+\]|(^|\.)[^.\[\]]*)$", "", path)


LONGEST_KEY = 400  # no key is longer; the patterns below would crawl through a megabyte of blanks
_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]")
_KEY = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_\-.\s])+?)\s*=""")
_QUOTED = re.compile(r'"""|' + r"'''" + r'|"(?:\\.|[^"\\])*"|' + r"'[^']*'|#.*")


def lines(written: str) -> dict[str, int]:
    """Where each key and table of a TOML text begins: path -> line. Good enough for what people write by hand.

    tomllib keeps no positions, and a parser that does is not worth a dependency.
    """
    found: dict[str, int] = {}
    counts: dict[str, int] = {}
    table = ""
    for number, statement in _statements(written):
        line = statement[:LONGEST_KEY]
        if header := _HEADER.match(line):
            table = _table(header, counts)
            for above in _upwards(table):
                found.setdefault(above, number)
        elif key := _KEY.match(line):
            name = re.sub(r"""["'\s]""", "", key.group(1))
            found.setdefault(f"{table}.{name}" if table else name, number)
    return found


def _table(header: re.Match[str], counts: dict[str, int]) -> str:
    name = re.sub(r"""["'\s]""", "", header.group(2))
    if header.group(1) == "[":
        return name
    counts[name] = counts.get(name, 0) + 1
    return f"{name}[{counts[name]}]"


def _statements(written: str) -> Iterator[tuple[int, str]]:
    """Lines on which a statement begins: not those inside a long string or a bracket left open by a line above."""
    quote, depth = "", 0
    for number, line in enumerate(written.split("\n"), start=1):
        if not quote and depth <= 0:
            yield number, line
            line = "" if _HEADER.match(line[:LONGEST_KEY]) else line
        quote, depth = _open(line, quote, depth)


def _open(line: str, quote: str, depth: int) -> tuple[str, int]:
    """The long quote and the bracket depth that a line leaves open."""
    if quote:
        _, closed, line = line.partition(quote)
        if not closed:
            return quote, depth
    while long := re.search(r'"""|' + r"'''", _QUOTED.sub(_blank, line)):
        head, rest = line[: long.start()], line[long.end() :]
        _, closed, tail = rest.partition(long.group())
        if not closed:
            return long.group(), depth + _brackets(head)
        line = head + tail
    return "", depth + _brackets(line)


def _blank(match: re.Match[str]) -> str:
    """Short strings and comments are blanked, long quotes stay: positions do not move."""
    return match.group() if match.group() in ('"""', "'''") else " " * len(match.group())


def _brackets(line: str) -> int:
    bare = _QUOTED.sub("", line)
    return sum(map(bare.count, "[{")) - sum(map(bare.count, "]}"))
