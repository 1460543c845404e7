"""The delivery log for people: searched, and exported as CSV, JSON lines or Parquet; numbers masked unless revealed."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import polars as pl

from campaigns import msisdn, places
from campaigns.calendar import VIETNAM
from dispatcher.keyring import Keyring
from dispatcher.spreadsheet import safe
from dispatcher.store.log import Row

PAGE = 10_000
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
}


class Format(StrEnum):
    CSV = "csv"
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


WRITERS: dict[Format, type[CsvWriter | JsonlWriter | ParquetWriter]] = {
    Format.CSV: CsvWriter,
    Format.JSONL: JsonlWriter,
    Format.PARQUET: ParquetWriter,
}


async def export(
    pages: AsyncIterator[list[Row]],
    keyring: Keyring,
    path: Path,
    form: Format,
    *,
    reveal: bool,
    progress: Callable[[int], None],
) -> int:
    """Write all rows to `path` (readable by its owner only), whole or not at all; answers how many. Raises OSError."""
    written = 0
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        draft = Path(folder) / path.name
        with closing(WRITERS[form](draft)) as writer:
            async for rows in pages:
                writer.write([shown(row, keyring, reveal=reveal) for row in rows])
                written += len(rows)
                progress(written)
        draft.chmod(0o600)
        draft.replace(path)
    return written
