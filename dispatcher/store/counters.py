"""How many messages stand where: counters kept by appended differences, folded by the clock, and what is in claims."""

from __future__ import annotations

from dispatcher.store.database import Connection

COUNTS = "SELECT status::text, sum(n)::bigint AS n FROM message_counts WHERE wave_id = ANY(%s) GROUP BY status"
BY_WAVE = "SELECT wave_id, status::text, n FROM message_counts WHERE wave_id = ANY(%s)"

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
    cursor = await connection.execute(BY_WAVE, [wave_ids])
    found: dict[int, dict[str, int]] = {wave: {} for wave in wave_ids}
    async for row in cursor:
        found[row.wave_id][row.status] = row.n
    return found


async def fold(connection: Connection) -> None:
    """Add the differences up; what a reader sees does not change."""
    await connection.execute(FOLD)
