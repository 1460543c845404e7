"""Texts in scripts from before Unicode: read, told apart from Unicode and from each other, and not from other languages."""

from __future__ import annotations

import unicodedata

import pytest

from campaigns import legacy, places
from campaigns.legacy import MixedError, Script

KNOWN = [
    (Script.TCVN3, "NguyÔn V¨n §øc, Ph­êng Tr­¬ng §Þnh", "Nguyễn Văn Đức, Phường Trương Định"),
    (Script.TCVN3, "Sè ®iÖn tho¹i", "Số điện thoại"),
    (Script.TCVN3, "X· Na SÇm, huyÖn V¨n L·ng", "Xã Na Sầm, huyện Văn Lãng"),
    (Script.TCVN3, "Huúnh ThÞ Mü Ngäc", "Huỳnh Thị Mỹ Ngọc"),
    (Script.VNI, "Nguyeãn Vaên Ñöùc, Phöôøng Tröông Ñònh", "Nguyễn Văn Đức, Phường Trương Định"),
    (Script.VNI, "Soá ñieän thoaïi", "Số điện thoại"),
    (Script.VNI, "Xaõ Na Saàm, huyeän Vaên Laõng", "Xã Na Sầm, huyện Văn Lãng"),
    (Script.VNI, "Huyønh Thò Myõ Ngoïc, Kyø Löøa, Bình Ñònh", "Huỳnh Thị Mỹ Ngọc, Kỳ Lừa, Bình Định"),
]


@pytest.mark.parametrize(("script", "written", "meant"), KNOWN)
def test_a_text_of_an_old_script_is_read(script: Script, written: str, meant: str) -> None:
    assert legacy.read(written, script) == meant


@pytest.mark.parametrize(("script", "written"), [(script, written) for script, written, _ in KNOWN])
def test_the_script_of_a_list_is_recognised(script: Script, written: str) -> None:
    listed = "\n".join(w for s, w, _ in KNOWN if s is script)
    assert legacy.recognised(f"STT;0912345678;{written}\n{listed}") is script


def names() -> str:
    return "\n".join(area.name for area in places.areas().values())


def test_the_names_of_all_communes_are_unicode_composed_or_not() -> None:
    assert legacy.recognised(names()) is None
    assert legacy.recognised(unicodedata.normalize("NFD", names())) is None


@pytest.mark.parametrize("script", Script)
def test_the_names_of_all_communes_are_recognised_and_read_back(script: Script) -> None:
    """Written by the inverse of the reader, which the texts above hold to what is really typed."""
    letters = "aăâeêioôơuưyđ"
    marks = ["", *"\u0300\u0301\u0309\u0303\u0323"]
    composed = {unicodedata.normalize("NFC", letter + mark) for letter in letters for mark in marks}
    marks = "øùûõïâàáåãäêèéúüë" if script is Script.VNI else ""  # they stand behind a vowel, never for one
    singles = [chr(code) for code in (*range(0xDF, 0x100), *range(0xA1, 0xDF)) if chr(code) not in marks]
    typed = [*singles, *(f"{vowel}{mark}" for vowel in "aeouyôö" for mark in singles)]
    table = {}
    for written in typed:
        meant = legacy.read(written, script)
        if meant in composed and not meant.isascii():
            table.setdefault(meant, written)
    text = unicodedata.normalize("NFC", names().lower())
    old = "".join(table.get(letter, letter) for letter in text)
    assert legacy.recognised(old) is script
    assert legacy.read(old, script) == text


@pytest.mark.parametrize(
    "text",
    [
        "Müller Straße, Köln, Öl, Français, señor, Ångström, crème brûlée",
        "Tên;Số điện thoại\nHà;0912345678\nHòa;0912345679",
        "Ha Noi, Lang Son, Dong Dang",
        "§ 1, © 2026, 5 · 3 = 15, «x»",
    ],
)
def test_other_texts_are_left_alone(text: str) -> None:
    assert legacy.recognised(text) is None


def test_a_list_in_two_scripts_at_once_is_no_list_to_be_read() -> None:
    with pytest.raises(MixedError):
        legacy.recognised("NguyÔn V¨n §øc\nSè ®iÖn tho¹i\nPhường Trương Định, xã Na Sầm")
