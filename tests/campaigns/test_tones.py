"""Where a tone mark stands does not make another word."""

import unicodedata

import pytest

from campaigns.tones import comparable, same, two_ways


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("hoà", "hòa"),
        ("Thuận Hoà", "thuận  HÒA"),
        ("ma tuý", "ma túy"),
        ("uỷ ban", "Ủy ban"),
        ("khoẻ", "khỏe"),
        ("hoá", unicodedata.normalize("NFD", "hóa")),
    ],
)
def test_the_two_schools_of_spelling_are_equal(one, other):
    assert same(one, other)
    assert comparable(one) == comparable(other)


@pytest.mark.parametrize(("one", "other"), [("hoa", "hòa"), ("hòa", "hóa"), ("túy", "tùy"), ("dừng", "đừng")])
def test_other_words_stay_others(one, other):
    assert not same(one, other)


def test_a_text_that_spells_one_word_in_both_schools_is_told():
    assert two_ways("Ma tuý đá; phòng, chống ma túy; tuý lúy") == [("tuý", "túy")]
    assert two_ways("Hoà Bình và hóa học") == []
