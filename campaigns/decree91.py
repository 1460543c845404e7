"""What Decree 91/2020/ND-CP asks of a message class: who agreed, label, refusal, hours, frequency, sender.

Only `advertising` is bound by it: Art. 3(1) leaves out news and social policy. Read in its codified form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum

from campaigns.campaign import Advertising, Campaign, Channel, MessageClass
from campaigns.lints import LABELS
from campaigns.policy import DAY, DEFAULTS, Limits, limits
from campaigns.schedule import waves
from campaigns.template import Form


class Article(StrEnum):
    """What a refusal or a warning rests on, as it is cited."""

    DEFINITION = "Nghị định 91/2020/NĐ-CP, Điều 3 khoản 1"
    COPY = "Nghị định 91/2020/NĐ-CP, Điều 5 khoản 2"
    DO_NOT_CALL = "Nghị định 91/2020/NĐ-CP, Điều 7 và Điều 11 khoản 1"
    CONSENT = "Nghị định 91/2020/NĐ-CP, Điều 11 khoản 2"
    FREQUENCY = "Nghị định 91/2020/NĐ-CP, Điều 13 khoản 5"
    HOURS = "Nghị định 91/2020/NĐ-CP, Điều 13 khoản 6"
    SENDER = "Nghị định 91/2020/NĐ-CP, Điều 13 khoản 8"
    LABEL = "Nghị định 91/2020/NĐ-CP, Điều 14 và Điều 15"
    REFUSAL = "Nghị định 91/2020/NĐ-CP, Điều 16"
    BRANDNAME = "Nghị định 91/2020/NĐ-CP, Điều 23 khoản 1"
    STATE_MANAGEMENT = "Luật 91/2025/QH15, Điều 19 khoản 1 điểm c"
    ZALO = "chính sách tin theo mẫu (ZBS) của Zalo"
    POLICY = "quy ước của hệ thống, không phải quy định pháp luật"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a campaign may not be approved, and what says so."""

    message: str
    article: Article

    def __str__(self) -> str:
        return f"{self.message} ({self.article})"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a definition does not say; None = not known here, and so not judged.

    `senders` are the names that routes send under, `do_not_call` whether the Do-Not-Call list has been imported.
    """

    senders: tuple[str, ...] | None = None
    do_not_call: bool | None = None


_FOOTER = {
    Form.ACCENTED: "Từ chối: soạn {word} gửi {number} hoặc gọi {call}.",
    Form.UNACCENTED: "Tu choi: soan {word} gui {number} hoac goi {call}.",
}


def dressed(campaign: Campaign, form: Form, body: str) -> str:
    """The body as the law wants it sent: advertising with its label first and how to refuse last, others as they are."""
    if campaign.message_class is not MessageClass.ADVERTISING:
        return body
    labelled = body if body.startswith(LABELS) else f"{LABELS[0]} {body}"
    return f"{labelled} {_footer(campaign.advertising, form)}" if campaign.advertising else labelled


def _footer(given: Advertising, form: Form) -> str:
    return _FOOTER[form].format(word=given.stop_word, number=given.stop_number, call=given.stop_call)


def refusals(campaign: Campaign, circumstances: Circumstances) -> Iterator[Refusal]:
    """Everything that the decree has against a campaign; nothing for what it does not bind."""
    if campaign.message_class is MessageClass.ADVERTISING:
        for rule in ADVERTISING:
            yield from rule(campaign, circumstances)


def _agreed(campaign: Campaign, _circumstances: Circumstances) -> Iterator[Refusal]:
    if campaign.advertising is None:
        yield Refusal(
            "tin quảng cáo chỉ gửi cho người đã đồng ý trước; ghi cách đồng ý và bằng chứng trong bảng [advertising]",
            Article.CONSENT,
        )


def _refusable(campaign: Campaign, _circumstances: Circumstances) -> Iterator[Refusal]:
    if campaign.advertising is None:
        yield Refusal(
            "cuối tin quảng cáo phải có cách từ chối, cả bằng tin nhắn và bằng cuộc gọi; ghi stop_word, stop_number, "
            "stop_call trong bảng [advertising]",
            Article.REFUSAL,
        )


def _hours(campaign: Campaign, _circumstances: Circumstances) -> Iterator[Refusal]:
    lawful = DEFAULTS[MessageClass.ADVERTISING].hours
    if outside(limits(campaign).hours, lawful) and not _agreement(campaign):
        yield Refusal(
            f"tin quảng cáo chỉ gửi từ {lawful[0]:%H:%M} đến {lawful[1]:%H:%M}, trừ khi có thỏa thuận khác với người "
            "nhận; ghi agreement trong bảng [policy] hoặc bỏ hours",
            Article.HOURS,
        )


def outside(hours: tuple[time, time], allowed: tuple[time, time]) -> bool:
    """Whether some of the hours are not among those allowed."""
    return hours[0] < allowed[0] or hours[1] > allowed[1]


def _frequency(campaign: Campaign, _circumstances: Circumstances) -> Iterator[Refusal]:
    lawful = DEFAULTS[MessageClass.ADVERTISING].most or 0
    if in_a_day(limits(campaign)) > lawful and not _agreement(campaign):
        yield Refusal(
            f"nhiều nhất {lawful} tin quảng cáo tới một số trong 24 giờ, trừ khi có thỏa thuận khác với người nhận; "
            "ghi agreement trong bảng [policy] hoặc giảm most_messages",
            Article.FREQUENCY,
        )
    for audience, at in crowded(campaign):
        yield Refusal(
            f"nhóm {audience or 'người nhận'} có hơn {limits(campaign).most} đợt quảng cáo trong "
            f"{spell(limits(campaign).within)} tính từ {at:%H:%M %d/%m/%Y} (giờ Việt Nam)",
            Article.FREQUENCY,
        )


def in_a_day(limit: Limits) -> float:
    """How many messages a limit lets through in 24 hours at worst."""
    if limit.most is None:
        return float("inf")
    return limit.most * max(1, -(-DAY // limit.within))


def crowded(campaign: Campaign) -> Iterator[tuple[str | None, datetime]]:
    """The audiences for which the campaign itself has more waves in a stretch than its limit; with the stretch's start."""
    limit = limits(campaign)
    opening: dict[str | None, list[datetime]] = {}
    for wave in waves(campaign):
        opening.setdefault(wave.audience, []).append(wave.opens_at)
    for audience, moments in opening.items():
        at = _crowd(moments, limit)
        if at is not None:
            yield audience, at


def _crowd(moments: Sequence[datetime], limit: Limits) -> datetime | None:
    """When the first stretch of `within` begins that has more than `most` of the moments, which come in order."""
    if limit.most is None:
        return None
    stretches = zip(moments, moments[limit.most :], strict=False)
    return next((first for first, last in stretches if last - first < limit.within), None)


def spell(stretch: timedelta) -> str:
    """A stretch of time in words: "24 giờ", "7 ngày"."""
    hours = int(stretch.total_seconds() // 3600)
    return f"{hours // 24} ngày" if hours % 24 == 0 and hours > 24 else f"{hours} giờ"


def _agreement(campaign: Campaign) -> str | None:
    return campaign.policy.agreement if campaign.policy else None


def _labelled(campaign: Campaign, _circumstances: Circumstances) -> Iterator[Refusal]:
    for wave in campaign.waves:
        if wave.channel is not Channel.SMS:
            message = f"đợt {wave.slug} đi qua Zalo, tin Zalo không mang được nhãn và cách từ chối của tin quảng cáo"
            yield Refusal(message, Article.LABEL)


def _do_not_call(_campaign: Campaign, circumstances: Circumstances) -> Iterator[Refusal]:
    if circumstances.do_not_call is False:
        yield Refusal(
            "chưa nhập Danh sách không quảng cáo; nhập bằng: dispatcher suppress import TỆP --only-advertising",
            Article.DO_NOT_CALL,
        )


_DIGITS = re.compile(r"[+\d .()-]+")


def _sender(_campaign: Campaign, circumstances: Circumstances) -> Iterator[Refusal]:
    for sender in circumstances.senders or ():
        if _DIGITS.fullmatch(sender):
            yield Refusal(
                f'tên hiển thị "{sender}" là số điện thoại; tin quảng cáo chỉ gửi bằng tên định danh đã được cấp',
                Article.SENDER,
            )


ADVERTISING: tuple[Callable[[Campaign, Circumstances], Iterator[Refusal]], ...] = (
    _agreed,
    _refusable,
    _hours,
    _frequency,
    _labelled,
    _do_not_call,
    _sender,
)
