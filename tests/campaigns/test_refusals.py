"""Refusals as people write them, and what only looks like one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.refusals import refuses

WORDS = ("tc*", "tu_choi*", "tuchoi*", "huy", "huy_tin*", "stop*")


@pytest.mark.parametrize(
    "text",
    [
        "TC", "tc", "  tc ", "TC QC", "Tc.", "*TC*", "Từ chối", "TỪ CHỐI", "tu choi", "từ  chối\nnhận tin", "Tuchoi",
        "TU_CHOI", "Hủy", "huỷ!", "HUY", "Hủy tin nhắn", "STOP", "Stop it", "Tu\u031b\u0300 cho\u0302\u0301i", "ＳＴＯＰ",
    ],
)  # fmt: skip
def test_a_refusal_is_one_however_it_is_written(text):
    assert refuses(text, WORDS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "?!",
        "TCXD",
        "Huy Hoàng đây",
        "huynh",
        "Xin chào",
        "không tc",
        "Tôi đồng ý",
        "stopping",
        "t",
        "Cảm ơn, đã nhận",
    ],
)
def test_what_only_looks_like_a_refusal_is_none(text):
    assert not refuses(text, WORDS)


@given(text=st.text(max_size=60))
def test_no_words_no_refusal(text):
    assert not refuses(text, ())
    assert not refuses(text, ("", "*", " _"))


@given(text=st.text(max_size=60))
def test_any_text_can_be_asked_about(text):
    assert refuses(text, WORDS) in (True, False)
