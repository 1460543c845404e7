"""A text on the bench."""

import csv
import unicodedata
from pathlib import Path

import pytest

from campaigns.bench import Question, examine, facts
from campaigns.campaign import MessageClass
from campaigns.lints import Rule, Setting
from campaigns.tariff import Plan
from campaigns.template import Form, Placeholder
from campaigns.terms import parse
from campaigns.text import Encoding, plain

SAMPLES = list(
    csv.DictReader((Path(__file__).parent / "data" / "sample-texts.csv").read_text(encoding="utf-8").splitlines())
)


def on_bench(text, *, year=None, given=None, **changed):
    setting = Setting(year, (), MessageClass.PUBLIC_INFORMATION, facts(year or 2026, given or {}), {})
    return examine(Question(text, setting, this_year=2026, **changed))


@pytest.mark.parametrize("row", SAMPLES, ids=lambda row: row["id"])
def test_every_text_that_was_really_sent_can_be_sent_again(row):
    report = on_bench(row["text"])
    assert report.usable
    assert report.form is Form.ACCENTED
    assert (report.encoding.name, report.segments) == (row["nfc_encoding"], int(row["nfc_parts"]))
    assert report.plain.encoding is Encoding.GSM7
    assert report.plain.segments == int(row["undiacritised_parts"])


def test_the_text_of_hai_duong_is_six_parts_accented_and_three_without():
    text = next(row["text"] for row in SAMPLES if row["id"] == "hai-duong-bluezone-2021")
    report = on_bench(text, people={"viettel": 1000})
    assert (report.segments, report.plain.segments) == (6, 3)
    assert {total.plan: total.vnd for total in report.costs} == {
        Plan.ACCENTED: 6 * 350 * 1000,
        Plan.UNACCENTED: 3 * 350 * 1000,
    }


def test_a_decomposed_text_is_composed_first_and_kept_beside_its_plain_form():
    report = on_bench(unicodedata.normalize("NFD", "Đường dây nóng"))
    assert report.text == report.accented.text == "Đường dây nóng"
    assert report.plain.text == "Duong day nong"


def test_the_size_is_that_of_the_dearest_commune():
    report = on_bench("{owner}: bà con {commune}", given={Placeholder.OWNER: "CA"}, communes=("Na Sầm", "Tam Thanh"))
    assert report.worst.body == "CA: bà con Tam Thanh"
    assert report.best.body == "CA: bà con Na Sầm"
    assert report.units == 20
    assert report.plain.body == "CA: ba con Tam Thanh"


@pytest.mark.parametrize("text", ["Kính gửi {", "Kính gửi {xa}", "Kính gửi {owner}"])
def test_a_text_that_cannot_be_filled_in_is_measured_as_it_stands(text):
    report = on_bench(text)
    assert not report.usable
    assert report.units == len(text)


def test_a_year_is_only_a_remark_until_somebody_says_which_year_it_is_for():
    (remark,) = (finding for finding in on_bench("năm 2024").findings if finding.rule is Rule.YEAR)
    assert not remark.refuses
    assert "2026" in remark.message
    assert not on_bench("năm 2024", year=2026).usable
    assert on_bench("năm 2024", year=2024).usable


def test_only_a_letter_makes_a_text_accented():
    assert on_bench("Goi 111 – ngay").form is Form.UNACCENTED
    assert on_bench("Gọi 111").form is Form.ACCENTED
    assert on_bench("Bà con").form is Form.ACCENTED
    assert on_bench("Gọi 111", form=Form.UNACCENTED).usable is False


def test_the_sender_is_judged_with_the_text():
    assert on_bench("Gọi 111", sender="CA LANGSON").usable
    assert [f.rule for f in on_bench("Gọi 111", sender="HĐBCQG").findings if f.refuses] == [Rule.SENDER]


def test_an_offices_terms_count():
    terms = parse('[[banned]]\nword = "siêu rẻ"\n[[link]]\nhost = "zalo.me"\nreason = "Trang của tỉnh"\n', "dk.toml")
    report = on_bench("Siêu rẻ, xem zalo.me/ca", terms=terms)
    assert {(f.rule, f.refuses) for f in report.findings} == {(Rule.BANNED, True), (Rule.LINK, False)}


@pytest.mark.parametrize("text", ["\ud800", "｛commune｝", "a\x00b", "😀" * 100, "{{}}", "\u0338", "{commune}" * 50])
def test_no_text_breaks_the_bench(text):
    report = on_bench(text)
    assert report.plain.text == plain(text)
