"""What nobody knows of: asked again where the carrier deduplicates, else a person decides; never sent twice by itself."""

from __future__ import annotations

import pytest

from dispatcher import clock, control
from dispatcher.control import ControlError
from dispatcher.store import messages
from dispatcher.store.messages import Result
from providers.sandbox import Dials
from tests.dispatcher.hall import APPROVER, EDITION, Hall

ALL_LOST = Dials(lost_answers=1.0)
NEVER_TAKEN = Dials(lost_requests=1.0)


async def decide(hall: Hall, *, resend: bool, reason: str = "lãnh đạo quyết định") -> int:
    async with hall.runtime.pool.connection() as connection:
        return await control.settle_uncertain(connection, EDITION, APPROVER, reason, resend=resend)


async def ask_again(hall: Hall, patience_seconds: float = 0) -> int:
    async with hall.runtime.pool.connection() as connection:
        return await messages.ask_again(connection, clock.memories(hall.runtime), patience_seconds)


async def lost(hall: Hall, count: int = 5) -> None:
    """A wave whose answers never came, and which is over as far as sending goes."""
    await hall.planned(count)
    await hall.send()
    await hall.tidy()
    assert await hall.counts() == {"uncertain": count}
    assert (await hall.view()).status == "finished"


@pytest.mark.parametrize("dials", [ALL_LOST])
async def test_asking_again_is_told_by_the_carrier_that_it_has_the_message(hall: Hall) -> None:
    await lost(hall)
    assert await ask_again(hall) == 5
    await hall.send()
    assert await hall.counts() == {"submitted": 5}
    assert set(hall.carrier.ledger.received.values()) == {1}
    reasons = await hall.sql("SELECT outcome, reason, code FROM attempts WHERE number = 2")
    assert {(r.outcome, r.code) for r in reasons} == {("accepted", "124")}


@pytest.mark.parametrize("dials", [NEVER_TAKEN])
async def test_asking_again_sends_what_the_carrier_never_had(hall: Hall) -> None:
    await lost(hall)
    await ask_again(hall)
    await hall.send()
    assert await hall.counts() == {"submitted": 5}
    assert set(hall.carrier.ledger.received.values()) == {1}


@pytest.mark.parametrize("dials", [ALL_LOST])
async def test_nothing_is_asked_again_before_the_patience_is_over(hall: Hall) -> None:
    await lost(hall)
    assert await ask_again(hall, patience_seconds=60) == 0


@pytest.mark.parametrize("dials", [ALL_LOST])
async def test_nothing_is_asked_again_once_the_carrier_may_have_forgotten_it(hall: Hall) -> None:
    await lost(hall)
    await hall.sql("ALTER TABLE attempts DISABLE TRIGGER append_only")
    await hall.sql("UPDATE attempts SET started_at = started_at - interval '20 hours'")
    assert await ask_again(hall) == 0


@pytest.mark.parametrize("dials", [ALL_LOST])
async def test_nothing_is_asked_again_where_the_carrier_does_not_deduplicate(hall: Hall) -> None:
    await lost(hall)
    async with hall.runtime.pool.connection() as connection:
        assert await messages.ask_again(connection, {"another": 72_000}, 0) == 0


@pytest.mark.parametrize("dials", [ALL_LOST])
async def test_nothing_is_asked_again_after_the_waves_time(hall: Hall) -> None:
    await lost(hall)
    await hall.rehearse(days=3)
    assert await ask_again(hall) == 0
    assert await decide(hall, resend=True) == 0


@pytest.mark.parametrize("dials", [ALL_LOST])
async def test_a_person_has_them_sent_again_and_is_named_for_it(hall: Hall) -> None:
    await lost(hall)
    assert await decide(hall, resend=True) == 5
    assert (await hall.view()).status == "running"
    await hall.send()
    await hall.tidy()
    assert (await hall.view()).status == "finished"
    (act,) = await hall.sql("SELECT who, detail FROM audit_trail WHERE act = 'uncertain.resend'")
    assert (act.who, act.detail) == (APPROVER, {"reason": "lãnh đạo quyết định", "messages": 5})


@pytest.mark.parametrize("dials", [ALL_LOST])
async def test_a_person_closes_them_and_a_late_receipt_still_counts(hall: Hall) -> None:
    await lost(hall)
    assert await decide(hall, resend=False) == 5
    assert await hall.counts() == {"unconfirmed": 5}
    assert await hall.scalar("SELECT detail->>'messages' FROM audit_trail WHERE act = 'uncertain.close'") == "5"


@pytest.mark.parametrize("dials", [ALL_LOST])
async def test_a_decision_without_a_reason_is_refused(hall: Hall) -> None:
    await lost(hall)
    with pytest.raises(ControlError, match="--reason"):
        await decide(hall, resend=True, reason="  ")


@pytest.mark.parametrize("dials", [ALL_LOST])
async def test_who_has_refused_meanwhile_is_not_sent_to_again(hall: Hall) -> None:
    await lost(hall)
    await hall.sql(
        "INSERT INTO suppressions (organisation_id, msisdn_hash, reason, source, added_by)"
        " SELECT 1, msisdn_hash, 'r', 's', 'x' FROM recipients"
    )
    await decide(hall, resend=True)
    await hall.send()
    assert await hall.counts() == {"suppressed": 5}
    assert len(hall.carrier.ledger.arrivals) == 5


NO_CLAIM = 0  # it was given up for lost


@pytest.mark.parametrize("dials", [ALL_LOST])
async def test_a_try_that_was_overtaken_cannot_call_its_successor_back(hall: Hall) -> None:
    """Else a third worker would send what the second has just handed to the carrier."""
    await lost(hall, 1)
    await decide(hall, resend=True)
    (message,) = await hall.sql("UPDATE stored_messages SET status = 'sending', attempts = 2 RETURNING id, changed_at")
    await hall.sql("INSERT INTO status_deltas SELECT wave_id, 'sending', 1 FROM messages")
    await hall.sql("INSERT INTO status_deltas SELECT wave_id, 'queued', -1 FROM messages")
    late = Result(
        message.id, "not_sent", True, 1, message.changed_at, message.changed_at, "not_sent", None, None, None, 1, None
    )
    async with hall.runtime.pool.connection() as connection:
        await messages.record(connection, "main", NO_CLAIM, [late], [])
    assert await hall.counts() == {"sending": 1}
