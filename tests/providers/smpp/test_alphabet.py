"""Letters into octets and back, against the standard's table as the other wing holds it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import text as campaigns_text
from campaigns.tables import rows
from providers.smpp.alphabet import LETTERS, Alphabet, alphabet_of, decoded, encoded

GSM, LATIN1, UCS2 = Alphabet.GSM, Alphabet.LATIN1, Alphabet.UCS2
ALPHABETS = {
    GSM: st.text(sorted(LETTERS)),
    LATIN1: st.text(sorted(letter for letter in LETTERS if letter < "\u0100")),
    UCS2: st.text(st.characters(exclude_categories=["Cs"])),
}


@pytest.mark.parametrize("row", rows("gsm7.csv"), ids=lambda row: row["code_point"])
def test_every_letter_has_the_septet_of_the_standard(row):
    septet, letter = int(row["septet"], 16), chr(int(row["code_point"].removeprefix("U+"), 16))
    if letter == "\x1b":
        return
    octets = bytes((0x1B, septet)) if row["table"] == "extension" else bytes((septet,))
    assert encoded(letter, GSM) == octets
    assert decoded(octets, GSM) == letter


def test_both_wings_have_the_same_alphabet():
    assert campaigns_text.GSM7 == LETTERS


@pytest.mark.parametrize("alphabet", Alphabet)
@given(data=st.data())
def test_what_was_written_is_read(alphabet, data):
    text = data.draw(ALPHABETS[alphabet])
    assert decoded(encoded(text, alphabet), alphabet) == text


@pytest.mark.parametrize("alphabet", Alphabet)
@given(octets=st.binary())
def test_anything_can_be_read(alphabet, octets):
    decoded(octets, alphabet).encode("utf-8")


@pytest.mark.parametrize(
    ("letter", "alphabet"), [("ế", GSM), ("ế", LATIN1), ("€", LATIN1), ("Δ", LATIN1), ("\x1b", GSM), ("\ud800", UCS2)]
)
def test_a_letter_that_the_alphabet_does_not_have_is_refused(letter, alphabet):
    with pytest.raises(ValueError, match=r"."):
        encoded(letter, alphabet)


def test_an_escape_before_anything_else_is_passed_over():
    assert decoded(b"\x1bA\x1b", GSM) == "A"


@pytest.mark.parametrize(
    ("data_coding", "alphabet"),
    [
        (0x00, GSM),
        (0x01, GSM),
        (0x03, LATIN1),
        (0x04, LATIN1),
        (0x08, UCS2),
        (0x10, GSM),
        (0x15, LATIN1),
        (0x18, UCS2),
        (0xC8, GSM),
        (0xE8, UCS2),
        (0xF0, GSM),
        (0xF4, LATIN1),
    ],
)
def test_a_data_coding_names_its_alphabet(data_coding, alphabet):
    assert alphabet_of(data_coding, GSM) is alphabet


def test_data_coding_0_is_what_the_carrier_means_by_it():
    assert alphabet_of(0, LATIN1) is LATIN1
