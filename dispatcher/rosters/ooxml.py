"""The parts of an XLSX package, read as a stream and without trust: sizes, names, entities and references are checked.

Our own reader because fastexcel takes 470 MB for the texts of a million rows: it builds the sheet before it answers.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import polars as pl

from dispatcher.rosters.chunks import RosterError

MOST_ENTRIES = 10_000
MOST_UNPACKED = 2 << 30  # bytes; a full worksheet of a million rows has about 0.3 GB
MOST_SHARED = 300 << 20  # bytes of shared strings, which stay in memory
MOST_RATIO = 250  # unpacked to packed; spreadsheets reach about 40
SMALL = 10 << 20  # below this size the ratio does not matter
LONGEST_CELL = 100_000  # characters; a worksheet's own limit is 32,767
BLOCK = 256 << 10

# Built-in formats that show a day or an hour (ECMA-376, part 1, 18.8.30).
_DATE_FORMATS = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
_LITERAL = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  a date of a worksheet has no zone
_LAST_DAY = 2_958_465  # 31/12/9999

Attributes = dict[str, str]


class Forbidden(Exception):  # noqa: N818  it travels through expat, the package names it for people
    """A document type declaration, which a workbook never has: the way to entities and to other files."""


@dataclass(frozen=True, slots=True)
class Sheet:
    name: str
    part: str
    hidden: bool


@dataclass(frozen=True, slots=True)
class Package:
    """A workbook whose small parts are read: `strings` are the shared ones, `dates` the styles that show a date."""

    path: Path
    sheets: tuple[Sheet, ...]
    strings: pl.Series
    dates: frozenset[str]


def open_package(path: Path) -> Package:
    """Check the archive and read its small parts. Raises `RosterError`, and what zipfile and expat raise."""
    with ZipFile(path) as archive:
        _check(path.name, archive)
        targets = _targets(archive)
        sheets = _sheets(archive, targets)
        strings = _strings(path.name, archive, _part_of(archive, "xl/sharedStrings.xml"))
        return Package(path, sheets, strings, _dates(archive, _part_of(archive, "xl/styles.xml")))


def _check(file: str, archive: ZipFile) -> None:
    entries = archive.infolist()
    if len(entries) > MOST_ENTRIES:
        raise RosterError(f"{file}: tệp nén có {len(entries)} mục bên trong, không phải sổ tính Excel bình thường.")
    for entry in entries:
        _check_entry(file, entry)
    if sum(entry.file_size for entry in entries) > MOST_UNPACKED:
        raise RosterError(_too_large(file))
    _check_kind(file, archive)


def _check_entry(file: str, entry: ZipInfo) -> None:
    if entry.file_size > MOST_UNPACKED:
        raise RosterError(_too_large(file))
    if entry.file_size > SMALL and entry.file_size > MOST_RATIO * max(entry.compress_size, 1):
        raise RosterError(
            f"{file}: tỷ lệ nén bất thường (có thể là “bom nén”), không đọc để bảo vệ máy chủ. "
            "Mở tệp bằng Excel, sao chép danh sách sang tệp mới rồi lưu lại."
        )
    if entry.filename.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", entry.filename):
        raise RosterError(
            f"{file}: tệp nén chứa đường dẫn không an toàn, không phải do Excel tạo ra. Không đọc tệp này."
        )
    if entry.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
        raise BadZipFile(entry.filename)  # no program writes workbooks otherwise
    if entry.flag_bits & 1:
        raise RosterError(f"{file}: tệp nén có mật khẩu. Bỏ mật khẩu rồi lưu lại.")


def _too_large(file: str) -> str:
    return (
        f"{file}: nội dung sau khi giải nén lớn hơn {MOST_UNPACKED >> 30} GB, không đọc để bảo vệ máy chủ. "
        "Chia nhỏ danh sách, hoặc lưu thành CSV UTF-8."
    )


def _check_kind(file: str, archive: ZipFile) -> None:
    names = set(archive.namelist())
    if "xl/workbook.xml" in names:
        return
    if (
        "mimetype" in names
        and archive.getinfo("mimetype").file_size < 200
        and b"opendocument" in archive.read("mimetype")
    ):
        raise RosterError(f"{file}: định dạng OpenDocument (.ods) chưa đọc được. Lưu thành .xlsx hoặc CSV UTF-8.")
    if "xl/workbook.bin" in names:
        raise RosterError(f"{file}: định dạng .xlsb chưa đọc được. Lưu thành .xlsx hoặc CSV UTF-8.")
    raise RosterError(
        f"{file}: là tệp nén nhưng không phải sổ tính Excel. Nếu danh sách nằm trong tệp nén, giải nén trước rồi nhập lại."
    )


def blocks(archive: ZipFile, part: str) -> Iterator[bytes]:
    with archive.open(part) as stream:
        while block := stream.read(BLOCK):
            yield block


def parser(
    start: Callable[[str, Attributes], None],
    end: Callable[[str], None] | None = None,
    text: Callable[[str], None] | None = None,
) -> expat.XMLParserType:
    """An expat parser without document types, so without entities of any kind."""
    made = expat.ParserCreate()
    made.buffer_text = True
    made.StartDoctypeDeclHandler = _forbid
    made.StartElementHandler = start
    made.EndElementHandler = end
    made.CharacterDataHandler = text
    return made


def _forbid(*_: object) -> None:
    raise Forbidden


def local(name: str) -> str:
    """The name without the prefix that some programs write: "x:row" -> "row"."""
    return name.rpartition(":")[2]


def _elements(archive: ZipFile, part: str | None) -> Iterator[tuple[str, Attributes]]:
    """The elements of a small part, in the order in which they begin."""
    found: list[tuple[str, Attributes]] = []
    reader = parser(lambda name, attributes: found.append((local(name), attributes)))
    for block in blocks(archive, part) if part else ():
        reader.Parse(block)
        yield from found
        found.clear()


def _part_of(archive: ZipFile, part: str) -> str | None:
    return part if part in archive.NameToInfo else None


def _targets(archive: ZipFile) -> dict[str, str]:
    """Relationship id -> part of the package."""
    rels = _elements(archive, _part_of(archive, "xl/_rels/workbook.xml.rels"))
    return {
        attributes.get("Id", ""): posixpath.normpath(posixpath.join("/xl", attributes.get("Target", ""))).lstrip("/")
        for name, attributes in rels
        if name == "Relationship" and attributes.get("TargetMode") != "External"
    }


def _sheets(archive: ZipFile, targets: dict[str, str]) -> tuple[Sheet, ...]:
    found = []
    for name, attributes in _elements(archive, "xl/workbook.xml"):
        if name != "sheet":
            continue
        reference = next((value for key, value in attributes.items() if ":" in key and local(key) == "id"), "")
        part = targets.get(reference, "")
        if part in archive.NameToInfo and "chartsheet" not in part:
            found.append(Sheet(attributes.get("name", ""), part, attributes.get("state", "visible") != "visible"))
    return tuple(found)


def _strings(file: str, archive: ZipFile, part: str | None) -> pl.Series:
    if part is None:
        return pl.Series([], dtype=pl.String)
    if archive.getinfo(part).file_size > MOST_SHARED:
        raise RosterError(
            f"{file}: quá nhiều chữ khác nhau trong sổ tính. Chia nhỏ danh sách, hoặc lưu thành CSV UTF-8."
        )
    shared = _Shared()
    kept: list[pl.Series] = []
    for block in blocks(archive, part):
        shared.parser.Parse(block)
        if len(shared.texts) > 20_000:
            kept.append(shared.take())
    return pl.concat([*kept, shared.take()])


class _Shared:
    """The shared strings as they are read; phonetic guides are no part of a text."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._pieces: list[str] = []
        self._phonetic = False
        self.parser = parser(self._start, self._end)

    def take(self) -> pl.Series:
        taken = pl.Series(self.texts, dtype=pl.String)
        self.texts.clear()
        return taken

    def _start(self, name: str, _: Attributes) -> None:
        element = local(name)
        if element == "rPh":
            self._phonetic = True
        elif element == "t" and not self._phonetic:
            self.parser.CharacterDataHandler = self._pieces.append

    def _end(self, name: str) -> None:
        element = local(name)
        self.parser.CharacterDataHandler = None
        if element == "rPh":
            self._phonetic = False
        elif element == "si":
            self.texts.append("".join(self._pieces))
            self._pieces.clear()


def _dates(archive: ZipFile, part: str | None) -> frozenset[str]:
    """The style numbers, as cells write them, whose format shows a date."""
    formats: dict[str, str] = {}
    styles: list[str] = []
    within = False
    for name, attributes in _elements(archive, part):
        if name == "numFmt":
            formats[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif name in {"cellXfs", "cellStyleXfs", "cellStyles", "dxfs"}:
            within = name == "cellXfs"
        elif name == "xf" and within:
            styles.append(attributes.get("numFmtId", "0"))
    return frozenset(str(place) for place, style in enumerate(styles) if _is_date(style, formats))


def _is_date(style: str, formats: dict[str, str]) -> bool:
    if style in formats:
        return bool(re.search(r"[dmyhs]", _LITERAL.sub("", formats[style]), re.IGNORECASE))
    return style.isascii() and style.isdigit() and int(style[:6]) in _DATE_FORMATS


def shown(number: str, *, dated: bool) -> str:
    """A number cell as people see it: 912345678.0 and 9.12345678E8 as 912345678, a date as dd/mm/yyyy."""
    if not dated and number.isascii() and number.isdigit():
        return number
    try:
        value = float(number)
    except ValueError:
        return number
    if dated and 1 <= value <= _LAST_DAY:
        return f"{_EPOCH + timedelta(days=value):%d/%m/%Y}"
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
