"""The delivery log for people: exported as CSV, XLSX, JSON lines or Parquet; numbers masked unless revealed."""

from __future__ import annotations

import csv
import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter

from campaigns import msisdn, places
from campaigns.calendar import VIETNAM
from dispatcher.keyring import Keyring
from dispatcher.spreadsheet import safe
from dispatcher.store.log import Row

PAGE = 10_000
MANIFEST = "dispatcher export/1"
SHEET_ROWS = 1_048_576  # what Excel reads of a sheet
SCHEMA = {
    "message_id": pl.String,
    "campaign": pl.String,
    "wave": pl.String,
    "msisdn": pl.String,
    "network": pl.String,
    "area_code": pl.String,
    "commune": pl.String,
    "group": pl.String,
    "route": pl.String,
    "status": pl.String,
    "attempts": pl.Int16,
    "reference": pl.String,
    "submitted_at": pl.String,
    "final_at": pl.String,
    "error_code": pl.String,
    "segments": pl.Int16,
    "template": pl.String,
}


class Format(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"
    JSONL = "jsonl"
    PARQUET = "parquet"


def shown(row: Row, keyring: Keyring, *, reveal: bool) -> dict[str, Any]:
    """A row as people see it, with the keys of `SCHEMA`; times in Viet Nam time, ISO 8601 with offset."""
    area = places.areas().get(row.area_code or "")
    return {
        "message_id": row.id.hex,
        "campaign": row.campaign,
        "wave": row.wave,
        "msisdn": _number(row, keyring, reveal=reveal),
        "network": row.network,
        "area_code": row.area_code,
        "commune": area.name if area else None,
        "group": row.group,
        "route": row.route,
        "status": row.status,
        "attempts": row.attempts,
        "reference": row.reference,
        "submitted_at": _moment(row.submitted_at),
        "final_at": _moment(row.final_at),
        "error_code": row.error_code or None,
        "segments": row.segments,
        "template": row.template,
    }


def _number(row: Row, keyring: Keyring, *, reveal: bool) -> str | None:
    if row.cipher is None or row.key_id is None:
        return None
    number = keyring.decrypt(row.cipher, row.msisdn_hash, row.key_id)
    return number if reveal else msisdn.mask(number)


def _moment(moment: datetime | None) -> str | None:
    return moment.astimezone(VIETNAM).isoformat(timespec="milliseconds") if moment else None


class CsvWriter:
    """CSV with BOM for Excel; cells that a spreadsheet would run get an apostrophe."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8-sig", newline="")
        self._rows = csv.writer(self._file)
        self._rows.writerow(SCHEMA)

    def write(self, rows: list[dict[str, Any]]) -> None:
        self._rows.writerows([[safe(cell) for cell in row.values()] for row in rows])

    def close(self) -> None:
        self._file.close()


class XlsxWriter:
    """A workbook written row by row to the disk; a further sheet where one is full. Text stays text: nothing runs."""

    def __init__(self, path: Path) -> None:
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        self._book = xlsxwriter.Workbook(str(path), options)
        self._bold = self._book.add_format({"bold": True})
        self._next_sheet()

    def _next_sheet(self) -> None:
        self._sheet = self._book.add_worksheet()
        self._sheet.freeze_panes(1, 0)
        self._sheet.write_row(0, 0, SCHEMA, self._bold)
        self._line = 1

    def write(self, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            if self._line == SHEET_ROWS:
                self._next_sheet()
            self._sheet.write_row(self._line, 0, row.values())
            self._line += 1

    def close(self) -> None:
        self._book.close()


class JsonlWriter:
    """One JSON object a line."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8")

    def write(self, rows: list[dict[str, Any]]) -> None:
        self._file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)

    def close(self) -> None:
        self._file.close()


class ParquetWriter:
    """Parquet, joined from a part for each page, so that memory stays flat."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parts: list[Path] = []
        self.write([])

    def write(self, rows: list[dict[str, Any]]) -> None:
        part = self._path.with_name(f"part-{len(self._parts):06}.parquet")
        pl.DataFrame(rows, schema=SCHEMA).write_parquet(part)
        self._parts.append(part)

    def close(self) -> None:
        pl.scan_parquet(self._parts).sink_parquet(self._path)


WRITERS: dict[Format, type[CsvWriter | XlsxWriter | JsonlWriter | ParquetWriter]] = {
    Format.CSV: CsvWriter,
    Format.XLSX: XlsxWriter,
    Format.JSONL: JsonlWriter,
    Format.PARQUET: ParquetWriter,
}


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written, and what its manifest beside it says of it."""

    messages: int
    sha256: str
    manifest: Path


async def export(
    pages: AsyncIterator[list[Row]],
    keyring: Keyring,
    path: Path,
    form: Format,
    *,
    reveal: bool,
    progress: Callable[[int], None],
    about: Mapping[str, Any] | None = None,
) -> Exported:
    """Write all rows to `path`, and `about` with counts and hash to a manifest beside it. Raises OSError.

    Both are readable by their owner only, and there whole or not at all.
    """
    statuses: Counter[str] = Counter()
    segments = 0
    beside = path.with_name(f"{path.name}.manifest.json")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        draft, told = Path(folder) / path.name, Path(folder) / beside.name
        with closing(WRITERS[form](draft)) as writer:
            async for rows in pages:
                writer.write([shown(row, keyring, reveal=reveal) for row in rows])
                statuses.update(row.status for row in rows)
                segments += sum(row.segments for row in rows)
                progress(statuses.total())
        digest = _sha256(draft)
        counts = {"messages": statuses.total(), "statuses": dict(statuses), "segments": segments}
        content = {"form": form, "columns": list(SCHEMA), "numbers_revealed": reveal, **counts}
        made = {"format": MANIFEST, "file": path.name, "bytes": draft.stat().st_size, "sha256": digest, **content}
        told.write_text(json.dumps({**made, **(about or {})}, ensure_ascii=False, indent=2) + "\n", "utf-8")
        for written, place in ((draft, path), (told, beside)):
            written.chmod(0o600)
            written.replace(place)
    return Exported(statuses.total(), digest, beside)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
