"""Moving messages between statuses, many at once, with the counters, in one statement."""

from __future__ import annotations

from typing import Any

from dispatcher.lifecycle import MOVES

# `input` must give (id, event) once per message. Rows are locked in the order of their ids, so that two movers never
# wait for each other in a circle. `moved` gives id, wave_id, was, now. What the table of moves lacks stays put.
_MOVE = """
allowed AS (
    SELECT * FROM unnest(%(moves_from)s::message_status[], %(moves_event)s::text[], %(moves_to)s::message_status[])
        AS t (was, event, now)
),
locked AS (
    SELECT m.id, m.status, i.event{carried}
    FROM input i JOIN messages m ON m.id = i.id
    ORDER BY m.id FOR UPDATE OF m
),
moved AS (
    UPDATE messages m SET status = a.now, changed_at = dispatcher_now(){also}
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


def move_sql(*, also: str = "", carried: str = "") -> str:
    """The CTEs `allowed`, `locked`, `moved`, `counted`, to follow a CTE named `input`.

    `carried` names more columns of `input` (as `, i.x`), `also` sets more columns of the message (as `, x = l.x`).
    """
    return _MOVE.format(also=also, carried=carried)


MOVE_ARGUMENTS: dict[str, Any] = {
    "moves_from": [was.value for was, _ in MOVES],
    "moves_event": [event.value for _, event in MOVES],
    "moves_to": [now.value for now in MOVES.values()],
}
