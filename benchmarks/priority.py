"""How long an alert waits behind a bulk wave on the same route: four workers, read from the carrier's own log.

Run with `python -m benchmarks.priority [--as PRIORITY] [--rounds N] [PEOPLE ...]`. Each alert is a campaign of its own, due the
moment it is started: on an idle route, on one that a bulk wave saturates, and while a bulk wave is being planned.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.rig import DEFINITION, WAVE, Rig, installation_with, running
from campaigns import definition
from dispatcher import control
from dispatcher.approval import approve
from dispatcher.importing import Order, import_audience
from dispatcher.keyring import open_keyring
from dispatcher.review import Office
from dispatcher.settings import load_routes
from dispatcher.store.database import new_pool

TPS = 200
WORKERS = 4
WINDOW = 64
WARM_UP_SECONDS = 10
PATIENCE_SECONDS = 120
# How many people the bulk wave has: nobody to speak of, enough to send all the time, long to plan.
SITUATIONS = {"idle": 1, "saturated": 60_000, "planning": 600_000}
# The alert's people are not those of the bulk wave, so that the carrier's log tells them apart.
PREFIX = "8432"


@dataclass(frozen=True)
class Seen:
    """Seconds from the due moment to the alert's first and last submission; the bulk's share of all from first to last."""

    first: float
    last: float
    bulk: float


async def _alert(rig: Rig, people: int, priority: str, number: int) -> float:
    """Have an alert approved and start it; answers the monotonic second in which it was due."""
    name = f"alert-{people}-{number}"
    roster = rig.folder / f"{name}.csv"
    roster.write_text("SĐT\n" + "".join(f"032{n:07}\n" for n in range(people)))
    text = DEFINITION.replace("{priority}", priority).replace('"benchmark"', f'"{name}"').replace("everybody", name)
    campaign = definition.parse(text + WAVE.format(segments=1, words="Canh bao khan cap"), name, year=2026)
    routes = load_routes(rig.folder / "routes.toml")
    keyring = open_keyring(rig.folder / "keys" / "keyring.json", create=False)
    async with new_pool(rig.database_url, 1) as pool:
        async with pool.connection() as connection:
            await import_audience(connection, keyring, Order(roster, name, "author"), lambda _done, _total: None)
            await control.add(connection, campaign, "author")
            await approve(connection, campaign.edition, "approver", Office(routes))
        async with pool.connection() as connection:
            await control.start(connection, campaign.edition, "approver", routes)
    return time.monotonic()


async def _planned(rig: Rig) -> int:
    """How many people of the bulk wave are planned by now."""
    async with new_pool(rig.database_url, 1) as pool, pool.connection() as connection:
        row = await (await connection.execute("SELECT planned FROM waves ORDER BY id LIMIT 1")).fetchone()
        return int(row.planned)


def _arrivals(ledger: Path) -> list[tuple[float, bool]]:
    """(monotonic second, whether it is the alert's) of every request that the carrier saw."""
    lines = ledger.read_text("utf-8").splitlines(keepends=True)
    entries = (json.loads(line) for line in lines if line.endswith("\n"))
    return sorted((e["time"], e["phone"].startswith(PREFIX)) for e in entries if e["kind"] == "request")


def _seen(rig: Rig, due: float, people: int) -> Seen:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        arrivals = [(at, ours) for at, ours in _arrivals(rig.ledger) if at >= due]
        alert = [at for at, ours in arrivals if ours]
        if len(alert) == people:
            meanwhile = [ours for at, ours in arrivals if alert[0] <= at <= alert[-1]]
            return Seen(alert[0] - due, alert[-1] - due, meanwhile.count(False) / len(meanwhile))
        time.sleep(0.5)
    raise TimeoutError(f"{len(alert)} of {people} after {PATIENCE_SECONDS} seconds")


def measure(situation: str, people: int, asked: argparse.Namespace) -> list[Seen]:
    """As many alerts as rounds, one after the other, in one installation."""
    with tempfile.TemporaryDirectory() as folder:
        bulk = SITUATIONS[situation]
        with (
            installation_with(Path(folder) / "var", bulk, TPS, WINDOW, {}, priority="bulk") as rig,
            running(rig, WORKERS),
        ):
            time.sleep(WARM_UP_SECONDS if situation != "planning" else 0)
            while situation == "planning" and not asyncio.run(_planned(rig)):
                time.sleep(0.2)
            found = []
            for number in range(1 if situation == "planning" else asked.rounds):
                due = asyncio.run(_alert(rig, people, asked.priority, number))
                found.append(_seen(rig, due, people))
            return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.priority", description=__doc__)
    parser.add_argument("--as", dest="priority", default="alert", help="the priority of what is measured")
    parser.add_argument("--rounds", type=int, default=5, help="alerts in each situation (one while planning)")
    parser.add_argument("--only", choices=list(SITUATIONS), help="this situation alone")
    parser.add_argument("people", type=int, nargs="*", default=(100, 400))
    asked = parser.parse_args()
    print("situation  people  first: median, worst    last: median, worst  bulk meanwhile")
    for people in asked.people:
        for situation in [asked.only] if asked.only else SITUATIONS:
            found = measure(situation, people, asked)
            first, last = [s.first for s in found], [s.last for s in found]
            share = statistics.median(s.bulk for s in found)
            print(
                f"{situation:<10} {people:>6} {statistics.median(first):>11.2f} s {max(first):>6.2f} s"
                f" {statistics.median(last):>11.2f} s {max(last):>6.2f} s {share:>14.1%}",
                flush=True,
            )


if __name__ == "__main__":
    main()
