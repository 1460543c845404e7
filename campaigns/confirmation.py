"""The text that confirms a refusal: when it was received, from when on nothing comes, and never an advertisement."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator

from campaigns.calendar import VIETNAM
from campaigns.campaign import Campaign, MessageClass, Period, Priority, Text, Wave
from campaigns.lints import LABELS, Setting, lint
from campaigns.template import Form
from campaigns.text import Encoding, measure, nfc, plain

SLUG = "refusal_confirmation"
# Decree 91/2020/ND-CP Art. 16: at once, once, with both times, without advertising.
TEXT = "Da nhan yeu cau tu choi nhan tin luc {received}. Ngung gui tu {stopped}."
RECEIVED, STOPPED = "{received}", "{stopped}"
DAYS = 2  # a confirmation that could not leave for so long tells nobody anything new
_SAMPLE = datetime.datetime(2026, 12, 28, 20, 58, tzinfo=VIETNAM)


def render(template: str, received: datetime.datetime, stopped: datetime.datetime) -> str:
    """The text for a refusal received and put into effect at these moments, in Viet Nam time."""
    return nfc(template.replace(RECEIVED, _spoken(received)).replace(STOPPED, _spoken(stopped)))


def _spoken(moment: datetime.datetime) -> str:
    return f"{moment.astimezone(VIETNAM):%H:%M %d/%m/%Y}"


def mistakes(template: str) -> Iterator[str]:
    """Why a text cannot confirm refusals, in Vietnamese; nothing for one that can."""
    for part, words in ((RECEIVED, "lúc nhận được từ chối"), (STOPPED, "lúc ngừng gửi")):
        if part not in template:
            yield f"tin xác nhận phải ghi {words}: thêm {part} (Nghị định 91/2020/NĐ-CP, Điều 16)"
    if any(label in template.upper() for label in LABELS):
        yield "tin xác nhận không được kèm quảng cáo (Nghị định 91/2020/NĐ-CP, Điều 16)"
    written = render(template, _SAMPLE, _SAMPLE)
    setting = Setting(None, (), MessageClass.CUSTOMER_CARE, {}, {})
    yield from (str(finding) for finding in lint(written, form(written), setting) if finding.refuses)


def form(text: str) -> Form:
    """The form that a text is written in."""
    return Form.UNACCENTED if measure(text).encoding is Encoding.GSM7 else Form.ACCENTED


def campaign(
    template: str, hours: tuple[datetime.time, datetime.time], year: int, days: Iterable[datetime.date]
) -> Campaign:
    """The standing campaign of a year, with a wave for each of `days` on which somebody refused."""
    shown = template.replace("{", "{{").replace("}", "}}")
    return Campaign(
        slug=SLUG,
        year=year,
        title=f"Xác nhận từ chối nhận tin năm {year}",
        occasion=SLUG,
        message_class=MessageClass.CUSTOMER_CARE,
        period=Period(start=datetime.date(year, 1, 1), end=datetime.date(year, 12, 31)),
        priority=Priority.ALERT,
        texts={"confirmation": Text(accented=shown, unaccented=plain(shown))},
        waves=tuple(_wave(day, hours, form(template)) for day in sorted(days)),
    )


def _wave(day: datetime.date, hours: tuple[datetime.time, datetime.time], written: Form) -> Wave:
    return Wave(
        slug=f"{day:%m-%d}",
        title=f"Từ chối nhận được ngày {day:%d/%m/%Y}",
        date=day,
        until=day + datetime.timedelta(days=DAYS - 1),
        window=hours,
        opens=datetime.time(0),
        text="confirmation",
        form=written,
    )
