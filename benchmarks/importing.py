"""Time and memory of the whole import, file to stored audience, at growing sizes, beside what is bare: a COPY, reads of the file.

Run with `python -m benchmarks.importing [LINES ...]`; every size runs in a process of its own, on fresh embedded servers.
Processor time is told for the importing process and for PostgreSQL's: other work on the machine moves it less than the clock.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.rosters import apart, generate
from campaigns.places import areas
from dispatcher.embedded import Embedded
from dispatcher.importing import Order, import_audience
from dispatcher.keyring import open_keyring
from dispatcher.store.database import Connection, migrate, new_pool

SIZES = (100_000, 1_000_000)
LANG_SON = "20"


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds: passed, and of processor time here and in the connection's PostgreSQL process."""

    passed: float
    here: float
    there: float

    @classmethod
    def so_far(cls, connection: Connection) -> Spent:
        there = Path(f"/proc/{connection.info.backend_pid}/schedstat").read_text().split()[0]
        return cls(time.perf_counter(), time.process_time(), int(there) / 1e9)

    def __sub__(self, before: Spent) -> Spent:
        return Spent(self.passed - before.passed, self.here - before.here, self.there - before.there)


async def bare_copy(connection: Connection, count: int) -> Spent:
    """As many rows into a table without an index."""
    await connection.execute("CREATE TEMPORARY TABLE bare (n int, h bytea, c bytea, network text, area text)")
    rows = "".join(f"{n},\\x{n:032x},\\x{n:078x},viettel,06124\n" for n in range(count)).encode()
    before = Spent.so_far(connection)
    async with connection.cursor() as cursor, cursor.copy("COPY bare FROM STDIN (FORMAT csv)") as copy:
        await copy.write(rows)
    return Spent.so_far(connection) - before


async def measure(folder: Path, url: str, roster: Path) -> dict[str, float]:
    """Import once, then what is bare."""
    keyring = open_keyring(folder / "keyring.json", create=True)
    async with new_pool(url, 1) as pool, pool.connection() as connection:
        before = Spent.so_far(connection)
        order = Order(roster, "benchmark", "benchmark", province=LANG_SON)
        audience = (await import_audience(connection, keyring, order, lambda _done, _total: None)).audience
        spent = Spent.so_far(connection) - before
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        copied = await bare_copy(connection, audience.recipients)
    assert audience.lines == audience.accepted + audience.duplicate + audience.rejected
    polars, duck = (apart(run, roster) for run in ("bare", "duck"))
    return {
        "lines": audience.lines,
        "accepted": audience.accepted,
        "duplicate": audience.duplicate,
        "rejected": audience.rejected,
        "seconds": spent.passed,
        "here": spent.here,
        "there": spent.there,
        "peak_mb": peak,
        "bare_copy_seconds": copied.passed,
        "polars_seconds": polars["seconds"],
        "polars_processor": polars["processor"],
        "duckdb_seconds": duck["seconds"],
        "duckdb_processor": duck["processor"],
    }


def one(lines: int) -> None:
    """Measure one size, and print it as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o700)
        roster = Path(folder) / "roster.csv"
        # In a child: what the generator needs must not count as the import's memory.
        subprocess.run([sys.executable, "-m", "benchmarks.importing", "generate", str(lines), str(roster)], check=True)
        with Embedded(Path(folder) / "var") as servers:
            migrate(servers.database_url)
            sys.stdout.write(json.dumps(asyncio.run(measure(Path(folder), servers.database_url, roster))) + "\n")


def row(found: dict[str, float]) -> str:
    """A line of the table."""
    lines, seconds, work = found["lines"], found["seconds"], found["here"] + found["there"]
    return (
        f"{lines:>10,} {found['accepted']:>10,} {found['duplicate']:>10,} {found['rejected']:>9,}"
        f" {seconds:>7.1f} {found['here'] / lines * 1e6:>6.1f} {found['there'] / lines * 1e6:>10.1f} {found['peak_mb']:>8.0f}"
        f" {seconds / found['bare_copy_seconds']:>12.1f}"
        f" {seconds / found['polars_seconds']:>9.1f} ({work / found['polars_processor']:>5.1f})"
        f" {seconds / found['duckdb_seconds']:>9.1f} ({work / found['duckdb_processor']:>5.1f})"
    )


def main(arguments: list[str]) -> None:
    """Print a table over the sizes."""
    print(
        "                                                    processor us a line                        x a bare read (processor)\n"
        "     lines   accepted  duplicate  rejected       s   ours PostgreSQL  peak MB  x bare COPY    polars            DuckDB"
    )
    for lines in [int(argument) for argument in arguments] or SIZES:
        command = [sys.executable, "-m", "benchmarks.importing", "one", str(lines)]
        run = subprocess.run(command, check=True, capture_output=True, text=True)
        print(row(json.loads(run.stdout)), flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["generate", lines, path]:
            generate(
                Path(path), int(lines), 7, [area.name for area in areas().values() if area.province_code == LANG_SON]
            )
        case ["one", lines]:
            one(int(lines))
        case arguments:
            main(arguments)
