"""Communes, wards and zones, found by what rosters call them."""

import unicodedata

import pytest

from campaigns.places import Kind, areas, find, provinces
from campaigns.text import plain

# Names that differ by accents only, inside one province: without accents nobody can tell.
TWINS = 20
BARE_TWINS = {"25807"}  # Thanh An, beside Thạnh An


def test_the_country_has_its_units():
    assert len(areas()) == 3321
    assert len(provinces()) == 34
    kinds = [area.kind for area in areas().values()]
    assert [kinds.count(kind) for kind in (Kind.COMMUNE, Kind.WARD, Kind.ZONE)] == [2621, 687, 13]
    assert len([area for area in areas().values() if area.province_name == "Tỉnh Lạng Sơn"]) == 65


@pytest.mark.parametrize(
    "written",
    [
        "06124", "6124", " 06124 ", "Xã Na Sầm", "xã na sầm", "Na Sầm", "Na Sam", "na sam", "XA NA SAM", "X. Na Sầm",
        "NaSam", unicodedata.normalize("NFD", "xã Na Sầm"), "Thị trấn Na Sầm", "Na Sầm, Lạng Sơn",
        "xã Na Sầm, huyện Văn Lãng, tỉnh Lạng Sơn", "Na\u00a0Sầm", "Phường Na Sầm",
    ],
)  # fmt: skip
def test_na_sam_is_found_however_it_is_written(written):
    found = find(written)
    assert found is not None
    assert found.code == "06124"


@pytest.mark.parametrize(
    ("written", "province", "code"),
    [
        ("B'Lao", None, "24829"),
        ("Phường B’Lao", "Lâm Đồng", "24829"),
        ("Xa Dung", None, "03208"),
        ("Văn Miếu Quốc Tử Giám", "01", "00226"),
        ("phường Hà Giang 2", None, "00691"),
    ],
)
def test_odd_names_are_found(written, province, code):
    found = find(written, province)
    assert found is not None
    assert found.code == code


def test_tone_placement_does_not_matter():
    assert find("Phường Thuận Hoà", "Huế") == find("Thuận Hòa", "thành phố Huế") != None  # noqa: E711 - found, and one


@pytest.mark.parametrize(
    ("written", "province"),
    [
        ("", None),
        ("   ", None),
        ("99999", None),
        ("Không Có", None),
        ("Tân Tiến", None),  # in seven provinces
        ("Na Sầm", "Cao Bằng"),
        ("Na Sầm", "Đắk Nông"),  # a province of before the merger
        ("Van Lang", "Thái Nguyên"),  # Văn Lang and Văn Lăng
        ("Văn Lạng", "Thái Nguyên"),  # neither
    ],
)
def test_no_place_is_better_than_a_wrong_one(written, province):
    assert find(written, province) is None


def test_accents_tell_twins_apart():
    first, second = find("Văn Lang", "Thái Nguyên"), find("Văn Lăng", "Thái Nguyên")
    assert first is not None
    assert second is not None
    assert first.code != second.code


def test_the_kind_tells_twins_apart():
    ward, commune = find("Phuong My Tho", "Dong Thap"), find("xa My Tho", "Dong Thap")
    assert ward is not None
    assert commune is not None
    assert (ward.kind, commune.kind) == (Kind.WARD, Kind.COMMUNE)


def test_every_unit_is_found_by_its_own_name_in_its_province():
    for area in areas().values():
        assert find(f"{area.kind} {area.name}", area.province_name) == area
        # A twin whose own name bears no accent cannot be told from an unaccented spelling of the other.
        assert find(area.name, area.province_code) == (None if area.code in BARE_TWINS else area)


def test_every_unit_but_the_twins_is_found_without_accents():
    lost = [area for area in areas().values() if find(plain(area.name), plain(area.province_name)) != area]
    assert len(lost) == TWINS
    assert all(find(plain(area.name), area.province_code) is None for area in lost)
