"""Anything in any order: claims, answers, crashes, receipts, refusals, stops and decisions, over the real database.

A model beside it knows what the carrier was handed; after each example the rest is sent, and nobody may be left in the air.
Run longer with HYPOTHESIS_PROFILE=long.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections import Counter
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from psycopg.rows import namedtuple_row

from dispatcher import clock, control, lookups
from dispatcher.lifecycle import FINAL, Act, Event, Status
from dispatcher.runtime import Addresses
from dispatcher.store import batches, counters, messages, suppressions
from dispatcher.store import lookups as stored_lookups
from dispatcher.store import receipts as stored
from dispatcher.store.batches import Lease
from dispatcher.store.lookups import Answer, Doubt
from dispatcher.store.messages import Result
from providers.base import Finding, Outcome

T = TypeVar("T")
EDITION = "machine-2026"
PEOPLE = 6
NOW = datetime(2026, 6, 1, 2, 0, tzinfo=UTC)
# What a carrier's word comes to, and whether the try is given back.
WORDS = (
    (Event.ACCEPTED, False),
    (Event.REFUSED, False),
    (Event.LOST, False),
    (Event.NOT_SENT, False),
    (Event.NOT_SENT, True),
    (Event.EXHAUSTED, False),
    (Event.RETURNED, True),
    (Event.REROUTED, False),
)
TAKEN = (Event.ACCEPTED, Event.LOST)
RESTING = FINAL | {Status.SUBMITTED}
ROUTES = ("main", "other")
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "short")
EXAMPLES = {"short": 60, "hunt": 500, "medium": 1_000, "long": 20_000}[PROFILE]
# Who hunts wants to know that something is wrong, not the shortest way to it.
PHASES = [Phase.generate] if PROFILE == "hunt" else list(Phase)

PLANTED = """
DELETE FROM attempts; DELETE FROM receipts; DELETE FROM audit_trail; DELETE FROM receipt_inbox; DELETE FROM lookups;
DELETE FROM status_counts; DELETE FROM status_deltas; DELETE FROM claims; DELETE FROM stored_messages;
DELETE FROM batches; DELETE FROM texts; DELETE FROM suppressions;
DELETE FROM waves; DELETE FROM campaigns; DELETE FROM recipients;
UPDATE installation SET rehearsal_offset = '2026-06-01 09:00+07'::timestamptz - clock_timestamp();
INSERT INTO campaigns (organisation_id, edition, slug, year, title, definition, content_hash, author, status)
    SELECT id, 'machine-2026', 'machine', 2026, 'Machine', '{}', '', 'author', 'running' FROM organisations;
INSERT INTO waves (uid, campaign_id, slug, title, opens_at, closes_at, window_from, window_to, status, planned, segments)
    SELECT gen_random_uuid(), id, 'only', 'Only', '2026-06-01 08:00+07', '2026-06-01 20:00+07', '08:00', '20:00', 'sending', 6, 6
    FROM campaigns;
INSERT INTO texts (wave_id, body, encoding, segments) SELECT id, 'x', 'gsm7', 1 FROM waves;
INSERT INTO recipients SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), '', '1', 'viettel' FROM generate_series(1, 6) AS n;
INSERT INTO batches (wave_id, route, ordinal, size, segments, due_at) SELECT id, 'main', 0, 6, 6, clock_timestamp() FROM waves;
INSERT INTO stored_messages (id, wave_id, batch_id, msisdn_hash, text_id, segments, status, changed_at, network)
    SELECT message_id(w.uid, r.msisdn_hash), w.id, b.id, r.msisdn_hash, t.id, 1, 'queued', dispatcher_now(), 'viettel'
    FROM waves w, recipients r, batches b, texts t;
INSERT INTO status_deltas SELECT id, 'queued', 6 FROM waves;
"""

# Counters are kept of the stored statuses, under the lock of each row: exact whatever claims say.
MISCOUNTED = """
SELECT status, sum(n) FROM (
    SELECT status, n FROM status_counts UNION ALL SELECT status, n FROM status_deltas
    UNION ALL SELECT status, -1 FROM stored_messages
) AS kept GROUP BY status HAVING sum(n) <> 0
"""


@dataclass
class Handed:
    """Messages that a worker has claimed and handed to the carrier, and not recorded yet: message -> which try it was."""

    lease: Lease
    claim: int
    numbers: dict[UUID, int]

    def result(self, message: UUID, event: Event, refund: bool, at: datetime) -> Result:
        number = self.numbers[message]
        return Result(message, event.value, refund, number, at, at, event.value, None, None, None, 1, None)


class Machine(RuleBasedStateMachine):
    """One wave of six people, two routes, a batch at first, any number of workers that may die."""

    url: ClassVar[str]
    loop: ClassVar[asyncio.Runner]
    connection: ClassVar[psycopg.AsyncConnection[Any]]

    @initialize()
    def plant(self) -> None:
        self.run(self.connection.execute(PLANTED))
        ((self.wave,),) = self.ask("SELECT id FROM waves")
        self.leases: list[Lease] = []
        self.handed: list[Handed] = []
        self.asked: list[tuple[str, Doubt]] = []
        self.on_wire: Counter[UUID] = Counter()  # handed to the carrier and perhaps taken
        self.excused: Counter[UUID] = Counter()  # provably not taken, or sent again on purpose
        self.delivered: set[UUID] = set()
        self.refused: set[UUID] = set()
        self.moments = (NOW + timedelta(seconds=n) for n in itertools.count())

    def run(self, act: Coroutine[Any, Any, T]) -> T:
        return self.loop.run(act)

    def rows(self) -> dict[UUID, tuple[Status, int]]:
        found = self.ask("SELECT id, status::text, attempts FROM messages ORDER BY id")
        assert len(found) == PEOPLE
        return {row.id: (Status(row.status), row.attempts) for row in found}

    def ask(self, statement: str, *arguments: Any) -> list[Any]:
        async def act() -> list[Any]:
            return await (await self.connection.execute(statement, arguments)).fetchall()

        return self.run(act())

    @rule(data=st.data())
    def a_worker_sends(self, data: st.DataObject) -> None:
        """It takes a batch if it is free, and claims some of its messages under the newest lease."""
        batch = data.draw(st.sampled_from([row.id for row in self.ask("SELECT id FROM batches ORDER BY id")]))
        if held := self.run(batches.lease(self.connection, batch, 60)):
            self.leases.append(held)
        if newest := [lease for lease in self.leases if lease.batch_id == batch][-1:]:
            self.claim(newest[0], data)

    def stale(self) -> list[Lease]:
        newest = {lease.batch_id: lease for lease in self.leases}
        return [lease for lease in self.leases if lease is not newest[lease.batch_id]]

    @precondition(lambda self: self.stale())
    @rule(data=st.data())
    def a_worker_whose_lease_is_gone_tries_to_send(self, data: st.DataObject) -> None:
        before = len(self.handed)
        self.claim(data.draw(st.sampled_from(self.stale())), data)
        assert len(self.handed) == before

    def claim(self, lease: Lease, data: st.DataObject) -> None:
        own = [row.id for row in self.ask("SELECT id FROM messages WHERE batch_id = %s ORDER BY id", lease.batch_id)]
        if not own:
            return  # all of them have moved on to another route
        self.hand_over(lease, data.draw(st.lists(st.sampled_from(own), min_size=1, unique=True)))

    def hand_over(self, lease: Lease, wanted: list[UUID]) -> None:
        claim = self.run(messages.claim(self.connection, lease, wanted))
        if claim.id is not None:
            rows = self.rows()
            assert {rows[message][0] for message in claim.ids} == {Status.SENDING}
            assert not claim.ids & self.refused
            self.handed.append(Handed(lease, claim.id, {message: rows[message][1] for message in claim.ids}))
            self.on_wire.update(claim.ids)

    @precondition(lambda self: self.handed)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        """The carrier answers, soon, late or after the worker was given up for dead; the worker records it."""
        handed = self.handed.pop(data.draw(st.integers(0, len(self.handed) - 1)))
        self.record(handed, {message: data.draw(st.sampled_from(WORDS)) for message in sorted(handed.numbers)})

    def record(self, handed: Handed, words: dict[UUID, tuple[Event, bool]]) -> None:
        at = next(self.moments)
        results = [handed.result(message, event, refund, at) for message, (event, refund) in words.items()]
        first = (handed.claim, results[0].id, results[0].number, at)
        assert not self.run(messages.recorded(self.connection, *first))
        waiting = self.run(messages.record(self.connection, handed.lease.route, handed.claim, results, []))
        assert self.run(messages.recorded(self.connection, *first))
        (onward,) = {*ROUTES} - {handed.lease.route}
        if moving := [
            message for message, (event, _) in words.items() if event is Event.REROUTED and message in waiting
        ]:
            self.run(batches.reroute(self.connection, dict.fromkeys(moving, onward)))
        self.excused.update(message for message, (event, _) in words.items() if event not in TAKEN)

    @precondition(lambda self: self.handed)
    @rule(data=st.data())
    def the_worker_dies(self, data: st.DataObject) -> None:
        """With all that it has under way."""
        lost = data.draw(st.sampled_from([handed.lease for handed in self.handed]))
        self.handed = [handed for handed in self.handed if handed.lease is not lost]
        self.leases.remove(lost)

    @rule()
    def leases_run_out(self) -> None:
        expired = "UPDATE batches SET leased_until = clock_timestamp() - interval '1 s' WHERE leased_until IS NOT NULL"
        self.run(self.connection.execute(expired))

    @rule()
    def the_clock_gives_workers_up(self) -> None:
        self.run(batches.disown_abandoned(self.connection))

    @precondition(lambda self: self.on_wire)
    @rule(data=st.data(), outcome=st.sampled_from(list(Outcome)), repeat=st.integers(1, 3))
    def receipts_come(self, data: st.DataObject, outcome: Outcome, repeat: int) -> None:
        """For anything that was ever handed over, also before its answer, also again."""
        tried = sorted(message for message, (_, attempts) in self.rows().items() if attempts)
        if not tried:
            return
        one = data.draw(st.sampled_from(tried))
        receipt = stored.NewReceipt("main", one, None, outcome.value, "", None, "")
        self.run(stored.put(self.connection, [receipt] * repeat))
        self.run(stored.apply(self.connection, 1000))
        if outcome is Outcome.DELIVERED:
            self.delivered.add(one)

    @rule(data=st.data())
    def somebody_refuses(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.ask("SELECT id, msisdn_hash FROM messages ORDER BY id")))
        known = suppressions.add_known(
            self.connection, one.msisdn_hash, reason="refused", source="inbound", proof="", by="dispatcher"
        )
        self.run(known)
        self.refused.add(one.id)

    @rule()
    def a_carrier_is_asked(self) -> None:
        for route in ROUTES:
            self.asked += [(route, one) for one in self.run(stored_lookups.take(self.connection, route, 0.0, 10))]

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), finding=st.sampled_from(list(Finding)))
    def it_tells_what_became_of_a_message(self, data: st.DataObject, finding: Finding) -> None:
        """At once, or when the message has been settled or sent again meanwhile. It tells the truth of the tries asked about."""
        route, doubt = self.asked.pop(data.draw(st.integers(0, len(self.asked) - 1)))
        was, attempts = self.rows()[doubt.id]
        event = lookups.EVENTS.get(finding)
        answer = Answer(doubt.id, doubt.number, finding.value, event and event.value, doubt.id.hex, "", "")
        self.run(stored_lookups.record(self.connection, route, [answer], []))
        if finding is Finding.DELIVERED:
            self.delivered.add(doubt.id)
        elif finding is Finding.ABSENT and self.rows()[doubt.id][0] is not was:
            assert (was, attempts) == (Status.UNCERTAIN, doubt.number)
            self.excused[doubt.id] += 1

    @rule(route=st.sampled_from(ROUTES))
    def a_route_is_down_and_what_waits_moves_on(self, route: str) -> None:
        (onward,) = {*ROUTES} - {route}
        self.run(batches.hand_over(self.connection, route, batches.Ways({"viettel": onward}), 10))

    @rule(route=st.sampled_from(("main", *["other"] * 3)))
    def a_route_is_called_off(self, route: str) -> None:
        self.run(messages.cancel_on_route(self.connection, route))

    @rule(over=st.sampled_from([True, *[False] * 8]))
    def the_time_of_the_wave_is_over(self, over: bool) -> None:
        if over:
            self.run(self.connection.execute("UPDATE waves SET closes_at = dispatcher_now() - interval '1 s'"))

    @rule()
    def time_passes(self) -> None:
        self.run(clock.tidy(self.connection, 0.0))

    @rule(resend=st.booleans())
    def a_person_decides(self, resend: bool) -> None:
        """On everything that nobody knows of."""
        doubtful = [i for i, (status, _) in self.rows().items() if status in (Status.UNCERTAIN, Status.UNCONFIRMED)]
        self.run(control.settle_uncertain(self.connection, EDITION, "approver", "reason", resend=resend))
        if resend:
            self.excused.update(i for i in doubtful if self.rows()[i][0] is Status.QUEUED)

    @rule(act=st.sampled_from([Act.PAUSE, *[Act.RESUME] * 8, Act.CANCEL]))
    def a_person_stops_or_resumes(self, act: Act) -> None:
        try:
            if act is Act.RESUME:
                self.run(control.resume(self.connection, EDITION, "approver"))
            else:
                self.run(control.stop(self.connection, EDITION, "approver", act))
        except control.ControlError:
            return  # not now: the table of campaigns says so

    def idle(self) -> list[Lease]:
        busy = [handed.lease for handed in self.handed]
        return [lease for lease in self.leases if lease not in busy]

    @precondition(lambda self: self.idle())
    @rule(data=st.data())
    def a_worker_gives_the_batch_back(self, data: st.DataObject) -> None:
        self.run(batches.release(self.connection, data.draw(st.sampled_from(self.idle())), 0.0))

    @rule()
    def what_was_answered_is_folded(self) -> None:
        before = self.rows()
        self.run(messages.fold(self.connection, -1.0))
        assert self.rows() == before

    @rule()
    def counters_are_folded(self) -> None:
        self.run(counters.fold(self.connection))

    @invariant()
    def everybody_is_accounted_for(self) -> None:
        if not hasattr(self, "handed"):
            return
        rows = self.rows()
        assert not self.ask(MISCOUNTED)
        assert self.run(counters.counts(self.connection, [self.wave])) == Counter(status for status, _ in rows.values())
        assert {rows[message][0] for message in self.delivered} <= {Status.DELIVERED}  # who has it has it

    @invariant()
    def nobody_is_sent_to_twice_without_a_reason(self) -> None:
        for message, times in getattr(self, "on_wire", Counter()).items():
            assert times <= 1 + self.excused[message]

    def teardown(self) -> None:
        """Every worker dies where it is; the clock sees it, and another one sends what may still be sent."""
        if not hasattr(self, "handed"):
            return
        self.leases_run_out()
        self.the_clock_gives_workers_up()
        self.a_person_stops_or_resumes(Act.RESUME)
        self.send_the_rest()
        self.run(messages.fold(self.connection, -1.0))
        self.run(clock.tidy(self.connection, 0.0))
        assert {status for status, _ in self.rows().values()} <= RESTING
        assert not self.ask("SELECT FROM batches WHERE NOT done")
        assert not self.ask("SELECT FROM claims")
        self.everybody_is_accounted_for()
        self.nobody_is_sent_to_twice_without_a_reason()

    def send_the_rest(self) -> None:
        self.handed = []
        for row in self.ask("SELECT id FROM batches ORDER BY id"):
            if lease := self.run(batches.lease(self.connection, row.id, 60)):
                if rows := self.run(batches.open_rows(self.connection, lease)):
                    self.hand_over(lease, [row.id for row in rows])
                for handed in self.handed:
                    self.record(handed, dict.fromkeys(handed.numbers, (Event.ACCEPTED, False)))
                self.handed = []
                self.run(batches.release(self.connection, lease, 0.0))


@pytest.fixture
def machine(addresses: Addresses) -> Iterator[type[Machine]]:
    with asyncio.Runner() as loop:
        Machine.loop = loop
        Machine.connection = loop.run(
            psycopg.AsyncConnection.connect(addresses.database_url, autocommit=True, row_factory=namedtuple_row)
        )
        for table in ("attempts", "receipts", "audit_trail"):  # emptied before each example
            loop.run(Machine.connection.execute(f"DROP TRIGGER append_only ON {table}"))
        loop.run(Machine.connection.execute("SET synchronous_commit = off"))
        yield Machine
        loop.run(Machine.connection.close())


@pytest.mark.timeout(0)
def test_nothing_that_can_happen_breaks_the_promises(machine: type[Machine]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            phases=PHASES,
            report_multiple_bugs=False,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
