"""An installation to measure: embedded servers, a pretend carrier, one route, one planned wave, real worker processes."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from campaigns import definition
from dispatcher import control
from dispatcher.approval import approve
from dispatcher.embedded import Embedded
from dispatcher.importing import Order, import_audience
from dispatcher.keyring import open_keyring
from dispatcher.review import Office
from dispatcher.settings import load_routes
from dispatcher.store import campaigns, installation
from dispatcher.store.database import migrate, new_pool

EDITION = "benchmark-2026"
DEFINITION = """
slug = "benchmark"
title = "Benchmark"
owner = "Ban Chi dao 138"
occasion = "drug-action-month"
message_class = "public_information"
audience = "everybody"
priority = "{priority}"
[period]
start = "06-01"
end = "06-30"
[policy]
reason = "a wave for each length, all at once, to the same people"
most_messages = 100
[[legal_basis]]
kind = "Quyết định"
number = "93/2001/QĐ-TTg"
date = "2001-06-13"
issuer = "Thủ tướng Chính phủ"
subject = "Tháng hành động phòng, chống ma túy"
"""

WAVE = """
[texts.segments-{segments}]
accented = "{{owner}}: {words}"
unaccented = "{{owner}}: {words}"
[[wave]]
slug = "segments-{segments}"
title = "Segments {segments}"
date = "06-01"
window = ["08:00", "20:00"]
text = "segments-{segments}"
form = "unaccented"
"""


@dataclass(frozen=True)
class Rig:
    """What is set up, and how to reach it."""

    folder: Path
    database_url: str
    ledger: Path
    environment: dict[str, str]

    def python(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start one of the installation's processes; its output goes to the folder."""
        with (self.folder / f"{arguments[-1]}.out").open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", *arguments], env=self.environment, stdout=output, stderr=output
            )


@contextmanager
def installation_with(
    folder: Path,
    people: int,
    tps: float,
    window: int,
    dials: dict[str, object],
    segments: Sequence[int] = (1,),
    priority: str = "normal",
    *,
    smpp: bool = False,
) -> Iterator[Rig]:
    """A campaign to `people`, approved and started; no process of the installation runs yet.

    It has a wave, all due at once, for each of `segments`: how long its text is. `dials` are the pretend carrier's, or over
    `smpp`, where it is a sink with two binds for each worker, its arguments.
    """
    with ExitStack() as stack:
        servers = stack.enter_context(Embedded(folder))
        migrate(servers.database_url)
        ledger = folder / "ledger.jsonl"
        ledger.touch()
        options = stack.enter_context(_centre(dials, ledger) if smpp else _carrier(dials, ledger))
        routes = folder / "routes.toml"
        routes.write_text(
            f'[[route]]\nname = "only"\nprovider = "{"smpp" if smpp else "esms"}"\nnetworks = ["*"]\n'
            f'sender = "CA LANGSON"\ntps = {tps}\nwindow = {window}\n[route.options]\n{options}'
        )
        asyncio.run(prepare(folder, servers.database_url, people, segments, priority))
        asyncio.run(start(servers.database_url, folder))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DISPATCHER_")}
        ours = {"DISPATCHER_FOLDER": str(folder), "DISPATCHER_ROUTES": str(routes), "DISPATCHER_ENV_FILE": ""}
        yield Rig(folder, servers.database_url, ledger, {**kept, **ours, "DISPATCHER_WORKERS": "4"})


async def prepare(
    folder: Path, url: str, people: int, segments: Sequence[int] = (1,), priority: str = "normal"
) -> None:
    """A campaign to `people`, approved for the routes of the folder, whose waves are due as soon as it is started."""
    roster = folder / "roster.csv"
    roster.write_text("SĐT\n" + "".join(f"09{n:08}\n" for n in range(10_000_000, 10_000_000 + people)))
    keyring = open_keyring(folder / "keys" / "keyring.json", create=True)
    campaign = definition.parse(_definition(segments, priority), "benchmark", year=2026)
    async with new_pool(url, 1) as pool, pool.connection() as connection:
        await import_audience(connection, keyring, Order(roster, "everybody", "author"), lambda _done, _total: None)
        await control.add(connection, campaign, "author")
        await approve(connection, campaign.edition, "approver", Office(load_routes(folder / "routes.toml")))
        opens_at = (await campaigns.waves(connection, (await control.find(connection, campaign.edition)).id))[0]
        await installation.rehearse_at(connection, opens_at.opens_at)


async def start(url: str, folder: Path) -> None:
    """Start the campaign, over the routes of the folder."""
    async with new_pool(url, 1) as pool, pool.connection() as connection:
        await control.start(connection, EDITION, "approver", load_routes(folder / "routes.toml"))


def _definition(segments: Sequence[int], priority: str) -> str:
    waves = [WAVE.format(segments=count, words=words(count)) for count in segments]
    return DEFINITION.replace("{priority}", priority) + "".join(waves)


def words(segments: int) -> str:
    """A text that is so long, with the owner in front of it."""
    return ("Noi khong voi ma tuy. " * 7 * segments)[: 150 * segments - 20].strip()


@contextmanager
def _carrier(dials: dict[str, object], ledger: Path) -> Iterator[str]:
    """The options of a route to a pretend carrier."""
    with _told("providers.sandbox", "--json", json.dumps(dials), "--ledger", str(ledger)) as told:
        keys = 'api_key = "sandbox-api-key"\nsecret_key = "sandbox-secret-key"\n'
        yield f'base_url = "{told["base_url"]}"\n{keys}'


@contextmanager
def _centre(dials: dict[str, object], ledger: Path) -> Iterator[str]:
    """The same for a sink that speaks SMPP."""
    words = [f"--{name}={value}" for name, value in dials.items()]
    with _told("providers.sandbox.smsc", "--sink", "--ledger", str(ledger), *words) as told:
        account = 'system_id = "a"\npassword = "b"\nbinds = 2\nwindow = 100\n'
        yield f'host = "127.0.0.1"\nport = {told["port"]}\n{account}'


@contextmanager
def _told(*module: str) -> Iterator[dict[str, object]]:
    """What a module says of itself when it is ready; ended on the way out."""
    with subprocess.Popen([sys.executable, "-m", *module], stdout=subprocess.PIPE) as process:
        try:
            yield json.loads(process.stdout.readline() if process.stdout else b"{}")
        finally:
            process.terminate()


@contextmanager
def running(rig: Rig, workers: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """A clock and workers, ended on the way out."""
    processes = [rig.python("dispatcher", "clock"), *(rig.python("dispatcher", "worker") for _ in range(workers))]
    try:
        yield processes
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)


def finished(rig: Rig, limit_seconds: float) -> bool:
    """Wait until the campaign is over; False when the limit passed first."""
    deadline = time.monotonic() + limit_seconds
    while time.monotonic() < deadline:
        if asyncio.run(_status(rig.database_url)) == "finished":
            return True
        time.sleep(0.5)
    return False


async def _status(url: str) -> str:
    async with new_pool(url, 1) as pool, pool.connection() as connection:
        return (await control.find(connection, EDITION)).status
