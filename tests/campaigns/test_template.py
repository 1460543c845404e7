"""Placeholders, strictly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.template import Form, Placeholder, TemplateError, mistakes, parse, placeholders, render, values

FACTS = {Placeholder.YEAR: "2026", Placeholder.COMMUNE: "Na Sầm", Placeholder.THEME: "một {lạ}"}


def test_placeholders_are_filled_in():
    assert render("Năm {year}, {commune}: {year}", FACTS) == "Năm 2026, Na Sầm: 2026"


def test_doubled_braces_stand_for_themselves():
    assert render("{{year}} {{{year}}}", FACTS) == "{year} {2026}"


def test_a_value_is_never_read_as_a_template():
    assert render("{theme}", FACTS) == "một {lạ}"


@pytest.mark.parametrize(
    ("template", "position", "words"),
    [
        ("a {yaer}", 3, "{year}"),
        ("{Commune}", 1, "{commune}"),
        ("{ year }", 1, "{year}"),
        ("{}", 1, "{theme}"),
        ("{tên}", 1, "{hotline}"),
        ("ab {year", 4, "chưa có dấu }"),
        ("year}", 5, "không có dấu {"),
        ("{0}", 1, "chỉ dùng"),
        ("{year!r}", 1, "{year}"),
        ("{year.__class__}", 1, "chỗ điền"),
    ],
)
def test_a_wrong_brace_is_explained(template, position, words):
    (mistake,) = mistakes(template)
    assert mistake.position == position
    assert words in mistake.message
    with pytest.raises(TemplateError, match=f"vị trí {position}"):
        render(template, FACTS)


def test_all_wrong_braces_are_named_at_once():
    assert [mistake.position for mistake in mistakes("{a} } {")] == [1, 5, 7]


def test_a_placeholder_without_a_value_is_not_sent():
    with pytest.raises(KeyError):
        render("{hotline}", FACTS)


def test_what_a_text_uses_is_known():
    assert placeholders("{{year}} {commune} {hotline}") == {Placeholder.COMMUNE, Placeholder.HOTLINE}
    assert parse("x{year}") == ("x", Placeholder.YEAR)


def test_values_lose_their_accents_in_the_unaccented_form():
    facts = FACTS | {Placeholder.HOTLINE: None}
    assert values(Form.UNACCENTED, facts)[Placeholder.COMMUNE] == "Na Sam"
    assert values(Form.ACCENTED, facts)[Placeholder.COMMUNE] == "Na Sầm"
    assert Placeholder.HOTLINE not in values(Form.ACCENTED, facts)


@given(st.text(alphabet="ab{}"))
def test_a_text_is_either_explained_or_rendered(template):
    if mistakes(template):
        with pytest.raises(TemplateError):
            parse(template)
    else:
        assert "".join(map(str, parse(template))) == template.replace("{{", "{").replace("}}", "}")
