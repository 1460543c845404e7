"""What every roster reader yields, chunks of rows with their numbers, and the one error that a bad file becomes."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from campaigns.legacy import MixedError, Script, recognised
from dispatcher.errors import UserError

CHUNK_ROWS = 50_000
MOST_BLANK_ROWS = 1_048_576  # as many as a worksheet has: beyond, somebody is wasting our memory


class RosterError(UserError):
    """A roster that cannot be read: Vietnamese, naming the file, the place in it and what to do."""


def old_script(file: str, sample: str) -> Script | None:
    """The script from before Unicode that a file is typed in, by a part of it. Raises `RosterError` where it is only half so."""
    try:
        return recognised(sample)
    except MixedError as error:
        raise RosterError(
            f"{file}: một phần chữ là Unicode, một phần gõ bằng bảng mã cũ ({error}). Chuyển hết sang Unicode rồi nhập lại, "
            "ví dụ bằng UniKey (Ctrl+Shift+F6)."
        ) from None


def converted(script: Script) -> str:
    return f"Chữ gõ bằng bảng mã cũ {script} đã được chuyển sang Unicode; xem lại vài dòng trước khi nhập."


class Record(NamedTuple):
    """One row of a file as staff see it: `number` counts from 1; a cell without content is "" or None."""

    number: int
    cells: Sequence[str | None]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Up to `chunk_rows` rows: columns `row` (Int64) and one of strings for each mapped field, null where blank.

    `position` is how far the reader is, in the unit of the roster's `total_hint` (bytes).
    """

    frame: pl.DataFrame
    position: int


class Collector:
    """Gathers rows into chunks of exactly `chunk_rows`. Blank rows count only once a row with content follows."""

    def __init__(self, file: str, fields: Sequence[str], chunk_rows: int) -> None:
        self._file, self._fields, self._chunk_rows = file, fields, chunk_rows
        self._numbers: list[int] = []
        self._columns: list[list[str | None]] = [[] for _ in fields]
        self._frames: list[pl.DataFrame] = []
        self._framed = 0
        self._blank = array("q")

    def extend(self, numbers: Sequence[int], columns: Sequence[Sequence[str | None]]) -> None:
        """Rows with content, without a gap between them; one column for each field."""
        if self._blank:
            self._release()
        self._numbers.extend(numbers)
        for column, cells in zip(self._columns, columns, strict=True):
            column.extend(cells)

    def add(self, numbers: pl.Series, columns: Sequence[pl.Series], *, trailing: int) -> None:
        """Rows of a block as they are, the last `trailing` of which are blank."""
        if self._blank and trailing < len(numbers):
            self._release()
        self._settle()
        kept = len(numbers) - trailing
        self._keep(numbers.head(kept), [column.head(kept) for column in columns])
        self.add_blank(*numbers.tail(trailing))

    def add_blank(self, *numbers: int) -> None:
        self._blank.extend(numbers)
        if len(self._blank) > MOST_BLANK_ROWS:
            raise RosterError(
                f"{self._file}, dòng {self._blank[0]}: quá nhiều dòng trống liên tiếp. Xóa các dòng trống rồi nhập lại."
            )

    def _release(self) -> None:
        self._numbers.extend(self._blank)
        for column in self._columns:
            column.extend([None] * len(self._blank))
        del self._blank[:]

    def _settle(self) -> None:
        """Rows gathered one by one become a frame."""
        if self._numbers:
            self._keep(pl.Series(self._numbers, dtype=pl.Int64), [pl.Series(c, dtype=pl.String) for c in self._columns])
            self._numbers.clear()
            for column in self._columns:
                column.clear()

    def _keep(self, numbers: pl.Series, columns: Sequence[pl.Series]) -> None:
        frame = pl.DataFrame({"row": numbers, **dict(zip(self._fields, columns, strict=True))})
        self._frames.append(frame.with_columns(pl.when(pl.col(pl.String) != "").then(pl.col(pl.String)).name.keep()))
        self._framed += len(numbers)

    def full(self, position: int) -> Iterator[Chunk]:
        """The chunks that are complete."""
        while self._framed + len(self._numbers) >= self._chunk_rows:
            yield self._take(position)

    def rest(self, position: int) -> Iterator[Chunk]:
        """What is left at the end of the file, without the blank rows there."""
        yield from self.full(position)
        if self._framed or self._numbers:
            yield self._take(position)

    def _take(self, position: int) -> Chunk:
        self._settle()
        whole = pl.concat(self._frames)
        left = whole.slice(self._chunk_rows)
        self._frames, self._framed = [left], left.height
        return Chunk(whole.head(self._chunk_rows), position)
