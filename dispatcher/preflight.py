"""What must be mended before a campaign leaves: each carrier is asked, and every finding names the route and what to do."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import time
from enum import StrEnum

from campaigns import brandnames, compose, schedule
from campaigns.campaign import Campaign
from campaigns.tariff import Tariff
from dispatcher.routing import ANY, senders, table
from dispatcher.runtime import Route
from dispatcher.settings import RouteConfig
from providers.base import Health, Receipts, Template, Terms
from providers.errors import ProviderError


class Level(StrEnum):
    """`stop`: nothing, or not everything, would arrive; `warn`: look at it; `note`: it is so, and good to know."""

    STOP = "stop"
    WARN = "warn"
    NOTE = "note"


class About(StrEnum):
    CREDENTIALS = "credentials"
    BALANCE = "balance"
    BRANDNAME = "brandname"
    TEMPLATE = "template"
    QUOTA = "quota"
    HOURS = "hours"
    NUMBERS = "numbers"
    SANDBOX = "sandbox"
    RECEIPTS = "receipts"


@dataclass(frozen=True, slots=True)
class Finding:
    """`said` is what was found, `do` what to do about it: both for staff."""

    route: str
    level: Level
    about: About
    said: str
    do: str


@dataclass(frozen=True, slots=True)
class Volume:
    """What a campaign hands to a route. `vnd` is None where a price is not known; `smallest` wave's people."""

    people: int
    vnd: float | None
    smallest: int


@dataclass(frozen=True, slots=True)
class Checked:
    """A carrier's answers, and what follows from them."""

    route: str
    health: Health
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing has to be mended first."""
        return self.health.ok and all(finding.level is not Level.STOP for finding in self.findings)


def volumes(
    campaign: Campaign,
    people: Mapping[str, Mapping[str, int]],
    routes: Sequence[RouteConfig],
    prices: Mapping[str, Tariff],
) -> dict[str, Volume]:
    """route -> what it would carry. `people` is wave -> network -> how many; prices are of a segment, by network."""
    chosen = table(routes)
    each: defaultdict[str, list[tuple[int, float | None]]] = defaultdict(list)
    for slug, networks in people.items():
        segments = max(variant.segments for variant in compose.variants(campaign, slug))
        wave: defaultdict[str, list[tuple[int, float | None]]] = defaultdict(list)
        for network, count in networks.items():
            price = prices.get(network, Tariff(network)).vnd_per_segment
            if name := chosen.get(network, chosen.get(ANY)):
                wave[name].append((count, None if price is None else price * segments * count))
        for name, parts in wave.items():
            each[name].append((sum(count for count, _ in parts), _sum([vnd for _, vnd in parts])))
    return {
        name: Volume(sum(n for n, _ in waves), _sum([vnd for _, vnd in waves]), min(n for n, _ in waves))
        for name, waves in each.items()
    }


def _sum(amounts: Sequence[float | None]) -> float | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None


async def preflight(
    routes: Sequence[Route], campaign: Campaign | None = None, volumes: Mapping[str, Volume] | None = None
) -> list[Checked]:
    """Ask the carrier of each route, and compare with the campaign where one is given. Nothing is sent.

    With `volumes` only the routes in it are compared with the campaign: the others carry nothing of it.
    """
    return list(await asyncio.gather(*(_checked(route, campaign, volumes) for route in routes)))


async def _checked(route: Route, campaign: Campaign | None, volumes: Mapping[str, Volume] | None) -> Checked:
    name, mine = route.config.name, (volumes or {}).get(route.config.name)
    carries = campaign if volumes is None or mine else None
    health, findings = await _account(route)
    if health.ok:
        terms, more = await _terms(route)
        findings += [*more, *_of_terms(route, terms, carries, mine)]
    findings += [*_of_balance(health, mine), *_of_carrier(route, carries, mine)]
    return Checked(name, health, tuple(replace(finding, route=name) for finding in findings))


def _finding(level: Level, about: About, said: str, do: str) -> Finding:
    return Finding("", level, about, said, do)


async def _account(route: Route) -> tuple[Health, list[Finding]]:
    try:
        health = await route.provider.check()
    except ProviderError as error:
        health = Health(ok=False, detail=str(error), latency=0.0)
    if health.ok:
        return health, []
    do = (
        "Kiểm tra khóa, mật khẩu, địa chỉ máy chủ và danh sách IP được phép trong hợp đồng;"
        f" rồi chạy: dispatcher route check {route.config.name}"
    )
    return health, [_finding(Level.STOP, About.CREDENTIALS, f"Nhà cung cấp không chấp nhận: {health.detail}", do)]


async def _terms(route: Route) -> tuple[Terms, list[Finding]]:
    try:
        return await route.provider.terms(), []
    except ProviderError as error:
        said = f"Không hỏi được tên hiển thị và mẫu tin đã đăng ký: {error}"
        return Terms(), [_finding(Level.WARN, About.BRANDNAME, said, "Đối chiếu tên hiển thị và mẫu tin với hợp đồng.")]


def _of_terms(route: Route, terms: Terms, campaign: Campaign | None, mine: Volume | None) -> Iterator[Finding]:
    sender = route.config.sender
    if terms.senders is not None and sender not in terms.senders:
        listed = ", ".join(terms.senders[:10]) or "chưa có tên nào"
        yield _finding(
            Level.STOP,
            About.BRANDNAME,
            f"Tài khoản không có tên hiển thị “{sender}”; nhà cung cấp liệt kê: {listed}.",
            "Sửa sender trong routes.toml cho đúng từng chữ hoa, chữ thường, hoặc đăng ký tên này với nhà cung cấp.",
        )
    if campaign and terms.templates is not None:
        yield from _of_templates(terms.templates, campaign)
    if mine and terms.quota is not None and terms.quota < mine.people:
        yield _finding(
            Level.WARN,
            About.QUOTA,
            f"Hạn mức hôm nay còn {terms.quota} tin, chiến dịch cần {mine.people} tin.",
            "Xin tăng hạn mức, hoặc chia chiến dịch thành nhiều ngày.",
        )


def _of_templates(templates: Sequence[Template], campaign: Campaign) -> Iterator[Finding]:
    patterns = [re.compile(template.pattern, re.DOTALL) for template in templates]
    for wave in campaign.waves:
        texts = {variant.body for variant in compose.variants(campaign, wave.slug)}
        if any(not any(pattern.fullmatch(text) for pattern in patterns) for text in texts):
            yield _finding(
                Level.STOP,
                About.TEMPLATE,
                f"Nội dung đợt {wave.slug} không khớp mẫu tin nào trong {len(templates)} mẫu đã duyệt.",
                "Đăng ký mẫu tin này với nhà cung cấp, hoặc sửa nội dung cho đúng mẫu đã duyệt.",
            )


def _of_balance(health: Health, mine: Volume | None) -> Iterator[Finding]:
    if health.balance is None:
        return
    needed = (mine.vnd if mine else None) or 0.0
    if health.balance <= 0 or health.balance < needed:
        missing = f" ít nhất {_dong(needed - health.balance)}" if needed > health.balance else ""
        estimate = f", dự kiến cần {_dong(needed)}" if needed else ""
        yield _finding(
            Level.STOP,
            About.BALANCE,
            f"Tài khoản còn {_dong(health.balance)}{estimate}.",
            f"Nạp thêm{missing} trước khi gửi.",
        )


def _of_carrier(route: Route, campaign: Campaign | None, mine: Volume | None) -> Iterator[Finding]:
    """What the adapter itself knows."""
    capabilities = route.provider.capabilities
    for name in senders([route.config]):
        for mistake in brandnames.mistakes(name):
            yield _finding(
                Level.WARN, About.BRANDNAME, f"Tên hiển thị “{name}” {mistake}.", "Sửa sender trong routes.toml."
            )
    if capabilities.sandbox:
        yield _finding(
            Level.STOP,
            About.SANDBOX,
            "Đường gửi đang ở chế độ thử: nhà cung cấp chỉ kiểm tra, không gửi tới ai.",
            "Bỏ sandbox = true trong routes.toml khi gửi thật.",
        )
    if mine and mine.smallest < capabilities.min_per_call:
        yield _finding(
            Level.STOP,
            About.NUMBERS,
            f"Nhà cung cấp chỉ nhận từ {capabilities.min_per_call} số mỗi lần; có đợt chỉ {mine.smallest} số qua đường này.",
            "Thêm một đường gửi từng tin phục vụ cùng nhà mạng, hoặc gộp các đợt nhỏ.",
        )
    if campaign and capabilities.hours:
        yield from _of_hours(campaign, capabilities.hours.begin, capabilities.hours.end)
    if capabilities.receipts is Receipts.NONE:
        yield _finding(
            Level.NOTE,
            About.RECEIPTS,
            "Đường gửi không có báo nhận: báo cáo chỉ biết nhà mạng đã nhận, không biết tin đã tới máy.",
            "Không phải làm gì; nói rõ điều này khi dùng số liệu.",
        )
    elif capabilities.receipts is Receipts.DAILY or not capabilities.negative_receipts:
        yield _finding(
            Level.NOTE,
            About.RECEIPTS,
            "Báo nhận chỉ nói một chiều: số không tới máy theo danh sách từng ngày, hoặc chỉ số đã tới máy.",
            "Không phải làm gì; nói rõ điều này khi dùng số liệu.",
        )


def _of_hours(campaign: Campaign, begin: time, end: time) -> Iterator[Finding]:
    for wave in schedule.waves(campaign):
        if wave.window_from < begin or wave.window_to > end:
            yield _finding(
                Level.WARN,
                About.HOURS,
                f"Đợt {wave.slug} gửi {wave.window_from:%H:%M}-{wave.window_to:%H:%M}, nhà cung cấp chỉ nhận"
                f" {begin:%H:%M}-{end:%H:%M} (giờ Việt Nam).",
                "Thu hẹp khung giờ của đợt; ngoài giờ tin sẽ phải chờ.",
            )


def _dong(amount: float) -> str:
    return f"{amount:,.0f} đồng".replace(",", ".")
