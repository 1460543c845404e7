"""Rosters as CSV: encoding, delimiter and line numbers of files as spreadsheets and phones write them."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import polars as pl

from campaigns import legacy
from campaigns.legacy import Script
from dispatcher.rosters.chunks import Chunk, Collector, Record, RosterError, old_script
from dispatcher.rosters.mapping import FIELDS, HEADER_WITHIN, SAMPLE_ROWS, Fields, Layout, field_of, folded, lay_out

Row = tuple[int, list[str]]  # a Record without the cost of its name, for millions of them

DELIMITERS = (",", ";", "\t", "|")
ALONE = "\x1f"  # the "delimiter" of a file of one column: pairs in a cell are not to be torn apart
LONGEST_LINE = 1_000_000  # characters
MOST_LINES_PER_RECORD = 20  # an address has a few lines; a quote that was never closed swallows the file
_TOGETHER = 2_000  # rows that are sorted into columns at once
BLOCK = 1 << 20  # bytes read at once
_BLANK_LINES = b"\n\n\n\n"  # so many are looked at one by one, lest they pile up
_END = "\0end"  # cannot occur: NUL is taken out of every line

_SAVE_AS = "Mở tệp bằng Excel, chọn Lưu thành (Save As), kiểu “CSV UTF-8”, rồi nhập lại."
BYTES = "latin-1"  # how the bytes of a font of old are read, one letter each
_AS_IT_IS = {"utf-8": 0, "utf-8-sig": len(codecs.BOM_UTF8)}  # encoding -> bytes before the text
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


def detect_script(file: str, head: bytes) -> tuple[str, Script | None]:
    """The encoding, and the script from before Unicode that the letters are of, if any. Raises `RosterError`."""
    encoding = detect_encoding(head)
    try:
        decoded = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeError:
        script = old_script(file, head.decode(BYTES))
        return (BYTES, script) if script else (encoding, None)
    return encoding, old_script(file, decoded)


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines of a text file as UTF-8, each ended by a line feed; `first` is the number of the first of them.

    `position` is how far into the file they reach, in bytes.
    """

    text: bytes
    first: int
    position: int

    @property
    def lines(self) -> int:
        return self.text.count(b"\n")


def lines_of(block: Block) -> Iterator[str]:
    """The lines as text; `splitlines` would take more than line feeds for their ends."""
    return io.StringIO(block.text.decode(), newline="\n")


class Blocks:
    """A text file, block by block: as UTF-8 and Unicode, its line ends and NUL bytes evened out, no line too long."""

    def __init__(self, path: Path, encoding: str, script: Script | None = None) -> None:
        self._path, self._encoding, self._script = path, encoding, script
        self._decoder = None if encoding in _AS_IT_IS else codecs.getincrementaldecoder(encoding)()
        self._rest = b""

    def __iter__(self) -> Iterator[Block]:
        first = 1
        try:
            with self._path.open("rb") as raw:
                raw.seek(_AS_IT_IS.get(self._encoding, 0))
                while read := raw.read(BLOCK):
                    if text := self._whole(self._utf8(read), first):
                        yield Block(text, first, raw.tell())
                        first += text.count(b"\n")
                if last := self._even(self._rest + self._utf8(b"", final=True)):
                    yield Block(last if last.endswith(b"\n") else last + b"\n", first, raw.tell())
        except UnicodeError:
            raise RosterError(_undecodable(self._path, self._encoding)) from None

    def _utf8(self, read: bytes, *, final: bool = False) -> bytes:
        return self._decoder.decode(read, final).encode() if self._decoder else read

    def _whole(self, read: bytes, first: int) -> bytes:
        """The whole lines of what was read, its rest kept for the next; a carriage return may yet get its line feed."""
        text = self._rest + read
        cut = max(text.rfind(b"\n"), text.rfind(b"\r", 0, -1)) + 1
        self._rest = text[cut:]
        even = self._even(text[:cut])
        if len(self._rest) >= LONGEST_LINE and len(self._rest.decode(errors="ignore")) >= LONGEST_LINE:
            raise RosterError(_endless(self._path.name, first + even.count(b"\n")))
        return even

    def _even(self, text: bytes) -> bytes:
        """The same without NUL bytes, every line ended by a line feed. Raises `UnicodeError` for what is no UTF-8."""
        decoded = text.decode()
        text = legacy.read(decoded, self._script).encode() if self._script else text
        text = text.replace(b"\0", b"") if b"\0" in text else text
        return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in text else text


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


def records(lines: Iterator[str], file: str, delimiter: str, first: int = 1) -> Iterator[Row]:
    """The records, each with the number of the physical line where each begins; `first` is that of the first line.

    Stray quotes inside a cell are text; one that opens a cell and is never closed is an error, not a swallowed file.
    """
    reader = csv.reader(chain(lines, [_END]), delimiter=delimiter)
    number = first
    try:
        for cells in reader:
            last = first - 1 + reader.line_num
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


class _Feed:
    """The lines of a block, and of the blocks behind it when asked for more; `left` are those of the block at hand."""

    def __init__(self, block: Block, blocks: Iterator[Block]) -> None:
        self._behind = chain([block], blocks)
        self.left = 0
        self.position = 0

    def __iter__(self) -> Iterator[str]:
        for block in self._behind:
            self.left, self.position = block.lines, block.position
            for line in lines_of(block):
                self.left -= 1
                yield line


class CsvFile:
    """A CSV roster: looked at once when made, read from the start at each iteration.

    polars reads the blocks in which every line is a record, which is nearly all; the standard library, which knows what to
    do about stray quotes and cells of several lines, reads the others.
    """

    def __init__(self, path: Path, head: bytes, asked: Mapping[str, str], fields: Fields = FIELDS) -> None:
        self.path = path
        self.encoding, self.script = detect_script(path.name, head)
        self.delimiter, named = sniff([line.rstrip("\n") for line in islice(self._lines(), SAMPLE_ROWS)])
        found = islice(records(self._lines(), path.name, self.delimiter), int(named), None)
        mark = re.escape(self.delimiter.encode())
        # A quote that neither begins nor ends a cell, nor stands beside another: readers differ about it.
        self._stray = re.compile(rb'"(?![%b\n"])(?<=[^%b\n"]")' % (mark, mark))
        self.layout: Layout = lay_out(path.name, [Record(*row) for row in islice(found, SAMPLE_ROWS)], asked, fields)

    def _lines(self) -> Iterator[str]:
        return chain.from_iterable(map(lines_of, Blocks(self.path, self.encoding, self.script)))

    def chunks(self, chunk_rows: int) -> Iterator[Chunk]:
        """All data rows. Raises `RosterError` where the file goes bad."""
        collector = Collector(self.path.name, tuple(self.layout.indexes), chunk_rows)
        blocks = iter(Blocks(self.path, self.encoding, self.script))
        position = 0
        for block in blocks:
            position = block.position
            blank = _blank_lines(block.text, self.delimiter)
            # Between quotes, a delimiter is content.
            if b'"' not in blank and (plain := self._plain(block)):
                collector.add(*plain, trailing=blank.count(b"\n"))
            else:
                position = self._slowly(block, blocks, collector)
            yield from collector.full(position)
        yield from collector.rest(position)

    def _slowly(self, block: Block, blocks: Iterator[Block], collector: Collector) -> int:
        """The records of a block, the last of which may end in a later one; answers how far that reaches."""
        feed = _Feed(block, blocks)
        data: list[Row] = []
        for row in records(iter(feed), self.path.name, self.delimiter, block.first):
            if row[0] >= self.layout.first_row:
                data.append(row)
            if feed.left == 0:
                break
            if len(data) == _TOGETHER:
                self._collect(data, collector)
                data.clear()
        self._collect(data, collector)
        return feed.position

    def _collect(self, rows: list[Row], collector: Collector) -> None:
        filled = [row for row in rows if any(row[1]) and not "".join(row[1]).isspace()]
        if rows and len(filled) == len(rows):
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
        if max(map(len, rows)) > width and self._pairs_at_the_end:
            rows = [self._gathered(cells) for cells in rows]
        if min(map(len, rows)) > max(indexes):
            return [[cells[index] for cells in rows] for index in indexes]
        return [[cells[index] if index < len(cells) else None for cells in rows] for index in indexes]

    @property
    def _pairs_at_the_end(self) -> bool:
        return self.layout.indexes["msisdn"] == self.layout.width - 1

    def _gathered(self, cells: list[str]) -> list[str]:
        """More cells than the header has: "0912345678, 0987654321" without quotes must not lose its second number."""
        last = self.layout.width - 1
        return [*cells[:last], "; ".join(cell for cell in cells[last:] if cell)] if len(cells) > last else cells

    def _plain(self, block: Block) -> tuple[pl.Series, list[pl.Series]] | None:
        """Row numbers and columns of a block in which every line is a record; None when it has to be read slowly."""
        if block.first < self.layout.first_row or _BLANK_LINES in block.text:
            return None
        quoted = b'"' in block.text
        if quoted and self._stray.search(block.text):
            return None
        indexes = tuple(self.layout.indexes.values())
        try:
            frame = pl.read_csv(
                block.text,
                has_header=False,
                separator=self.delimiter,
                quote_char='"' if quoted else None,
                schema={str(place): pl.String for place in range(self.layout.width)},
                columns=None if quoted else sorted(indexes),
                truncate_ragged_lines=not self._pairs_at_the_end,
            )
        except pl.exceptions.PolarsError:
            return None
        # A quote that is still there was not one around a cell: readers differ about those.
        if frame.height != block.lines or (quoted and _has_quotes(frame)):
            return None
        return pl.int_range(block.first, block.first + frame.height, eager=True), [frame[str(i)] for i in indexes]


def _has_quotes(frame: pl.DataFrame) -> bool:
    return bool(frame.select(pl.any_horizontal(pl.all().str.contains('"', literal=True).any())).item())


def _blank_lines(text: bytes, delimiter: str) -> bytes:
    """The lines at the end with nothing but spaces, delimiters and quotes in them."""
    content = text.rstrip(b' \t\n"' + delimiter.encode())
    return text[text.index(b"\n", len(content)) + 1 :] if content else text
