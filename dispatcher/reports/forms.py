"""The two forms of a report as templates: made here, edited by an office in its word processor, filled in by `document`.

State bodies: Decree 30/2020/ND-CP, Annex I. Party bodies: Instruction 36-HD/VPTW of 03/4/2018. Both leave number and day
blank: the clerk writes them after signing. What is in {{ braces }} is filled in; everything else an office may reword.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import docx
from docx.document import Document
from docx.enum.text import WD_BREAK

from campaigns.obligations import Form
from dispatcher.reports import paper
from dispatcher.reports.paper import body, centred, flush, rule, said, tag

PLACE_AND_DATE = "{{ dia_danh }}, ngày        tháng {{ thang_ky }} năm {{ nam }}"
LEFT_CM, RIGHT_CM, LINE_CM = 6.6, 9.4, 16.0


def template(form: Form) -> Document:
    """A report's template, as a document that can be saved and edited."""
    document = docx.Document()
    paper.page(document)
    paper.plain_style(document, 14)
    head(document, form, REPORT_NUMBERS[form])
    _subject(document, form)
    _addressees(document)
    _sections(document)
    signature(document, form)
    _annex(document)
    return document


def head(document: Document, form: Form, number: str, about: str = "") -> None:
    """Who issues it, the country's or the Party's name, `number` with its gap, place and date; below, what it is `about`."""
    HEADS[form](document, number, about)


def _state_head(document: Document, written: str, about: str) -> None:
    left, right, number, place = cells = paper.columns(document, LEFT_CM, RIGHT_CM, rows=2)
    centred(left, "{{ cap_tren }}", size=12)
    centred(left, "{{ co_quan }}", bold=True, size=12)
    rule(left, 2.5, LEFT_CM - 0.4)
    centred(right, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", bold=True, size=12)
    centred(right, "Độc lập - Tự do - Hạnh phúc", bold=True, size=13)
    rule(right, 5.5, RIGHT_CM - 0.4)
    centred(number, written, size=13)
    _about(number, about)
    centred(place, PLACE_AND_DATE, italic=True, size=13)
    paper.close_up(*cells)


def _party_head(document: Document, written: str, about: str) -> None:
    left, right, number, place = cells = paper.columns(document, LEFT_CM, RIGHT_CM, rows=2)
    centred(left, "{{ cap_tren }}", size=14)
    centred(left, "{{ co_quan }}", bold=True, size=14)
    centred(left, "*", size=14)
    centred(right, "ĐẢNG CỘNG SẢN VIỆT NAM", bold=True, size=15)
    rule(right, 7.0, RIGHT_CM - 0.4)
    centred(number, written, size=14)
    _about(number, about)
    centred(place, PLACE_AND_DATE, italic=True, size=14)
    paper.close_up(*cells)


def _about(cell: Any, about: str) -> None:
    if about:
        centred(cell, about, size=12)


def _subject(document: Document, form: Form) -> None:
    centred(document, "", size=6)
    centred(document, "BÁO CÁO", bold=True, size=14 if form is Form.STATE else 16)
    centred(document, "{{ trich_yeu }}", bold=True, size=14)
    if form is Form.STATE:
        rule(document, 5.0, LINE_CM)
    else:
        centred(document, "-----", size=14)


def _addressees(document: Document) -> None:
    tag(document, "{%p if noi_nhan_chinh | length == 1 %}")
    centred(document, "Kính gửi: {{ noi_nhan_chinh[0] }}")
    tag(document, "{%p else %}")
    body(document, "Kính gửi:")
    tag(document, "{%p for noi in noi_nhan_chinh %}")
    body(document, "- {{ noi }}{{ '.' if loop.last else ';' }}")
    tag(document, "{%p endfor %}")
    tag(document, "{%p endif %}")
    centred(document, "", size=6)
    body(document, "{{ mo_dau }}")


def _sections(document: Document) -> None:
    body(document, "1. Công tác chỉ đạo, triển khai thực hiện", bold=True)
    tag(document, "{%p if van_ban %}")
    led = body(document, "{{ chi_dao }} Căn cứ triển khai là các văn bản chỉ đạo, hướng dẫn của cấp có thẩm quyền")
    paper.footnote(document, led, "{{ van_ban }}")
    said(led, ".")
    tag(document, "{%p else %}")
    body(document, "{{ chi_dao }}")
    tag(document, "{%p endif %}")
    _lines(document, "chien_dich_dong")
    body(document, "2. Kết quả thông tin, tuyên truyền", bold=True)
    body(document, "a) Tuyên truyền bằng tin nhắn", italic=True)
    _lines(document, "ket_qua")
    tag(document, "{%p if hinh_thuc_khac %}")
    body(document, "b) Các hình thức tuyên truyền khác", italic=True)
    _lines(document, "hinh_thuc_khac")
    tag(document, "{%p endif %}")
    for title, name in (
        ("3. Đánh giá", "danh_gia"),
        ("4. Ưu điểm, tồn tại, hạn chế và giải pháp khắc phục", ""),
        ("4.1. Ưu điểm", "uu_diem"),
        ("4.2. Tồn tại, hạn chế", "han_che"),
        ("4.3. Giải pháp khắc phục", "giai_phap"),
        ("5. Phương hướng, nhiệm vụ trong thời gian tới", "phuong_huong"),
    ):
        body(document, title, bold=True)
        if name:
            _lines(document, name)
    body(document, "{{ ket_thuc }}").paragraph_format.keep_with_next = True


def _lines(document: Document, name: str) -> None:
    tag(document, f"{{%p for dong in {name} %}}")
    body(document, "{{ dong }}")
    tag(document, "{%p endfor %}")


def _receivers(cell: Any, size: float) -> None:
    flush(cell, "Nơi nhận:", bold=True, italic=True, size=12)
    flush(cell, "- Như trên;", size=size)
    tag(cell, "{%p for noi in noi_nhan %}")
    flush(cell, "- {{ noi }};", size=size)
    tag(cell, "{%p endfor %}")
    flush(cell, "- Lưu: VT, {{ don_vi }}.", size=size)


def signature(document: Document, form: Form) -> None:
    """Who receives it, and who signs."""
    left, right = cells = paper.columns(document, 8.0, 8.0)
    _receivers(left, 11 if form is Form.STATE else 12)
    _signed(right, 14)
    paper.close_up(*cells)


def _signed(cell: Any, size: float) -> None:
    tag(cell, "{%p for dong in chu_ky %}")
    centred(cell, "{{ dong }}", bold=True, size=size)
    tag(cell, "{%p endfor %}")
    for _line in range(4):
        centred(cell, "", size=size)
    centred(cell, "{{ nguoi_ky }}", bold=True, size=size)


def _annex(document: Document) -> None:
    document.add_paragraph().add_run().add_break(WD_BREAK.PAGE)
    centred(document, "Phụ lục I", bold=True, size=14)
    centred(document, "SỐ LIỆU TUYÊN TRUYỀN BẰNG TIN NHẮN", bold=True, size=14)
    centred(document, "(Kèm theo Báo cáo số:        /BC-{{ ky_hieu }} của {{ co_quan_thuong }})", italic=True, size=14)
    rule(document, 5.0, LINE_CM)
    body(document, "{{ cach_dem }}")
    _tables(document)
    document.add_paragraph().add_run().add_break(WD_BREAK.PAGE)
    centred(document, "Phụ lục II", bold=True, size=14)
    centred(document, "CÁCH TÍNH VÀ CĂN CỨ ĐỐI CHIẾU", bold=True, size=14)
    centred(document, "(Kèm theo Báo cáo số:        /BC-{{ ky_hieu }} của {{ co_quan_thuong }})", italic=True, size=14)
    rule(document, 5.0, LINE_CM)
    _lines(document, "doi_chieu")
    tag(document, "{%p for cau in cau_hoi %}")
    flush(document, "{{ cau.ten }}", bold=True, size=11)
    flush(document, "{{ cau.sql }}", size=10)
    tag(document, "{%p endfor %}")


MONTHS_CHART, NETWORKS_CHART = "[[bieu_do_thang]]", "[[bieu_do_nha_mang]]"
HEADINGS = ["Tin đã gửi", "Tới máy", "Lượt tin (đoạn)"]


def _titled(document: Document, title: str) -> None:
    body(document, title, bold=True).paragraph_format.keep_with_next = True


def _tables(document: Document) -> None:
    _titled(document, "Bảng 1. Theo chiến dịch")
    paper.grid(
        document, ["Chiến dịch", *HEADINGS, "Thuê bao"],
        ["{{ c.ten }}", "{{ c.gui }}", "{{ c.toi }}", "{{ c.doan }}", "{{ c.thue_bao }}"], "c in chien_dich",
        [6, 2.5, 2.5, 2.5, 2.5],
    )  # fmt: skip
    body(document, "")
    _titled(document, "Bảng 2. Theo nhà mạng")
    paper.grid(
        document, ["Nhà mạng", *HEADINGS], ["{{ c.ten }}", "{{ c.gui }}", "{{ c.toi }}", "{{ c.doan }}"], "c in nha_mang",
        [7, 3, 3, 3],
    )  # fmt: skip
    centred(document, NETWORKS_CHART)
    _titled(document, "Bảng 3. Theo tháng")
    paper.grid(
        document, ["Tháng", *HEADINGS[:2]], ["{{ c.ten }}", "{{ c.gui }}", "{{ c.toi }}"], "c in thang", [8, 4, 4]
    )
    centred(document, MONTHS_CHART)
    tag(document, "{%p if chi_tieu %}")
    _titled(document, "Bảng 4. Chỉ tiêu")
    tag(document, "{%p endif %}")
    paper.grid(
        document, ["Chỉ tiêu", "Yêu cầu", "Đạt được", "Tỷ lệ"],
        ["{{ c.ten }}", "{{ c.can }}", "{{ c.dat }}", "{{ c.ty_le }}"], "c in chi_tieu", [7, 2.5, 4, 2.5],
    )  # fmt: skip
    body(document, "")
    _titled(document, "Bảng 5. Theo xã, phường")
    paper.grid(
        document, ["Xã, phường", "Tỉnh, thành phố", *HEADINGS[:2], "Thuê bao"],
        ["{{ c.ten }}", "{{ c.tinh }}", "{{ c.gui }}", "{{ c.toi }}", "{{ c.thue_bao }}"], "c in xa", [5, 4, 2.5, 2.25, 2.25],
    )  # fmt: skip


REPORT_NUMBERS = {Form.STATE: "Số:        /BC-{{ ky_hieu }}", Form.PARTY: "Số        -BC/{{ ky_hieu }}"}
HEADS: dict[Form, Callable[[Document, str, str], None]] = {Form.STATE: _state_head, Form.PARTY: _party_head}
