"""A roster that is the answer to a query: a `.sql` file, run in the database where an operator keeps its subscribers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import psycopg

from dispatcher.rosters import Roster
from dispatcher.rosters.chunks import CHUNK_ROWS, Chunk, RosterError
from dispatcher.rosters.mapping import FIELDS
from dispatcher.store import subscribers

SUFFIX = ".sql"


def read(path: Path, url: str | None, chunk_rows: int = CHUNK_ROWS) -> Roster:
    """The people that the query in `path` finds; its columns are named like `FIELDS`, `msisdn` at least.

    Raises `RosterError`, which names neither address nor password of the database.
    """
    if url is None:
        raise RosterError(f"{path.name}: đặt DISPATCHER_SUBSCRIBERS_URL trỏ tới cơ sở dữ liệu thuê bao rồi chạy lại.")
    query = path.read_text("utf-8-sig").strip().rstrip(";")
    names = {name: name for name in FIELDS}
    return Roster(path, tuple(FIELDS), names, "utf-8", None, None, 0, [], lambda: _chunks(path, url, query, chunk_rows))


def _chunks(path: Path, url: str, query: str, chunk_rows: int) -> Iterator[Chunk]:
    done = 0
    try:
        for names, rows in subscribers.pages(url, query, chunk_rows):
            if "msisdn" not in names:
                raise RosterError(f"{path.name}: câu truy vấn phải trả về cột msisdn; có: {', '.join(names)}.")
            yield Chunk(_frame(names, rows, done), done + len(rows))
            done += len(rows)
    except psycopg.Error as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise RosterError(f"{path.name}: cơ sở dữ liệu thuê bao không trả lời được: {reason}") from None


def _frame(names: Sequence[str], rows: Sequence[tuple[Any, ...]], done: int) -> pl.DataFrame:
    columns = {"row": pl.Series(range(done + 1, done + len(rows) + 1), dtype=pl.Int64)}
    for name, cells in zip(names, zip(*rows, strict=True), strict=True):
        if name in FIELDS:
            columns[name] = pl.Series([None if cell is None else str(cell) for cell in cells], dtype=pl.String)
    return pl.DataFrame(columns)
