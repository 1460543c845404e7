"""An installation to break: embedded servers, a pretend carrier with its ledger, one route, one started campaign."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from campaigns import definition
from dispatcher import control
from dispatcher.approval import approve
from dispatcher.embedded import Embedded
from dispatcher.importing import Order, import_audience
from dispatcher.keyring import Keyring, open_keyring
from dispatcher.review import Office
from dispatcher.runtime import Addresses
from dispatcher.settings import load_routes
from dispatcher.store import installation
from dispatcher.store.database import migrate, new_pool
from tests.faults.carriers import Carrier
from tests.faults.scenarios import Scenario

ROOT = Path(__file__).parents[2]
EDITION = "faults-2026"
WINDOW = 12
ROUTE = "only"
LEASE_SECONDS = 4
BATCH = 20
DEFINITION = """
slug = "faults"
title = "Faults"
owner = "Ban Chi dao 138"
occasion = "drug-action-month"
message_class = "public_information"
audience = "everybody"
[period]
start = "06-01"
end = "06-30"
[[legal_basis]]
kind = "Quyết định"
number = "93/2001/QĐ-TTg"
date = "2001-06-13"
issuer = "Thủ tướng Chính phủ"
subject = "Tháng hành động phòng, chống ma túy"
[texts.only]
accented = "{owner}: Nói không với ma túy."
unaccented = "{owner}: Noi khong voi ma tuy."
[[wave]]
slug = "only"
title = "Only"
date = "06-01"
window = ["08:00", "20:00"]
text = "only"
form = "unaccented"
"""


@dataclass(frozen=True)
class Rig:
    """What is set up. `ledger` is what the pretend carrier wrote; nothing of the installation runs yet."""

    folder: Path
    addresses: Addresses
    carrier: Carrier
    ledger: Path
    keyring: Keyring
    people: int
    environment: dict[str, str] = field(repr=False)

    def start(self, kind: str, death: str | None, mark: Path) -> subprocess.Popen[bytes]:
        """Start a worker, clock or web process that will kill itself at `death`, and makes `mark` once it is at work."""
        words = [sys.executable, "-m", "tests.faults.wrapped", kind, str(mark), *(["--die", death] if death else [])]
        with (self.folder / f"{kind}.out").open("ab") as output:
            return subprocess.Popen(words, cwd=ROOT, env=self.environment, stdout=output, stderr=output)


@contextmanager
def installation_with(folder: Path, scenario: Scenario) -> Iterator[Rig]:
    """A campaign to the scenario's people, approved and started, whose wave is due."""
    with ExitStack() as stack:
        servers = stack.enter_context(Embedded(folder))
        addresses = Addresses(servers.database_url, servers.redis_url)
        migrate(addresses.database_url)
        ledger = folder / "ledger.jsonl"
        carrier = stack.enter_context(Carrier(scenario.wire, ledger, scenario.receipts))
        port = _free_port()
        routes = folder / "routes.toml"
        routes.write_text(_route(carrier, port, scenario.tps))
        keyring = open_keyring(folder / "keys" / "keyring.json", create=True)
        asyncio.run(_prepare(folder, addresses.database_url, keyring, scenario.people))
        environment = _environment(folder, routes, port, scenario)
        yield Rig(folder, addresses, carrier, ledger, keyring, scenario.people, environment)


def _route(carrier: Carrier, port: int, tps: int) -> str:
    return f"""[[route]]
name = "{ROUTE}"
provider = "{carrier.wire}"
networks = ["*"]
sender = "CA LANGSON"
tps = {tps}
window = {WINDOW}
[route.options]
{carrier.options(port)}"""


def _environment(folder: Path, routes: Path, port: int, scenario: Scenario) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DISPATCHER_")}
    ours = {
        "folder": folder,
        "routes": routes,
        "env_file": "",
        "web_port": port,
        "workers": scenario.workers,
        "batch_size": BATCH,
        "lease_seconds": LEASE_SECONDS,
        "patience_seconds": scenario.patience_seconds,
        "settle_seconds": scenario.settle_seconds,
        "log_format": "json",
    }
    return {**kept, **{f"DISPATCHER_{name.upper()}": str(value) for name, value in ours.items()}}


async def _prepare(folder: Path, url: str, keyring: Keyring, people: int) -> None:
    roster = folder / "roster.csv"
    roster.write_text("SĐT\n" + "".join(f"09{n:08}\n" for n in range(10_000_000, 10_000_000 + people)))
    campaign = definition.parse(DEFINITION, "faults", year=2026)
    routes = load_routes(folder / "routes.toml")
    async with new_pool(url, 1) as pool, pool.connection() as connection:
        await import_audience(connection, keyring, Order(roster, "everybody", "author"), lambda _done, _total: None)
        await control.add(connection, campaign, "author")
        await approve(connection, campaign.edition, "approver", Office(routes))
        await control.start(connection, campaign.edition, "approver", routes)
        stored = await control.find(connection, campaign.edition)
        (wave,) = await control.campaigns.waves(connection, stored.id)
        await installation.rehearse_at(connection, wave.opens_at)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
