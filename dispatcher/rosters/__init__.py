"""Rosters as staff really have them, CSV or XLSX: recognised, explained when wrong, read in chunks with flat memory."""

from __future__ import annotations

import stat
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers.expat import ExpatError
from zipfile import BadZipFile

from dispatcher.rosters.chunks import CHUNK_ROWS, Chunk, RosterError, converted
from dispatcher.rosters.csvfile import ALONE, CsvFile
from dispatcher.rosters.mapping import FIELDS, Fields, Layout
from dispatcher.rosters.ooxml import Forbidden
from dispatcher.rosters.workbook import Workbook

__all__ = ["CHUNK_ROWS", "FIELDS", "Chunk", "Fields", "Roster", "RosterError", "read"]

HEAD = 64 << 10
_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_SEARCHED = 16 << 20  # bytes in which the directory of an encrypted workbook is looked for

_NOT_A_LIST = "Chọn tệp .xlsx hoặc CSV UTF-8 chứa danh sách số."
_SIGNATURES = {
    b"\x89PNG": "ảnh PNG",
    b"\xff\xd8\xff": "ảnh JPEG",
    b"GIF8": "ảnh GIF",
    b"%PDF": "tệp PDF",
    b"\x7fELF": "tệp chương trình",
    b"MZ\x90\x00": "tệp chương trình",
    b"Rar!": "tệp nén RAR",
    b"7z\xbc\xaf": "tệp nén 7z",
    b"\x1f\x8b": "tệp nén gzip",
    b"BZh": "tệp nén bzip2",
    b"{\\rtf": "văn bản RTF",
    b"SQLite format 3": "tệp cơ sở dữ liệu",
}
_MARKUP = ("<html", "<!doctype", "<table", "<?xml", "<meta", "<style")
_SYSTEM = {
    FileNotFoundError: "không tìm thấy tệp. Kiểm tra lại tên và đường dẫn.",
    IsADirectoryError: "đây là thư mục, không phải tệp. Chỉ đúng tệp danh sách số.",
    NotADirectoryError: "đường dẫn không đúng. Kiểm tra lại tên thư mục.",
    PermissionError: "không có quyền đọc tệp. Xin quyền đọc, hoặc chép tệp sang thư mục khác.",
}


@dataclass(frozen=True)
class Roster:
    """A roster that can be read: what was recognised, to be shown, and its chunks by iteration (again from the start).

    `mapping` is field -> column header, as asked or guessed. `encoding` and `delimiter` are None for a workbook,
    `delimiter` also for a file of one column; `sheet` is None for CSV. `total_hint` is in bytes, as a chunk's
    `position`. `notes` are Vietnamese; some are only known after reading.
    """

    path: Path
    columns: tuple[str, ...]
    mapping: dict[str, str]
    encoding: str | None
    delimiter: str | None
    sheet: str | None
    total_hint: int
    notes: list[str]
    _chunks: Callable[[], Iterator[Chunk]] = field(repr=False)

    def __iter__(self) -> Iterator[Chunk]:
        """Chunks in the order of the file. Raises `RosterError` where the file goes bad."""
        with _explained(self.path):
            yield from self._chunks()


def read(
    path: str | Path,
    mapping: Mapping[str, str] | None = None,
    chunk_rows: int = CHUNK_ROWS,
    sheet: str | None = None,
    fields: Fields = FIELDS,
) -> Roster:
    """Open a list of numbers by what it contains, whatever its name says.

    `fields` are those of a roster, or of another kind of list. `mapping` is field -> column, for columns that are not
    recognised. `row` of a chunk is the row of the sheet, or the line of the text file where the record begins; the first
    is 1. Raises `RosterError`.
    """
    path = Path(path)
    with _explained(path):
        head = _head(path)
        if head.startswith(_ZIP):
            return _of_workbook(path, Workbook(path, mapping or {}, sheet, fields), chunk_rows)
        _check(path, head)
        return _of_csv(path, CsvFile(path, head, mapping or {}, fields), chunk_rows)


def _of_workbook(path: Path, book: Workbook, chunk_rows: int) -> Roster:
    book.notes.extend(book.layout.notes)
    return _roster(
        path, book.layout, book.notes, lambda: book.chunks(chunk_rows), sheet=book.sheet.name, total_hint=book.size
    )


def _of_csv(path: Path, file: CsvFile, chunk_rows: int) -> Roster:
    return _roster(
        path,
        file.layout,
        [*file.layout.notes, *([converted(file.script)] if file.script else [])],
        lambda: file.chunks(chunk_rows),
        encoding=file.script or file.encoding,
        delimiter=None if file.delimiter == ALONE else file.delimiter,
        total_hint=path.stat().st_size,
    )


def _roster(
    path: Path,
    layout: Layout,
    notes: list[str],
    chunks: Callable[[], Iterator[Chunk]],
    *,
    total_hint: int,
    encoding: str | None = None,
    delimiter: str | None = None,
    sheet: str | None = None,
) -> Roster:
    return Roster(path, layout.columns, layout.mapping, encoding, delimiter, sheet, total_hint, notes, chunks)


def _head(path: Path) -> bytes:
    """The first bytes. Only of a regular file: a pipe or a device would never end."""
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError
    if not stat.S_ISREG(mode):
        raise RosterError(f"{path.name}: không phải tệp thường. {_NOT_A_LIST}")
    with path.open("rb") as raw:
        return raw.read(HEAD)


def _check(path: Path, head: bytes) -> None:
    """Refuse what is no text, by its first bytes."""
    if not head:
        raise RosterError(f"{path.name}: tệp rỗng (0 byte). Kiểm tra lại có chọn đúng tệp hay không.")
    if head.startswith(_OLE):
        raise RosterError(_ole(path))
    for signature, kind in _SIGNATURES.items():
        if head.startswith(signature):
            raise RosterError(f"{path.name}: đây là {kind}, không phải danh sách số. {_NOT_A_LIST}")
    if head[:200].decode("latin-1").lstrip("ï»¿ \r\n\t").lower().startswith(_MARKUP):
        raise RosterError(f"{path.name}: đây là trang web (HTML/XML) lưu đổi đuôi. Mở bằng Excel rồi lưu thành .xlsx.")
    if path.suffix.lower() in {".xlsx", ".xlsm"}:
        raise RosterError(
            f"{path.name}: không phải sổ tính Excel (tệp hỏng hoặc bị đổi đuôi). Mở bằng Excel và lưu lại thành .xlsx; "
            "nếu là CSV, đổi đuôi thành .csv."
        )


def _ole(path: Path) -> str:
    with path.open("rb") as raw:
        encrypted = _ENCRYPTED in raw.read(_SEARCHED)
    if encrypted:
        return (
            f"{path.name}: sổ tính có mật khẩu. Mở bằng Excel, bỏ mật khẩu (File, Info, Protect Workbook) rồi lưu lại."
        )
    return f"{path.name}: định dạng Excel cũ (.xls) chưa đọc được. Mở bằng Excel và lưu thành .xlsx."


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Whatever a broken file makes the readers raise, in words."""
    try:
        yield
    except RosterError:
        raise
    except Forbidden:
        raise RosterError(f"{path.name}: sổ tính chứa khai báo DOCTYPE không an toàn. Không đọc tệp này.") from None
    except OSError as error:
        told = _SYSTEM.get(type(error), f"không đọc được tệp ({error.strerror or 'lỗi hệ thống'}).")
        raise RosterError(f"{path.name or path}: {told}") from None
    except (BadZipFile, ExpatError, zlib.error, EOFError, LookupError, ValueError, NotImplementedError, RuntimeError):
        raise RosterError(
            f"{path.name}: tệp bị hỏng hoặc không đúng định dạng. Mở bằng Excel và lưu lại thành .xlsx."
        ) from None
