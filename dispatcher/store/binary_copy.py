"""Rows in the binary form of COPY, put together a column at a time: half the work of CSV for PostgreSQL, and less for us.

The form is in PostgreSQL's manual, under COPY: a header, each row with the number of its fields, each field behind its
length, -1 for null; numbers with the highest byte first.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import polars as pl

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = struct.pack(">h", -1)
NULL = struct.pack(">i", -1)

Column = np.ndarray[Any, np.dtype[Any]]


def of_bytes(values: Sequence[bytes]) -> Column:
    """A column of byte strings that are all equally long."""
    return np.frombuffer(b"".join(values), dtype=f"V{len(values[0]) if values else 1}")


def rows(even: Mapping[str, Column], told: pl.DataFrame | None = None) -> bytes:
    """The rows, b"" for none: columns of integers (int4) and byte strings, then texts and years of which few are different."""
    told = pl.DataFrame() if told is None else told
    heads = _heads(even, told.width)
    if not heads.size:
        return b""
    if not told.width:
        return HEADER + heads.tobytes() + TRAILER
    beginnings = heads.view(f"V{heads.itemsize}").tolist()
    return b"".join((HEADER, *chain.from_iterable(zip(beginnings, _tails(told), strict=True)), TRAILER))


def grouped(even: Mapping[str, Column], text: pl.Series) -> bytes:
    """The rows, each with a text behind; in no order, since those of one text are put together at once."""
    groups = text.alias("text").to_frame().with_row_index("place").group_by("text", maintain_order=True)
    return b"".join((HEADER, *(_of_one(even, one, places["place"].to_numpy()) for (one,), places in groups), TRAILER))


def _of_one(even: Mapping[str, Column], text: Any, places: Column) -> bytes:
    ending = np.full(len(places), np.void(text.encode()))
    return _heads({**{name: column[places] for name, column in even.items()}, "text": ending}, 0).tobytes()


def _heads(even: Mapping[str, Column], more: int) -> Column:
    """The number of fields, and the columns of one width, each behind its length."""
    columns = {name: column if column.dtype.kind == "V" else column.astype(">i4") for name, column in even.items()}
    kinds = [("fields", ">i2")]
    for name, column in columns.items():
        kinds += [(f"{name} length", ">i4"), (name, column.dtype.str)]
    heads = np.empty(len(next(iter(columns.values()))), dtype=kinds)
    heads["fields"] = len(columns) + more
    for name, column in columns.items():
        heads[f"{name} length"] = column.dtype.itemsize
        heads[name] = column
    return heads


def _tails(told: pl.DataFrame) -> list[bytes]:
    """The other columns, row by row, each different combination written once."""
    different = told.unique(maintain_order=True)
    written = [b"".join(map(_field, row)) for row in different.iter_rows()]
    places = told.join(
        different.with_row_index("place"), on=told.columns, how="left", nulls_equal=True, maintain_order="left"
    )
    return [written[place] for place in places["place"]]


def _field(value: str | int | None) -> bytes:
    """A text, or a year (smallint)."""
    if value is None:
        return NULL
    content = struct.pack(">h", value) if isinstance(value, int) else value.encode()
    return struct.pack(">i", len(content)) + content
