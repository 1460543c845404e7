"""An operator's own subscribers, read from its own database by its own query: a page at a time, and nothing is written there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg

from dispatcher.store.database import LINE


def pages(url: str, query: str, page: int) -> Iterator[tuple[Sequence[str], list[tuple[Any, ...]]]]:
    """The columns' names with up to `page` rows, through a cursor of the server: memory stays flat. Raises psycopg.Error."""
    with psycopg.connect(url, **LINE) as connection:
        connection.read_only = True
        with connection.cursor(name="subscribers") as cursor:
            cursor.itersize = page
            cursor.execute(query.encode())
            names = [column.name for column in cursor.description or ()]
            while rows := cursor.fetchmany(page):
                yield names, rows
