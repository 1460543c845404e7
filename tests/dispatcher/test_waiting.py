"""Why a wave waits: the first reason a person should hear of."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from dispatcher.breaker import reason as tripped
from dispatcher.lifecycle import Act, CampaignStatus, WaveStatus
from dispatcher.store import routes
from dispatcher.store.campaigns import StoredWave, Waiting
from dispatcher.store.caps import Rest
from dispatcher.store.routes import Stop, StopKind
from dispatcher.waiting import Stops, reason, stop_words
from dispatcher.words import STOP_REASONS
from providers.errors import Unavailable
from tests.dispatcher.hall import Hall

NOON = datetime(2026, 6, 1, 5, 0, tzinfo=UTC)  # 12:00 in Viet Nam
WAVE = StoredWave(
    1, UUID(int=1), 1, "launch", "Phát động", NOON - timedelta(hours=2), NOON + timedelta(hours=8), time(10), time(20),
    1, WaveStatus.SENDING, None, 10, 10,
)  # fmt: skip
FACTS = Waiting(1, NOON, in_window=True, open=2, routes=["a", "b"], next_due_at=None)
PARKED = Stop(StopKind.PARKED, "no credit", NOON, 10, None)
PAUSED = Stop(StopKind.PAUSED, "An: đổi hợp đồng", NOON, 10, None)
TRIPPED = Stop(StopKind.TRIPPED, "timeout", NOON, 10, NOON + timedelta(seconds=20))
MIDNIGHT, NEXT_HOUR = Rest("day", NOON + timedelta(hours=12)), Rest("hour", NOON + timedelta(hours=1))
RUNNING = CampaignStatus.RUNNING

CASES = [
    (RUNNING, WAVE, FACTS, None),
    (RUNNING, replace(WAVE, status=WaveStatus.DONE), FACTS, None),
    (CampaignStatus.APPROVED, WAVE, FACTS, "chưa bắt đầu"),
    (CampaignStatus.PAUSED, WAVE, FACTS, "tạm dừng"),
    (RUNNING, replace(WAVE, held="nhà mạng từ chối 40 trong 50"), FACTS, "từ chối 40 trong 50"),
    (
        RUNNING,
        replace(WAVE, status=WaveStatus.SCHEDULED, opens_at=NOON + timedelta(days=1)),
        FACTS,
        "12:00 ngày 02/06/2026",
    ),
    (RUNNING, replace(WAVE, status=WaveStatus.EXPANDING), FACTS, "lập danh sách"),
    (RUNNING, WAVE, replace(FACTS, in_window=False), "10:00-20:00"),
    (RUNNING, WAVE, replace(FACTS, next_due_at=NOON + timedelta(seconds=30)), "12:00:30"),
]


@pytest.mark.parametrize(("campaign", "wave", "facts", "words"), CASES)
def test_the_reason_is_told(campaign: CampaignStatus, wave: StoredWave, facts: Waiting, words: str | None) -> None:
    told = reason(campaign, wave, facts, {}, {})
    assert told is None if words is None else told is not None and words in told


ON_ROUTES: list[tuple[Stops, list[str]]] = [
    ({"a": (PARKED,)}, []),
    ({"c": (PARKED,)}, []),
    ({"a": (PARKED,), "b": (PAUSED,)}, ["đường gửi a đang dừng chờ người xử lý (no credit)", "b đang tạm dừng (An:"]),
    ({"a": (TRIPPED,), "b": (PARKED, TRIPPED)}, ["thử lại lúc 12:00:20", "b đang dừng chờ"]),
]


@pytest.mark.parametrize(("stops", "words"), ON_ROUTES)
def test_a_wave_waits_for_its_routes_when_all_of_them_are_stopped(stops: Stops, words: list[str]) -> None:
    told = reason(RUNNING, WAVE, FACTS, stops, {})
    assert told is None if not words else told is not None and all(word in told for word in words)


ON_CAPS: list[tuple[dict[str, Rest], Stops, list[str]]] = [
    ({"a": MIDNIGHT}, {}, []),
    (
        {"a": MIDNIGHT, "b": NEXT_HOUR},
        {},
        [
            "hạn mức ngày của đường gửi a, gửi tiếp lúc 00:00 ngày 02/06/2026",
            "hạn mức giờ của đường gửi b, gửi tiếp lúc 13:00",
        ],
    ),
    ({"a": MIDNIGHT}, {"b": (PARKED,)}, ["đã hết hạn mức ngày của đường gửi a", "b đang dừng chờ"]),
]


@pytest.mark.parametrize(("rests", "stops", "words"), ON_CAPS)
def test_a_wave_waits_for_a_cap_when_no_route_of_it_has_room(
    rests: dict[str, Rest], stops: Stops, words: list[str]
) -> None:
    told = reason(RUNNING, WAVE, FACTS, stops, rests)
    assert told is None if not words else told is not None and all(word in told for word in words)


async def waits(hall: Hall) -> str | None:
    return (await hall.view()).waves[0].waits


async def test_a_campaigns_view_tells_it_from_the_database(hall: Hall) -> None:
    await hall.planned(3)
    assert await waits(hall) is None
    await hall.rehearse(hours=8)  # the window of the day is over, the wave goes on tomorrow
    assert "ngoài khung giờ" in (await waits(hall) or "")
    await hall.rehearse(hours=1)
    async with hall.runtime.pool.connection() as connection:
        await routes.park(connection, "main", "no credit")
    assert "main" in (await waits(hall) or "")
    await hall.stop(Act.PAUSE)
    assert "tạm dừng" in (await waits(hall) or "")


SAID = re.compile(r'Meaning\(Misconfigured, "([^"]+)"')
ADAPTERS = Path(__file__).parents[2] / "providers"


def test_what_adapters_and_we_say_of_a_stop_is_told_in_vietnamese() -> None:
    said = {words for path in ADAPTERS.rglob("*.py") for words in SAID.findall(path.read_text("utf-8"))}
    assert len(said) > 20
    for words in (*said, "not in routes.toml"):
        told = stop_words(Stop(StopKind.PARKED, f"eSMS: {words} (103)", NOON, 10, None))
        assert told == f"đang dừng chờ người xử lý (eSMS: {STOP_REASONS[words]} (103))"
    silent = stop_words(Stop(StopKind.TRIPPED, tripped(Unavailable("refused")), NOON, 10, NOON))
    assert silent.endswith("(10 lần gọi liên tiếp không được trả lời; lần cuối: refused)")
