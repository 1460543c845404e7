"""A definition as staff write it: the keys of the TOML file, their forms, and each mistake explained in Vietnamese.

Every key may be missing or wrong without hiding the others: what could be read is kept, the rest is None and noted.
"""

from __future__ import annotations

import difflib
import re
from calendar import monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    PlainValidator,
    StrictInt,
    StrictStr,
    StringConstraints,
    ValidationError,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from campaigns.calendar import SENDING_FROM, SENDING_TO
from campaigns.campaign import MessageClass, Priority
from campaigns.problems import Found
from campaigns.template import Form
from campaigns.text import nfc

SLUG = r"^[a-z0-9][a-z0-9_-]*$"
FIRST_YEAR, LAST_YEAR = 2020, 2099


def wrong(message: str) -> PydanticCustomError:
    """An error whose words are already the ones to print."""
    return PydanticCustomError("explained", "{message}", {"message": message})


@dataclass(frozen=True, slots=True)
class Day:
    """A date whose year may be left open, so that a definition serves every year."""

    month: int
    day: int
    year: int | None = None

    def on(self, year: int) -> date:
        """The date in a year. Raises ValueError for 29 February of an ordinary year."""
        return date(self.year or year, self.month, self.day)


_ISO = re.compile(r"(?:(\d{4})-)?(\d{2})-(\d{2})")
_SPOKEN = re.compile(r"(\d{1,2})/(\d{1,2})(?:/(\d{4}))?")


def _day(value: object) -> Day:
    if isinstance(value, date) and not isinstance(value, datetime):
        return Day(value.month, value.day, value.year)
    if isinstance(value, str) and (iso := _ISO.fullmatch(value.strip())):
        return _real(int(iso[2]), int(iso[3]), int(iso[1]) if iso[1] else None)
    if isinstance(value, str) and (spoken := _SPOKEN.fullmatch(value.strip())):
        year = f"{spoken[3]}-" if spoken[3] else ""
        raise wrong(f'ngày viết theo thứ tự tháng-ngày; viết "{year}{int(spoken[2]):02}-{int(spoken[1]):02}"')
    raise wrong(f'{_shown(value)} không phải ngày; viết "06-26" (tháng-ngày) hoặc "2026-06-26" (năm-tháng-ngày)')


def _real(month: int, day: int, year: int | None) -> Day:
    # 2000 is a leap year: 02-29 is good until the year is known.
    if 1 <= month <= 12 and 1 <= day <= monthrange(year or 2000, month)[1]:
        return Day(month, day, year)
    if month > 12 >= day >= 1:
        raise wrong(f'không có tháng {month}; tháng viết trước, ngày viết sau: "{day:02}-{month:02}"')
    raise wrong(f'không có ngày {day:02}/{month:02}; viết một ngày có thật, ví dụ "06-26" (tháng-ngày)')


def _date(value: object) -> date:
    day = _day(value)
    if day.year is None:
        raise wrong(f'thiếu năm; viết đủ năm-tháng-ngày, ví dụ "2025-{day.month:02}-{day.day:02}"')
    return date(day.year, day.month, day.day)


_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


def _clock(value: object) -> time:
    if isinstance(value, time):
        return value
    if isinstance(value, str) and (clock := _CLOCK.fullmatch(value.strip())):
        return time(int(clock[1]), int(clock[2]))
    raise wrong(f'{_shown(value)} không phải giờ; viết giờ:phút đủ hai chữ số từ "00:00" đến "23:59", ví dụ "07:00"')


def _window(value: object) -> tuple[time, time]:
    if not isinstance(value, list) or len(value) != 2:
        raise wrong('khung giờ gửi gồm đúng hai giờ; viết ví dụ window = ["07:00", "11:30"]')
    start, end = map(_clock, value)
    span = f"khung giờ {start:%H:%M}-{end:%H:%M}"
    if start >= end:
        raise wrong(f"{span} bị ngược: giờ bắt đầu phải trước giờ kết thúc trong cùng một ngày; đổi chỗ hai giờ")
    if start < SENDING_FROM or end > SENDING_TO:
        raise wrong(f"{span} lấn vào giờ không gửi; chọn khung giờ nằm trong {SENDING_FROM:%H:%M}-{SENDING_TO:%H:%M}")
    return start, end


def _sentence(value: str) -> str:
    if not value.strip():
        raise wrong("đang để trống")
    return nfc(value.strip())


def _host(value: str) -> str:
    host = value.strip().lower()
    if not re.fullmatch(r"([a-z0-9-]+\.)+[a-z]{2,}", host):
        raise wrong(f"{_shown(value)} không phải tên miền; chỉ viết tên miền, không có https:// và đường dẫn")
    return host


Slug = Annotated[StrictStr, StringConstraints(pattern=SLUG, max_length=60)]
Name = Annotated[StrictStr, StringConstraints(max_length=60)]
Sentence = Annotated[StrictStr, StringConstraints(max_length=500), AfterValidator(_sentence)]
Host = Annotated[StrictStr, StringConstraints(max_length=253), AfterValidator(_host)]
Body = Annotated[
    StrictStr, StringConstraints(max_length=2000), AfterValidator(_sentence)
]  # six segments are 918 at most
AnyDay = Annotated[Day, PlainValidator(_day)]
FullDate = Annotated[date, PlainValidator(_date)]
Window = Annotated[tuple[time, time], PlainValidator(_window)]


class Written(BaseModel):
    """A table of the file. All keys may be absent; those in `required` are then noted as missing."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    required: ClassVar[tuple[str, ...]] = ()

    def present(self) -> dict[str, Any]:
        """The keys that could be read."""
        return {key: value for key, value in self if value is not None}


class Header(Written):
    """The keys at the top of the file; its tables are read one by one."""

    required = ("slug", "title", "occasion", "message_class", "period")

    slug: Slug | None = None
    title: Sentence | None = None
    year: StrictInt | None = None
    owner: Sentence | None = None
    occasion: Name | None = None
    message_class: MessageClass | None = None
    topics: tuple[Slug, ...] | None = None
    programme: Sentence | None = None
    hotline: Name | None = None
    audience: Sentence | None = None
    priority: Priority | None = None
    other_years: tuple[StrictInt, ...] | None = None
    period: Any = None
    theme: Any = None
    legal_basis: Any = None
    link: Any = None
    texts: Any = None
    wave: Any = None


class PeriodTable(Written):
    """`[period]`"""

    required = ("start", "end")

    start: AnyDay | None = None
    end: AnyDay | None = None


class BasisTable(Written):
    """`[[legal_basis]]`"""

    required = ("kind", "number", "date", "issuer", "subject")

    kind: Sentence | None = None
    number: Sentence | None = None
    date: FullDate | None = None
    issuer: Sentence | None = None
    subject: Sentence | None = None
    valid_from: FullDate | None = None
    valid_to: FullDate | None = None


class LinkTable(Written):
    """`[[link]]`"""

    required = ("host", "reason")

    host: Host | None = None
    reason: Sentence | None = None


class TextTable(Written):
    """`[texts.<key>]`"""

    required = ("accented", "unaccented")

    accented: Body | None = None
    unaccented: Body | None = None
    content_kind: Slug | None = None


class WaveTable(Written):
    """`[[wave]]`"""

    required = ("slug", "title", "date", "window", "text", "form")

    slug: Slug | None = None
    title: Sentence | None = None
    date: AnyDay | None = None
    until: AnyDay | None = None
    window: Window | None = None
    text: Name | None = None
    form: Form | None = None
    audience: Sentence | None = None
    priority: Priority | None = None


EXAMPLES = {
    "slug": 'slug = "drug_prevention_june"',
    "title": 'title = "Tháng hành động phòng, chống ma túy"',
    "year": "year = 2026",
    "owner": 'owner = "Ban Chỉ đạo 138"',
    "occasion": 'occasion = "drug-action-month"',
    "message_class": 'message_class = "public_information"',
    "topics": 'topics = ["drug"]',
    "programme": 'programme = "Chương trình 130/CP"',
    "hotline": 'hotline = "111"',
    "audience": 'audience = "lang-son"',
    "other_years": "other_years = [2030]",
    "period": '[period] với start = "06-01" và end = "06-30"',
    "start": 'start = "06-01"',
    "end": 'end = "06-30"',
    "host": 'host = "zalo.me"',
    "reason": 'reason = "Trang Zalo chính thức của Công an tỉnh"',
    "kind": 'kind = "Quyết định"',
    "number": 'number = "93/2001/QĐ-TTg"',
    "issuer": 'issuer = "Thủ tướng Chính phủ"',
    "subject": 'subject = "Tháng hành động phòng, chống ma túy"',
    "date": 'date = "2026-06-01"',
    "accented": 'accented = "Nội dung có dấu"',
    "unaccented": 'unaccented = "Noi dung khong dau"',
    "content_kind": 'content_kind = "prevention"',
    "window": 'window = ["07:00", "11:30"]',
    "text": 'text = "launch"',
    "form": 'form = "unaccented"',
    "priority": 'priority = "alert"',
}

_KINDS = {
    bool: "true/false",
    int: "số",
    float: "số thập phân",
    str: "chữ",
    list: "danh sách",
    dict: "bảng",
    date: "ngày",
    datetime: "ngày giờ",
    time: "giờ",
}

_MESSAGES = {
    "explained": "{message}",
    "string_type": "phải là chữ đặt trong dấu ngoặc kép, không phải {kind}",
    "int_type": "phải là số nguyên không có dấu ngoặc kép, không phải {kind}",
    "tuple_type": "phải là danh sách trong ngoặc vuông, không phải {kind}",
    "string_pattern_mismatch": "{value} sai dạng; chỉ dùng chữ thường a-z không dấu, chữ số, gạch dưới, gạch ngang, "
    "bắt đầu bằng chữ hoặc số",
    "string_too_long": "dài quá {max_length} ký tự",
    "enum": "{value} không dùng được; chọn một trong: {expected}",
}

Table = TypeVar("Table", bound=Written)


def read(table: type[Table], raw: object, field: str, found: Found) -> Table:
    """What can be read of a table at path `field`; everything else about it goes to `found`."""
    if not isinstance(raw, dict):
        found.add(field, f"phải là một bảng, không phải {_kind(raw)}{_example(field)}")
        return table()
    for key in table.required:
        if key not in raw:
            found.add(_join(field, key), f"thiếu khóa này{_example(key)}")
    try:
        return table.model_validate(raw)
    except ValidationError as error:
        details = error.errors(include_url=False)
    for detail in details:
        found.add(_path(field, detail["loc"]), _explained(detail, table))
    bad = {detail["loc"][0] for detail in details}
    return table.model_validate({key: value for key, value in raw.items() if key not in bad})


def listed(raw: object, name: str, found: Found) -> Iterator[tuple[str, object]]:
    """The tables of a list (`[[name]]`), each with its path."""
    if isinstance(raw, list):
        yield from ((f"{name}[{number}]", table) for number, table in enumerate(raw, start=1))
    else:
        found.add(name, f"mỗi mục viết dưới một dòng [[{name}]], hai dấu ngoặc vuông")


def nearest(name: str, known: Iterable[str]) -> str:
    """ "; có phải muốn viết ...?" when a known name is close, else the list of what is known."""
    names = list(known)
    if close := difflib.get_close_matches(name[:80], names, n=1):
        return f'; có phải muốn viết "{close[0]}"?'
    return f"; chỉ dùng: {', '.join(names)}" if names else ""


def _explained(detail: ErrorDetails, table: type[Written]) -> str:
    key = str(detail["loc"][0])
    if detail["type"] == "extra_forbidden":
        if table is not Header and key in Header.model_fields:
            return f'"{key}" thuộc phần đầu tệp; chuyển lên trước dòng [bảng] đầu tiên'
        return f'không có khóa "{_short(key)}" ở đây{nearest(key, table.model_fields)}'
    context = detail.get("ctx", {}) | {"kind": _kind(detail["input"]), "value": _shown(detail["input"])}
    if detail["type"] == "enum":
        context["expected"] = context["expected"].replace("'", '"').replace(" or ", ", ")
    message = _MESSAGES.get(detail["type"], "giá trị {value} không dùng được").format(**context)
    return message if ";" in message else message + _example(key)


def _example(key: str) -> str:
    return f"; viết ví dụ {EXAMPLES[key]}" if key in EXAMPLES else ""


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "giá trị này")


def _shown(value: object) -> str:
    return f'"{_short(value)}"' if isinstance(value, str) else _short(str(value))


def _short(value: object) -> str:
    written = " ".join(str(value).split())
    return written if len(written) <= 60 else written[:59] + "…"


def _path(field: str, location: tuple[int | str, ...]) -> str:
    path = field
    for step in location:
        path = f"{path}[{step + 1}]" if isinstance(step, int) else _join(path, _short(step))
    return path


def _join(field: str, key: str) -> str:
    return f"{field}.{key}" if field else key
