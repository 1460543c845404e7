"""Figures as they are written in Vietnamese."""

import pytest

from campaigns.figures import dong, number


@pytest.mark.parametrize(
    ("value", "places", "written"),
    [
        (0, 0, "0"),
        (999, 0, "999"),
        (1234567, 0, "1.234.567"),
        (-1200, 0, "-1.200"),
        (1234.5, 1, "1.234,5"),
        (5.35, 2, "5,35"),
        (26.0, 1, "26"),
        (1000, 2, "1.000"),
    ],
)
def test_a_number_has_dots_between_thousands_and_a_comma_before_decimals(value, places, written):
    assert number(value, places) == written


def test_money_is_told_whole():
    assert dong(1_199_999.6) == "1.200.000 đồng"
