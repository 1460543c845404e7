"""`python -m tests.providers.table` writes the tables of docs/providers/README.md anew from the adapters themselves."""

from __future__ import annotations

import ast
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from providers.base import Capabilities
from tests.providers import test_conformance
from tests.providers.conformance import PROMISES, Adapter, Conformance

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "providers" / "README.md"
BEGIN, END = "<!-- {} begins: python -m tests.providers.table -->", "<!-- {} ends -->"
FILES = {
    "esms": ("esms", "esms_said", "esms_sent"),
    "fpt": ("fpt",),
    "http_generic": ("generic",),
    "mobifone": ("mobifone",),
    "speedsms": ("speedsms",),
    "viettel": ("viettel",),
    "vnpt": ("vnpt",),
    "zalo_oa": ("zalo/oa", "zalo/articles"),
    "zalo_zbs": ("zalo/zbs", "zalo/calls", "zalo/codes", "zalo/webhook"),
}
SHARED = ("reading", "options", "lists", "login", "tokens", "soap", "xmltree", "filling", "picking", "blanking", "http")


def adapters() -> list[Adapter]:
    """Those that the suite runs against, by title."""
    suites = [one for one in vars(test_conformance).values() if isinstance(one, type) and issubclass(one, Conformance)]
    found = [suite.adapter for suite in suites if suite is not Conformance]
    return sorted(found, key=lambda adapter: adapter.title)


def rendered(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def promises() -> str:
    """Promise x adapter: yes where the suite holds the adapter to it, a dash where its capabilities do not promise it."""
    every = adapters()
    rows = [
        [_sentence(name), *("yes" if applies(one.capabilities) else "-" for one in every)]
        for name, applies in PROMISES.items()
    ]
    return rendered(["promise", *(one.title for one in every)], rows)


def _sentence(test: str) -> str:
    return test.removeprefix("test_").replace("_", " ")


def capabilities() -> str:
    """What the dispatcher plans with."""
    head = ["adapter", "numbers a call", "answer for each", "reference", "receipts", "deduplicates", "status query"]
    return rendered(head, [_row(adapter.title, adapter.capabilities) for adapter in adapters()])


def _row(title: str, can: Capabilities) -> list[str]:
    numbers = (
        str(can.max_per_call) if can.min_per_call == can.max_per_call else f"{can.min_per_call} to {can.max_per_call}"
    )
    alike = ", one text" * can.one_text + ", one network" * can.single_network
    return [
        title,
        numbers + alike,
        "yes" if can.per_recipient else "no",
        "of the call" if can.shared_reference else "of the message, if any",
        can.receipts.value,
        f"by {can.dedupe.value}, {can.dedupe_seconds} s" if can.dedupe_seconds else "no",
        "yes" if can.status_lookup else "by the carrier's id" if can.reference_lookup else "no",
    ]


def sizes() -> str:
    """Lines of code and of functions, as written."""
    rows = [_measured(name, files) for name, files in FILES.items()]
    median = statistics.median(int(row[1]) for row in rows)
    shared = _measured("(shared by all)", SHARED)
    return rendered(["adapter", "lines", "functions", "median", "longest"], [*rows, shared]) + (
        f"\n\nMedian adapter: {median:g} lines. Anchors, measured on others: 55 to 200 lines an adapter with receipts, 474 where"
        " the base takes nothing off it; functions of 6 to 10 lines at the median, 28 to 55 at the 95th percentile. What both"
        " adapters of Zalo share (calls, codes, webhook) counts as zalo_zbs."
    )


def _measured(name: str, files: Sequence[str]) -> list[str]:
    texts = [(ROOT / "providers" / f"{file}.py").read_text("utf-8") for file in files]
    functions = sorted(one for text in texts for one in _functions(text))
    lines, longest = sum(text.count("\n") for text in texts), functions[-1]
    median = statistics.median(length for length, _ in functions)
    return [name, str(lines), str(len(functions)), f"{median:g}", f"{longest[0]} (`{longest[1]}`)"]


def _functions(text: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield (node.end_lineno or node.lineno) - node.lineno + 1, node.name


TABLES = {"promises": promises, "capabilities": capabilities, "sizes": sizes}


def written(page: str) -> str:
    """The page with its tables as they should be."""
    for name, table in TABLES.items():
        before, _, rest = page.partition(BEGIN.format(name))
        _, _, after = rest.partition(END.format(name))
        page = f"{before}{BEGIN.format(name)}\n\n{table()}\n\n{END.format(name)}{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
    sys.exit(0)
