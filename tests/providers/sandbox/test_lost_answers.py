"""Lost answers against the pretend carrier: what was taken is found, what was not is absent, and only in time."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from providers.base import Encoding, Finding, Found, Lookup, Submission
from providers.errors import Uncertain
from providers.esms import Esms, EsmsOptions
from providers.http import Http
from providers.sandbox import Dials, PretendCarrier, ReceiptDials, Spread

PEOPLE = [f"84912{number:06}" for number in range(300)]
AT_ONCE = ReceiptDials(delay_seconds=Spread())


class Hand:
    """Time that stands still until it is moved."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def message(phone: str, text: str = "") -> Submission:
    return Submission(f"{phone:0>32}", phone, text or f"Noi khong voi ma tuy, {phone}", Encoding.GSM7, 1)


class Sender:
    """Sends, remembers what stayed uncertain, and asks about it; the carrier's day began `minutes` ago."""

    def __init__(self, dials: Dials, minutes: float) -> None:
        self.clock, self.wall = Hand(1000.0), Hand(time.time() - minutes * 60)
        self.carrier = PretendCarrier(dials, clock=self.clock, wall=self.wall)
        self.uncertain: list[Lookup] = []

    def esms(self, http: Http, **options: object) -> Esms:
        dials = self.carrier.dials
        given = {"base_url": self.carrier.base_url, "api_key": dials.api_key, "secret_key": dials.secret_key}
        return Esms("CA LANGSON", EsmsOptions.model_validate({**given, **options}), http)

    async def send(self, http: Http, *submissions: Submission) -> None:
        at = datetime.fromtimestamp(self.wall.now, UTC)
        esms = self.esms(http)

        async def one(submission: Submission) -> None:
            try:
                await esms.submit([submission])
            except Uncertain:
                lookup = Lookup(
                    submission.message_id, submission.msisdn, submission.text, at, at + timedelta(seconds=5)
                )
                self.uncertain.append(lookup)

        await asyncio.gather(*(one(submission) for submission in submissions))

    async def ask(self, http: Http, **options: object) -> tuple[Found, ...]:
        return (await self.esms(http, **options).query(self.uncertain)).found


async def test_what_was_taken_is_found_and_what_was_not_is_absent() -> None:
    dials = Dials(lost_answers=0.2, lost_requests=0.2, receipts=AT_ONCE)
    sender = Sender(dials, minutes=15)
    async with sender.carrier as carrier, Http(tries=1) as http:
        await sender.send(http, *(message(phone) for phone in PEOPLE))
        found = await sender.ask(http, lookup_page_size=50)
    taken = {f"{phone:0>32}" for phone in carrier.ledger.received}
    references = {arrival.request_id: arrival.smsid for arrival in carrier.ledger.arrivals}
    for answer in found:
        expected = Finding.DELIVERED if answer.message_id in taken else Finding.ABSENT
        assert answer.outcome is expected
        assert answer.reference == (references[answer.message_id] if answer.message_id in taken else None)
    counts = Counter(answer.outcome for answer in found)
    assert min(counts[Finding.DELIVERED], counts[Finding.ABSENT]) >= 20


async def test_before_the_margin_nothing_is_absent_but_what_is_listed_is_found() -> None:
    dials = Dials(lost_answers=0.2, lost_requests=0.2, receipts=AT_ONCE)
    sender = Sender(dials, minutes=5)
    async with sender.carrier as carrier, Http(tries=1) as http:
        await sender.send(http, *(message(phone) for phone in PEOPLE))
        found = await sender.ask(http)
    taken = {f"{phone:0>32}" for phone in carrier.ledger.received}
    assert {(answer.message_id in taken, answer.outcome) for answer in found} == {
        (True, Finding.DELIVERED),
        (False, Finding.UNKNOWN),
    }


async def test_a_list_that_lags_behind_says_unknown_until_it_has_caught_up() -> None:
    sender = Sender(Dials(lost_answers=1, index_lag_seconds=1200, receipts=AT_ONCE), minutes=15)
    async with sender.carrier, Http() as http:
        await sender.send(http, *(message(phone) for phone in PEOPLE[:5]))
        before = await sender.ask(http)
        sender.clock.now += 1200
        after = await sender.ask(http)
    assert {answer.outcome for answer in before} == {Finding.UNKNOWN}
    assert {answer.outcome for answer in after} == {Finding.DELIVERED}


async def test_the_status_by_reference_lags_too() -> None:
    sender = Sender(Dials(lost_answers=1, index_lag_seconds=60, receipts=AT_ONCE), minutes=1)
    async with sender.carrier as carrier, Http() as http:
        await sender.send(http, message(PEOPLE[0]))
        (lost,) = sender.uncertain
        reference = carrier.ledger.arrivals[0].smsid
        asked = replace(lost, reference=reference)
        (before,) = (await sender.esms(http).query([asked])).found
        sender.clock.now += 60
        (after,) = (await sender.esms(http).query([asked])).found
    assert (before.outcome, before.code) == (Finding.UNKNOWN, "105")
    assert (after.outcome, after.reference) == (Finding.DELIVERED, reference)


@pytest.mark.parametrize(
    ("receipts", "finding"),
    [
        (ReceiptDials(delay_seconds=Spread(mean=60)), Finding.ACCEPTED),
        (ReceiptDials(delay_seconds=Spread(), undelivered=1), Finding.UNDELIVERED),
        (ReceiptDials(delay_seconds=Spread(), never=1), Finding.DELIVERED),
    ],
)
async def test_the_end_of_a_message_is_told_with_it(receipts: ReceiptDials, finding: Finding) -> None:
    sender = Sender(Dials(lost_answers=1, receipts=receipts), minutes=1)
    async with sender.carrier, Http() as http:
        await sender.send(http, message(PEOPLE[0]))
        (found,) = await sender.ask(http)
    assert found.outcome is finding


async def test_the_same_text_twice_to_one_number_is_told_apart_only_by_what_we_know() -> None:
    sender = Sender(Dials(lost_answers=1, receipts=AT_ONCE), minutes=15)
    first, second = (Submission(digit * 32, PEOPLE[0], "Noi khong", Encoding.GSM7, 1) for digit in "12")
    async with sender.carrier as carrier, Http() as http:
        await sender.send(http, first, second)
        at_first = await sender.ask(http)
        references = {arrival.request_id: arrival.smsid for arrival in carrier.ledger.arrivals}
        known = frozenset({references[first.message_id]})
        lookup = next(lookup for lookup in sender.uncertain if lookup.message_id == second.message_id)
        asked = replace(lookup, others=known)
        (found,) = (await sender.esms(http).query([asked])).found
    assert {answer.outcome for answer in at_first} == {Finding.UNKNOWN}
    assert (found.outcome, found.reference) == (Finding.DELIVERED, references[second.message_id])
