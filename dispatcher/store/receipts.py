"""Receipts: stored before the carrier is answered, then matched and applied many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from dispatcher.store.database import Connection, array, one
from dispatcher.store.moves import move_sql

PUT = """
INSERT INTO receipt_inbox (received_at, route, message_id, reference, outcome, code, network, raw)
SELECT (SELECT dispatcher_now()), * FROM unnest(
    %(routes)s::text[], %(ids)s::uuid[], %(references)s::text[], %(outcomes)s::text[], %(codes)s::text[],
    %(networks)s::text[], %(raws)s::text[]
)
"""

# A receipt without our id may come before we have stored the carrier's reference: it steps aside and waits for it, up to
# an hour.
# A message that was provably never handed over has no receipt: such a one is logged and moves nothing.
# Of several receipts for one message in the same haul the good news decides, as it would have one by one.
APPLY = f"""
WITH taken AS (
    SELECT i.id, i.received_at, i.route, i.outcome, i.code, i.network, i.raw, i.reference, i.message_id AS said_id,
           m.id AS message_id, m.tried, m.msisdn_hash, m.network AS thought
    FROM (
        SELECT * FROM receipt_inbox WHERE due_at <= clock_timestamp()
        ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    ) AS i
    LEFT JOIN LATERAL (
        SELECT m.id, m.attempts > 0 AS tried, m.msisdn_hash, m.network FROM messages m WHERE m.id = i.message_id
        UNION ALL
        SELECT m.id, true, m.msisdn_hash, m.network FROM attempts a JOIN messages m ON m.id = a.message_id
        WHERE i.message_id IS NULL AND a.reference = i.reference AND a.route = i.route
        UNION ALL
        SELECT m.id, true, m.msisdn_hash, m.network FROM receipts r JOIN messages m ON m.id = r.message_id
        WHERE i.message_id IS NULL AND r.reference = i.reference AND r.route = i.route AND r.asked_in IS NOT NULL
        LIMIT 1
    ) AS m ON true
),
ready AS (
    SELECT * FROM taken
    WHERE message_id IS NOT NULL OR received_at < (SELECT dispatcher_now()) - interval '1 hour'
),
gone AS (DELETE FROM receipt_inbox WHERE id IN (SELECT id FROM ready)),
-- Numbers are carried from network to network: what the carrier that delivered says is truer than the prefix.
learned AS (
    UPDATE recipients p SET network = r.network, network_learned_at = dispatcher_now()
    FROM (
        SELECT DISTINCT ON (msisdn_hash) msisdn_hash, network FROM ready
        WHERE outcome = 'delivered' AND network <> thought ORDER BY msisdn_hash, id DESC
    ) AS r
    WHERE p.msisdn_hash = r.msisdn_hash AND p.network <> r.network
),
aside AS (
    UPDATE receipt_inbox SET due_at = clock_timestamp() + interval '2 seconds'
    WHERE id IN (SELECT id FROM taken EXCEPT SELECT id FROM ready)
),
input AS (
    SELECT DISTINCT ON (message_id) message_id AS id, id AS receipt, 'receipt_' || outcome AS event FROM ready
    WHERE message_id IS NOT NULL AND outcome <> 'pending' AND tried
    ORDER BY message_id, (outcome = 'delivered') DESC, id
),
{move_sql()}
INSERT INTO receipts (id, received_at, route, message_id, reference, outcome, code, network, raw, moved_from, moved_to)
SELECT r.id, r.received_at, r.route, coalesce(r.message_id, r.said_id), r.reference, r.outcome, r.code, r.network, r.raw,
       moved.was, moved.now
FROM ready r LEFT JOIN input i ON i.receipt = r.id LEFT JOIN moved ON moved.id = i.id
"""


@dataclass(frozen=True, slots=True)
class NewReceipt:
    route: str
    message_id: UUID | None
    reference: str | None
    outcome: str
    code: str
    network: str | None
    raw: str


async def put(connection: Connection, receipts: Sequence[NewReceipt]) -> None:
    """Store receipts for later; once committed the carrier may be answered."""
    await connection.execute(
        PUT,
        {
            "routes": array(r.route for r in receipts),
            "ids": array(r.message_id for r in receipts),
            "references": array(r.reference for r in receipts),
            "outcomes": array(r.outcome for r in receipts),
            "codes": array(r.code for r in receipts),
            "networks": array(r.network for r in receipts),
            "raws": array(r.raw for r in receipts),
        },
    )


async def apply(connection: Connection, limit: int) -> int:
    """Apply up to `limit` stored receipts; answers how many were moved to the log."""
    cursor = await connection.execute(APPLY, {"limit": limit})
    return cursor.rowcount


async def waiting(connection: Connection) -> bool:
    row = await one(connection, "SELECT EXISTS (SELECT FROM receipt_inbox WHERE due_at <= clock_timestamp()) AS yes")
    return bool(row.yes)
