"""The author's page of articles to followers: a definition written or uploaded, and its mistakes by line."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import UploadFile
from starlette.responses import Response

from campaigns import broadcast as definition
from campaigns.broadcast import Broadcast
from campaigns.problems import DefinitionError
from dispatcher import broadcasts
from dispatcher.accounts import FIRST
from dispatcher.broadcasts import BroadcastError
from dispatcher.errors import UserError
from dispatcher.lifecycle import BroadcastStatus
from dispatcher.store import broadcasts as stored_broadcasts
from dispatcher.store.database import Connection
from dispatcher.web.door import MissingError, Page, Visit
from dispatcher.web.rights import Action

NAME = "bai.toml"
LARGEST = 1 << 20
ONLY_THE_FIRST = "Tài khoản OA là của đơn vị đầu mối; chỉ đơn vị đó soạn bài gửi người quan tâm."
EXAMPLE = """\
slug = "ma-tuy-thang-6"                 # tên bài: chữ thường không dấu
route = "{route}"                            # đường gửi của tài khoản OA
basis = "Kế hoạch số ... ngày ..."      # căn cứ
topics = []                             # như trong chiến dịch, để báo cáo; ví dụ ["drug"]
date = ""                               # ngày gửi, dạng 2026-06-01
# until = ""                            # ngày cuối còn được gửi; bỏ trống: cùng ngày
window = ["08:00", "11:30"]             # khung giờ gửi

[article]
title = ""
author = ""
description = ""
cover = "https://..."                   # địa chỉ công khai của ảnh bìa
body = [
    "Đoạn thứ nhất.",
    "Đoạn thứ hai.",
]
# Bài đã soạn sẵn trên trang quản trị OA thì chỉ ghi: id = "mã bài viết"

# [target]                              # bỏ cả phần này: mọi người quan tâm
# ages = ["18-24", "25-34"]             # 0-12, 13-17, 18-24, 25-34, 35-44, 45-54, 55-64, 65+
# gender = "female"                     # hoặc male
# regions = ["north"]                   # north, central, south; hoặc cities = ["20"], mã tỉnh của Zalo
# platforms = ["android"]               # ios, android, windows_phone
"""


async def ask(visit: Visit) -> Response:
    """An empty one, or a draft to be changed."""
    slug = visit.asked("from")
    if not slug:
        return _ask(visit, EXAMPLE.format(route=next(iter(_able(visit)), "oa")))
    async with visit.desk() as connection:
        stored = await stored_broadcasts.find(connection, slug)
    if stored is None or stored.status is not BroadcastStatus.DRAFT:
        raise MissingError("Không có bản nháp này ở đơn vị của bạn.")
    return _ask(visit, definition.source(Broadcast.model_validate(stored.definition)), replaces=slug)


def _ask(visit: Visit, text: str, *, replaces: str = "", problem: str | None = None, problems: Any = ()) -> Response:
    if visit.person.organisation != FIRST:
        problem = ONLY_THE_FIRST
    status = 409 if visit.request.method == "POST" else 200
    return visit.show(
        "new_broadcast.html",
        status,
        text=text,
        replaces=replaces,
        problem=problem,
        problems=problems,
        able=_able(visit),
    )


def _able(visit: Visit) -> list[str]:
    return broadcasts.able(visit.runtime.routes.values())


async def write(visit: Visit) -> Response:
    return await _keep(visit, visit.given("text").replace("\r\n", "\n"), visit.given("replaces"))


async def upload(visit: Visit) -> Response:
    """A definition file that somebody wrote elsewhere."""
    file = visit.form.get("file")
    content = await file.read() if isinstance(file, UploadFile) else b""
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        text = ""
    if not text.strip() or "\0" in text:
        return _ask(visit, "", problem="Chưa chọn tệp, hoặc tệp không phải văn bản UTF-8. Chọn tệp .toml của bài.")
    return await _keep(visit, text, "")


async def _keep(visit: Visit, text: str, replaces: str) -> Response:
    """Store a draft, or show what keeps it from being one."""
    try:
        read = definition.parse(text, NAME)
        async with visit.desk() as connection:
            await _allowed(connection, visit, read, replaces)
            await broadcasts.add(connection, read, visit.by)
    except DefinitionError as error:
        return _ask(visit, text, replaces=replaces, problems=error.problems)
    except UserError as error:
        return _ask(visit, text, replaces=replaces, problem=str(error))
    return visit.go(f"/broadcasts/{read.slug}", visit.speech.word("Đã lưu bản nháp."))


async def _allowed(connection: Connection, visit: Visit, read: Broadcast, replaces: str) -> None:
    """Raises where this person may not write it, or it would take another's place unasked."""
    if visit.person.organisation != FIRST:
        raise BroadcastError(ONLY_THE_FIRST)
    if read.route not in (able := _able(visit)):
        raise BroadcastError(
            f"Đường gửi {read.route} không gửi được bài viết. Dùng được: {', '.join(able) or 'chưa có'}."
        )
    if read.slug != replaces and await stored_broadcasts.find(connection, read.slug):
        raise BroadcastError(f"Đã có bài tên {read.slug}. Mở bài đó để sửa bản nháp, hoặc đổi slug.")


PAGES = (
    Page("/new/broadcast", Action.WRITE_CAMPAIGN, ask),
    Page("/new/broadcast", Action.WRITE_CAMPAIGN, write, "POST"),
    Page("/new/broadcast/file", Action.WRITE_CAMPAIGN, upload, "POST", largest=LARGEST),
)
