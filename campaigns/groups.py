"""Groups of people by what they do: the words that offices write for them, and the groups that nobody may make."""

from __future__ import annotations

import re

from campaigns.text import plain

# A group and the words, unaccented, by which a roster names it. What is not here is compared as it is written.
GROUPS = {
    "youth": ("thanh nien", "doan vien", "doan thanh nien", "thanh thieu nien", "youth"),
    "students": ("hoc sinh", "sinh vien", "hoc vien", "hssv", "students"),
    "workers": ("cong nhan", "nguoi lao dong", "lao dong", "workers"),
    "officials": ("can bo", "cong chuc", "vien chuc", "cbccvc", "nguoi lao dong co quan", "officials"),
    "women": ("phu nu", "hoi vien phu nu", "women"),
    "farmers": ("nong dan", "hoi vien nong dan", "farmers"),
    "relays": (
        "truong thon",
        "truong ban",
        "truong khu pho",
        "to truong",
        "gia lang",
        "nguoi co uy tin",
        "bi thu chi bo",
        "phat thanh vien",
        "loa truyen thanh",
        "relays",
    ),
}

_LAW = "Luật Bảo vệ dữ liệu cá nhân 91/2025/QH15 và Nghị định 356/2025/NĐ-CP (dữ liệu cá nhân nhạy cảm)"
_HIV_LAW = f"Luật 64/2006/QH11 Điều 9 (không phân biệt đối xử với người nhiễm HIV); {_LAW}"
# What a name is about, the law, and unaccented words (with "(?! ...)" for those that begin something harmless).
_PEOPLE = (
    ("HIV/AIDS", _HIV_LAW, "nhiem hiv|co hiv|arv|nguoi co h|nhiem h"),
    ("nghiện, ma túy", _LAW, "nghien(?! cuu)|sau cai|methadone|su dung ma tuy|su dung trai phep chat ma tuy"),
    (
        "tiền án, tiền sự, vi phạm pháp luật",
        _LAW,
        (
            "tien an|tien su|an tich|pham nhan|tu nhan|bi can|bi cao|nghi pham|man han tu|tha tu|quan che|pham toi|"
            "vi pham phap luat|truong giao duong|doi tuong hinh su"
        ),
    ),
    ("mại dâm", _LAW, "gai mai dam|hanh nghe mai dam|ban dam"),
    ("nạn nhân", _LAW, "nan nhan"),
    (
        "sức khỏe, bệnh tật",
        _LAW,
        "benh(?! vien| xa)|chan doan|tam than|viem gan|mang thai|f0|tinh trang suc khoe",
    ),
)
# Words that a name may have when it is about work against these things.
_TOPICS = (("HIV/AIDS", _HIV_LAW, "hiv|aids"), ("ma túy, tội phạm", _LAW, "ma tuy|ma thuy|mai dam|toi pham"))
_WORK = re.compile(r"\b(phong chong|chong|tuyen truyen|canh sat|cong an|ban chi dao|can bo|hoi|thang hanh dong)\b")


class SensitiveGroupError(ValueError):
    """People may not be chosen by health, addiction or crime; Vietnamese, citing why."""


def groups_of(written: str) -> frozenset[str]:
    """The groups that a roster's or a definition's words mean: `youth` for "Đoàn viên, thanh niên", else the words."""
    words = folded(written)
    known = {group for group, names in GROUPS.items() if any(f" {name} " in f" {words} " for name in names)}
    return frozenset(known or {words})


def refuse_sensitive(name: str, what: str) -> None:
    """Raise `SensitiveGroupError` where a name tells of a person's health, addiction or crimes; `what` says what it names.

    "Ban chỉ đạo phòng, chống ma túy" and "Bệnh viện tỉnh" are places of work, and pass.
    """
    words = folded(name)
    for about, law, pattern in (*_PEOPLE, *(() if _WORK.search(words) else _TOPICS)):
        if re.search(rf"\b(?:{pattern})\b", words):
            raise SensitiveGroupError(
                f"{what} “{name}” cho biết về {about}. Không được lập nhóm người nhận theo sức khỏe, nghiện hoặc vi phạm "
                f"pháp luật: {law}. Bỏ cột hoặc nhóm này; chọn theo địa bàn, độ tuổi hoặc nghề nghiệp."
            )


def folded(name: str) -> str:
    """A name as it is compared: without accents, case, punctuation."""
    return " ".join(re.findall(r"[a-z0-9]+", plain(name).lower()))
