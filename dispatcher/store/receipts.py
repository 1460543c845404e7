"""Receipts: stored before the carrier is answered, then matched and applied many at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from dispatcher.store.database import Connection, array, one
from dispatcher.store.moves import CLAIM_OF, move_sql

PUT = """
INSERT INTO receipt_inbox (received_at, route, message_id, reference, outcome, code, network, raw, part, msisdn_hash, tag)
SELECT (SELECT dispatcher_now()), * FROM unnest(
    %(routes)s::text[], %(ids)s::uuid[], %(references)s::text[], %(outcomes)s::text[], %(codes)s::text[],
    %(networks)s::text[], %(raws)s::text[], %(parts)s::boolean[], %(hashes)s::bytea[], %(tags)s::int[]
)
"""

# Two hauls at once, each with a part of the same message, would each find the other part missing. So nobody else takes
# anything out of the inbox either, and its rows need no locks. The commit need not wait for the disk: a haul that a crash
# undoes is whole in the inbox again.
LOCK = "SELECT pg_advisory_xact_lock(7203117008), set_config('synchronous_commit', 'off', true)"

# A message whose answer was lost is known to no reference: its number and the tag that the carrier gave back find it, if
# they fit no other of late.
BY_TAG = f"""
SELECT t.id, true, t.msisdn_hash, t.network, t.segments, t.route, t.batch_id, t.attempts FROM (
    SELECT m.id, m.msisdn_hash, m.network, m.segments, b.route, m.batch_id, m.attempts, count(*) OVER () AS fitting
    FROM waves w JOIN stored_messages m ON m.id = message_id(w.uid, i.msisdn_hash) JOIN batches b ON b.id = m.batch_id
    {CLAIM_OF}
    WHERE i.message_id IS NULL AND i.tag IS NOT NULL AND w.closes_at > (SELECT dispatcher_now()) - interval '7 days'
      AND get_byte(uuid_send(m.id), 0) * 256 + get_byte(uuid_send(m.id), 1) = i.tag
      AND (m.attempts > 0 OR taken.status IS NOT NULL)
) AS t WHERE t.fitting = 1
"""

# A carrier may use an id a second time after some days: then the number says whose receipt it is, or else the later one.
# Routes may share an account (one for each sender): the carrier reports over the link of any of them, so where the number
# fits too, the route that carried the message need not be the one that heard of it.
# A receipt without our id may come before we have stored the carrier's reference: it steps aside and waits for it, up to
# an hour.
# Receipts for the parts of a long message: the worst decides at once, delivered it is when all parts are.
# A message that was provably never handed over has no receipt: such a one is logged and moves nothing.
# Of several receipts for one message in the same haul the good news decides, as it would have one by one.
APPLY = f"""
WITH found AS (
    SELECT i.place, i.id, i.received_at, coalesce(m.route, i.route) AS route,
           i.outcome, i.code, i.network, i.raw, i.reference, i.message_id AS said_id,
           i.part AND m.segments > 1 AS in_parts, m.id AS message_id, m.tried, m.msisdn_hash, m.network AS thought, m.segments,
           m.batch_id, m.attempts, m.id IS NOT NULL OR i.received_at < (SELECT dispatcher_now()) - interval '1 hour' AS ready
    FROM (
        SELECT ctid AS place, * FROM receipt_inbox WHERE due_at <= clock_timestamp() ORDER BY id LIMIT %(limit)s
    ) AS i
    LEFT JOIN LATERAL (
        SELECT m.id, m.attempts > 0 AS tried, m.msisdn_hash, m.network, m.segments, NULL AS route, m.batch_id, m.attempts
        FROM stored_messages m WHERE m.id = i.message_id
        UNION ALL
        (SELECT m.id, true, m.msisdn_hash, m.network, m.segments, a.route, m.batch_id, m.attempts
        FROM attempts a JOIN stored_messages m ON m.id = a.message_id
        WHERE i.message_id IS NULL AND a.reference = i.reference AND (a.route = i.route OR m.msisdn_hash = i.msisdn_hash)
          AND (a.route <> ALL(%(shared)s::text[]) OR m.msisdn_hash = i.msisdn_hash)
        ORDER BY (m.msisdn_hash = i.msisdn_hash) IS TRUE DESC, a.id DESC LIMIT 1)
        UNION ALL
        (SELECT m.id, true, m.msisdn_hash, m.network, m.segments, r.route, m.batch_id, m.attempts
        FROM receipts r JOIN stored_messages m ON m.id = r.message_id
        WHERE i.message_id IS NULL AND r.reference = i.reference AND r.route = i.route AND r.asked_in IS NOT NULL LIMIT 1)
        UNION ALL
        (SELECT m.id, true, m.msisdn_hash, m.network, m.segments, p.route, m.batch_id, m.attempts
        FROM message_parts p JOIN stored_messages m ON m.id = p.message_id
        WHERE i.message_id IS NULL AND p.reference = i.reference AND (p.route = i.route OR m.msisdn_hash = i.msisdn_hash)
        ORDER BY (m.msisdn_hash = i.msisdn_hash) IS TRUE DESC LIMIT 1)
        UNION ALL
        ({BY_TAG})
        LIMIT 1
    ) AS m ON true
),
ready AS NOT MATERIALIZED (SELECT * FROM found WHERE ready),
gone AS (DELETE FROM receipt_inbox WHERE ctid = ANY (ARRAY (SELECT place FROM ready))),
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
    WHERE ctid = ANY (ARRAY (SELECT place FROM found WHERE NOT ready))
),
arrived AS (
    SELECT message_id, route, reference, segments FROM ready WHERE in_parts AND outcome = 'delivered'
    UNION
    SELECT r.message_id, r.route, r.reference, l.segments
    FROM (SELECT DISTINCT message_id, route, segments FROM ready WHERE in_parts AND outcome = 'delivered') AS l
    JOIN receipts r ON r.message_id = l.message_id AND r.route = l.route AND r.outcome = 'delivered'
),
whole AS (
    SELECT a.message_id FROM arrived a GROUP BY a.message_id, a.route, a.segments
    HAVING count(*) >= coalesce(
        nullif((SELECT count(*) FROM message_parts p WHERE p.message_id = a.message_id AND p.route = a.route), 0), a.segments
    )
),
taken AS MATERIALIZED (
    SELECT unnest(k.ids) AS id, CASE WHEN k.answered_at IS NULL THEN 'sending'::message_status ELSE 'submitted' END AS status
    FROM claims k WHERE k.batch_id IN (SELECT batch_id FROM ready)
),
input AS (
    SELECT DISTINCT ON (message_id) message_id AS id, r.id AS receipt, 'receipt_' || outcome AS event, taken.status AS claimed,
           r.attempts AS seen
    FROM ready r LEFT JOIN taken ON taken.id = r.message_id
    WHERE message_id IS NOT NULL AND outcome <> 'pending' AND (tried OR taken.status IS NOT NULL)
      AND (outcome <> 'delivered' OR NOT in_parts OR message_id IN (SELECT message_id FROM whole))
    ORDER BY message_id, (outcome = 'delivered') DESC, r.id
),
{move_sql(claims=True)}
INSERT INTO receipts (id, received_at, route, message_id, reference, outcome, code, network, raw, moved_from, moved_to)
SELECT r.id, r.received_at, r.route, coalesce(r.message_id, r.said_id), r.reference, r.outcome, r.code, r.network, r.raw,
       moved.was, moved.now
FROM ready r LEFT JOIN input i ON i.receipt = r.id LEFT JOIN moved ON moved.id = i.id
"""


# Each field of a `NewReceipt`, as a column.
COLUMNS = ("routes", "ids", "references", "outcomes", "codes", "networks", "raws", "parts", "hashes", "tags")


class NewReceipt(NamedTuple):
    """As in `providers.base.Receipt`, the number hashed; that and the tag are for those without a `message_id`.

    A `message_id` that is a string must be known to be 32 hexadecimal digits.
    """

    route: str
    message_id: UUID | str | None
    reference: str | None
    outcome: str
    code: str
    network: str | None
    raw: str
    part: bool = False
    msisdn_hash: bytes | None = None
    tag: int | None = None


async def put(connection: Connection, receipts: Sequence[NewReceipt]) -> None:
    """Store receipts for later; once committed the carrier may be answered."""
    if receipts:
        await connection.execute(PUT, dict(zip(COLUMNS, map(array, zip(*receipts, strict=True)), strict=True)))


async def apply(connection: Connection, limit: int, shared: Sequence[str] = ()) -> int:
    """Apply up to `limit` stored receipts; answers how many were moved to the log.

    `shared`: routes whose carriers name a call and not a message, so that the number must fit as well.
    """
    await connection.execute(LOCK)
    cursor = await connection.execute(APPLY, {"limit": limit, "shared": list(shared)})
    return cursor.rowcount


async def waiting(connection: Connection) -> bool:
    row = await one(connection, "SELECT EXISTS (SELECT FROM receipt_inbox WHERE due_at <= clock_timestamp()) AS yes")
    return bool(row.yes)
