"""How far a rehearsal's finish is from that of a real run: the same people and routes, both over the pretend carrier.

    python -m benchmarks.rehearsing [PEOPLE]

The real run is sent by an installation of its own at its real pace, and lasts as long; its end is read from the carrier's
ledger: the last message that it was asked to send. The rehearsal plays on a stage of its own and ends by its own clock.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from campaigns import definition
from dispatcher import control
from dispatcher.approval import approve
from dispatcher.clock import LEADER_LOCK
from dispatcher.demo import roster
from dispatcher.demo.stage import Stage, Way, set_up
from dispatcher.household import background, children
from dispatcher.importing import Order, import_audience
from dispatcher.keyring import open_keyring
from dispatcher.rehearsing.performance import State
from dispatcher.rehearsing.staging import House, rehearse
from dispatcher.review import Office
from dispatcher.settings import load_routes
from dispatcher.store import campaigns, counters, installation
from dispatcher.store.campaigns import StoredWave
from dispatcher.store.database import Pool, new_pool
from dispatcher.supervisor import Supervisor

CAMPAIGN, YEAR, PROVINCE, SEED = "drug_prevention_june", 2026, "20", 7
# A small contract: two routes, of which the slower one is the last to finish.
WAYS = (Way("viettel", ["viettel"], 8), Way("khac", ["*"], 5))
SETTLE_SECONDS = 3600
BOOT_SECONDS = 20.0


@contextmanager
def running(stage: Stage) -> Iterator[None]:
    with background(Supervisor(children(stage.settings, stage.environment), log_folder=stage.folder / "log")):
        yield


async def prepared(pool: Pool, stage: Stage, people: int) -> StoredWave:
    """An audience and a draft of one wave; answers the wave."""
    path = stage.folder / "roster.csv"
    roster.write(path, people, SEED, PROVINCE)
    campaign = definition.load(definition.library_path(CAMPAIGN), year=YEAR)
    one = campaign.model_copy(update={"audience": "people", "owner": "Ban Chi dao 138", "waves": campaign.waves[:1]})
    keyring = open_keyring(stage.settings.keyring_path, create=True)
    async with pool.connection() as connection:
        await installation.rehearse_at(
            connection, datetime.combine(campaign.period.start, datetime.min.time()).astimezone()
        )
        await import_audience(connection, keyring, Order(path, "people", "a", province=PROVINCE), lambda _d, _t: None)
        await control.add(connection, one, "a")
        (wave,) = await campaigns.waves(connection, (await control.find(connection, one.edition)).id)
        await installation.rehearse_at(connection, wave.opens_at - timedelta(hours=1))
    return wave


async def real(pool: Pool, stage: Stage, wave: StoredWave, office: Office) -> float:
    """Seconds from the opening of the wave to the last request that the carrier saw."""
    edition = f"{CAMPAIGN}-{YEAR}"
    async with pool.connection() as connection:
        await approve(connection, edition, "b", office, accept="benchmark")
        await control.start(connection, edition, "b", office.routes)
    with running(stage):
        await booted(pool)
        async with pool.connection() as connection:
            await installation.rehearse_at(connection, wave.opens_at)
        opened = time.time()
        async for state in looks(pool, wave):
            if state.over(state.waves[0]):
                break
    requests = [e for e in map(json.loads, stage.ledger.read_text("utf-8").splitlines()) if e["kind"] == "request"]
    return float(max(request["wall"] for request in requests) - opened)


async def booted(pool: Pool) -> None:
    """The clock leads, and the workers have had time to come up beside it."""
    leads = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = %s) AS so"
    while True:
        async with pool.connection() as connection:
            row: Any = await (await connection.execute(leads, [LEADER_LOCK & 0xFFFFFFFF])).fetchone()
        if row.so:
            return await asyncio.sleep(BOOT_SECONDS)
        await asyncio.sleep(0.2)


async def looks(pool: Pool, wave: StoredWave) -> AsyncIterator[State]:
    while True:
        async with pool.connection() as connection:
            waves = await campaigns.waves(connection, wave.campaign_id)
            counts = await counters.by_wave(connection, [wave.id])
            yield State(await installation.now(connection), tuple(waves), counts)
        await asyncio.sleep(1.0)


@asynccontextmanager
async def pool_of(stage: Stage) -> AsyncIterator[Pool]:
    async with new_pool(stage.addresses.database_url, 2) as pool:
        yield pool


async def compare(folder: Path, people: int) -> None:
    with set_up(folder / "real", 1, ways=WAYS, settle_seconds=SETTLE_SECONDS) as stage:
        office = Office(load_routes(stage.settings.routes))
        async with pool_of(stage) as pool:
            wave = await prepared(pool, stage, people)
            house = House(folder / "stage", 1, None, SETTLE_SECONDS, running, lambda _state: None)
            script, came = await rehearse(pool, f"{CAMPAIGN}-{YEAR}", office, house)
            rehearsed = (datetime.fromisoformat(came["finishes_at"]) - wave.opens_at).total_seconds()
            print(f"{script.messages} messages, {script.segments} segments; rehearsed in {came['took_seconds']} s:"
                  f" {rehearsed:.1f} s, {came['speed']} times as fast as life", flush=True)  # fmt: skip
            lived = await real(pool, stage, wave, office)
    print(f"real run: {lived:.1f} s; the rehearsal is off by {100 * (rehearsed - lived) / lived:+.1f} %")


def main() -> None:
    people = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(compare(Path(folder), people))


if __name__ == "__main__":
    main()
