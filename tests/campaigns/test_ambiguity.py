"""What may be misread once the accents are gone."""

import unicodedata

import pytest

from campaigns.ambiguity import Reading, ambiguities, known
from campaigns.text import plain
from campaigns.tones import same


@pytest.mark.parametrize("pair", known(), ids=lambda pair: f"{pair.intended} / {pair.reading}")
def test_each_pair_of_the_list_is_two_words_with_accents_and_one_without(pair):
    assert plain(pair.intended) == plain(pair.reading)
    assert not same(pair.intended, pair.reading)


def told(text, own=()):
    return [(one.position, one.written, one.plain, one.reading) for one in ambiguities(text, own)]


def test_a_phrase_is_found_whatever_its_case_comma_and_tone_placement():
    assert told("TƯ VẤN 111")[0] == (1, "TƯ VẤN", "TU VAN", "tự vẫn")
    assert told("phòng, chống")[0] == (1, "phòng, chống", "phong, chong", "phòng chồng")
    assert told("ma tuý") == [(1, "ma tuý", "ma tuy", "mà tùy")]


def test_positions_count_in_the_composed_text():
    assert told(unicodedata.normalize("NFD", "Hãy tố giác"))[0][0] == 5


def test_the_longer_phrase_hides_those_in_it():
    assert [written for _, written, _, _ in told("mua bán người")] == ["mua bán người"]


def test_a_phrase_does_not_reach_over_the_end_of_a_sentence():
    assert told("Khỏi tư. Vấn đề") == []


def test_neighbours_that_become_one_word_are_told_without_any_list():
    assert told("Đừng dùng")[0][:3] == (1, "Đừng dùng", "Dung dung")
    assert told("lá la") == [(1, "lá la", "la la", "la lá")]
    assert told("hoà hòa") == []


def test_an_office_can_add_its_own_pairs():
    own = [Reading("chợ nổi", "chó nói")]
    assert told("đi chợ nổi", own) == [(4, "chợ nổi", "cho noi", "chó nói")]


@pytest.mark.parametrize("text", ["", "111", "Xin chao", "😀 …"])
def test_a_text_without_accents_says_nothing(text):
    assert ambiguities(text) == []
