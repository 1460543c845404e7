"""Why nothing leaves over a route, and who may try whether it would."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import structlog

from dispatcher.store.database import Connection, one

log = structlog.get_logger()

# A carrier that does not answer is tried again after so long, then after twice as long, and so on up to the longest.
FIRST_PROBE_SECONDS = 5.0
LONGEST_PROBE_SECONDS = 300.0


class StopKind(StrEnum):
    PARKED = "parked"  # a person must mend something: key, credit, brandname
    PAUSED = "paused"  # a person wants it so
    TRIPPED = "tripped"  # too many calls in a row without an answer


class Passage(StrEnum):
    """What may be sent over a route at this moment: anything, nothing, or one message to see whether it arrives."""

    OPEN = "open"
    SHUT = "shut"
    PROBE = "probe"


@dataclass(frozen=True, slots=True)
class Stop:
    """`since` and `probe_at` in dispatcher time, `seconds` for how long; `probe_at` only where it is tripped."""

    kind: StopKind
    reason: str
    since: datetime
    seconds: float
    probe_at: datetime | None


async def park(connection: Connection, route: str, reason: str) -> None:
    """Stop a route until a person has mended what is wrong; the first reason stays."""
    if await _stop(connection, route, StopKind.PARKED, reason):
        log.error("route.parked", route=route, reason=reason)


async def pause(connection: Connection, route: str, reason: str) -> bool:
    """Stop a route because a person wants it; False when it is paused already."""
    return await _stop(connection, route, StopKind.PAUSED, reason)


async def trip(connection: Connection, route: str, reason: str) -> None:
    """Stop a route whose carrier does not answer; it is tried again by itself."""
    if await _stop(connection, route, StopKind.TRIPPED, reason, probe_in=FIRST_PROBE_SECONDS):
        log.error("route.tripped", route=route, reason=reason)


async def _stop(connection: Connection, route: str, kind: StopKind, reason: str, probe_in: float | None = None) -> bool:
    cursor = await connection.execute(
        "INSERT INTO route_stops (route, kind, reason, probe_at) VALUES (%s, %s, %s, clock_timestamp() + %s)"
        " ON CONFLICT DO NOTHING",
        [route, kind.value, reason, None if probe_in is None else timedelta(seconds=probe_in)],
    )
    return bool(cursor.rowcount)


async def lift(connection: Connection, route: str, kind: StopKind) -> bool:
    """Take one kind of stop off a route; answers whether it was there."""
    cursor = await connection.execute("DELETE FROM route_stops WHERE route = %s AND kind = %s", [route, kind.value])
    return bool(cursor.rowcount)


async def passage(connection: Connection, route: str, answer_seconds: float) -> Passage:
    """What the asker may send now. Of all who ask one may probe, and nobody else while an answer can still come."""
    row = await one(
        connection,
        "SELECT count(*) AS n, count(*) FILTER (WHERE kind = 'tripped') AS tripped FROM route_stops WHERE route = %s",
        [route],
    )
    if not row.n:
        return Passage.OPEN
    if row.n > row.tripped:
        return Passage.SHUT
    cursor = await connection.execute(
        "UPDATE route_stops SET probes = probes + 1,"
        " probe_at = clock_timestamp() + %(answer)s + least(%(longest)s, %(first)s * 2 ^ probes) * interval '1 second'"
        " WHERE route = %(route)s AND kind = 'tripped' AND probe_at <= clock_timestamp()",
        {
            "route": route,
            "answer": timedelta(seconds=answer_seconds),
            "first": FIRST_PROBE_SECONDS,
            "longest": LONGEST_PROBE_SECONDS,
        },
    )
    return Passage.PROBE if cursor.rowcount else Passage.SHUT


async def stops(connection: Connection) -> dict[str, tuple[Stop, ...]]:
    """route -> its stops, parked before paused before tripped."""
    cursor = await connection.execute(
        "SELECT route, kind, reason, since, extract(epoch FROM dispatcher_now() - since)::float AS seconds,"
        " dispatcher_now() + (probe_at - clock_timestamp()) AS probe_at FROM route_stops ORDER BY route, kind"
    )
    found: defaultdict[str, tuple[Stop, ...]] = defaultdict(tuple)
    async for row in cursor:
        found[row.route] += (Stop(StopKind(row.kind), row.reason, row.since, row.seconds, row.probe_at),)
    return dict(found)


async def counts(connection: Connection, route: str) -> dict[str, int]:
    """How many messages of waves that are not over stand in each status, in the batches of a route."""
    cursor = await connection.execute(
        "SELECT m.status::text, count(*)::int AS n FROM batches b"
        " JOIN waves w ON w.id = b.wave_id AND w.status IN ('expanding', 'sending')"
        " JOIN messages m ON m.wave_id = b.wave_id AND m.batch_id = b.id WHERE b.route = %s GROUP BY 1",
        [route],
    )
    return {row.status: row.n async for row in cursor}
