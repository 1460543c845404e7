"""Days and hours as people write them."""

from datetime import date, datetime, time

import pytest
from pydantic_core import PydanticCustomError

from campaigns.moments import Anchor, Day, Moment, Monthly, Offset, Weekly, day, full_date, moment

FIRST, LAST = Anchor.FIRST, Anchor.LAST
JUNE = (date(2026, 6, 1), date(2026, 6, 30))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("06-26", Moment(Day(6, 26))),
        (" 2026-06-26 ", Moment(Day(6, 26, 2026))),
        (date(2026, 6, 26), Moment(Day(6, 26, 2026))),
        ("06-26 09:00", Moment(Day(6, 26), time(9))),
        ("D", Moment(Offset(FIRST, 0))),
        ("D-3 09:00", Moment(Offset(FIRST, -3), time(9))),
        ("D - 3", Moment(Offset(FIRST, -3))),
        ("D+10", Moment(Offset(FIRST, 10))),
        ("E", Moment(Offset(LAST, 0))),
        ("E-1 19:30", Moment(Offset(LAST, -1), time(19, 30))),
        ("every Tuesday of June", Moment(Weekly(1, 6))),
        ("every tuesday", Moment(Weekly(1))),
        ("every Sunday of 11 08:30", Moment(Weekly(6, 11), time(8, 30))),
        ("mỗi thứ ba của tháng 6", Moment(Weekly(1, 6))),
        ("Mỗi thứ 3 tháng 6", Moment(Weekly(1, 6))),
        ("mỗi chủ nhật 09:00", Moment(Weekly(6), time(9))),
        ("every month on 15", Moment(Monthly(15))),
        ("ngày 31 hằng tháng 08:00", Moment(Monthly(31), time(8))),
    ],
)
def test_a_moment_is_read(written, read):
    assert moment(written) == read


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("", "không phải ngày"),
        (5, "không phải ngày"),
        (datetime(2026, 6, 26), "không phải ngày"),  # noqa: DTZ001 - a TOML time without zone is what people may write
        ("every tusday of june", "every tuesday of june"),
        ("every tuesday of juni", "every tuesday of june"),
        ("mỗi thứ chín", "không có thứ"),
        ("every month on 32", "không có ngày 32"),
        ("every month on 0", "không có ngày 0"),
        ("F-3", '"D-3"'),
        ("cuối tháng", '"D-3"'),
        ("D-3 9:00", '"9:00" không phải giờ'),
        ("06-31", "không có ngày 31/06"),
        ("26/6", '"06-26"'),
    ],
)
def test_what_is_no_moment_is_explained(written, words):
    with pytest.raises(PydanticCustomError) as caught:
        moment(written)
    assert words in caught.value.message()


def test_a_document_has_a_date_that_no_occasion_moves():
    for written in ("D-3", "06-26"):
        with pytest.raises(PydanticCustomError, match="đủ năm-tháng-ngày"):
            full_date(written)
    assert full_date("2026-06-26") == date(2026, 6, 26)


def test_days_are_counted_from_either_end_of_an_occasion():
    assert Offset(FIRST, -3).of(JUNE) == date(2026, 5, 29)
    assert Offset(LAST, 2).of(JUNE) == date(2026, 7, 2)
    assert day("E-29") == Offset(LAST, -29)
    assert Offset(LAST, -29).of(JUNE) == JUNE[0]


def test_every_tuesday_of_june_is_five_days_in_2026():
    days = [date(2026, 6, number) for number in (2, 9, 16, 23, 30)]
    assert list(Weekly(1, 6).within(JUNE)) == days
    assert list(Weekly(1, 6).within((date(2026, 5, 1), date(2026, 7, 31)))) == days
    assert list(Weekly(1, 7).within(JUNE)) == []


def test_a_day_that_a_month_lacks_is_its_last_one():
    year = (date(2026, 1, 1), date(2026, 12, 31))
    days = list(Monthly(31).within(year))
    assert len(days) == 12
    assert days[:4] == [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30)]
