"""What was approved, by whom and how: append-only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from psycopg.types.json import Jsonb

from dispatcher.store.database import Connection, one

APPROVAL = "SELECT at, who, path, hash, terms, reason, findings, rehearsal FROM approvals"


class Path(StrEnum):
    """How an approval came about: with all checks; an alert's short way; the confirmation of such an alert afterwards."""

    FULL = "full"
    ALERT = "alert"
    CONFIRMATION = "confirmation"


@dataclass(frozen=True, slots=True)
class Approval:
    """`terms` is everything that the approval is bound to, `hash` its hash; `findings` spoke against it, in words;
    `rehearsal` is the hash of the one that the approver saw."""

    at: datetime
    who: str
    path: Path
    hash: str
    terms: dict[str, Any]
    reason: str
    findings: list[str]
    rehearsal: str | None


async def put(
    connection: Connection,
    campaign_id: int,
    who: str,
    path: Path,
    digest: str,
    terms: dict[str, Any],
    *,
    reason: str = "",
    findings: list[str] | None = None,
    rehearsal: str | None = None,
) -> None:
    await connection.execute(
        "INSERT INTO approvals (campaign_id, who, path, hash, terms, reason, findings, rehearsal)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        [campaign_id, who, path.value, digest, Jsonb(terms), reason, Jsonb(findings or []), rehearsal],
    )


async def last(connection: Connection, campaign_id: int) -> Approval | None:
    """The newest approval of a campaign, whether it still holds or not; a confirmation is none."""
    cursor = await connection.execute(
        f"{APPROVAL} WHERE campaign_id = %s AND path <> 'confirmation' ORDER BY id DESC LIMIT 1", [campaign_id]
    )
    row = await cursor.fetchone()
    return Approval(**{**row._asdict(), "path": Path(row.path)}) if row else None


async def told(connection: Connection, campaign_id: int) -> list[dict[str, Any]]:
    """Every approval and confirmation of a campaign, oldest first, without its terms."""
    cursor = await connection.execute(
        "SELECT at, who, path, hash, reason, findings FROM approvals WHERE campaign_id = %s ORDER BY id", [campaign_id]
    )
    return [row._asdict() async for row in cursor]


async def confirmed(connection: Connection, campaign_id: int, digest: str) -> bool:
    """Whether somebody has confirmed, afterwards, the approval of just that."""
    cursor = await connection.execute(
        "SELECT FROM approvals WHERE campaign_id = %s AND path = 'confirmation' AND hash = %s", [campaign_id, digest]
    )
    return await cursor.fetchone() is not None


async def older_than(connection: Connection, campaign_id: int, hours: float) -> bool:
    """Whether the campaign's approval is so old."""
    row = await one(
        connection,
        "SELECT approved_at < dispatcher_now() - %s AS yes FROM campaigns WHERE id = %s",
        [timedelta(hours=hours), campaign_id],
    )
    return bool(row.yes)
