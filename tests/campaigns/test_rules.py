"""What is worth a second look."""

from datetime import date

import pytest

from campaigns.campaign import Appraisal, Document, Text
from campaigns.definition import library_path, load, parse
from campaigns.rules import warnings

JUNE = load(library_path("drug_prevention_june"), year=2026)


def with_text(key="launch", **changed):
    text = JUNE.texts[key].model_copy(update=changed)
    return JUNE.model_copy(update={"texts": {**JUNE.texts, key: text}})


def only_wave(slug, **changed):
    return JUNE.model_copy(update={"waves": (JUNE.wave(slug).model_copy(update=changed),)})


def test_the_price_of_accents_is_the_only_remark_on_the_june_campaign():
    assert warnings(JUNE) == ["đợt national-day: gửi có dấu tốn 3 phần tin mỗi người, không dấu tốn 1"]


def test_a_wave_without_accents_says_nothing_of_their_price():
    assert warnings(only_wave("launch")) == []


NAMELESS = library_path("drug_prevention_june").read_text(encoding="utf-8").replace("{owner}: ", "")
NAMELESS = NAMELESS.replace('owner = "Ban Chỉ đạo 138"', "")
LAST_YEAR = Document(
    kind="Công văn",
    number="3631/VPCP-KGVX",
    date=date(2024, 5, 27),
    issuer="Văn phòng Chính phủ",
    subject="Tháng hành động",
)
LICENCE = Appraisal(number="12/GP-STTTT", date=date(2025, 5, 1), issuer="Sở Thông tin và Truyền thông")
PERIOD = JUNE.period.model_copy(update={"start": date(2026, 9, 1), "end": date(2026, 9, 30)})


@pytest.mark.parametrize(
    ("campaign", "words"),
    [
        (with_text(unaccented="{owner}: Bà con"), ["launch", "vẫn còn chữ có dấu: à"]),
        (with_text(unaccented="{owner}: " + "a" * 146), ["launch", "bớt 3 ký tự thì còn 1 phần"]),
        (with_text(unaccented="{owner}: [tin] & #"), ["launch", "nhà mạng từ chối", "# & [ ]"]),
        (with_text(unaccented="{owner}: xin {{commune}}"), ["nhà mạng từ chối", "{ }"]),
        (with_text(accented="{owner}: giúp con nghiện"), ["kỳ thị", "người sử dụng ma túy"]),
        (with_text(unaccented="{owner}: giup con nghien nhe"), ["kỳ thị"]),
        (with_text(unaccented="Tranh xa ma tuy"), ["launch", "không nêu cơ quan gửi", "{owner}"]),
        (with_text("national_day", accented="Ban Chi dao 138 – 26/6"), ['"–" (U+2013)', "UCS-2"]),
        (parse(NAMELESS, "thu.toml", year=2026), ["chưa ghi cơ quan gửi"]),
        (JUNE.model_copy(update={"legal_basis": JUNE.legal_basis[3:]}), ["căn cứ", "hiệu lực", "26/06/2026"]),
        (JUNE.model_copy(update={"theme": "Không ma túy"}), ["chủ đề năm 2026", "chưa được xác minh"]),
        (JUNE.model_copy(update={"period": PERIOD}), ["không trùng", "01/06/2026-30/06/2026"]),
        (JUNE.model_copy(update={"occasion": "tet"}), ['dịp "tet" không có trong lịch']),
        (JUNE.model_copy(update={"requests": (LAST_YEAR,)}), ["văn bản yêu cầu 3631/VPCP-KGVX", "27/05/2024"]),
        (JUNE.model_copy(update={"appraisal": LICENCE}), ["giấy phép 12/GP-STTTT", "hơn một năm"]),
        (only_wave("launch", relay=True), ["đọc lại cho dân nghe", "[texts.launch]"]),
        (with_text(content_kind="commendation"), ["nêu gương", "đồng ý"]),
        (only_wave("launch", date=date(2025, 6, 1)), ["0769040404", "10/10/2025"]),
        (with_text(accented="{owner}: ma tuý, ma túy"), ["launch", "hai cách đặt dấu"]),
        (JUNE.model_copy(update={"links": {"zalo.me": "Trang của tỉnh"}}), ["zalo.me", "Trang của tỉnh"]),
    ],
)
def test_a_doubtful_campaign_gets_a_warning(campaign, words):
    assert any(all(word in warning for word in words) for warning in warnings(campaign)), warnings(campaign)


def test_a_wrong_theme_is_set_against_the_verified_one():
    campaign = load(library_path("drug_prevention_june"), year=2025).model_copy(update={"theme": "Khác"})
    assert any("Chung một quyết tâm" in warning for warning in warnings(campaign))


def test_a_theme_spelled_in_the_other_school_is_the_verified_one():
    campaign = load(library_path("drug_prevention_june"), year=2025)
    other = campaign.model_copy(update={"theme": campaign.theme.replace("túy", "tuý")})
    assert warnings(other) == warnings(campaign)


def test_the_year_of_a_new_law_is_covered_by_the_bases_of_the_library():
    for year in (2025, 2026, 2027):
        campaign = load(library_path("drug_prevention_june"), year=year)
        assert not [warning for warning in warnings(campaign) if "căn cứ" in warning]


def test_a_warning_is_given_once():
    twice = JUNE.model_copy(update={"texts": {**JUNE.texts, "copy": Text(accented="Bà", unaccented="Bà")}})
    assert len(warnings(twice)) == len(set(warnings(twice)))
