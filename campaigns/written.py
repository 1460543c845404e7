"""A definition as staff write it: the keys of the TOML file, their forms, and each mistake explained in Vietnamese.

Every key may be missing or wrong without hiding the others: what could be read is kept, the rest is None and noted.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    StrictBool,
    StrictInt,
    StrictStr,
    StringConstraints,
    ValidationError,
)
from pydantic_core import ErrorDetails

from campaigns.audience import OLDEST
from campaigns.campaign import Channel, ConsentMethod, ContentKind, MessageClass, Priority
from campaigns.groups import SensitiveGroupError, refuse_sensitive
from campaigns.hotlines import dialled
from campaigns.moments import AnyDay, Moment, day, full_date, hours, moment, short, shown, wrong
from campaigns.msisdn import networks
from campaigns.places import PlaceError, chosen
from campaigns.problems import Found
from campaigns.template import Form
from campaigns.text import nfc

SLUG = r"^[a-z0-9][a-z0-9_-]*$"
FIRST_YEAR, LAST_YEAR = 2020, 2099


def _sentence(value: str) -> str:
    if not value.strip():
        raise wrong("đang để trống")
    return nfc(value.strip())


def _host(value: str) -> str:
    host = value.strip().lower()
    if not re.fullmatch(r"([a-z0-9-]+\.)+[a-z]{2,}", host):
        raise wrong(f"{shown(value)} không phải tên miền; chỉ viết tên miền, không có https:// và đường dẫn")
    return host


def _phone(value: str) -> str:
    number = dialled(value)
    if not re.fullmatch(r"1[01]\d|[1-9]\d{3}|1[89]00\d{4,6}|0\d{8,10}", number):
        raise wrong(f"{shown(value)} không phải số để gọi; viết số nội địa, ví dụ 02053812345, 18001234 hoặc 8088")
    return number


def _network(value: str) -> str:
    if value not in networks():
        raise wrong(f"{shown(value)} không phải nhà mạng; chọn trong: {', '.join(networks())}")
    return value


def _place(value: str) -> str:
    try:
        chosen(value)
    except PlaceError as error:
        raise wrong(str(error)) from None
    return value


def _group(value: str) -> str:
    try:
        refuse_sensitive(value, "nhóm")
    except SensitiveGroupError as error:
        raise wrong(str(error).replace(";", ",")) from None
    return value


def _ages(value: tuple[int, int]) -> tuple[int, int]:
    if not 0 <= value[0] <= value[1] <= OLDEST:
        raise wrong(f"{list(value)} không phải khoảng tuổi; viết từ tuổi nhỏ đến tuổi lớn, trong 0-{OLDEST}")
    return value


def _matching(pattern: str, message: str) -> AfterValidator:
    def matched(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise wrong(f"{shown(value)} {message}")
        return value

    return AfterValidator(matched)


Slug = Annotated[StrictStr, StringConstraints(pattern=SLUG, max_length=60)]
Name = Annotated[StrictStr, StringConstraints(max_length=60)]
Sentence = Annotated[StrictStr, StringConstraints(max_length=500), AfterValidator(_sentence)]
Phone = Annotated[StrictStr, StringConstraints(max_length=60), AfterValidator(_phone)]
Host = Annotated[StrictStr, StringConstraints(max_length=253), AfterValidator(_host)]
Body = Annotated[
    StrictStr, StringConstraints(max_length=2000), AfterValidator(_sentence)
]  # six segments are 918 at most
WrittenDay = Annotated[AnyDay, PlainValidator(day)]
WrittenMoment = Annotated[Moment, PlainValidator(moment)]
FullDate = Annotated[date, PlainValidator(full_date)]
Window = Annotated[tuple[time, time], PlainValidator(hours)]
Language = Annotated[StrictStr, _matching(r"[a-z]{2,3}", 'phải là mã ngôn ngữ hai hoặc ba chữ cái, ví dụ "tyz"')]
Number = Annotated[StrictStr, _matching(r"[0-9]{3,11}", "phải là số viết liền, không dấu chấm, không khoảng trắng")]
StopWord = Annotated[StrictStr, _matching(r"[A-Z0-9 ]{1,20}", "chỉ gồm chữ hoa không dấu và chữ số, tối đa 20 ký tự")]
TemplateId = Annotated[StrictStr, _matching(r"[0-9]{1,20}", "phải là mã mẫu tin của Zalo, chỉ gồm chữ số")]
Network = Annotated[StrictStr, AfterValidator(_network)]
Place = Annotated[Sentence, AfterValidator(_place)]
Group = Annotated[Sentence, AfterValidator(_group)]
Ages = Annotated[tuple[StrictInt, StrictInt], AfterValidator(_ages)]
Hash = Annotated[StrictStr, _matching(r"[0-9a-f]{64}", "phải gồm đúng 64 chữ số và chữ a-f")]


class Written(BaseModel):
    """A table of the file. All keys may be absent; those in `required` are then noted as missing."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    required: ClassVar[tuple[str, ...]] = ()

    def present(self) -> dict[str, Any]:
        """The keys that could be read."""
        return {key: value for key, value in self if value is not None}


class Header(Written):
    """The keys at the top of the file; its tables are read one by one."""

    required = ("slug", "title", "occasion", "message_class")

    slug: Slug | None = None
    title: Sentence | None = None
    year: StrictInt | None = None
    owner: Sentence | None = None
    occasion: Name | None = None
    message_class: MessageClass | None = None
    topics: tuple[Slug, ...] | None = None
    programme: Sentence | None = None
    co_owners: tuple[Sentence, ...] | None = None
    content_by: Sentence | None = None
    budget: Annotated[StrictInt, Field(gt=0)] | None = None
    hotline: Name | None = None
    audience: Sentence | None = None
    priority: Priority | None = None
    other_years: tuple[StrictInt, ...] | None = None
    period: Any = None
    theme: Any = None
    legal_basis: Any = None
    link: Any = None
    own_hotline: Any = None
    request: Any = None
    appraisal: Any = None
    policy: Any = None
    advertising: Any = None
    channel: Any = None
    texts: Any = None
    wave: Any = None


class PeriodTable(Written):
    """`[period]`"""

    required = ("start", "end")

    start: WrittenDay | None = None
    end: WrittenDay | None = None


class DocumentTable(Written):
    """`[[request]]`"""

    required = ("kind", "number", "date", "issuer", "subject")

    kind: Sentence | None = None
    number: Sentence | None = None
    date: FullDate | None = None
    issuer: Sentence | None = None
    subject: Sentence | None = None


class BasisTable(DocumentTable):
    """`[[legal_basis]]`"""

    valid_from: FullDate | None = None
    valid_to: FullDate | None = None


class LinkTable(Written):
    """`[[link]]`"""

    required = ("host", "reason")

    host: Host | None = None
    reason: Sentence | None = None


class OwnHotlineTable(Written):
    """`[[own_hotline]]`"""

    required = ("call", "reason")

    call: Phone | None = None
    reason: Sentence | None = None


class AppraisalTable(Written):
    """`[appraisal]`"""

    required = ("number", "date", "issuer")

    number: Sentence | None = None
    date: FullDate | None = None
    issuer: Sentence | None = None
    sha256: Hash | None = None


class PolicyTable(Written):
    """`[policy]`"""

    required = ("reason",)

    reason: Sentence | None = None
    hours: Window | None = None
    most_messages: Annotated[StrictInt, Field(ge=1, le=1000)] | None = None
    within_hours: Annotated[StrictInt, Field(ge=1, le=31 * 24)] | None = None
    agreement: Sentence | None = None


class AdvertisingTable(Written):
    """`[advertising]`"""

    required = ("consent_method", "consent_evidence", "stop_word", "stop_number", "stop_call")

    consent_method: ConsentMethod | None = None
    consent_evidence: Sentence | None = None
    stop_word: StopWord | None = None
    stop_number: Number | None = None
    stop_call: Number | None = None


class TextTable(Written):
    """`[texts.<key>]`"""

    required = ("accented", "unaccented")

    accented: Body | None = None
    unaccented: Body | None = None
    content_kind: ContentKind | None = None
    languages: dict[Language, Body] | None = None
    aloud: Body | None = None
    zalo: Any = None


class ZaloTable(Written):
    """`[texts.<key>.zalo]`"""

    required = ("template",)

    template: TemplateId | None = None
    parameters: dict[Name, Body] | None = None


class ChannelTable(Written):
    """`[channel]`"""

    policy: Channel | None = None
    wait_minutes: Annotated[StrictInt, Field(ge=1, le=24 * 60)] | None = None


class WaveTable(Written):
    """`[[wave]]`"""

    required = ("slug", "title", "date", "text", "form")

    slug: Slug | None = None
    title: Sentence | None = None
    date: WrittenMoment | None = None
    occasion: Name | None = None
    until: WrittenDay | None = None
    window: Window | None = None
    text: Name | None = None
    form: Form | None = None
    audience: Sentence | None = None
    priority: Priority | None = None
    relay: StrictBool | None = None
    order: tuple[Network, ...] | None = None
    areas: tuple[Place, ...] | None = None
    zones: tuple[Sentence, ...] | None = None
    groups: tuple[Group, ...] | None = None
    ages: Ages | None = None
    speakers: tuple[Language, ...] | None = None
    channel: Channel | None = None


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
    "co_owners": 'co_owners = ["Công an tỉnh"]',
    "content_by": 'content_by = "Công an tỉnh"',
    "budget": "budget = 50000000",
    "reason": 'reason = "Công văn số 12/UBND-VX"',
    "hours": 'hours = ["06:00", "22:00"]',
    "most_messages": "most_messages = 5",
    "within_hours": "within_hours = 168",
    "consent_method": 'consent_method = "form"',
    "consent_evidence": 'consent_evidence = "312 phiếu đăng ký nhận tin, lưu tại Văn phòng"',
    "stop_word": 'stop_word = "TC"',
    "stop_number": 'stop_number = "8088"',
    "stop_call": 'stop_call = "18001234"',
    "languages": 'languages = { tyz = "Nội dung tiếng Tày" }',
    "aloud": 'aloud = "Nội dung đọc trên loa"',
    "relay": "relay = true",
    "order": 'order = ["viettel"]',
    "areas": 'areas = ["Lạng Sơn", "Đắk Nông cũ", "xã Na Sầm, Lạng Sơn"]',
    "zones": 'zones = ["biên giới"]',
    "groups": 'groups = ["thanh niên", "học sinh"]',
    "ages": "ages = [16, 30]",
    "speakers": 'speakers = ["tyz", "nut"]',
    "start": 'start = "06-01"',
    "end": 'end = "06-30"',
    "host": 'host = "zalo.me"',
    "call": 'call = "02053812345"',
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
    "channel": 'channel = "zalo_then_sms"',
    "policy": 'policy = "zalo_then_sms"',
    "wait_minutes": "wait_minutes = 60",
    "template": 'template = "204519"',
    "parameters": 'parameters = { xa = "{commune}" }',
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
    "bool_type": "phải là true hoặc false không có dấu ngoặc kép, không phải {kind}",
    "dict_type": "phải là một bảng, không phải {kind}",
    "greater_than": "{value} không dùng được; phải lớn hơn {gt:g}",
    "greater_than_equal": "{value} không dùng được; phải từ {ge:g} trở lên",
    "less_than_equal": "{value} không dùng được; nhiều nhất là {le:g}",
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
        return f'không có khóa "{short(key)}" ở đây{nearest(key, table.model_fields)}'
    context = detail.get("ctx", {}) | {"kind": _kind(detail["input"]), "value": shown(detail["input"])}
    if detail["type"] == "enum":
        context["expected"] = context["expected"].replace("'", '"').replace(" or ", ", ")
    message = _MESSAGES.get(detail["type"], "giá trị {value} không dùng được").format(**context)
    return message if ";" in message else message + _example(key)


def _example(key: str) -> str:
    return f"; viết ví dụ {EXAMPLES[key]}" if key in EXAMPLES else ""


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "giá trị này")


def _path(field: str, location: tuple[int | str, ...]) -> str:
    path = field
    for step in location:
        path = f"{path}[{step + 1}]" if isinstance(step, int) else _join(path, short(step))
    return path


def _join(field: str, key: str) -> str:
    return f"{field}.{key}" if field else key
