"""What a text may not say."""

from dataclasses import replace

import pytest

from campaigns.advice import advice
from campaigns.campaign import MessageClass
from campaigns.definition import library, library_path, load
from campaigns.lints import Rule, Setting, lint
from campaigns.template import Form, Placeholder
from campaigns.words import Word, named

FACTS = {Placeholder.YEAR: "2026", Placeholder.OWNER: "Cong an xa", Placeholder.HOTLINE: "111"}
PLAIN = Setting(2026, (), MessageClass.PUBLIC_INFORMATION, FACTS, {})


def found(text, form=Form.ACCENTED, **changed):
    return [
        (finding.rule, finding.position, finding.refuses) for finding in lint(text, form, replace(PLAIN, **changed))
    ]


@pytest.mark.parametrize(
    "text",
    [
        "{owner}: Hưởng ứng Tháng hành động phòng, chống ma túy {year}. Gọi {hotline}.",
        "Xem https://bocongan.gov.vn/tin hoặc gọi 0769040404, 113.",
        "Theo Luật 73/2021/QH14, ngày 26/6/2026, 100% bà con; 1.000.000 đồng",
        "Bà con {commune} chú ý (xem kỹ)... [QC]",
        "Hưởng ứng Ngày toàn dân (ngày 26/6), gọi số 113 (số 113 trực 24/7) [số 5] (nhập cư) (ghi chú: miễn phí)",
        "[Công an xã] 3 < 5, 5 > 3; 50%, $100, a_b, rất hay... XX",
        "Gia đình 👨\u200d👩\u200d👧",
    ],
)
def test_a_good_text_has_no_findings(text):
    assert found(text) == []


@pytest.mark.parametrize("name", library())
def test_the_library_has_no_findings(name):
    campaign = load(library_path(name), year=2026)
    facts = campaign.facts()
    for text in campaign.texts.values():
        for form in Form:
            assert found(text.form(form), form, facts=facts) == []


@pytest.mark.parametrize(
    ("text", "rule", "position"),
    [
        ("gọi {hotlin}", Rule.PLACEHOLDER, 5),
        ("gọi {", Rule.PLACEHOLDER, 5),
        ("Chào {theme}", Rule.VALUE, None),
        ("năm 2024 và 2024", Rule.YEAR, 5),
        ("xem bit.ly/abc", Rule.LINK, 5),
        ("xem https://gov.vn.example.com", Rule.LINK, 5),
        ("xem https://mps.gov.vn@example.com", Rule.LINK, 5),
        ("xem http://[::1", Rule.LINK, 5),
        ("xem vnexpress.net", Rule.LINK, 5),
        ("gọi 112", Rule.HOTLINE, 5),
        ("số 0912345678", Rule.HOTLINE, 4),
        ("gọi 0769.04.04.04", Rule.HOTLINE, 5),
        ("gọi 18001567", Rule.HOTLINE, 5),
        ("a\tb", Rule.CONTROL, 2),
        ("a\x1bb", Rule.CONTROL, 2),
        ("a\x9bb", Rule.CONTROL, 2),
        ("Chào «Tên»", Rule.LEFTOVER, 6),
        ("Xã <tên xã> mời", Rule.LEFTOVER, 4),
        ("Kính gửi ông ......", Rule.LEFTOVER, 14),
        ("ngày ___", Rule.LEFTOVER, 6),
        ("xã XXX", Rule.LEFTOVER, 4),
        ("xã [điền tên xã]", Rule.LEFTOVER, 4),
        ("(ghi số điện thoại)", Rule.LEFTOVER, 1),
        ("xã [Tên xã]", Rule.LEFTOVER, 4),
        ("[HO TEN] oi", Rule.LEFTOVER, 1),
        ("${name} ơi", Rule.LEFTOVER, 1),
        ("công \u0430n", Rule.LOOKALIKE, 6),
        ("ðường", Rule.LOOKALIKE, 1),
        ("𝚝ín", Rule.LOOKALIKE, 1),
        ("ma\u200btúy", Rule.INVISIBLE, 3),
        ("a\u200db", Rule.INVISIBLE, 2),
        ("đ" * 403, Rule.LENGTH, None),
    ],
)
def test_a_bad_text_is_refused_where_it_is_bad(text, rule, position):
    assert (rule, position, True) in found(text)


def test_what_a_placeholder_brings_in_is_judged_too():
    facts = {Placeholder.OWNER: "Công an xã, xem bit.ly/x", Placeholder.HOTLINE: "0912345678"}
    assert found("{owner}: gọi {hotline}", facts=facts) == [(Rule.LINK, None, True), (Rule.HOTLINE, None, True)]


def test_an_unaccented_text_must_fit_the_alphabet():
    assert found("Goi \u2013 111", Form.UNACCENTED) == [(Rule.ENCODING, None, True)]


def test_an_advertising_text_begins_with_its_label():
    assert found("Mua ngay", message_class=MessageClass.ADVERTISING) == [(Rule.LABEL, None, True)]
    assert found("[QC] Mua ngay", message_class=MessageClass.ADVERTISING) == []


@pytest.mark.parametrize("link", ["zalo.me/congan", "https://oa.zalo.me/congan", "ZALO.ME/x"])
def test_a_link_that_somebody_answers_for_is_told_and_not_refused(link):
    assert found(f"xem {link}", links={"zalo.me": "Trang của Công an"}) == [(Rule.LINK, 5, False)]


@pytest.mark.parametrize("link", ["zalo.me.example.com", "notzalo.me.vn", "https://evil.vn/zalo.me"])
def test_a_link_that_only_looks_like_it_is_refused(link):
    assert (Rule.LINK, 5, True) in found(f"xem {link}", links={"zalo.me": "Trang của Công an"})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Gọi 02053812345", [(Rule.HOTLINE, 5, False)]),
        ("Gọi +842053812345", [(Rule.HOTLINE, 5, True)]),
        ("Gọi 0205 3812 345", [(Rule.HOTLINE, 5, True)]),
        ("Gọi 02053812346", [(Rule.HOTLINE, 5, True)]),
        ("Nhắn tin tới 8088", [(Rule.HOTLINE, 14, False)]),
    ],
)
def test_a_number_that_the_office_answers_for_is_told_and_must_be_written_in_one(text, told):
    own = {"02053812345": "Trực ban Công an tỉnh", "8088": "Tổng đài của tỉnh"}
    assert found(text, own_hotlines=own) == told


def test_an_unverified_number_is_told_of_once_and_with_the_way_out():
    (finding,) = lint("Gọi 1900 1234 ngay", Form.ACCENTED, PLAIN)
    assert "1900 1234" in finding.message
    assert "[[own_hotline]]" in finding.message


def test_a_lookalike_of_d_is_to_be_written_as_d_with_stroke():
    (finding,) = lint("ðường", Form.ACCENTED, PLAIN)
    assert 'viết "đ"' in finding.message
    assert str(finding).startswith("vị trí 1: ")


@pytest.mark.parametrize("text", ["Thuý hoà", "THÚY  HÒA", "thuy hoa", "thúy, hoà!"])
def test_a_banned_word_is_found_whatever_its_case_accents_and_spelling(text):
    assert found(text, banned=(Word("thúy hòa"),)) == [(Rule.BANNED, None, True)]


@pytest.mark.parametrize("text", ["thùy hóa", "thúy hòaa", "anthúy hòa", "thuý hóa"])
def test_another_word_is_not_the_banned_one(text):
    assert list(named(text, [Word("thúy hòa")])) == []


@pytest.mark.parametrize(
    ("text", "form", "words"),
    [
        ("Ban Chi dao – 26/6", Form.ACCENTED, ['"–" (U+2013)', "UCS-2"]),
        ("a" * 163, Form.UNACCENTED, ["bớt 3 ký tự", "còn 1 phần"]),
        ("đ" * 72, Form.ACCENTED, ["bớt 2 ký tự", "còn 1 phần"]),
        ("tin & [khẩn]", Form.ACCENTED, ["từ chối", "& [ ]"]),
        ("Bà con", Form.UNACCENTED, ["vẫn còn chữ có dấu: à"]),
        ("Thong bao toi ba con trong đầu thang sau", Form.ACCENTED, ["chỉ 1 trên 9 chữ", "đầu"]),
        ("Ma tuý và ma túy", Form.ACCENTED, ["hai cách đặt dấu", "tuý và túy"]),
        ("giúp con nghiện", Form.ACCENTED, ["kỳ thị", "người sử dụng ma túy"]),
        ("giup con nghien", Form.UNACCENTED, ["kỳ thị"]),
    ],
)
def test_what_is_worth_a_second_look_is_told_and_never_refused(text, form, words):
    remarks = list(advice(text, form))
    assert any(all(word in remark.message for word in words) for remark in remarks), remarks
    assert not any(remark.refuses for remark in remarks)


@pytest.mark.parametrize(
    "text", ["a-" * 5000, "«<[tên " * 2000, "a." * 8000, "-a." * 5000, "0 " * 8000, "gọi " * 4000, "http://" * 2000]
)
def test_no_text_makes_the_lints_crawl(text):
    assert list(lint(text, Form.ACCENTED, PLAIN))
