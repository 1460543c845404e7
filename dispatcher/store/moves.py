"""Moving messages between statuses, many at once, with the counters, in one statement."""

from __future__ import annotations

from dispatcher.lifecycle import MOVES

# `input` must give (id, event) once per message. Rows are locked in the order of their ids, so that two movers never
# wait for each other in a circle. `moved` gives id, wave_id, was, now. What the table of moves lacks stays put.
# dispatcher_now() reads a table: asked for once a statement, not once a row.
_MOVE = """
allowed (was, event, now) AS (VALUES {moves}),
locked AS (
    SELECT m.id, m.status, i.event{carried}
    FROM input i JOIN messages m ON m.id = i.id
    ORDER BY m.id FOR UPDATE OF m
),
moved AS (
    UPDATE messages m SET status = a.now, changed_at = (SELECT dispatcher_now()){also}
    FROM locked l JOIN allowed a ON a.was = l.status AND a.event = l.event
    WHERE m.id = l.id
    RETURNING m.id, m.wave_id, l.status AS was, m.status AS now
),
counted AS (
    INSERT INTO status_deltas (wave_id, status, n)
    SELECT wave_id, status, sum(n) FROM (
        SELECT wave_id, was AS status, -1 AS n FROM moved UNION ALL SELECT wave_id, now, 1 FROM moved
    ) AS change
    GROUP BY wave_id, status HAVING sum(n) <> 0
)
"""

_MOVES = ", ".join(
    f"('{was.value}'::message_status, '{event.value}', '{now.value}'::message_status)"
    for (was, event), now in MOVES.items()
)


def move_sql(*, also: str = "", carried: str = "") -> str:
    """The CTEs `allowed`, `locked`, `moved`, `counted`, to follow a CTE named `input`.

    `carried` names more columns of `input` (as `, i.x`), `also` sets more columns of the message (as `, x = l.x`).
    """
    return _MOVE.format(moves=_MOVES, also=also, carried=carried)
