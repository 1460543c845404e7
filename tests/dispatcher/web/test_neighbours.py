"""What people refuse, as staff put it down on the page."""

from __future__ import annotations

from starlette.applications import Starlette

from dispatcher.accounts import Role
from tests.dispatcher.hall import Hall
from tests.dispatcher.web.people import said, signed_in


async def test_a_refusal_by_topic_is_put_down_with_its_proof(app: Starlette, hall: Hall) -> None:
    somebody = await signed_in(app, "somebody", Role.COORDINATOR)
    asked = {"numbers": "0912345678", "reason": "gọi điện", "scope": "topics", "proof": "Đơn số 5"}
    unsaid = await somebody.post("/suppressions", **asked, topics=" ")
    assert unsaid.status_code == 409
    assert "ít nhất một chủ đề" in said(unsaid)
    assert 'value="Đơn số 5"' in unsaid.text
    await somebody.post("/suppressions", **asked, topics="drug, hiv")
    (row,) = await hall.sql("SELECT scope, topics, proof, source FROM suppressions")
    assert tuple(row) == ("topics", ["drug", "hiv"], "Đơn số 5", "web")
    shown = said(await somebody.get("/suppressions"))
    assert "tin về chủ đề (drug, hiv)" in shown
    assert "0912345678" not in shown
