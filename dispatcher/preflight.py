"""What must be mended before a campaign leaves: each carrier is asked, and every finding names the route and what to do."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import time
from enum import StrEnum

from campaigns import brandnames, compose, rules, schedule
from campaigns.campaign import Campaign, Wave
from campaigns.volume import Amount
from dispatcher.control import find
from dispatcher.errors import UserError
from dispatcher.review import Office, review
from dispatcher.routing import ANY, senders, table
from dispatcher.runtime import Route
from dispatcher.settings import RouteConfig
from dispatcher.store.database import Connection
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
class Freight:
    """A campaign and the volumes of its routes; None where they cannot be told yet, and then why not."""

    campaign: Campaign
    volumes: Mapping[str, Volume] | None
    unknown: str = ""


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


def volumes(waves: Iterable[Sequence[Amount]], routes: Sequence[RouteConfig]) -> dict[str, Volume]:
    """route -> what it would carry, the amounts of each wave told network by network."""
    chosen = table(routes)
    each: defaultdict[str, list[Volume]] = defaultdict(list)
    for amounts in waves:
        parts: defaultdict[str, list[Amount]] = defaultdict(list)
        for amount in amounts:
            name = chosen.get(amount.network, chosen.get(ANY))
            if name and amount.people:
                parts[name].append(amount)
        for name, mine in parts.items():
            people = sum(amount.people for amount in mine)
            each[name].append(Volume(people, _sum([amount.vnd for amount in mine]), people))
    return {name: _together(carried) for name, carried in each.items()}


def _together(carried: Sequence[Volume]) -> Volume:
    people = [one.people for one in carried]
    return Volume(sum(people), _sum([one.vnd for one in carried]), min(people))


def _sum(amounts: Sequence[float | None]) -> float | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None


async def freight(connection: Connection, edition: str, office: Office) -> Freight:
    """A campaign, and what each route would carry of it. Raises `ControlError` where there is none of that name."""
    campaign = Campaign.model_validate((await find(connection, edition)).definition)
    try:
        waves = (await review(connection, edition, office)).waves
    except UserError as error:  # a draft may lack its audience, its theme or its papers, and be compared all the same
        return Freight(campaign, None, str(error))
    return Freight(campaign, volumes((wave.amounts for wave in waves), office.routes))


async def preflight(routes: Iterable[Route], freight: Freight | None = None) -> list[Checked]:
    """Ask the carrier of each route, and compare with the campaign where one is given. Nothing is sent.

    Where volumes are known only the routes in them are compared with the campaign: the others carry nothing of it.
    """
    return list(await asyncio.gather(*(_checked(route, freight) for route in routes)))


async def lacking(routes: Iterable[Route], freight: Freight) -> tuple[str, ...]:
    """What has to be mended before the campaign leaves over these routes; nothing is asked while that cannot be told."""
    carrying = [route for route in routes if route.config.name in (freight.volumes or {})]
    checked = await preflight(carrying, freight)
    findings = [finding for one in checked for finding in one.findings if finding.level is Level.STOP]
    return tuple(f"đường gửi {finding.route}: {finding.said} {finding.do}" for finding in findings)


async def _checked(route: Route, freight: Freight | None) -> Checked:
    name, volumes = route.config.name, freight.volumes if freight else None
    mine = (volumes or {}).get(name)
    carries = freight.campaign if freight and (volumes is None or mine) else None
    health, findings = await _account(route)
    if health.ok:
        terms, more = await _terms(route)
        findings += [*more, *_of_terms(route, terms, carries, mine)]
    if freight and freight.unknown:
        said = f"Chưa so được số người và chi phí: {freight.unknown}"
        findings.append(_finding(Level.WARN, About.NUMBERS, said, "Bổ sung cho chiến dịch rồi chạy lại lệnh này."))
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
    for wave in _own(campaign):
        texts = {variant.body for variant in compose.variants(campaign, wave.slug)}
        if any(not any(pattern.fullmatch(text) for pattern in patterns) for text in texts):
            yield _finding(
                Level.STOP,
                About.TEMPLATE,
                f"Nội dung đợt {wave.slug} không khớp mẫu tin nào trong {len(templates)} mẫu đã duyệt.",
                "Đăng ký mẫu tin này với nhà cung cấp, hoặc sửa nội dung cho đúng mẫu đã duyệt.",
            )


def _own(campaign: Campaign) -> Sequence[Wave]:
    """The waves that we send ourselves, once they can be written."""
    if any(rules.theme_to_come(campaign)):
        return ()
    return [wave for wave in campaign.waves if not wave.order]


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
    if capabilities.receipts is Receipts.PUSH and route.callback_url is None:
        yield _finding(
            Level.WARN,
            About.RECEIPTS,
            "Nhà cung cấp gọi về để báo nhận, nhưng chưa có địa chỉ để gọi: báo cáo sẽ không biết tin đã tới máy.",
            f"Ghi callback_base trong routes.toml; nếu phải khai với nhà cung cấp: dispatcher route callback {route.config.name}",
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
