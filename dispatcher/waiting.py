"""Why a wave waits, in words for the person who wonders: pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from campaigns.calendar import VIETNAM, spoken
from dispatcher.lifecycle import CampaignStatus, WaveStatus
from dispatcher.store.campaigns import StoredWave, Waiting
from dispatcher.store.caps import Rest
from dispatcher.store.routes import Stop, StopKind
from dispatcher.words import SILENCE, STOP_REASONS

CAP_WORDS = {"hour": "giờ", "day": "ngày"}
OVER = frozenset({WaveStatus.DONE, WaveStatus.MISSED, WaveStatus.CANCELLED})
CAMPAIGN_WORDS = {
    CampaignStatus.DRAFT: "chiến dịch chưa được duyệt",
    CampaignStatus.APPROVED: "chiến dịch chưa bắt đầu",
    CampaignStatus.PAUSED: "chiến dịch đang tạm dừng",
}

STOP_WORDS = {
    StopKind.PARKED: "đang dừng chờ người xử lý",
    StopKind.PAUSED: "đang tạm dừng",
    StopKind.TRIPPED: "không được nhà mạng trả lời",
}

Stops = Mapping[str, tuple[Stop, ...]]
Rests = Mapping[str, Rest]


def stop_words(stop: Stop) -> str:
    """What keeps a route from sending, and until when."""
    again = f", thử lại lúc {stop.probe_at.astimezone(VIETNAM):%H:%M:%S}" if stop.probe_at else ""
    return f"{STOP_WORDS[stop.kind]}{again} ({spoken_reason(stop.reason)})"


def spoken_reason(reason: str) -> str:
    """What our code or an adapter says of a route that stopped, as staff read it."""
    for known, words in STOP_REASONS.items():
        reason = reason.replace(known, words)
    return re.sub(*SILENCE, reason)


def reason(
    campaign: CampaignStatus, wave: StoredWave, facts: Waiting, stops: Stops, rests: Rests, refusal: str | None = None
) -> str | None:
    """The first thing that keeps the wave from being sent now; None when nothing does, or when it is over.

    `refusal`: why nothing at all may be sent by this installation.
    """
    if wave.status in OVER:
        return None
    if refusal:
        return refusal
    if words := CAMPAIGN_WORDS.get(campaign):
        return words
    if wave.held:
        return f"đợt đang được giữ lại: {wave.held}"
    if facts.now < wave.opens_at:
        return f"chờ tới giờ gửi: {spoken(wave.opens_at)}"
    if wave.status is WaveStatus.SCHEDULED and wave.audience_id is None:
        return "nhà mạng tự gửi theo yêu cầu; xem: dispatcher order list"
    if wave.status is WaveStatus.EXPANDING:
        return "đang lập danh sách tin"
    return _sending(wave, facts, stops, rests)


def _sending(wave: StoredWave, facts: Waiting, stops: Stops, rests: Rests) -> str | None:
    if not facts.in_window:
        window = f"{wave.window_from:%H:%M}-{wave.window_to:%H:%M}"
        return f"ngoài khung giờ gửi {window} (bây giờ là {facts.now.astimezone(VIETNAM):%H:%M})"
    if facts.routes and all(route in stops or route in rests for route in facts.routes):
        return "; ".join(_rest_words(route, stops, rests) for route in facts.routes)
    if facts.next_due_at:
        return f"chờ gửi lại lúc {facts.next_due_at.astimezone(VIETNAM):%H:%M:%S}"
    return None


def _rest_words(route: str, stops: Stops, rests: Rests) -> str:
    if route in stops:
        return f"đường gửi {route} {stop_words(stops[route][0])}"
    rest = rests[route]
    return f"đã hết hạn mức {CAP_WORDS[rest.cap]} của đường gửi {route}, gửi tiếp lúc {spoken(rest.until)}"
