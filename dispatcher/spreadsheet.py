"""CSV files that Excel opens as it should, and in which nothing runs."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any

# A spreadsheet takes a cell that starts so for a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def safe(cell: Any) -> Any:
    """The cell, with an apostrophe in front where a spreadsheet would run it."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell


class Sheet:
    """A CSV file for staff (UTF-8 with BOM, readable by its owner only), made with its first row; an old one goes."""

    def __init__(self, path: Path, header: Sequence[str]) -> None:
        self._path = path
        self._header = header
        self._file: IO[str] | None = None
        path.unlink(missing_ok=True)

    @property
    def written(self) -> Path | None:
        """Where the rows are, None when there was none."""
        return self._path if self._file else None

    def write(self, rows: Iterable[Sequence[Any]]) -> None:
        for row in rows:
            if self._file is None:
                self._file = _private(self._path)
                csv.writer(self._file).writerow(self._header)
            csv.writer(self._file).writerow([safe(cell) for cell in row])

    def close(self) -> None:
        if self._file:
            self._file.close()


def _private(path: Path) -> IO[str]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    return os.fdopen(descriptor, "w", encoding="utf-8-sig", newline="")
