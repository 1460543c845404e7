"""Parts of long messages: the carrier's id of each, by which its receipts find the message."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from dispatcher.store.database import Connection

PUT = """
INSERT INTO message_parts (message_id, route, reference)
SELECT message_id, %(route)s, reference FROM unnest(%(ids)s::uuid[], %(references)s::text[]) AS t (message_id, reference)
"""


async def put(connection: Connection, route: str, parts: Sequence[tuple[UUID, str]]) -> None:
    """Store (message, the carrier's id of a part), in the transaction that records the answer."""
    await connection.execute(
        PUT, {"route": route, "ids": [id_ for id_, _ in parts], "references": [name for _, name in parts]}
    )
