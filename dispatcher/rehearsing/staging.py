"""From the script to the outcome: a stage that is thrown away, the likenesses of the people, the performance."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from dispatcher.broker import LINE
from dispatcher.demo.stage import Stage, set_up
from dispatcher.keyring import open_keyring
from dispatcher.rehearsing.cast import engage, open_on
from dispatcher.rehearsing.outcome import Played, outcome
from dispatcher.rehearsing.performance import Performance, State, Tempo
from dispatcher.rehearsing.script import Script, digest, read
from dispatcher.review import Office
from dispatcher.settings import load_routes
from dispatcher.store import audit, rehearsals
from dispatcher.store.database import Connection, Pool, new_pool

# Longer than processes take to start: the first wave opens when they are up.
BEFORE = timedelta(hours=1)


@dataclass(frozen=True)
class House:
    """Where a rehearsal is played: the folder of the stage, how many workers, how fast at the most (None: as the machine can).

    `running` keeps the stage's processes running while inside, `show` is told how it stands and may raise.
    """

    folder: Path
    workers: int
    top: float | None
    settle_seconds: float
    running: Callable[[Stage], AbstractContextManager[None]]
    show: Callable[[State], None]


async def rehearse(source: Pool, edition: str, office: Office, house: House) -> tuple[Script, dict[str, Any]]:
    """Play the campaign as it would be approved now; answers what was played and what came of it. Raises `UserError`."""
    async with source.connection() as connection:
        script = await read(connection, edition, office)
    tempo = Tempo(house.top or script.top(), script.tps)
    dials = {"brandnames": sorted({route.sender for route in script.routes})}
    staged = set_up(
        house.folder, house.workers, ways=script.ways(tempo.top), dials=dials, settle_seconds=house.settle_seconds
    )
    with staged as stage:
        played = await _play(source, script, stage, house, tempo)
    return script, outcome(script, played, office.prices)


async def _play(source: Pool, script: Script, stage: Stage, house: House, tempo: Tempo) -> Played:
    began = time.monotonic()
    keyring = open_keyring(stage.settings.keyring_path, create=True)
    routes = load_routes(stage.settings.routes)
    opens = min(wave.opens_at for wave in script.waves)
    addresses = stage.addresses
    async with new_pool(addresses.database_url, 2) as pool, Redis.from_url(addresses.redis_url, **LINE) as redis:
        async with source.connection() as theirs, pool.connection() as connection:
            cast = await engage(theirs, connection, keyring, script)
            waves = await open_on(connection, script, cast, routes, opens - BEFORE)
        with house.running(stage):
            performance = Performance(pool, redis, waves, tempo, house.show)
            await performance.run(house.settle_seconds)
        ids = [wave.id for wave in waves]
        async with pool.connection() as connection:
            mix = await rehearsals.mix(connection, ids)
    return Played(performance.finished, mix, tempo.mean, time.monotonic() - began)


async def keep(connection: Connection, script: Script, came: dict[str, Any], by: str) -> str:
    """Store an outcome beside the campaign; answers its hash."""
    hashed = digest(script.content, came)
    await rehearsals.put(connection, script.campaign_id, by, script.content, hashed, came)
    await audit.record(
        connection, by, "campaign.rehearse", script.campaign.edition, content=script.content, rehearsal=hashed
    )
    return hashed
