"""The tables of a definition put together: what each can only be judged by against the others, and real dates."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from campaigns.calendar import occasions
from campaigns.campaign import Campaign
from campaigns.hotlines import hotlines
from campaigns.lints import Setting, lint, stale_years
from campaigns.problems import Found
from campaigns.template import Form, Placeholder
from campaigns.text import nfc
from campaigns.written import (
    EXAMPLES,
    FIRST_YEAR,
    LAST_YEAR,
    SLUG,
    BasisTable,
    Day,
    Header,
    LinkTable,
    PeriodTable,
    TextTable,
    WaveTable,
    listed,
    nearest,
    read,
)


def assemble(raw: dict[str, Any], asked: int | None, found: Found) -> dict[str, Any]:
    """The fields of a `Campaign` for the year asked for (else the file's own), good only if nothing was found."""
    header = read(Header, raw, "", found)
    year = _year(header, asked, found)
    _known(header, found)
    period = _period(raw, year, found)
    theme = _theme(raw.get("theme", {}), year, found)
    links = _links(raw.get("link", []), found)
    setting = _setting(header, year, theme, links)
    _title(header, setting, found)
    texts = _texts(raw.get("texts", {}), setting, found)
    own = {key: value for key, value in header.present().items() if key in Campaign.model_fields}
    return own | {
        "year": year,
        "legal_basis": _legal_basis(raw.get("legal_basis", []), found),
        "period": period,
        "theme": theme,
        "links": links,
        "texts": {key: text.present() for key, text in texts.items()},
        "waves": _waves(raw.get("wave", []), texts, year, period, setting, found),
    }


def _year(header: Header, asked: int | None, found: Found) -> int | None:
    year = header.year if asked is None else asked
    if year is None:
        found.add("year", "chưa biết chiến dịch của năm nào; thêm year = 2026 ở đầu tệp hoặc chọn năm khi chạy lệnh")
    elif not FIRST_YEAR <= year <= LAST_YEAR:
        found.add("year", f"năm {year} ngoài khoảng {FIRST_YEAR}-{LAST_YEAR}; viết ví dụ {EXAMPLES['year']}")
        return None
    return year


def _known(header: Header, found: Found) -> None:
    if header.occasion is not None and header.occasion not in occasions():
        found.add("occasion", f'không có dịp "{header.occasion}"{nearest(header.occasion, occasions())}')
    if header.hotline is not None and header.hotline not in hotlines():
        instead = nearest(re.sub(r"\D", "", header.hotline), hotlines())
        found.add("hotline", f'số "{header.hotline}" không có trong danh sách đường dây nóng đã xác minh{instead}')


def _setting(header: Header, year: int | None, theme: str | None, links: dict[str, str]) -> Setting:
    facts = {
        Placeholder.YEAR: str(year or ""),
        Placeholder.THEME: theme,
        Placeholder.HOTLINE: header.hotline,
        Placeholder.OWNER: header.owner,
    }
    return Setting(year, header.other_years or (), header.message_class, facts, links)


def _title(header: Header, setting: Setting, found: Found) -> None:
    for finding in stale_years(header.title or "", setting):
        found.add("title", finding.message)


def _resolved(day: Day | None, year: int | None, field: str, found: Found) -> date | None:
    if day is None or year is None:
        return None
    if day.year not in (None, year, year + 1):
        found.add(
            field,
            f'ghi năm {day.year} trong chiến dịch năm {year}; viết "{day.month:02}-{day.day:02}" để dùng cho mọi năm',
        )
        return None
    try:
        return day.on(year)
    except ValueError:
        found.add(field, f"năm {year} không có ngày {day.day:02}/{day.month:02}; chọn ngày khác")
        return None


def _period(raw: dict[str, Any], year: int | None, found: Found) -> dict[str, date | None]:
    if "period" not in raw:
        return {"start": None, "end": None}  # already noted as missing
    table = read(PeriodTable, raw["period"], "period", found)
    start = _resolved(table.start, year, "period.start", found)
    end = _resolved(table.end, year, "period.end", found)
    if start and end and end < start:
        found.add(
            "period.end",
            f"chiến dịch kết thúc {_spoken(end)} trước khi bắt đầu {_spoken(start)}; sửa lại start hoặc end "
            "(chiến dịch qua năm mới thì viết cả năm)",
        )
    return {"start": start, "end": end}


def _theme(raw: object, year: int | None, found: Found) -> str | None:
    if not isinstance(raw, dict):
        found.add("theme", 'chủ đề viết theo năm trong bảng [theme]; viết ví dụ 2026 = "Chủ đề của năm"')
        return None
    for key, written in raw.items():
        if not re.fullmatch(r"20\d\d", key):
            found.add(f"theme.{key[:60]}", 'tên khóa phải là năm bốn chữ số; viết ví dụ 2026 = "Chủ đề của năm"')
        elif not isinstance(written, str) or not written.strip():
            found.add(f"theme.{key}", "chủ đề phải là chữ đặt trong dấu ngoặc kép, không để trống; chưa có thì bỏ dòng")
    theme = raw.get(str(year))
    return nfc(theme.strip()) if isinstance(theme, str) and theme.strip() else None


def _legal_basis(raw: object, found: Found) -> list[dict[str, Any]]:
    bases = []
    for field, table in listed(raw, "legal_basis", found):
        basis = read(BasisTable, table, field, found)
        if basis.valid_from and basis.valid_to and basis.valid_to < basis.valid_from:
            found.add(f"{field}.valid_to", "hết hiệu lực trước khi có hiệu lực; sửa lại valid_from hoặc valid_to")
        bases.append(basis.present())
    return bases


def _links(raw: object, found: Found) -> dict[str, str]:
    """Hosts beyond .gov.vn that the office answers for, with the reason."""
    tables = (read(LinkTable, table, field, found) for field, table in listed(raw, "link", found))
    return {link.host.lower(): link.reason for link in tables if link.host and link.reason}


def _texts(raw: object, setting: Setting, found: Found) -> dict[str, TextTable]:
    if not isinstance(raw, dict):
        found.add("texts", "mỗi nội dung tin viết trong một bảng riêng, ví dụ [texts.launch]")
        return {}
    if not raw:
        found.add("texts", "chưa có nội dung tin nào; thêm ít nhất một bảng, ví dụ [texts.launch]")
    texts = {key: read(TextTable, table, f"texts.{key}", found) for key, table in raw.items()}
    for key, text in texts.items():
        if not re.fullmatch(SLUG, key):
            found.add(f"texts.{key}", "tên nội dung chỉ dùng chữ thường a-z không dấu, chữ số, gạch dưới, gạch ngang")
        for form, written in ((Form.ACCENTED, text.accented), (Form.UNACCENTED, text.unaccented)):
            for finding in lint(written, form, setting) if written else ():
                if finding.refuses:
                    found.add(f"texts.{key}.{form}", str(finding))
    return texts


def _waves(
    raw: object,
    texts: dict[str, TextTable],
    year: int | None,
    period: dict[str, date | None],
    setting: Setting,
    found: Found,
) -> list[dict[str, Any]]:
    tables = [(field, read(WaveTable, table, field, found)) for field, table in listed(raw, "wave", found)]
    if not tables:
        found.add("wave", "chiến dịch chưa có đợt gửi nào; thêm ít nhất một bảng [[wave]]")
    _repeated(tables, found)
    waves = []
    for field, wave in tables:
        if wave.text is not None and wave.text not in texts:
            found.add(f"{field}.text", f"không có nội dung tin [texts.{wave.text}]{nearest(wave.text, texts)}")
        for finding in stale_years(wave.title or "", setting):
            found.add(f"{field}.title", finding.message)
        day, until = _days(wave, field, year, period, found)
        waves.append(wave.present() | {"date": day, "until": until})
    return waves


def _repeated(tables: list[tuple[str, WaveTable]], found: Found) -> None:
    first: dict[str, str] = {}
    for field, wave in tables:
        if wave.slug is not None and first.setdefault(wave.slug, field) != field:
            found.add(f"{field}.slug", f'mã đợt gửi "{wave.slug}" đã dùng ở {first[wave.slug]}; đặt mã khác')


def _days(
    wave: WaveTable, field: str, year: int | None, period: dict[str, date | None], found: Found
) -> tuple[date | None, date | None]:
    day = _resolved(wave.date, year, f"{field}.date", found)
    until = _resolved(wave.until, year, f"{field}.until", found) if wave.until else day
    start, end = period["start"], period["end"]
    if start and end and start <= end:
        for key, when in (("date", day), ("until", until if wave.until else None)):
            if when and not start <= when <= end:
                found.add(
                    f"{field}.{key}",
                    f"ngày {_spoken(when)} ngoài thời gian chiến dịch {_spoken(start)}-{_spoken(end)}; "
                    "chọn ngày trong thời gian đó hoặc sửa [period]",
                )
    if day and until and until < day:
        found.add(f"{field}.until", f"ngày cuối {_spoken(until)} trước ngày gửi {_spoken(day)}; sửa lại hoặc bỏ until")
    return day, until


def _spoken(day: date) -> str:
    return f"{day:%d/%m/%Y}"
