"""What a text costs: the published facts, every sample text, and brute force."""

import csv
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.segments import generate
from campaigns.text import BASIC, EXTENSION, Encoding, Kind, Size, costly, measure, nfc, plain
from tests.campaigns.packing import ALPHABET, ESCAPED, packed

SAMPLES = list(
    csv.DictReader((Path(__file__).parent / "data" / "sample-texts.csv").read_text(encoding="utf-8").splitlines())
)

LETTERS = sorted(
    {nfc(base + mark) for base in "aăâeêioôơuưy" for mark in ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")}
    - set("aeiouy")
    | {"đ"}
)


def test_the_alphabet_is_that_of_the_standard():
    assert set(ALPHABET) == BASIC
    assert set(ESCAPED) == EXTENSION


def test_only_seven_vietnamese_letters_are_in_the_alphabet():
    both = [*LETTERS, *(letter.upper() for letter in LETTERS)]
    assert len(both) == 134
    assert {letter for letter in both if letter in BASIC} == set("àèéìòùÉ")


@pytest.mark.parametrize("row", SAMPLES, ids=lambda row: row["id"])
def test_a_sample_text_costs_what_was_measured(row):
    text = row["text"]
    assert len(nfc(text)) == int(row["chars_nfc"])
    assert measure(text) == Size(
        Encoding[row["nfc_encoding"]], len(nfc(text).encode("utf-16-le")) // 2, int(row["nfc_parts"])
    )
    assert measure(unicodedata.normalize("NFD", text)) == measure(text)


def bare(text: str) -> str:
    """Only the marks taken off, as the sample table was measured: its punctuation stays."""
    marked = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return nfc("".join(char for char in marked if not unicodedata.combining(char)))


@pytest.mark.parametrize("row", SAMPLES, ids=lambda row: row["id"])
def test_a_sample_text_without_marks_costs_what_was_measured(row):
    size = measure(bare(row["text"]))
    expected = (row["undiacritised_encoding"], row["undiacritised_units"], row["undiacritised_parts"])
    assert (size.encoding.name, str(size.units), str(size.segments)) == expected


@pytest.mark.parametrize("row", SAMPLES, ids=lambda row: row["id"])
def test_a_plain_sample_text_is_always_gsm7(row):
    assert measure(plain(row["text"])).encoding is Encoding.GSM7


def test_one_en_dash_costs_a_campaign():
    theme = "Chung một quyết tâm – Vì cộng đồng không ma túy"
    assert measure(bare(theme)).encoding is Encoding.UCS2
    assert measure(plain(theme)) == Size(Encoding.GSM7, 47, 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Size(Encoding.GSM7, 0, 0)),
        ("Bà", Size(Encoding.GSM7, 2, 1)),
        ("Hà Nội", Size(Encoding.UCS2, 6, 1)),
        ("[QC] ", Size(Encoding.GSM7, 7, 1)),
        ("a" * 160, Size(Encoding.GSM7, 160, 1)),
        ("a" * 161, Size(Encoding.GSM7, 161, 2)),
        ("a" * 306, Size(Encoding.GSM7, 306, 2)),
        ("a" * 307, Size(Encoding.GSM7, 307, 3)),
        ("ộ" * 70, Size(Encoding.UCS2, 70, 1)),
        ("ộ" * 71, Size(Encoding.UCS2, 71, 2)),
        ("ộ" * 134, Size(Encoding.UCS2, 134, 2)),
        ("ộ" * 135, Size(Encoding.UCS2, 135, 3)),
        # 152 + an escape pair: the pair moves on to the second part whole, and the second part is then too small.
        ("a" * 152 + "{" + "a" * 152, Size(Encoding.GSM7, 306, 3)),
        ("a" * 151 + "{" + "a" * 153, Size(Encoding.GSM7, 306, 2)),
        # Each part of 67 units holds 33 emoji of two units and wastes one.
        ("😀" * 67, Size(Encoding.UCS2, 134, 3)),
        ("\x1b", Size(Encoding.UCS2, 1, 1)),  # the escape itself is no character
    ],
)
def test_a_text_at_an_edge_costs_exactly(text, expected):
    assert measure(text) == expected


CHARS = [*"aZ 0@\n", *ESCAPED, "à", "ộ", "đ", "Ơ", "–", "\u00a0", "😀", "𠊛", "\u0301", "o\u0302\u0323", "ô\u0306", "e"]
RUNS = st.lists(st.tuples(st.sampled_from(CHARS), st.integers(1, 160)), max_size=8)
PLAIN_RUNS = st.lists(st.tuples(st.sampled_from([*"aZ 0", *ESCAPED]), st.integers(1, 160)), max_size=8)


@given(st.one_of(RUNS, PLAIN_RUNS).map(lambda runs: "".join(char * count for char, count in runs)) | st.text())
@settings(deadline=None, max_examples=500)
def test_the_counter_equals_brute_force(text):
    size = measure(text)
    assert (size.encoding, size.units, size.segments) == packed(text)


@given(st.text(alphabet=[*LETTERS, *(letter.upper() for letter in LETTERS), *"abc XYZ.,!"]))
@settings(deadline=None)
def test_plain_vietnamese_is_ascii_of_the_same_length(text):
    assert plain(text).isascii()
    assert len(plain(text)) == len(text)
    assert plain(unicodedata.normalize("NFD", text)) == plain(text)


@given(st.text())
@settings(deadline=None)
def test_plain_is_plain_already(text):
    assert plain(plain(text)) == plain(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Đường dây nóng", "Duong day nong"),
        ("ðường Ðăk ƉƊ", "duong Dak DD"),
        ("“ma túy” ‘đá’", "\"ma tuy\" 'da'"),
        ("một – hai — ba…", "mot - hai - ba..."),
        ("• 5.000₫", "- 5.000d"),
        ("Phường B’Lao, D’Ran", "Phuong B'Lao, D'Ran"),
        ("a\u00a0b\u2009c\td", "a b c d"),
        ("a\u200bb\ufeffc\u00add", "abcd"),
        ("𝚝𝚒𝚗", "tin"),
        ("сông аn", "cong an"),  # Cyrillic с and а
        ("đi → về", "di -> ve"),
    ],
)
def test_plain_folds_letters_and_punctuation(text, expected):
    assert plain(text) == expected
    assert measure(expected).encoding is Encoding.GSM7


def test_costly_names_each_character_where_it_stands():
    found = costly("Bà – đi 😀\u200b")
    assert [(char.char, char.code_point, char.position, char.replacement) for char in found] == [
        ("–", "U+2013", 4, "-"),
        ("đ", "U+0111", 6, "d"),
        ("😀", "U+1F600", 9, None),
        ("\u200b", "U+200B", 10, ""),
    ]
    assert found[0].name == "EN DASH"


def test_costly_counts_positions_in_the_composed_text():
    assert [char.position for char in costly(unicodedata.normalize("NFD", "Hà Nội"))] == [5]


def test_a_text_that_fits_has_no_costly_character():
    assert costly("Bà [QC] ~ €") == []


def test_ten_thousand_generated_texts_cost_what_brute_force_says():
    wrong = [text for text in generate(10_000) if measure(text) != Size(*packed(text))]
    assert wrong == []


@pytest.mark.parametrize(
    ("char", "kind", "instead"),
    [
        ("ộ", Kind.ACCENT, "o"),
        ("Đ", Kind.ACCENT, "D"),
        ("ƀ", Kind.ACCENT, "b"),
        ("\u0306", Kind.ACCENT, ""),
        ("ð", Kind.LOOKALIKE, "d"),
        ("Ɖ", Kind.LOOKALIKE, "D"),
        ("а", Kind.LOOKALIKE, "a"),  # Cyrillic
        ("ο", Kind.LOOKALIKE, "o"),  # Greek
        ("օ", Kind.LOOKALIKE, "o"),  # Armenian
        ("Ａ", Kind.LOOKALIKE, "A"),
        ("𝚝", Kind.LOOKALIKE, "t"),
        ("𝟏", Kind.LOOKALIKE, "1"),
        ("“", Kind.SIGN, '"'),
        ("–", Kind.SIGN, "-"),
        ("…", Kind.SIGN, "..."),
        ("，", Kind.SIGN, ","),
        ("\u00a0", Kind.SPACE, " "),
        ("\t", Kind.SPACE, " "),
        ("\u200b", Kind.INVISIBLE, ""),
        ("\u202e", Kind.INVISIBLE, ""),
        ("\x1b", Kind.INVISIBLE, ""),
        ("😀", Kind.OTHER, None),
        ("ж", Kind.OTHER, None),
        ("\ud800", Kind.OTHER, None),
    ],
)
def test_a_costly_character_is_told_by_its_kind(char, kind, instead):
    (found,) = costly(char)
    assert (found.kind, found.replacement) == (kind, instead)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("5½ km", "5 1/2 km"), ("10⁶", "10^6"), ("a ≠ b", "a != b"), ("≤ 5", "<= 5"), ("d̵ường", "duong")],
)
def test_plain_does_not_change_what_is_said(text, expected):
    assert plain(text) == expected


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\x00", "\U0010ffff", "\u0301" * 200])
def test_broken_unicode_is_counted_like_everything_else(text):
    assert measure(text) == Size(*packed(text))
    assert len(costly(text)) <= len(text)
    assert plain(plain(text)) == plain(text)
