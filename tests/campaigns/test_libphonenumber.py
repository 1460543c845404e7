"""Our reading of numbers beside libphonenumber's: every prefix of the plan, and dirty cells whose truth is known."""

import phonenumbers
import pytest
from phonenumbers import carrier

from benchmarks.numbers import KINDS, cases, compare, prefixes
from campaigns.msisdn import network, normalise

CARRIERS = {
    "Viettel": "viettel",
    "MobiFone": "mobifone",
    "Vinaphone": "vinaphone",
    "Vietnamobile": "vietnamobile",
    "G-Mobile": "gmobile",
    "Itel": "itel",
    "Wintel": "wintel",
    "Reddi": "wintel",
}
# iTel has no masts of its own: for its block libphonenumber names the network that it is carried by.
HOSTS = {"87": "vinaphone"}


@pytest.mark.parametrize("prefix", prefixes())
def test_every_prefix_of_the_plan_is_valid_there_and_of_the_same_network(prefix):
    national = f"{prefix}123456789"[:9]
    number = phonenumbers.parse(f"0{national}", "VN")
    found = normalise(f"0{national}")
    assert phonenumbers.is_valid_number(number)
    assert found.numbers == (f"84{number.national_number}",)
    theirs = carrier.name_for_number(number, "en")
    assert CARRIERS.get(theirs, theirs) in {network(found.numbers[0]), HOSTS.get(prefix), ""}


def test_dirty_cells_give_exactly_the_numbers_that_they_were_made_of():
    listed = list(cases(4_000))
    assert {case.kind for case in listed} == set(KINDS)
    mine, theirs, _ = compare(listed)
    for kind, score in mine.by_kind.items():
        assert (score.right, score.given) == (score.true, score.true), kind
        assert theirs.by_kind[kind].right <= score.right
