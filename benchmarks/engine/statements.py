"""PostgreSQL's own account of a round: processor time of every kind of statement, for each message.

The server writes it into its log (`log_statement_stats`), which costs little. The product has no hook for it: the settings
that it starts its server with are widened here.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from benchmarks.engine import rounds
from benchmarks.engine.stage import Figures, Load
from dispatcher.embedded import postgres

SETTINGS = {"log_statement_stats": "on", "log_error_verbosity": "default", "log_line_prefix": "@@ "}
USED = re.compile(r"!\s+([\d.]+) s user, ([\d.]+) s system")
SAID = re.compile(r"^@@ STATEMENT:\s+(.*)", re.MULTILINE | re.DOTALL)
SHOWN = 25
CHARACTERS = 90


def told(folder: Path, load: Load) -> tuple[Figures, Counter[str], Counter[str]]:
    """A round of ours; the seconds that each statement took, by its beginning, and how often it was executed."""
    postgres.FIXED |= SETTINGS
    figures = rounds.ours(folder, load)
    seconds: Counter[str] = Counter()
    times: Counter[str] = Counter()
    for log in folder.rglob("postgres*.log"):
        for entry in log.read_text("utf-8", "replace").split("@@ LOG:  ")[1:]:
            used, said = USED.search(entry), SAID.search(entry)
            if used and said:
                statement = " ".join(said[1].split())[:CHARACTERS]
                seconds[statement] += float(used[1]) + float(used[2])
                times[statement] += entry.startswith(("EXECUTE", "QUERY"))
    return figures, seconds, times


def show(folder: Path, load: Load) -> None:
    """Print the dearest statements; what is done before the start (migrations, the import) is among them."""
    figures, seconds, times = told(folder, load)
    print(f"{'us each':>8} {'times':>7}   statement ({figures.people:,} messages)")
    for statement, spent in seconds.most_common(SHOWN):
        print(f"{spent / figures.people * 1e6:>8.2f} {times[statement]:>7,}   {statement}", flush=True)
