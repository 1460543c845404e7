"""What staff write of an article to followers, and each mistake told by line and field."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path

import pytest

from campaigns import broadcast
from campaigns.broadcast import Ages, content_hash
from campaigns.calendar import VIETNAM
from campaigns.problems import DefinitionError

HEAD = """
slug = "ma-tuy"
route = "oa"
basis = "Kế hoạch số 12/KH-UBND"
date = "2026-06-01"
window = ["08:00", "11:30"]
"""
ARTICLE = """
[article]
title = "Nói không với ma túy"
author = "Công an tỉnh"
description = "Tháng hành động"
cover = "https://example.gov.vn/bia.jpg"
body = ["Một", "Hai"]
"""


def mistakes(text: str) -> str:
    with pytest.raises(DefinitionError) as caught:
        broadcast.parse(text, "bai.toml")
    return str(caught.value)


def test_a_whole_one_is_read() -> None:
    read = broadcast.parse(HEAD + ARTICLE + '[target]\nages = ["18-24", "65+"]\n', "bai.toml")
    assert read.article is not None
    assert (read.article.body, read.until, read.window) == (("Một", "Hai"), date(2026, 6, 1), (time(8), time(11, 30)))
    assert read.target.ages == (Ages.TO_24, Ages.FROM_65)
    assert read.closes_at == datetime(2026, 6, 1, 11, 30, tzinfo=VIETNAM)


def test_one_that_is_at_zalo_is_named_by_its_id() -> None:
    read = broadcast.parse(HEAD + '[article]\nid = "a1b2c3"\n', "bai.toml")
    assert (read.article, read.article_id, read.title) == (None, "a1b2c3", "bài a1b2c3")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD, "bai.toml, article: thiếu khóa này"),
        (HEAD + "[article]\n", "article.cover: thiếu khóa này"),
        (HEAD + ARTICLE + 'id = "a1"\n', "dòng 14, article.id: đã ghi id"),
        (HEAD + ARTICLE.replace("https://", "http://"), "article.cover: "),
        (HEAD + ARTICLE.replace('["Một", "Hai"]', "[]"), "cần ít nhất một đoạn"),
        (HEAD + ARTICLE + '[target]\nages = ["17"]\n', "target.ages[1]: "),
        (HEAD + ARTICLE + '[target]\ncities = ["20"]\nregions = ["north"]\n', "Zalo chỉ xét cities"),
        (HEAD.replace('"11:30"', '"22:30"') + ARTICLE, "lấn vào giờ không gửi; chọn trong 07:00-22:00"),
        (HEAD + 'until = "2026-05-01"\n' + ARTICLE, "ngày cuối đứng trước ngày đầu"),
        (HEAD.replace('basis = "Kế hoạch số 12/KH-UBND"', "") + ARTICLE, "basis: thiếu khóa này"),
    ],
)
def test_a_mistake_is_told_in_words(text: str, said: str) -> None:
    assert said in mistakes(text)


@pytest.mark.parametrize(
    "text",
    [
        HEAD + ARTICLE,
        HEAD + '[article]\nid = "a1b2c3"\n',
        'topics = ["drug"]\nuntil = "2026-06-03"' + HEAD + ARTICLE.replace("Hai", r"Hai \"ba\"\nbốn")
        + '[target]\nages = ["65+"]\ngender = "female"\ncities = ["20"]\nplatforms = ["ios"]\n',
    ],
)  # fmt: skip
def test_what_is_written_down_again_reads_the_same(text: str) -> None:
    read = broadcast.parse(text, "bai.toml")
    assert broadcast.parse(broadcast.source(read), "bai.toml") == read


def test_a_longer_title_than_the_account_takes_is_told() -> None:
    article = broadcast.parse(HEAD + ARTICLE, "bai.toml").article
    assert article is not None
    assert list(broadcast.too_long(article, {"title": 20, "description": 299})) == []
    assert list(broadcast.too_long(article, {"title": 19, "description": 299})) == [
        "tiêu đề có 20 ký tự, Zalo nhận nhiều nhất 19"
    ]


def test_the_hash_follows_the_content_alone() -> None:
    assert content_hash({"a": 1, "b": "ơ"}) == content_hash({"b": "ơ", "a": 1})
    assert content_hash({"a": 1}) != content_hash({"a": 2})


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="không có tệp này"):
        broadcast.load(tmp_path / "none.toml")
