"""A definition for another year, with nothing else of it changed."""

import pytest

from campaigns.adapting import adapted
from campaigns.definition import library, library_path, parse

TEXT = """\
# Ghi chú.

slug = "june"  # tên
title = '''
Tháng
year = 1
'''
topics = [
    "drug",
]
[period]
year = "không phải năm"
"""


def test_a_key_is_set_in_its_place_and_the_rest_stays():
    assert adapted(TEXT, {"slug": "july"}) == TEXT.replace('slug = "june"  # tên', 'slug = "july"')


def test_a_key_that_is_missing_comes_after_the_first_one():
    made = adapted(TEXT, {"year": 2027, "owner": 'Sở "A"\\B'})
    assert made.split("\n")[2:5] == ['slug = "june"  # tên', 'owner = "Sở \\"A\\"\\\\B"', "year = 2027"]
    assert "[period]\nyear = " in made


def test_a_value_over_several_lines_is_replaced_whole():
    made = adapted(TEXT, {"title": "Một"})
    assert made == TEXT.replace("'''\nTháng\nyear = 1\n'''", '"Một"')


def test_a_text_that_begins_with_a_table_gets_its_keys_before_it():
    assert adapted("[a]\nb = 1\n", {"year": 2026}) == "year = 2026\n[a]\nb = 1\n"
    assert adapted("", {"year": 2026}) == "year = 2026\n"


def test_what_is_not_toml_is_refused():
    with pytest.raises(ValueError, match="Invalid"):
        adapted("a = \n", {"year": 2026})


@pytest.mark.parametrize("name", library())
@pytest.mark.parametrize("year", [2025, 2026, 2027, 2028])
def test_every_definition_of_the_library_serves_every_year(name, year):
    text = library_path(name).read_text("utf-8")
    made = adapted(text, {"year": year, "owner": "Công an xã Na Sầm", "slug": "na_sam"})
    campaign = parse(made, "thu.toml")
    assert (campaign.edition, campaign.owner) == (f"na_sam-{year}", "Công an xã Na Sầm")
    assert made.count("#") == text.count("#")
