"""Campaigns and their waves."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from campaigns.campaign import Channel, Priority
from dispatcher.lifecycle import CampaignStatus, WaveStatus
from dispatcher.store.audiences import EVERYBODY, Selection
from dispatcher.store.database import OURS, Connection, one

CAMPAIGN = """
SELECT id, edition, title, status::text, author, added_at, approved_by, approved_at, content_hash, approved_hash, void,
       proposed_by, proposed_at, definition
FROM campaigns
"""
WAVE = """
SELECT id, uid, campaign_id, slug, title, opens_at, closes_at, window_from, window_to, audience_id, status::text, held,
       planned, segments, priority::text, selection, channel
FROM waves
"""

WAITING = """
SELECT w.id AS wave_id, dispatcher_now() AS now,
       (dispatcher_now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::time >= w.window_from
           AND (dispatcher_now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::time < w.window_to AS in_window,
       count(b.id) AS open, coalesce(array_agg(DISTINCT b.route) FILTER (WHERE b.id IS NOT NULL), '{}') AS routes,
       CASE WHEN min(b.due_at) > clock_timestamp() AND bool_and(b.leased_until IS NULL)
            THEN dispatcher_now() + (min(b.due_at) - clock_timestamp()) END AS next_due_at
FROM waves w LEFT JOIN batches b ON b.wave_id = w.id AND NOT b.done
WHERE w.campaign_id = %s GROUP BY w.id
"""

# Waves whose time had come, or of which somebody may yet be sent something again.
HOLD_BEGUN = """
UPDATE waves w SET held = %(reason)s FROM campaigns c
WHERE c.id = w.campaign_id AND w.opens_at <= dispatcher_now() AND (
    w.status IN ('scheduled', 'expanding', 'sending')
    OR (w.status = 'done' AND EXISTS (
        SELECT FROM stored_messages m WHERE m.wave_id = w.id AND m.status IN ('uncertain', 'unconfirmed')
    ))
)
RETURNING c.edition || '/' || w.slug AS wave, w.status <> 'done' AS open
"""


@dataclass(frozen=True, slots=True)
class StoredCampaign:
    id: int
    edition: str
    title: str
    status: CampaignStatus
    author: str
    added_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    content_hash: str
    approved_hash: str | None
    void: str | None
    proposed_by: str | None
    proposed_at: datetime | None
    definition: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Title:
    edition: str
    title: str
    status: CampaignStatus


@dataclass(frozen=True, slots=True)
class StoredWave:
    id: int
    uid: UUID
    campaign_id: int
    slug: str
    title: str
    opens_at: datetime
    closes_at: datetime
    window_from: time
    window_to: time
    audience_id: int | None
    status: WaveStatus
    held: str | None
    planned: int
    segments: int
    priority: Priority = Priority.NORMAL
    selection: Selection = EVERYBODY
    channel: Channel = Channel.SMS


@dataclass(frozen=True, slots=True)
class Draft:
    """A campaign as somebody left it."""

    at: datetime
    by: str
    definition: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewWave:
    uid: UUID
    slug: str
    title: str
    opens_at: datetime
    closes_at: datetime
    window_from: time
    window_to: time
    priority: Priority
    channel: Channel = Channel.SMS
    wait_seconds: int = 3600


def _campaign(row: Any) -> StoredCampaign:
    return StoredCampaign(**{**row._asdict(), "status": CampaignStatus(row.status)})


def _wave(row: Any) -> StoredWave:
    read = {
        "status": WaveStatus(row.status),
        "priority": Priority(row.priority),
        "channel": Channel(row.channel),
        "selection": _selection(row.selection),
    }
    return StoredWave(**{**row._asdict(), **read})


def _selection(stored: dict[str, list[Any] | None] | None) -> Selection:
    read: dict[str, Any] = {key: None if value is None else tuple(value) for key, value in (stored or {}).items()}
    return Selection(**read)


async def find(connection: Connection, edition: str, *, lock: bool = False) -> StoredCampaign | None:
    """The organisation's campaign of that edition, locked until the transaction ends if asked."""
    cursor = await connection.execute(
        CAMPAIGN + f"WHERE edition = %s AND {OURS}" + (" FOR UPDATE" if lock else ""),
        [edition],
    )
    row = await cursor.fetchone()
    return _campaign(row) if row else None


async def newest(connection: Connection, limit: int, before: int | None = None) -> list[StoredCampaign]:
    """Up to `limit` of the organisation's campaigns, the last added first, added before that one."""
    cursor = await connection.execute(
        CAMPAIGN + f"WHERE {OURS} AND (%(before)s::int IS NULL OR id < %(before)s) ORDER BY id DESC LIMIT %(limit)s",
        {"before": before, "limit": limit},
    )
    return [_campaign(row) async for row in cursor]


async def source(connection: Connection, campaign_id: int) -> str | None:
    """The definition that a campaign was added from, as written; None for one that was not added from a file."""
    row = await one(connection, "SELECT source FROM campaigns WHERE id = %s", [campaign_id])
    return str(row.source) if row.source is not None else None


async def listing(connection: Connection) -> list[StoredCampaign]:
    cursor = await connection.execute(CAMPAIGN + f"WHERE {OURS} ORDER BY added_at, id")
    return [_campaign(row) async for row in cursor]


async def titles(connection: Connection) -> list[Title]:
    """What lists to choose from show of the organisation's campaigns."""
    cursor = await connection.execute(
        f"SELECT edition, title, status::text FROM campaigns WHERE {OURS} ORDER BY added_at, id"
    )
    return [Title(row.edition, row.title, CampaignStatus(row.status)) async for row in cursor]


async def written(connection: Connection) -> list[str]:
    """The definitions of the organisation's campaigns that are not called off, as JSON."""
    cursor = await connection.execute(
        f"SELECT definition::text AS written FROM campaigns WHERE {OURS} AND status <> 'cancelled' ORDER BY added_at, id"
    )
    return [row.written async for row in cursor]


async def waves(connection: Connection, campaign_id: int) -> list[StoredWave]:
    cursor = await connection.execute(WAVE + "WHERE campaign_id = %s ORDER BY opens_at, id", [campaign_id])
    return [_wave(row) async for row in cursor]


async def wave(connection: Connection, wave_id: int, *, lock: bool = False) -> StoredWave | None:
    cursor = await connection.execute(WAVE + "WHERE id = %s" + (" FOR UPDATE" if lock else ""), [wave_id])
    row = await cursor.fetchone()
    return _wave(row) if row else None


async def of_wave(connection: Connection, campaign_id: int) -> StoredCampaign:
    row = await one(connection, CAMPAIGN + "WHERE id = %s", [campaign_id])
    return _campaign(row)


async def put(
    connection: Connection,
    *,
    edition: str,
    slug: str,
    year: int,
    title: str,
    definition: dict[str, Any],
    content_hash: str,
    author: str,
    source: str | None,
) -> int:
    """Add an edition, or write a draft anew; answers its id. Only a draft may be replaced: the caller has looked.

    `source` is the definition as written, None where there is none.
    """
    row = await one(
        connection,
        "INSERT INTO campaigns (organisation_id, edition, slug, year, title, definition, content_hash, author,"
        " source) VALUES (dispatcher_organisation(), %s, %s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (organisation_id, edition) DO UPDATE SET title = EXCLUDED.title, definition = EXCLUDED.definition,"
        " content_hash = EXCLUDED.content_hash, author = EXCLUDED.author,"
        " source = EXCLUDED.source, proposed_by = NULL, proposed_at = NULL RETURNING id",
        [edition, slug, year, title, Jsonb(definition), content_hash, author, source],
    )
    return int(row.id)


async def keep_draft(connection: Connection, campaign_id: int, by: str, definition: dict[str, Any]) -> None:
    """Remember a draft as it is now; drafts are only ever added."""
    await connection.execute(
        "INSERT INTO drafts (campaign_id, by, definition) VALUES (%s, %s, %s)", [campaign_id, by, Jsonb(definition)]
    )


async def drafts(connection: Connection, campaign_id: int) -> list[Draft]:
    """Every draft of a campaign, first to last."""
    cursor = await connection.execute(
        "SELECT at, by, definition FROM drafts WHERE campaign_id = %s ORDER BY id", [campaign_id]
    )
    return [Draft(*row) async for row in cursor]


async def namespace(connection: Connection) -> str:
    """What sets the organisation's editions apart from those of others that are called the same; nothing for the first."""
    row = await one(
        connection,
        "SELECT CASE WHEN slug = 'default' THEN '' ELSE slug || ':' END AS name"
        " FROM organisations WHERE id = dispatcher_organisation()",
    )
    return str(row.name)


async def put_waves(connection: Connection, campaign_id: int, new: Sequence[NewWave]) -> None:
    """Replace the waves of a draft."""
    await connection.execute("DELETE FROM waves WHERE campaign_id = %s", [campaign_id])
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO waves (campaign_id, uid, slug, title, opens_at, closes_at, window_from, window_to, priority, channel,"
            " wait_seconds) VALUES (%(campaign)s, %(uid)s, %(slug)s, %(title)s, %(opens_at)s, %(closes_at)s, %(window_from)s,"
            " %(window_to)s, %(priority)s, %(channel)s, %(wait_seconds)s)",
            [{"campaign": campaign_id, **dataclasses.asdict(wave)} for wave in new],
        )


async def pin_audience(connection: Connection, wave_id: int, audience_id: int, selection: Selection) -> None:
    """From approval on, a wave goes to this very version of its audience, or to those of it that were chosen then."""
    chosen = None if selection == EVERYBODY else Jsonb(dataclasses.asdict(selection))
    await connection.execute(
        "UPDATE waves SET audience_id = %s, selection = %s WHERE id = %s", [audience_id, chosen, wave_id]
    )


async def propose(connection: Connection, campaign_id: int, by: str) -> None:
    """Remember who put a draft up for approval; it is forgotten as soon as the draft changes."""
    await connection.execute(
        "UPDATE campaigns SET proposed_by = %s, proposed_at = dispatcher_now() WHERE id = %s", [by, campaign_id]
    )


async def approve(
    connection: Connection, campaign_id: int, by: str, approved_hash: str, status: CampaignStatus
) -> None:
    await connection.execute(
        "UPDATE campaigns SET status = %s, approved_by = %s, approved_at = dispatcher_now(), approved_hash = %s, void = NULL"
        " WHERE id = %s",
        [status.value, by, approved_hash, campaign_id],
    )


async def withdraw(connection: Connection, campaign_id: int) -> None:
    """Back to a draft that nobody has approved; `approvals` remembers what was."""
    await connection.execute(
        "UPDATE campaigns SET status = 'draft', approved_by = NULL, approved_at = NULL, approved_hash = NULL, void = NULL,"
        " proposed_by = NULL, proposed_at = NULL WHERE id = %s",
        [campaign_id],
    )


async def set_void(connection: Connection, campaign_id: int, reason: str | None) -> None:
    """Say why the approval does not cover what would be sent, or that it does (None)."""
    await connection.execute("UPDATE campaigns SET void = %s WHERE id = %s", [reason, campaign_id])


async def going_on(connection: Connection) -> list[StoredCampaign]:
    """Campaigns that run or soon will: approved and not over."""
    cursor = await connection.execute(CAMPAIGN + "WHERE status IN ('approved', 'running') ORDER BY id")
    return [_campaign(row) async for row in cursor]


async def set_status(connection: Connection, campaign_id: int, status: CampaignStatus) -> None:
    await connection.execute("UPDATE campaigns SET status = %s WHERE id = %s", [status.value, campaign_id])


async def set_wave_status(connection: Connection, wave_id: int, status: WaveStatus) -> None:
    await connection.execute("UPDATE waves SET status = %s WHERE id = %s", [status.value, wave_id])


async def cancel_waves(connection: Connection, campaign_id: int) -> None:
    await connection.execute(
        "UPDATE waves SET status = 'cancelled' WHERE campaign_id = %s AND status IN ('scheduled', 'expanding', 'sending')",
        [campaign_id],
    )


async def open_due_waves(connection: Connection) -> list[int]:
    """Waves of running campaigns whose time has come, and whose approval holds, start expanding; answers every wave that is.

    One without an audience is in the hands of operators, and done when its time is over.
    """
    await connection.execute(
        "UPDATE waves w SET status = CASE WHEN w.audience_id IS NULL THEN 'done' WHEN w.closes_at <= dispatcher_now()"
        " THEN 'missed' ELSE 'expanding' END::wave_status"
        " FROM campaigns c WHERE c.id = w.campaign_id AND c.status = 'running' AND w.status = 'scheduled'"
        " AND w.opens_at <= dispatcher_now()"
        " AND ((c.void IS NULL AND w.audience_id IS NOT NULL) OR w.closes_at <= dispatcher_now())"
    )
    cursor = await connection.execute(
        "SELECT w.id FROM waves w JOIN campaigns c ON c.id = w.campaign_id"
        " WHERE w.status = 'expanding' AND c.status = 'running' AND c.void IS NULL ORDER BY w.id"
    )
    return [row.id async for row in cursor]


async def priorities(connection: Connection, wave_ids: Sequence[int]) -> dict[int, Priority]:
    """wave -> who goes first, for the given waves."""
    cursor = await connection.execute("SELECT id, priority::text FROM waves WHERE id = ANY(%s)", [list(wave_ids)])
    return {row.id: Priority(row.priority) async for row in cursor}


async def finish_waves(connection: Connection) -> None:
    """A wave is done when nothing of it is left to send, by its rows; a campaign when none of its waves is left."""
    await connection.execute(
        "UPDATE waves w SET status = 'done' WHERE status = 'sending'"
        " AND NOT EXISTS (SELECT FROM batches b WHERE b.wave_id = w.id AND NOT b.done)"
        " AND NOT EXISTS (SELECT FROM messages m WHERE m.wave_id = w.id AND m.status IN ('queued', 'retrying', 'sending'))"
    )
    await connection.execute(
        "UPDATE campaigns c SET status = 'finished' WHERE status = 'running' AND NOT EXISTS (SELECT FROM waves w"
        " WHERE w.campaign_id = c.id AND w.status IN ('scheduled', 'expanding', 'sending'))"
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a wave waits for, as the database sees it: `open` batches, on `routes`."""

    wave_id: int
    now: datetime
    in_window: bool
    open: int
    routes: list[str]
    next_due_at: datetime | None


async def waiting(connection: Connection, campaign_id: int) -> dict[int, Waiting]:
    """The facts for every wave of a campaign. `next_due_at` is given when nothing is due before, in dispatcher time."""
    cursor = await connection.execute(WAITING, [campaign_id])
    return {row.wave_id: Waiting(*row) async for row in cursor}


async def hold(connection: Connection, wave_ids: Sequence[int], reason: str | None) -> None:
    """Hold waves back for a reason, or let them go (None)."""
    await connection.execute("UPDATE waves SET held = %s WHERE id = ANY(%s)", [reason, list(wave_ids)])


async def sending(connection: Connection) -> list[int]:
    """Waves that are being sent and not held."""
    cursor = await connection.execute("SELECT id FROM waves WHERE status = 'sending' AND held IS NULL ORDER BY id")
    return [row.id async for row in cursor]


async def hold_begun(connection: Connection, reason: str) -> list[str]:
    """Hold every wave of which anything may have been sent, or may be sent now; answers the open ones as CAMPAIGN/WAVE."""
    cursor = await connection.execute(HOLD_BEGUN, {"reason": reason})
    return sorted([row.wave async for row in cursor if row.open])
