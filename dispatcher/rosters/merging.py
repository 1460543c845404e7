"""Merged cells of a worksheet: what stands in the first is meant for all of them, down a column."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Set
from pathlib import Path
from zipfile import ZipFile

from dispatcher.rosters.chunks import RosterError
from dispatcher.rosters.ooxml import blocks

# They stand behind all rows; found as bytes, for a parser would take as long as reading the sheet once more.
MERGED = re.compile(rb"<(?:\w+:)?mergeCell\s[^<>]*?ref=[\"']([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})[\"']")
LONGEST = 200  # bytes of such an element
MOST = 200_000  # they stay in memory

Cell = str | int
Span = tuple[int, int, int]  # first row, last row, column


def spans(archive: ZipFile, part: str, columns: Set[int], place: Callable[[str], int]) -> list[Span]:
    """The merged cells that reach over several rows of these columns, in the order of their first rows.

    Raises `RosterError` for more than a roster has.
    """
    found: set[Span] = set()
    rest = b""
    for block in blocks(archive, part):
        rest += block
        for first_column, first, _, last in MERGED.findall(rest):
            column = place(first_column.decode())
            if column in columns and int(first) < int(last):
                found.add((int(first), int(last), column))
        if len(found) > MOST:
            raise RosterError(_too_many(archive))
        rest = rest[-LONGEST:]
    return sorted(found)


def _too_many(archive: ZipFile) -> str:
    return (
        f"{Path(archive.filename or '').name}: có hơn {MOST} ô gộp theo chiều dọc. Mở bằng Excel, bỏ gộp ô (Unmerge Cells) "
        "rồi nhập lại."
    )


class Merged:
    """Fills the cells of rows that come in their order."""

    def __init__(self, merged: Iterable[Span]) -> None:
        self._waiting = list(merged)[::-1]
        self._held: dict[int, tuple[int, Cell]] = {}

    def fill(self, row: int, cells: dict[int, Cell]) -> None:
        while self._waiting and self._waiting[-1][0] <= row:
            first, last, column = self._waiting.pop()
            if first == row and column in cells:
                self._held[column] = last, cells[column]
        for column, (last, held) in list(self._held.items()):
            if row > last:
                del self._held[column]
            else:
                cells.setdefault(column, held)
