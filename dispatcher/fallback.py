"""What Zalo took and was silent about: asked for, and sent by SMS where it can arrive no more and the wave says so."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import structlog

from campaigns.campaign import Channel
from dispatcher import lookups
from dispatcher.lifecycle import Event
from dispatcher.lookups import Question
from dispatcher.runtime import Route, Runtime
from dispatcher.store import awaiting, batches, installation
from dispatcher.store import lookups as stored_lookups
from dispatcher.store.awaiting import Silent
from dispatcher.store.lookups import Answer
from providers.base import Finding, Found

log = structlog.get_logger()

# Of one route, in one query: as many calls.
AT_ONCE = 100
CALLS_A_SECOND = 20.0


async def due(runtime: Runtime) -> list[str]:
    """Routes with messages that should be asked about now."""
    names = [name for name, route in runtime.routes.items() if route.provider.capabilities.reference_lookup]
    if not names:
        return []
    async with runtime.pool.connection() as connection:
        await awaiting.forget(connection)
        return await awaiting.due_routes(connection, names)


async def fall_back(runtime: Runtime) -> None:
    """Ask once on every route where something is due."""
    await asyncio.gather(*(_ask(runtime, runtime.routes[name]) for name in await due(runtime)))


async def _ask(runtime: Runtime, route: Route) -> None:
    name = route.config.name
    async with runtime.pool.connection() as connection:
        silent = await awaiting.take(connection, name, AT_ONCE)
        offset = await installation.offset(connection)
    asked = lookups.questions(runtime, [one.doubt for one in silent], offset)
    if not asked:
        return
    queried = await lookups.query(runtime, route, asked, CALLS_A_SECOND)
    known = {one.doubt.id: one for one in silent}
    answers = [
        _answer(route, known[question.doubt.id], question, found)
        for question, found in zip(asked, queried.found, strict=bool(queried.found))
    ]
    exchanges = [lookups.stored(exchange, offset) for exchange in queried.exchanges]
    onward = {a.id: route.instead[known[a.id].network] for a in answers if a.event == Event.UNARRIVED}
    async with runtime.pool.connection() as connection:
        await stored_lookups.record(connection, name, answers, exchanges)
        await batches.reroute(connection, onward)
        await awaiting.forget(connection, [answer.id for answer in answers if answer.event])
    log.info("messages.asked_about", route=name, **Counter(answer.outcome for answer in answers))


def _answer(route: Route, silent: Silent, question: Question, found: Found) -> Answer:
    """It has arrived; or never will, and then goes by SMS, or stays undelivered; or nobody knows."""
    answer = lookups.answer(question, found)
    if found.outcome is Finding.DELIVERED:
        return answer
    if found.outcome is not Finding.ACCEPTED or not silent.settles:
        return replace(answer, event=None)
    onward = silent.channel == Channel.ZALO_THEN_SMS and silent.network in route.instead
    return replace(answer, event=(Event.UNARRIVED if onward else Event.RECEIPT_UNDELIVERED).value)
