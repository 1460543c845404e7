"""The delivery log asked by a person: masked unless revealed, and whoever reveals says why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from campaigns import msisdn, places
from campaigns.calendar import VIETNAM
from campaigns.places import PlaceError
from dispatcher.delivery_log import shown
from dispatcher.errors import UserError
from dispatcher.keyring import Keyring
from dispatcher.lifecycle import Status
from dispatcher.store import approvals, audit, counters, log, seals, tallies
from dispatcher.store import search as ways
from dispatcher.store.database import Connection
from dispatcher.store.log import Row, Told
from dispatcher.store.search import Wanted
from dispatcher.store.tallies import Count, Days

LOOK = 700
# People whose messages are counted one by one: nobody has more, and no reference names more.
COUNTABLE = 1_000
# So many acts of people are told with a message, and of what kind.
DEEDS = 200
NO_SPOT = "Chỗ bắt đầu của trang (after) không đúng; hãy tìm lại từ đầu."
OF_CAMPAIGN = ("campaign.", "wave.", "uncertain.")


class SearchError(UserError):
    """A number that is none, or a reason that is missing."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for; what is None or empty is not asked about.

    `place` is a commune or a province, as code or name; `error` a carrier's code; `approver` who approved the campaign;
    `since` and `until` (not included) are about a message's last change.
    """

    number: str | None = None
    campaign: str | None = None
    wave: str | None = None
    statuses: Sequence[Status] = ()
    limit: int = 50
    route: str | None = None
    place: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    error: str | None = None
    reference: str | None = None
    approver: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Messages with the keys of `delivery_log.SCHEMA`, newest wave first; `after` leads to the next page, None: there is none."""

    messages: list[dict[str, Any]]
    after: str | None


async def search(
    connection: Connection, keyring: Keyring, query: Query, *, reveal: bool, reason: str, by: str
) -> list[dict[str, Any]]:
    """The first messages. Raises `SearchError`."""
    return (await page(connection, keyring, query, reveal=reveal, reason=reason, by=by)).messages


async def page(
    connection: Connection,
    keyring: Keyring,
    query: Query,
    *,
    after: str | None = None,
    reveal: bool = False,
    reason: str = "",
    by: str = "",
    look: int | None = LOOK,
) -> Page:
    """The messages after the place that an earlier page ended at. Raises `SearchError`.

    After `look` messages looked at in vain the page is given as it is; it may be short, or empty, and the next one goes on.
    """
    found = await ways.find(connection, wanted(query, keyring), query.limit, _spot(after, query), look)
    rows = await log.rows(connection, found.ids)
    if reveal:
        subject = query.campaign or "search"
        await audit.record(connection, by, "log.reveal", subject, messages=len(rows), reason=reason)
    return Page([shown(row, keyring, reveal=reveal) for row in rows], str(found.after) if found.after else None)


async def about(connection: Connection, query: Query, by: str, reason: str) -> dict[str, Any]:
    """What the manifest of an export says beside its content: who, when, what was asked for, and how far the log was sealed."""
    return {
        "filters": filters(query),
        "made_at": (await seals.now(connection)).astimezone(VIETNAM).isoformat(timespec="seconds"),
        "made_by": by,
        "reason": reason,
        "checkpoint": await seals.last_checkpoint(connection),
        "waiting_for_their_seal": {entry.source: entry.rows for entry in await seals.unsealed(connection)},
    }


def filters(query: Query) -> dict[str, Any]:
    """What was asked about, for a record: a number masked."""
    asked = {field.name: getattr(query, field.name) for field in fields(query) if field.name != "limit"}
    written = {name: _written(value) for name, value in asked.items() if value not in (None, ())}
    return {**written, **({"number": msisdn.mask(msisdn.only(query.number))} if query.number else {})}


def _written(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


async def count(connection: Connection, keyring: Keyring, query: Query) -> Count | None:
    """How many messages there are, from what is kept; None where nobody has counted that: hours, or a wave just planned."""
    asked = wanted(query, keyring)
    if asked.msisdn_hash or asked.reference:
        return Count(len((await ways.find(connection, asked, COUNTABLE)).ids), None)
    waves = await ways.waves(connection, asked)
    if not (asked.route or asked.areas or asked.code or asked.since or asked.until):
        kept = await counters.counts(connection, waves)
        return Count(sum(n for status, n in kept.items() if not asked.statuses or status in asked.statuses), None)
    days = _days(asked)
    return await tallies.count(connection, waves, asked, days) if days else None


def wanted(query: Query, keyring: Keyring) -> Wanted:
    """The query as the store understands it. Raises `SearchError`."""
    try:
        number = msisdn.only(query.number) if query.number else None
        areas = places.chosen(query.place) if query.place else ()
    except (ValueError, PlaceError) as error:
        raise SearchError(str(error)) from None
    return Wanted(
        msisdn_hash=keyring.hash(number) if number else None,
        edition=query.campaign,
        wave=query.wave,
        statuses=tuple(query.statuses),
        route=query.route,
        areas=tuple(areas),
        since=query.since,
        until=query.until,
        code=query.error,
        reference=query.reference,
        approver=query.approver,
    )


def _spot(after: str | None, query: Query) -> ways.Spot | None:
    try:
        found = ways.spot(after) if after else None
    except ValueError:
        raise SearchError(NO_SPOT) from None
    if found and query.error and not (found.minor.isascii() and found.minor.isdecimal()):
        raise SearchError(NO_SPOT)
    return found


def _days(asked: Wanted) -> Days | None:
    """The days that are meant, if they are whole days in Viet Nam: only those are counted."""
    ends = [moment.astimezone(VIETNAM) if moment else None for moment in (asked.since, asked.until)]
    if any(end and (end.hour, end.minute, end.second, end.microsecond) != (0, 0, 0, 0) for end in ends):
        return None
    first, until = ends
    return (first.date() if first else None), ((until - timedelta(days=1)).date() if until else None)


async def origin(connection: Connection, row: Row) -> dict[str, Any]:
    """Where a message comes from: its wave and campaign, who wrote and approved it, and what people did to it."""
    planned = await log.origin(connection, row.id)
    deeds = await audit.deeds(connection, limit=DEEDS, subject=row.campaign)
    return {
        **{name: value for name, value in asdict(planned).items() if name != "campaign_id"},
        "approvals": await approvals.told(connection, planned.campaign_id),
        "deeds": [deed for deed in reversed(deeds) if deed.act.startswith(OF_CAMPAIGN)],
        "looked_at": await audit.deeds(connection, limit=DEEDS, subject=row.id.hex),
    }


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
