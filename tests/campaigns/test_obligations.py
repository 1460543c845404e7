"""What must be reported, to whom, by when: from the office's file."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from campaigns import obligations, places
from campaigns.obligations import Duties, Period
from campaigns.problems import DefinitionError

EXAMPLE = Path(__file__).parents[2] / "reports.example.toml"
OFFICE = """
[[office]]
since = "2020-01-01"
superior = "Ủy ban nhân dân tỉnh Lạng Sơn"
name = "Sở Thông tin và Truyền thông"
symbol = "STTTT"
place = "Lạng Sơn"
signature = ["GIÁM ĐỐC"]
unit = "TTBCXB"
"""


def report(slug: str, start: str, end: str, deadline: str, extra: str = "") -> str:
    return (
        f'[[report]]\nslug = "{slug}"\ntitle = "Kết quả {{period}}"\nfrom = "{start}"\nto = "{end}"\n{deadline}\n'
        f'recipients = ["Ban Chỉ đạo 138 tỉnh"]\n{extra}\n'
    )


def load(tmp_path: Path, text: str) -> Duties:
    path = tmp_path / "reports.toml"
    path.write_text(text, encoding="utf-8")
    return obligations.load(path, places.areas())


def problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(DefinitionError) as raised:
        load(tmp_path, text)
    return [f"{problem.field}: {problem.message}" for problem in raised.value.problems]


def test_the_example_file_is_good() -> None:
    duties = obligations.load(EXAMPLE, places.areas())
    assert set(duties.obligations) == {"sau-thang", "nam", "sau-thang-cong-an"}


@pytest.mark.parametrize(
    ("start", "end", "before", "window", "last_day"),
    [
        # The two deadlines of one plan of 2024, the internal ones of another, and data windows fixed by law.
        ("12-15", "06-14", "06-15", (date(2023, 12, 15), date(2024, 6, 14)), date(2024, 6, 14)),
        ("12-15", "12-14", "12-01", (date(2023, 12, 15), date(2024, 12, 14)), date(2024, 11, 30)),
        ("01-01", "05-31", "06-10", (date(2024, 1, 1), date(2024, 5, 31)), date(2024, 6, 9)),
        ("12-15", "12-14", "12-20", (date(2023, 12, 15), date(2024, 12, 14)), date(2024, 12, 19)),
        ("12-15", "12-14", "01-10", (date(2023, 12, 15), date(2024, 12, 14)), date(2025, 1, 9)),
    ],
)
def test_window_and_deadline_are_told_apart(
    tmp_path: Path, start: str, end: str, before: str, window: tuple[date, date], last_day: date
) -> None:
    duties = load(tmp_path, OFFICE + report("mot", start, end, f'before = "{before}"'))
    obligation = duties.obligations["mot"]
    assert obligation.period(2024) == Period(*window)
    assert duties.deadline(obligation, 2024) == last_day


def test_a_chained_deadline_follows_the_first_one(tmp_path: Path) -> None:
    text = (
        OFFICE
        + report("so", "12-15", "06-14", 'before = "06-10"')
        + report("cong-an", "12-15", "06-14", 'follows = "so"\ndays = 7')
    )
    duties = load(tmp_path, text)
    assert duties.deadline(duties.obligations["cong-an"], 2026) == date(2026, 6, 16)  # before 17/6


def test_what_is_due_comes_in_the_order_of_its_days(tmp_path: Path) -> None:
    text = (
        OFFICE
        + report("nam", "12-15", "12-14", 'before = "12-20"')
        + report("nua-nam", "12-15", "06-14", 'before = "06-15"')
    )
    found = load(tmp_path, text).due(date(2026, 1, 1), date(2026, 12, 31))
    assert [(day, year, o.slug) for day, year, o in found] == [
        (date(2026, 6, 14), 2026, "nua-nam"),
        (date(2026, 12, 19), 2026, "nam"),
    ]


def test_a_review_of_one_year_is_due_in_that_year_only(tmp_path: Path) -> None:
    duties = load(tmp_path, OFFICE + report("so-ket", "01-01", "12-31", 'before = "03-01"', "years = [2024]"))
    assert [year for _day, year, _o in duties.due(date(2023, 1, 1), date(2027, 12, 31))] == [2024]


def test_months_are_counted_from_the_first_day_of_the_period() -> None:
    half_year = Period(date(2025, 12, 15), date(2026, 6, 14))
    assert len(half_year.months) == 6
    assert half_year.month_of(date(2026, 6, 1)) == date(2026, 5, 15)
    assert Period(date(2026, 1, 31), date(2026, 3, 30)).months == (date(2026, 1, 31), date(2026, 2, 28))


def test_the_office_is_named_as_it_was_at_the_time(tmp_path: Path) -> None:
    later = OFFICE.replace("2020-01-01", "2025-07-01").replace("Sở Thông tin và Truyền thông", "Sở Văn hóa")
    duties = load(tmp_path, later + OFFICE + report("mot", "12-15", "06-14", 'before = "06-15"'))
    names = [
        office.name if (office := duties.office(day)) else None
        for day in (date(2019, 1, 1), date(2022, 6, 14), date(2026, 6, 14))
    ]
    assert names == [None, "Sở Thông tin và Truyền thông", "Sở Văn hóa"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "tệp rỗng"),
        (report("mot", "12-15", "06-14", 'before = "06-15"'), "office: chưa có cơ quan nào"),
        (OFFICE + report("mot", "12-15", "06-14", ""), "cần đúng một trong hai khóa before"),
        (OFFICE + report("mot", "12-15", "06-14", 'before = "06-15"\nfollows = "hai"'), "cần đúng một trong hai khóa before"),
        (OFFICE + report("mot", "12-15", "06-14", 'follows = "hai"'), 'không có báo cáo "hai"'),
        (OFFICE + report("mot", "12-15", "06-14", 'follows = "mot"'), "chờ nhau thành vòng"),
        (OFFICE + report("mot", "2025-12-15", "06-14", 'before = "06-15"'), "lặp lại hằng năm"),
        (OFFICE + '[[target]]\ntitle = "Xã"\nmeasure = "communes"\nat_least = 30', "cần danh sách mã xã"),
        (OFFICE + '[[target]]\ntitle = "Xã"\nmeasure = "communes"\nat_least = 30\nareas = ["99999"]', "không có xã, phường"),
        (OFFICE + '[[target]]\ntitle = "Dân"\nmeasure = "reach"\nat_least = 70\nareas = ["06124"]', "cần dân số (people)"),
        (OFFICE + '[[target]]\ntitle = "Dân"\nmeasure = "views"\nat_least = 70', '"views" không phải cách đo'),
    ],
)  # fmt: skip
def test_every_mistake_is_explained(tmp_path: Path, text: str, said: str) -> None:
    assert any(said in problem for problem in problems(tmp_path, text)), problems(tmp_path, text)
