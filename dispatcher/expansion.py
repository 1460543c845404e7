"""A due wave becomes stored batches of messages: set-based, checkpointed, planned once however often it is asked for."""

from __future__ import annotations

import structlog

from campaigns import compose
from campaigns.definition import Campaign
from campaigns.policy import limits
from dispatcher import fingerprint
from dispatcher.lifecycle import WaveStatus
from dispatcher.routing import table, whole
from dispatcher.runtime import Runtime
from dispatcher.settings import RouteConfig
from dispatcher.store import audiences, campaigns, planning
from dispatcher.store.campaigns import StoredCampaign, StoredWave
from dispatcher.store.database import Connection
from dispatcher.store.planning import Allowance, NewText, Progress

log = structlog.get_logger()


async def expand(runtime: Runtime, wave_id: int) -> None:
    """Plan a wave that is expanding, a slice a transaction, and open it for sending when all of it is planned.

    A second worker with the same order waits for the wave's lock and goes on where the first one stopped.
    """
    async with runtime.pool.connection() as connection:
        priority = (await campaigns.priorities(connection, [wave_id])).get(wave_id)
    if priority is None:
        return
    async with runtime.planning.place(priority):
        finished = await _plan(runtime, wave_id)
    if finished:
        async with runtime.pool.connection() as connection:
            await planning.refresh_statistics(connection)


async def _plan(runtime: Runtime, wave_id: int) -> bool:
    """All slices that are left; answers whether the last one was ours."""
    routes = [route.config for route in runtime.routes.values()]
    while True:
        async with runtime.pool.connection() as connection:
            progress = await next_slice(connection, wave_id, routes, runtime.settings.batch_size)
        if progress is None:
            return False
        log.info("wave.planned", wave=wave_id, done=progress.done, total=progress.total)
        if progress.done == progress.total:
            return True


async def next_slice(
    connection: Connection, wave_id: int, routes: list[RouteConfig], batch_size: int
) -> Progress | None:
    wave = await campaigns.wave(connection, wave_id, lock=True)
    if wave is None or wave.status is not WaveStatus.EXPANDING:
        return None
    stored = await campaigns.of_wave(connection, wave.campaign_id)
    if not await _approved(connection, stored, wave, routes):
        return None
    campaign = Campaign.model_validate(stored.definition)
    await _write_texts(connection, wave, campaign)
    chosen = table(routes, wave.channel)
    progress = await planning.plan_slice(connection, wave, chosen, batch_size, _allowance(campaign), whole(routes))
    if progress.done == progress.total:
        await campaigns.set_wave_status(connection, wave_id, WaveStatus.SENDING)
    return progress


async def _approved(
    connection: Connection, stored: StoredCampaign, wave: StoredWave, routes: list[RouteConfig]
) -> bool:
    """Whether what is about to be written is what was approved; at the first slice the very texts are compared."""
    waves = await campaigns.waves(connection, stored.id)
    first = [] if wave.planned else [wave.slug]
    why = await fingerprint.breach(connection, stored, waves, routes, bodies=first)
    if why:
        log.error("campaign.void", campaign=stored.edition, wave=wave.slug, reason=why)
        await campaigns.set_void(connection, stored.id, why)
    return why is None


def _allowance(campaign: Campaign) -> Allowance:
    own = limits(campaign)
    return Allowance(campaign.message_class.value, own.most, own.within, campaign.topics)


async def _write_texts(connection: Connection, wave: StoredWave, campaign: Campaign) -> None:
    if wave.audience_id is None:
        raise ValueError(f"wave {wave.id} is expanding without an audience")
    areas = await audiences.areas(connection, wave.audience_id)
    variants = compose.variants(campaign, wave.slug, areas)
    await planning.put_texts(
        connection,
        wave.id,
        [
            NewText(v.area_code, v.body, v.encoding.value, v.segments, v.language, v.template, v.parameters)
            for v in variants
        ],
    )
