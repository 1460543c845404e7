"""Communes, wards and zones, found by what rosters call them."""

import datetime
import unicodedata

import pytest

from campaigns.places import Kind, PlaceError, areas, chosen, find, former_provinces, key, matches, provinces, zone
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


def test_every_unit_is_there_since_the_reform():
    assert {(area.valid_from, area.valid_to) for area in areas().values()} == {(datetime.date(2025, 7, 1), None)}


@pytest.mark.parametrize(
    ("phrase", "units"),
    [
        ("Đắk Nông cũ", 28), ("tỉnh Đắk Nông (cũ)", 28), ("Đắk Nông", 28), ("dak nong cu", 28), ("Lâm Đồng cũ", 51),
        ("Bình Thuận", 45), ("Lâm Đồng", 124), ("68", 124), ("Lạng Sơn", 65), ("TP HCM", 168), ("06124", 1),
        ("xã Na Sầm, Lạng Sơn", 1), ("Tân Tiến, Lạng Sơn", 1),
    ],
)  # fmt: skip
def test_a_province_of_today_or_of_before_is_a_set_of_communes(phrase, units):
    assert len(chosen(phrase)) == units


def test_the_former_provinces_of_lam_dong_are_its_communes_each_once():
    former = [chosen(name) for name in ("Đắk Nông cũ", "Lâm Đồng cũ", "Bình Thuận cũ")]
    assert frozenset().union(*former) == chosen("Lâm Đồng")
    assert sum(map(len, former)) == len(chosen("Lâm Đồng"))


def test_no_commune_is_in_two_former_provinces():
    members = [area.code for area in areas().values() for former in former_provinces().values() if area in former]
    assert len(former_provinces()) == 41
    assert len(members) == len(set(members))


def test_an_ambiguous_place_is_refused_with_the_choice():
    with pytest.raises(PlaceError, match="06019 Xã Tân Tiến, Tỉnh Lạng Sơn"):
        chosen("Tân Tiến")
    assert len(matches("Tan Tien")) == 8
    with pytest.raises(PlaceError, match="không có địa bàn"):
        chosen("Không Có")


@pytest.mark.parametrize("phrase", ["Hải Dương", "tỉnh Hải Dương cũ", "Cần Thơ cũ", "Bến Tre"])
def test_a_former_province_with_shared_communes_is_no_set_of_them(phrase):
    """There is a ward named Hải Dương, which is not what was meant."""
    with pytest.raises(PlaceError, match="hai tỉnh cũ"):
        chosen(phrase)
    assert len(chosen("phường Hải Dương")) == 1


def test_a_commune_of_before_the_merger_is_found_in_its_province_only():
    assert find("xã Bắc Hùng, huyện Văn Lãng, Lạng Sơn").code == "06124"
    assert find("Hoàng Việt", "Lạng Sơn").code == "06124"
    assert find("Bắc Hùng") is None


def test_a_zone_has_one_name_however_it_is_written():
    assert {zone(name) for name in ("Biên giới", "bien gioi", "BORDER", "xã biên giới")} == {"border"}
    assert zone("Vùng hạn mặn") == "vung han man"
    assert key("Xã Bắc Hùng, Văn Lãng") == key("bac hung")
