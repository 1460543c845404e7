"""Rosters as XLSX: the sheet with the numbers, row by row, as a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from zipfile import ZipFile

import polars as pl

from campaigns import legacy
from campaigns.legacy import Script
from dispatcher.rosters.chunks import Chunk, Collector, Record, RosterError, converted, old_script
from dispatcher.rosters.mapping import FIELDS, MOST_COLUMNS, SAMPLE_ROWS, Fields, Layout, lay_out
from dispatcher.rosters.merging import Merged, spans
from dispatcher.rosters.ooxml import (
    LONGEST_CELL,
    Attributes,
    Package,
    Sheet,
    blocks,
    local,
    open_package,
    parser,
    shown,
)

MOST_ROWS = 1_048_576
_DIGITS = "0123456789"
_BOOLEANS = {"1": "TRUE", "0": "FALSE"}

Cell = str | int  # an int is a place in the shared strings
OnRow = Callable[[int, dict[int, Cell], bool], None]


class _Letters(dict[str, int]):
    """Column letters -> place from 0, filled as they are met."""

    def __missing__(self, letters: str) -> int:
        place = 0
        for letter in letters:
            place = place * 26 + ord(letter) - 64
        if not 1 <= place <= MOST_COLUMNS:
            raise ValueError(letters)
        self[letters] = place - 1
        return place - 1


class Scanner:
    """Expat's handlers for a worksheet. `on_row` gets the row's number, its wanted cells, and whether it has any content.

    No handler for the ends of elements: they would be half of all calls, and the next beginning tells as much.
    """

    def __init__(self, wanted: frozenset[int] | None, dates: frozenset[str], on_row: OnRow) -> None:
        self.unanswered = 0  # formulas without a stored value
        self.parser = parser(self._root)
        self._wanted, self._dates, self._on_row = wanted, dates, on_row
        self._letters = _Letters()
        self._row = 0
        self._column = -1
        self._cells: dict[int, Cell] = {}
        self._filled = self._formula = False
        self._kind = ""
        self._dated = False
        self._place: int | None = None
        self._text: list[str] = []

    def finish(self) -> None:
        self.parser.Parse(b"", True)
        self._end_row()

    def _root(self, name: str, _: Attributes) -> None:
        prefix = name.removesuffix(local(name))
        self._c, self._v, self._t, self._f, self._r = (prefix + element for element in ("c", "v", "t", "f", "row"))
        self.parser.StartElementHandler = self._start

    def _start(self, name: str, attributes: Attributes) -> None:
        if name == self._c:
            if self._place is not None:
                self._end_cell(self._place)
            self._start_cell(attributes)
        elif name in (self._v, self._t):
            self._filled = self._filled or self._kind != "str"
            if self._place is not None:
                self.parser.CharacterDataHandler = self._add
        elif name == self._f:
            self._formula = True
            self.parser.CharacterDataHandler = None
        elif name == self._r:
            self._end_row()
            self._start_row(attributes.get("r"))
        elif self._place is not None:
            self.parser.CharacterDataHandler = None

    def _start_row(self, number: str | None) -> None:
        self._row = max(int(number), self._row + 1) if number else self._row + 1
        self._column = -1
        if self._row > MOST_ROWS:
            raise ValueError(number)

    def _start_cell(self, attributes: Attributes) -> None:
        reference = attributes.get("r")
        self._column = self._letters[reference.rstrip(_DIGITS)] if reference else self._column + 1
        self._kind = attributes.get("t", "n")
        self._formula = False
        if self._wanted is None or self._column in self._wanted:
            self._place = self._column
            self._dated = attributes.get("s") in self._dates

    def _add(self, text: str) -> None:
        self._text.append(text)
        if len(text) > LONGEST_CELL:
            raise ValueError(len(text))

    def _end_cell(self, place: int) -> None:
        self.parser.CharacterDataHandler = None
        text = "".join(self._text).strip() if self._text else ""
        if text:
            self._cells[place] = self._value(text)
            self._filled = True
        elif self._formula:
            self.unanswered += 1
        self._place = None
        self._text.clear()

    def _value(self, text: str) -> Cell:
        if self._kind == "s":
            return int(text)
        if self._kind == "n":
            return shown(text, dated=self._dated)
        return _BOOLEANS.get(text, text) if self._kind == "b" else text

    def _end_row(self) -> None:
        if self._place is not None:
            self._end_cell(self._place)
        if self._row:
            self._on_row(self._row, self._cells, self._filled)
        self._cells = {}
        self._filled = False


class Strings:
    """The shared strings, looked up many at a time."""

    def __init__(self, texts: pl.Series) -> None:
        self._texts = texts

    def resolve(self, cells: Sequence[Cell | None]) -> list[str | None]:
        """Raises IndexError for a place that the workbook does not have."""
        places = list({cell for cell in cells if type(cell) is int})
        if places and not 0 <= min(places) <= max(places) < len(self._texts):
            raise IndexError(max(places))
        table = dict(zip(places, self._texts.gather(places).to_list(), strict=True)) if places else {}
        return [table[cell] if isinstance(cell, int) else cell for cell in cells]


class Workbook:
    """An XLSX roster: the sheet and its layout chosen once when made, read from the start at each iteration."""

    def __init__(self, path: Path, asked: Mapping[str, str], sheet: str | None, fields: Fields = FIELDS) -> None:
        self.path = path
        self._package = open_package(path)
        self._strings = Strings(self._package.strings)
        self.notes: list[str] = []
        self.sheet, self.layout = _choose(self._package, self._strings, asked, sheet, fields)
        self._script = _script(path.name, _sample(self._package, self._strings, self.sheet))
        if self._script:
            self.notes.append(converted(self._script))
        with ZipFile(path) as archive:
            self.size = archive.getinfo(self.sheet.part).file_size

    def chunks(self, chunk_rows: int) -> Iterator[Chunk]:
        """All data rows. Raises `RosterError` where the file goes bad, and what zipfile and expat raise."""
        layout = self.layout
        collector = Collector(self.path.name, tuple(layout.indexes), chunk_rows)
        gathered = _Gathered(layout, self._strings, collector, self._script, self._merges())
        scanner = Scanner(frozenset(layout.indexes.values()), self._package.dates, gathered.add)
        position = 0
        with ZipFile(self.path) as archive:
            for block in blocks(archive, self.sheet.part):
                scanner.parser.Parse(block)
                gathered.flush()
                position += len(block)
                yield from collector.full(position)
        scanner.finish()
        gathered.flush()
        yield from collector.rest(position)
        self._note(scanner.unanswered)

    def _merges(self) -> Merged:
        """The merged cells of the columns that are read, numbers left aside: two people do not share one."""
        wanted = {index for field, index in self.layout.indexes.items() if field != "msisdn"}
        with ZipFile(self.path) as archive:
            return Merged(spans(archive, self.sheet.part, wanted, _Letters().__getitem__))

    def _note(self, unanswered: int) -> None:
        note = (
            f"{unanswered} ô công thức chưa có giá trị, coi như ô trống. Mở tệp bằng Excel, lưu lại để Excel tính xong "
            "rồi nhập lại."
        )
        if unanswered and note not in self.notes:
            self.notes.append(note)


class _Gathered:
    """The data rows of a block, handed to the collector together, so that shared strings are looked up together."""

    def __init__(
        self, layout: Layout, strings: Strings, collector: Collector, script: Script | None, merged: Merged
    ) -> None:
        self._script, self._merged = script, merged
        self._first_row, self._indexes = layout.first_row, tuple(layout.indexes.values())
        self._strings, self._collector = strings, collector
        self._rows: list[tuple[int, dict[int, Cell], bool]] = []
        self._next = layout.first_row

    def add(self, number: int, cells: dict[int, Cell], filled: bool) -> None:
        self._merged.fill(number, cells)
        if number >= self._first_row:
            self._rows.append((number, cells, filled))

    def flush(self) -> None:
        texts = [self._texts(index) for index in self._indexes]
        start = 0
        for place, (number, _, filled) in enumerate(self._rows):
            if filled and number == self._next:
                self._next += 1
                continue
            self._pass(texts, start, place)
            start = place + (not filled)
            if filled:
                self._collector.add_blank(*range(self._next, number))
                self._next = number + 1
        self._pass(texts, start, len(self._rows))
        self._rows.clear()

    def _texts(self, index: int) -> list[str | None]:
        texts = self._strings.resolve([cells.get(index) for _, cells, _ in self._rows])
        return [text and legacy.read(text, self._script) for text in texts] if self._script else texts

    def _pass(self, texts: list[list[str | None]], start: int, end: int) -> None:
        """Hand over a run of rows without a gap."""
        if start < end:
            numbers = [number for number, *_ in self._rows[start:end]]
            self._collector.extend(numbers, [column[start:end] for column in texts])


def _choose(
    package: Package, strings: Strings, asked: Mapping[str, str], name: str | None, fields: Fields
) -> tuple[Sheet, Layout]:
    """The sheet asked for, or the only visible one with a number column."""
    file = package.path.name
    sheets = [sheet for sheet in package.sheets if (sheet.name == name if name else not sheet.hidden)]
    if not sheets:
        raise RosterError(_no_sheet(package, name))
    tried = [(sheet, _layout_or_error(package, strings, sheet, asked, fields)) for sheet in sheets]
    found = [(sheet, layout) for sheet, layout in tried if isinstance(layout, Layout)]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(f"“{sheet.name}”" for sheet, _ in found)
        raise RosterError(
            f"{file}: có {len(found)} trang tính chứa cột số điện thoại: {names}. "
            f'Chỉ rõ trang cần dùng, ví dụ --sheet "{found[0][0].name}".'
        )
    errors = [error for _, error in tried if isinstance(error, RosterError)]
    telling = [
        error for sheet, error in tried if isinstance(error, RosterError) and "không có dữ liệu" not in str(error)
    ]
    raise (telling or errors)[0]


def _layout_or_error(
    package: Package, strings: Strings, sheet: Sheet, asked: Mapping[str, str], fields: Fields
) -> Layout | RosterError:
    where = package.path.name if len(package.sheets) == 1 else f"{package.path.name}, trang “{sheet.name}”"
    try:
        sample = _sample(package, strings, sheet)
        return lay_out(where, _read(sample, _script(where, sample)), asked, fields)
    except RosterError as error:
        return error


def _script(where: str, sample: Sequence[Record]) -> Script | None:
    return old_script(where, "\n".join(cell for record in sample for cell in record.cells if cell))


def _read(sample: list[Record], script: Script | None) -> list[Record]:
    if script is None:
        return sample
    return [Record(r.number, [cell and legacy.read(cell, script) for cell in r.cells]) for r in sample]


def _no_sheet(package: Package, name: str | None) -> str:
    names = ", ".join(f"“{sheet.name}”" for sheet in package.sheets)
    if name and names:
        return f"{package.path.name}: không có trang tính “{name}”. Các trang trong tệp: {names}."
    return f"{package.path.name}: sổ tính không có trang nào đọc được. Mở tệp bằng Excel và lưu lại thành .xlsx."


def _sample(package: Package, strings: Strings, sheet: Sheet) -> list[Record]:
    rows: list[tuple[int, dict[int, Cell]]] = []
    scanner = Scanner(None, package.dates, lambda number, cells, _: rows.append((number, cells)))
    with ZipFile(package.path) as archive:
        for block in blocks(archive, sheet.part):
            scanner.parser.Parse(block)
            if len(rows) > SAMPLE_ROWS:
                break
        else:
            scanner.finish()
    return [_record(number, cells, strings) for number, cells in rows[:SAMPLE_ROWS]]


def _record(number: int, cells: dict[int, Cell], strings: Strings) -> Record:
    return Record(number, strings.resolve([cells.get(place) for place in range(max(cells, default=-1) + 1)]))
