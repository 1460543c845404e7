"""dispatcher text check: what it answers, its exit codes, and whatever is thrown at it."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dispatcher import cli
from tests.dispatcher.said import Said

DASH = "Chung một quyết tâm – Vì cộng đồng không ma túy"


Check = Callable[..., Said]


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Check:
    """Runs `dispatcher text check ...` with `given` on its standard input."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object, given: bytes | str = b"") -> Said:
        content = given.encode() if isinstance(given, str) else given
        monkeypatch.setattr(sys, "argv", ["dispatcher", "text", "check", *map(str, words)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return Said(ended.value.code if isinstance(ended.value.code, int) else 0, said.out, said.err)

    return run


def test_json_has_the_size_the_costly_characters_and_the_plain_form(check: Check) -> None:
    said = check("-", "--json", given=DASH)
    assert said.code == 0
    assert (said.json["encoding"], said.json["segments"], said.json["units"]) == ("ucs2", 1, 47)
    dash = next(char for char in said.json["costly"] if char["char"] == "–")
    assert dash == {
        "char": "–",
        "code_point": "U+2013",
        "name": "EN DASH",
        "position": 21,
        "replacement": "-",
        "kind": "sign",
    }
    plain = said.json["plain"]
    assert (plain["text"], plain["encoding"]) == ("Chung mot quyet tam - Vi cong dong khong ma tuy", "gsm7")
    assert plain["segments"] == 1
    assert [found["written"] for found in said.json["ambiguous"]] == ["ma túy"]


def test_people_read_both_forms_side_by_side(check: Check) -> None:
    said = check("-", "--people", "viettel=400000", given=f"{DASH}. Gọi 111")
    assert said.code == 0
    for words in (
        "Bản có dấu: 1 phần tin",
        "Bản không dấu: 1 phần tin",
        "EN DASH",
        "mà tùy",
        "Gửi có dấu: 400.000 phần",
    ):
        assert words in said.out
    assert "140.000.000 đồng" in said.out
    assert "Dùng được." in said.out


def test_a_file_is_read_as_its_editor_left_it(check: Check, tmp_path: Path) -> None:
    (tmp_path / "tin.txt").write_bytes(b"\xef\xbb\xbf" + "Gọi 111\r\nngay\r\n".encode())
    assert check("tin.txt", "--json").json["text"] == "Gọi 111\nngay"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8", "utf-8-sig"])
def test_every_unicode_that_notepad_writes_is_read(check: Check, encoding: str) -> None:
    assert check("-", "--json", given=DASH.encode(encoding)).json["text"] == DASH


def test_what_would_be_refused_ends_with_one(check: Check) -> None:
    said = check("-", given="Xem bit.ly/x, gọi 0912345678")
    assert said.code == 1
    assert "Phải sửa: vị trí 5: liên kết bit.ly/x" in said.out
    assert "Chưa dùng được: 2 chỗ phải sửa." in said.out


def test_a_link_is_allowed_with_a_reason_only(check: Check) -> None:
    assert check("-", "--allow-link", "zalo.me", given="Xem zalo.me/ca").code == 2
    said = check("-", "--allow-link", "zalo.me", "--reason", "Trang của tỉnh", "--json", given="Xem zalo.me/ca")
    assert said.code == 0
    assert "Trang của tỉnh" in said.json["findings"][0]["message"]


def test_a_number_of_the_office_is_allowed_with_a_reason_only(check: Check) -> None:
    assert check("-", "--allow-number", "0205 3812 345", given="Gọi 02053812345").code == 2
    said = check("-", "--allow-number", "0205 3812 345", "--reason", "Trực ban", "--json", given="Gọi 02053812345")
    assert said.code == 0
    assert "Trực ban" in said.json["findings"][0]["message"]


def test_placeholders_are_filled_in_and_communes_narrowed(check: Check) -> None:
    words = ("-", "--json", "--value", "owner=CA", "--province", "Lạng Sơn")
    said = check(*words, given="{owner}: Ba con {commune}, goi 111")
    assert said.code == 0
    assert (
        said.json["worst"]["size"]["units"]
        < check(*words[:4], given="{owner}: Ba con {commune}, goi 111").json["units"]
    )


def test_the_terms_of_the_office_set_the_prices(check: Check, tmp_path: Path) -> None:
    (tmp_path / "dk.toml").write_text(
        '[[price]]\nnetwork = "wintel"\nvnd_per_segment = 99\nsegments_per_second = 2\nsource = "Hợp đồng"\n', "utf-8"
    )
    said = check("-", "--terms", "dk.toml", "--people", "wintel=10", "--json", given="Goi 111")
    assert [(total["vnd"], total["seconds"]) for total in said.json["costs"]] == [(990, 5), (990, 5)]


@pytest.mark.parametrize(
    "given",
    [
        b"",
        b" \r\n\t ",
        b"\x7fELF\x02\x01\x01\x00\x00",
        bytes(range(128, 192)) + b"\xff",
        b"PK\x03\x04\x00\x00",
        b"a\xed\xa0\x80b",  # a lone surrogate
        b"\xff\xfe\x00\xd8a\x00",
        b"\xff\xfe\x00\x00a\x00\x00\x00",  # UTF-32
        "Gọi".encode("utf-16-le"),
        "Gọi".encode("cp1258", "replace") + b"\xd2",
        b"a" * 10_000_000,
        b"\xff\xfeabc",
    ],
    ids=lambda given: ascii(given[:12]),
)
def test_what_is_no_text_ends_with_two_and_a_sentence(check: Check, given: bytes) -> None:
    said = check("-", "--json", given=given)
    assert said.code == 2
    assert said.json["error"]


@pytest.mark.parametrize(
    "words",
    [
        ("khong-co.txt",),
        (".",),
        ("a\x00b",),
        ("-", "--value", "xa=1"),
        ("-", "--value", "owner"),
        ("-", "--people", "viettel=nhiều"),
        ("-", "--people", "vodafone=1"),
        ("-", "--province", "Quảng Tây"),
        ("-", "--terms", "khong-co.toml"),
        ("-", "--form", "nghieng"),
    ],
    ids=str,
)
def test_a_wrong_call_ends_with_two(check: Check, words: tuple[str, ...]) -> None:
    assert check(*words, given="Gọi 111").code == 2


def test_nothing_in_a_text_reaches_the_terminal_as_a_command(check: Check) -> None:
    said = check("-", given="Goi \x1b[31m \u202e 111 [bold]x[/bold]")
    assert said.code == 1
    assert "\x1b" not in said.out
    assert "\u202e" not in said.out
    assert "[bold]x[/bold]" in said.out
