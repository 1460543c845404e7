"""What is handed to PostgreSQL comes back as it was, and the tables are laid out for what is done most."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from dispatcher.store.database import array
from tests.dispatcher.hall import Hall

MOMENT = datetime(2026, 6, 1, 8, 0, 0, 123456, UTC)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (
            "text",
            ["", "a", "NULL", None, 'a "b"', "a\\b", "\\", '"', "{a,b}", "a, b", " ", "tiếng Việt", "a\nb\tc", "'; --"],
        ),
        ("uuid", [UUID(int=0), UUID(int=2**128 - 1), None]),
        ("timestamptz", [MOMENT, MOMENT.astimezone(timezone(timedelta(hours=7))), None]),
        ("smallint", [0, -1, None]),
        ("real", [0.5, 1e-7, None]),
        ("text", []),
    ],
)
async def test_an_array_comes_back_as_it_was(hall: Hall, kind: str, values: list[object]) -> None:
    back = await hall.scalar(f"SELECT %s::{kind}[]", array(values))
    assert back == (values if kind != "real" else [pytest.approx(value) if value else value for value in values])


async def test_no_index_hangs_on_the_status_of_a_message(hall: Hall) -> None:
    """Or each move of a status would write to every index of the table."""
    rows = await hall.sql("SELECT indexdef FROM pg_indexes WHERE tablename = 'stored_messages'")
    assert rows
    assert [row.indexdef for row in rows if "status" in row.indexdef] == []


async def test_messages_in_trouble_are_marked_so_in_every_status(hall: Hall) -> None:
    await hall.planned(1)
    told = {}
    for status in await hall.sql("SELECT unnest(enum_range(NULL::message_status)) AS name"):
        await hall.sql("UPDATE stored_messages SET status = %s", status.name)
        told[status.name] = await hall.scalar("SELECT troubled FROM messages")
    assert {name for name, troubled in told.items() if troubled} == {"uncertain", "failed", "retrying"}
