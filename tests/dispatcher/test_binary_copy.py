"""Rows for binary COPY, taken apart again as PostgreSQL's manual describes them."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.store import binary_copy
from dispatcher.store.binary_copy import of_bytes

ROWS = st.lists(
    st.tuples(
        st.integers(0, 2**31 - 1),
        st.binary(min_size=4, max_size=4),
        st.none() | st.sampled_from(["", "thanh niên", "phụ nữ"]) | st.text(max_size=5),
        st.none() | st.integers(1900, 2026),
    ),
    max_size=20,
)


def fields(copied: bytes) -> Iterator[list[bytes | None]]:
    assert copied.startswith(b"PGCOPY\n\xff\r\n\0" + bytes(8))
    at = 19
    while (count := struct.unpack_from(">h", copied, at)[0]) != -1:
        at += 2
        row: list[bytes | None] = []
        for _ in range(count):
            (length,) = struct.unpack_from(">i", copied, at)
            row.append(None if length == -1 else copied[at + 4 : at + 4 + length])
            at += 4 + max(length, 0)
        yield row
    assert copied[at:] == b"\xff\xff"


@given(ROWS)
def test_rows_come_out_as_they_went_in(given_rows: list[tuple[int, bytes, str | None, int | None]]) -> None:
    numbers, hashes, texts, years = zip(*given_rows, strict=True) if given_rows else ((), (), (), ())
    even = {"n": np.array(numbers, dtype=np.int64), "hash": of_bytes(hashes)}
    told = pl.DataFrame({"text": texts, "year": years}, schema={"text": pl.String, "year": pl.Int16})
    copied = binary_copy.rows(even, told)
    expected = [
        [
            struct.pack(">i", number),
            person,
            None if text is None else text.encode(),
            None if year is None else struct.pack(">h", year),
        ]
        for number, person, text, year in given_rows
    ]
    assert (list(fields(copied)) if copied else []) == expected
    alone = binary_copy.rows(even)
    assert (list(fields(alone)) if alone else []) == [row[:2] for row in expected]


@given(st.lists(st.tuples(st.binary(min_size=4, max_size=4), st.sampled_from(["viettel", "vinaphone", ""]))))
def test_rows_with_a_text_are_all_there_in_some_order(given_rows: list[tuple[bytes, str]]) -> None:
    even = {"hash": of_bytes([person for person, _ in given_rows])}
    copied = binary_copy.grouped(even, pl.Series([text for _, text in given_rows], dtype=pl.String))
    assert sorted(fields(copied)) == sorted([person, text.encode()] for person, text in given_rows)
