"""The partner's room: an order given here, and one that came from elsewhere, taken, run by another, stopped, answered."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import uuid4

from starlette.applications import Starlette

from campaigns.orders import SMALL, People, Result
from dispatcher import orders
from dispatcher.accounts import Role
from dispatcher.sealed import seal
from dispatcher.signing import SigningKey
from tests.dispatcher.foreign import own_key, signed_order
from tests.dispatcher.hall import AUTHOR, LAUNCH, SENDER, Hall, june, numbers
from tests.dispatcher.test_orders import HERE, TAKER, given
from tests.dispatcher.web.people import Person, code, said, signed_in, with_a_phone


async def came_in(hall: Hall, app: Starlette, elsewhere: SigningKey) -> tuple[Person, str]:
    """Whoever took the order in, and its address."""
    await hall.rehearse()
    async with hall.runtime.pool.connection() as connection:
        await orders.trust(connection, "cong-an", elsewhere.public.written, AUTHOR)
    taker = await with_a_phone(app, "taker", Role.PARTNER)
    file = signed_order(june(LAUNCH, audience=None), elsewhere, own_key(hall), SENDER)
    answer = await taker.post("/orders/file", files={"order": ("yeu-cau.json", file.encode())})
    assert answer.status_code == 303, said(answer)
    return taker, answer.headers["location"]


def people(count: int) -> bytes:
    return "".join(["so;ma xa\n", *(f"{number};{HERE}\n" for number in numbers(count))]).encode()


async def test_an_order_is_run_by_another_person_stopped_resumed_and_answered(
    hall: Hall, app: Starlette, elsewhere: SigningKey
) -> None:
    taker, path = await came_in(hall, app, elsewhere)
    file = {"subscribers": ("thue-bao.csv", people(30))}
    assert "người chạy phải là người khác" in said(await taker.get(path))
    assert said(await taker.get(path)).count("Tỉnh Lạng Sơn") == 1, "said once for all of its communes"
    assert (await taker.post(f"{path}/run", files=file, code=code())).status_code == 409
    runner = await with_a_phone(app, "runner", Role.PARTNER)
    assert "không đúng" in said(await runner.post(f"{path}/run", files=file, code="000000"))
    assert (await runner.post(f"{path}/run", files=file, code=code())).status_code == 303
    assert "nhận 30" in said(await runner.get(path))
    await runner.post(f"{path}/pause")
    assert "Gửi tiếp" in said(await runner.get(path))
    await runner.post(f"{path}/resume")
    assert "Dừng gửi" in said(await runner.get(path))
    result = await runner.post(f"{path}/result")
    assert "attachment" in result.headers["content-disposition"]
    content = json.loads(result.text)["content"]
    assert (content["people"]["accepted"], content["complete"]) == (30, False)
    assert not list(hall.runtime.settings.folder.glob("order-*")), "no file with numbers is left lying about"


async def test_what_is_no_order_or_no_roster_is_refused_with_a_reason(
    hall: Hall, app: Starlette, elsewhere: SigningKey
) -> None:
    taker, path = await came_in(hall, app, elsewhere)
    for content, told in ((b"PK\x03\x04", "JSON"), (b"{}", "ký")):
        answer = await taker.post("/orders/file", files={"order": ("x.json", content)})
        assert (answer.status_code, told in said(answer)) == (409, True)
    runner = await with_a_phone(app, "runner", Role.PARTNER)
    query = await runner.post(f"{path}/run", files={"subscribers": ("q.sql", b"SELECT 1")}, code=code())
    assert "dispatcher order run" in said(query)
    picture = {"subscribers": ("x.csv", b"\x89PNG\r\n\x1a\n" + b"\0" * 99)}
    assert "PNG" in said(await runner.post(f"{path}/run", files=picture, code=code()))
    assert await hall.scalar("SELECT count(*) FROM campaigns") == 0


async def test_a_partners_own_people_fetch_what_was_given_to_them_and_nobody_else_does(
    hall: Hall, app: Starlette, elsewhere: SigningKey
) -> None:
    file = await given(hall, own_key(hall), elsewhere)
    theirs = await signed_in(app, "theirs", Role.PARTNER, organisation=TAKER)
    other = await signed_in(app, "other", Role.PARTNER, organisation="another")
    path = f"/orders/{await hall.scalar('SELECT id FROM orders')}"
    assert (await theirs.get(f"{path}/manifest")).text == file
    assert "Tháng hành động" in said(await theirs.get("/orders"))
    for address in ("/orders", path, f"{path}/manifest"):
        assert "Tháng hành động" not in (await other.get(address)).text
    assert (await other.get(f"{path}/manifest")).status_code == 404
    assert (await theirs.post(f"{path}/run")).status_code == 404
    acts = await hall.sql("SELECT who FROM audit_trail WHERE act = 'order.fetch'")
    assert [row.who for row in acts] == ["theirs"]


async def test_a_coordinator_gives_an_order_for_an_approved_wave(
    hall: Hall, app: Starlette, elsewhere: SigningKey
) -> None:
    await given(hall, own_key(hall), elsewhere)
    coordinator = await signed_in(app, "coordinator", Role.COORDINATOR)
    assert "Lập và ký yêu cầu" in said(await coordinator.get("/orders"))
    asked = {"what": "drug_prevention_june-2026/launch/viettel", "partner": TAKER, "sender": SENDER}
    assert (await coordinator.post("/orders", **asked)).status_code == 303
    assert await hall.scalar("SELECT count(*) FROM orders") == 2
    wrong = await coordinator.post("/orders", **(asked | {"partner": "nobody"}))
    assert (wrong.status_code, "nobody" in said(wrong)) == (409, True)


async def test_the_result_of_another_order_is_not_taken_for_this_one(
    hall: Hall, app: Starlette, elsewhere: SigningKey
) -> None:
    await given(hall, own_key(hall), elsewhere)
    coordinator = await signed_in(app, "coordinator", Role.COORDINATOR)
    stranger = Result(
        order=uuid4(), digest="0" * 64, made_at=datetime(2026, 6, 1, 3, tzinfo=UTC), complete=False,
        people=People(lines=0, accepted=0, duplicate=0, rejected=0), planned=0, segments=0, small=SMALL, cells=(),
    )  # fmt: skip
    file = seal(stranger.model_dump(mode="json"), elsewhere).encode()
    path = f"/orders/{await hall.scalar('SELECT id FROM orders')}/answer"
    answer = await coordinator.post(path, files={"result": ("ket-qua.json", file)})
    assert (answer.status_code, "không phải của" in said(answer)) == (409, True)
