"""How many people of which network, commune and language: in an audience, and still to be sent to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from campaigns.volume import Group
from dispatcher.store.audiences import CHOSEN, Selection
from dispatcher.store.database import Connection
from dispatcher.store.suppressions import REFUSES

GROUPS = f"""
SELECT r.network, a.area_code, coalesce(a.language, '') AS language, count(*)::int AS people,
       count(s.msisdn_hash)::int AS left_out
FROM audiences named JOIN audience_members a ON a.audience_id = named.id JOIN recipients r USING (msisdn_hash)
    LEFT JOIN suppressions s ON s.msisdn_hash = a.msisdn_hash AND s.organisation_id = named.organisation_id
        AND {REFUSES.format(message_class="%(message_class)s", topics="%(topics)s::text[]")}
WHERE named.id = %(audience)s AND {CHOSEN}
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
REMAINING = """
SELECT m.wave_id, b.route, m.segments, count(*)::int AS n
FROM messages m JOIN batches b ON b.id = m.batch_id
WHERE m.wave_id = ANY(%s) AND m.status IN ('queued', 'retrying', 'sending') GROUP BY 1, 2, 3
"""


async def groups(
    connection: Connection, audience_id: int, selection: Selection, message_class: str, topics: Sequence[str]
) -> list[Group]:
    """The chosen people of an audience, counted; those who refused messages of the class, or about a topic, as left out."""
    arguments = {"audience": audience_id, "message_class": message_class, "topics": list(topics)}
    cursor = await connection.execute(GROUPS, {**arguments, **selection.parameters()})
    return [Group(*row) async for row in cursor]


async def remaining(connection: Connection, wave_ids: list[int]) -> dict[tuple[int, str], dict[int, int]]:
    """(wave, route) -> segments of a message -> messages that are planned and have not left."""
    found: defaultdict[tuple[int, str], dict[int, int]] = defaultdict(dict)
    cursor = await connection.execute(REMAINING, [wave_ids])
    async for row in cursor:
        found[row.wave_id, row.route][row.segments] = row.n
    return dict(found)
