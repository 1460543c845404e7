"""Why a wave waits, in words for the person who wonders: pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from campaigns.calendar import VIETNAM, spoken
from dispatcher.lifecycle import CampaignStatus, WaveStatus
from dispatcher.store.campaigns import StoredWave, Waiting
from dispatcher.store.caps import Rest
from dispatcher.store.routes import Stop, StopKind

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

# What our own code and the adapters say of a stop, in the words of staff; a carrier's own words stay as they came.
KNOWN_REASONS = (
    (r"not in routes\.toml", "không có trong routes.toml"),
    (r"(\d+) calls in a row without an answer; the last: ", r"\1 lần gọi liên tiếp không được trả lời; lần cuối: "),
    (r"wrong API key or secret key", "sai mã API hoặc mã bí mật"),
    (r"the account has no price list", "tài khoản chưa có bảng giá"),
    (r"not enough money in the account", "tài khoản hết tiền"),
    (r"the brandname is unknown or inactive", "tên hiển thị chưa đăng ký hoặc đã ngừng"),
    (r"our IP address is not on the account's list", "địa chỉ IP của máy này chưa được tài khoản cho phép"),
    (r"the account is inactive or locked", "tài khoản ngừng hoạt động hoặc bị khóa"),
    (r"no connection, nothing was sent", "không kết nối được, chưa gửi gì"),
    (r"the request may have been taken", "không rõ nhà mạng đã nhận hay chưa"),
)

Stops = Mapping[str, tuple[Stop, ...]]
Rests = Mapping[str, Rest]


def stop_words(stop: Stop) -> str:
    """What keeps a route from sending, and until when."""
    again = f", thử lại lúc {stop.probe_at.astimezone(VIETNAM):%H:%M:%S}" if stop.probe_at else ""
    return f"{STOP_WORDS[stop.kind]}{again} ({_spoken(stop.reason)})"


def _spoken(reason: str) -> str:
    for known, words in KNOWN_REASONS:
        reason = re.sub(known, words, reason)
    return reason


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
