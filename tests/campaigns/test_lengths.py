"""Parts as carriers sell them."""

import pytest

from campaigns.lengths import Profile, fits, profiles
from campaigns.text import LIMITS, Encoding, Size, measure


def parts(size, name):
    return next(fit.parts for fit in fits(size) if fit.profile == name)


@pytest.mark.parametrize(
    ("units", "standard", "advertising"),
    [
        (0, 0, 0),
        (122, 1, 1),
        (123, 1, 2),
        (160, 1, 2),
        (161, 2, 2),
        (268, 2, 2),
        (269, 2, 3),
        (306, 2, 3),
        (307, 3, 3),
        (421, 3, 3),
        (422, 3, None),
        (459, 3, None),
        (460, 4, None),
    ],
)
def test_information_ends_at_160_306_459_and_advertising_at_122_268_421(units, standard, advertising):
    size = measure("a" * units)
    assert parts(size, "standard") == standard == size.segments
    assert parts(size, "advertising") == advertising


@pytest.mark.parametrize("units", [*range(0, 1000, 7), 160, 161, 306, 307, 918, 919])
def test_the_standard_profile_is_the_standard(units):
    assert parts(measure("a" * units), "standard") == measure("a" * units).segments
    assert parts(measure("ộ" * units), "standard") == measure("ộ" * units).segments


def test_a_pair_that_may_not_be_torn_counts_on_every_profile():
    size = measure("a" * 152 + "{" + "a" * 152)
    assert size.units == 306
    assert parts(size, "standard") == 3


def test_a_text_knows_how_much_room_is_left():
    fit = fits(measure("a" * 100))[0]
    assert (fit.profile, fit.left) == ("standard", 60)
    assert fits(measure("a" * 200))[0].left == 106


def test_a_profile_that_says_nothing_of_an_encoding_is_not_asked():
    assert "advertising" not in {fit.profile for fit in fits(measure("ộ"))}


def test_an_offices_own_profile_hides_the_published_one_of_that_name():
    own = Profile("standard", "Hợp đồng", Encoding.GSM7, (100, 200), 200, "Hợp đồng 1")
    found = fits(Size(Encoding.GSM7, 201, 2), [own])
    assert found[0].parts is None
    assert found[0].left == -1
    assert [fit.profile for fit in found].count("standard") == 1


def test_beyond_its_last_end_a_profile_goes_on_as_the_standard_does():
    own = Profile("x", "x", Encoding.GSM7, (100,), None, "x")
    fit = next(fit for fit in fits(measure("a" * 254), [own]) if fit.profile == "x")
    assert (fit.parts, fit.left) == (3, 152)


@pytest.mark.parametrize("profile", profiles(), ids=lambda profile: f"{profile.profile}-{profile.encoding}")
def test_every_published_profile_has_a_source_and_ends_that_grow(profile):
    assert profile.source
    assert list(profile.ends) == sorted(set(profile.ends))
    assert profile.ends[0] <= LIMITS[profile.encoding].alone
