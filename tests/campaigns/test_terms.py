"""An office's own terms."""

import pytest

from campaigns.problems import DefinitionError
from campaigns.terms import Terms, load, parse
from campaigns.text import Encoding

GOOD = """
[[price]]
network = "viettel"
vnd_per_segment = 250
segments_per_second = 50.5
accented = true
source = "Hợp đồng 01/2026"

[[length]]
profile = "viettel"
name = "Viettel"
encoding = "gsm7"
ends = [160, 306, 459]
longest = 459
source = "Hợp đồng 01/2026"

[[banned]]
word = "siêu rẻ"
instead = "giá tốt"

[[link]]
host = "Zalo.me"
reason = "Trang Zalo của Công an tỉnh"

[[own_hotline]]
call = "0205.3812.345"
reason = "Trực ban Công an tỉnh"

[[ambiguous]]
intended = "chợ nổi"
reading = "chó nói"
"""


def refused(text):
    with pytest.raises(DefinitionError) as caught:
        parse(text, "dk.toml")
    return caught.value


def test_terms_are_read():
    terms = parse(GOOD, "dk.toml")
    (price,), (length,), (word,), (reading,) = terms.tariffs, terms.lengths, terms.banned, terms.readings
    assert (price.network, price.vnd_per_segment, price.segments_per_second) == ("viettel", 250, 50.5)
    assert price.accented is True
    assert (length.encoding, length.ends, length.longest) == (Encoding.GSM7, (160, 306, 459), 459)
    assert (word.word, word.instead) == ("siêu rẻ", "giá tốt")
    assert terms.links == (("zalo.me", "Trang Zalo của Công an tỉnh"),)
    assert terms.own_hotlines == (("02053812345", "Trực ban Công an tỉnh"),)
    assert reading.reading == "chó nói"


def test_every_part_may_be_missing():
    assert parse("# chưa có gì", "dk.toml") == Terms()


def test_a_file_with_a_byte_order_mark_is_read(tmp_path):
    (tmp_path / "dk.toml").write_text("\ufeff" + GOOD, "utf-8")
    assert load(tmp_path / "dk.toml") == parse(GOOD, "dk.toml")


@pytest.mark.parametrize(
    ("was", "now", "field", "words"),
    [
        ('"viettel"\nvnd', '"vietel"\nvnd', "price[1].network", ["không dùng được"]),
        ("= 250", "= -1", "price[1].vnd_per_segment", ["-1"]),
        ("= 250", '= "250"', "price[1].vnd_per_segment", ["250"]),
        ("= 250", "= inf", "price[1].vnd_per_segment", ["inf"]),
        ("= 50.5", "= 0", "price[1].segments_per_second", ["0"]),
        ("= 250\n", '= 250\nvnd = "5"\n', "price[1].vnd", ["không có khóa"]),
        ('accented = true\nsource = "Hợp đồng 01/2026"', "", "price[1].source", ["thiếu"]),
        ("[160, 306, 459]", "[160, 100]", "length[1].ends", ["tăng dần"]),
        ("[160, 306, 459]", "[]", "length[1].ends", []),
        ('"gsm7"', '"utf8"', "length[1].encoding", ['"gsm7"']),
        ('"Zalo.me"', '"https://zalo.me/x"', "link[1].host", ["chỉ viết tên miền"]),
        ('reason = "Trang Zalo của Công an tỉnh"', "", "link[1].reason", ["thiếu", "reason ="]),
        ('"chó nói"', '"chó sủa"', "ambiguous[1].reading", ["giống nhau khi bỏ dấu"]),
        ("[[banned]]", "[banned]", "banned", ["[[banned]]"]),
        ("[[banned]]", "[[cam]]", "cam", ["không có khóa"]),
        ("[[length]]", '[[price]]\nnetwork = "viettel"\nsource = "x"\n[[length]]', "price[2].network", ["đã ghi"]),
    ],
)
def test_a_mistake_is_told_by_line_and_field(was, now, field, words):
    error = refused(GOOD.replace(was, now, 1))
    told = [str(problem) for problem in error.problems if problem.field == field]
    assert told, error
    assert all(word in told[0] for word in words), told


@pytest.mark.parametrize("text", ["", "a = ", "\x00", "[[price]\n"])
def test_what_is_not_toml_is_refused(text):
    assert refused(text).problems


def test_a_folder_or_a_missing_file_is_said(tmp_path):
    for path in (tmp_path, tmp_path / "no.toml"):
        with pytest.raises(DefinitionError):
            load(path)
