"""Texts cut into parts and put together again: as many as were priced, and no letter torn while that can be had."""

import csv
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.text import Encoding, measure, plain
from providers.smpp.alphabet import LETTERS, Alphabet, decoded
from providers.smpp.codes import Tag
from providers.smpp.parts import UDHI, Concatenation, parts, piece

GSM, LATIN1, UCS2 = Alphabet.GSM, Alphabet.LATIN1, Alphabet.UCS2
UDH8, UDH16, SAR, PAYLOAD = Concatenation
SAMPLES = [
    row["text"]
    for row in csv.DictReader(
        (Path(__file__).parents[2] / "campaigns/data/sample-texts.csv").read_text(encoding="utf-8").splitlines()
    )
]
FAMILY = "👨\u200d👩\u200d👧\u200d👦"
LONG = st.integers(1, 4).flatmap(lambda times: ANY.map(lambda text: text * times))
ANY = st.one_of(
    st.text(sorted(LETTERS), max_size=400),
    st.text(sorted(LETTERS), max_size=400).map(lambda text: text + "ế"),
    st.text("aăâệẫ 👍{€", max_size=200),
    st.lists(st.sampled_from(["a", "ô\u0306", "e\u0302\u0301", FAMILY, "🇻🇳", "👍🏽", "\r\n", " "]), max_size=80).map(
        "".join
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
)


def alphabet_of(text):
    return GSM if measure(text).encoding is Encoding.GSM7 else UCS2


def joined(pieces, alphabet):
    """The text of all parts of one message, in any order."""
    in_order = sorted(pieces, key=lambda one: one.number)
    assert [one.number for one in in_order] == [*range(1, in_order[0].total + 1)]
    return decoded(b"".join(one.octets for one in in_order), alphabet)


def read(sent):
    return [
        piece(part.esm_class, part.short_message or part.tlvs.get(Tag.MESSAGE_PAYLOAD, b""), part.tlvs) for part in sent
    ]


def texts_of(text, concatenation=UDH8):
    """What each part holds by itself."""
    alphabet = alphabet_of(text)
    return [decoded(one.octets, alphabet) for one in read(parts(text, alphabet, concatenation, 1))]


@pytest.mark.parametrize("concatenation", [UDH8, SAR])
@pytest.mark.parametrize("text", [*SAMPLES, *map(plain, SAMPLES)])
def test_the_sample_texts_have_the_parts_that_they_are_priced_at(text, concatenation):
    sent = parts(text, alphabet_of(text), concatenation, 7)
    assert len(sent) == measure(text).segments
    assert joined(read(sent), alphabet_of(text)) == text


@settings(max_examples=400, deadline=None)
@given(text=LONG, concatenation=st.sampled_from([UDH8, SAR]), reference=st.integers(0, 0xFFFFFFFF))
def test_any_text_has_the_parts_that_it_is_priced_at_and_comes_back_whole(text, concatenation, reference):
    text = unicodedata.normalize("NFC", text)
    sent = parts(text, alphabet_of(text), concatenation, reference)
    assert len(sent) == max(1, measure(text).segments)
    assert joined(reversed(read(sent)), alphabet_of(text)) == text


@settings(max_examples=200, deadline=None)
@given(text=LONG, concatenation=st.sampled_from(Concatenation))
def test_no_part_is_longer_than_the_air_allows(text, concatenation):
    alphabet = alphabet_of(text)
    for part in parts(text, alphabet, concatenation, 1):
        header = part.short_message[0] + 1 if part.esm_class & UDHI else 0
        octets = len(part.short_message) - header
        assert header + (octets if alphabet is UCS2 else -(-octets * 7 // 8)) <= 140


@settings(max_examples=200, deadline=None)
@given(text=LONG)
def test_no_pair_is_cut_in_two(text):
    assert "".join(texts_of(unicodedata.normalize("NFC", text))) == unicodedata.normalize("NFC", text)


@settings(max_examples=100, deadline=None)
@given(text=ANY.filter(lambda text: set(text) <= LETTERS and max(text, default="") < "\u0100"))
def test_latin_1_has_the_parts_of_the_gsm_alphabet(text):
    assert len(parts(text, LATIN1, UDH8, 1)) == max(1, measure(text).segments)


@pytest.mark.parametrize("letter", ["ô\u0306", FAMILY, "🇻🇳", "👍🏽", "\u1100\u1161\u11a8"])
@pytest.mark.parametrize("before", range(60, 68))
def test_no_letter_is_torn_from_its_marks_while_there_is_room(letter, before):
    text = "ế" * before + letter + "a" * 20
    assert [letter in part for part in texts_of(text)].count(True) == 1


def test_flags_are_not_cut_in_the_middle_of_one():
    assert all(len(part) % 2 == 0 for part in texts_of("🇻🇳" * 20))


def test_a_text_priced_at_full_parts_keeps_its_price_and_not_its_marks():
    text = "ô\u0306" * 67
    assert len(texts_of(text)) == measure(text).segments == 2


def test_a_line_break_of_two_characters_stays_one():
    assert [part[-1] for part in texts_of("a" * 152 + "\r\n" + "b" * 20)] == ["a", "b"]


@pytest.mark.parametrize(("letters", "expected"), [(160, 1), (161, 2), (306, 2), (307, 3)])
def test_plain_texts_go_153_a_part(letters, expected):
    assert len(parts("a" * letters, GSM, UDH8, 1)) == expected


@pytest.mark.parametrize(("letters", "expected"), [(70, 1), (71, 2), (134, 2), (135, 3)])
def test_accented_texts_go_67_a_part(letters, expected):
    assert len(parts("ế" * letters, UCS2, UDH8, 1)) == expected


def test_an_8_bit_header():
    first, second = parts("a" * 161, GSM, UDH8, 0x1FE)
    assert (first.esm_class, first.short_message) == (UDHI, bytes.fromhex("050003fe0201") + b"a" * 153)
    assert (second.esm_class, second.short_message) == (UDHI, bytes.fromhex("050003fe0202") + b"a" * 8)


def test_a_16_bit_header_takes_a_letter_more():
    first, second = parts("a" * 161, GSM, UDH16, 0x1ABCD)
    assert first.short_message == bytes.fromhex("060804abcd0201") + b"a" * 152
    assert second.short_message == bytes.fromhex("060804abcd0202") + b"a" * 9


def test_optional_parameters_instead_of_a_header():
    first, _ = parts("a" * 161, GSM, SAR, 0x0102)
    assert first == (0, b"a" * 153, {0x020C: b"\1\2", 0x020E: b"\2", 0x020F: b"\1"})


def test_a_payload_is_one_message_that_the_carrier_cuts():
    assert parts("a" * 400, GSM, PAYLOAD, 1) == [(0, b"", {0x0424: b"a" * 400})]


@pytest.mark.parametrize("concatenation", Concatenation)
def test_a_short_text_is_just_itself(concatenation):
    assert parts("{Chao}", GSM, concatenation, 1) == [(0, b"\x1b(Chao\x1b)", {})]


def test_a_text_of_more_than_255_parts_is_refused():
    assert len(parts("a" * 153 * 255, GSM, UDH8, 1)) == 255
    with pytest.raises(ValueError, match="256 parts"):
        parts("a" * (153 * 255 + 1), GSM, UDH8, 1)


@pytest.mark.parametrize(
    ("header", "place"),
    [
        ("050003070201", (7, 2, 1)),
        ("06080401020302", (0x0102, 3, 2)),
        ("0b05040b8423f00003070201", (7, 2, 1)),  # ports before it
        ("050003070203", (None, 1, 1)),  # part 3 of 2
        ("050003070200", (None, 1, 1)),
        ("050003070001", (None, 1, 1)),
        ("0400030702", (None, 1, 1)),  # cut off
        ("0300", (None, 1, 1)),
        ("00", (None, 1, 1)),
    ],
)
def test_a_header_is_read_by_its_elements(header, place):
    octets = bytes.fromhex(header)
    size = 1 + octets[0]
    octets = octets.ljust(size, b"\0")
    assert piece(UDHI, octets + b"text", {}) == (*place, b"text")


@pytest.mark.parametrize("content", [b"", b"\x05\x00\x03"])
def test_a_header_longer_than_the_text_is_refused(content):
    with pytest.raises(ValueError, match="header"):
        piece(UDHI, content, {})


@settings(max_examples=500, deadline=None)
@given(
    esm_class=st.integers(0, 255),
    content=st.binary(max_size=300),
    tlvs=st.dictionaries(st.sampled_from([0x020C, 0x020E, 0x020F, 0x0424]), st.binary(max_size=4)),
)
def test_whatever_comes_is_read_or_refused(esm_class, content, tlvs):
    try:
        found = piece(esm_class, content, tlvs)
    except ValueError:
        return
    assert 1 <= found.number <= found.total
    assert content.endswith(found.octets)
