"""The error budget: a wave that is refused too often is held until somebody has looked."""

from __future__ import annotations

import pytest

from dispatcher import clock, control
from dispatcher.budget import FEWEST, LAST, SHARE, Budget
from dispatcher.control import ControlError
from dispatcher.store import counters, messages
from providers.sandbox import Dials
from tests.dispatcher.hall import APPROVER, EDITION, LAUNCH, Hall


def counts(tried: int, refused: int) -> dict[str, int]:
    return {"accepted": tried - refused, "rejected": refused}


def test_a_few_refusals_are_no_pattern() -> None:
    assert Budget().spent(counts(FEWEST - 1, FEWEST - 1)) is None


def test_the_share_decides() -> None:
    least = int(SHARE * 100)
    assert Budget().spent(counts(100, least - 1)) is None
    assert f"{least} trong 100" in (Budget().spent(counts(100, least)) or "")


def test_only_the_last_messages_are_judged() -> None:
    budget = Budget()
    for tried in range(100, 100_000, 100):
        assert budget.spent(counts(tried, 0)) is None
    assert budget.spent(counts(100_000 - 100 + LAST, LAST)) is not None


def test_old_refusals_are_forgotten() -> None:
    budget = Budget()
    budget.forgive(counts(500, 500))
    assert budget.spent(counts(600, 500)) is None


@pytest.mark.parametrize("dials", [Dials(refusals={"146": 0.5}, seed=1)])
async def test_tries_are_counted_once_wherever_they_stand(hall: Hall) -> None:
    await hall.planned(40)
    await hall.send()
    (wave,) = [row.id for row in await hall.sql("SELECT id FROM waves")]
    taken, turned_away = [
        await hall.scalar("SELECT count(*) FROM attempts WHERE outcome = %s", outcome)
        for outcome in ("accepted", "refused")
    ]
    assert 0 < taken < 40
    for folding in (False, True, True):
        async with hall.runtime.pool.connection() as connection:
            if folding:
                await messages.fold(connection, 0.0)
            assert await counters.tries(connection, [wave]) == {wave: {"accepted": taken, "rejected": turned_away}}


async def refused(hall: Hall) -> dict[int, clock.Budget]:
    """A wave of which everything sent so far was refused, and a clock that has been watching."""
    await hall.planned(FEWEST)
    budgets: dict[int, clock.Budget] = {}
    await look(hall, budgets)
    await hall.send()
    await look(hall, budgets)
    return budgets


async def look(hall: Hall, budgets: dict[int, clock.Budget]) -> None:
    async with hall.runtime.pool.connection() as connection:
        await clock.hold_refused(connection, budgets)


@pytest.mark.parametrize("dials", [Dials(refusals={"146": 1.0})])
async def test_a_wave_refused_by_the_carrier_is_held_and_says_why(hall: Hall) -> None:
    await refused(hall)
    assert f"từ chối {FEWEST} trong {FEWEST}" in ((await hall.view()).waves[0].waits or "")


@pytest.mark.parametrize("dials", [Dials(refusals={"146": 1.0})])
async def test_a_wave_let_go_by_a_person_starts_with_a_clean_sheet(hall: Hall) -> None:
    budgets = await refused(hall)
    async with hall.runtime.pool.connection() as connection:
        await control.release_wave(connection, EDITION, LAUNCH, APPROVER)
    for _ in range(2):
        await look(hall, budgets)
    assert await hall.scalar("SELECT held FROM waves") is None
    assert await hall.scalar("SELECT detail->>'held' FROM audit_trail WHERE act = 'wave.release'")


async def test_a_held_wave_sends_nothing_and_goes_on_when_released(hall: Hall) -> None:
    await hall.planned(5)
    async with hall.runtime.pool.connection() as connection:
        stopped = await control.hold_wave(connection, EDITION, LAUNCH, APPROVER)
    assert (stopped.out, stopped.saved) == (0, 5)
    assert await hall.send() == 0
    async with hall.runtime.pool.connection() as connection:
        await control.release_wave(connection, EDITION, LAUNCH, APPROVER)
    assert await hall.send() == 1
    assert await hall.counts() == {"submitted": 5}


async def test_only_a_wave_of_the_campaign_that_is_held_can_be_released(hall: Hall) -> None:
    await hall.planned(1)
    async with hall.runtime.pool.connection() as connection:
        with pytest.raises(ControlError, match="không có đợt"):
            await control.hold_wave(connection, EDITION, "nowhere", APPROVER)
        with pytest.raises(ControlError, match="không bị giữ lại"):
            await control.release_wave(connection, EDITION, LAUNCH, APPROVER)
