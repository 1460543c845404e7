"""What a text may not say: stale years, links and numbers that nobody verified, letters that break its encoding.

People are trained to distrust texts with links and unknown numbers; forged police texts look exactly like that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from campaigns.campaign import MessageClass
from campaigns.hotlines import hotlines
from campaigns.places import areas
from campaigns.template import Form, Placeholder, mistakes, placeholders, render, values
from campaigns.text import Costly, costly, measure

MAX_SEGMENTS = 6  # the longest text known to have been sent to a whole province was six parts
LABELS = ("[QC]", "[AD]")  # Decree 91/2020/ND-CP Art. 14-15: first in an advertising text
SHOWN = 8


@dataclass(frozen=True, slots=True)
class Setting:
    """What the texts of a campaign are judged against; None where the definition itself is not yet clear."""

    year: int | None
    other_years: tuple[int, ...]
    message_class: MessageClass | None
    facts: Mapping[Placeholder, str | None]


def check(template: str, form: Form, setting: Setting) -> Iterator[str]:
    """Everything that makes a text unfit to send, explained in Vietnamese."""
    yield from (f"vị trí {mistake.position}: {mistake.message}" for mistake in mistakes(template))
    yield from stale_years(template, setting)
    yield from _links(template)
    yield from _numbers(template)
    yield from _controls(template)
    yield from _label(template, setting)
    if form is Form.UNACCENTED:
        yield from _alphabet(template)
    yield from _length(template, form, setting)


_YEAR = re.compile(r"(?<!\d)20\d\d(?!\d|/[A-ZĐ])")  # not the year inside a document's number: 120/2025/QH15


def stale_years(written: str, setting: Setting) -> Iterator[str]:
    """Years other than the edition's: plans and texts are copied from last year's."""
    if setting.year is None:
        return
    for year in dict.fromkeys(map(int, _YEAR.findall(written))):
        if year != setting.year and year not in setting.other_years:
            yield (
                f"có năm {year}, chiến dịch này của năm {setting.year}; sửa lại năm, "
                f"hoặc nếu cố ý nhắc năm {year} thì thêm other_years = [{year}] ở đầu tệp"
            )


_LINK = re.compile(
    r"https?://[^\s]+|www\.[^\s]+"
    r"|(?<![\w@.])(?:[a-z0-9-]+\.)+(?:vn|com|net|org|info|edu|io|app|link|site|online|shop|club|asia|biz|xyz|top|cc|tk)"
    r"(?![\w-])[^\s]*"
    r"|(?<![\w@.])(?:bit\.ly|t\.me|m\.me|zalo\.me|goo\.gl|t\.co|s\.id)(?![\w-])[^\s]*",
    re.IGNORECASE,
)


def _links(template: str) -> Iterator[str]:
    for link in dict.fromkeys(match.rstrip(".,;:!?)\"'") for match in _LINK.findall(template)):
        if not _official(link):
            yield f"liên kết {link[:60]} không thuộc .gov.vn; bỏ liên kết hoặc chỉ dùng trang có tên miền .gov.vn"


def _official(link: str) -> bool:
    try:
        host = urlsplit(link if "://" in link else f"https://{link}").hostname or ""
    except ValueError:
        return False
    return host.lower().endswith(".gov.vn")


_NUMBER = re.compile(r"(?<![\w/.])(?:(?:\+?84|0)(?:[ .-]?\d){8,10}|1[89]00(?:[ .-]?\d){4,6})(?!\w)")
_CALLED = (
    "gọi|goi|hotline|đường dây nóng|duong day nong|tổng đài|tong dai|nhắn tin|nhan tin|liên hệ|lien he|sms"
    "|đến số|den so|tới số|toi so"
)
_SHORT_NUMBER = re.compile(rf"\b(?:{_CALLED})\b[^\d.!?{{}}]{{0,30}}(?<!\d)(\d{{3,4}})(?!\d|[/.,]\d)", re.IGNORECASE)


def _numbers(template: str) -> Iterator[str]:
    short = (number for number in _SHORT_NUMBER.findall(template) if not _YEAR.fullmatch(number))
    for written in dict.fromkeys([*_NUMBER.findall(template), *short]):
        number = re.sub(r"\D", "", written)
        number = re.sub(r"^84(?=\d{9})", "0", number)
        if number not in hotlines():
            yield (
                f"số {written} không có trong danh sách đường dây nóng đã xác minh; "
                f"dùng một trong: {', '.join(hotlines())}"
            )
        elif number != written:
            yield f"số {written} phải viết liền, không dấu chấm, không khoảng trắng: {number}"


def _controls(template: str) -> Iterator[str]:
    for position, char in enumerate(template, start=1):
        if (char < " " and char != "\n") or char in "\x7f\u2028\u2029":
            yield f"vị trí {position}: ký tự điều khiển U+{ord(char):04X}; xóa hoặc thay bằng khoảng trắng"


def _label(template: str, setting: Setting) -> Iterator[str]:
    if setting.message_class is MessageClass.ADVERTISING and not template.startswith(LABELS):
        yield "tin quảng cáo phải bắt đầu bằng nhãn; viết [QC] ở đầu nội dung"


def _alphabet(template: str) -> Iterator[str]:
    found = costly(template)
    if found:
        more = f" và {len(found) - SHOWN} ký tự khác" if len(found) > SHOWN else ""
        listed = "; ".join(map(_instead, found[:SHOWN]))
        yield f"bản không dấu có ký tự ngoài bảng GSM-7 (làm cả tin thành UCS-2): {listed}{more}"


def _instead(char: Costly) -> str:
    shown = f'"{char.char}" ({char.code_point}) ở vị trí {char.position}'
    return f'{shown}, thay bằng "{char.replacement}"' if char.replacement else f"{shown}, bỏ đi"


_UNKNOWN = {
    Placeholder.THEME: "dùng {theme} nhưng năm này chưa có chủ đề; thêm vào bảng [theme] hoặc bỏ {theme}",
    Placeholder.HOTLINE: 'dùng {hotline} nhưng tệp chưa có hotline; thêm hotline = "111" ở đầu tệp, hoặc bỏ {hotline}',
    Placeholder.OWNER: 'dùng {owner} nhưng tệp chưa có owner; thêm owner = "tên cơ quan" ở đầu tệp, hoặc bỏ {owner}',
}


def _length(template: str, form: Form, setting: Setting) -> Iterator[str]:
    used = placeholders(template)
    facts = values(form, dict(setting.facts) | {Placeholder.COMMUNE: longest_commune()})
    for name in sorted(used - facts.keys()):
        if name in _UNKNOWN:
            yield _UNKNOWN[name]
    if mistakes(template) or used - facts.keys():
        return
    size = measure(render(template, facts))
    if size.segments > MAX_SEGMENTS:
        yield (
            f"quá dài: {size.segments} phần tin ({size.units} ký tự quy đổi); "
            f"rút gọn còn nhiều nhất {MAX_SEGMENTS} phần"
        )


@cache
def longest_commune() -> str:
    """The longest official name: what a text with `{commune}` may cost at worst."""
    return max((area.name for area in areas().values()), key=lambda name: (len(name), name))
