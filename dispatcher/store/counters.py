"""How many messages stand where: counters kept by appended differences, folded by the clock, and what is in claims."""

from __future__ import annotations

from typing import Any

from dispatcher.lifecycle import Status
from dispatcher.store.database import Connection

# What a try that no carrier accepted came to.
UNACCEPTED = (Status.REJECTED, Status.FAILED, Status.UNCERTAIN, Status.UNCONFIRMED)

COUNTS = "SELECT status::text, sum(n)::bigint AS n FROM message_counts WHERE wave_id = ANY(%s) GROUP BY status"
BY_WAVE = "SELECT wave_id, status::text, n FROM message_counts WHERE wave_id = ANY(%s)"

# Without a look at each message in a claim.
TRIES = """
SELECT wave_id, status, sum(n)::bigint AS n FROM (
    SELECT wave_id, status::text, n FROM status_counts
    UNION ALL SELECT wave_id, status::text, n FROM status_deltas
    UNION ALL SELECT wave_id, 'accepted', accepted FROM folded_claims
    UNION ALL SELECT wave_id, 'accepted', cardinality(ids) FROM claims WHERE answered_at IS NOT NULL
) AS kept
WHERE wave_id = ANY(%s) AND status = ANY(%s) GROUP BY wave_id, status
"""

FOLD = """
WITH taken AS (DELETE FROM status_deltas RETURNING wave_id, status, n),
moved AS (
    INSERT INTO tallied (wave_id, moved) SELECT DISTINCT wave_id, 1 FROM taken ORDER BY 1
    ON CONFLICT (wave_id) DO UPDATE SET moved = tallied.moved + 1
)
INSERT INTO status_counts (wave_id, status, n)
SELECT wave_id, status, sum(n) FROM taken GROUP BY wave_id, status ORDER BY wave_id, status
ON CONFLICT (wave_id, status) DO UPDATE SET n = status_counts.n + EXCLUDED.n
"""


async def counts(connection: Connection, wave_ids: list[int]) -> dict[str, int]:
    """status -> number of messages, over the given waves; statuses without a message are left out."""
    cursor = await connection.execute(COUNTS, [wave_ids])
    return {row.status: row.n async for row in cursor}


async def by_wave(connection: Connection, wave_ids: list[int]) -> dict[int, dict[str, int]]:
    """wave -> status -> number of messages."""
    return await _by_wave(connection, wave_ids, BY_WAVE, [wave_ids])


async def tries(connection: Connection, wave_ids: list[int]) -> dict[int, dict[str, int]]:
    """wave -> what its tries came to: how many were ever `accepted`, and how many messages stand in the other statuses."""
    return await _by_wave(connection, wave_ids, TRIES, [wave_ids, ["accepted", *UNACCEPTED]])


async def _by_wave(
    connection: Connection, wave_ids: list[int], statement: str, arguments: list[Any]
) -> dict[int, dict[str, int]]:
    cursor = await connection.execute(statement, arguments)
    found: dict[int, dict[str, int]] = {wave: {} for wave in wave_ids}
    async for row in cursor:
        found[row.wave_id][row.status] = row.n
    return found


async def fold(connection: Connection) -> None:
    """Add the differences up; what a reader sees does not change."""
    await connection.execute(FOLD)
