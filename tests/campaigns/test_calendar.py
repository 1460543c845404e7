"""Viet Nam time and the days that campaigns are tied to."""

from datetime import UTC, date, datetime, timedelta

import pytest

from campaigns.calendar import VIETNAM, occasions, shipped, spoken, themes


def test_viet_nam_is_seven_hours_ahead_all_year():
    assert {datetime(2026, month, 1, tzinfo=VIETNAM).utcoffset() for month in range(1, 13)} == {timedelta(hours=7)}


def test_a_moment_is_spoken_in_viet_nam_time():
    assert spoken(datetime(2026, 6, 1, tzinfo=UTC)) == "07:00 ngày 01/06/2026 (giờ Việt Nam)"
    assert spoken(datetime(2026, 5, 31, 17, tzinfo=UTC)) == "00:00 ngày 01/06/2026 (giờ Việt Nam)"


def test_a_naive_moment_is_not_spoken():
    with pytest.raises(ValueError, match="time zone"):
        spoken(datetime(2026, 6, 1))  # noqa: DTZ001 - the mistake under test


@pytest.mark.parametrize(
    ("slug", "start", "end"),
    [
        ("drug-action-month", date(2026, 6, 1), date(2026, 6, 30)),
        ("national-anti-drug-day", date(2026, 6, 26), date(2026, 6, 26)),
        ("national-anti-trafficking-day", date(2026, 7, 30), date(2026, 7, 30)),
        ("hiv-action-month", date(2026, 11, 10), date(2026, 12, 10)),
        ("world-aids-day", date(2026, 12, 1), date(2026, 12, 1)),
    ],
)
def test_an_awareness_day_has_its_dates(slug, start, end):
    assert occasions()[slug].days(2026) == (start, end)


def test_only_verified_themes_are_shipped():
    assert themes()["drug-action-month", 2025] == "Chung một quyết tâm – Vì cộng đồng không ma túy"
    # Two wordings of 2023 circulate; 2026 was not found.
    assert {year for slug, year in themes() if slug == "drug-action-month"} == {2021, 2024, 2025}
    assert {slug for slug, _ in themes()} <= occasions().keys()


@pytest.mark.parametrize(
    ("slug", "others"),
    [
        ("drug-action-month", {"national-anti-drug-day", "international-drug-day", "children-action-month"}),
        ("hiv-action-month", {"world-aids-day", "gender-action-month"}),
        ("security-festival-day", set()),
    ],
)
def test_occasions_that_share_days_are_known(slug, others):
    assert {occasion.slug for occasion in shipped().overlapping(slug, 2026)} == others
