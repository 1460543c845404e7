"""Texts from people: parts put together, each text once, and the inbox that staff read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dispatcher.store.database import OURS, Connection

# Parts that come at the same time over two links must see each other, and so must two deliveries of one text.
LOCK = 7_203_117_007

PUT_NUMBERS = """
INSERT INTO recipients (msisdn_hash, cipher, key_id, network)
SELECT msisdn_hash, cipher, %(key_id)s, network
FROM unnest(%(hashes)s::bytea[], %(ciphers)s::bytea[], %(networks)s::text[]) AS t (msisdn_hash, cipher, network)
ON CONFLICT (msisdn_hash) DO NOTHING
"""
# A part with other words under the same numbers is the next text's: telephones count to 255 and start again.
PUT_PART = """
INSERT INTO inbound_parts (route, msisdn_hash, sent_to, group_number, total, number, body)
VALUES (%(route)s, %(msisdn_hash)s, %(sent_to)s, %(group)s, %(total)s, %(number)s, %(body)s)
ON CONFLICT (route, msisdn_hash, sent_to, group_number, total, number) DO UPDATE
SET body = excluded.body, joined = false, received_at = excluded.received_at
WHERE inbound_parts.body <> excluded.body
"""
JOIN = """
WITH whole AS (
    SELECT route, msisdn_hash, sent_to, group_number, total, string_agg(body, '' ORDER BY number) AS body,
           count(*) = total AS complete
    FROM inbound_parts WHERE NOT joined
    GROUP BY route, msisdn_hash, sent_to, group_number, total
    HAVING count(*) = total OR max(received_at) < dispatcher_now() - %(patience)s * interval '1 second'
),
marked AS (
    UPDATE inbound_parts p SET joined = true FROM whole w
    WHERE (p.route, p.msisdn_hash, p.sent_to, p.group_number, p.total)
        = (w.route, w.msisdn_hash, w.sent_to, w.group_number, w.total)
)
SELECT route, msisdn_hash, sent_to, body, complete FROM whole
"""
FORGET_PARTS = """
DELETE FROM inbound_parts WHERE joined AND received_at < dispatcher_now() - 2 * %(patience)s * interval '1 second'
"""
PUT = """
INSERT INTO inbound (route, msisdn_hash, sent_to, body, digest, refusal, complete)
SELECT %(route)s, %(msisdn_hash)s, %(sent_to)s, %(body)s, %(digest)s, %(refusal)s, %(complete)s
WHERE NOT EXISTS (
    SELECT FROM inbound WHERE digest = %(digest)s AND received_at > dispatcher_now() - %(patience)s * interval '1 second'
)
RETURNING id
"""
SHOWN = """
SELECT i.id, i.received_at, i.route, i.msisdn_hash, r.cipher, r.key_id, i.sent_to, i.body, i.refusal, i.complete,
       i.forwarded_to, i.forwarded_by, i.forwarded_at
FROM inbound i LEFT JOIN recipients r USING (msisdn_hash)
"""
NEWEST = f"""{SHOWN}
WHERE i.{OURS}
  AND (%(person)s::bytea IS NULL OR i.msisdn_hash = %(person)s) AND (%(refusal)s::bool IS NULL OR i.refusal = %(refusal)s)
  AND (%(before)s::bigint IS NULL OR i.id < %(before)s)
ORDER BY i.id DESC LIMIT %(limit)s
"""
FORWARD = f"""
UPDATE inbound SET forwarded_to = %s, forwarded_by = %s, forwarded_at = dispatcher_now() WHERE id = %s AND {OURS}
"""


@dataclass(frozen=True, slots=True)
class Text:
    """A text as it came, or put together from its parts.

    `complete` is false where some parts never came; `reference` is the carrier's name of it, "" where there is none.
    """

    route: str
    msisdn_hash: bytes
    sent_to: str
    body: str
    complete: bool = True
    reference: str = ""


@dataclass(frozen=True, slots=True)
class TextPart:
    """One part of a text."""

    route: str
    msisdn_hash: bytes
    sent_to: str
    group: int
    total: int
    number: int
    body: str


@dataclass(frozen=True, slots=True)
class Row:
    """A text in the inbox; `cipher` and `key_id` are None where the person was erased."""

    id: int
    received_at: datetime
    route: str
    msisdn_hash: bytes
    cipher: bytes | None
    key_id: str | None
    sent_to: str
    body: str
    refusal: bool
    complete: bool
    forwarded_to: str | None
    forwarded_by: str | None
    forwarded_at: datetime | None


async def alone(connection: Connection) -> None:
    """Wait until nobody else stores texts; lasts until the end of the transaction."""
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


async def put_numbers(
    connection: Connection, *, hashes: Sequence[bytes], ciphers: Sequence[bytes], networks: Sequence[str], key_id: str
) -> None:
    """Keep distinct numbers."""
    arguments = {"hashes": list(hashes), "ciphers": list(ciphers), "networks": list(networks), "key_id": key_id}
    await connection.execute(PUT_NUMBERS, arguments)


async def put_part(connection: Connection, part: TextPart) -> None:
    """Keep a part; one that is already there is no other."""
    arguments = {name: getattr(part, name) for name in TextPart.__slots__}
    await connection.execute(PUT_PART, arguments)


async def join(connection: Connection, patience_seconds: float) -> list[Text]:
    """Texts whose parts are all there, and those whose missing parts have not come for so long."""
    await connection.execute(FORGET_PARTS, {"patience": patience_seconds})
    cursor = await connection.execute(JOIN, {"patience": patience_seconds})
    return [Text(*row) async for row in cursor]


async def put(
    connection: Connection, text: Text, *, digest: bytes, refusal: bool, patience_seconds: float
) -> int | None:
    """Put a text into the inbox; answers its id, None where it is there already and no older than that."""
    arguments = {name: getattr(text, name) for name in Text.__slots__}
    cursor = await connection.execute(
        PUT, {**arguments, "digest": digest, "refusal": refusal, "patience": patience_seconds}
    )
    row = await cursor.fetchone()
    return int(row.id) if row else None


async def newest(
    connection: Connection, *, limit: int, person: bytes | None, refusal: bool | None, before: int | None = None
) -> list[Row]:
    """The inbox, newest first: of one person, of refusals or of the others only, and older than `before`."""
    arguments = {"limit": limit, "person": person, "refusal": refusal, "before": before}
    cursor = await connection.execute(NEWEST, arguments)
    return [Row(*row) async for row in cursor]


async def find(connection: Connection, id_: int) -> Row | None:
    cursor = await connection.execute(f"{SHOWN} WHERE i.id = %s AND i.{OURS}", [id_])
    row = await cursor.fetchone()
    return Row(*row) if row else None


async def forward(connection: Connection, id_: int, to: str, by: str) -> None:
    """Note to whom a text was passed on, and by whom; the last one stands in the inbox."""
    await connection.execute(FORWARD, [to, by, id_])
