"""The tables of a definition put together: what each can only be judged by against the others, and real dates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from campaigns.audience import CODES
from campaigns.calendar import Calendar
from campaigns.campaign import BY_TEMPLATE, Campaign, Channel
from campaigns.hotlines import OWN_HOTLINE, UNVERIFIED, dialled, hotlines
from campaigns.lints import Setting, lint, stale_years
from campaigns.problems import Found
from campaigns.template import THEME_TO_COME, Form, Placeholder
from campaigns.text import nfc
from campaigns.timetable import Year, fired, span, year_of
from campaigns.written import (
    EXAMPLES,
    FIRST_YEAR,
    LAST_YEAR,
    SLUG,
    AdvertisingTable,
    AppraisalTable,
    BasisTable,
    ChannelTable,
    DocumentTable,
    Header,
    LinkTable,
    OwnHotlineTable,
    PolicyTable,
    TextTable,
    WaveTable,
    Written,
    ZaloTable,
    listed,
    nearest,
    read,
)


def assemble(raw: dict[str, Any], asked: int | None, calendar: Calendar, found: Found) -> dict[str, Any]:
    """The fields of a `Campaign` for the year asked for (else the file's own), good only if nothing was found."""
    header = read(Header, raw, "", found)
    number = _year(header, asked, found)
    _known(header, calendar, found)
    own_hotlines = _own_hotlines(raw.get("own_hotline", []), found)
    _hotline(header, own_hotlines, found)
    year = year_of(header, raw, number, calendar, found)
    theme = _theme(raw.get("theme", {}), number, found) or calendar.themes.get((header.occasion or "", number or 0))
    links = _links(raw.get("link", []), found)
    setting = _setting(header, number, theme, links, own_hotlines)
    _title(header, setting, found)
    texts = _texts(raw.get("texts", {}), setting, found)
    common = read(ChannelTable, raw.get("channel", {}), "channel", found)
    waves = _waves(raw.get("wave", []), texts, common, year, setting, found)
    own = {key: value for key, value in header.present().items() if key in Campaign.model_fields}
    return (
        own
        | _documents(raw, found)
        | {
            "year": number,
            "period": span(year, waves),
            "theme": theme,
            "links": links,
            "own_hotlines": own_hotlines,
            "texts": {key: text.present() for key, text in texts.items()},
            "waves": waves,
        }
    )


LANGUAGES = sorted(CODES - {"vi"})  # Vietnamese is what `accented` and `unaccented` are in
TABLES: dict[str, type[Written]] = {
    "appraisal": AppraisalTable,
    "policy": PolicyTable,
    "advertising": AdvertisingTable,
}


def _documents(raw: dict[str, Any], found: Found) -> dict[str, Any]:
    single = {name: read(table, raw[name], name, found).present() for name, table in TABLES.items() if name in raw}
    return single | {
        "legal_basis": _legal_basis(raw.get("legal_basis", []), found),
        "requests": [
            read(DocumentTable, table, field, found).present()
            for field, table in listed(raw.get("request", []), "request", found)
        ],
    }


def _year(header: Header, asked: int | None, found: Found) -> int | None:
    year = header.year if asked is None else asked
    if year is None:
        found.add("year", "chưa biết chiến dịch của năm nào; thêm year = 2026 ở đầu tệp hoặc chọn năm khi chạy lệnh")
    elif not FIRST_YEAR <= year <= LAST_YEAR:
        found.add("year", f"năm {year} ngoài khoảng {FIRST_YEAR}-{LAST_YEAR}; viết ví dụ {EXAMPLES['year']}")
        return None
    return year


def _known(header: Header, calendar: Calendar, found: Found) -> None:
    if header.occasion is not None and header.occasion not in calendar.occasions:
        found.add("occasion", f'không có dịp "{header.occasion}"{nearest(header.occasion, calendar.occasions)}')


def _hotline(header: Header, own: dict[str, str], found: Found) -> None:
    known = {**hotlines(), **own}
    if header.hotline is not None and header.hotline not in known:
        instead = nearest(dialled(header.hotline), known)
        found.add("hotline", f'số "{header.hotline}" {UNVERIFIED}{instead or f"; {OWN_HOTLINE}"}')


def _setting(
    header: Header, year: int | None, theme: str | None, links: dict[str, str], own_hotlines: dict[str, str]
) -> Setting:
    facts = {
        Placeholder.YEAR: str(year or ""),
        Placeholder.THEME: theme or THEME_TO_COME,
        Placeholder.HOTLINE: header.hotline,
        Placeholder.OWNER: header.owner,
    }
    # No class: the label of advertising is not written by hand, compose puts it on.
    return Setting(year, header.other_years or (), None, facts, links, own_hotlines)


def _title(header: Header, setting: Setting, found: Found) -> None:
    for finding in stale_years(header.title or "", setting):
        found.add("title", finding.message)


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


def _own_hotlines(raw: object, found: Found) -> dict[str, str]:
    """Numbers beyond the verified ones that the office answers for, with the reason."""
    tables = (read(OwnHotlineTable, table, field, found) for field, table in listed(raw, "own_hotline", found))
    return {own.call: own.reason for own in tables if own.call and own.reason}


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
        for path, form, written in _bodies(text):
            for finding in lint(written, form, setting):
                if finding.refuses:
                    found.add(f"texts.{key}.{path}", str(finding))
        for language in set(text.languages or ()) - set(LANGUAGES):
            found.add(f"texts.{key}.languages.{language}", f"không có mã ngôn ngữ này{nearest(language, LANGUAGES)}")
    return {key: _zalo(text, f"texts.{key}.zalo", setting, found) for key, text in texts.items()}


def _zalo(text: TextTable, field: str, setting: Setting, found: Found) -> TextTable:
    """The text with what stands for it on Zalo, if anything does."""
    if text.zalo is None:
        return text
    table = read(ZaloTable, text.zalo, field, found)
    for name, written in (table.parameters or {}).items():
        for finding in lint(written, Form.ACCENTED, setting):
            if finding.refuses:
                found.add(f"{field}.parameters.{name}", str(finding))
    return text.model_copy(update={"zalo": table.present()})


def _channelled(
    wave: WaveTable, field: str, common: ChannelTable, texts: dict[str, TextTable], found: Found
) -> dict[str, Any]:
    """A wave's channel, its own or that of all; where it goes by template its text needs one."""
    channel = wave.channel or common.policy or Channel.SMS
    text = texts.get(wave.text or "")
    if channel is not Channel.SMS and wave.order:
        found.add(f"{field}.channel", 'đợt nhà mạng tự gửi chỉ đi bằng SMS; ghi channel = "sms"')
    if channel in BY_TEMPLATE and text is not None and text.zalo is None:
        where = f"[texts.{wave.text}.zalo]"
        found.add(f"{field}.channel", f"nội dung chưa có mẫu tin Zalo; thêm bảng {where} với template và parameters")
    return {"channel": channel} | ({"wait_minutes": common.wait_minutes} if common.wait_minutes else {})


def _bodies(text: TextTable) -> Iterator[tuple[str, Form, str]]:
    """What a text says in each form and language, each with its path in the table."""
    for form, written in ((Form.ACCENTED, text.accented), (Form.UNACCENTED, text.unaccented)):
        if written:
            yield form.value, form, written
    for language, written in (text.languages or {}).items():
        yield f"languages.{language}", Form.ACCENTED, written


def _waves(
    raw: object, texts: dict[str, TextTable], common: ChannelTable, year: Year, setting: Setting, found: Found
) -> list[dict[str, Any]]:
    tables = [(field, read(WaveTable, table, field, found)) for field, table in listed(raw, "wave", found)]
    if not tables:
        found.add("wave", "chiến dịch chưa có đợt gửi nào; thêm ít nhất một bảng [[wave]]")
    waves = []
    first: dict[str, str] = {}
    for field, wave in tables:
        if wave.text is not None and wave.text not in texts:
            found.add(f"{field}.text", f"không có nội dung tin [texts.{wave.text}]{nearest(wave.text, texts)}")
        for finding in stale_years(wave.title or "", setting):
            found.add(f"{field}.title", finding.message)
        _ordered(wave, field, found)
        channel = _channelled(wave, field, common, texts, found)
        for firing in fired(wave, field, year):
            _unused(firing.get("slug"), field, first, found)
            waves.append(firing | channel)
    return waves


def _ordered(wave: WaveTable, field: str, found: Found) -> None:
    """A wave that operators send to their own subscribers has areas, and no audience of ours nor a choice of people."""
    if wave.order and not wave.areas and not found.has(f"{field}.areas"):
        found.add(f"{field}.areas", 'đợt nhà mạng tự gửi phải ghi địa bàn; thêm ví dụ areas = ["20"]')
    for key in ("zones", "groups", "ages", "speakers"):
        if wave.order and getattr(wave, key):
            found.add(f"{field}.{key}", f"đợt nhà mạng tự gửi chỉ chọn người theo areas; bỏ {key}")
    if wave.order and wave.audience:
        found.add(f"{field}.audience", "đợt nhà mạng tự gửi không dùng nhóm người nhận; bỏ audience")


def _unused(slug: str | None, field: str, first: dict[str, str], found: Found) -> None:
    if slug is not None and first.setdefault(slug, field) != field:
        found.add(f"{field}.slug", f'mã đợt gửi "{slug}" đã dùng ở {first[slug]}; đặt mã khác')
