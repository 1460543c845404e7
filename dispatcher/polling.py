"""Receipts that carriers do not bring: asked for by the id of each call, or as a list of the day before."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog

from dispatcher import lookups
from dispatcher.lookups import Question
from dispatcher.pacing import Line
from dispatcher.receipts import arrived
from dispatcher.runtime import Route, Runtime
from dispatcher.store import installation, polls
from dispatcher.store import lookups as stored_lookups
from dispatcher.store import receipts as stored_receipts
from dispatcher.store.receipts import NewReceipt
from providers.base import Collected, Finding, Receipts
from providers.errors import ProviderError

log = structlog.get_logger()

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
# Calls of one route asked about in one query: each is a call to the carrier, and may be about thousands of people.
AT_ONCE = 10
# Yesterday's list is complete by then.
MORNING = time(6)
FINAL = frozenset({Finding.DELIVERED, Finding.UNDELIVERED})


def _routes(runtime: Runtime, kind: Receipts) -> list[str]:
    return [name for name, route in runtime.routes.items() if route.provider.capabilities.receipts is kind]


async def due(runtime: Runtime) -> bool:
    """Whether a carrier should be asked now."""
    days = _days(datetime.now(UTC))
    async with runtime.pool.connection() as connection:
        if await polls.days_due(connection, _routes(runtime, Receipts.DAILY), days):
            return True
        return bool(await polls.due_routes(connection, _routes(runtime, Receipts.PULL)))


async def poll(runtime: Runtime) -> None:
    """Ask every carrier for the receipts that are due, once."""
    async with runtime.pool.connection() as connection:
        names = await polls.due_routes(connection, _routes(runtime, Receipts.PULL))
    await asyncio.gather(*(_ask(runtime, runtime.routes[name]) for name in names))
    for name in _routes(runtime, Receipts.DAILY):
        for day, times in _days(datetime.now(UTC)).items():
            await _collect(runtime, runtime.routes[name], day, times)


async def _ask(runtime: Runtime, route: Route) -> None:
    """One query about the calls that are due; only what is final is written down, the rest is asked again."""
    name = route.config.name
    async with runtime.pool.connection() as connection:
        doubts = await polls.take(connection, name, AT_ONCE)
        offset = await installation.offset(connection)
    questions = lookups.questions(runtime, doubts, offset)
    if not questions:
        return
    queried = await lookups.query(runtime, route, questions)
    answers = [
        lookups.answer(question, found)
        for question, found in zip(questions, queried.found, strict=bool(queried.found))
        if found.outcome in FINAL
    ]
    exchanges = [lookups.stored(exchange, offset) for exchange in queried.exchanges]
    async with runtime.pool.connection() as connection:
        shared = route.provider.capabilities.shared_reference
        await stored_lookups.record(connection, name, answers, exchanges, shared=shared)
        await polls.forget(connection, name, _references(questions))
    log.info("receipts.asked_for", route=name, asked=len(questions), **Counter(f.outcome.value for f in queried.found))


def _references(questions: Sequence[Question]) -> list[str]:
    return sorted({question.lookup.reference for question in questions if question.lookup.reference})


def _days(now: datetime) -> dict[date, int]:
    """Past days whose lists should have been given by `now`, and how many times."""
    local = now.astimezone(VIETNAM)
    if local.time() < MORNING:
        return {}
    return {local.date() - timedelta(days=ago): ago for ago in range(polls.TIMES, 0, -1)}


async def _collect(runtime: Runtime, route: Route, day: date, times: int) -> None:
    """A day's list: each number's receipt belongs to its only message of that day, or to nobody."""
    name = route.config.name
    async with runtime.pool.connection() as connection:
        if not await polls.claim_day(connection, name, day, times):
            return
        offset = await installation.offset(connection)
    collected = await _list(runtime, route, day)
    if collected is None:
        return
    async with runtime.pool.connection() as connection:
        known = await _known(runtime, route, day, offset, collected)
        await stored_receipts.put(connection, known)
        exchanges = [lookups.stored(exchange, offset) for exchange in collected.exchanges]
        await stored_lookups.put_exchanges(connection, name, exchanges)
        await polls.collected(connection, name, day)
    listed = len(collected.receipts)
    log.info("receipts.collected", route=name, day=day.isoformat(), listed=listed, unmatched=listed - len(known))


async def _list(runtime: Runtime, route: Route, day: date) -> Collected | None:
    name, pacer = route.config.name, runtime.pacer
    grant = await pacer.permits(Line(f"{name}:lookups", lookups.CALLS_A_SECOND), [1])
    permit = await pacer.moment(grant.permits[0])
    if permit is None:
        return None
    try:
        return await route.provider.collect(day)
    except ProviderError as error:
        log.warning("receipts.not_collected", route=name, day=day.isoformat(), error=str(error))
    except Exception:  # an adapter's own mistake; asking sends nothing, so nothing is in doubt
        log.exception("provider.broke", route=name)
    finally:
        pacer.answered(permit)
    return None


async def _known(
    runtime: Runtime, route: Route, day: date, offset: timedelta, collected: Collected
) -> list[NewReceipt]:
    """The list's receipts, each with the id of the message that it must be about. In a rehearsal days are real ones."""
    since = datetime.combine(day, time(), VIETNAM) + offset
    receipts = {runtime.keyring.hash(one.msisdn): one for one in collected.receipts if one.msisdn}
    async with runtime.pool.connection() as connection:
        messages = await polls.of_the_day(
            connection, route.config.name, list(receipts), since, since + timedelta(days=1)
        )
    return [
        arrived(route.config.name, receipts[hashed], runtime.keyring)._replace(message_id=message)
        for hashed, message in messages.items()
    ]
