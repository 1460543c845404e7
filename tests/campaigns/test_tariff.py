"""Price and duration, network by network."""

import pytest

from campaigns.tariff import Plan, Tariff, published, tariffs, totals
from campaigns.template import Form
from campaigns.text import measure

HAI_DUONG = {Form.ACCENTED: measure("ộ" * 353), Form.UNACCENTED: measure("o" * 353)}
PEOPLE = {"viettel": 600_000, "vinaphone": 400_000}
CONTRACT = [
    Tariff("viettel", 250, 200, accented=False, source="Hợp đồng 1"),
    Tariff("vinaphone", 250, 100, accented=True, source="Hợp đồng 2"),
]


def by_plan(terms, people):
    return {total.plan: total for total in totals(HAI_DUONG, terms, people)}


def test_a_million_people_cost_what_six_and_three_parts_cost():
    found = by_plan(tariffs(CONTRACT), PEOPLE)
    assert (found[Plan.ACCENTED].segments, found[Plan.ACCENTED].vnd) == (6_000_000, 1_500_000_000)
    assert (found[Plan.UNACCENTED].segments, found[Plan.UNACCENTED].vnd) == (3_000_000, 750_000_000)


def test_mixed_takes_accents_where_the_network_does():
    mixed = by_plan(tariffs(CONTRACT), PEOPLE)[Plan.MIXED]
    assert [(cost.network, cost.form, cost.segments) for cost in mixed.costs] == [
        ("viettel", Form.UNACCENTED, 3),
        ("vinaphone", Form.ACCENTED, 6),
    ]
    assert mixed.segments == 600_000 * 3 + 400_000 * 6


def test_a_plan_lasts_as_long_as_its_slowest_network():
    found = by_plan(tariffs(CONTRACT), PEOPLE)
    assert found[Plan.ACCENTED].seconds == 400_000 * 6 / 100
    assert found[Plan.UNACCENTED].seconds == 400_000 * 3 / 100


def test_where_nobody_knows_who_takes_accents_there_is_no_mixed_plan():
    assert Plan.MIXED not in by_plan(tariffs([]), PEOPLE)


def test_nothing_unknown_is_made_up():
    found = by_plan(tariffs([Tariff("wintel", segments_per_second=10)]), {"wintel": 5, "viettel": 5})
    accented = found[Plan.ACCENTED]
    wintel, viettel = accented.costs
    assert (wintel.vnd_each, wintel.vnd, wintel.seconds) == (None, None, 3)
    assert (viettel.vnd, viettel.seconds) == (5 * 6 * 350, None)
    assert (accented.segments, accented.vnd, accented.seconds) == (60, None, None)


def test_without_people_a_price_is_for_one():
    found = by_plan(tariffs([]), {})
    viettel = next(cost for cost in found[Plan.UNACCENTED].costs if cost.network == "viettel")
    assert (viettel.vnd_each, viettel.vnd, viettel.people) == (1050, None, None)
    assert "2021" in viettel.source
    assert found[Plan.UNACCENTED].vnd is None


def test_a_pace_without_a_price_leaves_the_published_price():
    viettel = tariffs([Tariff("viettel", segments_per_second=50)])["viettel"]
    assert (viettel.vnd_per_segment, viettel.segments_per_second) == (350, 50)
    assert "viettel-shop.vn" in viettel.source


@pytest.mark.parametrize("price", published(), ids=lambda price: price.network)
def test_every_published_price_is_dated_and_has_a_source(price):
    assert price.source
    assert price.as_of
