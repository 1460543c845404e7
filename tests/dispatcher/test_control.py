"""What a person may do to a campaign, what is refused and how, and figures that add up at every step."""

from __future__ import annotations

import re

import pytest

from dispatcher import control, expansion, sending
from dispatcher.control import ControlError, Stopped
from dispatcher.lifecycle import Act, CampaignStatus, WaveStatus
from providers.sandbox import Dials
from tests.dispatcher.hall import APPROVER, AUTHOR, DISGUISED, EDITION, LAUNCH, Hall, june, numbers

PEOPLE = [(number,) for number in numbers(5)]


async def refused(act: object, sentence: str) -> None:
    with pytest.raises(ControlError, match=re.escape(sentence)):
        await act  # type: ignore[misc]


async def test_only_a_draft_may_be_added_again(hall: Hall) -> None:
    await hall.import_rows(PEOPLE)
    assert await hall.add(june()) is False
    assert await hall.add(june(LAUNCH, DISGUISED)) is True
    assert [wave.slug for wave in (await hall.view()).waves] == [LAUNCH, DISGUISED]
    await hall.approve()
    await refused(hall.add(june()), f"Chiến dịch {EDITION} đã có và đang ở trạng thái đã duyệt; chỉ sửa được bản nháp.")


async def test_what_does_not_exist_is_told_with_what_does(hall: Hall) -> None:
    await refused(hall.approve(), f"Không có chiến dịch {EDITION}. Hiện có: chưa có chiến dịch nào.")
    await hall.add(june().model_copy(update={"year": 2027}))
    await refused(hall.start(), f"Không có chiến dịch {EDITION}. Hiện có: drug_prevention_june-2027.")


SAME_PERSON = [
    AUTHOR,
    AUTHOR.upper(),
    f"  {AUTHOR}  ",
    "Nguyễn   An",
    "Nguyễn\tAn",
    "Nguye\u0302\u0303n An",
    "nguyễn an",
]


async def test_nobody_approves_what_they_wrote_however_they_spell_their_name(hall: Hall) -> None:
    await hall.import_rows(PEOPLE)
    await hall.add(june())
    for name in SAME_PERSON:
        await refused(hall.approve(name), "là người soạn; người duyệt phải là người khác.")
    for nobody in ("", "  ", "\t"):
        await refused(hall.approve(nobody), "Cần ghi tên người thực hiện (--by).")
    assert (await hall.view()).status is CampaignStatus.DRAFT
    await hall.approve()


async def test_approval_asks_for_people(hall: Hall) -> None:
    await hall.add(june(audience=None))
    await refused(hall.approve(), "Đợt launch chưa có nhóm người nhận.")
    await hall.add(june(audience="nobody yet"))
    await refused(hall.approve(), "Chưa có nhóm người nhận nobody yet (đợt launch).")
    await hall.import_rows([("not a number",)], "people")
    await hall.add(june())
    await refused(hall.approve(), "Nhóm người nhận people không có số nào hợp lệ (đợt launch).")


async def test_approval_pins_the_version_of_the_audience(hall: Hall) -> None:
    await hall.rehearse()
    first = await hall.import_rows(PEOPLE)
    await hall.add(june())
    await hall.approve()
    await hall.import_rows([(number,) for number in numbers(50, "091")])
    await hall.start()
    (wave,) = await hall.open_waves()
    await expansion.expand(hall.runtime, wave)
    assert await hall.scalar("SELECT audience_id FROM waves") == first.audience.id
    assert (await hall.view()).planned == 5


async def test_start_refuses_what_is_not_approved_and_says_the_next_step(hall: Hall) -> None:
    await hall.import_rows(PEOPLE)
    await hall.add(june())
    await refused(
        hall.start(), f"đang ở trạng thái bản nháp. Cần người khác duyệt trước: dispatcher campaign approve {EDITION}"
    )
    await refused(hall.stop(Act.PAUSE), "đang ở trạng thái bản nháp.")
    await refused(hall.resume(), "đang ở trạng thái bản nháp.")
    await hall.approve()
    await refused(hall.approve(), f"đang ở trạng thái đã duyệt. Bắt đầu bằng: dispatcher campaign start {EDITION}")
    await refused(hall.stop(Act.PAUSE), "đang ở trạng thái đã duyệt.")
    await hall.start()
    await refused(hall.start(), f"đang ở trạng thái đang chạy. Xem tiến độ: dispatcher campaign status {EDITION}")
    await refused(hall.resume(), "đang ở trạng thái đang chạy.")
    await hall.stop(Act.PAUSE)
    await refused(
        hall.stop(Act.PAUSE), f"đang ở trạng thái tạm dừng. Chạy tiếp bằng: dispatcher campaign resume {EDITION}"
    )
    await hall.stop(Act.CANCEL)
    await refused(hall.start(), "đang ở trạng thái đã hủy. Chiến dịch đã hủy không chạy lại được.")


VOID = r"(đã đổi sau khi duyệt: .*|không có bản phê duyệt nào ứng với chiến dịch này); cần duyệt lại"
CHANGES = [
    "UPDATE campaigns SET definition = jsonb_set(definition, '{texts,launch,unaccented}', '\"Trung thuong\"')",
    "UPDATE campaigns SET definition = jsonb_set(definition, '{owner}', '\"Ai do\"')",
    "UPDATE campaigns SET approved_hash = NULL",
    "UPDATE campaigns SET approved_hash = 'x'",
    "UPDATE waves SET audience_id = (SELECT max(id) FROM audiences)",
    "UPDATE waves SET window_to = '23:59'",
    "UPDATE waves SET closes_at = closes_at + interval '1 month'",
    "UPDATE waves SET opens_at = opens_at - interval '1 s'",
]


async def test_start_refuses_what_was_changed_in_the_database_after_approval(hall: Hall) -> None:
    await hall.import_rows(PEOPLE)
    await hall.add(june())
    await hall.approve()
    await hall.import_rows(PEOPLE[:1])
    for change in CHANGES:
        async with hall.runtime.pool.connection() as connection, connection.transaction(force_rollback=True):
            await connection.execute(change)
            with pytest.raises(ControlError, match=VOID):
                await control.start(connection, EDITION, APPROVER, hall.routes)
    await hall.start()


async def test_the_database_itself_refuses_an_author_as_approver(hall: Hall) -> None:
    await hall.add(june())
    with pytest.raises(Exception, match="violates check constraint"):
        await hall.sql("UPDATE campaigns SET approved_by = author")


@pytest.mark.parametrize("dials", [Dials(refusals={"99": 0.2}, lost_answers=0.1)])
async def test_figures_add_up_at_every_step_and_stops_say_what_left(hall: Hall) -> None:
    wave = await hall.running([(number,) for number in numbers(60)])
    assert await hall.counts() == {}
    await expansion.expand(hall.runtime, wave)
    assert await hall.counts() == {"queued": 60}
    due = await hall.due()
    await control_send(hall, due[:2])
    counts = await hall.counts()
    assert counts["queued"] == 20
    assert await hall.stop(Act.PAUSE) == Stopped(out=40, in_flight=0, saved=20)
    assert await hall.counts() == counts
    await hall.resume()
    assert await hall.stop(Act.CANCEL) == Stopped(out=40, in_flight=0, saved=20)
    after = await hall.counts()
    assert after == {**{s: n for s, n in counts.items() if s != "queued"}, "cancelled": 20}
    await hall.tidy()
    assert await hall.counts() == after
    seen = await hall.view()
    assert (seen.planned, seen.segments, seen.accounted) == (60, 60, True)
    assert seen.waves[0].status is WaveStatus.CANCELLED
    assert await hall.due(requeue_seconds=0) == []


async def control_send(hall: Hall, due: list[int]) -> None:
    for batch in due:
        await sending.send(hall.runtime, batch)


async def test_every_act_is_in_the_audit_trail_with_its_person(hall: Hall) -> None:
    await hall.import_rows(PEOPLE)
    await hall.add(june())
    await hall.approve(f"  {APPROVER} ")
    await hall.start()
    await hall.stop(Act.PAUSE)
    await hall.resume()
    await hall.stop(Act.CANCEL)
    acts = [(row.who, row.act) for row in await hall.sql("SELECT who, act FROM audit_trail ORDER BY id")]
    assert acts == [
        (AUTHOR, "audience.import"),
        (AUTHOR, "campaign.add"),
        (APPROVER, "campaign.approve"),
        (APPROVER, "campaign.start"),
        (APPROVER, "campaign.pause"),
        (APPROVER, "campaign.resume"),
        (APPROVER, "campaign.cancel"),
    ]


async def test_an_act_that_is_refused_leaves_no_trace(hall: Hall) -> None:
    await hall.add(june())
    before = await hall.scalar("SELECT count(*) FROM audit_trail")
    await refused(hall.start(), "bản nháp")
    assert await hall.scalar("SELECT count(*) FROM audit_trail") == before
