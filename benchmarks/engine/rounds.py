"""One round each of ours, the plain way and the bare client."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.engine.stage import WORKERS, Figures, Load, Stage, listening, measured, set_up_ours, staged, wait_for
from benchmarks.rig import start

# Not by `message_counts`, which looks up every message in a claim: asked so often it was a fifth of what was measured.
REACHED = """
SELECT coalesce(sum(n), 0) FROM (
    SELECT n FROM status_counts WHERE status = %(status)s
    UNION ALL SELECT n FROM status_deltas WHERE status = %(status)s
    UNION ALL SELECT cardinality(ids) FROM claims WHERE answered_at IS NOT NULL AND %(status)s = 'submitted'
) AS kept
"""
ON_THE_WIRE = "SELECT extract(epoch FROM max(ended_at) - min(started_at)) FROM attempts"
NAIVE_TABLE = """
CREATE TABLE naive (
    id uuid PRIMARY KEY, msisdn text, reference text, status text NOT NULL, sent_at timestamptz, final_at timestamptz
)
"""
NAIVE_REACHED = "SELECT count(*) FROM naive WHERE status = %(status)s AND reference IS NOT NULL"


def ours(folder: Path, load: Load, worker: str = "dispatcher") -> Figures:
    """From the start of an approved campaign until every receipt is logged (every verdict, where no receipts come)."""
    with staged(folder, load) as stage:
        set_up_ours(stage)
        for part in ("clock", "web"):
            stage.start(part, "dispatcher", part)
        for _ in range(WORKERS):
            stage.start("worker", worker, "worker")
        _await(stage, "worker.started")
        last = "delivered" if load.receipts else "submitted"
        found = measured(
            stage, lambda: asyncio.run(start(stage.servers.database_url, stage.folder)), _reached(REACHED, last, load)
        )
        with psycopg.connect(stage.servers.database_url) as connection:
            row = connection.execute(ON_THE_WIRE).fetchone()
        return replace(found, wire=float(row[0]) if row else 0.0)


def naive(folder: Path, load: Load, threads: int = 8) -> Figures:
    """From the first `send` on the queue until the last report is stored."""
    with staged(folder, load) as stage:
        with psycopg.connect(stage.servers.database_url, autocommit=True) as connection:
            connection.execute(NAIVE_TABLE)
        environment = {
            **os.environ,
            "NAIVE_CALLBACK": f"http://127.0.0.1:{stage.web_port}/report",
            "NAIVE_SINK": stage.sink + "one",
            "NAIVE_DATABASE": stage.servers.database_url,
            "NAIVE_VALKEY": stage.servers.redis_url,
        }
        web = ["uvicorn", "benchmarks.engine.naive:app", "--port", str(stage.web_port), "--no-access-log"]
        stage.start("web", *web, environment=environment)
        actors = ["dramatiq", "benchmarks.engine.naive", "--processes", str(WORKERS), "--threads", str(threads)]
        stage.start("worker", *actors, environment=environment)
        clock = stage.start("clock", "benchmarks.engine.naive", str(load.people), environment=environment)
        _await(stage, "ready for action")
        return measured(stage, lambda: _tell(clock), _reached(NAIVE_REACHED, "delivered", load))


def raw(folder: Path, load: Load, client: str = "aiohttp") -> Figures:
    """As many bare clients as we have workers, each with the window of one."""
    with staged(folder, load) as stage:
        words = ["benchmarks.engine.raw", client, stage.sink + "one", str(load.people // WORKERS), str(load.each)]
        clients = [stage.start("worker", *words) for _ in range(WORKERS)]
        time.sleep(2)
        return measured(
            stage, lambda: [_tell(client) for client in clients], lambda _: stage.said("worker", "done") == WORKERS
        )


def _await(stage: Stage, words: str) -> None:
    """All workers are up and the web process listens; what starting costs is over."""
    wait_for(lambda: listening(stage.web_port) and stage.said("worker", words) == WORKERS, "the processes")
    time.sleep(1)


def _tell(process: Any) -> None:
    process.stdin.write(b"go\n")
    process.stdin.flush()


def _reached(statement: str, status: str, load: Load) -> Callable[[psycopg.Connection[Any]], bool]:
    def over(connection: psycopg.Connection[Any]) -> bool:
        row = connection.execute(statement, {"status": status}).fetchone()
        return bool(row and row[0] >= load.people)

    return over
