"""Waves tied to an occasion: what they become in a year, and what cannot be."""

from datetime import date, time

import pytest

from campaigns.calendar import VIETNAM
from campaigns.definition import DefinitionError, parse
from campaigns.schedule import silent_months, waves

HEAD = """\
slug = "june"
title = "Tháng hành động"
owner = "Công an xã"
occasion = "drug-action-month"
message_class = "public_information"
{top}
[texts.launch]
accented = "{{owner}}: tránh xa ma túy."
unaccented = "{{owner}}: tranh xa ma tuy."
"""
WAVE = """
[[wave]]
slug = "{slug}"
title = "Đợt"
text = "launch"
form = "unaccented"
{own}
"""
HOURS = 'window = ["08:00", "11:00"]'


def campaign(*own, top="", year=2026):
    tables = (WAVE.format(slug=f"w{number}", own=lines) for number, lines in enumerate(own, start=1))
    return parse(HEAD.format(top=top) + "".join(tables), "thu.toml", year=year)


def refused(*own, top=""):
    with pytest.raises(DefinitionError) as caught:
        campaign(*own, top=top)
    return {problem.field: problem.message for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("written", "day"),
    [("D", (6, 1)), ("D-3", (5, 29)), ("E", (6, 30)), ("E+2", (7, 2)), ("06-15", (6, 15))],
)
@pytest.mark.parametrize("year", [2026, 2027])
def test_a_wave_moves_with_its_occasion(written, day, year):
    (wave,) = campaign(f'date = "{written}"\n{HOURS}', year=year).waves
    assert (wave.date, wave.until) == (date(year, *day), date(year, *day))


def test_a_wave_may_count_from_another_occasion():
    (wave,) = campaign(f'date = "D-3 09:00"\noccasion = "national-anti-drug-day"\n{HOURS}').waves
    assert (wave.date, wave.opens, wave.window) == (date(2026, 6, 23), time(9), (time(8), time(11)))
    assert "national-anti-drug-day" in refused(f'date = "D"\noccasion = "anti-drug-day"\n{HOURS}')["wave[1].occasion"]


def test_the_hour_of_the_date_is_when_the_first_day_opens():
    plan = campaign(f'date = "D-3 09:00"\nuntil = "D-2"\n{HOURS}')
    (wave,) = waves(plan)
    assert wave.opens_at.isoformat() == "2026-05-29T09:00:00+07:00"
    assert wave.opens_at.tzinfo is VIETNAM
    assert (wave.window_from, wave.closes_at.isoformat()) == (time(8), "2026-05-30T11:00:00+07:00")


def test_an_hour_alone_lasts_until_the_evening():
    (wave,) = campaign('date = "D-3 09:00"').waves
    assert (wave.window, wave.opens) == ((time(9), time(22)), None)


def test_every_tuesday_of_june_is_a_wave_each_named_by_its_date():
    plan = campaign(f'date = "every Tuesday of June"\n{HOURS}', f'date = "D"\n{HOURS}')
    slugs = [wave.slug for wave in plan.waves]
    assert slugs == ["w1-06-02", "w1-06-09", "w1-06-16", "w1-06-23", "w1-06-30", "w2"]
    assert plan.waves[0].title == "Đợt (02/06)"
    assert {wave.date.weekday() for wave in plan.waves[:5]} == {1}


def test_a_monthly_wave_fills_the_months_of_its_period():
    plan = campaign(f'date = "every month on 15"\n{HOURS}', top='[period]\nstart = "01-01"\nend = "10-31"')
    assert silent_months([plan], 2026) == [11, 12]
    assert silent_months([plan], 2025) == list(range(1, 13))
    assert silent_months([], 2026) == list(range(1, 13))


def test_without_a_period_the_campaign_lasts_as_long_as_its_occasion_and_its_waves():
    assert campaign(f'date = "D"\n{HOURS}').period.end == date(2026, 6, 30)
    early = campaign(f'date = "D-3"\n{HOURS}', f'date = "E+1"\n{HOURS}').period
    assert (early.start, early.end) == (date(2026, 5, 29), date(2026, 7, 1))


def test_a_period_may_be_counted_from_the_occasion():
    plan = campaign(f'date = "D-3"\n{HOURS}', top='[period]\nstart = "D-7"\nend = "E+3"')
    assert (plan.period.start, plan.period.end) == (date(2026, 5, 25), date(2026, 7, 3))


@pytest.mark.parametrize(
    ("own", "field", "words"),
    [
        ('date = "D"', "window", "thiếu khóa này"),
        ('date = "D 22:30"', "date", "không còn trước 22:00"),
        (f'date = "D 12:00"\n{HOURS}', "date", "ngoài khung giờ 08:00-11:00"),
        (f'date = "every tuesday"\nuntil = "D+1"\n{HOURS}', "until", "bỏ until"),
        (f'date = "every tuesday of july"\n{HOURS}', "date", "không có ngày nào như vậy"),
        (f'date = "D+1"\nuntil = "D"\n{HOURS}', "until", "trước ngày gửi"),
    ],
)
def test_what_cannot_be_is_told_at_its_field(own, field, words):
    assert words in refused(own)[f"wave[1].{field}"]


def test_a_day_outside_a_period_that_was_given_is_refused():
    top = '[period]\nstart = "06-01"\nend = "06-30"'
    assert "ngoài thời gian chiến dịch" in refused(f'date = "D-1"\n{HOURS}', top=top)["wave[1].date"]


def test_a_recurring_wave_may_not_take_the_slug_of_another():
    twin = f'date = "06-02"\n{HOURS}'.replace("date", 'slug = "w1-06-02"\ndate')
    text = HEAD.format(top="") + WAVE.format(slug="w1", own=f'date = "every tuesday"\n{HOURS}')
    text += WAVE.replace('slug = "{slug}"\n', "").format(own=twin)
    with pytest.raises(DefinitionError, match='"w1-06-02" đã dùng ở wave'):
        parse(text, "thu.toml", year=2026)
