"""Moving messages between statuses, many at once, with the counters, in one statement."""

from __future__ import annotations

from dispatcher.lifecycle import MOVES

# `input` must give (id, event) once per message. Rows are locked in the order of their ids, so that two movers never
# wait for each other in a circle. `moved` gives id, wave_id, attempts, was, now. What the table of moves lacks stays put.
# dispatcher_now() reads a table: asked for once a statement, not once a row.
_MOVE = """
allowed (was, event, now) AS (VALUES {moves}),
locked AS (
    SELECT m.id, m.status AS stored, {status} AS status, {tries} AS tries, i.event{carried}
    FROM input i JOIN stored_messages m ON m.id = i.id
    ORDER BY m.id FOR UPDATE OF m
),
moved AS (
    UPDATE stored_messages m SET status = a.now, changed_at = {changed_at}, attempts = m.attempts + l.tries
    FROM locked l JOIN allowed a ON a.was = l.status AND a.event = l.event
    WHERE m.id = l.id
    RETURNING m.id, m.wave_id, m.attempts, l.stored, l.status AS was, m.status AS now
),
counted AS (
    INSERT INTO status_deltas (wave_id, status, n)
    SELECT wave_id, status, sum(n) FROM (
        SELECT wave_id, stored AS status, -1 AS n FROM moved UNION ALL SELECT wave_id, now, 1 FROM moved
    ) AS change
    GROUP BY wave_id, status HAVING sum(n) <> 0
)
"""

_MOVES = ", ".join(
    f"('{was.value}'::message_status, '{event.value}', '{now.value}'::message_status)"
    for (was, event), now in MOVES.items()
)

# A message that is in a claim stands where the claim says, and is one try further than its row, until its row is moved.
# `input` gives `claimed`, that status or NULL, and `seen`, the tries in the row that was looked at: if they have changed
# since, the claim is over and its try counted.
_CLAIMED = "i.claimed IS NOT NULL AND m.status IN ('queued', 'retrying') AND m.attempts = i.seen"


def move_sql(*, claims: bool = False, refunds: bool = False, changed_at: str = "(SELECT dispatcher_now())") -> str:
    """The CTEs `allowed`, `locked`, `moved`, `counted`, to follow a CTE named `input`.

    `claims`: `input` also gives `claimed` and `seen`; `refunds`: also `refund`, tries to be taken back. `changed_at` may name
    a column of `input`, as `l.changed_at`.
    """
    tries = [f"CASE WHEN {_CLAIMED} THEN 1 ELSE 0 END"] if claims else []
    return _MOVE.format(
        moves=_MOVES,
        status=f"CASE WHEN {_CLAIMED} THEN i.claimed ELSE m.status END" if claims else "m.status",
        tries=" + ".join([*tries, *(["-i.refund"] if refunds else [])]) or "0",
        carried=f", i.{changed_at.removeprefix('l.')}" if changed_at.startswith("l.") else "",
        changed_at=changed_at,
    )


# The claim that a row `m` is in, if any, as `taken.status`; for statements that look at few messages.
CLAIM_OF = """
LEFT JOIN LATERAL (
    SELECT CASE WHEN k.answered_at IS NULL THEN 'sending'::message_status ELSE 'submitted' END AS status FROM claims k
    WHERE k.batch_id = m.batch_id AND k.first <= m.id AND k.last >= m.id AND m.id = ANY(k.ids) LIMIT 1
) AS taken ON m.status IN ('queued', 'retrying')
"""
