"""Finding messages among very many: every page is a stretch of one index, whatever else is asked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from dispatcher.lifecycle import Status
from dispatcher.store.database import OURS, Connection

NIL = UUID(int=0)
# Statuses that `stored_messages.exception` holds, and thus `messages_by_exception`.
EXCEPTIONS = frozenset(
    {
        Status.UNDELIVERED,
        Status.REJECTED,
        Status.FAILED,
        Status.RETRYING,
        Status.UNCERTAIN,
        Status.UNCONFIRMED,
        Status.SUPPRESSED,
    }
)
GROWTH, LARGEST = 16, 10_000

# What is kept tells waves without such messages. Of those that are moving it may tell too little: claims are counted nowhere
# else, and differences may be on their way.
WAVES = f"""
WITH moving AS (
    SELECT wave_id FROM status_deltas UNION SELECT wave_id FROM claims UNION SELECT wave_id FROM tallied WHERE moved <> counted
)
SELECT w.id FROM waves w JOIN campaigns c ON c.id = w.campaign_id
WHERE c.{OURS} AND w.planned > 0
  AND (%(edition)s::text IS NULL OR c.edition = %(edition)s) AND (%(wave)s::text IS NULL OR w.slug = %(wave)s)
  AND (%(approver)s::text IS NULL OR c.approved_by = %(approver)s
       OR EXISTS (SELECT FROM approvals a WHERE a.campaign_id = c.id AND a.who = %(approver)s))
  AND (%(until)s::timestamptz IS NULL OR w.opens_at < %(until)s)
  AND (%(statuses)s::message_status[] = '{{}}'
       OR w.id IN (SELECT wave_id FROM status_counts WHERE status = ANY(%(statuses)s::message_status[]) AND n <> 0)
       OR w.id IN (SELECT wave_id FROM moving))
  AND (%(since)s::timestamptz IS NULL OR w.id IN (SELECT wave_id FROM moving) OR w.id IN (
        SELECT wave_id FROM tallied WHERE last_day >= (%(since)s::timestamptz AT TIME ZONE 'Asia/Ho_Chi_Minh')::date))
ORDER BY w.id DESC
"""

NAMED = """
SELECT message_id FROM attempts WHERE reference = %(reference)s
UNION SELECT message_id FROM message_parts WHERE reference = %(reference)s
UNION SELECT message_id FROM receipts WHERE reference = %(reference)s AND moved_from <> 'submitted'
"""

# Ways through the log. Each gives messages with (major, minor) before them, in a fixed order that ends with their ids, after
# the spot of those names, at most `size`.
BY_PLACE = """
SELECT w.id::bigint AS major, coalesce(m.area_code, '') AS minor, m.* FROM waves w CROSS JOIN LATERAL (
    SELECT * FROM stored_messages s WHERE s.wave_id = w.id AND (coalesce(s.area_code, ''), s.id) > (
        CASE WHEN w.id = %(major)s THEN %(minor)s::text ELSE '' END, CASE WHEN w.id = %(major)s THEN %(id)s ELSE %(nil)s END
    )
    ORDER BY coalesce(s.area_code, ''), s.id LIMIT %(size)s
) AS m
WHERE w.id = ANY(%(waves)s) AND w.id <= %(major)s ORDER BY w.id DESC, 2, m.id LIMIT %(size)s
"""
BY_AREA = """
SELECT w.id::bigint AS major, p.area AS minor, m.*
FROM waves w CROSS JOIN unnest(%(areas)s::text[]) AS p (area) CROSS JOIN LATERAL (
    SELECT * FROM stored_messages s WHERE s.wave_id = w.id AND coalesce(s.area_code, '') = p.area
      AND s.id > CASE WHEN w.id = %(major)s AND p.area = %(minor)s THEN %(id)s ELSE %(nil)s END
    ORDER BY s.id LIMIT %(size)s
) AS m
WHERE w.id = ANY(%(waves)s) AND (w.id < %(major)s OR w.id = %(major)s AND p.area >= %(minor)s)
ORDER BY w.id DESC, p.area, m.id LIMIT %(size)s
"""
BY_EXCEPTION = """
SELECT w.id::bigint AS major, e.status::text AS minor, m.*
FROM waves w CROSS JOIN unnest(%(statuses)s::message_status[]) AS e (status) CROSS JOIN LATERAL (
    SELECT * FROM stored_messages s WHERE s.wave_id = w.id AND s.exception = e.status
      AND s.id > CASE WHEN w.id = %(major)s AND e.status::text = %(minor)s THEN %(id)s ELSE %(nil)s END
    ORDER BY s.id LIMIT %(size)s
) AS m
WHERE w.id = ANY(%(waves)s) AND (w.id < %(major)s OR w.id = %(major)s AND e.status::text >= %(minor)s)
ORDER BY w.id DESC, e.status::text, m.id LIMIT %(size)s
"""
BY_NUMBER = """
SELECT w.id::bigint AS major, '' AS minor, m.*
FROM waves w JOIN stored_messages m ON m.id = message_id(w.uid, %(msisdn_hash)s)
WHERE w.id = ANY(%(waves)s) AND w.id < %(major)s ORDER BY w.id DESC LIMIT %(size)s
"""
BY_REFERENCE = f"""
SELECT m.wave_id::bigint AS major, '' AS minor, m.* FROM ({NAMED}) AS named JOIN stored_messages m ON m.id = named.message_id
WHERE m.wave_id < %(major)s OR m.wave_id = %(major)s AND m.id > %(id)s ORDER BY m.wave_id DESC, m.id LIMIT %(size)s
"""
# What the log says last comes first: tries (2), then receipts (1); the minor is the number of the log's row. What it tells of
# messages of other waves, and of those that were let go, is nothing but a spot.
BY_CODE = """
SELECT told.major, told.number::text AS minor, m.* FROM (
    SELECT * FROM (
        (SELECT 2::bigint AS major, id AS number, message_id FROM attempts a
         WHERE code = %(code)s AND outcome <> 'accepted' AND %(major)s >= 2
           AND a.id < CASE WHEN %(major)s = 2 THEN %(minor)s::text::bigint ELSE 9223372036854775807 END
         ORDER BY a.id DESC LIMIT %(size)s)
        UNION ALL
        (SELECT 1, id, message_id FROM receipts r
         WHERE code = %(code)s AND moved_to = 'undelivered'
           AND r.id < CASE WHEN %(major)s = 1 THEN %(minor)s::text::bigint ELSE 9223372036854775807 END
         ORDER BY r.id DESC LIMIT %(size)s)
    ) AS log ORDER BY major DESC, number DESC LIMIT %(size)s
) AS told LEFT JOIN stored_messages m ON m.id = told.message_id AND m.wave_id = ANY(%(waves)s)
ORDER BY told.major DESC, told.number DESC
"""

# The next messages of a way: those that fit, and in any case the last one, from which the way goes on.
STEP = """
WITH chunk AS MATERIALIZED (SELECT way.*, row_number() OVER () AS n FROM ({way}) AS way)
SELECT n, major, minor, coalesce(id, %(nil)s) AS id, fits FROM (
    SELECT m.n, m.major, m.minor, m.id, {fits} AS fits FROM chunk m {joins}
) AS judged WHERE fits OR n = (SELECT max(n) FROM chunk) ORDER BY n
"""

# The claim that a row `m` is in, if any; as `moves.CLAIM_OF`, and since when. What a message must be for it stands inside: then
# no claim is looked for where it is something else.
TAKEN = """
LEFT JOIN LATERAL (
    SELECT CASE WHEN k.answered_at IS NULL THEN 'sending'::message_status ELSE 'submitted' END AS status,
           coalesce(k.answered_at, k.claimed_at) AS since
    FROM claims k
    WHERE m.status IN ('queued', 'retrying')
      AND k.batch_id = m.batch_id AND k.first <= m.id AND k.last >= m.id AND m.id = ANY(k.ids) LIMIT 1
) AS taken ON true
"""
# The last try of a row `m`, and the last receipt that moved it where that has something to tell beside the try.
LAST = (
    "LEFT JOIN LATERAL (SELECT * FROM attempts a WHERE a.message_id = m.id ORDER BY a.id DESC LIMIT 1) AS last ON true"
)
TOLD = """
LEFT JOIN LATERAL (
    SELECT code, reference FROM receipts p
    WHERE (m.status = 'undelivered' OR last.reference IS NULL) AND p.message_id = m.id AND p.moved_to IS NOT NULL
    ORDER BY p.id DESC LIMIT 1
) AS told ON true
"""
ROUTE = "LEFT JOIN batches b ON b.id = m.batch_id"
# What went wrong with a row `m`, where something did: by the row of the log (2: a try, 1: a receipt) that says so.
FAULT = """
LEFT JOIN LATERAL (
    (SELECT 2 AS source, a.id, a.code FROM attempts a
     WHERE m.exception <> 'undelivered' AND a.message_id = m.id ORDER BY a.id DESC LIMIT 1)
    UNION ALL
    (SELECT 1, p.id, p.code FROM receipts p
     WHERE m.exception = 'undelivered' AND p.message_id = m.id AND p.moved_to IS NOT NULL ORDER BY p.id DESC LIMIT 1)
) AS fault ON true
"""

# field of `Wanted` -> what must hold, and the joins that this needs.
CONDITIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "statuses": ("coalesce(taken.status, m.status) = ANY(%(statuses)s::message_status[])", (TAKEN,)),
    "route": ("b.route = %(route)s", (ROUTE,)),
    "areas": ("coalesce(m.area_code, '') = ANY(%(areas)s::text[])", ()),
    "since": ("coalesce(taken.since, m.changed_at) >= %(since)s", (TAKEN,)),
    "until": ("coalesce(taken.since, m.changed_at) < %(until)s", (TAKEN,)),
    "code": ("fault.code = %(code)s", (FAULT,)),
    "reference": (f"m.id IN ({NAMED})", ()),
}
# Of a message whose error came several times, the row of the log that it is found by is the last.
FOUND_BY_THE_LAST = "fault.source = major AND fault.id = minor::bigint"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for among the organisation's messages; what is None or empty is not asked about.

    `areas` are codes of communes, `code` an error's as the carrier gave it, `approver` who approved the campaign; `since` and
    `until` (not included) are about the message's last change.
    """

    msisdn_hash: bytes | None = None
    edition: str | None = None
    wave: str | None = None
    statuses: tuple[Status, ...] = ()
    route: str | None = None
    areas: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    code: str | None = None
    reference: str | None = None
    approver: str | None = None


class Spot(NamedTuple):
    """Where a way through the log has got to: opaque, but for its order."""

    major: int = 2**31 - 1
    minor: str = ""
    id: UUID = NIL

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.id.hex}"


def spot(written: str) -> Spot:
    """A spot as written by `str`. Raises ValueError."""
    major, minor, message = written.split(".")
    found = Spot(int(major), minor, UUID(message))
    if not 0 <= found.major < 2**31 or "\0" in minor:
        raise ValueError(f"{written!r} is no spot")
    return found


class Found(NamedTuple):
    """Messages in the order of their way, and from where it goes on; None at its end."""

    ids: list[UUID]
    after: Spot | None


async def waves(connection: Connection, wanted: Wanted) -> list[int]:
    """The waves, newest first, that may hold such messages."""
    cursor = await connection.execute(WAVES, arguments(wanted))
    return [row.id async for row in cursor]


async def slugs(connection: Connection, wanted: Wanted) -> list[str]:
    """The waves that may hold such messages, as they are called, newest first."""
    cursor = await connection.execute(
        "SELECT w.slug FROM unnest(%s::int[]) WITH ORDINALITY AS o (id, place) JOIN waves w USING (id) ORDER BY place",
        [await waves(connection, wanted)],
    )
    return [row.slug async for row in cursor]


async def find(
    connection: Connection, wanted: Wanted, limit: int, after: Spot | None = None, look: int | None = None
) -> Found:
    """Up to `limit` messages. After looking at `look` others in vain it answers what it has, and from where to go on."""
    among = await waves(connection, wanted)
    found = Found([], after or Spot())
    looked, size = 0, _first(wanted, limit, look)
    while among and found.after and len(found.ids) < limit and (look is None or looked < look):
        found = await _step(connection, wanted, among, found, limit, size)
        looked += size
        size = min(size * GROWTH, max(LARGEST, limit + 1), max(look - looked, 1) if look else LARGEST)
    return found if among else Found([], None)


def _first(wanted: Wanted, limit: int, look: int | None) -> int:
    """As many as are asked for, if most will fit; where few may, all that may be looked at: one statement instead of three."""
    few = bool(wanted.statuses) and Status.DELIVERED not in wanted.statuses
    return max(limit + 1, look or 0) if few else limit + 1


async def _step(
    connection: Connection, wanted: Wanted, among: Sequence[int], found: Found, limit: int, size: int
) -> Found:
    given = {**arguments(wanted), **(found.after or Spot())._asdict(), "waves": list(among), "size": size}
    rows = await (await connection.execute(statement(wanted), given, prepare=False)).fetchall()
    ids, room = found.ids, limit - len(found.ids)
    fitting = [row for row in rows if row.fits]
    if len(fitting) > room:
        return Found([*ids, *(row.id for row in fitting[:room])], _spot(fitting[room - 1]))
    over = not rows or rows[-1].n < size
    return Found([*ids, *(row.id for row in fitting)], None if over else _spot(rows[-1]))


def _spot(row: Any) -> Spot:
    return Spot(row.major, row.minor, row.id)


def statement(wanted: Wanted) -> str:
    """One step along the way that is the shortest for what is asked."""
    way, settled, also = _way(wanted)
    asked = [CONDITIONS[name] for name in CONDITIONS if name not in settled and getattr(wanted, name) not in (None, ())]
    fits = " AND ".join(f"({condition})" for condition in ["m.wave_id = ANY(%(waves)s)", *also, *(c for c, _ in asked)])
    joins = dict.fromkeys(join for _, needed in asked for join in needed)
    return STEP.format(way=way, fits=f"coalesce({fits}, false)", joins=" ".join(joins))


def _way(wanted: Wanted) -> tuple[str, Collection[str], Collection[str]]:
    """The way; the fields that need not be looked at any more on it; what must hold besides."""
    if wanted.msisdn_hash is not None:
        return BY_NUMBER, (), ()
    if wanted.reference is not None:
        return BY_REFERENCE, ("reference",), ()
    if wanted.code is not None:
        return BY_CODE, (), (FOUND_BY_THE_LAST,)
    if wanted.areas:
        return BY_AREA, ("areas",), ()
    if wanted.statuses and EXCEPTIONS.issuperset(wanted.statuses):
        return BY_EXCEPTION, (), ()
    return BY_PLACE, (), ()


def arguments(wanted: Wanted) -> dict[str, Any]:
    """What a statement is given of what is asked."""
    asked = {name: getattr(wanted, name) for name in Wanted.__slots__}
    return {**asked, "statuses": sorted({*wanted.statuses}), "areas": sorted({*wanted.areas}), "nil": NIL}
