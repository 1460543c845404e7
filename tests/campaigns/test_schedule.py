"""When waves may send."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.calendar import VIETNAM
from campaigns.campaign import Priority
from campaigns.definition import library_path, load
from campaigns.schedule import PlannedWave, next_moment, waves
from campaigns.template import Form

WAVE = PlannedWave(
    slug="launch",
    title="Phát động",
    opens_at=datetime(2026, 6, 1, 8, tzinfo=VIETNAM),
    closes_at=datetime(2026, 6, 3, 11, 30, tzinfo=VIETNAM),
    window_from=time(8),
    window_to=time(11, 30),
    text="launch",
    form=Form.UNACCENTED,
    audience=None,
)


def at(day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 6, day, hour, minute, second, tzinfo=VIETNAM)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (at(1, 0) - timedelta(days=90), at(1, 8)),
        (at(1, 7, 59, 59), at(1, 8)),
        (at(1, 8), at(1, 8)),
        (at(1, 9, 15, 7), at(1, 9, 15, 7)),
        (at(1, 11, 29, 59), at(1, 11, 29, 59)),
        (at(1, 11, 30), at(2, 8)),
        (at(2, 23), at(3, 8)),
        (at(3, 11, 29, 59), at(3, 11, 29, 59)),
        (at(3, 11, 30), None),
        (at(9, 9), None),
        (datetime(2026, 6, 1, 1, 30, tzinfo=UTC), at(1, 8, 30)),
        (datetime(2026, 6, 1, 23, 30, tzinfo=UTC), at(2, 8)),
    ],
)
def test_the_next_moment_is_inside_the_window(now, expected):
    assert next_moment(WAVE, now) == expected


def test_the_next_moment_is_told_in_viet_nam_time():
    moment = next_moment(WAVE, datetime(2026, 6, 1, 1, 30, tzinfo=UTC))
    assert moment is not None
    assert moment.tzinfo is VIETNAM


def test_a_naive_now_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        next_moment(WAVE, datetime(2026, 6, 1))  # noqa: DTZ001 - the mistake under test


@given(st.integers(-1500, 6000))
@settings(deadline=None)
def test_the_next_moment_is_the_first_good_minute(minutes):
    now = at(1, 8) + timedelta(minutes=minutes)
    expected = now
    while expected < WAVE.closes_at:
        if expected >= WAVE.opens_at and WAVE.window_from <= expected.time() < WAVE.window_to:
            break
        expected += timedelta(minutes=1)
    assert next_moment(WAVE, now) == (expected if expected < WAVE.closes_at else None)


def test_waves_come_in_the_order_in_which_they_open():
    campaign = load(library_path("drug_prevention_june"), year=2026)
    planned = waves(campaign.model_copy(update={"waves": campaign.waves[::-1], "audience": "lang-son"}))
    assert [wave.slug for wave in planned] == ["launch", "disguised", "national-day"]
    assert [wave.opens_at.date() for wave in planned] == [date(2026, 6, 1), date(2026, 6, 15), date(2026, 6, 26)]
    assert {wave.audience for wave in planned} == {"lang-son"}
    assert planned[0].closes_at == datetime(2026, 6, 2, 4, 30, tzinfo=UTC)


def test_a_wave_keeps_its_own_audience():
    campaign = load(library_path("drug_prevention_june"), year=2026)
    own = campaign.waves[0].model_copy(update={"audience": "na-sam"})
    planned = waves(campaign.model_copy(update={"waves": (own,), "audience": "lang-son"}))
    assert planned[0].audience == "na-sam"


def test_a_wave_keeps_its_own_priority_and_the_others_have_that_of_the_campaign():
    campaign = load(library_path("drug_prevention_june"), year=2026)
    urgent = campaign.waves[0].model_copy(update={"priority": Priority.ALERT})
    planned = waves(campaign.model_copy(update={"waves": (urgent, campaign.waves[1]), "priority": Priority.BULK}))
    assert [wave.priority for wave in planned] == [Priority.ALERT, Priority.BULK]
    assert {wave.priority for wave in waves(campaign)} == {Priority.NORMAL}
