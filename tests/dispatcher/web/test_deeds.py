"""The trail in words: every detail that our code keeps has a name, and codes and times are told as people say them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette

from dispatcher.accounts import Role
from dispatcher.web import deeds
from dispatcher.web.speech import Speech
from dispatcher.words import ACT_WORDS, DETAIL_WORDS
from tests.dispatcher.hall import Hall
from tests.dispatcher.web.people import said, signed_in
from tests.dispatcher.web.test_speech import WEB

VIETNAMESE = Speech("vi")


def kept() -> Iterator[str]:
    """The names of what is given to `audit.record` by name."""
    for path in WEB.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            called = isinstance(node, ast.Call) and ast.unparse(node.func) in ("audit.record", "_record")
            yield from (word.arg for word in node.keywords if word.arg) if called else ()


def test_every_detail_that_is_kept_has_words() -> None:
    names = set(kept())
    assert len(names) > 40
    assert names - set(DETAIL_WORDS) == set()


def test_every_act_belongs_to_a_family_that_one_may_ask_for() -> None:
    offered = {act for _family, _words, acts in deeds.families(VIETNAMESE) for act, _said in acts}
    assert offered == set(ACT_WORDS)


@pytest.mark.parametrize(
    ("detail", "told"),
    [
        ({"roles": ["author", "auditor"]}, ("vai trò", "người soạn, kiểm tra viên")),
        ({"whole": True}, ("đủ hai lớp", "có")),
        ({"saved": 12345}, ("giữ lại được", "12.345")),
        ({"sha256": "ab" * 32}, ("mã băm", "abababababab…")),
        ({"from": "2026-06-01"}, ("từ", "01/06/2026")),
        (
            {"filters": {"statuses": ["failed"], "since": "2026-05-31T17:00:00+00:00"}},
            ("điều kiện", "trạng thái: gửi không thành công, từ: 00:00 01/06/2026"),
        ),
        ({"differences": {"twice": 3}}, ("chỗ lệch", "nhà mạng tính hai lần: 3")),
    ],
)
def test_a_detail_is_told_in_words(detail: dict[str, object], told: tuple[str, str]) -> None:
    assert deeds.told(detail, VIETNAMESE) == [told]


def test_what_was_left_open_is_not_told() -> None:
    assert deeds.told({"proof": "", "topics": [], "reason": None}, VIETNAMESE) == []


async def test_the_page_shows_words_and_no_codes(hall: Hall, app: Starlette) -> None:
    await hall.planned(1)
    auditor = await signed_in(app, "auditor", Role.AUDITOR)
    page = said(await auditor.get("/trail?act=campaign."))
    assert "duyệt chiến dịch" in page
    assert "campaign.approve" not in page
    assert "null" not in page
