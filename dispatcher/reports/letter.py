"""The official letter that hands over a statement: form by Decree 30/2020, what it says and what it does not, the table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import docx
import typst
from docx.document import Document
from docx.enum.text import WD_BREAK
from jinja2 import Template

from campaigns import msisdn
from campaigns.calendar import VIETNAM
from campaigns.figures import number
from campaigns.obligations import Form, Office
from dispatcher.lifecycle import Status
from dispatcher.reports import forms, paper
from dispatcher.reports.document import filled, office_words, stream
from dispatcher.reports.paper import body, centred, rule, tag
from dispatcher.store.statements import Request, Sent
from dispatcher.words import STATUS_WORDS

PRINTED = Path(__file__).with_name("letter.typ")
NUMBERS = {Form.STATE: "Số:        /{{ ky_hieu }}-{{ don_vi }}", Form.PARTY: "Số        -CV/{{ ky_hieu }}"}
ENCLOSED = "Công văn số:        /{{ ky_hieu }}-{{ don_vi }} của {{ co_quan_thuong }}"
SUBJECT = "V/v cung cấp bảng kê tin nhắn đã gửi tới một số thuê bao"
ONLY_OURS = (
    "Bảng kê chỉ gồm tin nhắn do hệ thống này gửi trong các chiến dịch của cơ quan. Bảng kê không gồm cuộc gọi, tin nhắn của bên"
    " khác, vị trí hay thông tin thuê bao: những dữ liệu đó do doanh nghiệp viễn thông quản lý."
)
PROOF = (
    "Kèm theo là trích lục nhật ký có chữ ký số (tệp {ten_tep}, SHA-256 {ma_bam}) và điểm kiểm tra. Mỗi dòng của trích lục có đường"
    " chứng minh tới nhật ký đã niêm phong; kiểm tra ngoại tuyến bằng chương trình verify_log.py cùng điểm kiểm tra"
    " và khóa công khai."
    " Trích lục chứng minh những dòng có trong đó, không chứng minh rằng ngoài đó không còn dòng nào."
)
GAPS = "Chưa chứng minh được bằng niêm phong: {}."
HEADS = ["STT", "Nhà mạng nhận lúc", "Nội dung", "Phần tin", "Kết quả", "Mã của nhà mạng"]
ROW = ["{{ c.stt }}", "{{ c.luc }}", "{{ c.noi_dung }}", "{{ c.phan }}", "{{ c.ket_qua }}", "{{ c.ma }}"]


@dataclass(frozen=True, slots=True)
class Statement:
    """Everything that goes into one statement; `msisdn` is the whole number."""

    request: Request
    msisdn: str
    sent: Sequence[Sent]
    at: datetime
    extract_name: str
    extract_sha256: str
    unproved: Sequence[str]


def template(form: Form) -> Document:
    """The letter and its annex, to be filled in."""
    document = docx.Document()
    paper.page(document)
    paper.plain_style(document, 14)
    forms.head(document, form, NUMBERS[form], "{{ trich_yeu }}")
    centred(document, "", size=6)
    centred(document, "Kính gửi: {{ noi_gui }}")
    centred(document, "", size=6)
    tag(document, "{%p for dong in noi_dung %}")
    body(document, "{{ dong }}")
    tag(document, "{%p endfor %}")
    forms.signature(document, form)
    _annex(document)
    return document


def _annex(document: Document) -> None:
    document.add_paragraph().add_run().add_break(WD_BREAK.PAGE)
    centred(document, "Phụ lục", bold=True, size=14)
    centred(document, "BẢNG KÊ TIN NHẮN ĐÃ GỬI TỚI SỐ {{ so }}", bold=True, size=14)
    centred(document, f"(Kèm theo {ENCLOSED})", italic=True)
    rule(document, 5.0, forms.LINE_CM)
    paper.grid(document, HEADS, ROW, "c in tin", [1.2, 3.0, 5.6, 1.4, 2.4, 2.4], words=(1, 2, 4, 5))
    body(document, "{{ cuoi_bang }}")


def render(statement: Statement, office: Office) -> bytes:
    """The .docx. Number and date are left to the clerk."""
    document = filled(stream(template(office.form)), context(statement, office))
    document.core_properties.author = office.name
    return stream(document).read()


def printed(statement: Statement, office: Office) -> bytes:
    """The same letter as a PDF, whose letters are embedded: nobody's word processor changes it. For archives: PDF/A-2a."""
    values = context(statement, office)
    ours = {
        "so_ky_hieu": NUMBERS[office.form],
        "noi_va_ngay": forms.PLACE_AND_DATE,
        "kem_theo": ENCLOSED,
    }
    written = {name: Template(words).render(values) for name, words in ours.items()}
    said = json.dumps({**values, **written, "dau_bang": HEADS, "party": office.form is Form.PARTY})
    made: bytes = typst.compile(
        PRINTED,
        sys_inputs={"said": said},
        pdf_standards="a-2a",
        timestamp=statement.at.astimezone(UTC).replace(microsecond=0),
    )
    return made


def context(statement: Statement, office: Office) -> dict[str, Any]:
    request = statement.request
    return {
        **office_words(office, statement.at),
        "trich_yeu": SUBJECT,
        "noi_gui": request.authority,
        "noi_nhan": [],
        "noi_dung": list(_said(statement, office)),
        "so": msisdn.spoken(statement.msisdn),
        "tin": [_row(place, one) for place, one in enumerate(statement.sent, 1)],
        "cuoi_bang": f"Tổng cộng: {number(len(statement.sent))} tin, {number(sum(s.segments for s in statement.sent))} phần tin."
        " Giờ Việt Nam.",
    }


def _said(statement: Statement, office: Office) -> list[str]:
    request = statement.request
    asked = (
        f"Thực hiện Văn bản số {request.document} ngày {_day(request.document_date)} của {request.authority}"
        f" (căn cứ: {request.basis}), {office.name} cung cấp bảng kê tin nhắn đã gửi tới số thuê bao"
        f" {msisdn.spoken(statement.msisdn)} từ ngày {_day(request.starts)} đến hết ngày {_day(request.ends)}."
    )
    found = (
        f"Trong thời gian trên, hệ thống đã gửi {number(len(statement.sent))} tin tới số này (Phụ lục)."
        if statement.sent
        else "Trong thời gian trên, hệ thống không gửi tin nào tới số này."
    )
    proof = PROOF.format(ten_tep=statement.extract_name, ma_bam=statement.extract_sha256)
    gaps = [GAPS.format(", ".join(statement.unproved))] if statement.unproved else []
    return [asked, found, ONLY_OURS, proof, *gaps, f"{office.name} gửi {request.authority} để xem xét, giải quyết./."]


def _row(place: int, sent: Sent) -> dict[str, str]:
    return {
        "stt": str(place),
        "luc": f"{sent.at.astimezone(VIETNAM):%H:%M:%S %d/%m/%Y}",
        "noi_dung": sent.text,
        "phan": str(sent.segments),
        "ket_qua": STATUS_WORDS[Status(sent.status)],
        "ma": sent.reference or "",
    }


def _day(day: date) -> str:
    return f"{day:%d/%m/%Y}"
