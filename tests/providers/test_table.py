"""The tables of docs/providers/README.md are those of the code."""

from __future__ import annotations

from providers.registry import PROVIDERS
from tests.providers import table
from tests.providers.conformance import PROMISES, Conformance


def test_the_page_has_the_tables_as_they_are_now() -> None:
    page = table.PAGE.read_text("utf-8")
    assert all(table.BEGIN.format(name) in page for name in table.TABLES)
    assert table.written(page) == page, "run: python -m tests.providers.table"


def test_every_promise_is_a_test_and_every_test_a_promise() -> None:
    assert {name for name in vars(Conformance) if name.startswith("test_")} == set(PROMISES)


def test_every_adapter_over_http_is_in_the_tables() -> None:
    assert {adapter.name for adapter in table.adapters()} == set(table.FILES) == set(PROVIDERS) - {"smpp"}
