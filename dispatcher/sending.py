"""A batch becomes attempts: permit, claim, submit, record, a few messages at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import structlog

from campaigns.campaign import Channel
from dispatcher import templates
from dispatcher.breaker import answered, reason
from dispatcher.calls import lists, too_few
from dispatcher.keyring import KeyringError
from dispatcher.lifecycle import Event
from dispatcher.pacing import Grant, Line, Permit
from dispatcher.retrying import Unpermitted, decide
from dispatcher.routing import only_network
from dispatcher.runtime import LANES, Route, Runtime
from dispatcher.store import (
    awaiting,
    batches,
    campaigns,
    caps,
    installation,
    messages,
    parts,
    polls,
    recipients,
    routes,
)
from dispatcher.store.batches import Lease, Row
from dispatcher.store.database import Connection, by_itself
from dispatcher.store.messages import Result
from dispatcher.store.routes import Passage, StopKind
from dispatcher.verdicts import Call, Paths, Reading, read
from providers.base import Encoding, Filled, Receipts, Submission, Submitted, TemplateInfo, Unsent
from providers.errors import Misconfigured, ProviderError, Throttled, Uncertain

log = structlog.get_logger()

# One claim and one record for each: the shorter it is in time, the less is claimed before it leaves.
CHUNK_SECONDS = 0.05
RECORD_AGAIN_SECONDS = 0.5
# Who is asked to come back after so long has not been too fast.
LONG_SECONDS = 600.0
# Added to the time in which a template arrives or never does: clocks differ.
ARRIVAL_SECONDS = 60
# A cap that is used up is asked for again now and then: some of it may have come back, or a person raised it.
CAP_AGAIN_SECONDS = 60.0


@dataclass
class Work:
    """A batch being sent: `halted` ends it early, and `delay` says in how many seconds it is due again.

    `probing`: one message of it is sent, to see whether the carrier is back. `known`: what the provider says of the templates.
    """

    runtime: Runtime
    route: Route
    lease: Lease
    texts: Mapping[int, tuple[str, Encoding, Filled | None]]
    chunks: Iterator[tuple[Row, ...]]
    clock_offset: timedelta
    probing: bool = False
    halted: bool = False
    delay: float = 0.0
    known: Mapping[str, TemplateInfo] = field(default_factory=dict)

    @property
    def paths(self) -> Paths:
        """Where messages go that this route refuses."""
        onward = self.route.instead if self.lease.channel is Channel.ZALO_THEN_SMS else {}
        return Paths(self.route.ways, onward, self.lease.wait_seconds)

    @property
    def line(self) -> Line:
        config = self.route.config
        return Line(config.name, config.tps, self.lease.priority, config.per_hour, config.per_day)

    @property
    def over(self) -> bool:
        """Whether nothing more of this batch may be begun."""
        return self.halted or self.runtime.stopping.is_set() or not self.runtime.guard.trusted

    def now(self) -> datetime:
        return datetime.now(UTC) + self.clock_offset


async def send(runtime: Runtime, batch_id: int) -> None:
    """Send what is left of a batch, unless somebody else holds it or sending is not allowed now."""
    async with runtime.pool.connection() as connection:
        if not await runtime.guard.holds(connection):
            return
        lease = await batches.lease(connection, batch_id, runtime.settings.lease_seconds)
    if lease is None:
        return
    work = await _open(runtime, lease)
    if work is not None and await _fitting(work):
        await _run(work)
    async with runtime.pool.connection() as connection:
        done = await batches.release(connection, lease, work.delay if work else 0.0)
    log.info("batch.released", batch=batch_id, route=lease.route, done=done)


async def _open(runtime: Runtime, lease: Lease) -> Work | None:
    route = runtime.routes.get(lease.route)
    async with runtime.pool.connection() as connection:
        if route is None:
            await routes.park(connection, lease.route, "not in routes.toml")
            return None
        passage = await routes.passage(connection, lease.route, route.options.timeout)
        if passage is Passage.SHUT:
            return None
        rows = await batches.open_rows(connection, lease)
        if erased := [row.id for row in rows if not row.cipher]:
            await messages.fail_erased(connection, erased)
            rows = [row for row in rows if row.cipher]
        stored = await batches.texts(connection, list({row.text_id for row in rows}))
        offset = await installation.offset(connection)
    texts = {number: (text.body, Encoding(text.encoding), text.filled) for number, text in stored.items()}
    probing = passage is Passage.PROBE
    pieces = _pieces(rows, route)
    if probing:
        first = next(pieces, ())
        pieces = iter([first[: route.provider.capabilities.min_per_call]])
    return Work(runtime, route, lease, texts, pieces, offset, probing)


async def _fitting(work: Work) -> bool:
    """Whether templates take what our texts fill in; a wave for which they do not is held until a person has looked."""
    if not work.route.provider.capabilities.templates:
        return True
    filled = [filled for _, _, filled in work.texts.values()]
    try:
        work.known = await templates.look(work.route, filled)
    except ProviderError as error:
        decision = decide(error, 1)
        work.delay = decision.delay
        if decision.park:
            async with work.runtime.pool.connection() as connection:
                await routes.park(connection, work.lease.route, str(error))
        return False
    if wrong := templates.misfits(filled, work.known):
        async with work.runtime.pool.connection() as connection:
            await campaigns.hold(connection, [work.lease.wave_id], "; ".join(wrong))
        log.error("wave.held", wave=work.lease.wave_id, reason="; ".join(wrong))
    return not wrong


def _pieces(rows: Sequence[Row], route: Route) -> Iterator[tuple[Row, ...]]:
    """What is claimed together: one call where the carrier takes lists, else a short stretch of the pace."""
    capabilities = route.provider.capabilities
    if capabilities.one_text:
        return lists(rows, capabilities, route.config.tps)
    return chunks(rows, chunk_segments(route))


def chunk_segments(route: Route) -> int:
    """Segments that are claimed together: a short stretch of the route's pace, at most a lane's share of its window."""
    config = route.config
    most = (config.tps * CHUNK_SECONDS, config.window // LANES, config.per_hour, config.per_day)
    return max(1, int(min(limit for limit in most if limit is not None)))


def chunks(rows: Sequence[Row], segments: int) -> Iterator[tuple[Row, ...]]:
    """Rows in order, cut so that each piece has at most `segments` segments, and at least one message."""
    piece: list[Row] = []
    weight = 0
    for row in rows:
        if piece and weight + row.segments > segments:
            yield tuple(piece)
            piece, weight = [], 0
        piece.append(row)
        weight += row.segments
    if piece:
        yield tuple(piece)


async def _run(work: Work) -> None:
    """All lanes, and beside them a heartbeat: on a slow route a batch may wait for its permits longer than a lease."""
    heartbeat = asyncio.create_task(_keep(work))
    try:
        # Not a group of tasks, which would cancel the others: what they have under way must still be recorded.
        ended = await asyncio.gather(
            *(_lane(work) for _ in range(min(LANES, work.route.config.window))), return_exceptions=True
        )
    finally:
        heartbeat.cancel()
    for error in ended:
        if error is not None:
            raise error


async def _keep(work: Work) -> None:
    seconds = work.runtime.settings.lease_seconds
    while True:
        await asyncio.sleep(seconds / 3)
        try:
            async with work.runtime.pool.connection() as connection:
                await batches.prolong(connection, work.lease, seconds)
        except psycopg.OperationalError as error:
            log.warning("lease.not_prolonged", batch=work.lease.batch_id, error=str(error))


async def _lane(work: Work) -> None:
    try:
        for rows in work.chunks:
            if work.over:
                return
            await _send_chunk(work, rows)
    except Exception:
        work.halted = True
        raise


async def _send_chunk(work: Work, rows: tuple[Row, ...]) -> None:
    """Permits are taken first and claims committed while their moments are still to come: nothing claimed waits long."""
    calls = _calls(rows, work.route)
    while calls and not work.over:
        weights = [sum(row.segments for row in call) for call in calls]
        grant = await work.runtime.pacer.permits(work.line, weights, work.route.lanes, lambda: work.over)
        if grant.spent:
            await _rest(work, grant)
        if not grant.permits:
            return
        try:
            await _send_permitted(work, grant.permits, calls[: len(grant.permits)])
        finally:
            work.route.lanes.leave()
        calls = calls[len(grant.permits) :]


async def _send_permitted(work: Work, permits: Sequence[Permit], calls: Sequence[tuple[Row, ...]]) -> None:
    asked_at = work.now()
    claim = await _claim(work, [row.id for call in calls for row in call])
    parts = [tuple(row for row in call if row.id in claim.ids) for call in calls]
    if unused := [permit for permit, part in zip(permits, parts, strict=True) if not part]:
        await work.runtime.pacer.give_back(unused)
    if claim.id is None or claim.remaining is None:
        return
    due = [(permit, part) for permit, part in zip(permits, parts, strict=True) if part]
    held_until = asked_at + claim.remaining  # the heartbeat prolongs the lease, but may be late
    await _record(
        work, claim.id, await asyncio.gather(*(_paced(work, permit, part, held_until) for permit, part in due))
    )


async def _rest(work: Work, grant: Grant) -> None:
    """A cap is used up: the batch goes back, and no other of this route is asked for until it may have room again."""
    if work.halted or grant.spent is None:
        return
    work.halted = True
    log.warning("route.cap_spent", route=work.lease.route, cap=grant.spent, seconds=round(grant.wait))
    async with work.runtime.pool.connection() as connection:
        await caps.rest(connection, work.lease.route, grant.spent, grant.wait, CAP_AGAIN_SECONDS)


async def _paced(work: Work, permit: Permit, rows: tuple[Row, ...], held_until: datetime) -> Call:
    """A process that slept in between (a suspended host) no longer holds what it claimed: others may be asking after it."""
    pacer = work.runtime.pacer
    good = await pacer.moment(permit)
    if good is None:
        return Call(rows, work.now(), work.now(), Unpermitted("no permit in time", code="no-permit"))
    if work.now() >= held_until:
        await pacer.give_back([good])
        return Call(rows, work.now(), work.now(), Unpermitted("the claim was too old", code="claim-too-old"))
    call = await _call(work, rows)
    pacer.answered(good)
    if _throttled(call.answer):
        await pacer.throttled(work.lease.route)
    return call


def _throttled(answer: Submitted | ProviderError) -> bool:
    """Whether the carrier said "too fast", to the call or to one message of it."""
    if isinstance(answer, Submitted):
        failures = [verdict.failure for verdict in answer.verdicts if isinstance(verdict, Unsent)]
        return any(_too_fast(failure) and failure.code for failure in failures)
    return _too_fast(answer)


def _too_fast(failure: ProviderError) -> bool:
    """Not where the carrier names an hour: at night, or when a quota is used up, no pace is slow enough."""
    return isinstance(failure, Throttled) and (failure.retry_after or 0.0) < LONG_SECONDS


async def _claim(work: Work, ids: list[UUID]) -> messages.Claim:
    async with work.runtime.pool.connection() as connection, by_itself(connection):
        claim = await messages.claim(connection, work.lease, ids, probing=work.probing)
    if not claim.permitted:
        work.halted = True
    return claim


def _calls(rows: tuple[Row, ...], route: Route) -> list[tuple[Row, ...]]:
    size = route.provider.capabilities.max_per_call
    return [rows[i : i + size] for i in range(0, len(rows), size)]


async def _call(work: Work, rows: tuple[Row, ...]) -> Call:
    started_at = work.now()
    if refusal := too_few(rows, work.route.provider.capabilities):
        return Call(rows, started_at, started_at, refusal)
    answer: Submitted | ProviderError
    try:
        answer = await work.route.provider.submit([_submission(work, row) for row in rows])
        if len(answer.verdicts) != len(rows):
            answer = Uncertain("the adapter answered for another number of messages", exchange=answer.exchange)
    except ProviderError as error:
        answer = error
    except KeyringError as error:  # found before the wire: nothing was sent, and a person must act
        answer = Misconfigured(str(error))
    except Exception as error:  # an adapter's own mistake: it may have sent, so nobody may send again
        log.exception("provider.broke", route=work.route.config.name)
        answer = Uncertain(f"the adapter failed: {type(error).__name__}")
    return Call(rows, started_at, work.now(), answer)


def _submission(work: Work, row: Row) -> Submission:
    body, encoding, filled = work.texts[row.text_id]
    msisdn = work.runtime.keyring.decrypt(row.cipher, row.msisdn_hash, row.key_id)
    return Submission(row.id.hex, msisdn, body, encoding, row.segments, work.route.callback_url, filled)


async def _record(work: Work, claim_id: int, calls: Sequence[Call]) -> None:
    """Write down what became of the calls. A database that goes away is waited for as long as a lease lasts: what is
    known must not become uncertain, and a late verdict still counts."""
    reading = read(calls, work.paths, probing=work.probing)
    calls = [call for call in calls if not isinstance(call.answer, Unpermitted)]  # they tell nothing of the carrier
    trips = _trips(work, calls)
    deadline = time.monotonic() + work.runtime.settings.lease_seconds
    again = False
    while True:
        try:
            async with work.runtime.pool.connection() as connection:
                if not (again and await _recorded(connection, claim_id, reading.results[0])):
                    await _write(work, connection, claim_id, calls, reading, trips)
            break
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise
            log.warning("verdicts.not_recorded", batch=work.lease.batch_id, error=str(error))
        again = True
        await asyncio.sleep(RECORD_AGAIN_SECONDS)
    work.halted = work.halted or reading.halt
    work.delay = max(work.delay, reading.delay)


async def _recorded(connection: Connection, claim_id: int, first: Result) -> bool:
    return await messages.recorded(connection, claim_id, first.id, first.number, first.started_at)


async def _write(
    work: Work,
    connection: Connection,
    claim_id: int,
    calls: Sequence[Call],
    reading: Reading,
    trips: Sequence[str],
) -> None:
    name = work.route.config.name
    waiting = await messages.record(connection, work.lease.route, claim_id, reading.results, reading.exchanges)
    if work.route.provider.capabilities.receipts is Receipts.PULL:
        await polls.put(connection, name, [result.reference for result in reading.results if result.reference])
    if work.known:
        await _await(work, connection, reading.results)
    if reading.parts:
        await parts.put(connection, name, reading.parts)
    if onward := {id_: way for id_, way in reading.onward.items() if id_ in waiting}:
        await batches.reroute(connection, onward)
    if reading.settled and (network := only_network(work.route.config)):
        await recipients.learn_network(connection, reading.settled, network)
    if reading.park:
        await routes.park(connection, work.lease.route, reading.park)
    for why in trips:
        await routes.trip(connection, name, why)
    back = work.probing and any(answered(call.answer) for call in calls)
    if back and await routes.lift(connection, name, StopKind.TRIPPED):
        log.info("route.answers", route=name)


async def _await(work: Work, connection: Connection, results: Sequence[Result]) -> None:
    """What was taken is asked about later: a receipt may be lost, and silence proves something after the template's own time."""
    times = [info.timeout for info in work.known.values()]  # a wave has one template
    settles = None not in times
    seconds = max([work.lease.wait_seconds, *(time + ARRIVAL_SECONDS for time in times if time)])
    taken = {result.id: result.reference for result in results if result.event == Event.ACCEPTED and result.reference}
    await awaiting.put(connection, work.lease.route, taken, seconds, settles=settles)


def _trips(work: Work, calls: Sequence[Call]) -> list[str]:
    """Why a route whose carrier does not answer is to be stopped; nothing while it does, or is only being tried."""
    if work.probing:
        return []
    answers = [call.answer for call in calls]
    return [reason(a) for a in answers if work.route.breaker.trips(a) and isinstance(a, ProviderError)]
