"""Messages that Zalo took and of which no receipt has come: when each is to be asked about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from dispatcher.store.database import Connection, array
from dispatcher.store.lookups import Doubt

# An answer that tells nothing is asked for again after so long, so many times.
AGAIN = timedelta(minutes=10)
MOST = 6

PUT = """
INSERT INTO awaited (message_id, route, reference, settles, due_at)
SELECT id, %(route)s, reference, %(settles)s, dispatcher_now() + %(seconds)s * interval '1 second'
FROM unnest(%(ids)s::uuid[], %(references)s::text[]) AS t (id, reference)
ON CONFLICT (message_id) DO UPDATE SET route = excluded.route, reference = excluded.reference, settles = excluded.settles,
    asked = 0, due_at = excluded.due_at
"""
# Of most a receipt has come meanwhile: they are forgotten a thousand at a time.
FORGET = """
DELETE FROM awaited WHERE message_id IN (
    SELECT a.message_id FROM awaited a JOIN stored_messages m ON m.id = a.message_id
    WHERE a.due_at <= dispatcher_now() AND (a.asked >= %s OR m.status NOT IN ('submitted', 'queued', 'retrying'))
    ORDER BY a.message_id LIMIT 1000 FOR UPDATE OF a SKIP LOCKED
)
"""
DUE_ROUTES = """
SELECT DISTINCT a.route FROM awaited a JOIN stored_messages m ON m.id = a.message_id
WHERE a.route = ANY(%s) AND a.due_at <= dispatcher_now() AND m.status = 'submitted'
"""
# Put off before they are asked about: another worker takes others, and one that dies here is made up for later.
TAKE = """
WITH taken AS (
    UPDATE awaited SET asked = asked + 1, due_at = dispatcher_now() + %(again)s WHERE message_id IN (
        SELECT a.message_id FROM awaited a JOIN stored_messages m ON m.id = a.message_id
        WHERE a.route = %(route)s AND a.due_at <= dispatcher_now() AND m.status = 'submitted'
        ORDER BY a.due_at LIMIT %(limit)s FOR UPDATE OF a SKIP LOCKED
    )
    RETURNING message_id, reference, settles
)
SELECT m.id, m.attempts AS number, m.msisdn_hash, r.cipher, r.key_id, x.body AS text, m.changed_at AS since,
       m.changed_at AS until, t.reference, ARRAY[]::text[] AS others, t.settles, m.network, w.channel
FROM taken t JOIN stored_messages m ON m.id = t.message_id JOIN waves w ON w.id = m.wave_id
    JOIN recipients r USING (msisdn_hash) JOIN texts x ON x.id = m.text_id
"""


@dataclass(frozen=True, slots=True)
class Silent:
    """A message of which nothing was heard. `settles`: it cannot arrive any more; `channel` is the wave's."""

    doubt: Doubt
    settles: bool
    network: str
    channel: str


async def put(
    connection: Connection, route: str, references: Mapping[UUID, str], seconds: float, *, settles: bool
) -> None:
    """Ask about these messages, which have the provider's ids, in so many seconds unless a receipt has come."""
    told = {"ids": array(references), "references": array(references.values())}
    await connection.execute(PUT, {"route": route, "seconds": seconds, "settles": settles, **told})


async def due_routes(connection: Connection, routes: Sequence[str]) -> list[str]:
    """Those of `routes` with messages that should be asked about now."""
    cursor = await connection.execute(DUE_ROUTES, [list(routes)])
    return [row.route async for row in cursor]


async def take(connection: Connection, route: str, limit: int) -> list[Silent]:
    """Up to `limit` messages of a route to ask about now, nobody else's."""
    cursor = await connection.execute(TAKE, {"route": route, "limit": limit, "again": AGAIN})
    return [Silent(Doubt(*row[:10]), row.settles, row.network, row.channel) async for row in cursor]


async def forget(connection: Connection, ids: Sequence[UUID] = ()) -> None:
    """Ask no more about these, nor about those of which something has been heard."""
    await connection.execute("DELETE FROM awaited WHERE message_id = ANY(%s::uuid[])", [array(ids)])
    await connection.execute(FORGET, [MOST])
