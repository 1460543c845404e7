"""What a text may not say: stale years, links and numbers that nobody verified, gaps left open, letters in disguise.

People are trained to distrust texts with links and unknown numbers; forged police texts look exactly like that.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from urllib.parse import urlsplit

from campaigns.campaign import MessageClass
from campaigns.extremes import extremes
from campaigns.hotlines import OWN_HOTLINE, UNVERIFIED, dialled, hotlines
from campaigns.template import Form, Placeholder, mistakes, placeholders
from campaigns.text import ETHS, Costly, Kind, costly, nfc
from campaigns.words import Word, named

MAX_SEGMENTS = 6  # the longest text known to have been sent to a whole province was six parts
LABELS = ("[QC]", "[AD]")  # Decree 91/2020/ND-CP Art. 14-15: first in an advertising text
SHOWN = 8


class Rule(StrEnum):
    """What a finding is about."""

    PLACEHOLDER = "placeholder"
    VALUE = "value"
    LEFTOVER = "leftover"
    YEAR = "year"
    LINK = "link"
    HOTLINE = "hotline"
    CONTROL = "control"
    LABEL = "label"
    BANNED = "banned"
    LOOKALIKE = "lookalike"
    INVISIBLE = "invisible"
    ENCODING = "encoding"
    LENGTH = "length"
    SENDER = "sender"
    ADVICE = "advice"


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark in Vietnamese. `position` counts characters of the NFC text from 1, None for the text as a whole.

    What `refuses` keeps a campaign from being used; the rest is for a person to weigh.
    """

    rule: Rule
    message: str
    position: int | None = None
    refuses: bool = True

    def __str__(self) -> str:
        return f"vị trí {self.position}: {self.message}" if self.position else self.message


@dataclass(frozen=True, slots=True)
class Setting:
    """What a text is judged against; None where the definition itself is not yet clear.

    `links` are hosts beyond .gov.vn, and `own_hotlines` numbers beyond the verified ones, that somebody answers for, each
    with the reason; `banned` is an office's own list.
    """

    year: int | None
    other_years: tuple[int, ...]
    message_class: MessageClass | None
    facts: Mapping[Placeholder, str | None]
    links: Mapping[str, str]
    own_hotlines: Mapping[str, str] = field(default_factory=dict)
    banned: tuple[Word, ...] = ()


def lint(template: str, form: Form, setting: Setting) -> Iterator[Finding]:
    """Everything that makes a text unfit to send, and what was allowed by exception."""
    for rule in LINTS:
        yield from rule(template, form, setting)


def stale_years(written: str, setting: Setting) -> Iterator[Finding]:
    """Years other than the edition's: plans and texts are copied from last year's."""
    if setting.year is None:
        return
    for year, position in _firsts(_YEAR, written):
        if int(year) != setting.year and int(year) not in setting.other_years:
            yield Finding(
                Rule.YEAR,
                f"có năm {year}, chiến dịch này của năm {setting.year}; sửa lại năm, "
                f"hoặc nếu cố ý nhắc năm {year} thì thêm other_years = [{year}] ở đầu tệp (dòng lệnh: --other-year {year})",
                position,
            )


def _firsts(pattern: re.Pattern[str], written: str, group: int = 0) -> list[tuple[str, int]]:
    """What a pattern finds, each once, where it stands first."""
    found: dict[str, int] = {}
    for match in pattern.finditer(written):
        found.setdefault(match.group(group), match.start(group) + 1)
    return list(found.items())


def _braces(template: str, _form: Form, _setting: Setting) -> Iterator[Finding]:
    yield from (Finding(Rule.PLACEHOLDER, mistake.message, mistake.position) for mistake in mistakes(template))


_YEAR = re.compile(r"(?<!\d)20\d\d(?!\d|/[A-ZĐ])")  # not the year inside a document's number: 120/2025/QH15


def _years(template: str, _form: Form, setting: Setting) -> Iterator[Finding]:
    yield from stale_years(template, setting)


_LINK = re.compile(
    r"https?://[^\s]+|www\.[^\s]+"
    r"|(?<![\w@.])(?:[a-z0-9-]{1,63}\.){1,127}(?:vn|com|net|org|info|edu|io|app|link|site|online|shop|club|asia|biz|xyz|top|cc|tk)"
    r"(?![\w-])[^\s]*"
    r"|(?<![\w@.])(?:bit\.ly|t\.me|m\.me|zalo\.me|goo\.gl|t\.co|s\.id)(?![\w-])[^\s]*",
    re.IGNORECASE,
)


def _links(template: str, _form: Form, setting: Setting) -> Iterator[Finding]:
    for written, position in _firsts(_LINK, template):
        link = written.rstrip(".,;:!?)\"'")
        host = _host(link)
        if host.endswith(".gov.vn"):
            continue
        reason = next((why for allowed, why in setting.links.items() if _within(host, allowed)), None)
        yield Finding(
            Rule.LINK,
            f"liên kết {link[:60]} không thuộc .gov.vn; bỏ liên kết hoặc chỉ dùng trang có tên miền .gov.vn"
            if reason is None
            else f"liên kết {link[:60]} không thuộc .gov.vn, được phép vì: {reason}",
            position,
            refuses=reason is None,
        )


def _host(link: str) -> str:
    try:
        return (urlsplit(link if "://" in link else f"https://{link}").hostname or "").lower()
    except ValueError:
        return ""


def _within(host: str, allowed: str) -> bool:
    return host == allowed.lower() or host.endswith(f".{allowed.lower()}")


_NUMBER = re.compile(r"(?<![\w/.])(?:(?:\+?84|0)(?:[ .-]?\d){8,10}|1[89]00(?:[ .-]?\d){4,6})(?!\w)")
_CALLED = (
    "gọi|goi|hotline|đường dây nóng|duong day nong|tổng đài|tong dai|nhắn tin|nhan tin|liên hệ|lien he|sms"
    "|đến số|den so|tới số|toi so"
)
_SHORT_NUMBER = re.compile(rf"\b(?:{_CALLED})\b[^\d.!?{{}}]{{0,30}}(?<!\d)(\d{{3,4}})(?!\d|[/.,]\d)", re.IGNORECASE)


def _numbers(template: str, _form: Form, setting: Setting) -> Iterator[Finding]:
    without = _NUMBER.sub(lambda found: "#" * len(found[0]), template)  # the 1900 of 1900 1234 is no short number
    short = [found for found in _firsts(_SHORT_NUMBER, without, 1) if not _YEAR.fullmatch(found[0])]
    for written, position in [*_firsts(_NUMBER, template), *short]:
        number = dialled(written)
        if number not in hotlines() and number not in setting.own_hotlines:
            message = f"số {written} {UNVERIFIED}; dùng một trong: {', '.join(hotlines())}; {OWN_HOTLINE}"
            yield Finding(Rule.HOTLINE, message, position)
        elif number != written:
            message = f"số {written} phải viết liền, không dấu chấm, không khoảng trắng: {number}"
            yield Finding(Rule.HOTLINE, message, position)
        elif number in setting.own_hotlines:
            message = f"số {number} chưa được xác minh, được phép vì: {setting.own_hotlines[number]}"
            yield Finding(Rule.HOTLINE, message, position, refuses=False)


# What a form leaves open for somebody to fill in, and Word's own merge fields. "(ngày 26/6)" is none of them.
_FILL_IN = (
    "(?:điền|dien|nhập|nhap|chèn|chen|ghi) (?:rõ|ro|tên|ten|họ|ho|số|so|ngày|ngay|địa|dia|nội dung|noi dung|vào|vao)"
)
_NAMELESS = (
    "(?:họ và |ho va |họ |ho )?(?:tên|ten|số điện thoại|so dien thoai|số|so|ngày tháng|ngay thang|ngày|ngay|địa danh|dia danh)"
    "(?: (?:xã|xa|phường|phuong|tỉnh|tinh|cơ quan|co quan|đơn vị|don vi|người gửi|nguoi gui|người nhận|nguoi nhan))?"
)
_LEFTOVER = re.compile(
    r"«[^»\n]{0,60}»|<[^\W\d_][^<>\n]{0,60}>|\$\{\w+\}|%\(\w+\)s|_{3,}|\.{4,}|…{2,}|\b[Xx]{3,}\b"
    rf"|\[{_NAMELESS}\]|[\[(]{_FILL_IN}\b[^\])\n]{{0,60}}[\])]",
    re.IGNORECASE,
)


def _leftovers(template: str, _form: Form, _setting: Setting) -> Iterator[Finding]:
    for written, position in _firsts(_LEFTOVER, template):
        yield Finding(Rule.LEFTOVER, f'"{written[:40]}" là chỗ trống chưa điền; điền vào hoặc xóa đi', position)


def _controls(template: str, _form: Form, _setting: Setting) -> Iterator[Finding]:
    for position, char in enumerate(template, start=1):
        if (char < " " and char != "\n") or "\x7f" <= char <= "\x9f" or char in "\u2028\u2029":
            message = f"ký tự điều khiển U+{ord(char):04X}; xóa hoặc thay bằng khoảng trắng"
            yield Finding(Rule.CONTROL, message, position)


def _label(template: str, _form: Form, setting: Setting) -> Iterator[Finding]:
    if setting.message_class is MessageClass.ADVERTISING and not template.startswith(LABELS):
        yield Finding(Rule.LABEL, "tin quảng cáo phải bắt đầu bằng nhãn; viết [QC] ở đầu nội dung")


def _banned(template: str, _form: Form, setting: Setting) -> Iterator[Finding]:
    for word in named(template, setting.banned):
        yield Finding(Rule.BANNED, f"không được dùng từ {word}")


def _disguises(template: str, form: Form, _setting: Setting) -> Iterator[Finding]:
    """Letters of other alphabets and invisible signs, which hide words from whoever searches or filters a text."""
    for char in costly(template):
        if char.kind is Kind.LOOKALIKE and form is Form.ACCENTED:
            instead = nfc(char.replacement or "").replace("d", "đ").replace("D", "Đ") if char.char in ETHS else None
            message = f'"{char.char}" ({char.code_point} {char.name}) là chữ khác bộ, chỉ trông giống'
            yield Finding(Rule.LOOKALIKE, f'{message}; viết "{instead or char.replacement}"', char.position)
        elif unicodedata.category(char.char) == "Cf" and not _joins_emoji(template, char):
            message = f"có ký tự không nhìn thấy {char.code_point} ({char.name}); xóa đi"
            yield Finding(Rule.INVISIBLE, message, char.position)


def _joins_emoji(template: str, char: Costly) -> bool:
    before = nfc(template)[max(char.position - 2, 0)]
    return char.char == "\u200d" and unicodedata.category(before) in ("So", "Sk", "Mn")


def _alphabet(template: str, form: Form, _setting: Setting) -> Iterator[Finding]:
    found = costly(template)
    if found and form is Form.UNACCENTED:
        more = f" và {len(found) - SHOWN} ký tự khác" if len(found) > SHOWN else ""
        listed = "; ".join(map(_instead, found[:SHOWN]))
        message = f"bản không dấu có ký tự ngoài bảng GSM-7 (làm cả tin thành UCS-2): {listed}{more}"
        yield Finding(Rule.ENCODING, message)


def _instead(char: Costly) -> str:
    shown = f'"{char.char}" ({char.code_point}) ở vị trí {char.position}'
    return f'{shown}, thay bằng "{char.replacement}"' if char.replacement else f"{shown}, bỏ đi"


_UNKNOWN = {
    Placeholder.THEME: "dùng {theme} nhưng năm này chưa có chủ đề; thêm vào bảng [theme] hoặc bỏ {theme}",
    Placeholder.HOTLINE: 'dùng {hotline} nhưng tệp chưa có hotline; thêm hotline = "111" ở đầu tệp, hoặc bỏ {hotline}',
    Placeholder.OWNER: 'dùng {owner} nhưng tệp chưa có owner; thêm owner = "tên cơ quan" ở đầu tệp, hoặc bỏ {owner}',
}


def _values(template: str, _form: Form, setting: Setting) -> Iterator[Finding]:
    for name in sorted(missing(template, setting.facts)):
        if name in _UNKNOWN:
            yield Finding(Rule.VALUE, _UNKNOWN[name])


def missing(template: str, facts: Mapping[Placeholder, str | None]) -> frozenset[Placeholder]:
    """The placeholders of a text that nothing is known to fill with."""
    known = {name for name, fact in facts.items() if fact is not None}
    return placeholders(template) - known - {Placeholder.COMMUNE}


def _filled(template: str, form: Form, setting: Setting) -> Iterator[Finding]:
    """What only shows once the placeholders are filled in: a number in the owner's name, a link in the theme."""
    if mistakes(template) or missing(template, setting.facts) or not placeholders(template):
        return
    body = extremes(template, form, setting.facts).worst.body
    for rule in (_links, _numbers, _banned):
        told = {finding.message for finding in rule(template, form, setting)}
        for finding in rule(body, form, setting):
            if finding.message not in told:
                yield replace(finding, position=None)


def _length(template: str, form: Form, setting: Setting) -> Iterator[Finding]:
    if mistakes(template) or missing(template, setting.facts):
        return
    size = extremes(template, form, setting.facts).worst.size
    if size.segments > MAX_SEGMENTS:
        message = (
            f"quá dài: {size.segments} phần tin ({size.units} ký tự quy đổi); "
            f"rút gọn còn nhiều nhất {MAX_SEGMENTS} phần"
        )
        yield Finding(Rule.LENGTH, message)


LINTS: tuple[Callable[[str, Form, Setting], Iterator[Finding]], ...] = (
    _braces,
    _years,
    _links,
    _numbers,
    _leftovers,
    _controls,
    _label,
    _banned,
    _disguises,
    _alphabet,
    _values,
    _filled,
    _length,
)
