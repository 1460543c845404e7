"""The delivery log asked by a person: masked unless revealed, and whoever reveals says why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from campaigns import msisdn
from dispatcher.delivery_log import shown
from dispatcher.errors import UserError
from dispatcher.keyring import Keyring
from dispatcher.lifecycle import Status
from dispatcher.store import audit, log
from dispatcher.store.database import Connection
from dispatcher.store.log import Row, Told


class SearchError(UserError):
    """A number that is none, or a reason that is missing."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for; what is None or empty is not asked about."""

    number: str | None = None
    campaign: str | None = None
    wave: str | None = None
    statuses: Sequence[Status] = ()
    limit: int = 50


async def search(
    connection: Connection, keyring: Keyring, query: Query, *, reveal: bool, reason: str, by: str
) -> list[dict[str, Any]]:
    """Messages, newest first, with the keys of `delivery_log.SCHEMA`. Raises `SearchError`."""
    try:
        wanted = msisdn.only(query.number) if query.number else None
    except ValueError as error:
        raise SearchError(str(error)) from None
    rows = await log.search(
        connection,
        limit=query.limit,
        msisdn_hash=keyring.hash(wanted) if wanted else None,
        edition=query.campaign,
        wave=query.wave,
        statuses=query.statuses,
    )
    if reveal:
        subject = query.campaign or "search"
        await audit.record(connection, by, "log.reveal", subject, messages=len(rows), reason=reason)
    return [shown(row, keyring, reveal=reveal) for row in rows]


async def story(
    connection: Connection, keyring: Keyring, message_id: UUID
) -> tuple[Row, dict[str, Any], list[Told]] | None:
    """A message, as shown with the number masked, and everything that happened to it; None where there is none."""
    row = await log.find(connection, message_id)
    if row is None:
        return None
    return row, shown(row, keyring, reveal=False), await log.story(connection, message_id)


async def reveal(connection: Connection, keyring: Keyring, message_id: UUID, reason: str, by: str) -> str | None:
    """The whole number of a message, recorded with the reason; None where the person was erased. Raises `SearchError`."""
    if not reason.strip():
        raise SearchError("Cần ghi lý do hiện đủ số: việc này được lưu vào nhật ký thao tác.")
    row = await log.find(connection, message_id)
    if row is None:
        raise SearchError("Không có tin này.")
    await audit.record(connection, by, "log.reveal", message_id.hex, messages=1, reason=reason.strip())
    number = shown(row, keyring, reveal=True)["msisdn"]
    return msisdn.spoken(number) if number else None
