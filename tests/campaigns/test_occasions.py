"""The office's own file of awareness days and themes."""

from datetime import date

import pytest

from campaigns import occasions
from campaigns.calendar import shipped
from campaigns.definition import DefinitionError, library_path, load, parse

OWN = """\
[[occasion]]
slug = "tet"
name = "Đợt cao điểm Tết"
start = "12-15"
end = "02-15"
legal_basis = "Kế hoạch 12/KH-UBND"

[[theme]]
occasion = "drug-action-month"
year = 2026
theme = "Chủ đề của năm 2026"
source = "Công văn 1234/VPCP-KGVX ngày 27/5/2026"
"""


def written(folder, text):
    path = folder / "occasions.toml"
    path.write_text(text, "utf-8")
    return path


def test_what_the_office_adds_lies_over_what_is_shipped(tmp_path):
    calendar = occasions.load(written(tmp_path, OWN))
    assert calendar.occasions["tet"].days(2026) == (date(2026, 12, 15), date(2027, 2, 15))
    assert calendar.themes["drug-action-month", 2026] == "Chủ đề của năm 2026"
    assert shipped().occasions.items() <= calendar.occasions.items()
    assert ("drug-action-month", 2026) not in shipped().themes


def test_a_theme_that_came_is_used_by_the_definition_that_waited_for_it(tmp_path):
    calendar = occasions.load(written(tmp_path, OWN))
    assert load(library_path("drug_prevention_june"), year=2026, calendar=calendar).theme == "Chủ đề của năm 2026"
    assert load(library_path("drug_prevention_june"), year=2026).theme is None


def test_a_theme_in_the_definition_itself_wins(tmp_path):
    calendar = occasions.load(written(tmp_path, OWN))
    text = library_path("drug_prevention_june").read_text("utf-8").replace("[theme]", '[theme]\n2026 = "Của xã"')
    assert parse(text, "thu.toml", year=2026, calendar=calendar).theme == "Của xã"


def test_a_shipped_occasion_may_be_replaced(tmp_path):
    own = OWN.replace('"tet"', '"world-aids-day"')
    assert occasions.load(written(tmp_path, own)).occasions["world-aids-day"].name == "Đợt cao điểm Tết"


BROKEN = [
    ('slug = "tet"\n', "", "occasion[1].slug", "thiếu"),
    ('"12-15"', '"2026-12-15"', "occasion[1].start", "hằng năm"),
    ('"12-15"', '"D-3"', "occasion[1].start", "hằng năm"),
    ('"02-15"', '"02-29"', "occasion[1].end", "hằng năm"),
    ('"02-15"', '"31-02"', "occasion[1].end", "tháng viết trước"),
    ('"drug-action-month"', '"drug-month"', "theme[1].occasion", "drug-action-month"),
    ("year = 2026", "year = 1926", "theme[1].year", "2020-2099"),
    ('source = "Công văn 1234/VPCP-KGVX ngày 27/5/2026"\n', "", "theme[1].source", "thiếu"),
    ("[[theme]]", "[theme]", "theme", "[[theme]]"),
    ("[[theme]]", "[[themes]]", "themes", '"theme"?'),
    ('"tet"', '"Tết"', "occasion[1].slug", "sai dạng"),
]


@pytest.mark.parametrize(("old", "new", "field", "words"), BROKEN)
def test_what_is_wrong_with_the_file_is_told_by_line_and_field(tmp_path, old, new, field, words):
    with pytest.raises(DefinitionError) as caught:
        occasions.load(written(tmp_path, OWN.replace(old, new)))
    found = {problem.field: problem for problem in caught.value.problems}
    assert words in found[field].message
    assert found[field].line
