"""What somebody sees who is to approve a campaign: what is said, to how many, for how much, until when, and what speaks
against it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any

from campaigns import rules, volume
from campaigns.calendar import VIETNAM, Calendar, shipped, spoken
from campaigns.campaign import Campaign, Channel, Priority
from campaigns.decree91 import Article, Refusal
from campaigns.figures import dong, number
from campaigns.tariff import Tariff, tariffs
from campaigns.volume import Amount, Share, Specimen
from dispatcher import fingerprint, outlook, pricing, rulings
from dispatcher.control import ControlError, find
from dispatcher.fingerprint import Part
from dispatcher.lifecycle import Status
from dispatcher.outlook import Known, Outlook
from dispatcher.pricing import PRICE, TARIFFS, Way
from dispatcher.routing import senders
from dispatcher.selecting import select
from dispatcher.settings import RouteConfig, Settings, load_calendar, load_prices, load_routes
from dispatcher.store import approvals, audiences, campaigns, rehearsals
from dispatcher.store.approvals import Approval, Path
from dispatcher.store.audiences import Audience, Selection
from dispatcher.store.campaigns import StoredCampaign, StoredWave
from dispatcher.store.database import Connection
from dispatcher.store.rehearsals import Rehearsal
from dispatcher.words import STATUS_WORDS

WHY_WORDS = {"longest": "dài nhất", "shortest": "ngắn nhất", "random": "ngẫu nhiên"}
PATH_WORDS = {Path.FULL: "duyệt đầy đủ", Path.ALERT: "duyệt nhanh"}


@dataclass(frozen=True)
class Office:
    """What an installation knows beside its database: its routes, its calendar, its prices by network."""

    routes: Sequence[RouteConfig]
    calendar: Calendar = field(default_factory=shipped)
    prices: dict[str, Tariff] = field(default_factory=lambda: tariffs(()))


def office(settings: Settings) -> Office:
    """What is written in this installation's files. Raises `RoutesError`, `DefinitionError`."""
    return Office(load_routes(settings.routes), load_calendar(settings.occasions), load_prices(settings.terms))


@dataclass(frozen=True, slots=True)
class WaveReview:
    """One wave: `people` get a message, `left_out` have refused. `areas` is commune code -> people.

    `relation`: the dealing that the office has had with its audience. `ways`: what each route carries of it at most.
    """

    id: int
    audience_id: int
    selection: Selection
    slug: str
    title: str
    opens_at: datetime
    closes_at: datetime
    window: tuple[time, time]
    form: str
    audience: str
    version: int
    people: int
    left_out: int
    segments: int
    ways: tuple[Way, ...]
    amounts: tuple[Amount, ...]
    areas: dict[str | None, int]
    specimens: tuple[Specimen, ...]
    channel: Channel
    wait_minutes: int
    relation: str | None


@dataclass(frozen=True, slots=True)
class Review:
    """Everything that an approval rests on; `hash` is what it would be bound to.

    `refusals` must be mended, `findings` mended or accepted with a reason, `warnings` looked at. `changes`: what differs from
    the `last` approval, None where there was none. `rehearsal`: the newest, perhaps of something else (`rehearsed`).
    """

    campaign: Campaign
    stored: StoredCampaign
    hash: str
    terms: dict[str, object]
    waves: tuple[WaveReview, ...]
    amounts: tuple[Amount, ...]
    vnd: float | None
    outlook: Outlook
    refusals: tuple[Refusal, ...]
    over_ceiling: str | None
    findings: tuple[str, ...]
    warnings: tuple[str, ...]
    last: Approval | None
    changes: dict[Part, list[str]] | None
    audiences: tuple[Audience, ...]
    rehearsal: Rehearsal | None

    @property
    def rehearsed(self) -> bool:
        """Whether the newest rehearsal was of just this."""
        return self.rehearsal is not None and self.rehearsal.content == self.hash

    @property
    def alert(self) -> bool:
        """Whether it may be approved the short way."""
        return self.campaign.priority is Priority.ALERT


async def chosen(connection: Connection, stored: StoredCampaign) -> list[StoredWave]:
    """The waves with their audiences, and who of those is meant: as pinned by an approval, else of the newest versions.

    Waves for operators' own subscribers have none and are left out. Raises `ControlError`, `SelectionError`.
    """
    campaign = Campaign.model_validate(stored.definition)
    found = []
    for wave in await campaigns.waves(connection, stored.id):
        written = campaign.wave(wave.slug)
        if written.order:
            continue
        if stored.approved_hash and wave.audience_id:
            found.append(wave)
            continue
        audience = await _newest(connection, campaign, wave)
        selection = await select(connection, written, audience, wave.opens_at)
        found.append(replace(wave, audience_id=audience.id, selection=selection))
    return found


async def _all(connection: Connection, stored: StoredCampaign, chosen: list[StoredWave]) -> list[StoredWave]:
    """Every wave of the campaign, those chosen as they were chosen: an approval covers what operators send too."""
    known = {wave.id: wave for wave in chosen}
    return [known.get(wave.id, wave) for wave in await campaigns.waves(connection, stored.id)]


async def _newest(connection: Connection, campaign: Campaign, wave: StoredWave) -> Audience:
    name = campaign.wave(wave.slug).audience or campaign.audience
    if name is None:
        raise ControlError(
            f'Đợt {wave.slug} chưa có nhóm người nhận. Ghi audience = "TÊN" trong tệp chiến dịch,'
            f" hoặc: dispatcher campaign add TỆP --audience TÊN"
        )
    audience = await audiences.newest(connection, name)
    if audience is None:
        raise ControlError(
            f"Chưa có nhóm người nhận {name} (đợt {wave.slug}). Nhập bằng: dispatcher audience import {name} TỆP"
        )
    if audience.recipients == 0:
        raise ControlError(f"Nhóm người nhận {name} không có số nào hợp lệ (đợt {wave.slug}).")
    return audience


async def review(connection: Connection, edition: str, office: Office, lot: random.Random | None = None) -> Review:
    """The campaign as its approver sees it. `lot` draws the random samples. Raises `ControlError`."""
    stored = await find(connection, edition)
    campaign = Campaign.model_validate(stored.definition)
    waves = await chosen(connection, stored)
    refusals = [
        *await rulings.judge(connection, campaign, senders(office.routes)),
        *await _unrelated(connection, waves),
    ]
    known: Known = {}
    if any(rules.theme_to_come(campaign)):  # there is nothing to show yet
        raise rulings.ruled_out(campaign, refusals)
    terms = await fingerprint.terms(connection, stored, await _all(connection, stored, waves), office.routes)
    seen = await outlook.look(connection, stored, waves, office.routes, known)
    reviewed, used = [], []
    for wave in waves:
        groups = await outlook.counted(connection, campaign, wave, known)
        found = volume.shares(campaign, wave.slug, groups)
        audience = await audiences.of_id(connection, wave.audience_id or 0)
        if audience is None:
            raise ControlError(f"Không còn nhóm người nhận của đợt {wave.slug}.")
        reviewed.append(_wave(campaign, wave, audience, found, office, lot or random.Random()))  # noqa: S311  samples, no secret
        used.append(audience)
    amounts = tuple(pricing.together(wave.amounts for wave in reviewed))
    vnd = pricing.total(amount.vnd for amount in amounts)
    last, digest = await approvals.last(connection, stored.id), fingerprint.digest(terms)
    return Review(
        campaign=campaign,
        stored=stored,
        hash=digest,
        terms=terms,
        waves=tuple(reviewed),
        amounts=amounts,
        vnd=vnd,
        outlook=seen,
        refusals=tuple(refusals),
        over_ceiling=_over_ceiling(campaign, vnd),
        findings=tuple(_late(campaign, seen, office.calendar)),
        warnings=(
            *rules.warnings(campaign, office.calendar),
            *_warnings(campaign, seen),
            *_unpriced(campaign, reviewed),
        ),
        last=last,
        changes=fingerprint.changes(last.terms, terms) if last else None,
        audiences=tuple({audience.id: audience for audience in used}.values()),
        rehearsal=await rehearsals.last(connection, stored.id),
    )


def _wave(
    campaign: Campaign, wave: StoredWave, audience: Audience, found: list[Share], office: Office, lot: random.Random
) -> WaveReview:
    gone = tuple(pricing.ways(found, wave.channel, office.routes, office.prices))
    amounts = tuple(pricing.dearest(gone))
    return WaveReview(
        id=wave.id,
        audience_id=audience.id,
        selection=wave.selection,
        slug=wave.slug,
        title=wave.title,
        opens_at=wave.opens_at,
        closes_at=wave.closes_at,
        window=(wave.window_from, wave.window_to),
        form=campaign.wave(wave.slug).form.value,
        audience=audience.name,
        version=audience.version,
        people=sum(amount.people for amount in amounts),
        left_out=sum(share.group.left_out for share in found),
        segments=sum(amount.segments for amount in amounts),
        ways=gone,
        amounts=amounts,
        areas=volume.by_area(found),
        specimens=tuple(volume.specimens(found, lot)),
        channel=wave.channel,
        wait_minutes=campaign.wave(wave.slug).wait_minutes,
        relation=audience.relation,
    )


async def _unrelated(connection: Connection, waves: Sequence[StoredWave]) -> list[Refusal]:
    """Zalo lets an office write to people only with whom it has had a dealing."""
    by_zalo = [wave for wave in waves if wave.channel is not Channel.SMS]
    found = {wave.slug: await audiences.of_id(connection, wave.audience_id or 0) for wave in by_zalo}
    return [
        Refusal(
            f"đợt {slug} đi qua Zalo, nhưng nhóm {audience.name} phiên bản {audience.version} chưa ghi quan hệ trước đó của cơ "
            f'quan với người nhận; ghi bằng: dispatcher audience relation {audience.name} "NỘI DUNG"',
            Article.ZALO,
        )
        for slug, audience in found.items()
        if audience and not audience.relation
    ]


def rehearsal_words(outcome: Mapping[str, Any]) -> list[str]:
    """What came of a rehearsal, in sentences."""
    end = outcome["finishes_at"]
    cost = "chưa rõ chi phí" if outcome["vnd"] is None else dong(outcome["vnd"])
    ended = ", ".join(f"{number(n)} {STATUS_WORDS[Status(status)]}" for status, n in outcome["counts"].items())
    told = [
        f"xong lúc {spoken(datetime.fromisoformat(end))}" if end else "có tin không kịp gửi trước giờ đóng",
        f"{number(outcome['segments'])} phần tin, {cost}",
        f"kết quả: {ended}",
    ]
    if outcome["capped_routes"]:
        routes = ", ".join(outcome["capped_routes"])
        told.append(f"hạn mức giờ, ngày của {routes} không được chạy thử; xem dự kiến (forecast)")
    return told


def _over_ceiling(campaign: Campaign, vnd: float | None) -> str | None:
    if campaign.budget is None or vnd is None or vnd <= campaign.budget:
        return None
    return (
        f"dự kiến {dong(vnd)}, vượt mức chi tối đa {dong(campaign.budget)}; rút gọn nội dung, bớt người nhận, hoặc người soạn "
        "nâng budget trong tệp chiến dịch"
    )


def _late(campaign: Campaign, seen: Outlook, calendar: Calendar) -> Iterator[str]:
    """What would not be out in time, and what would help."""
    helps = {help_.route: help_ for help_ in seen.helps}
    for arrival in seen.arrivals:
        where = f"đợt {arrival.wave}, đường gửi {arrival.route}"
        if expired := arrival.finish.expired:
            closes = spoken(arrival.closes_at)
            yield (
                f"{where}: {number(expired)} trong {number(arrival.finish.messages)} tin không kịp gửi trước {closes}; "
                f"{_advice(helps[arrival.route])}"
            )
        elif (end := arrival.finish.finishes_at) and end > (last := _end_of_occasion(campaign, calendar, end)):
            yield f"{where}: dự kiến xong lúc {spoken(end)}, sau khi dịp kết thúc ({last - timedelta(days=1):%d/%m/%Y})"


def _end_of_occasion(campaign: Campaign, calendar: Calendar, end: datetime) -> datetime:
    """The midnight after the occasion's last day; `end` itself where the calendar does not know the occasion."""
    occasion = calendar.occasions.get(campaign.occasion)
    if occasion is None or campaign.period.start > (last := occasion.days(campaign.year)[1]):
        return end
    return datetime.combine(last + timedelta(days=1), time(0), VIETNAM)


def _advice(help_: outlook.Help) -> str:
    ways = []
    if help_.tps:
        ways.append(f"nâng tốc độ lên {number(help_.tps, 1)} phần tin/giây")
    if help_.days_earlier:
        ways.append(f"mở đợt sớm hơn {help_.days_earlier} ngày")
    if help_.unaccented is not None:
        left = f" (vẫn còn {number(help_.unaccented)} tin không kịp)" if help_.unaccented else ""
        ways.append(f"gửi không dấu{left}")
    return (
        f"có thể: {' hoặc '.join(ways)}"
        if ways
        else "tăng tốc độ hay mở sớm hơn đều chưa đủ: xem hạn mức của đường gửi"
    )


def _warnings(campaign: Campaign, seen: Outlook) -> Iterator[str]:
    for slug in seen.over:
        yield f"đợt {slug} đã qua giờ đóng, sẽ không gửi"
    for network, people in seen.unserved.items():
        yield f"{number(people)} tin tới nhà mạng {network} chưa có đường gửi nào phục vụ"
    if both := [wave.slug for wave in campaign.waves if wave.channel is Channel.ZALO_THEN_SMS]:
        yield (
            f"đợt {', '.join(both)} qua Zalo trước, rồi SMS: chi phí tính mỗi người theo cách đắt hơn;"
            " tin Zalo không tới thì Zalo không tính tiền"
        )
    for route in seen.stops:
        yield f"đường gửi {route} đang dừng; dự kiến tính như đường gửi chạy lại ngay"


def _unpriced(campaign: Campaign, waves: Sequence[WaveReview]) -> Iterator[str]:
    unknown = [way for wave in waves for way in wave.ways if way.amount.vnd is None]
    ceiling = "; không so được với mức chi tối đa" if campaign.budget else ""
    by_message = dict.fromkeys(way.route for way in unknown if way.whole and way.route)
    by_segment = dict.fromkeys(way.amount.network for way in unknown if not way.whole)
    if by_segment:
        yield f"chưa biết đơn giá của {', '.join(by_segment)}{ceiling}. {TARIFFS}"
    if by_message:
        written = " ".join(PRICE.format(amount="SỐ-ĐỒNG", route=route) for route in by_message)
        yield f"chưa biết giá một tin của đường gửi {', '.join(by_message)}{ceiling}. {written}"


def fields(seen: Review) -> dict[str, Any]:
    """A review as programs read it."""
    last = seen.last
    return {
        "campaign": seen.stored.edition,
        "title": seen.stored.title,
        "status": seen.stored.status,
        "author": seen.stored.author,
        "message_class": seen.campaign.message_class,
        "hash": seen.hash,
        "waves": seen.waves,
        "amounts": seen.amounts,
        "vnd": seen.vnd,
        "ceiling": seen.campaign.budget,
        "forecast": outlook_fields(seen.outlook),
        "refusals": [{"message": r.message, "article": r.article} for r in seen.refusals],
        "over_ceiling": seen.over_ceiling,
        "findings": seen.findings,
        "warnings": seen.warnings,
        "void": seen.stored.void,
        "last_approval": last and {"at": last.at, "who": last.who, "path": last.path, "hash": last.hash},
        "changes": seen.changes,
        "rehearsal": seen.rehearsal and {**asdict(seen.rehearsal), "of_this": seen.rehearsed},
    }


def outlook_fields(seen: Outlook) -> dict[str, Any]:
    """A forecast as programs read it."""
    return {
        "now": seen.now,
        "finishes_at": seen.finishes_at,
        "expired": seen.expired,
        "arrivals": [
            {
                **asdict(a.finish),
                "wave": a.wave,
                "route": a.route,
                "networks": a.networks,
                "closes_at": a.closes_at,
            }
            for a in seen.arrivals
        ],
        "helps": seen.helps,
        "unserved": seen.unserved,
        "over": seen.over,
        "stopped_routes": seen.stops,
    }
