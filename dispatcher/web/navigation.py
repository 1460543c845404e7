"""The way around: rooms and their pages, each shown to whoever may enter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dispatcher.web.rights import Action

if TYPE_CHECKING:
    from dispatcher.web.door import Visit


@dataclass(frozen=True)
class Way:
    """A page that the menu leads to."""

    path: str
    words: str
    action: Action


# A new room, or a page of one, is a line here.
ROOMS: tuple[tuple[str, tuple[Way, ...]], ...] = (
    (
        "Chiến dịch",
        (
            Way("/", "Việc hôm nay", Action.INSIDE),
            Way("/campaigns", "Các chiến dịch", Action.SEE_FIGURES),
            Way("/broadcasts", "Bài gửi người quan tâm", Action.SEE_CAMPAIGN),
            Way("/calendar", "Lịch năm", Action.SEE_FIGURES),
            Way("/audiences", "Nhóm người nhận", Action.SEE_AUDIENCES),
            Way("/bench", "Thử nội dung tin", Action.TRY_TEXT),
        ),
    ),
    ("Nhà mạng", (Way("/orders", "Yêu cầu gửi", Action.SEE_ORDERS),)),
    (
        "Người dân",
        (
            Way("/inbox", "Hộp thư đến", Action.READ_INBOX),
            Way("/complaints", "Phản ánh", Action.SEE_COMPLAINTS),
            Way("/suppressions", "Danh sách từ chối nhận", Action.SEE_SUPPRESSIONS),
        ),
    ),
    (
        "Kiểm tra",
        (
            Way("/log", "Tìm tin đã gửi", Action.SEARCH_LOG),
            Way("/exports", "Xuất nhật ký", Action.EXPORT_LOG),
            Way("/seals", "Niêm phong", Action.SEE_SEALS),
            Way("/statements", "Bảng kê theo yêu cầu", Action.SEE_STATEMENTS),
            Way("/reports", "Báo cáo", Action.SEE_REPORTS),
            Way("/trail", "Nhật ký thao tác", Action.SEE_TRAIL),
        ),
    ),
    (
        "Quản trị",
        (
            Way("/users", "Người dùng", Action.MANAGE_USERS),
            Way("/tokens", "Mã truy cập API", Action.MANAGE_TOKENS),
            Way("/webhooks", "Webhook", Action.MANAGE_WEBHOOKS),
        ),
    ),
)


def rooms(visit: Visit) -> list[tuple[str, list[Way]]]:
    """The rooms of which somebody may enter at least a page."""
    found = [(name, [way for way in ways if visit.may(way.action)]) for name, ways in ROOMS]
    return [(name, ways) for name, ways in found if ways]
