"""The `[[wave]]` tables and the `[period]` of a definition become real days of one year."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from campaigns.calendar import Calendar
from campaigns.moments import AnyDay, Day, Monthly, Offset, Span, Weekly
from campaigns.policy import SENDING_TO
from campaigns.problems import Found
from campaigns.written import Header, PeriodTable, WaveTable, nearest, read


@dataclass(frozen=True, slots=True)
class Year:
    """What days are resolved against: None where the definition itself is not yet clear.

    `occasion` is the first and last day of the campaign's occasion, `period` that of the campaign.
    """

    number: int | None
    calendar: Calendar
    occasion: Span | None
    period: Span | None
    found: Found

    def day(self, written: AnyDay | None, field: str) -> datetime.date | None:
        """The date of a day as written; what cannot be is noted under `field`."""
        if written is None or self.number is None:
            return None
        if isinstance(written, Offset):
            return written.of(self.occasion) if self.occasion else None
        if written.year not in (None, self.number, self.number + 1):
            self.found.add(
                field,
                f"ghi năm {written.year} trong chiến dịch năm {self.number}; "
                f'viết "{written.month:02}-{written.day:02}" để dùng cho mọi năm',
            )
            return None
        return self._real(written, self.number, field)

    def _real(self, written: Day, number: int, field: str) -> datetime.date | None:
        try:
            return written.on(number)
        except ValueError:
            self.found.add(field, f"năm {number} không có ngày {written.day:02}/{written.month:02}; chọn ngày khác")
            return None


def year_of(header: Header, raw: Mapping[str, Any], number: int | None, calendar: Calendar, found: Found) -> Year:
    """The year of a definition: its occasion, and the period that it gives or, without one, the occasion itself."""
    occasion = calendar.occasions.get(header.occasion or "")
    year = Year(number, calendar, occasion.days(number) if occasion and number else None, None, found)
    return replace(year, period=_period(raw["period"], year) if "period" in raw else None)


def _period(raw: object, year: Year) -> Span | None:
    table = read(PeriodTable, raw, "period", year.found)
    start, end = year.day(table.start, "period.start"), year.day(table.end, "period.end")
    if start is None or end is None:
        return None
    if end < start:
        year.found.add(
            "period.end",
            f"chiến dịch kết thúc {_spoken(end)} trước khi bắt đầu {_spoken(start)}; sửa lại start hoặc end "
            "(chiến dịch qua năm mới thì viết cả năm)",
        )
        return None
    return start, end


def span(year: Year, waves: Iterable[Mapping[str, Any]]) -> dict[str, datetime.date | None]:
    """The campaign's days: its `[period]`, or else its occasion and every wave."""
    days = [day for wave in waves for day in (wave["date"], wave["until"]) if day] + list(year.occasion or ())
    start, end = year.period or ((min(days), max(days)) if days else (None, None))
    return {"start": start, "end": end}


def fired(wave: WaveTable, field: str, year: Year) -> list[dict[str, Any]]:
    """The fields of each `Wave` that a table stands for: one, or one for each day of its rule."""
    year = _anchored(wave, field, year)
    if wave.date is None:
        return [_fields(wave, field, year, None)]
    if isinstance(wave.date.when, Weekly | Monthly):
        return _recurring(wave, wave.date.when, field, year)
    return [_fields(wave, field, year, year.day(wave.date.when, f"{field}.date"))]


def _anchored(wave: WaveTable, field: str, year: Year) -> Year:
    """The year with the wave's own occasion, if it counts its days from another one than the campaign does."""
    if wave.occasion is None:
        return year
    if wave.occasion not in year.calendar.occasions:
        hint = nearest(wave.occasion, year.calendar.occasions)
        year.found.add(f"{field}.occasion", f'không có dịp "{wave.occasion}"{hint}')
        return replace(year, occasion=None)
    days = year.calendar.occasions[wave.occasion].days(year.number) if year.number else None
    return replace(year, occasion=days)


def _recurring(wave: WaveTable, rule: Weekly | Monthly, field: str, year: Year) -> list[dict[str, Any]]:
    within = year.period or year.occasion
    if wave.until is not None:
        year.found.add(f"{field}.until", "đợt lặp lại chỉ kéo dài trong ngày; bỏ until")
    if within is None:
        return []
    days = list(rule.within(within))
    if not days:
        year.found.add(f"{field}.date", f"không có ngày nào như vậy từ {_spoken(within[0])} đến {_spoken(within[1])}")
    return [_named(_fields(wave, field, year, day), day) for day in days]


def _named(fields: dict[str, Any], day: datetime.date) -> dict[str, Any]:
    """A firing's own slug and title: by its date, so that a day taken out renames no other."""
    own = {"slug": f"{fields['slug']}-{day:%m-%d}"} if "slug" in fields else {}
    return fields | own | {"title": f"{fields.get('title', '')} ({day:%d/%m})"}


def _fields(wave: WaveTable, field: str, year: Year, day: datetime.date | None) -> dict[str, Any]:
    until = year.day(wave.until, f"{field}.until") if wave.until else day
    _inside(wave, field, year, day, until)
    kept = {key: value for key, value in wave.present().items() if key not in ("date", "until", "occasion", "window")}
    return kept | {"date": day, "until": until} | _hours(wave, field, year)


def _inside(wave: WaveTable, field: str, year: Year, day: datetime.date | None, until: datetime.date | None) -> None:
    if year.period:
        start, end = year.period
        for key, when in (("date", day), ("until", until if wave.until else None)):
            if when and not start <= when <= end:
                year.found.add(
                    f"{field}.{key}",
                    f"ngày {_spoken(when)} ngoài thời gian chiến dịch {_spoken(start)}-{_spoken(end)}; "
                    "chọn ngày trong thời gian đó hoặc sửa [period]",
                )
    if day and until and until < day:
        year.found.add(
            f"{field}.until", f"ngày cuối {_spoken(until)} trước ngày gửi {_spoken(day)}; sửa lại hoặc bỏ until"
        )


def _hours(wave: WaveTable, field: str, year: Year) -> dict[str, Any]:
    """The window, and the hour of the first day where `date` gives one ("D-3 09:00")."""
    opens = wave.date.clock if wave.date else None
    if wave.window is None:
        if year.found.has(f"{field}.window"):
            return {}
        if opens is None:
            year.found.add(f"{field}.window", 'thiếu khóa này; viết ví dụ window = ["07:00", "11:30"]')
            return {}
        if opens >= SENDING_TO:
            year.found.add(
                f"{field}.date", f"giờ gửi {opens:%H:%M} không còn trước {SENDING_TO:%H:%M}; ghi thêm window"
            )
            return {}
        return {"window": (opens, SENDING_TO)}
    start, end = wave.window
    if opens is not None and not start <= opens < end:
        year.found.add(f"{field}.date", f"giờ gửi {opens:%H:%M} ngoài khung giờ {start:%H:%M}-{end:%H:%M}")
    return {"window": wave.window, "opens": opens}


def _spoken(day: datetime.date) -> str:
    return f"{day:%d/%m/%Y}"
