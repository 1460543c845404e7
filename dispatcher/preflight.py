"""What must be mended before a campaign leaves: each carrier is asked, and every finding names the route and what to do."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import time
from enum import StrEnum

from campaigns import brandnames, compose, rules, schedule
from campaigns.campaign import Campaign, Wave
from campaigns.figures import dong
from campaigns.volume import Amount
from dispatcher import templates
from dispatcher.control import find
from dispatcher.errors import UserError
from dispatcher.pricing import PRICE, TARIFFS, Way, total
from dispatcher.review import Office, WaveReview, review
from dispatcher.routing import SMS, senders
from dispatcher.runtime import Route
from dispatcher.store.database import Connection
from dispatcher.waiting import spoken_reason
from providers.base import Filled, Health, Receipts, Template, TemplateInfo, Terms
from providers.errors import Misconfigured, ProviderError, Throttled, Unavailable
from providers.tokens import NotAuthorised

MOST_MISFITS = 5  # each commune may have one of its own


class Level(StrEnum):
    """`stop`: nothing, or not everything, would arrive; `warn`: look at it; `note`: it is so, and good to know."""

    STOP = "stop"
    WARN = "warn"
    NOTE = "note"


class About(StrEnum):
    CREDENTIALS = "credentials"
    BALANCE = "balance"
    PRICE = "price"
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
    """A campaign and the volumes of its routes; None where they cannot be told yet, and then why not.

    `filled`: what goes into templates, by route.
    """

    campaign: Campaign
    volumes: Mapping[str, Volume] | None
    unknown: str = ""
    filled: Mapping[str, Sequence[Filled]] = field(default_factory=dict)


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


def volumes(waves: Iterable[Sequence[Way]]) -> dict[str, Volume]:
    """route -> what it would carry at most, the ways of each wave told network by network."""
    each: defaultdict[str, list[Volume]] = defaultdict(list)
    for ways in waves:
        parts: defaultdict[str, list[Amount]] = defaultdict(list)
        for way in ways:
            if way.route and way.amount.people:
                parts[way.route].append(way.amount)
        for name, mine in parts.items():
            people = sum(amount.people for amount in mine)
            each[name].append(Volume(people, total(amount.vnd for amount in mine), people))
    return {name: _together(carried) for name, carried in each.items()}


def _together(carried: Sequence[Volume]) -> Volume:
    people = [one.people for one in carried]
    return Volume(sum(people), total(one.vnd for one in carried), min(people))


async def freight(connection: Connection, edition: str, office: Office) -> Freight:
    """A campaign, and what each route would carry of it. Raises `ControlError` where there is none of that name."""
    campaign = Campaign.model_validate((await find(connection, edition)).definition)
    try:
        waves = (await review(connection, edition, office)).waves
    except UserError as error:  # a draft may lack its audience, its theme or its papers, and be compared all the same
        return Freight(campaign, None, str(error))
    return Freight(campaign, volumes(wave.ways for wave in waves), filled=_filled(campaign, waves))


def _filled(campaign: Campaign, waves: Iterable[WaveReview]) -> dict[str, list[Filled]]:
    found: defaultdict[str, list[Filled]] = defaultdict(list)
    for wave in waves:
        texts = compose.variants(campaign, wave.slug, wave.areas)
        read = [text for text in texts if text.area_code in wave.areas] or texts  # nobody may be without a commune
        said = [Filled(text.template, text.parameters) for text in read if text.template]
        for name in {way.route for way in wave.ways if way.whole and way.route}:
            found[name] += said
    return found


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
        if carries and freight and (filled := freight.filled.get(name)):
            findings += await _of_filled(route, filled, mine)
    if freight and freight.unknown:
        said = f"Chưa so được số người và chi phí: {freight.unknown}"
        findings.append(_finding(Level.WARN, About.NUMBERS, said, "Bổ sung cho chiến dịch rồi chạy lại lệnh này."))
    if About.PRICE not in (finding.about for finding in findings):
        findings += _of_price(route, mine)
    findings += [*_of_balance(health, mine), *_of_carrier(route, carries, mine)]
    return Checked(name, health, tuple(replace(finding, route=name) for finding in findings))


def _finding(level: Level, about: About, said: str, do: str) -> Finding:
    return Finding("", level, about, said, do)


# What a failure to ask proves: in words, and what to do; {route} is filled in. The first kind that fits.
AGAIN = "rồi chạy lại: dispatcher route check {route}"
TROUBLES: Sequence[tuple[type[ProviderError], str, str]] = (
    (NotAuthorised, "Chưa được cấp quyền", "Quản trị viên OA đăng nhập một lần: dispatcher route authorise {route}"),
    (
        Misconfigured,
        "Nhà cung cấp không chấp nhận",
        f"Kiểm tra khóa, mật khẩu, số dư, địa chỉ máy chủ và danh sách IP được phép trong hợp đồng; {AGAIN}",
    ),
    (
        Unavailable,
        "Không gọi được nhà cung cấp",
        f"Kiểm tra mạng của máy này, tường lửa, và base_url của đường gửi {{route}} trong routes.toml; {AGAIN}",
    ),
    (Throttled, "Nhà cung cấp bảo chờ", f"Đợi vài phút, {AGAIN}"),
    (ProviderError, "Nhà cung cấp không trả lời rõ", f"Đợi vài phút, {AGAIN}; nếu vẫn thế thì hỏi nhà cung cấp."),
)


async def _account(route: Route) -> tuple[Health, list[Finding]]:
    trouble: ProviderError = Misconfigured("")
    try:
        health = await route.provider.check()
    except ProviderError as error:
        health, trouble = Health(ok=False, detail=str(error), latency=0.0), error
    if health.ok:
        return health, []
    words, do = next((words, do) for kind, words, do in TROUBLES if isinstance(trouble, kind))
    said = f"{words}: {spoken_reason(health.detail)}"
    return health, [_finding(Level.STOP, About.CREDENTIALS, said, do.format(route=route.config.name))]


def _of_price(route: Route, mine: Volume | None) -> Iterator[Finding]:
    """Without a price nothing can be compared with the ceiling or what is left."""
    if mine and mine.vnd is None:
        by_network = route.provider.capabilities.channel == SMS
        do = TARIFFS if by_network else PRICE.format(amount="SỐ-ĐỒNG", route=route.config.name)
        said = "Chưa biết giá tin của đường gửi, nên chưa so được chi phí với số dư và mức chi tối đa."
        yield _finding(Level.WARN, About.PRICE, said, do)


async def _terms(route: Route) -> tuple[Terms, list[Finding]]:
    try:
        return await route.provider.terms(), []
    except ProviderError as error:
        said = f"Không hỏi được tên hiển thị và mẫu tin đã đăng ký: {spoken_reason(str(error))}"
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


async def _of_filled(route: Route, filled: Sequence[Filled], mine: Volume | None) -> list[Finding]:
    """What the provider says of the templates, and of their price."""
    try:
        known = await templates.look(route, filled)
    except ProviderError as error:
        said = f"Không hỏi được mẫu tin: {spoken_reason(str(error))}"
        return [_finding(Level.WARN, About.TEMPLATE, said, "Chạy lại lệnh này; đợt gửi bị giữ lại nếu mẫu không khớp.")]
    do = "Sửa mẫu tin hoặc tham số trong tệp chiến dịch cho khớp, hoặc chờ Zalo duyệt mẫu."
    misfits = templates.misfits(filled, known)
    told = [*misfits[:MOST_MISFITS], *([f"và {more} chỗ nữa"] if (more := len(misfits) - MOST_MISFITS) > 0 else [])]
    wrong = [_finding(Level.STOP, About.TEMPLATE, f"{said}.", do) for said in told]
    return [*wrong, *(finding for info in known.values() for finding in _of_info(route, info, mine))]


def _of_info(route: Route, info: TemplateInfo, mine: Volume | None) -> Iterator[Finding]:
    ours, theirs = route.config.vnd_per_message, info.price
    if theirs is not None and theirs != ours:
        written = "chưa ghi giá" if ours is None else f"ghi {dong(ours)}"
        said = f"Zalo tính {dong(theirs)} một tin của mẫu {info.template}, đường gửi {written}."
        do = PRICE.format(amount=f"{theirs:g}", route=route.config.name)
        yield _finding(Level.WARN, About.PRICE, said, do)
    if mine and info.quota is not None and info.quota < mine.people:
        said = f"Mẫu {info.template} hôm nay còn {info.quota} tin, chiến dịch cần {mine.people} tin."
        yield _finding(Level.WARN, About.QUOTA, said, "Xin tăng hạn mức, hoặc chia chiến dịch thành nhiều ngày.")


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
        missing = f" ít nhất {dong(needed - health.balance)}" if needed > health.balance else ""
        estimate = f", dự kiến cần {dong(needed)}" if needed else ""
        yield _finding(
            Level.STOP,
            About.BALANCE,
            f"Tài khoản còn {dong(health.balance)}{estimate}.",
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
