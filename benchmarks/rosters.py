"""Time and memory of reading and cleaning a dirty roster, beside bare reads of the same file: polars, DuckDB, fastexcel.

Run with `python -m benchmarks.rosters [LINES ...]`; every figure comes from a process of its own.
"""

from __future__ import annotations

import csv
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import duckdb
import fastexcel
import polars as pl
import xlsxwriter  # type: ignore[import-untyped]  # ships no types

from campaigns.audience import Areas, clean
from campaigns.places import areas, find
from dispatcher.rosters import read

HEADER = ("STT", "Họ và tên", "Số điện thoại", "Xã/phường", "Nhóm")
LANG_SON = "20"
GROUPS = ("thanh niên", "phụ nữ", "nông dân", "học sinh", "")
MOBILE = ("32", "36", "38", "39", "70", "77", "79", "81", "83", "86", "88", "90", "91", "94", "96", "97", "98", "56")
OLD = ("120", "122", "126", "123", "125", "163", "165", "167", "168", "188")
DUPLICATES = 0.03


def _spaced(number: str) -> str:
    return f"0{number[:3]} {number[3:6]} {number[6:]}"


# How numbers are written, by share in a thousand: from a nine-digit national number to a cell.
FORMS: tuple[tuple[int, Callable[[str], str]], ...] = (
    (560, lambda number: f"0{number}"),
    (120, lambda number: number),
    (70, lambda number: f"84{number}"),
    (50, lambda number: f"+84{number}"),
    (50, _spaced),
    (40, lambda number: f"0{number[:3]}.{number[3:6]}.{number[6:]}"),
    (15, lambda number: f"'0{number}"),
    (10, lambda number: f"{number}.0"),
    (10, lambda number: f"\u202a0{number}\u202c"),
    (10, lambda number: f"+84 0{number}"),
    (15, lambda number: f"0{random.Random(number).choice(OLD)}{number[2:]}"),
    (5, lambda number: f"0{number} / 0{number[:-1]}{9 - int(number[-1])}"),
    (5, lambda number: f"0{number} (chị Lan)"),
    (10, lambda _: ""),
    (8, lambda number: f"0205{number[2:]}"),
    (6, lambda number: f"0{number[:-1]}"),
    (5, lambda number: f"{number[0]}.{number[1:6]}E+08"),
    (4, lambda number: f"O{number}"),
    (4, lambda number: f"+8562{number}"),
    (3, lambda _: "Thôn 2, xã Na Sầm"),
)


def generate(path: Path, lines: int, seed: int, places: Sequence[str]) -> None:
    """Write a dirty roster of synthetic numbers, as CSV or XLSX by the suffix; the same for the same arguments."""
    rows = _rows(lines, random.Random(seed), places)
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(_with_header(rows))
        return
    workbook = xlsxwriter.Workbook(path, {"constant_memory": True})
    sheet = workbook.add_worksheet()
    for place, cells in enumerate(_with_header(rows)):
        for column, cell in enumerate(cells):
            sheet.write_string(place, column, cell)
    workbook.close()


def _with_header(rows: Iterator[Sequence[str]]) -> Iterator[Sequence[str]]:
    yield HEADER
    yield from rows


def _rows(lines: int, chance: random.Random, places: Sequence[str]) -> Iterator[Sequence[str]]:
    forms = [form for _, form in FORMS]
    shares = [share for share, _ in FORMS]
    seen: list[str] = []
    for line in range(1, lines + 1):
        number = _number(chance, seen)
        cell = chance.choices(forms, shares)[0](number)
        yield str(line), f"Nguyễn Văn {line % 997}", cell, chance.choice(places), chance.choice(GROUPS)


def _number(chance: random.Random, seen: list[str]) -> str:
    if seen and chance.random() < DUPLICATES:
        return chance.choice(seen)
    number = f"{chance.choice(MOBILE)}{chance.randrange(10**7):07}"
    if len(seen) < 10_000:
        seen.append(number)
    return number


def ours(path: Path) -> int:
    """Read and clean; the number of accepted people and rejected rows."""
    lookup = Areas(lambda written: found.code if (found := find(written, LANG_SON)) else None)
    handled = 0
    for chunk in read(path):
        cleaned = clean(chunk.frame, lookup)
        handled += cleaned.accepted["row"].n_unique() + cleaned.rejected.height
    return handled


def bare(path: Path) -> int:
    """What the library alone takes to have the texts in memory, nothing recognised and nothing cleaned."""
    if path.suffix == ".csv":
        return pl.read_csv(path, infer_schema=False).height
    return fastexcel.read_excel(path).load_sheet(0, dtypes="string").to_polars().height


def duck(path: Path) -> int:
    """What DuckDB takes to have the texts in a table, nothing recognised and nothing cleaned; 0 for what it does not read."""
    if path.suffix != ".csv":
        return 0
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t AS SELECT * FROM read_csv(?, all_varchar = true)", [str(path)])
        return int(connection.execute("SELECT count(*) FROM t").fetchall()[0][0])


RUNS = {"ours": ours, "bare": bare, "duck": duck}


def measure(run: str, path: Path) -> dict[str, float]:
    started, worked = time.perf_counter(), time.process_time()
    rows = RUNS[run](path)
    seconds, work = time.perf_counter() - started, time.process_time() - worked
    return {
        "rows": rows,
        "seconds": seconds,
        "processor": work,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def apart(run: str, path: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.rosters", run, str(path)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(answer.stdout)
    return figures


def main(sizes: Sequence[int]) -> None:
    places = [f"{area.kind} {area.name}" for area in areas().values() if area.province_code == LANG_SON]
    print(
        f"{'file':5} {'lines':>9} {'read+clean s':>13} {'us/line':>8} {'peak MB':>8} {'bare s':>7} {'bare MB':>8} {'ratio':>6}"
        f" {'DuckDB s':>9} {'ratio':>6}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".csv", ".xlsx"):
            for lines in sizes:
                path = Path(folder) / f"roster-{lines}{suffix}"
                generate(path, lines, 30, places)
                mine, theirs, ducks = (apart(run, path) for run in RUNS)
                assert mine["rows"] == theirs["rows"] == lines
                print(
                    f"{suffix[1:]:5} {lines:9} {mine['seconds']:13.2f} {mine['seconds'] / lines * 1e6:8.2f} "
                    f"{mine['peak_mb']:8.0f} {theirs['seconds']:7.2f} {theirs['peak_mb']:8.0f} "
                    f"{mine['seconds'] / theirs['seconds']:6.1f} "
                    + (f"{ducks['seconds']:9.2f} {mine['seconds'] / ducks['seconds']:6.1f}" if ducks["rows"] else ""),
                    flush=True,
                )


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in RUNS:
        print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]))))
    else:
        main([int(size) for size in sys.argv[1:]] or [100_000, 1_000_000])
