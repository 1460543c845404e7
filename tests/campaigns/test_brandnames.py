"""What a brandname may be."""

import pytest

from campaigns.brandnames import mistakes, same


@pytest.mark.parametrize("name", ["CA LANGSON", "Hai Duong", "BCD138", "C04_BCA", "A-B.C", "1a", "ABCDEFGHIJK"])
def test_a_name_within_the_decree_is_good(name):
    assert mistakes(name) == ()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", ["trống"]),
        ("   ", ["trống"]),
        ("ABCDEFGHIJKL", ["dài quá 11", "Điều 23"]),
        ("HĐBCQG", ["không dấu", 'viết "HDBCQG"']),
        ("Công an", ['viết "Cong an"']),
        ("A&B", ["chữ Latin"]),
        ("0912345678", ["chỉ toàn chữ số", "Điều 13"]),
        ("1900 1234", ["chỉ toàn chữ số"]),
        (" CA", ["dấu cách thừa", 'viết "CA"']),
        ("СА LS", ["chữ Latin", 'viết "CA LS"']),  # Cyrillic
        ("A\nB", ["chữ Latin"]),
        ("[QC]", ["chữ Latin"]),
    ],
)
def test_a_bad_name_is_explained(name, words):
    said = "; ".join(mistakes(name))
    assert all(word in said for word in words), said


def test_case_does_not_make_another_name():
    assert same("CA LangSon", "ca langson ")
    assert not same("CA LANGSON", "CALANGSON")
