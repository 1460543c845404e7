"""Articles that an account sends to its followers: the records, what was called for them, and their figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from dispatcher.lifecycle import BroadcastStatus
from dispatcher.store.database import OURS, Connection, one

FIELDS = (
    "id, organisation_id, slug, definition, route, author, added_at, opens_at, closes_at, status, approved_by, approved_at,"
    " approved_hash, account, article_token, article_id, message_id, step, tries, claimed_at, due_at, reason, followers, sent_at"
)
# An article that is at Zalo stays there as long as what people read does not change.
SAME = """(
    b.route = EXCLUDED.route AND b.definition -> 'article' = EXCLUDED.definition -> 'article'
    AND b.definition -> 'article_id' = EXCLUDED.definition -> 'article_id'
)"""
PUT = f"""
INSERT INTO broadcasts AS b (slug, definition, route, author, opens_at, closes_at, window_from, window_to, article_id)
VALUES (%(slug)s, %(definition)s, %(route)s, %(author)s, %(opens_at)s, %(closes_at)s, %(window_from)s, %(window_to)s,
        %(article_id)s)
ON CONFLICT (organisation_id, slug) DO UPDATE
SET definition = EXCLUDED.definition, route = EXCLUDED.route, author = EXCLUDED.author, opens_at = EXCLUDED.opens_at,
    closes_at = EXCLUDED.closes_at, window_from = EXCLUDED.window_from, window_to = EXCLUDED.window_to, reason = NULL,
    added_at = dispatcher_now(), article_token = CASE WHEN {SAME} THEN b.article_token END,
    article_id = CASE WHEN {SAME} THEN b.article_id ELSE EXCLUDED.article_id END
WHERE b.status = 'draft'
"""
IN_TIME = """
dispatcher_now() >= opens_at AND dispatcher_now() < closes_at
AND (dispatcher_now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::time >= window_from
AND (dispatcher_now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::time < window_to
AND NOT EXISTS (SELECT FROM route_stops s WHERE s.route = broadcasts.route)
"""
DUE = f"""
UPDATE broadcasts SET asked_at = clock_timestamp()
WHERE status = 'approved' AND coalesce(due_at, '-infinity') <= clock_timestamp()
  AND coalesce(asked_at, '-infinity') <= clock_timestamp() - %s AND {IN_TIME}
RETURNING id
"""
READY = f"""
SELECT {FIELDS} FROM broadcasts
WHERE id = %s AND status = 'approved' AND coalesce(due_at, '-infinity') <= clock_timestamp() AND {IN_TIME}
"""
# Committed before the wire. Whoever finds another status, try or hour claims nothing.
CLAIM = f"""
UPDATE broadcasts SET status = 'sending', step = %(step)s, tries = tries + 1, claimed_at = dispatcher_now(),
    lease_until = clock_timestamp() + %(lease)s, followers = coalesce(%(followers)s, followers), reason = NULL
WHERE id = %(id)s AND status = 'approved' AND tries = %(tries)s AND approved_hash = %(approved)s AND {IN_TIME}
"""
USED = """
SELECT count(*) FILTER (WHERE on_day = %(day)s)::int AS today, count(*)::int AS month
FROM (
    SELECT (claimed_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS on_day FROM broadcasts
    WHERE account = %(account)s AND id <> %(id)s AND (status = 'sent' OR (status IN ('sending', 'uncertain') AND step = 'send'))
) AS gone
WHERE date_trunc('month', on_day) = date_trunc('month', %(day)s::date)
"""
# Of a database that was put back: each of these may have been sent since it was copied.
DISOWN = """
UPDATE broadcasts SET status = 'uncertain', step = 'send', reason = %s, due_at = NULL, asked_at = NULL
WHERE status IN ('approved', 'held', 'sending') AND opens_at <= dispatcher_now() RETURNING slug
"""
REPORTED = """
SELECT o.name AS organisation, b.slug, b.definition -> 'article' ->> 'title' AS title, b.followers, r.reached, r.opened, r.source,
       (b.sent_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS day
FROM broadcasts b JOIN organisations o ON o.id = b.organisation_id LEFT JOIN LATERAL (
    SELECT reached, opened, source FROM broadcast_results WHERE broadcast_id = b.id ORDER BY id DESC LIMIT 1
) r ON true
WHERE b.status = 'sent' AND b.sent_at >= %(start)s AND b.sent_at < %(end)s
  AND (%(topics)s::text[] = '{}' OR b.definition -> 'topics' ?| %(topics)s)
ORDER BY b.sent_at, b.id
"""


@dataclass(frozen=True, slots=True)
class StoredBroadcast:
    """`step` is what was last begun at the account: the article (`create`), or its sending (`send`)."""

    id: int
    organisation_id: int
    slug: str
    definition: dict[str, Any]
    route: str
    author: str
    added_at: datetime
    opens_at: datetime
    closes_at: datetime
    status: BroadcastStatus
    approved_by: str | None
    approved_at: datetime | None
    approved_hash: str | None
    account: str | None
    article_token: str | None
    article_id: str | None
    message_id: str | None
    step: str | None
    tries: int
    claimed_at: datetime | None
    due_at: datetime | None
    reason: str | None
    followers: int | None
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Called:
    """A call as it went over the wire, and what it came to."""

    step: str
    number: int
    outcome: str
    code: str
    detail: str
    status: int | None = None
    request: str = ""
    response: str = ""
    elapsed: float = 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a person read in the account's console; None = not said."""

    reached: int | None
    opened: int | None
    source: str
    entered_by: str
    entered_at: datetime


@dataclass(frozen=True, slots=True)
class Used:
    """Broadcasts of an account, on a day and in its month."""

    today: int
    month: int


@dataclass(frozen=True, slots=True)
class Reported:
    """One that was sent, as reports tell it. `title` is None for an article that was written at Zalo."""

    organisation: str
    slug: str
    title: str | None
    followers: int | None
    reached: int | None
    opened: int | None
    source: str | None
    day: date


def _stored(row: Any) -> StoredBroadcast:
    return StoredBroadcast(**{**row._asdict(), "status": BroadcastStatus(row.status)})


async def put(
    connection: Connection,
    definition: Mapping[str, Any],
    author: str,
    days: tuple[datetime, datetime],
    window: tuple[time, time],
) -> bool:
    """Keep a draft, or put it in place of the draft of that name; False where one of that name is no draft any more."""
    told = {name: definition[name] for name in ("slug", "route", "article_id")}
    told |= {"definition": Jsonb(definition), "author": author}
    when = {"opens_at": days[0], "closes_at": days[1], "window_from": window[0], "window_to": window[1]}
    return (await connection.execute(PUT, {**told, **when})).rowcount == 1


async def find(connection: Connection, slug: str, *, lock: bool = False) -> StoredBroadcast | None:
    statement = f"SELECT {FIELDS} FROM broadcasts WHERE slug = %s AND {OURS}" + (" FOR UPDATE" if lock else "")
    row = await (await connection.execute(statement, [slug])).fetchone()
    return _stored(row) if row else None


async def listing(connection: Connection) -> list[StoredBroadcast]:
    cursor = await connection.execute(f"SELECT {FIELDS} FROM broadcasts WHERE {OURS} ORDER BY opens_at DESC, id DESC")
    return [_stored(row) async for row in cursor]


async def due(connection: Connection, again_seconds: float) -> list[int]:
    """Those for which something is to be done now; each is told once in so many seconds."""
    return [row.id for row in await (await connection.execute(DUE, [timedelta(seconds=again_seconds)])).fetchall()]


async def ready(connection: Connection, broadcast: int) -> StoredBroadcast | None:
    """One for which something may be done at this moment."""
    row = await (await connection.execute(READY, [broadcast])).fetchone()
    return _stored(row) if row else None


async def locked(connection: Connection, broadcast: int) -> StoredBroadcast:
    """As it is now, kept so until the transaction ends."""
    return _stored(await one(connection, f"SELECT {FIELDS} FROM broadcasts WHERE id = %s FOR UPDATE", [broadcast]))


async def claim(
    connection: Connection, seen: StoredBroadcast, step: str, lease_seconds: float, followers: int | None = None
) -> bool:
    """Begin a step that must not be done twice; False where somebody was faster or it may not be done now."""
    told = {"id": seen.id, "tries": seen.tries, "approved": seen.approved_hash, "step": step, "followers": followers}
    return (await connection.execute(CLAIM, {**told, "lease": timedelta(seconds=lease_seconds)})).rowcount == 1


async def alone(connection: Connection, account: str) -> None:
    """Until the transaction ends nobody else counts or claims for this account."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 38))", [account])


async def used(connection: Connection, account: str, day: date, without: int) -> Used:
    """What the account has sent, or may have sent, on a day and in its month, one broadcast left out."""
    return Used(*await one(connection, USED, {"account": account, "day": day, "id": without}))


async def move(connection: Connection, broadcast: int, status: BroadcastStatus, **columns: Any) -> None:
    """Set a status, and columns with it. A move that `BROADCAST_MOVES` has, of a row that is locked."""
    assigned = "".join(f", {name} = %({name})s" for name in columns)
    await connection.execute(
        f"UPDATE broadcasts SET status = %(status)s{assigned} WHERE id = %(id)s",
        {**columns, "status": status.value, "id": broadcast},
    )


async def wait(connection: Connection, broadcast: int, seconds: float, reason: str) -> None:
    """Nothing is done about it for so long."""
    await connection.execute(
        "UPDATE broadcasts SET due_at = clock_timestamp() + %s, asked_at = NULL, reason = %s WHERE id = %s",
        [timedelta(seconds=seconds), reason, broadcast],
    )


async def abandoned(connection: Connection) -> list[int]:
    """Those that somebody began, and told nothing of since."""
    cursor = await connection.execute(
        "SELECT id FROM broadcasts WHERE status = 'sending' AND lease_until < clock_timestamp()"
    )
    return [row.id for row in await cursor.fetchall()]


async def overdue(connection: Connection) -> list[int]:
    """Those whose time is over and that never left."""
    cursor = await connection.execute(
        "SELECT id FROM broadcasts WHERE status IN ('approved', 'held') AND closes_at <= dispatcher_now()"
    )
    return [row.id for row in await cursor.fetchall()]


async def disown_begun(connection: Connection, reason: str) -> list[str]:
    """Leave in doubt whatever may have been sent by another life of this database; answers what that is."""
    return sorted(row.slug for row in await (await connection.execute(DISOWN, [reason])).fetchall())


async def note(connection: Connection, broadcast: int, called: Called) -> None:
    """Keep a call."""
    await connection.execute(
        "INSERT INTO broadcast_calls (broadcast_id, number, step, outcome, code, detail, status, request, response, elapsed)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            broadcast, called.number, called.step, called.outcome, called.code, called.detail, called.status,
            called.request, called.response, called.elapsed,
        ],
    )  # fmt: skip


async def calls(connection: Connection, broadcast: int) -> list[Called]:
    cursor = await connection.execute(
        "SELECT step, number, outcome, code, detail, status, request, response, elapsed FROM broadcast_calls"
        " WHERE broadcast_id = %s ORDER BY id",
        [broadcast],
    )
    return [Called(*row) async for row in cursor]


async def put_result(
    connection: Connection, broadcast: int, reached: int | None, opened: int | None, source: str, by: str
) -> None:
    await connection.execute(
        "INSERT INTO broadcast_results (broadcast_id, reached, opened, source, entered_by) VALUES (%s, %s, %s, %s, %s)",
        [broadcast, reached, opened, source, by],
    )


async def newest_result(connection: Connection, broadcast: int) -> Result | None:
    return (await newest_results(connection, [broadcast])).get(broadcast)


async def newest_results(connection: Connection, chosen: Sequence[int]) -> dict[int, Result]:
    """broadcast -> what counts of it; those that nobody has entered anything of are not in it."""
    cursor = await connection.execute(
        "SELECT DISTINCT ON (broadcast_id) broadcast_id, reached, opened, source, entered_by, entered_at"
        " FROM broadcast_results WHERE broadcast_id = ANY(%s) ORDER BY broadcast_id, id DESC",
        [list(chosen)],
    )
    return {row[0]: Result(*row[1:]) async for row in cursor}


async def reported(connection: Connection, start: datetime, end: datetime, topics: Sequence[str]) -> list[Reported]:
    """Those that were sent from `start` until before `end`, on these topics (none: any)."""
    cursor = await connection.execute(REPORTED, {"start": start, "end": end, "topics": list(topics)})
    return [Reported(*row) async for row in cursor]
