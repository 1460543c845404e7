"""What is known of a person beside the number."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from dispatcher.store.database import Connection


async def learn_network(connection: Connection, message_ids: Sequence[UUID], network: str) -> None:
    """The recipients of these messages are on `network`, as a carrier proved by taking them; later waves go by it."""
    await connection.execute(
        "UPDATE recipients r SET network = %s, network_learned_at = dispatcher_now()"
        " FROM stored_messages m WHERE m.id = ANY(%s) AND r.msisdn_hash = m.msisdn_hash AND r.network <> %s",
        [network, list(message_ids), network],
    )
