"""The installation's one row: whether it lives at a rehearsal time."""

from __future__ import annotations

from datetime import datetime, timedelta

from dispatcher.store.database import Connection, one


async def now(connection: Connection) -> datetime:
    """The time all processes agree on: the database's clock, moved in a rehearsal."""
    row = await one(connection, "SELECT dispatcher_now() AS now")
    moment: datetime = row.now
    return moment


async def rehearsing(connection: Connection) -> bool:
    row = await one(connection, "SELECT rehearsal_offset IS NOT NULL AS yes FROM installation")
    return bool(row.yes)


async def rehearse_at(connection: Connection, moment: datetime) -> None:
    """Move the whole installation's clock to `moment`; from then on it runs at its usual speed."""
    await connection.execute("UPDATE installation SET rehearsal_offset = %s - clock_timestamp()", [moment])


async def offset(connection: Connection) -> timedelta:
    """How far the installation's clock is from the real one: nothing, unless it is a rehearsal."""
    row = await one(connection, "SELECT coalesce(rehearsal_offset, interval '0') AS distance FROM installation")
    distance: timedelta = row.distance
    return distance
