"""A backup restored under real processes: they run, send nothing, say why, and go on within seconds once a person says so."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from dispatcher.embedded.binaries import from_wheels
from tests.faults.rig import EDITION, Rig, installation_with
from tests.faults.scenarios import Scenario

PEOPLE = 60
WAITS_SECONDS = 60


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAITS_SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def tool(name: str, *words: str) -> None:
    subprocess.run([from_wheels().postgres.with_name(name), *words], check=True, timeout=60)


@contextmanager
def running(rig: Rig) -> Iterator[None]:
    """A clock and a worker."""
    with ExitStack() as stack:
        for kind in ("clock", "worker"):
            process = rig.start(kind, None, rig.folder / f"{kind}.mark")
            stack.callback(process.wait, 60)
            stack.callback(process.terminate)
        yield


def waiting(rig: Rig) -> int:
    """People to whom nothing has been sent yet, as the database knows."""
    with psycopg.connect(rig.addresses.database_url) as connection:
        (left,) = connection.execute(
            "SELECT count(*) FROM messages WHERE status NOT IN ('queued', 'retrying', 'sending')"
        )
    return rig.people - int(left[0])


def arrived(rig: Rig) -> int:
    """Requests that the carrier has seen."""
    return sum(json.loads(line)["kind"] == "request" for line in rig.ledger.read_text().splitlines())


def said(rig: Rig, event: str) -> tuple[int, int]:
    """How often clock and worker said it."""
    clock, worker = ((rig.folder / f"{kind}.out").read_text().count(event) for kind in ("clock", "worker"))
    return clock, worker


def dispatcher(rig: Rig, *words: str) -> None:
    subprocess.run([sys.executable, "-m", "dispatcher", *words], env=rig.environment, check=True, timeout=60)


@pytest.mark.journey
def test_after_a_restored_backup_nothing_leaves_until_a_person_adopts_and_resumes(tmp_path: Path) -> None:
    backup = str(tmp_path / "backup")
    with installation_with(tmp_path, Scenario("a restored backup", workers=1, people=PEOPLE)) as rig:
        with running(rig):
            until(lambda: waiting(rig) < PEOPLE, "nothing was sent")
            tool("pg_dump", "--format=custom", f"--file={backup}", rig.addresses.database_url)
            until(lambda: not waiting(rig), "not all was sent")
        with running(rig):
            until(lambda: said(rig, "installation.recognised") == (2, 2), "a restart was not recognised")
        before = arrived(rig)
        tool("pg_restore", "--clean", "--no-owner", f"--dbname={rig.addresses.database_url}", backup)
        left = waiting(rig)
        assert left
        with running(rig):
            until(lambda: said(rig, "installation.not_adopted") == (1, 1), "nobody said why nothing leaves")
            assert (arrived(rig), waiting(rig)) == (before, left)
            dispatcher(rig, "adopt", "--by", "An", "--reason", "restored after a broken disk", "--yes")
            until(lambda: said(rig, "installation.recognised") == (3, 3), "the adoption was not noticed")
            assert arrived(rig) == before
            dispatcher(rig, "campaign", "resume", EDITION, "--wave", "only", "--by", "An")
            until(lambda: not waiting(rig), "what was held did not go on")
