"""The cheapest and the dearest body of a text, against every commune one by one."""

import pytest

from campaigns.extremes import NOWHERE, distinct, every_commune, extremes
from campaigns.places import areas
from campaigns.template import Form, Placeholder, TemplateError
from campaigns.text import Encoding, measure, plain

NAMES = [NOWHERE, *(area.name for area in areas().values())]


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("template", ["Ba con {commune}", "Bà con {commune} " + "a" * 40, "x" * 140 + "{commune}"])
def test_the_extremes_are_those_of_all_communes(template, form):
    named = NAMES if form is Form.ACCENTED else map(plain, NAMES)
    costs = [(size.segments, size.units) for size in (measure(template.replace("{commune}", name)) for name in named)]
    found = extremes(template, form, {})
    assert (found.best.size.segments, found.best.size.units) == min(costs)
    assert (found.worst.size.segments, found.worst.size.units) == max(costs)


def test_the_longest_name_is_not_always_the_dearest():
    found = extremes("a" * 62 + "{commune}", Form.ACCENTED, {}, ["Yang Mao Long Name", "Đức Cơ 12"])
    assert found.best.size.encoding is Encoding.GSM7
    assert found.worst.body.endswith("Đức Cơ 12")
    assert found.worst.size.segments == 2


def test_a_name_with_double_units_stands_for_itself():
    assert set(distinct(["ab{c", "ab[c", "ab😀c", "abcd", "abce"])) == {"ab{c", "ab[c", "ab😀c", "abce"}


def test_a_text_for_all_has_one_case():
    found = extremes("Nam {year}", Form.UNACCENTED, {Placeholder.YEAR: "2026"})
    assert found.best == found.worst
    assert found.best.body == "Nam 2026"


def test_few_names_stand_for_all():
    assert len(every_commune()) < 50


def test_what_cannot_be_filled_in_is_said():
    with pytest.raises(KeyError):
        extremes("{owner}", Form.ACCENTED, {})
    with pytest.raises(TemplateError):
        extremes("{", Form.ACCENTED, {})
