"""What a measurement stands on: servers, sink, and the processes of ours, of the plain way and of the bare client."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg

from benchmarks.engine import bulk
from benchmarks.rig import prepare
from dispatcher.embedded import Embedded
from dispatcher.embedded.session import Servers
from dispatcher.store.database import migrate

ROOT = Path(__file__).parents[2]
WORKERS = 2
# Links of a worker.
BINDS = 2
# The pace is kept, but does not bind: the highest that a route may have.
TPS = 1_000_000
LIMIT_SECONDS = 3600


@dataclass(frozen=True)
class Load:
    """What is sent how: `delay` seconds until the sink answers, `window` messages under way in each worker.

    `many`: many recipients a request; `smpp`: over links, two of each worker, each with the window `bind`.
    """

    people: int
    delay: float = 0.0
    window: int = 64
    receipts: bool = True
    many: bool = False
    smpp: bool = False
    bind: int = 100
    batch: int = 500

    @property
    def each(self) -> int:
        """The window of a connection or of a link."""
        return self.bind if self.smpp else self.window


@dataclass(frozen=True)
class Figures:
    """What came of a round: seconds in all, processor seconds and peak megabytes of each part.

    `wire` are the seconds from the first submission to the last answer, 0 where nobody kept them.
    """

    people: int
    seconds: float
    processor: dict[str, float]
    megabytes: dict[str, float]
    wire: float = 0.0

    @property
    def rate(self) -> float:
        return self.people / self.seconds


@dataclass
class Stage:
    """A folder with servers and a sink; `parts` are the processes that are measured, by name."""

    folder: Path
    load: Load
    servers: Servers
    sink: str
    web_port: int
    parts: dict[str, list[psutil.Process]] = field(default_factory=dict)

    def start(self, part: str, *words: str, environment: dict[str, str] | None = None) -> psutil.Popen:
        """Start a Python module of that part; its output goes to the folder."""
        with (self.folder / f"{part}.out").open("ab") as output:
            process = psutil.Popen(
                [sys.executable, "-m", *words],
                cwd=ROOT,
                env=environment or self.environment(),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
            )
        self.parts.setdefault(part, []).append(process)
        return process

    def said(self, part: str, words: str) -> int:
        """How often the processes of that part have said so."""
        return (self.folder / f"{part}.out").read_text("utf-8").count(words)

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DISPATCHER_")}
        ours = {
            "folder": self.folder,
            "routes": self.folder / "routes.toml",
            "env_file": "",
            "web_port": self.web_port,
            "workers": WORKERS,
            "batch_size": self.load.batch,
            "log_format": "json",
        }
        return {
            **kept,
            "PYTHONPATH": str(self.folder / "outside"),
            **{f"DISPATCHER_{name.upper()}": str(value) for name, value in ours.items()},
        }


@contextmanager
def staged(folder: Path, load: Load) -> Iterator[Stage]:
    """Servers and sink, running; what `start` starts is ended on the way out."""
    with ExitStack() as stack:
        servers = stack.enter_context(Embedded(folder))
        words = [sys.executable, "-m", *_sink(load)]
        sink = stack.enter_context(psutil.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True))
        stack.callback(sink.terminate)
        told = json.loads(sink.stdout.readline())
        port = told["port"] if load.smpp else told
        stage = Stage(folder, load, servers, f"http://127.0.0.1:{port}/", free_port())
        stack.callback(_end, stage)
        stage.parts["sink"] = [psutil.Process(sink.pid)]
        stage.parts["PostgreSQL"] = [_server(folder / "postgres" / "postmaster.pid")]
        stage.parts["Valkey"] = [_server(folder / "valkey" / "valkey.pid")]
        yield stage


def _sink(load: Load) -> list[str]:
    receipts = ["--receipts"] if load.receipts else []
    if load.smpp:
        return ["providers.sandbox.smsc", "--sink", "--answer-seconds", str(load.delay), *receipts]
    return ["benchmarks.engine.sink", "--delay", str(load.delay), *receipts]


def _server(pid_file: Path) -> psutil.Process:
    return psutil.Process(int(pid_file.read_text().split()[0]))


def _end(stage: Stage) -> None:
    ours = [process for part in stage.parts.values() for process in part if isinstance(process, psutil.Popen)]
    for process in ours:
        process.stdin.close()
        process.terminate()
    for process in ours:
        process.wait(30)


def set_up_ours(stage: Stage) -> None:
    """A campaign, approved and not started, and our processes, waiting."""
    load = stage.load
    migrate(stage.servers.database_url)
    bulk.installed_in(stage.folder / "outside")
    provider = "smpp" if load.smpp else "bulk" if load.many else "esms"
    (stage.folder / "routes.toml").write_text(
        f'[[route]]\nname = "only"\nprovider = "{provider}"\nnetworks = ["*"]\n'
        f'sender = "CA LANGSON"\ntps = {TPS}\nwindow = {load.window}\n[route.options]\n{_options(stage)}'
    )
    asyncio.run(prepare(stage.folder, stage.servers.database_url, load.people))


def _options(stage: Stage) -> str:
    if stage.load.smpp:
        port = urlsplit(stage.sink).port
        account = 'system_id = "a"\npassword = "b"\n'
        return f'host = "127.0.0.1"\nport = {port}\n{account}binds = {BINDS}\nwindow = {stage.load.bind}\n'
    keys = "" if stage.load.many else 'api_key = "sandbox-api-key"\nsecret_key = "sandbox-secret-key"\n'
    return f'base_url = "{stage.sink}"\ncallback_base = "http://127.0.0.1:{stage.web_port}"\n{keys}'


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for(happened: Callable[[], bool], what: str, every: float = 0.1) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not happened():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not within {LIMIT_SECONDS} s")
        time.sleep(every)


def measured(stage: Stage, begin: Callable[[], None], over: Callable[[psycopg.Connection[Any]], bool]) -> Figures:
    """From `begin` until `over` is true; processor time of every part in between, and its peak memory."""
    with psycopg.connect(stage.servers.database_url, autocommit=True) as connection:
        before = {part: _processor(processes) for part, processes in stage.parts.items()}
        began = time.monotonic()
        begin()
        wait_for(lambda: over(connection), "the round")
        seconds = time.monotonic() - began
        processor = {part: _processor(processes) - before[part] for part, processes in stage.parts.items()}
    return Figures(stage.load.people, seconds, processor, {p: _peak(found) for p, found in stage.parts.items()})


def _family(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [*processes, *(child for process in processes for child in process.children(recursive=True))]


def _processor(processes: list[psutil.Process]) -> float:
    """Seconds, those of children that are gone included."""
    spent = 0.0
    for process in _family(processes):
        with suppress(psutil.NoSuchProcess):
            spent += sum(process.cpu_times()[:4])
    return spent


def _peak(processes: list[psutil.Process]) -> float:
    """Megabytes: the most that any one process has had (not PostgreSQL's: it counts what all share)."""
    peaks = [0.0]
    for process in _family(processes):
        with suppress(OSError):
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
            peaks += [int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")]
    return max(peaks)
