"""What people did, as the trail tells it: acts, and what is kept beside them, in words instead of codes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from campaigns.calendar import VIETNAM
from dispatcher.accounts import ROLE_WORDS
from dispatcher.complaints import CAME_BY_WORDS
from dispatcher.control import SPOKEN
from dispatcher.correspondence import SCOPE_WORDS
from dispatcher.reconciling import WORDS as DIFFERENCE_WORDS
from dispatcher.web.rights import ACTION_WORDS
from dispatcher.web.speech import Speech
from dispatcher.words import ACT_WORDS, APPROVAL_WORDS, DETAIL_WORDS, NETWORK_WORDS, STATUS_WORDS

# Codes under these names have words of their own.
VALUE_WORDS: dict[str, Mapping[Any, str]] = {
    "actions": ACTION_WORDS,
    "before": ROLE_WORDS,
    "came_by": CAME_BY_WORDS,
    "kinds": {"campaign": "chiến dịch", "wave": "đợt gửi", "upload": "danh sách số tải lên"},
    "network": NETWORK_WORDS,
    "paper": {"letter": "công văn", "extract": "trích lục", "checkpoint": "điểm kiểm tra", "key": "khóa công khai"},
    "path": APPROVAL_WORDS,
    "refused": SCOPE_WORDS,
    "roles": ROLE_WORDS,
    "scope": SCOPE_WORDS,
    "status": SPOKEN,
    "statuses": STATUS_WORDS,
    "was": SCOPE_WORDS,
}
# What acts are about: the first half of their codes.
FAMILY_WORDS = {
    "activity": "hoạt động khác",
    "audience": "nhóm người nhận",
    "broadcast": "bài gửi người quan tâm OA",
    "campaign": "chiến dịch",
    "complaint": "phản ánh",
    "inbound": "hộp thư đến",
    "installation": "máy chủ",
    "keys": "khóa",
    "log": "nhật ký gửi tin",
    "order": "yêu cầu gửi",
    "organisation": "đơn vị",
    "person": "xóa một người",
    "place": "nơi",
    "report": "báo cáo",
    "retention": "xóa dữ liệu quá hạn",
    "route": "đường gửi",
    "statement": "bảng kê",
    "suppression": "danh sách từ chối nhận",
    "token": "mã truy cập",
    "uncertain": "tin chưa rõ kết quả",
    "user": "người dùng",
    "wave": "đợt gửi",
    "webhook": "webhook",
}
HASH = re.compile(r"[0-9a-f]{32,}")
MOMENT, DAY = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d.*"), re.compile(r"\d{4}-\d\d-\d\d")
HASH_SHOWN = 12


def told(detail: Mapping[str, Any], speech: Speech, words: Mapping[str, str] = DETAIL_WORDS) -> list[tuple[str, str]]:
    """(what, how) of everything that is kept beside an act; nothing for what was left open."""
    said = [(speech.word(words.get(name, name)), _said(name, value, speech)) for name, value in detail.items()]
    return [(what, how) for what, how in said if how]


def _said(name: str, value: Any, speech: Speech) -> str:
    if value is None or value in ("", [], {}):
        return ""
    if isinstance(value, Mapping):
        words = DIFFERENCE_WORDS if name == "differences" else DETAIL_WORDS
        return ", ".join(f"{what}: {how}" for what, how in told(value, speech, words))
    if isinstance(value, list):
        return ", ".join(_said(name, one, speech) for one in value)
    return _one(name, value, speech)


def _one(name: str, value: Any, speech: Speech) -> str:
    if isinstance(value, bool):
        return speech.word("có") if value else speech.word("không")
    if isinstance(value, int | float):
        return speech.number(value)
    if value in (words := VALUE_WORDS.get(name, {})):
        return speech.word(words[value])
    return _written(str(value), speech)


def _written(value: str, speech: Speech) -> str:
    if HASH.fullmatch(value):
        return f"{value[:HASH_SHOWN]}…"
    for pattern, read in READ:
        if pattern.fullmatch(value):
            return read(value, speech)
    return value


def _moment(value: str, speech: Speech) -> str:
    read = datetime.fromisoformat(value)
    return speech.moment(read if read.tzinfo else read.replace(tzinfo=VIETNAM))


READ: tuple[tuple[re.Pattern[str], Callable[[str, Speech], str]], ...] = (
    (MOMENT, _moment),
    (DAY, lambda value, speech: speech.day(date.fromisoformat(value))),
)
SUBJECT_WORDS = {
    "search": "mọi chiến dịch",
    "sealed": "cả nhật ký, kèm dấu niêm phong",
    "web": "tải ở trang Niêm phong",
}


def about(subject: str, speech: Speech) -> str:
    """What an act was done to; of a hash, its beginning."""
    return speech.word(SUBJECT_WORDS[subject]) if subject in SUBJECT_WORDS else _written(subject, speech)


def families(speech: Speech) -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    """(beginning of codes, words, its acts), for whoever filters the trail."""
    for family, words in FAMILY_WORDS.items():
        acts = [(act, speech.word(said)) for act, said in ACT_WORDS.items() if act.startswith(f"{family}.")]
        yield f"{family}.", speech.word(words), acts
