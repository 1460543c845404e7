"""The sentences of a report, written from its figures; what only people know comes from the office's notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from campaigns.calendar import VIETNAM
from campaigns.campaign import Campaign, Document, LegalBasis
from campaigns.figures import number
from campaigns.obligations import Measure, Obligation, Office, Period
from campaigns.problems import Found
from campaigns.toml_file import tables, written
from campaigns.written import Sentence, Written, read
from dispatcher.reports.figures import Figures, Gauge, papers

# Content kinds, and kinds of activities outside this product, as reports name them.
CONTENT = {
    "policy": "chính sách, pháp luật",
    "harm": "tác hại",
    "tricks": "phương thức, thủ đoạn của tội phạm",
    "prevention": "biện pháp phòng ngừa",
    "commendation": "biểu dương tập thể, cá nhân",
    "correction": "đính chính thông tin",
}
ACTIVITIES = {
    "press": "Báo chí",
    "broadcast": "Phát thanh, truyền hình",
    "loudspeaker": "Hệ thống truyền thanh cơ sở",
    "portal": "Cổng, trang thông tin điện tử",
    "social": "Mạng xã hội",
    "banner": "Băng rôn, pano, áp phích",
    "vehicle": "Xe tuyên truyền lưu động",
    "film": "Chiếu phim lưu động",
    "meeting": "Hội nghị, sinh hoạt cộng đồng",
    "leaflet": "Tờ rơi, tài liệu",
    "training": "Tập huấn",
    "other": "Hình thức khác",
}
NOT_THROUGH = {
    "suppressed": "không gửi do người nhận đã từ chối hoặc đã đủ số tin trong kỳ",
    "rejected": "nhà mạng từ chối",
    "failed": "gửi không thành công",
    "expired": "hết giờ gửi",
    "cancelled": "đã hủy theo quyết định của người phụ trách",
    "uncertain": "chưa rõ kết quả",
    "unconfirmed": "không xác nhận được kết quả",
}
# Said whenever people are counted.
DENOMINATOR = (
    "Số thuê bao khác nhau có tin tới máy; một người có thể có nhiều thuê bao, một thuê bao có thể nhiều người dùng."
)


class Notes(Written):
    """What the office adds, a list of paragraphs for each: `direction`, `assessment`, `strengths`, `limits`, ..."""

    direction: tuple[Sentence, ...] | None = None
    results: tuple[Sentence, ...] | None = None
    assessment: tuple[Sentence, ...] | None = None
    strengths: tuple[Sentence, ...] | None = None
    limits: tuple[Sentence, ...] | None = None
    remedies: tuple[Sentence, ...] | None = None
    next_tasks: tuple[Sentence, ...] | None = None


def notes(path: Path | None) -> Notes:
    """The office's notes. Raises `DefinitionError` with all problems."""
    if path is None:
        return Notes()
    text = written(path, Found(str(path)), "")
    found = Found(str(path), text)
    read_notes = read(Notes, tables(text, found, ""), "", found)
    found.stop()
    return read_notes


@dataclass(frozen=True, slots=True)
class Upcoming:
    """A campaign whose waves open after the period."""

    title: str
    first: datetime


def percent(part: int, whole: int) -> str:
    """ "98,5%": one decimal, never rounded up to what was not reached."""
    tenths = part * 1000 // whole if whole else 0
    return f"{tenths // 10},{tenths % 10}%" if tenths % 10 else f"{tenths // 10}%"


def spoken(day: date) -> str:
    """A day by Decree 30/2020: a leading 0 for days below 10 and for January and February only."""
    month = f"{day.month:02}" if day.month < 3 else str(day.month)
    return f"ngày {day.day:02} tháng {month} năm {day.year}"


def brief(day: date) -> str:
    """A day inside a sentence: 05/01/2026, 15/6/2026."""
    month = f"{day.month:02}" if day.month < 3 else str(day.month)
    return f"{day.day:02}/{month}/{day.year}"


def period_name(period: Period) -> str:
    """ "6 tháng đầu năm 2026", "năm 2026", or the two days."""
    length = (period.end - period.start).days + 1
    year = period.end.year
    if length > 350:
        return f"năm {year}"
    if 170 < length < 190:
        return f"6 tháng {'đầu' if period.end.month <= 7 else 'cuối'} năm {year}"
    return f"từ ngày {brief(period.start)} đến ngày {brief(period.end)}"


def subject(obligation: Obligation, period: Period) -> str:
    """The report's subject, `{period}` filled in."""
    return obligation.title.replace("{period}", period_name(period))


def opening(obligation: Obligation, office: Office, period: Period) -> str:
    """The first paragraph, which names the request if there is one."""
    what = _uncapitalised(subject(obligation, period))
    if asked := obligation.request:
        who = f"{asked.kind} số {asked.number} ngày {brief(asked.date)} của {asked.issuer} về {_uncapitalised(asked.subject)}"
        return f"Thực hiện {who}, {office.name} báo cáo {what} như sau:"
    return f"Thực hiện chế độ báo cáo định kỳ, {office.name} báo cáo {what} như sau:"


def closing(obligation: Obligation, office: Office, period: Period) -> str:
    """The last paragraph; "./." ends an official text."""
    what = _uncapitalised(subject(obligation, period))
    to = ", ".join(obligation.recipients)
    return f"Trên đây là Báo cáo {what} của {office.name}, kính gửi {to} tổng hợp theo quy định./."


def _uncapitalised(text: str) -> str:
    return text[:1].lower() + text[1:]


def direction(figures: Figures, office: Office) -> str:
    """What was set going: the sentence before the list of campaigns."""
    days = f"từ ngày {brief(figures.period.start)} đến ngày {brief(figures.period.end)}"
    if not figures.definitions:
        return f"Trong kỳ báo cáo ({days}), {office.name} chưa triển khai chiến dịch tin nhắn nào."
    many = number(len(figures.definitions))
    return (
        f"Trong kỳ báo cáo ({days}), {office.name} đã xây dựng, phê duyệt và triển khai {many} chiến dịch tuyên truyền"
        " bằng tin nhắn; nội dung mỗi chiến dịch do hai người khác nhau soạn và duyệt trước khi gửi."
    )


def campaign_lines(definitions: Sequence[Campaign]) -> Iterator[str]:
    """One line for each campaign: title, year, theme, days."""
    for campaign in definitions:
        theme = f", chủ đề “{campaign.theme}”" if campaign.theme else ""
        start, end = campaign.period.start, campaign.period.end
        yield f"- {campaign.title} năm {campaign.year}{theme}: từ {brief(start)} đến {brief(end)}, {len(campaign.waves)} đợt gửi;"


def cited(paper: Document | LegalBasis) -> str:
    """A document as a footnote cites it."""
    return (
        f"{paper.kind} số {paper.number} ngày {brief(paper.date)} của {paper.issuer} về {_uncapitalised(paper.subject)}"
    )


def footnote(definitions: Sequence[Campaign]) -> str:
    """All documents of the campaigns in one footnote, "" when there is none."""
    lines = "; ".join(cited(paper) for paper in papers(definitions))
    return f"{lines}." if lines else ""


def results(figures: Figures) -> Iterator[str]:
    """What was sent and what arrived."""
    total = figures.total
    if not total.sent:
        yield "Trong kỳ không có tin nhắn nào được gửi."
        return
    yield (
        f"Đã gửi {number(total.sent)} tin nhắn ({number(total.segments)} lượt tin tính cước) tới {number(figures.people_sent)}"
        f" thuê bao; {number(total.delivered)} tin ({percent(total.delivered, total.sent)}) được nhà mạng xác nhận đã tới máy"
        f" của {number(total.people)} thuê bao khác nhau tại {number(figures.communes)} xã, phường, đặc khu."
    )
    for campaign in figures.campaigns:
        yield (
            f"- {campaign.name}: {number(campaign.waves)} đợt, {number(campaign.sent)} tin, tới máy {number(campaign.delivered)}"
            f" tin ({percent(campaign.delivered, campaign.sent)});"
        )
    if len(figures.organisations) > 1:
        yield from (
            f"- {one.name} thực hiện {number(one.waves)} đợt, {number(one.sent)} tin, tới máy {number(one.delivered)} tin;"
            for one in figures.organisations
        )
    if kinds := ", ".join(f"{CONTENT[kind]} ({n} đợt)" for kind, n in figures.kinds.items() if kind in CONTENT):
        yield f"- Nội dung tuyên truyền: {kinds};"
    if left := [
        f"{number(n)} tin {NOT_THROUGH[status]}" for status, n in figures.not_sent.items() if status in NOT_THROUGH
    ]:
        yield f"- Tin không gửi hoặc không có kết quả: {', '.join(left)};"
    refused = f"trong đó {number(figures.refusals)} yêu cầu không nhận tin"
    yield f"- Tiếp nhận {number(figures.replies)} tin trả lời của người dân, {refused};"
    yield from (f"- {gauge_line(gauge)}." for gauge in figures.gauges)


def gauge_line(gauge: Gauge) -> str:
    """A target, what was found, and what it is a share of."""
    target = gauge.target
    found = {
        Measure.COMMUNES: f"{number(gauge.part)}/{number(gauge.whole)} xã, phường có người nhận được tin",
        Measure.MONTHS: f"{gauge.part}/{gauge.whole} tháng có tuyên truyền",
        Measure.REACH: f"{number(gauge.part)} thuê bao trên {number(gauge.whole)} người ({target.source})",
    }[target.measure]
    return f"{target.title}: {found}, đạt {percent(gauge.part, gauge.whole)} (yêu cầu {target.at_least}%)"


def activity_lines(figures: Figures) -> Iterator[str]:
    """What was done outside this product, one line for each kind."""
    for kind, words in ACTIVITIES.items():
        done = [activity for activity in figures.activities if activity.kind == kind]
        sums: dict[str, int] = {}
        for activity in done:
            sums[activity.unit] = sums.get(activity.unit, 0) + activity.quantity
        if sums:
            amounts = ", ".join(f"{number(quantity)} {unit}" for unit, quantity in sums.items())
            by = ", ".join(sorted({activity.done_by for activity in done}))
            yield f"- {words}: {amounts} ({by});"


def broadcast_lines(figures: Figures) -> Iterator[str]:
    """Articles that went to followers of an account: totals as a person entered them, because nobody tells single people."""
    for one in figures.broadcasts:
        title = f"“{one.title}”" if one.title else one.slug
        known = {
            "OA có {} người quan tâm khi gửi": one.followers,
            "{} người nhận": one.reached,
            "{} lượt xem": one.opened,
        }
        told = [words.format(number(value)) for words, value in known.items() if value is not None]
        source = f" (nguồn: {one.source})" if one.source else ", chưa ghi số người nhận"
        yield f"- Bài viết {title} gửi người quan tâm OA Zalo ngày {brief(one.day)}: {', '.join(told) or 'đã gửi'}{source};"


def assessment(figures: Figures) -> Iterator[str]:
    """What the figures say, soberly."""
    if not figures.total.sent:
        return
    total = figures.total
    yield (
        "Tin nhắn tuyên truyền được gửi đúng đối tượng, đúng khung giờ đã phê duyệt;"
        f" tỷ lệ tới máy {percent(total.delivered, total.sent)}."
        " Mỗi thuê bao chỉ nhận một lần trong mỗi đợt."
    )
    met = sum(gauge.reached for gauge in figures.gauges)
    if figures.gauges:
        yield f"Đạt {met}/{len(figures.gauges)} chỉ tiêu đề ra."


def strengths(figures: Figures) -> Iterator[str]:
    yield from (f"- {gauge_line(gauge)}." for gauge in figures.gauges if gauge.reached)


def limits(figures: Figures) -> Iterator[str]:
    """Targets missed, and messages that did not arrive."""
    yield from (f"- {gauge_line(gauge)}." for gauge in figures.gauges if not gauge.reached)
    missed = figures.total.sent - figures.total.delivered
    if missed:
        share = percent(missed, figures.total.sent)
        yield f"- {number(missed)} tin ({share}) chưa có xác nhận tới máy (tắt máy, ngoài vùng phủ sóng, thuê bao đã bỏ...)."


def ahead(upcoming: Sequence[Upcoming]) -> Iterator[str]:
    """The campaigns on the calendar after the period."""
    for campaign in upcoming:
        yield f"- Triển khai {campaign.title}, bắt đầu ngày {brief(campaign.first.astimezone(VIETNAM).date())}."


# Left for the office to write in: nobody but its people can.
TO_WRITE = "." * 100


def sections(
    figures: Figures, office: Office, obligation: Obligation, added: Notes, upcoming: Sequence[Upcoming]
) -> dict[str, Any]:
    """The paragraphs of every section, by the names that the templates use."""
    return {
        "trich_yeu": subject(obligation, figures.period),
        "mo_dau": opening(obligation, office, figures.period),
        "ket_thuc": closing(obligation, office, figures.period),
        "chi_dao": direction(figures, office),
        "van_ban": footnote(figures.definitions),
        "chien_dich_dong": _ended([*campaign_lines(figures.definitions), *(added.direction or ())]),
        "ket_qua": _ended([*results(figures), *(added.results or ())]),
        "hinh_thuc_khac": _ended([*broadcast_lines(figures), *activity_lines(figures)]),
        "danh_gia": [*assessment(figures), *(added.assessment or ())] or [TO_WRITE],
        "uu_diem": [*strengths(figures), *(added.strengths or ())] or [TO_WRITE],
        "han_che": [*limits(figures), *(added.limits or ())] or [TO_WRITE],
        "giai_phap": list(added.remedies or ()) or [TO_WRITE],
        "phuong_huong": [*ahead(upcoming), *(added.next_tasks or ())] or [TO_WRITE],
    }


def _ended(lines: list[str]) -> list[str]:
    """The last line of a list ends with a full stop."""
    return [*lines[:-1], f"{lines[-1].rstrip(';.')}."] if lines else []
