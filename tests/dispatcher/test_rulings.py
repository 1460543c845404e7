"""The rules at the door: approval and start, with what only the installation knows."""

from __future__ import annotations

import re
from typing import Any

import pytest

from campaigns.campaign import Advertising, Campaign, ConsentMethod, MessageClass
from dispatcher import approval, control, expansion, importing
from dispatcher.control import ControlError
from dispatcher.lifecycle import CampaignStatus
from dispatcher.review import Office
from dispatcher.rulings import RuledOutError
from dispatcher.settings import RouteConfig
from dispatcher.store import suppressions
from dispatcher.store.suppressions import Scope
from tests.dispatcher.hall import APPROVER, AUTHOR, EDITION, LAUNCH, Hall, june, numbers

PEOPLE = [(number,) for number in numbers(5)]
SENDERS = ["CA LANGSON"]
CONSENT = Advertising(
    consent_method=ConsentMethod.FORM,
    consent_evidence="5 phiếu",
    stop_word="TC",
    stop_number="8088",
    stop_call="18001234",
)


def advertising(**changed: Any) -> Campaign:
    given = {"message_class": MessageClass.ADVERTISING, "advertising": CONSENT, **changed}
    return june().model_copy(update=given)


async def suppress(hall: Hall, msisdn: str, scope: Scope) -> int:
    async with hall.runtime.pool.connection() as connection:
        return await importing.suppress(
            connection, hall.runtime.keyring, {msisdn: "viettel"}, "DNC", "test", "An", scope
        )


def named(hall: Hall, senders: list[str]) -> list[RouteConfig]:
    """The hall's route under other names."""
    return [hall.routes[0].model_copy(update={"sender": sender}) for sender in senders]


async def approve(hall: Hall, senders: list[str] = SENDERS) -> None:
    async with hall.runtime.pool.connection() as connection:
        await approval.approve(connection, EDITION, APPROVER, Office(named(hall, senders)))


async def refused(act: Any, *sentences: str) -> None:
    with pytest.raises(RuledOutError) as caught:
        await act
    assert [sentence for sentence in sentences if sentence not in str(caught.value)] == []


async def test_approval_is_refused_with_every_reason_and_its_article(hall: Hall) -> None:
    await hall.import_rows(PEOPLE)
    await hall.add(advertising(advertising=None))
    await refused(
        approve(hall, ["0912345678"]),
        f"Chiến dịch {EDITION} chưa được phê duyệt hoặc bắt đầu, vì:\n- ",
        "(Nghị định 91/2020/NĐ-CP, Điều 11 khoản 2)",
        "(Nghị định 91/2020/NĐ-CP, Điều 16)",
        "(Nghị định 91/2020/NĐ-CP, Điều 7 và Điều 11 khoản 1)",
        "(Nghị định 91/2020/NĐ-CP, Điều 13 khoản 8)",
    )
    assert (await hall.view()).status is CampaignStatus.DRAFT
    assert await hall.scalar("SELECT count(*) FROM audit_trail WHERE act = 'campaign.approve'") == 0


async def test_a_sender_that_became_a_number_after_approval_stops_the_start(hall: Hall) -> None:
    await hall.import_rows(PEOPLE)
    await suppress(hall, "84999999999", Scope.ADVERTISING)
    await hall.add(advertising())
    await approve(hall)
    async with hall.runtime.pool.connection() as connection:
        with pytest.raises(ControlError, match=re.escape("đường gửi (main.sender: CA LANGSON → 0912345678)")):
            await control.start(connection, EDITION, APPROVER, named(hall, ["0912345678"]))
        await control.start(connection, EDITION, APPROVER, hall.routes)


@pytest.mark.parametrize(("kind", "left_out"), [(MessageClass.ADVERTISING, 2), (MessageClass.PUBLIC_INFORMATION, 1)])
async def test_the_do_not_call_list_binds_advertising_alone(hall: Hall, kind: MessageClass, left_out: int) -> None:
    await hall.rehearse()
    await hall.import_rows(PEOPLE)
    await suppress(hall, "84960000001", Scope.ADVERTISING)
    await suppress(hall, "84960000002", Scope.ALL)
    await hall.add(advertising(message_class=kind))
    await approve(hall)
    await hall.start()
    (wave,) = await hall.open_waves()
    await expansion.expand(hall.runtime, wave)
    assert await hall.counts() == {"queued": 5 - left_out, "suppressed": left_out}
    await suppress(hall, "84960000003", Scope.ADVERTISING)
    while await hall.send():
        pass
    late = int(kind is MessageClass.ADVERTISING)
    assert await hall.counts() == {"submitted": 5 - left_out - late, "suppressed": left_out + late}


async def test_a_number_that_refuses_everything_is_not_freed_by_the_do_not_call_list(hall: Hall) -> None:
    assert await suppress(hall, "84960000001", Scope.ADVERTISING) == 1
    assert await suppress(hall, "84960000001", Scope.ALL) == 1
    assert await suppress(hall, "84960000001", Scope.ADVERTISING) == 0
    assert await hall.scalar("SELECT scope FROM suppressions") == "all"


async def test_a_person_of_the_do_not_call_list_who_texts_a_refusal_is_refused_everything(hall: Hall) -> None:
    await suppress(hall, "84960000001", Scope.ADVERTISING)
    (msisdn_hash,) = hall.runtime.keyring.hashes(["84960000001"])
    async with hall.runtime.pool.connection() as connection:
        await suppressions.add_known(connection, msisdn_hash, reason="STOP", source="main 8088", proof="", by="inbound")
    row = (await hall.sql("SELECT scope, reason FROM suppressions"))[0]
    assert tuple(row) == ("all", "STOP")


def waiting_for_its_theme() -> Campaign:
    campaign = june()
    text = campaign.texts[LAUNCH].model_copy(update={"unaccented": "{owner}: {theme}"})
    return campaign.model_copy(update={"texts": {LAUNCH: text}})


async def test_a_late_theme_is_filled_in_before_approval_by_somebody_who_then_may_not_approve(hall: Hall) -> None:
    await hall.rehearse()
    await hall.import_rows(PEOPLE)
    await hall.add(waiting_for_its_theme())
    await refused(approve(hall), f"dispatcher campaign theme {EDITION}")
    async with hall.runtime.pool.connection() as connection:
        for theme, document in ((" ", "Công văn 1"), ("Không ma túy", " ")):
            with pytest.raises(ControlError, match="Cần ghi chủ đề và văn bản"):
                await control.set_theme(connection, EDITION, theme, document, "Lê Chi")
        await control.set_theme(connection, EDITION, " Không  ma tu\u0301y ", "Công văn 1234/VPCP-KGVX", "Lê Chi")
        for author in (AUTHOR, "Lê Chi"):
            with pytest.raises(ControlError, match="là người soạn"):
                await approval.approve(connection, EDITION, author, Office(hall.routes))
    await approve(hall)
    await hall.start()
    (wave,) = await hall.open_waves()
    await expansion.expand(hall.runtime, wave)
    assert await hall.scalar("SELECT body FROM texts") == "Ban Chi dao 138: Khong ma tuy"
    kept = await hall.scalar("SELECT detail FROM audit_trail WHERE act = 'campaign.theme'")
    assert kept == {"theme": "Không ma túy", "document": "Công văn 1234/VPCP-KGVX"}


async def test_the_theme_of_an_approved_campaign_stays(hall: Hall) -> None:
    await hall.import_rows(PEOPLE)
    await hall.add(june())
    await approve(hall)
    async with hall.runtime.pool.connection() as connection:
        with pytest.raises(ControlError, match=re.escape("chỉ sửa được bản nháp")):
            await control.set_theme(connection, EDITION, "Khác", "Công văn 1", AUTHOR)
