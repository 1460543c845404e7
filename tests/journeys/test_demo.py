"""The demo as a stranger runs it: real processes, interrupted once, then watched from outside while it runs whole."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
import pytest

from dispatcher import control
from dispatcher.control import View
from dispatcher.embedded import Embedded
from dispatcher.errors import UserError
from dispatcher.store.database import new_pool

PEOPLE = 200
EDITION = "drug_prevention_june-2026"


@dataclass
class Watched:
    """A whole run, and what was seen of it once a second from another process."""

    summary: dict[str, object]
    folder: Path
    views: list[View] = field(default_factory=list)


@contextmanager
def started(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A running demo; whatever the test does, it is over afterwards."""
    command = [
        sys.executable,
        "-m",
        "dispatcher",
        "demo",
        "--folder",
        str(folder),
        "--people",
        str(PEOPLE),
        "--json",
        *options,
    ]
    with subprocess.Popen(
        command,
        env=environment(folder.parent),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as demo:
        try:
            yield demo
        finally:
            if demo.poll() is None:
                demo.send_signal(signal.SIGINT)


def environment(home: Path) -> dict[str, str]:
    """A shell with an installation of its own in it, which the demo must leave alone."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DISPATCHER_")}
    return {**kept, "HOME": str(home), "DISPATCHER_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/elsewhere"}


def left_running(folder: Path) -> list[str]:
    """Processes that work in the demo's folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        told = [*(process.info["cmdline"] or []), *(process.info["environ"] or {}).values()]
        if process.pid != os.getpid() and any(str(folder) in word for word in told):
            found.append(" ".join(process.info["cmdline"] or []))
    return found


def wait_for(path: Path, since: float) -> None:
    """Wait, with a limit, until the file holds something written after `since` (seconds since 1970)."""
    deadline = time.monotonic() + 60
    while not (path.exists() and path.stat().st_size and path.stat().st_mtime > since):
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, list[str]]:
    """A demo that was stopped with Ctrl-C once the carrier had got its first messages."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    with started(folder) as demo:
        wait_for(folder / "carrier-ledger.jsonl", since=0)
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=60)
    return folder, demo.returncode, left_running(folder)


@pytest.fixture(scope="module")
def watched(interrupted: tuple[Path, int, list[str]]) -> Watched:
    """The next demo, in the same folder, looked at from outside once a second."""
    folder = interrupted[0]
    since = time.time()
    with started(folder) as demo:
        wait_for(folder / "danh-sach-lang-son.csv", since)
        views = asyncio.run(_watch(folder, demo))
        told, complaint = demo.communicate(timeout=120)
    assert demo.returncode == 0, complaint
    return Watched(json.loads(told), folder, views)


async def _watch(folder: Path, demo: subprocess.Popen[str]) -> list[View]:
    views: list[View] = []
    with Embedded(folder) as servers:
        async with new_pool(servers.database_url, 1) as pool:
            while demo.poll() is None:
                await asyncio.sleep(1)
                try:
                    async with pool.connection() as connection:
                        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                        views.append(await control.view(connection, EDITION))
                except (UserError, psycopg.errors.UndefinedTable):  # not added yet
                    continue
    return views


pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


def test_ctrl_c_in_the_middle_leaves_nothing_running(interrupted: tuple[Path, int, list[str]]) -> None:
    _folder, code, left = interrupted
    assert code != 0
    assert left == []


def test_the_next_demo_accounts_for_everybody_and_texts_nobody_twice(watched: Watched) -> None:
    summary = watched.summary
    assert summary["good"] is True
    assert (summary["twice"], summary["differences"]) == (0, [])
    assert summary["lines"] == PEOPLE
    assert summary["compared"] == summary["planned"] == 3 * int(str(summary["recipients"]))


def test_the_same_campaign_over_smpp_arrives_in_the_very_words(tmp_path: Path) -> None:
    with started(tmp_path / "demo", "--over", "smpp") as demo:
        told, complaint = demo.communicate(timeout=200)
    assert demo.returncode == 0, complaint
    summary = json.loads(told)
    assert (summary["good"], summary["twice"], summary["differences"]) == (True, 0, [])
    assert summary["compared"] == summary["planned"] == 3 * summary["recipients"]
    assert summary["segments"] > summary["planned"]


def test_planned_equals_the_sum_of_the_statuses_at_every_second(watched: Watched) -> None:
    busy = [view for view in watched.views if view.planned]
    assert len(busy) > 10
    assert [view for view in busy if view.planned != sum(view.counts.values())] == []
    assert len({tuple(sorted(view.counts.items())) for view in busy}) > 3


def test_the_log_equals_the_carriers_ledger_number_by_number(watched: Watched, tmp_path: Path) -> None:
    """Told from the two files alone, by other code than the demo's own comparison."""
    output = tmp_path / "log.jsonl"
    command = [
        sys.executable,
        "-m",
        "dispatcher",
        "log",
        "export",
        EDITION,
        "--format",
        "jsonl",
        "--reveal",
        "--reason",
        "đối chiếu với nhà mạng",
        "-o",
        str(output),
    ]
    run = subprocess.run(
        command,
        env={**environment(tmp_path), "DISPATCHER_DATABASE_URL": "", "DISPATCHER_ENV_FILE": str(watched.folder / "demo.env")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    ours: Counter[str] = Counter()
    for line in output.read_text("utf-8").splitlines():
        row = json.loads(line)
        ours[row["msisdn"]] += row["status"] in ("submitted", "delivered", "undelivered", "unconfirmed")
    theirs: Counter[str] = Counter()
    for line in (watched.folder / "carrier-ledger.jsonl").read_text("utf-8").splitlines():
        entry = json.loads(line)
        if entry["kind"] == "request" and entry["fate"] == "taken":
            theirs[entry["phone"]] += 1
    assert +ours == theirs
    assert max(theirs.values()) == 3
    assert left_running(watched.folder) == []
