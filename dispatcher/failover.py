"""What waits for a route that is down moves to the next one that serves its network."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from dispatcher.routing import elsewhere
from dispatcher.settings import RouteConfig
from dispatcher.store import audit, batches, routes
from dispatcher.store.batches import Ways
from dispatcher.store.database import Connection
from dispatcher.store.routes import Stop, StopKind

log = structlog.get_logger()

# A carrier that is away for less is waited for: its messages need no other brandname and no other price.
PATIENCE_SECONDS = 60.0
# Batches moved in one transaction.
HAUL = 20


async def move_waiting(connection: Connection, configs: Iterable[RouteConfig]) -> int:
    """Move messages off routes that are down, a haul of batches from each; answers how many messages moved.

    A route that a person paused keeps its messages, and so does one that says `when_down = "wait"`.
    """
    known = {config.name: config for config in configs}
    stops = await routes.stops(connection)
    moved = 0
    for name, why in stops.items():
        if _is_down(known.get(name), why):
            for ways in elsewhere(known.values(), name, stops):
                moved += await _move(connection, name, why, ways)
    return moved


def _is_down(config: RouteConfig | None, stops: tuple[Stop, ...]) -> bool:
    if config and config.when_down == "wait":
        return False
    return any(
        stop.kind is StopKind.PARKED or (stop.kind is StopKind.TRIPPED and stop.seconds > PATIENCE_SECONDS)
        for stop in stops
    )


async def _move(connection: Connection, name: str, why: tuple[Stop, ...], ways: Ways) -> int:
    moved = await batches.hand_over(connection, name, ways, HAUL)
    if moved:
        log.warning("messages.handed_over", route=name, count=moved)
        await audit.record(connection, "dispatcher", "route.failover", name, messages=moved, reason=why[0].reason)
    return moved
