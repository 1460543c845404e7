"""The figures of a report as a workbook, every commune and activity in it, for those who count further."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any

import xlsxwriter

from dispatcher.reports.document import COUNTED
from dispatcher.reports.figures import Count, Figures
from dispatcher.reports.wording import ACTIVITIES, NOT_THROUGH
from dispatcher.words import NETWORK_WORDS

Table = tuple[str, Sequence[str], Iterable[Sequence[Any]]]
COUNTS = ("Tin đã gửi", "Tới máy", "Lượt tin tính cước", "Thuê bao có tin tới máy")


def workbook(figures: Figures) -> bytes:
    """An .xlsx with one sheet a table. Text stays text: nothing in it is run as a formula."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(
        content, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    ) as book:
        bold, count = book.add_format({"bold": True, "text_wrap": True}), book.add_format({"num_format": "#,##0"})
        for title, heads, rows in _tables(figures):
            sheet = book.add_worksheet(title)
            sheet.write_row(0, 0, heads, bold)
            for line, row in enumerate(rows, start=1):
                sheet.write_row(line, 0, row, count)
            sheet.freeze_panes(1, 0)
            sheet.autofit()
    return content.getvalue()


def _tables(figures: Figures) -> Iterable[Table]:
    period, total = figures.period, figures.total
    yield (
        "Tổng hợp",
        ("Kỳ số liệu", f"{period.start:%d/%m/%Y} - {period.end:%d/%m/%Y}"),
        [
            *zip(COUNTS, _counts(total), strict=True),
            ("Thuê bao đã gửi", figures.people_sent),
            ("Xã, phường có tin tới máy", figures.communes),
            ("Tin trả lời", figures.replies),
            ("Yêu cầu không nhận tin", figures.refusals),
            *((f"Tin {NOT_THROUGH[status]}", n) for status, n in figures.not_sent.items()),
            ("Cách đếm", COUNTED),
        ],
    )
    yield "Chiến dịch", ("Chiến dịch", *COUNTS), [(c.name, *_counts(c)) for c in figures.campaigns]
    yield "Đơn vị", ("Đơn vị thực hiện", *COUNTS), [(c.name, *_counts(c)) for c in figures.organisations]
    networks = [(NETWORK_WORDS.get(c.name, c.name), *_counts(c)[:3]) for c in figures.networks]
    yield "Nhà mạng", ("Nhà mạng", *COUNTS[:3]), networks
    yield "Tháng", ("Tháng", *COUNTS[:2]), [(f"{month:%m/%Y}", *_counts(c)[:2]) for month, c in figures.months]
    areas = [(a.name, a.province, a.sent, a.delivered, a.people) for a in figures.areas]
    yield "Xã, phường", ("Xã, phường", "Tỉnh, thành phố", *COUNTS[:2], COUNTS[3]), areas
    gauges = [
        (g.target.title, g.target.at_least, g.part, g.whole, g.percent, g.target.source or "") for g in figures.gauges
    ]
    yield "Chỉ tiêu", ("Chỉ tiêu", "Yêu cầu (%)", "Đạt được", "Trên tổng số", "Tỷ lệ (%)", "Nguồn mẫu số"), gauges
    heads = ("Bài", "Ngày gửi", "Đơn vị", "Người quan tâm OA khi gửi", "Người nhận", "Lượt xem", "Nguồn số liệu")
    sent = [
        (one.title or one.slug, f"{one.day:%d/%m/%Y}", one.organisation, one.followers, one.reached, one.opened, one.source or "")
        for one in figures.broadcasts
    ]  # fmt: skip
    yield "Bài gửi qua OA Zalo", heads, sent
    done = [
        (ACTIVITIES[a.kind], f"{a.day:%d/%m/%Y}", a.quantity, a.unit, a.done_by, a.note, a.link or "")
        for a in figures.activities
    ]
    yield (
        "Hình thức khác",
        ("Hình thức", "Ngày", "Số lượng", "Đơn vị tính", "Nơi thực hiện", "Ghi chú", "Liên kết"),
        done,
    )


def _counts(count: Count) -> tuple[int, int, int, int]:
    return count.sent, count.delivered, count.segments, count.people
