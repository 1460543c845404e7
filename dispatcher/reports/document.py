"""A report filled in: the form's template or the office's own, with the figures, their tables and charts."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from zipfile import BadZipFile

from docx.document import Document
from docxtpl import DocxTemplate
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from campaigns.calendar import VIETNAM
from campaigns.figures import number
from campaigns.obligations import Measure, Obligation, Office
from dispatcher.errors import UserError
from dispatcher.reports import chart, forms
from dispatcher.reports.figures import FEW, Count, Figures, Gauge
from dispatcher.reports.wording import DENOMINATOR, Notes, Upcoming, percent, sections
from dispatcher.store.reports import NOT_SENT, QUERIES, REACHED, SENT
from dispatcher.words import NETWORK_WORDS

COUNTED = (
    f"Tin đã gửi: nhà mạng đã nhận. Tới máy: nhà mạng xác nhận đã giao. {DENOMINATOR}"
    f" Xã, phường có dưới {FEW} thuê bao được gộp chung."
)
# A paper of more communes than a province has is no longer read; the workbook has them all.
MOST_AREAS = 200


class ReportTemplateError(UserError):
    """The office's own template cannot be filled in."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that goes into one report."""

    figures: Figures
    office: Office
    obligation: Obligation
    notes: Notes
    upcoming: Sequence[Upcoming]


def render(report: Report, own_template: Path | None = None) -> bytes:
    """The .docx of a report. Raises `ReportTemplateError` where the office's template is at fault."""
    source = own_template or stream(forms.template(report.office.form))
    try:
        document = filled(source, context(report))
    except (TemplateError, BadZipFile, KeyError, SyntaxError, ValueError) as error:
        raise ReportTemplateError(
            f"Không điền được mẫu báo cáo {own_template}: {error}. Lấy lại mẫu: dispatcher report template -o mau.docx"
        ) from error
    _charts(document, report.figures)
    document.core_properties.author = report.office.name
    return stream(document).read()


def filled(source: Path | io.BytesIO, values: Mapping[str, Any]) -> Document:
    """A template with everything in braces filled in; a name that it does not have is an error."""
    template = DocxTemplate(source)
    template.render(values, SandboxedEnvironment(undefined=StrictUndefined, autoescape=True))
    return cast("Document", template.docx)


def stream(document: Document) -> io.BytesIO:
    """The document as a file."""
    content = io.BytesIO()
    document.save(content)
    content.seek(0)
    return content


def office_words(office: Office, at: datetime) -> dict[str, Any]:
    """What the head and the foot of every paper of an office name."""
    made = at.astimezone(VIETNAM)
    return {
        "cap_tren": office.superior.upper(),
        "co_quan": office.name.upper(),
        "co_quan_thuong": office.name,
        "ky_hieu": office.symbol,
        "dia_danh": office.place,
        "thang_ky": f"{made.month:02}" if made.month < 3 else str(made.month),
        "nam": made.year,
        "don_vi": office.unit,
        "chu_ky": list(office.signature),
        "nguoi_ky": office.signer or "",
    }


def context(report: Report) -> dict[str, Any]:
    """What the templates may name; docs/reports.md lists it."""
    office, figures, obligation = report.office, report.figures, report.obligation
    return {
        **sections(figures, office, obligation, report.notes, report.upcoming),
        **office_words(office, figures.counted_at),
        "noi_nhan_chinh": list(obligation.recipients),
        "noi_nhan": list(obligation.copies),
        **_tables(figures),
        "cach_dem": COUNTED,
        "doi_chieu": _proof(report),
        "cau_hoi": [{"ten": name, "sql": " ".join(query.split())} for name, query in _queries().items()],
    }


def _queries() -> Mapping[str, str]:
    return {"sent": SENT, **QUERIES, "targets": REACHED, "not_sent": NOT_SENT}


def _proof(report: Report) -> list[str]:
    figures = report.figures
    start, end = figures.period.bounds
    counted = (
        f"Số liệu đếm lúc {figures.counted_at.astimezone(VIETNAM):%H:%M:%S ngày %d/%m/%Y} (giờ Việt Nam), trong một lần đọc duy"
        f" nhất cơ sở dữ liệu; kỳ số liệu từ {start:%H:%M ngày %d/%m/%Y} đến trước {end:%H:%M ngày %d/%m/%Y}. Xác nhận tới máy"
        " đến sau thời điểm này chưa tính."
    )
    again = (
        "Mỗi con số được đếm bằng câu truy vấn dưới đây trên nhật ký gửi tin; ai có quyền đọc nhật ký đều đếm lại được."
    )
    log = (
        f"Nhật ký gửi tin khi đếm: đến lần gửi số {number(figures.attempts_to)},"
        f" đến xác nhận số {number(figures.receipts_to)}."
    )
    return [counted, log, again]


def _tables(figures: Figures) -> dict[str, Any]:
    areas = figures.areas if len(figures.areas) <= MOST_AREAS else ()
    return {
        "chien_dich": [_row(count, count.name) for count in figures.campaigns],
        "nha_mang": [_row(count, NETWORK_WORDS.get(count.name, count.name)) for count in figures.networks],
        "thang": [_row(count, f"{month:%m/%Y}") for month, count in figures.months],
        "chi_tieu": [_gauge(gauge) for gauge in figures.gauges],
        "xa": [
            {"ten": a.name, "tinh": a.province, "gui": number(a.sent), "toi": number(a.delivered), "thue_bao": number(a.people)}
            for a in areas
        ],
    }  # fmt: skip


def _row(count: Count, name: str) -> dict[str, str]:
    return {
        "ten": name,
        "gui": number(count.sent),
        "toi": number(count.delivered),
        "doan": number(count.segments),
        "thue_bao": number(count.people),
    }


def _gauge(gauge: Gauge) -> dict[str, str]:
    unit = {Measure.COMMUNES: "xã, phường", Measure.MONTHS: "tháng", Measure.REACH: "thuê bao/người"}[
        gauge.target.measure
    ]
    return {
        "ten": gauge.target.title,
        "can": f"{gauge.target.at_least}%",
        "dat": f"{number(gauge.part)}/{number(gauge.whole)} {unit}",
        "ty_le": percent(gauge.part, gauge.whole),
    }


def _charts(document: Document, figures: Figures) -> None:
    """The charts in place of their marks, which an office may have removed."""
    drawn = {
        forms.NETWORKS_CHART: ([NETWORK_WORDS.get(c.name, c.name) for c in figures.networks], figures.networks),
        forms.MONTHS_CHART: (
            [f"{month:%m/%Y}" for month, _count in figures.months],
            [c for _month, c in figures.months],
        ),
    }
    marks = {p.text.strip(): p for p in document.paragraphs if p.text.strip() in drawn}
    for place, (mark, paragraph) in enumerate(marks.items(), start=1):
        names, counts = drawn[mark]
        if not counts:
            paragraph.runs[0].text = ""
            continue
        series = [("Tin đã gửi", [c.sent for c in counts]), ("Tới máy", [c.delivered for c in counts])]
        chart.put(document, paragraph, place, names, series)
