"""CSV for staff: nothing runs in it, Excel reads it, nobody else does."""

from __future__ import annotations

import csv
import stat
from pathlib import Path

import pytest

from dispatcher.spreadsheet import Sheet, safe


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_that_a_spreadsheet_would_run_gets_an_apostrophe(start: str) -> None:
    assert safe(f'{start}HYPERLINK("http://x")') == f'\'{start}HYPERLINK("http://x")'


@pytest.mark.parametrize("cell", ["Na Sầm", "0912***678", "", "a=b", 5, -5, None])
def test_any_other_cell_stays_as_it_is(cell: object) -> None:
    assert safe(cell) == cell


def test_a_sheet_is_private_and_has_a_bom(tmp_path: Path) -> None:
    sheet = Sheet(tmp_path / "x.csv", ("dòng", "giá trị"))
    sheet.write([(1, "=1+1"), (2, 'a;"b"\nc')])
    sheet.close()
    path = tmp_path / "x.csv"
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [["dòng", "giá trị"], ["1", "'=1+1"], ["2", 'a;"b"\nc']]


def test_a_sheet_without_rows_leaves_no_file_not_even_an_old_one(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("of last time")
    sheet = Sheet(tmp_path / "x.csv", ("a",))
    sheet.write([])
    sheet.close()
    assert sheet.written is None
    assert not (tmp_path / "x.csv").exists()
