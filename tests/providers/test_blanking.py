"""What may be kept of a call."""

from __future__ import annotations

import pytest

from providers.blanking import blanked, masked


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        ("84912345678", "0912***678"),
        ("+84912345678", "0912***678"),
        ("0912345678", "0912***678"),
        ("02053812345", "0205***345"),
        ("912345", "***"),
        ("", "***"),
    ],
)
def test_a_number_is_masked_the_same_in_every_form(number: str, kept: str) -> None:
    assert masked(number) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("to 84912345678.", "to 0912***678."),
        ("to=%2B84912345678&", "to=%2B0912***678&"),
        ("phone0912345678", "phone0912***678"),
        ("[84912345678,84912345679]", "[0912***678,0912***679]"),
        ("113 1900 2026-06-26", "113 1900 2026-06-26"),
        ("id 849123456789012345", "id 849123456789012345"),
        ("a\x00b\x1b[2Jc\nd", "a b [2Jc d"),
    ],
)
def test_numbers_and_control_characters_do_not_stay(text: str, kept: str) -> None:
    assert blanked(text) == kept


def test_a_hidden_value_is_found_as_it_stands_and_as_json() -> None:
    text = 'nói "không"'
    assert blanked('x nói "không" x', [text]) == "x *** x"
    assert blanked('{"a":"n\\u00f3i \\"kh\\u00f4ng\\""}', [text]) == '{"a":"***"}'
    assert blanked('{"a":"nói \\"không\\""}', [text]) == '{"a":"***"}'


def test_an_empty_hidden_value_blanks_nothing() -> None:
    assert blanked("abc", [""]) == "abc"


def test_a_secret_cut_by_the_limit_does_not_stay_in_part() -> None:
    assert blanked("x" * 8 + "secret", ["secret"], limit=10) == "x" * 8 + "**"
