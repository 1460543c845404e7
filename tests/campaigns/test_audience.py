import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.audience import ACCEPTED_SCHEMA, REJECTED_SCHEMA, Areas, birth_year, clean, language


def roster(**columns):
    lines = max(map(len, columns.values()))
    return pl.DataFrame({"row": range(2, lines + 2), **columns})


def test_a_clean_row_keeps_its_row_number_and_gets_a_network():
    cleaned = clean(roster(msisdn=["0912 345 678"], area=[" Na Sầm "], group=["thanh niên"]), {"Na Sầm": "06124"})
    assert cleaned.accepted.rows() == [(2, "84912345678", "vinaphone", "06124", "thanh niên", None, None, "cleaned")]
    assert cleaned.rejected.is_empty()


def test_two_numbers_in_a_row_are_two_people_of_that_row():
    accepted = clean(roster(msisdn=["0912345678", "0987654321/0321234567"])).accepted
    assert accepted.select("row", "msisdn").rows() == [(2, "84912345678"), (3, "84987654321"), (3, "84321234567")]


def test_a_reject_shows_the_cell_as_it_was_with_reason_and_explanation():
    (row, value, reason, explanation) = clean(roster(msisdn=[" 02053812345 "])).rejected.row(0)
    assert (row, value, reason) == (2, " 02053812345 ", "landline")
    assert "Lạng Sơn" in explanation


def test_an_unknown_commune_rejects_nobody_and_is_counted():
    frame = roster(msisdn=["0912345678", "0987654321", "x"], area=["Sao Hỏa", "Sao Hỏa", "Sao Hỏa"])
    cleaned = clean(frame, {"Na Sầm": "06124"})
    assert cleaned.accepted["area"].to_list() == [None, None]
    assert cleaned.unknown_areas == {"Sao Hỏa": 2}


def test_lazy_areas_ask_once_for_each_distinct_text():
    asked = []
    areas = Areas(lambda written: asked.append(written) or {"Na Sầm": "06124"}.get(written))
    frame = roster(msisdn=["0912345678"] * 3, area=["Na Sầm", "Na Sầm", "Sao Hỏa"])
    for _ in range(2):
        assert clean(frame, areas).accepted["area"].to_list() == ["06124", "06124", None]
    assert asked == ["Na Sầm", "Sao Hỏa"]


def test_languages_are_known_by_name_and_by_code():
    assert [language(name) for name in ("Tiếng Tày", "NÙNG", "H'Mông", "vi", "cmo")] == [
        "tyz",
        "nut",
        "hmn",
        "vi",
        "cmo",
    ]


def test_a_language_that_is_not_known_is_left_out_and_counted():
    cleaned = clean(roster(msisdn=["0912345678", "0987654321"], language=["Dao", "Tày"]))
    assert cleaned.accepted["language"].to_list() == [None, "tyz"]
    assert cleaned.unknown_languages == {"Dao": 1}


def test_an_empty_chunk_keeps_the_columns():
    cleaned = clean(pl.DataFrame(schema={"row": pl.Int64, "msisdn": pl.String}))
    assert dict(cleaned.accepted.schema) == ACCEPTED_SCHEMA
    assert dict(cleaned.rejected.schema) == REJECTED_SCHEMA


@given(st.lists(st.none() | st.from_regex(r"0?9[0-9]{8}([/;-]0?9[0-9]{8})?|[0-9 x]{0,12}", fullmatch=True)))
def test_every_row_is_accepted_or_rejected_and_never_both(cells):
    cleaned = clean(roster(msisdn=pl.Series(cells, dtype=pl.String)))
    accepted, rejected = cleaned.accepted["row"].to_list(), cleaned.rejected["row"].to_list()
    assert sorted([*{*accepted}, *rejected]) == list(range(2, len(cells) + 2))


@pytest.mark.parametrize(
    ("written", "born"),
    [("1990", 1990), ("15/03/2010", 2010), ("2001.0", 2001), ("36", 1990), ("36 tuổi", 1990), ("36.0", 1990),
     ("", None), ("15/03/10", None), ("200", None), ("1850", None), ("2099", None), ("không rõ", None)],
)  # fmt: skip
def test_a_year_a_date_or_an_age_gives_the_year_of_birth(written, born):
    assert birth_year(written, 2026) == born
