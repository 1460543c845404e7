"""Time and memory of the whole import, file to stored audience, at growing sizes, beside what is bare: a COPY, reads of the file.

Run with `python -m benchmarks.importing [LINES ...]`; every size runs in a process of its own, on fresh embedded servers.
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
from pathlib import Path

from benchmarks.rosters import apart, generate
from campaigns.places import areas
from dispatcher.embedded import Embedded
from dispatcher.importing import Order, import_audience
from dispatcher.keyring import open_keyring
from dispatcher.store.database import migrate, new_pool

SIZES = (100_000, 1_000_000)
LANG_SON = "20"


async def measure(folder: Path, url: str, roster: Path) -> dict[str, float]:
    """Import once; seconds, peak megabytes of this process, and the seconds a bare COPY of as many rows takes."""
    keyring = open_keyring(folder / "keyring.json", create=True)
    async with new_pool(url, 1) as pool, pool.connection() as connection:
        started = time.perf_counter()
        order = Order(roster, "benchmark", "benchmark", province=LANG_SON)
        audience = (await import_audience(connection, keyring, order, lambda _done, _total: None)).audience
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        await connection.execute("CREATE TEMPORARY TABLE bare (n int, h bytea, c bytea, network text, area text)")
        rows = "".join(f"{n},\\x{n:032x},\\x{n:078x},viettel,06124\n" for n in range(audience.recipients)).encode()
        started = time.perf_counter()
        async with connection.cursor() as cursor, cursor.copy("COPY bare FROM STDIN (FORMAT csv)") as copy:
            await copy.write(rows)
        bare = time.perf_counter() - started
    assert audience.lines == audience.accepted + audience.duplicate + audience.rejected
    reads = {run: apart(run, roster)["seconds"] for run in ("bare", "duck")}
    return {
        "lines": audience.lines,
        "accepted": audience.accepted,
        "duplicate": audience.duplicate,
        "rejected": audience.rejected,
        "seconds": seconds,
        "peak_mb": peak,
        "bare_copy_seconds": bare,
        "polars_seconds": reads["bare"],
        "duckdb_seconds": reads["duck"],
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


def main(arguments: list[str]) -> None:
    """Print a table over the sizes."""
    print(
        "     lines   accepted  duplicate  rejected       s  us/line  peak MB  x bare COPY  x polars read  x DuckDB read"
    )
    for lines in [int(argument) for argument in arguments] or SIZES:
        run = subprocess.run(
            [sys.executable, "-m", "benchmarks.importing", "one", str(lines)],
            check=True,
            capture_output=True,
            text=True,
        )
        found = json.loads(run.stdout)
        print(
            f"{found['lines']:>10,} {found['accepted']:>10,} {found['duplicate']:>10,} {found['rejected']:>9,}"
            f" {found['seconds']:>7.1f} {found['seconds'] / lines * 1e6:>8.1f} {found['peak_mb']:>8.0f}"
            f" {found['seconds'] / found['bare_copy_seconds']:>12.1f} {found['seconds'] / found['polars_seconds']:>14.1f}"
            f" {found['seconds'] / found['duckdb_seconds']:>14.1f}"
        )


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
