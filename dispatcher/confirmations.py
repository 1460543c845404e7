"""Refusals that must be confirmed become messages of a standing campaign, a wave for each day, sent like any others."""

from __future__ import annotations

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime

import structlog

from campaigns import confirmation, schedule
from campaigns.campaign import Campaign, canonical
from campaigns.text import measure
from dispatcher.routing import ANY, table
from dispatcher.runtime import Runtime
from dispatcher.settings import Settings
from dispatcher.store import campaigns, confirmations
from dispatcher.store.campaigns import NewWave
from dispatcher.store.confirmations import NewText, Owed
from dispatcher.store.database import Connection

log = structlog.get_logger()

# The id of a day's wave follows from the day, and so do those of its messages: at most one for a person and a day.
NAMESPACE = uuid.UUID("7b6a1e0e-52a8-5d0a-8f55-0d1d7a2f4c11")
RULE = "Nghị định 91/2020/NĐ-CP, Điều 16"
AUTHOR = "dispatcher"


async def plan_owed(runtime: Runtime) -> int:
    """Plan the confirmations that are owed, a batch of them in one transaction; answers how many."""
    async with runtime.pool.connection() as connection:
        found = await confirmations.owed(connection, runtime.settings.batch_size)
        by_day: defaultdict[date, list[Owed]] = defaultdict(list)
        for owed in found:
            by_day[owed.day].append(owed)
        for day, rows in by_day.items():
            await _plan(connection, runtime, day, rows)
    if found:
        log.info("confirmations.planned", count=len(found))
    return len(found)


async def _plan(connection: Connection, runtime: Runtime, day: date, rows: Sequence[Owed]) -> None:
    await _open(connection, runtime.settings, day)
    wave = await confirmations.wave_id(connection, _uid(day))
    timed = [(owed, owed.received_at.replace(second=0, microsecond=0)) for owed in rows]
    texts = [_text(runtime.settings.confirmation, moment) for moment in sorted({moment for _, moment in timed})]
    await confirmations.put_texts(connection, wave, texts)
    chosen = table(route.config for route in runtime.routes.values())
    routes = {owed.network: chosen.get(owed.network, chosen.get(ANY)) for owed in rows}
    await confirmations.plan(connection, wave, _uid(day), timed, routes)


async def _open(connection: Connection, settings: Settings, day: date) -> None:
    """Make sure that the campaign of the year runs and has a wave for the day."""
    edition = f"{confirmation.SLUG}-{day.year}"
    days = {*await confirmations.days(connection, edition), day}
    campaign = confirmation.campaign(settings.confirmation, settings.hours_of_confirmation, day.year, days)
    campaign_id = await _put(connection, campaign)
    (planned,) = [wave for wave in schedule.waves(campaign) if wave.slug == f"{day:%m-%d}"]
    await confirmations.open_day(
        connection,
        campaign_id,
        NewWave(
            uid=_uid(day),
            slug=planned.slug,
            title=planned.title,
            opens_at=planned.opens_at,
            closes_at=planned.closes_at,
            window_from=planned.window_from,
            window_to=planned.window_to,
            priority=planned.priority,
        ),
    )


async def _put(connection: Connection, campaign: Campaign) -> int:
    campaign_id = await campaigns.put(
        connection,
        edition=campaign.edition,
        slug=campaign.slug,
        year=campaign.year,
        title=campaign.title,
        definition=campaign.model_dump(mode="json"),
        content_hash=hashlib.sha256(canonical(campaign).encode()).hexdigest(),
        author=AUTHOR,
        source=None,
    )
    await confirmations.run(connection, campaign_id, RULE)
    return campaign_id


def _text(template: str, moment: datetime) -> NewText:
    body = confirmation.render(template, moment, moment)
    size = measure(body)
    return NewText(moment, body, size.encoding.value, size.segments)


def _uid(day: date) -> uuid.UUID:
    return uuid.uuid5(NAMESPACE, day.isoformat())
