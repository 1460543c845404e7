"""Comparing a carrier's list with a long log: time beside reading and hashing the list alone, and memory at two sizes.

Run with `python -m benchmarks.reconciling [--messages N]`. A line is left out and one too many, and all numbers are other
people's, so that every line is a difference to be listed.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

from benchmarks.statement import lay
from dispatcher import reconciling, rosters
from dispatcher.embedded import Embedded
from dispatcher.keyring import Keyring, open_keyring
from dispatcher.reconciling import BILL, Bill
from dispatcher.store.database import Pool, migrate, new_pool

SENDER = "CA LANGSON"


def write(path: Path, days: list[str], messages: int) -> None:
    """As many lines as we have tries, by reference; one is missing, and one of somebody else stands at the end."""
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["SĐT", "Mã tin", "Thời gian gửi", "Brandname", "Số tin", "Trạng thái"])
        for n in range(2, messages + 1):
            lines.writerow([f"09{n:08}", f"ref-{n}", days[0], SENDER, 1, "Thành công"])
        lines.writerow(["0999999999", "somebody else's", days[0], SENDER, 1, "Thành công"])


async def compare(url: str, folder: Path, messages: int) -> None:
    keyring = open_keyring(folder / "keyring.json", create=True)
    async with new_pool(url, 4) as pool:
        await lay(pool, keyring.hash("84960000001"), messages, 4)
        async with pool.connection() as connection:
            await connection.execute("ALTER TABLE attempts DISABLE TRIGGER append_only")
            await connection.execute("UPDATE attempts SET reference = 'ref-' || id")
            cursor = await connection.execute(
                "SELECT DISTINCT (ended_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS d FROM attempts"
            )
            days = [str(row.d) async for row in cursor]
        write(folder / "list.csv", days, messages)
        bare = _read(folder / "list.csv", keyring)
        before = _peak()
        spent, found = await _reconcile(pool, keyring, folder)
    print(
        f"{messages:,} lines: {spent:.1f} s, reading and hashing them alone {bare:.1f} s, ratio {spent / bare:.1f};"
        f" our memory {before >> 20} MB before, {_peak() >> 20} MB at its peak; {found}"
    )


def _read(path: Path, keyring: Keyring) -> float:
    began = time.perf_counter()
    for chunk in rosters.read(path, fields=BILL):
        reconciling._lines(chunk.frame, keyring)
    return time.perf_counter() - began


async def _reconcile(pool: Pool, keyring: Keyring, folder: Path) -> tuple[float, dict[str, int]]:
    bill = Bill(folder / "list.csv", "main", SENDER, {})
    began = time.perf_counter()
    async with pool.connection() as connection:
        done = await reconciling.reconcile(
            connection, keyring, bill, folder / "out.csv", "an", lambda _done, _total: None
        )
    return time.perf_counter() - began, done.differences


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(messages: int) -> None:
    with tempfile.TemporaryDirectory() as folder, Embedded(Path(folder) / "var") as servers:
        migrate(servers.database_url)
        asyncio.run(compare(servers.database_url, Path(folder), messages))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=200_000)
    asked = parser.parse_args()
    for messages in (asked.messages // 4, asked.messages):
        process = multiprocessing.get_context("spawn").Process(target=measure, args=(messages,))
        process.start()
        process.join()


if __name__ == "__main__":
    main()
