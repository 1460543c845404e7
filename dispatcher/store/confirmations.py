"""Confirmations of refusals: owed when a refusal is stored, planned as messages of the day's standing wave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from dispatcher.store.campaigns import NewWave
from dispatcher.store.database import Connection, one

# Once for each refusal: what stands on the list since before the last confirmation is confirmed. Advertising must be: it is
# owed to whoever has, or may have, had any from us.
OWE = """
INSERT INTO confirmations (organisation_id, msisdn_hash)
SELECT s.organisation_id, s.msisdn_hash FROM suppressions s JOIN organisations o ON o.id = s.organisation_id
WHERE o.slug = 'default' AND s.msisdn_hash = %(person)s
  AND NOT EXISTS (SELECT FROM confirmations k WHERE k.msisdn_hash = s.msisdn_hash AND k.received_at >= s.added_at)
  AND (%(whatever)s OR EXISTS (
      SELECT FROM campaigns c JOIN waves w ON w.campaign_id = c.id JOIN messages m ON m.id = message_id(w.uid, s.msisdn_hash)
      WHERE c.organisation_id = s.organisation_id AND c.message_class = 'advertising'
        AND m.status IN ('sending', 'submitted', 'delivered', 'undelivered', 'uncertain', 'unconfirmed')
  ))
"""
OWED = """
SELECT k.id, k.msisdn_hash, k.received_at, (k.received_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS day,
       coalesce(r.network, 'unknown') AS network
FROM confirmations k LEFT JOIN recipients r USING (msisdn_hash)
WHERE k.message_id IS NULL ORDER BY k.id LIMIT %s FOR UPDATE OF k SKIP LOCKED
"""
# The campaign runs from its first confirmation on, unless somebody paused it.
RUN = """
UPDATE campaigns SET status = CASE WHEN status IN ('draft', 'finished') THEN 'running' ELSE status END,
    approved_by = %(rule)s, approved_at = coalesce(approved_at, dispatcher_now()), approved_hash = content_hash
WHERE id = %(campaign)s
"""
OPEN_DAY = """
INSERT INTO waves (campaign_id, uid, slug, title, opens_at, closes_at, window_from, window_to, priority, status)
VALUES (%(campaign)s, %(uid)s, %(slug)s, %(title)s, %(opens_at)s, %(closes_at)s, %(window_from)s, %(window_to)s, %(priority)s,
        'sending')
ON CONFLICT DO NOTHING
"""
# One message for a person and a day, however often they refused: its id follows from both.
PLAN = """
WITH given AS (
    SELECT *, message_id(%(uid)s, msisdn_hash) AS message FROM unnest(
        %(ids)s::bigint[], %(hashes)s::bytea[], %(networks)s::text[], %(routes)s::text[], %(moments)s::timestamptz[]
    ) AS t (id, msisdn_hash, network, route, moment)
),
fresh AS (
    SELECT DISTINCT ON (g.message) g.*, x.id AS text_id, x.segments
    FROM given g JOIN texts x ON x.wave_id = %(wave)s AND x.moment = g.moment
    WHERE NOT EXISTS (SELECT FROM stored_messages m WHERE m.id = g.message) ORDER BY g.message, g.id
),
new_batches AS (
    INSERT INTO batches (wave_id, route, size, segments, due_at)
    SELECT %(wave)s, route, count(*), sum(segments), clock_timestamp() FROM fresh WHERE route IS NOT NULL GROUP BY route
    RETURNING id, route
),
new_messages AS (
    INSERT INTO stored_messages (id, wave_id, batch_id, msisdn_hash, text_id, segments, status, changed_at, network)
    SELECT f.message, %(wave)s, b.id, f.msisdn_hash, f.text_id, f.segments,
           CASE WHEN f.route IS NULL THEN 'failed' ELSE 'queued' END::message_status, (SELECT dispatcher_now()), f.network
    FROM fresh f LEFT JOIN new_batches b USING (route)
    RETURNING id, status, segments
),
unrouted AS (
    INSERT INTO attempts (message_id, number, route, started_at, ended_at, outcome, reason, code, segments)
    SELECT id, 0, '', dispatcher_now(), dispatcher_now(), 'not_sent', 'no route serves this network', 'no-route', segments
    FROM new_messages WHERE status = 'failed'
),
counted AS (
    INSERT INTO status_deltas (wave_id, status, n) SELECT %(wave)s, status, count(*) FROM new_messages GROUP BY status
),
planned AS (
    UPDATE confirmations k SET message_id = g.message FROM given g WHERE k.id = g.id
)
UPDATE waves SET planned = planned + (SELECT count(*) FROM new_messages),
    segments = waves.segments + (SELECT coalesce(sum(segments), 0) FROM new_messages),
    status = CASE WHEN status = 'done' AND EXISTS (SELECT FROM new_batches) THEN 'sending' ELSE status END
WHERE id = %(wave)s
"""
OF_PERSONS = """
SELECT DISTINCT ON (k.msisdn_hash) k.msisdn_hash, coalesce(m.status::text, 'queued') AS status
FROM confirmations k LEFT JOIN messages m ON m.id = k.message_id
WHERE k.msisdn_hash = ANY(%s) ORDER BY k.msisdn_hash, k.id DESC
"""


@dataclass(frozen=True, slots=True)
class Owed:
    """A refusal whose confirmation is not planned yet; `day` is that of Viet Nam on which it came."""

    id: int
    msisdn_hash: bytes
    received_at: datetime
    day: date
    network: str


@dataclass(frozen=True, slots=True)
class NewText:
    """What is said to those who refused within a minute."""

    moment: datetime
    body: str
    encoding: str
    segments: int


async def owe(connection: Connection, person: bytes, *, whatever: bool) -> None:
    """Note that a refusal that was just stored must be confirmed, if it must; `whatever` messages the person had."""
    await connection.execute(OWE, {"person": person, "whatever": whatever})


async def owed(connection: Connection, limit: int) -> list[Owed]:
    """The oldest refusals without a message, locked until the transaction ends."""
    cursor = await connection.execute(OWED, [limit])
    return [Owed(*row) async for row in cursor]


async def days(connection: Connection, edition: str) -> list[date]:
    """The days for which a year's campaign has a wave."""
    cursor = await connection.execute(
        "SELECT (w.opens_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS day FROM waves w JOIN campaigns c ON c.id = w.campaign_id"
        " WHERE c.edition = %s",
        [edition],
    )
    return [row.day async for row in cursor]


async def run(connection: Connection, campaign_id: int, rule: str) -> None:
    """Let a year's campaign run; `rule` is what stands in for an approver."""
    await connection.execute(RUN, {"campaign": campaign_id, "rule": rule})


async def open_day(connection: Connection, campaign_id: int, wave: NewWave) -> None:
    """Add the wave of a day, being sent from the start, unless it is there."""
    arguments = {name: getattr(wave, name) for name in NewWave.__slots__}
    await connection.execute(OPEN_DAY, {**arguments, "campaign": campaign_id})


async def wave_id(connection: Connection, uid: UUID) -> int:
    """The wave of a day, locked until the transaction ends."""
    row = await one(connection, "SELECT id FROM waves WHERE uid = %s FOR UPDATE", [uid])
    return int(row.id)


async def plan(
    connection: Connection,
    wave: int,
    uid: UUID,
    rows: Sequence[tuple[Owed, datetime]],
    routes: Mapping[str, str | None],
) -> None:
    """Give each refusal its message; `rows` name the moment of their text, `routes` is network -> route, None = no route."""
    await connection.execute(
        PLAN,
        {
            "wave": wave,
            "uid": uid,
            "ids": [owed.id for owed, _ in rows],
            "hashes": [owed.msisdn_hash for owed, _ in rows],
            "networks": [owed.network for owed, _ in rows],
            "routes": [routes[owed.network] for owed, _ in rows],
            "moments": [moment for _, moment in rows],
        },
    )


async def put_texts(connection: Connection, wave: int, texts: Sequence[NewText]) -> None:
    """Store what the day's wave says, one row for each minute; those that are there stay."""
    await connection.execute(
        "INSERT INTO texts (wave_id, body, encoding, segments, moment)"
        " SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::smallint[], %s::timestamptz[]) ON CONFLICT DO NOTHING",
        [
            wave,
            [text.body for text in texts],
            [text.encoding for text in texts],
            [text.segments for text in texts],
            [text.moment for text in texts],
        ],
    )


async def standing(connection: Connection, persons: Sequence[bytes]) -> dict[bytes, str]:
    """person -> status of the newest confirmation, for those who are owed or had one."""
    cursor = await connection.execute(OF_PERSONS, [list(persons)])
    return {row.msisdn_hash: row.status async for row in cursor}
