"""The ticking loop: finds what is due in the database and puts it on the queue. One clock ticks, others stand by."""

from __future__ import annotations

import asyncio
import signal
from collections import defaultdict
from collections.abc import Sequence

import psycopg
import structlog

from campaigns import confirmation
from campaigns.campaign import Priority
from dispatcher import announcing, confirmations, failover, fallback, fingerprint, lookups, polling, sealing, webhooks
from dispatcher.broker import PLACES, Verb
from dispatcher.budget import Budget
from dispatcher.lifecycle import CampaignStatus
from dispatcher.runtime import Addresses, Runtime, open_runtime
from dispatcher.settings import RouteConfig, Settings
from dispatcher.store import batches, broadcasts, campaigns, counters, messages, receipts, routes
from dispatcher.store import lookups as stored_lookups
from dispatcher.store.batches import Due
from dispatcher.store.database import Connection, connect
from dispatcher.tallying import tallied

log = structlog.get_logger()

TICK_SECONDS = 0.25
STANDBY_SECONDS = 1.0
REQUEUE_SECONDS = 60.0
HOUSEKEEPING_TICKS = 8
# A message whose receipt comes sooner is written once, when it comes; what is not folded yet is looked up in its claim.
FOLD_SECONDS = 10.0
# eSMS documents 24 hours: 20 of them are used, the rest is for clocks that differ.
DEDUPE_SHARE = 20 / 24
# The clock that holds this lock ticks; the database frees it when that clock's connection ends.
LEADER_LOCK = 7_203_117_002


async def run(settings: Settings, addresses: Addresses) -> None:
    """Tick until SIGTERM or SIGINT; when the database goes away, wait for it."""
    async with open_runtime(settings, addresses, pool_size=4) as runtime:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, runtime.stopping.set)
        while not runtime.stopping.is_set():
            try:
                await _lead(runtime, addresses)
            except psycopg.OperationalError as error:
                log.warning("clock.database_gone", error=str(error))
            await _pause(runtime, STANDBY_SECONDS)


async def _lead(runtime: Runtime, addresses: Addresses) -> None:
    """Tick for as long as the leader's connection lives; return at once if another clock leads."""
    async with await connect(addresses.database_url) as leader:
        cursor = await leader.execute("SELECT pg_try_advisory_lock(%s)", [LEADER_LOCK])
        if not (await cursor.fetchone() or (False,))[0]:
            return
        log.info("clock.leading")
        async with (
            sealing.sealed(runtime.pool, runtime.settings, lambda: runtime.guard.trusted),
            webhooks.telling(runtime.pool, runtime.keyring, runtime.settings, lambda: runtime.guard.trusted),
            tallied(runtime.pool, lambda: runtime.guard.trusted),
        ):
            await _tick_on(runtime, leader)


async def _tick_on(runtime: Runtime, leader: Connection) -> None:
    enqueued: dict[int, float] = {}
    budgets: dict[int, Budget] = {}
    ticks = 0
    while not runtime.stopping.is_set():
        await leader.execute("SELECT 1")
        await tick(runtime, enqueued, budgets, housekeeping=ticks % HOUSEKEEPING_TICKS == 0)
        ticks += 1
        await _pause(runtime, TICK_SECONDS)


async def tick(runtime: Runtime, enqueued: dict[int, float], budgets: dict[int, Budget], *, housekeeping: bool) -> None:
    """Once: open waves, enqueue what is due, settle what has come in; now and then tidy up. Nothing while not adopted.

    `enqueued` and `budgets` are what a clock remembers from tick to tick; a new one may start without.
    """
    async with runtime.pool.connection() as connection:
        if not await runtime.guard.holds(connection):
            return
        opened = await campaigns.open_due_waves(connection)
    await _expand(runtime, opened, enqueued)
    await confirmations.plan_owed(runtime)
    async with runtime.pool.connection() as connection:
        due = await batches.enqueue_due(
            connection, requeue_seconds=REQUEUE_SECONDS, per_route=PLACES * runtime.settings.workers
        )
        settle = await receipts.waiting(connection)
    await _order(runtime, due)
    if settle:
        await runtime.queue.put(Verb.SETTLE)
    if housekeeping:
        async with runtime.pool.connection() as connection:
            await check_approvals(connection, [route.config for route in runtime.routes.values()])
            await hold_refused(connection, budgets)
            await failover.move_waiting(connection, [route.config for route in runtime.routes.values()])
            await tidy(connection, runtime.settings.settle_seconds)
        await _fold(runtime)
        await _clear_up(runtime)
        await _announce(runtime)


async def _fold(runtime: Runtime) -> None:
    """A little at a time: who is being folded waits for nobody, but whoever brings its receipt waits for this."""
    folded = -1
    while folded and not runtime.stopping.is_set():
        async with runtime.pool.connection() as connection:
            folded = await messages.fold(connection, FOLD_SECONDS)


async def _clear_up(runtime: Runtime) -> None:
    """Have carriers asked what became of uncertain messages: by a status query first, else under the id that they know."""
    async with runtime.pool.connection() as connection:
        await stored_lookups.forget(connection)
        await messages.ask_again(
            connection, memories(runtime), runtime.settings.patience_seconds, lookups.askable(runtime)
        )
    if await lookups.due(runtime) or await polling.due(runtime) or await fallback.due(runtime):
        await runtime.queue.put(Verb.LOOKUP)


async def _announce(runtime: Runtime) -> None:
    """Articles that an account is to send to its followers."""
    async with runtime.pool.connection() as connection:
        await announcing.tidy(connection)
        due = await broadcasts.due(connection, REQUEUE_SECONDS)
    if due:
        await runtime.queue.put(Verb.ANNOUNCE, due)


async def _expand(runtime: Runtime, waves: list[int], enqueued: dict[int, float]) -> None:
    """Each expanding wave is asked for once a while: a lost order is given again, a doubled one does no harm."""
    now = asyncio.get_running_loop().time()
    fresh = [wave for wave in waves if now - enqueued.get(wave, -REQUEUE_SECONDS) >= REQUEUE_SECONDS]
    if not fresh:
        return
    async with runtime.pool.connection() as connection:
        priorities = await campaigns.priorities(connection, fresh)
    for wave, priority in priorities.items():
        if await runtime.queue.put(Verb.EXPAND, [wave], priority):
            enqueued[wave] = now


async def _order(runtime: Runtime, due: list[Due]) -> None:
    """Batches go on the queues of their routes; nobody listens for a route that is not in routes.toml."""
    queues: defaultdict[tuple[str, Priority], list[int]] = defaultdict(list)
    for batch in due:
        queues[batch.route, batch.priority].append(batch.id)
    for (route, priority), ids in queues.items():
        if route not in runtime.routes:
            async with runtime.pool.connection() as connection:
                await routes.park(connection, route, "not in routes.toml")
        elif not await runtime.queue.put(Verb.SEND, ids, route, priority):
            async with runtime.pool.connection() as connection:
                await batches.unmark(connection, ids)


async def hold_refused(connection: Connection, budgets: dict[int, Budget]) -> None:
    """Hold waves that carriers refuse too often; one that a person lets go starts with a clean sheet."""
    counts = await counters.tries(connection, await campaigns.sending(connection))
    for gone in budgets.keys() - counts.keys():
        del budgets[gone]
    for wave, now in counts.items():
        if wave not in budgets:
            budgets[wave] = Budget()
            budgets[wave].forgive(now)
        elif reason := budgets[wave].spent(now):
            log.error("wave.held", wave=wave, reason=reason)
            await campaigns.hold(connection, [wave], reason)
            del budgets[wave]


async def check_approvals(connection: Connection, routes: Sequence[RouteConfig]) -> None:
    """Nothing of a running campaign leaves while its approval does not cover what would be sent."""
    for stored in await campaigns.going_on(connection):
        # What confirms refusals runs by law, not by an approval.
        if stored.status is not CampaignStatus.RUNNING or stored.definition["slug"] == confirmation.SLUG:
            continue
        why = await fingerprint.breach(connection, stored, await campaigns.waves(connection, stored.id), routes)
        # Void stays void until somebody approves it again: what planning found in the texts is not looked for here.
        if why and why != stored.void:
            log.error("campaign.void", campaign=stored.edition, reason=why)
            await campaigns.set_void(connection, stored.id, why)


def memories(runtime: Runtime) -> dict[str, float]:
    """Routes whose carrier deduplicates on our id, each with the seconds in which we rely on it."""
    known = {name: route.provider.capabilities.dedupe_seconds for name, route in runtime.routes.items()}
    return {name: seconds * DEDUPE_SHARE for name, seconds in known.items() if seconds}


async def tidy(connection: Connection, settle_seconds: float) -> None:
    """What time alone does: dead workers' batches, closed waves, unsettled messages, finished waves, counters."""
    if lost := await batches.disown_abandoned(connection):
        log.warning("messages.uncertain", count=lost, reason="the worker died while sending")
    await messages.sweep_closed(connection)
    await messages.give_up_unsettled(connection, settle_seconds)
    await batches.close_finished(connection)
    await campaigns.finish_waves(connection)
    await counters.fold(connection)


async def _pause(runtime: Runtime, seconds: float) -> None:
    try:
        await asyncio.wait_for(runtime.stopping.wait(), seconds)
    except TimeoutError:
        return
