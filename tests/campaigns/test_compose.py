"""What people will read."""

import pytest

from campaigns.compose import samples, variants
from campaigns.definition import library, library_path, load
from campaigns.template import Form
from campaigns.text import Encoding, measure

JUNE = load(library_path("drug_prevention_june"), year=2026)


def in_form(campaign, slug, form):
    changed = campaign.wave(slug).model_copy(update={"form": form})
    return campaign.model_copy(update={"waves": (changed,)})


def test_a_text_for_all_has_one_variant():
    (only,) = variants(JUNE, "launch", ["06124", None, "06121"])
    assert only.area_code is None
    assert only.body.startswith("Ban Chi dao 138: ")
    assert "2026" in only.body
    assert "0769040404" in only.body
    assert (only.encoding, only.segments) == (Encoding.GSM7, 1)


def test_a_text_with_a_commune_has_one_variant_for_each_area_and_one_for_nowhere():
    found = variants(JUNE, "disguised", ["06124", None, "06124", "05986"])
    assert [variant.area_code for variant in found] == [None, "05986", "06124"]
    nowhere, tam_thanh, na_sam = found
    assert "Ba con dia phuong khong" in nowhere.body
    assert "Ba con Tam Thanh khong" in tam_thanh.body
    assert "Ba con Na Sam khong" in na_sam.body


def test_the_accented_form_names_the_commune_as_it_is_written():
    campaign = in_form(JUNE, "disguised", Form.ACCENTED)
    nowhere, na_sam = variants(campaign, "disguised", ["06124"])
    assert "Bà con địa phương không" in nowhere.body
    assert "Bà con Na Sầm không" in na_sam.body


def test_nobody_known_still_gets_the_text():
    assert [variant.area_code for variant in variants(JUNE, "disguised", [])] == [None]
    assert [variant.area_code for variant in variants(JUNE, "launch", [])] == [None]


def test_a_code_that_is_no_area_reads_like_nowhere():
    nowhere, unknown = variants(JUNE, "disguised", ["99999"])
    assert unknown.area_code == "99999"
    assert unknown.body == nowhere.body


def test_an_unaccented_variant_stays_plain_where_the_name_has_a_curly_apostrophe():
    (variant,) = (found for found in variants(JUNE, "disguised", ["24829"]) if found.area_code)
    assert "B'Lao" in variant.body
    assert variant.encoding is Encoding.GSM7


def test_a_variant_costs_what_its_body_costs():
    for variant in variants(JUNE, "disguised", ["06124", "24829", "00199"]):
        size = measure(variant.body)
        assert (variant.encoding, variant.units, variant.segments) == (size.encoding, size.units, size.segments)


def test_an_unknown_wave_has_no_variants():
    with pytest.raises(KeyError):
        variants(JUNE, "lunch", [])


@pytest.mark.parametrize("year", [2025, 2026])
@pytest.mark.parametrize("name", library())
def test_the_library_fits_one_segment_unaccented_and_three_accented(name, year):
    found = samples(load(library_path(name), year=year))
    assert found
    assert {sample.form for sample in found} == set(Form)
    for sample in found:
        assert (sample.unaccented.encoding, sample.unaccented.segments) == (Encoding.GSM7, 1)
        assert (sample.accented.encoding, sample.accented.segments) <= (Encoding.UCS2, 3)


def test_a_sample_shows_the_worst_case_in_both_forms():
    (sample,) = (sample for sample in samples(JUNE) if sample.wave == "disguised")
    assert "Văn Miếu - Quốc Tử Giám" in sample.accented.body
    assert "Van Mieu - Quoc Tu Giam" in sample.unaccented.body
    assert sample.chosen is sample.unaccented
    assert sample.title == "Cảnh báo ma túy núp bóng"


def with_launch(**changed):
    text = JUNE.texts["launch"].model_copy(update=changed)
    return JUNE.model_copy(update={"texts": {**JUNE.texts, "launch": text}})


def test_another_language_has_variants_of_its_own_after_the_vietnamese_ones():
    campaign = with_launch(languages={"tyz": "Tày {commune}", "hmn": "Hmong"})
    found = variants(campaign, "launch", ["06124", "05986"])
    assert [(variant.language, variant.area_code) for variant in found] == [
        ("", None), ("hmn", None), ("tyz", None), ("tyz", "05986"), ("tyz", "06124"),
    ]  # fmt: skip
    assert found[-1].body == "Tày Na Sầm"
    assert [other.language for other in samples(campaign)[0].others] == ["hmn", "tyz"]


def test_a_theme_to_come_is_shown_in_samples_but_never_sent():
    campaign = with_launch(unaccented="{owner}: {theme}")
    assert "chu de cua nam" in samples(campaign)[0].chosen.body
    with pytest.raises(KeyError):
        variants(campaign, "launch")
