import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from campaigns.msisdn import (
    EXPLANATIONS,
    Note,
    Rejection,
    mask,
    network,
    normalise,
    normalise_column,
    spoken,
)

LRM, ZWSP, NBSP, NNBSP, BOM = "\u200e", "\u200b", "\u00a0", "\u202f", "\ufeff"

ONE_NUMBER = [
    ("0912345678", "84912345678", ()),
    ("+84912345678", "84912345678", ()),
    ("84912345678", "84912345678", ()),
    ("0084912345678", "84912345678", ()),
    ("912345678", "84912345678", (Note.ZERO_RESTORED,)),
    ("841234567", "84841234567", (Note.ZERO_RESTORED,)),
    ("0841234567", "84841234567", ()),
    ("84841234567", "84841234567", ()),
    ("+84 0912345678", "84912345678", (Note.CLEANED, Note.ZERO_DROPPED)),
    ("840912345678", "84912345678", (Note.ZERO_DROPPED,)),
    ("0084 0912345678", "84912345678", (Note.CLEANED, Note.ZERO_DROPPED)),
    ("(+84) 912.345.678", "84912345678", (Note.CLEANED,)),
    ("+84 (0) 912-345-678", "84912345678", (Note.CLEANED, Note.ZERO_DROPPED)),
    ("0912.345.678", "84912345678", (Note.CLEANED,)),
    ("091.234.56.78", "84912345678", (Note.CLEANED,)),
    ("0912 345 678", "84912345678", (Note.CLEANED,)),
    ("0912-345-678", "84912345678", (Note.CLEANED,)),
    ("0912\u2013345\u2013678", "84912345678", (Note.CLEANED,)),
    (f"0912{NBSP}345{NNBSP}678", "84912345678", (Note.CLEANED,)),
    (f"{BOM}0912{ZWSP}345678", "84912345678", (Note.CLEANED,)),
    (f"\u202a0912345678\u202c{LRM}", "84912345678", (Note.CLEANED,)),
    ("'0912345678", "84912345678", (Note.CLEANED,)),
    ("\u20180912345678", "84912345678", (Note.CLEANED,)),
    ('="0912345678"', "84912345678", (Note.CLEANED,)),
    ("\t0912345678\r\n", "84912345678", (Note.CLEANED,)),
    ("0912345678;", "84912345678", (Note.CLEANED,)),
    ("912345678.0", "84912345678", (Note.DECIMAL, Note.ZERO_RESTORED)),
    ("84912345678.0", "84912345678", (Note.DECIMAL,)),
    ("０９１２３４５６７８", "84912345678", (Note.DIGITS,)),
    ("＋８４９１２３４５６７８", "84912345678", (Note.CLEANED, Note.DIGITS)),
    ("٠٩١٢٣٤٥٦٧٨", "84912345678", (Note.DIGITS,)),
    ("01681234567", "84381234567", (Note.MIGRATED,)),
    ("1681234567", "84381234567", (Note.ZERO_RESTORED, Note.MIGRATED)),
    ("+841201234567", "84701234567", (Note.MIGRATED,)),
    ("841991234567", "84591234567", (Note.MIGRATED,)),
    ("0084 0186 123 4567", "84561234567", (Note.CLEANED, Note.ZERO_DROPPED, Note.MIGRATED)),
    ("0510000000", "84510000000", (Note.UNALLOCATED,)),
    ("0521000000", "84521000000", (Note.UNALLOCATED,)),
    ("951234567", "84951234567", (Note.ZERO_RESTORED, Note.UNALLOCATED)),
]

SEVERAL = [
    "0912345678/0987654321",
    "0912345678 ; 0987654321",
    "0912345678, 987654321",
    "0912345678-0987654321",
    "0912-345-678 - 0987-654-321",
    "0912.345.678\n0987.654.321",
    "0912345678 hoặc 0987654321",
    "0912345678 HOẶC +84 987654321",
    "0912345678 hoa\u0323\u0306c 0987654321",
]

REJECTED = [
    (None, Rejection.EMPTY),
    ("", Rejection.EMPTY),
    ("  \t", Rejection.EMPTY),
    ("-", Rejection.EMPTY),
    (f"{ZWSP}{NBSP}", Rejection.EMPTY),
    ("9.12346E+08", Rejection.DAMAGED),
    ("9,12346e+08", Rejection.DAMAGED),
    ("9.12E8", Rejection.DAMAGED),
    ("91234567.8", Rejection.DAMAGED),
    ("912345678.00", Rejection.DAMAGED),
    ("912345678,0", Rejection.DAMAGED),
    ("O912345678", Rejection.LETTERS),
    ("09l2345678", Rejection.LETTERS),
    ("0912 345 67I", Rejection.LETTERS),
    ("Nguyễn Văn A", Rejection.TEXT),
    ("0912345678 (Lan)", Rejection.TEXT),
    ("0912345678 máy lẻ 12", Rejection.TEXT),
    ("0912345678#12", Rejection.TEXT),
    ("Thôn 2, xã Na Sầm", Rejection.TEXT),
    ("#N/A", Rejection.TEXT),
    ("#REF!", Rejection.TEXT),
    ("01/06/2026", Rejection.SEVERAL),
    ("0912345678/0205381234", Rejection.SEVERAL),
    ("0912345678 / 8", Rejection.SEVERAL),
    ("0912345678-12", Rejection.SEVERAL),
    ("0912,345,678", Rejection.SEVERAL),
    ("01301234567", Rejection.OBSOLETE),
    ("01801234567", Rejection.OBSOLETE),
    ("1611234567", Rejection.OBSOLETE),
    ("02053812345", Rejection.LANDLINE),
    ("+84 205 3812345", Rejection.LANDLINE),
    ("2438123456", Rejection.LANDLINE),
    ("0253812345", Rejection.LANDLINE),
    ("18001567", Rejection.TOLL_FREE),
    ("1900 96 96 80", Rejection.TOLL_FREE),
    ("1800123456", Rejection.TOLL_FREE),
    ("06912345", Rejection.DEFENCE),
    ("069 234 5678", Rejection.DEFENCE),
    ("0672123456", Rejection.VSAT),
    ("113", Rejection.SHORT_CODE),
    ("5656", Rejection.SHORT_CODE),
    ("+856 20 5551 2345", Rejection.FOREIGN),
    ("0086 138 0013 8000", Rejection.FOREIGN),
    ("8613800138000", Rejection.FOREIGN),
    ("+84", Rejection.TOO_SHORT),
    ("091234567", Rejection.TOO_SHORT),
    ("091234567.0", Rejection.TOO_SHORT),
    ("8491234567", Rejection.TOO_SHORT),
    ("+84123", Rejection.TOO_SHORT),
    ("09123456789", Rejection.TOO_LONG),
    ("9123456780", Rejection.TOO_LONG),
    ("0912345678 0987654321", Rejection.TOO_LONG),
    ("0123456789", Rejection.NOT_MOBILE),
    ("0412345678", Rejection.NOT_MOBILE),
    ("+0912345678", Rejection.NOT_MOBILE),
    ("0000000000", Rejection.NOT_MOBILE),
]

TRICKY = st.text(st.sampled_from("0123456789" * 3 + "84+ .-()[]'/;,\n=\"OlEe\u00a0\u200b\u202f\u2013\u0660\uff10\t\0x"))
SHAPED = st.builds(
    lambda front, number, marks, at: f"{front}{number[:at]}{marks}{number[at:]}",
    st.sampled_from(["", "0", "84", "+84", "0084", "840", "+840", "00840", "'", "' 0", "-0", "(+84)"]),
    st.from_regex(r"[35789][0-9]{7,9}|1[2689][0-9]{8}|2[0-9]{9}", fullmatch=True),
    st.text(" .-()'\u200b/+", max_size=3),
    st.integers(0, 11),
)


@pytest.mark.parametrize(("cell", "number", "notes"), ONE_NUMBER)
def test_every_form_of_a_number_becomes_the_same_digits(cell, number, notes):
    found = normalise(cell)
    assert (found.numbers, found.rejected, found.notes) == ((number,), None, notes)


@pytest.mark.parametrize("cell", SEVERAL)
def test_two_numbers_in_a_cell_are_both_taken(cell):
    found = normalise(cell)
    assert found.numbers == ("84912345678", "84987654321")
    assert Note.SPLIT in found.notes


def test_the_same_number_twice_in_a_cell_is_one():
    assert normalise("0912345678 / +84912345678").numbers == ("84912345678",)


@pytest.mark.parametrize(("cell", "rejection"), REJECTED)
def test_what_is_no_mobile_number_is_rejected_with_its_class(cell, rejection):
    found = normalise(cell or "")
    assert (found.numbers, found.rejected) == ((), rejection)
    assert found.explanation


def test_every_reason_has_an_explanation_and_a_case():
    assert set(EXPLANATIONS) == set(Rejection) == {rejection for _, rejection in REJECTED}


def test_letters_for_digits_are_answered_with_what_was_meant():
    assert "Có phải là 0912 345 678?" in normalise("O9I2345678").explanation


def test_a_landline_is_named_by_its_province():
    assert "(Lạng Sơn)" in normalise("0205 3812345").explanation
    assert "(Hà Nội)" in normalise("024 38123456").explanation


def test_an_old_landline_is_not_given_a_province_of_the_new_codes():
    assert "(" not in normalise("0253812345").explanation


def test_an_unallocated_block_is_accepted_and_its_network_unknown():
    found = normalise("0572345678")
    assert (found.network, found.notes) == ("unknown", (Note.UNALLOCATED,))


@pytest.mark.parametrize(
    ("msisdn", "name"),
    [
        ("84321234567", "viettel"),
        ("84871234567", "itel"),
        ("84559123456", "wintel"),
        ("84551123456", "unknown"),
        ("84522123456", "vietnamobile"),
        ("84899123456", "mobifone"),
        ("84891123456", "unknown"),
        ("84993123456", "gmobile"),
        ("84912345678", "vinaphone"),
    ],
)
def test_the_longest_prefix_names_the_network(msisdn, name):
    assert network(msisdn) == name


def test_a_number_is_shown_masked_or_as_people_write_it():
    assert mask("84912345678") == "0912***678"
    assert spoken("84912345678") == "0912 345 678"


def as_rows(position, cell):
    found = normalise(cell or "")
    reason = found.rejected and str(found.rejected)
    noted = ", ".join(found.notes) or None
    return [
        (position, number, number and network(number), reason, found.explanation, noted)
        for number in found.numbers or (None,)
    ]


@given(st.lists(st.none() | TRICKY | SHAPED | st.text(), max_size=30))
@example([cell for cell, *_ in (*ONE_NUMBER, *REJECTED)] + SEVERAL)
def test_the_column_agrees_with_the_single_number(cells):
    column = normalise_column(pl.Series(cells, dtype=pl.String))
    assert column.rows() == [row for position, cell in enumerate(cells) for row in as_rows(position, cell)]


@given(TRICKY | SHAPED)
def test_what_is_accepted_is_eleven_digits_and_stays_so_when_read_again(cell):
    for number in normalise(cell).numbers:
        assert len(number) == 11
        assert normalise(number).numbers == (number,)
