"""Routes that wait for a person."""

from __future__ import annotations

import structlog

from dispatcher.store.database import Connection

log = structlog.get_logger()


async def park(connection: Connection, route: str, reason: str) -> None:
    """Stop a route until a person has acted; the first reason stays."""
    cursor = await connection.execute(
        "INSERT INTO parked_routes (route, reason) VALUES (%s, %s) ON CONFLICT DO NOTHING", [route, reason]
    )
    if cursor.rowcount:
        log.error("route.parked", route=route, reason=reason)


async def unpark(connection: Connection, route: str) -> bool:
    """Let a route send again; answers whether it was parked."""
    cursor = await connection.execute("DELETE FROM parked_routes WHERE route = %s", [route])
    return bool(cursor.rowcount)


async def parked(connection: Connection) -> dict[str, str]:
    """route -> why it is parked."""
    cursor = await connection.execute("SELECT route, reason FROM parked_routes")
    return {row.route: row.reason async for row in cursor}
