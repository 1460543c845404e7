"""`python -m tests.faults.sabotage`: safeguards are taken out one by one, in a copy of the tree, and the tests must notice.

Option: `--only WORDS` for those whose name holds these words. Prints which test noticed what; exit 1 if one went unnoticed.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
COPIED = ("campaigns", "dispatcher", "providers", "tests", "pyproject.toml")
# Asked in this order, until one notices.
JUDGES = ("tests/dispatcher/test_races.py", "tests/dispatcher/test_machine.py")
MESSAGES, BATCHES = "dispatcher/store/messages.py", "dispatcher/store/batches.py"
FAILED = re.compile(r"^FAILED \S+::(\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Sabotage:
    """`text`, which is once in `file`, becomes `instead`."""

    name: str
    file: str
    text: str
    instead: str = ""


ALL = (
    Sabotage("a claim asks for no fence", MESSAGES, " AND b.fence = %(fence)s"),
    Sabotage(
        "a claim does not ask whether its batch is closed",
        MESSAGES,
        " AND NOT b.closed AND {SENDABLE}",
        " AND {SENDABLE}",
    ),
    Sabotage("a claim locks no batch", MESSAGES, "\n    FOR KEY SHARE OF b"),
    Sabotage(
        "a claim takes what is claimed already",
        MESSAGES,
        "WHERE k.batch_id = %(batch)s AND k.first <= %(last)s AND k.last >= %(first)s",
        "WHERE false",
    ),
    Sabotage("a claim takes people who refused", MESSAGES, "FROM waiting WHERE NOT unwanted)", "FROM waiting)"),
    Sabotage(
        "what a dead worker had claimed goes back to the queue",
        BATCHES,
        "unnest(d.ids) AS t (id) JOIN stored_messages m ON m.id = t.id",
        "unnest(d.ids) AS t (id) JOIN stored_messages m ON m.id = t.id AND false",
    ),
    Sabotage(
        "a dead worker's batch is taken over before its claims are seen to",
        BATCHES,
        "AND NOT done AND leased_until IS NULL AND due_at",
        "AND NOT done AND (leased_until IS NULL OR leased_until < clock_timestamp()) AND due_at",
    ),
    Sabotage(
        "a claim that was given up is still the worker's own",
        MESSAGES,
        "EXISTS (SELECT FROM answered) AS ours",
        "true AS ours",
    ),
    Sabotage(
        "a late answer calls its successor back", MESSAGES, "<> g.number THEN 'overtaken'", "<> g.number THEN g.event"
    ),
    Sabotage(
        "a sweep takes what is claimed",
        MESSAGES,
        "FROM claims k WHERE k.wave_id = ANY(%(waves)s))",
        "FROM claims k WHERE false)",
    ),
    Sabotage(
        "a sweep closes no batch first", MESSAGES, 'await connection.execute(CLOSE_BATCHES, {"waves": list(wave_ids)})'
    ),
    Sabotage(
        "calling off a route takes what is claimed",
        MESSAGES,
        "WHERE b.id = ANY(%(batches)s) AND taken.status IS NULL",
        "WHERE b.id = ANY(%(batches)s)",
    ),
    Sabotage("calling off a route fences nobody off", MESSAGES, "SET fence = fence + 1", "SET fence = fence"),
    Sabotage(
        "a hand-over takes what is claimed",
        BATCHES,
        " AND taken.status IS NULL AND NOT {DOUBTED}",
        " AND NOT {DOUBTED}",
    ),
    Sabotage("a receipt looks at no claim", "dispatcher/store/receipts.py", "{move_sql(claims=True)}", "{move_sql()}"),
    Sabotage(
        "a move believes a claim that is over",
        "dispatcher/store/moves.py",
        " AND m.status IN ('queued', 'retrying') AND m.attempts = i.seen",
    ),
    Sabotage("what was not accepted stays in its claim", MESSAGES, "if moving else None", "if not results else None"),
    Sabotage(
        "folding does not write what the claim said",
        MESSAGES,
        "'sending'::message_status AS claimed, m.attempts AS seen, f.",
        "NULL::message_status AS claimed, m.attempts AS seen, f.",
    ),
    Sabotage(
        "a batch with open claims is given back as done",
        BATCHES,
        "k.batch_id = %(batch)s AND k.answered_at IS NOT NULL)",
        "k.batch_id = %(batch)s)",
    ),
)


def noticed(sabotage: Sabotage) -> str | None:
    """The test that fails once the safeguard is gone, if any does."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in COPIED:
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / name)
        broken = copy / sabotage.file
        broken.write_text(broken.read_text("utf-8").replace(sabotage.text, sabotage.instead), "utf-8")
        return next((found for judge in JUDGES if (found := _failure(copy, judge))), None)


def _failure(copy: Path, judge: str) -> str | None:
    words = [sys.executable, "-m", "pytest", "-q", "-x", "--tb=no", "--timeout=900", "-p", "no:cacheprovider", judge]
    environment = {**os.environ, "HYPOTHESIS_PROFILE": "hunt"}
    told = subprocess.run(words, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    found = FAILED.search(told.stdout)
    if told.returncode > 1 or bool(told.returncode) is not bool(found):
        raise RuntimeError(f"{judge} could not be run: {told.stdout[-500:]}{told.stderr[-500:]}")
    return found[1] if found else None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.sabotage", description=__doc__)
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    unnoticed = 0
    for sabotage in ALL:
        if asked.only in sabotage.name:
            test = noticed(sabotage)
            unnoticed += test is None
            sys.stdout.write(f"| {sabotage.name} | {test or 'NOBODY'} |\n")
            sys.stdout.flush()
    return int(unnoticed > 0)


if __name__ == "__main__":
    sys.exit(main())
