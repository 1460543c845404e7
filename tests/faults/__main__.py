"""`python -m tests.faults`: every scenario, a table of what was killed and what came of it, and the same as JSON.

Options: `--only WORDS` for the scenarios whose name holds these words, `--seed N`, `--limit SECONDS` for
each (a busy machine needs more), `--json FILE`. Exit 1 if a promise broke.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.faults.household import LIMIT_SECONDS
from tests.faults.run import Run, run
from tests.faults.scenarios import ALL

COLUMNS = (
    "what was killed, and where",
    "kills",
    "cuts",
    "messages",
    "duplicates",
    "forgotten",
    "uncertain",
    "allowed",
    "by receipt",
    "by query",
    "by an answer",
    "unconfirmed",
    "s",
)


def row(done: Run) -> tuple[object, ...]:
    """A line of the table."""
    told, found = done.told, done.finding
    return (
        done.scenario.name,
        told.kills.total(),
        told.cuts.total(),
        found.messages,
        found.duplicates,
        found.forgotten,
        found.uncertain,
        found.allowed,
        *(found.settled.get(by, 0) for by in ("receipt", "query", "answer", "nobody")),
        round(told.seconds),
    )


def table(rows: list[tuple[object, ...]]) -> str:
    """Rows as Markdown, with their sums where there is something to add."""
    sums = ("all", *(sum(int(str(line[place])) for line in rows) for place in range(1, len(COLUMNS))))
    lines = [COLUMNS, ("---", *["---:"] * (len(COLUMNS) - 1)), *rows, sums]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", default="")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=float, default=LIMIT_SECONDS)
    parser.add_argument("--json", type=Path, default=Path("var/faults.json"))
    asked = parser.parse_args()
    done: list[Run] = []
    for number, scenario in enumerate(s for s in ALL if asked.only in s.name):
        done.append(run(scenario, asked.seed + number, asked.limit))
        sys.stderr.write(f"{' | '.join(map(str, row(done[-1])))} {'; '.join(done[-1].finding.broken) or 'kept'}\n")
    sys.stdout.write(table([row(each) for each in done]) + "\n")
    told = [{"scenario": r.scenario.name, "told": vars(r.told), "finding": vars(r.finding)} for r in done]
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    asked.json.write_text(json.dumps(told, ensure_ascii=False, indent=1), "utf-8")
    return int(any(each.finding.broken for each in done))


if __name__ == "__main__":
    sys.exit(main())
