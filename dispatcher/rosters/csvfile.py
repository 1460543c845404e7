"""Rosters as CSV: encoding, delimiter and line numbers of files as spreadsheets and phones write them."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from types import TracebackType

from dispatcher.rosters.chunks import Chunk, Collector, Record, RosterError
from dispatcher.rosters.mapping import HEADER_WITHIN, SAMPLE_ROWS, Layout, field_of, folded, lay_out

Row = tuple[int, list[str]]  # a Record without the cost of its name, for millions of them

DELIMITERS = (",", ";", "\t", "|")
ALONE = "\x1f"  # the "delimiter" of a file of one column: pairs in a cell are not to be torn apart
LONGEST_LINE = 1_000_000  # characters
MOST_LINES_PER_RECORD = 20  # an address has a few lines; a quote that was never closed swallows the file
_TOGETHER = 2_000  # rows that are sorted into columns at once
_END = "\0end"  # cannot occur: NUL is taken out of every line

_SAVE_AS = "Mở tệp bằng Excel, chọn Lưu thành (Save As), kiểu “CSV UTF-8”, rồi nhập lại."
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def detect_encoding(head: bytes) -> str:
    """The encoding by byte order mark, by the zero bytes of UTF-16 without one, or UTF-8."""
    for mark, encoding in _BOMS.items():
        if head.startswith(mark):
            return encoding
    even, odd = head[0:4096:2], head[1:4096:2]
    if odd and odd.count(0) > 0.3 * len(odd) and even.count(0) < 0.05 * len(even):
        return "utf-16-le"
    if even and even.count(0) > 0.3 * len(even) and odd.count(0) < 0.05 * len(odd):
        return "utf-16-be"
    return "utf-8"


class Lines:
    """The lines of a text file, one at a time and never longer than `LONGEST_LINE`; `position` is in bytes."""

    def __init__(self, path: Path, encoding: str) -> None:
        self._path, self._encoding = path, encoding
        self._raw = path.open("rb")
        self._text = io.TextIOWrapper(self._raw, encoding=encoding, newline="")

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._text.close()

    @property
    def position(self) -> int:
        return self._raw.tell()

    def __iter__(self) -> Iterator[str]:
        number, readline = 0, self._text.readline
        try:
            while line := readline(LONGEST_LINE):
                number += 1
                if len(line) == LONGEST_LINE:
                    raise RosterError(_endless(self._path.name, number))
                yield line.replace("\0", "") if "\0" in line else line
        except UnicodeError:
            raise RosterError(_undecodable(self._path, self._encoding)) from None


def _endless(file: str, number: int) -> str:
    return (
        f"{file}, dòng {number}: dòng dài hơn {LONGEST_LINE // 1_000_000} triệu ký tự, không phải danh sách số. "
        "Kiểm tra lại có chọn đúng tệp hay không."
    )


def _undecodable(path: Path, encoding: str) -> str:
    offset, line = bad_byte(path, "utf-8" if encoding == "utf-8-sig" else encoding)
    name = "UTF-8" if encoding.startswith("utf-8") else "UTF-16"
    return (
        f"{path.name}, dòng {line}, byte thứ {offset}: không phải chữ {name} hợp lệ (có thể tệp dùng bảng mã cũ "
        f"TCVN3, VNI hoặc Windows-1258). {_SAVE_AS}"
    )


def bad_byte(path: Path, encoding: str) -> tuple[int, int]:
    """Offset (from 0) and line (from 1) of the first byte that cannot be decoded."""
    decoder = codecs.getincrementaldecoder(encoding)()
    read, line = 0, 1
    with path.open("rb") as raw:
        while True:
            block = raw.read(1 << 20)
            try:
                line += decoder.decode(block, final=not block).count("\n")
            except UnicodeDecodeError as error:
                pending = len(error.object) - len(block)
                before = error.object[: error.start].decode(encoding, "ignore")
                return read - pending + error.start, line + before.count("\n")
            if not block:
                return read, line
            read += len(block)


def records(lines: Iterator[str], file: str, delimiter: str) -> Iterator[Row]:
    """The records, each with the number of the physical line where each begins.

    Stray quotes inside a cell are text; one that opens a cell and is never closed is an error, not a swallowed file.
    """
    reader = csv.reader(chain(lines, [_END]), delimiter=delimiter)
    number = 1
    try:
        for cells in reader:
            last = reader.line_num
            if last - number >= MOST_LINES_PER_RECORD or (cells and cells[-1].endswith(_END)):
                break
            yield number, cells
            number = last + 1
    except csv.Error:
        raise RosterError(_unclosed(file, number)) from None
    if cells != [_END]:
        raise RosterError(_unclosed(file, number))


def _unclosed(file: str, number: int) -> str:
    return (
        f"{file}, dòng {number}: dấu ngoặc kép mở ở dòng này không được đóng, hoặc ô quá dài. Xóa hoặc đóng dấu ngoặc "
        "kép rồi nhập lại."
    )


def sniff(lines: Sequence[str]) -> tuple[str, bool]:
    """The delimiter of the first lines, and whether the first line is Excel's `sep=;` and no data."""
    first = lines[0].strip().lower() if lines else ""
    if first.startswith("sep=") and len(first) == 5:
        return first[4], True
    if first.startswith("sep="):
        return "\t", True
    if _alone(lines):
        return ALONE, False
    scores = {delimiter: _score(lines, delimiter) for delimiter in DELIMITERS}
    best = max(DELIMITERS, key=scores.__getitem__)
    return (best if scores[best][2] > 1 else ALONE), False


def _alone(lines: Sequence[str]) -> bool:
    header = next((line for line in lines if line.strip()), "")
    return not any(mark in header for mark in DELIMITERS) and field_of(header) == "msisdn" and len(folded(header)) < 30


def _score(lines: Sequence[str], delimiter: str) -> tuple[bool, int, int]:
    """Better when a header appears, then when more rows have the same width, then when they are wider."""
    try:
        rows = [row for row in csv.reader(lines, delimiter=delimiter) if any(map(str.strip, row))]
    except csv.Error:
        return False, 0, 0
    headed = any(len(row) > 1 and "msisdn" in map(field_of, row) for row in rows[:HEADER_WITHIN] if len(row) < 1000)
    widths = Counter(len(row) for row in rows if len(row) > 1)
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
    return headed, count, width


class CsvFile:
    """A CSV roster: looked at once when made, read from the start at each iteration."""

    def __init__(self, path: Path, head: bytes, asked: Mapping[str, str]) -> None:
        self.path = path
        self.encoding = detect_encoding(head)
        with Lines(path, self.encoding) as lines:
            top = list(islice(lines, SAMPLE_ROWS))
        self.delimiter, self._skipped = sniff(top)
        with Lines(path, self.encoding) as lines:
            sample = [Record(*row) for row in islice(self._records(lines), SAMPLE_ROWS)]
        self.layout: Layout = lay_out(path.name, sample, asked)

    def _records(self, lines: Lines) -> Iterator[Row]:
        found = records(iter(lines), self.path.name, self.delimiter)
        return islice(found, 1, None) if self._skipped else found

    def chunks(self, chunk_rows: int) -> Iterator[Chunk]:
        """All data rows. Raises `RosterError` where the file goes bad."""
        collector = Collector(self.path.name, tuple(self.layout.indexes), chunk_rows)
        first_row = self.layout.first_row
        with Lines(self.path, self.encoding) as lines:
            data = (row for row in self._records(lines) if row[0] >= first_row)
            while rows := list(islice(data, _TOGETHER)):
                self._collect(rows, collector)
                yield from collector.full(lines.position)
            yield from collector.rest(lines.position)

    def _collect(self, rows: list[Row], collector: Collector) -> None:
        filled = [row for row in rows if any(row[1]) and not "".join(row[1]).isspace()]
        if len(filled) == len(rows):
            collector.extend([number for number, _ in rows], self._columns([cells for _, cells in rows]))
            return
        kept = {number for number, _ in filled}
        for number, cells in rows:
            if number in kept:
                collector.extend([number], self._columns([cells]))
            else:
                collector.add_blank(number)

    def _columns(self, rows: list[list[str]]) -> list[Sequence[str | None]]:
        width, indexes = self.layout.width, self.layout.indexes.values()
        if max(map(len, rows)) > width and self.layout.indexes["msisdn"] == width - 1:
            rows = [self._gathered(cells) for cells in rows]
        if min(map(len, rows)) > max(indexes):
            return [[cells[index] for cells in rows] for index in indexes]
        return [[cells[index] if index < len(cells) else None for cells in rows] for index in indexes]

    def _gathered(self, cells: list[str]) -> list[str]:
        """More cells than the header has: "0912345678, 0987654321" without quotes must not lose its second number."""
        last = self.layout.width - 1
        return [*cells[:last], "; ".join(cell for cell in cells[last:] if cell)] if len(cells) > last else cells
