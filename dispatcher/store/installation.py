"""The installation's one row: whether it lives at a rehearsal time, and which life of it this database holds."""

from __future__ import annotations

from datetime import datetime, timedelta

from dispatcher.epoch import Mark, Stored
from dispatcher.store.database import Connection, one

STORED = """
SELECT epoch, generation, renewed_at, coalesce(home = dispatcher_home(), false) AS at_home,
    EXISTS (SELECT FROM stored_messages) AS used
FROM installation
"""
# A generation from the future was written before the server's clock was set back.
RENEW = """
UPDATE installation SET generation = generation + 1, renewed_at = clock_timestamp()
WHERE epoch = %(epoch)s AND generation = %(generation)s
  AND (renewed_at <= clock_timestamp() - %(pause)s OR renewed_at > clock_timestamp())
RETURNING generation
"""


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


async def stored(connection: Connection) -> Stored:
    """What this database says of itself."""
    row = await one(connection, STORED)
    mark = Mark(row.epoch, row.generation) if row.epoch else None
    return Stored(mark, row.renewed_at, row.at_home, row.used)


async def begin(connection: Connection, mark: Mark) -> bool:
    """Give a fresh database its first life; False when somebody else has done so."""
    cursor = await connection.execute(
        "UPDATE installation SET epoch = %s, generation = %s, renewed_at = clock_timestamp(), home = dispatcher_home()"
        " WHERE epoch IS NULL",
        [mark.epoch, mark.generation],
    )
    return bool(cursor.rowcount)


async def adopt(connection: Connection, mark: Mark) -> None:
    """Begin another life, here, whatever was before."""
    await connection.execute(
        "UPDATE installation SET epoch = %s, generation = %s, renewed_at = clock_timestamp(), home = dispatcher_home()",
        [mark.epoch, mark.generation],
    )


async def renew(connection: Connection, mark: Mark, pause_seconds: float) -> Mark | None:
    """Go on to the next generation if the last is so old; None when it is not, or somebody else has done so."""
    values = {"epoch": mark.epoch, "generation": mark.generation, "pause": timedelta(seconds=pause_seconds)}
    row = await (await connection.execute(RENEW, values)).fetchone()
    return Mark(mark.epoch, row.generation) if row else None


async def reached(connection: Connection, mark: Mark) -> bool:
    """Whether this database has got at least as far as `mark`, in the same life."""
    row = await one(
        connection,
        "SELECT coalesce(epoch = %s AND generation >= %s, false) AS yes FROM installation",
        [mark.epoch, mark.generation],
    )
    return bool(row.yes)
