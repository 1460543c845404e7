"""Nobody gets more messages of a class than its limit, however campaigns and waves overlap."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from campaigns.campaign import Campaign, MessageClass, Policy
from dispatcher import approval, control, expansion
from dispatcher.review import Office
from dispatcher.store import installation, planning
from dispatcher.words import STATUS_WORDS
from tests.dispatcher.hall import APPROVER, AUTHOR, LAUNCH, Hall, june, numbers

PEOPLE = [(number,) for number in numbers(30)]
TWO = Policy(reason="thử", most_messages=2)


def edition(number: int, policy: Policy | None = TWO, **changed: object) -> Campaign:
    """The launch wave of June as a campaign of its own."""
    return june().model_copy(update={"slug": f"thu{number}", "policy": policy, **changed})


async def opened(hall: Hall, *campaigns: Campaign) -> list[int]:
    """The waves of these campaigns, begun and expanding."""
    async with hall.runtime.pool.connection() as connection:
        for campaign in campaigns:
            await control.add(connection, campaign, AUTHOR)
            await approval.approve(connection, campaign.edition, APPROVER, Office(hall.routes))
            await control.start(connection, campaign.edition, APPROVER, hall.routes)
    return await hall.open_waves()


async def ready(hall: Hall, *campaigns: Campaign) -> list[int]:
    await hall.rehearse()
    await hall.import_rows(PEOPLE)
    return await opened(hall, *campaigns)


async def planned(hall: Hall, *campaigns: Campaign) -> None:
    for wave in await ready(hall, *campaigns):
        await expansion.expand(hall.runtime, wave)


async def statuses(hall: Hall) -> list[dict[str, int]]:
    """The statuses of each wave, in the order in which the waves were added."""
    rows = await hall.sql("SELECT wave_id, status::text, count(*)::int AS n FROM messages GROUP BY 1, 2 ORDER BY 1")
    by_wave: dict[int, dict[str, int]] = {}
    for row in rows:
        by_wave.setdefault(row.wave_id, {})[row.status] = row.n
    return list(by_wave.values())


QUEUED, LEFT_OUT = {"queued": 30}, {"suppressed": 30}


async def test_whoever_has_enough_is_left_out_and_the_log_says_why(hall: Hall) -> None:
    await planned(hall, *map(edition, range(3)))
    assert await statuses(hall) == [QUEUED, QUEUED, LEFT_OUT]
    rows = await hall.sql("SELECT DISTINCT code, outcome, reason, number, route FROM attempts")
    assert [tuple(row) for row in rows] == [
        ("frequency-cap", "not_sent", "already 2 messages of this class within 168 hours", 0, "")
    ]
    assert await hall.scalar("SELECT count(*) FROM attempts") == 30
    assert await hall.scalar("SELECT sum(planned) FROM waves") == 90
    assert "đủ số tin" in STATUS_WORDS["suppressed"]  # type: ignore[index]


async def test_a_person_is_counted_not_an_audience(hall: Hall) -> None:
    await hall.rehearse()
    await hall.import_rows(PEOPLE[:10], "few")
    await hall.import_rows(PEOPLE)
    few = [edition(number, audience="few") for number in range(2)]
    for wave in await opened(hall, *few, edition(2)):
        await expansion.expand(hall.runtime, wave)
    assert await statuses(hall) == [{"queued": 10}, {"queued": 10}, {"queued": 20, "suppressed": 10}]


async def test_waves_planned_at_the_same_moment_do_not_overlook_each_other(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "SLICE", 7)
    waves = await ready(hall, *map(edition, range(4)))
    await asyncio.gather(*(expansion.expand(hall.runtime, wave) for wave in waves))
    had = await hall.sql("SELECT count(*)::int AS n FROM messages WHERE status = 'queued' GROUP BY msisdn_hash")
    assert [row.n for row in had] == [2] * 30


@pytest.mark.parametrize(("status", "counts"), [
    ("submitted", True), ("delivered", True), ("undelivered", True), ("uncertain", True), ("unconfirmed", True),
    ("sending", True), ("retrying", True),
    ("suppressed", False), ("cancelled", False), ("expired", False), ("failed", False), ("rejected", False),
])  # fmt: skip
async def test_only_what_a_person_may_have_is_counted(hall: Hall, status: str, counts: bool) -> None:
    once = Policy(reason="thử", most_messages=1)
    first, second = await ready(hall, edition(0, once), edition(1, once))
    await expansion.expand(hall.runtime, first)
    await hall.sql(f"UPDATE stored_messages SET status = '{status}'")
    await expansion.expand(hall.runtime, second)
    assert (await statuses(hall))[1] == (LEFT_OUT if counts else QUEUED)


async def test_what_a_carrier_took_a_moment_ago_counts_though_nothing_but_its_claim_says_so(hall: Hall) -> None:
    once = Policy(reason="thử", most_messages=1)
    first, second, third = await ready(hall, *(edition(number, once) for number in range(3)))
    await expansion.expand(hall.runtime, first)
    await hall.send()
    assert await hall.scalar("SELECT count(*) FROM stored_messages WHERE status = 'queued'") == len(PEOPLE)
    await expansion.expand(hall.runtime, second)
    await hall.fold()
    await expansion.expand(hall.runtime, third)
    assert await statuses(hall) == [{"submitted": len(PEOPLE)}, LEFT_OUT, LEFT_OUT]


async def test_what_is_long_ago_counts_no_more(hall: Hall) -> None:
    once = Policy(reason="thử", most_messages=1, within_hours=24)
    (first,) = await ready(hall, edition(0, once))
    await expansion.expand(hall.runtime, first)
    await hall.sql("UPDATE stored_messages SET status = 'delivered'")
    opens = await hall.scalar("SELECT opens_at FROM waves")
    for hours, left_out in ((23, True), (24.1, False)):
        async with hall.runtime.pool.connection() as connection:
            await installation.rehearse_at(connection, opens + timedelta(hours=hours))
        (wave,) = await opened(hall, edition(int(hours), once))
        await expansion.expand(hall.runtime, wave)
        assert (await statuses(hall))[-1] == (LEFT_OUT if left_out else QUEUED)
        await hall.sql("UPDATE stored_messages SET status = 'failed' WHERE status = 'queued'")


async def test_each_class_has_a_limit_of_its_own_and_internal_notices_have_none(hall: Hall) -> None:
    notice = {"message_class": MessageClass.INTERNAL_NOTICE, "policy": None}
    await planned(hall, *map(edition, range(2)), *(edition(number, **notice) for number in range(2, 7)))
    assert await statuses(hall) == [QUEUED] * 7


async def test_without_a_policy_of_its_own_a_campaign_keeps_the_usual_limit(hall: Hall) -> None:
    await planned(hall, *(edition(number, None) for number in range(4)))
    assert await statuses(hall) == [QUEUED] * 3 + [LEFT_OUT]


async def test_who_is_left_out_is_not_sent_to(hall: Hall) -> None:
    await planned(hall, *map(edition, range(3)))
    while await hall.send():
        pass
    assert list(hall.carrier.ledger.received.values()) == [2] * 30


@pytest.mark.parametrize("language", ["tyz", "hmn", "vi", "rad", ""])
async def test_everybody_reads_their_own_language_where_the_text_is_written_in_it(hall: Hall, language: str) -> None:
    campaign = june(LAUNCH)
    text = campaign.texts[LAUNCH].model_copy(update={"languages": {"tyz": "Tày {commune}", "hmn": "Hmoob"}})
    await hall.rehearse()
    await hall.import_rows([(number, "Xã Na Sầm") for number in numbers(3)])
    await hall.sql("UPDATE audience_members SET language = nullif(%s, '')", language)
    (wave,) = await opened(hall, campaign.model_copy(update={"texts": {LAUNCH: text}}))
    await expansion.expand(hall.runtime, wave)
    rows = await hall.sql(
        "SELECT t.language, t.body, m.segments = t.segments AS so FROM messages m JOIN texts t ON t.id = m.text_id"
    )
    own = language if language in ("tyz", "hmn") else ""
    assert [(row.language, row.so) for row in rows] == [(own, True)] * 3
    assert {row.body[:11] for row in rows} == {{"tyz": "Tày Na Sầm", "hmn": "Hmoob"}.get(language, "Ban Chi dao")}
