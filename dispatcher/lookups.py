"""What nobody knows of: the carrier is asked what became of it, where it can be asked."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from dispatcher.keyring import KeyringError
from dispatcher.lifecycle import Event
from dispatcher.pacing import Line
from dispatcher.runtime import Route, Runtime
from dispatcher.store import installation, lookups, polls
from dispatcher.store.lookups import Answer, Doubt
from dispatcher.store.messages import StoredExchange
from providers.base import Exchange, Finding, Found, Lookup, Queried, Receipts
from providers.errors import ProviderError, Throttled

log = structlog.get_logger()

# Of one route, in one query.
AT_ONCE = 100
# These calls count against the carrier's limits like any others; nobody waits for their answer.
CALLS_A_SECOND = 1.0

EVENTS: Mapping[Finding, Event] = {
    Finding.ACCEPTED: Event.ACCEPTED,
    Finding.DELIVERED: Event.RECEIPT_DELIVERED,
    Finding.UNDELIVERED: Event.RECEIPT_UNDELIVERED,
    Finding.ABSENT: Event.ABSENT,
}


def askable(runtime: Runtime) -> list[str]:
    """Routes whose carrier can be asked what became of a message."""
    return [name for name, route in runtime.routes.items() if route.provider.capabilities.status_lookup]


async def due(runtime: Runtime) -> list[str]:
    """Routes with messages that should be asked about now."""
    async with runtime.pool.connection() as connection:
        return await lookups.due_routes(connection, askable(runtime), runtime.settings.patience_seconds)


async def look_up(runtime: Runtime) -> None:
    """Ask once on every route where something is due."""
    await asyncio.gather(*(_ask(runtime, runtime.routes[name]) for name in await due(runtime)))


@dataclass(frozen=True, slots=True)
class Question:
    """A doubt, and how the carrier is asked about it."""

    doubt: Doubt
    lookup: Lookup


async def _ask(runtime: Runtime, route: Route) -> None:
    name, capabilities = route.config.name, route.provider.capabilities
    async with runtime.pool.connection() as connection:
        doubts = await lookups.take(connection, name, runtime.settings.patience_seconds, AT_ONCE)
        offset = await installation.offset(connection)
    asked = questions(runtime, doubts, offset)
    if not asked:
        return
    queried = await query(runtime, route, asked)
    exchanges = [stored(exchange, offset) for exchange in queried.exchanges]
    answers = [answer(question, found) for question, found in zip(asked, queried.found, strict=bool(queried.found))]
    async with runtime.pool.connection() as connection:
        await lookups.record(connection, name, answers, exchanges, shared=capabilities.shared_reference)
        if capabilities.receipts is Receipts.PULL:
            taken = [found.reference for found in queried.found if found.outcome is Finding.ACCEPTED]
            await polls.put(connection, name, [reference for reference in taken if reference])
    log.info("messages.looked_up", route=name, asked=len(asked), **Counter(f.outcome.value for f in queried.found))


def questions(runtime: Runtime, doubts: Sequence[Doubt], offset: timedelta) -> list[Question]:
    """How to ask, in real time: the carrier knows nothing of a rehearsal. Without those whose number cannot be read."""
    found = [(doubt, _lookup(runtime, doubt, offset)) for doubt in doubts]
    return [Question(doubt, lookup) for doubt, lookup in found if lookup]


def _lookup(runtime: Runtime, doubt: Doubt, offset: timedelta) -> Lookup | None:
    try:
        msisdn = runtime.keyring.decrypt(doubt.cipher, doubt.msisdn_hash, doubt.key_id)
    except KeyringError as error:
        log.error("message.unreadable", message=doubt.id.hex, error=str(error))
        return None
    since, until = doubt.since - offset, doubt.until - offset
    return Lookup(doubt.id.hex, msisdn, doubt.text, since, until, doubt.reference, doubt.others)


async def query(
    runtime: Runtime, route: Route, questions: Sequence[Question], calls_a_second: float = CALLS_A_SECOND
) -> Queried:
    """The answers, none where it could not be asked: that says nothing about the messages, whatever the reason."""
    name, pacer = route.config.name, runtime.pacer
    asked = [question.lookup for question in questions]
    calls = _calls(asked, route)
    grant = await pacer.permits(Line(f"{name}:lookups", calls_a_second), [calls])
    permit = await pacer.moment(grant.permits[0])
    if permit is None:
        return Queried((), ())
    try:
        queried = await route.provider.query(asked)
        if [found.message_id for found in queried.found] == [lookup.message_id for lookup in asked]:
            return queried
        log.error("provider.broke", route=name, reason="it answered for other messages than it was asked about")
        return Queried((), queried.exchanges)
    except ProviderError as error:
        log.warning("messages.not_looked_up", route=name, error=str(error))
        if isinstance(error, Throttled):
            await pacer.throttled(name)
        return Queried((), (error.exchange,) if error.exchange else ())
    except Exception:  # an adapter's own mistake; asking sends nothing, so nothing is in doubt
        log.exception("provider.broke", route=name)
        return Queried((), ())
    finally:
        pacer.answered(permit)


def _calls(asked: Sequence[Lookup], route: Route) -> int:
    """How many calls a query comes to: one for each message that has an id of its own, or for each id that some share."""
    references = [lookup.reference for lookup in asked if lookup.reference]
    return 1 + len(set(references) if route.provider.capabilities.shared_reference else references)


def stored(exchange: Exchange, offset: timedelta) -> StoredExchange:
    """An exchange as it is kept, in the dispatcher's time."""
    return StoredExchange(
        exchange.started_at + offset, exchange.elapsed, exchange.status, exchange.request, exchange.response
    )


def answer(question: Question, found: Found) -> Answer:
    """What the carrier answered, as it is kept."""
    event = EVENTS.get(found.outcome)
    return Answer(
        id=question.doubt.id,
        number=question.doubt.number,
        outcome=found.outcome.value,
        event=event.value if event else None,
        reference=found.reference,
        code=found.code,
        raw=f"{found.detail} {found.raw}".strip(),
    )
