"""A worker process: what stands still on one route or in one class keeps nothing else waiting."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dispatcher import clock, expansion
from dispatcher.broker import PLACES
from dispatcher.runtime import Addresses
from dispatcher.settings import Settings, fixed
from dispatcher.store import batches
from providers.sandbox import Dials, PretendCarrier
from providers.sandbox.dials import Spread
from tests.dispatcher.hall import SENDER, Hall, numbers

ROUTE = """
[[route]]
name = "{name}"
provider = "esms"
networks = ["{network}"]
sender = "{sender}"
tps = 5000
[route.options]
base_url = "{url}"
api_key = "sandbox-api-key"
secret_key = "sandbox-secret-key"
timeout = 50
"""


@pytest.fixture
async def silent_carrier() -> AsyncIterator[PretendCarrier]:
    async with PretendCarrier(Dials(latency_seconds=Spread(mean=600.0))) as carrier:
        yield carrier


@pytest.fixture
def settings(tmp_path: Path, carrier: PretendCarrier, silent_carrier: PretendCarrier) -> Settings:
    """Two routes: `silent` never answers."""
    routes = tmp_path / "routes.toml"
    routes.write_text(
        ROUTE.format(name="silent", network="mobifone", sender=SENDER, url=silent_carrier.base_url)
        + ROUTE.format(name="main", network="*", sender=SENDER, url=carrier.base_url)
    )
    return fixed(folder=tmp_path / "var", routes=routes, batch_size=5)


@contextmanager
def worker(settings: Settings, addresses: Addresses) -> Iterator[None]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DISPATCHER_")} | {
        "DISPATCHER_ENV_FILE": "",
        "DISPATCHER_FOLDER": str(settings.folder),
        "DISPATCHER_ROUTES": str(settings.routes),
        "DISPATCHER_DATABASE_URL": addresses.database_url,
        "DISPATCHER_REDIS_URL": addresses.redis_url,
        "DISPATCHER_KEYRING": str(settings.keyring_path),
    }
    process = subprocess.Popen([sys.executable, "-m", "dispatcher", "worker"], env=environment)
    try:
        yield
    finally:
        process.kill()
        process.wait()


async def order(hall: Hall, per_route: int) -> None:
    """Put on the queue what a clock would that feeds many workers."""
    async with hall.runtime.pool.connection() as connection:
        due = await batches.enqueue_due(connection, requeue_seconds=60, per_route=per_route)
    await clock._order(hall.runtime, due)


async def until(hall: Hall, condition: str) -> None:
    """Return when the database says so; the test's own limit ends the wait."""
    while not await hall.scalar(f"SELECT {condition}"):  # noqa: ASYNC110  it is another process that we wait for
        await asyncio.sleep(0.1)


async def test_one_worker_sends_on_a_fast_route_while_a_slow_one_has_all_the_batches_it_can_hold(
    hall: Hall, settings: Settings, addresses: Addresses
) -> None:
    slow, fast = numbers(200, "090"), numbers(40, "096")
    wave = await hall.running([(number,) for number in slow + fast])
    await expansion.expand(hall.runtime, wave)
    await hall.sql("UPDATE batches SET due_at = due_at - interval '1 minute' WHERE route = 'silent'")
    with worker(settings, addresses):
        await order(hall, per_route=1000)
        await until(hall, f"count(*) = {len(fast)} FROM messages WHERE status = 'submitted'")
        assert await hall.scalar("SELECT count(*) FROM batches WHERE route = 'silent' AND NOT done") == 40
        assert await hall.scalar("SELECT count(*) FROM batches WHERE leased_until IS NOT NULL") <= PLACES


async def test_one_worker_sends_an_alert_while_bulk_batches_wait_for_the_same_carrier(
    hall: Hall, settings: Settings, addresses: Addresses
) -> None:
    """The carrier answers nobody: what is asked here is that the alert gets as far as the wire."""
    wave = await hall.running([(number,) for number in numbers(200, "090")])
    await expansion.expand(hall.runtime, wave)
    await hall.sql("UPDATE waves SET priority = 'bulk'")
    with worker(settings, addresses):
        await order(hall, per_route=1000)
        await until(hall, f"count(*) = {PLACES} FROM batches WHERE leased_until IS NOT NULL")
        last = await hall.scalar("SELECT max(id) FROM batches")
        await hall.sql(
            "WITH alert AS ("
            " INSERT INTO waves (uid, campaign_id, slug, title, opens_at, closes_at, window_from, window_to, status, priority)"
            " SELECT gen_random_uuid(), campaign_id, 'alert', '', opens_at, closes_at, window_from, window_to, 'sending', 'alert'"
            " FROM waves RETURNING id), moved AS (UPDATE batches SET wave_id = alert.id, enqueued_at = NULL FROM alert"
            f" WHERE batches.id = {last}) UPDATE stored_messages SET wave_id = alert.id FROM alert WHERE batch_id = {last}"
        )
        await order(hall, per_route=1000)
        await until(hall, f"count(*) = 5 FROM messages WHERE batch_id = {last} AND status = 'sending'")
