"""What changed from one state of a campaign to another, in the order in which people read it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from campaigns.campaign import Campaign

# Table of a definition -> what staff call it.
WORDS = {
    "title": "tên chiến dịch",
    "owner": "cơ quan gửi",
    "message_class": "loại tin",
    "theme": "chủ đề",
    "hotline": "đường dây nóng",
    "links": "liên kết ngoài .gov.vn",
    "own_hotlines": "số điện thoại của cơ quan",
    "audience": "nhóm người nhận",
    "budget": "mức chi tối đa",
    "priority": "mức ưu tiên",
    "period": "thời gian",
    "texts": "nội dung",
    "waves": "đợt gửi",
    "legal_basis": "căn cứ",
    "requests": "văn bản yêu cầu",
    "policy": "khác thông lệ",
    "accented": "có dấu",
    "unaccented": "không dấu",
    "date": "ngày",
    "until": "đến ngày",
    "window": "khung giờ",
    "form": "dạng",
    "text": "nội dung",
    "occasion": "dịp",
    "topics": "chủ đề theo danh mục",
    "programme": "chương trình",
    "co_owners": "cơ quan phối hợp",
    "content_by": "cơ quan cung cấp nội dung",
    "appraisal": "thẩm định",
    "advertising": "quảng cáo",
    "opens": "giờ mở ngày đầu",
    "relay": "nhờ người nhận chuyển tiếp",
    "order": "nhà mạng tự gửi",
    "areas": "địa bàn",
    "zones": "vùng",
    "groups": "nhóm đối tượng",
    "ages": "độ tuổi",
    "speakers": "ngôn ngữ người nhận",
    "channel": "kênh",
    "wait_minutes": "số phút chờ Zalo",
    "languages": "bản tiếng khác",
    "aloud": "bản đọc loa",
    "zalo": "Zalo",
    "template": "mẫu",
    "parameters": "chỗ điền",
    "kind": "loại",
    "number": "số",
    "issuer": "nơi ban hành",
    "subject": "trích yếu",
    "valid_from": "hiệu lực từ",
    "valid_to": "hiệu lực đến",
    "sha256": "mã băm",
    "reason": "lý do",
    "hours": "giờ gửi",
    "most_messages": "số tin nhiều nhất",
    "within_hours": "trong số giờ",
    "agreement": "văn bản đồng ý",
    "consent_method": "cách xin đồng ý",
    "consent_evidence": "bằng chứng đồng ý",
    "stop_word": "từ để từ chối",
    "stop_number": "số để từ chối",
    "stop_call": "số gọi để từ chối",
    "start": "từ ngày",
    "end": "đến ngày",
}
# What a closed choice is called, by the key that it stands under.
CHOSEN = {
    "form": {"accented": "có dấu", "unaccented": "không dấu"},
    "priority": {"alert": "cảnh báo", "normal": "thường", "bulk": "đại trà"},
    "relay": {"True": "có", "False": "không"},
}
# Follows from the rest, or differs every year without anybody's doing.
SILENT = frozenset({"slug", "year", "content_kind"})


@dataclass(frozen=True, slots=True)
class Difference:
    """One place: its path in words, and what stood and stands there (None: nothing)."""

    where: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Piece:
    """Words that both have (`kept`), or only one of them."""

    words: str
    before: bool
    after: bool


def differences(old: Campaign, new: Campaign) -> list[Difference]:
    """Every place where the two differ."""
    before, after = dict(_flat(_by_slug(old))), dict(_flat(_by_slug(new)))
    titles = _titles(old) | _titles(new)
    return [
        Difference(_spoken(path, titles), _chosen(path, before.get(path)), _chosen(path, after.get(path)))
        for path in dict.fromkeys([*after, *before])
        if before.get(path) != after.get(path)
    ]


def pieces(before: str, after: str) -> Iterator[Piece]:
    """Two texts against each other, word by word."""
    old, new = re.findall(r"\S+\s*", before), re.findall(r"\S+\s*", after)
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            yield Piece("".join(new[c:d]), True, True)
            continue
        if b > a:
            yield Piece("".join(old[a:b]), True, False)
        if d > c:
            yield Piece("".join(new[c:d]), False, True)


def _by_slug(campaign: Campaign) -> dict[str, Any]:
    plain = campaign.model_dump(mode="json")
    return plain | {"waves": {wave["slug"]: wave for wave in plain["waves"]}}


def _flat(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key not in SILENT:
                yield from _flat(inner, (*path, str(key)))
    elif isinstance(value, list) and any(isinstance(inner, Mapping) for inner in value):
        for number, inner in enumerate(value, 1):
            yield from _flat(inner, (*path, str(number)))
    elif value not in (None, [], ""):
        yield path, " – ".join(map(str, value)) if isinstance(value, list) else str(value)


def _titles(campaign: Campaign) -> dict[tuple[str, str], str]:
    """What waves are called, and texts, after the first wave that says them."""
    texts = {("texts", wave.text): wave.title for wave in reversed(campaign.waves)}
    return {("waves", wave.slug): wave.title for wave in campaign.waves} | texts


def _spoken(path: tuple[str, ...], titles: Mapping[tuple[str, str], str]) -> str:
    title = titles.get((path[0], path[1])) if len(path) > 1 else None
    named = (path[0], title, *path[2:]) if title else path
    return " · ".join(WORDS.get(part, part) for part in named)


def _chosen(path: tuple[str, ...], value: str | None) -> str | None:
    return CHOSEN.get(path[-1], {}).get(value, value) if value else value
