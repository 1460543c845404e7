"""Pictures: every text in them is escaped, their lengths are those of the figures, and a place is as dark as it was reached."""

from __future__ import annotations

import re

from dispatcher.web.charts import bar, bars, tiles
from dispatcher.web.speech import Speech

SPEECH = Speech("vi")


def test_a_bar_is_divided_as_the_statuses_are() -> None:
    drawn = bar({"delivered": 30, "queued": 10}, SPEECH)
    assert re.findall(r'class="s-(\w+)"[^>]*? width="([\d.]+)"', drawn) == [("good", "540.00"), ("wait", "180.00")]
    assert "đã tới máy: 30" in drawn


def test_names_are_escaped_in_every_picture() -> None:
    rows = [('<script>"&', {"delivered": 1})]
    for drawn in (bars(rows, SPEECH, '"><b>'), tiles(rows, SPEECH, '"><b>')):
        assert "<script>" not in drawn
        assert "<b>" not in drawn


def test_a_commune_is_as_dark_as_it_was_reached() -> None:
    rows = [(name, {"delivered": n, "undelivered": 100 - n}) for name, n in (("A", 95), ("B", 50), ("C", 1), ("D", 0))]
    drawn = tiles([*rows, ("E", {})], SPEECH, "xã")
    assert re.findall(r'class="t-(\w+)"><title>(\w)', drawn) == [
        ("most", "A"), ("half", "B"), ("few", "C"), ("none", "D"), ("none", "E")
    ]  # fmt: skip
    assert "95,0%" in drawn
