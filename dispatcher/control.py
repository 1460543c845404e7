"""What a person may do to a campaign, and what is asked before it is done."""

from __future__ import annotations

import hashlib
import unicodedata
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from campaigns import confirmation, schedule
from campaigns.campaign import Campaign, canonical
from dispatcher import fingerprint
from dispatcher.errors import UserError
from dispatcher.lifecycle import CAMPAIGN_MOVES, FINAL, WAITING, Act, CampaignStatus, Status, WaveStatus
from dispatcher.routing import senders
from dispatcher.rulings import permit
from dispatcher.settings import RouteConfig
from dispatcher.store import audiences, audit, batches, campaigns, caps, counters, messages, routes
from dispatcher.store.batches import Ways
from dispatcher.store.campaigns import NewWave, StoredCampaign, StoredWave
from dispatcher.store.database import Connection
from dispatcher.store.routes import Stop, StopKind
from dispatcher.waiting import OVER, reason

# The id of a wave, and so of each of its messages, follows from its name: planning anew gives the same ids.
# Batches that are moved off a route in one statement.
HAUL = 100
NAMESPACE = uuid.UUID("5b0c2f4e-5d2b-5f0a-9f38-6f2f6f0f7a51")

SPOKEN = {
    CampaignStatus.DRAFT: "bản nháp",
    CampaignStatus.APPROVED: "đã duyệt",
    CampaignStatus.RUNNING: "đang chạy",
    CampaignStatus.PAUSED: "tạm dừng",
    CampaignStatus.FINISHED: "đã xong",
    CampaignStatus.CANCELLED: "đã hủy",
}
APPROVE = "dispatcher campaign approve {edition} --by NGƯỜI-DUYỆT"
NEXT_STEP = {
    CampaignStatus.DRAFT: f"Cần người khác duyệt trước: {APPROVE}",
    CampaignStatus.APPROVED: "Bắt đầu bằng: dispatcher campaign start {edition}",
    CampaignStatus.RUNNING: "Xem tiến độ: dispatcher campaign status {edition}",
    CampaignStatus.PAUSED: "Chạy tiếp bằng: dispatcher campaign resume {edition}",
    CampaignStatus.FINISHED: "Xem kết quả: dispatcher campaign status {edition}",
    CampaignStatus.CANCELLED: "Chiến dịch đã hủy không chạy lại được.",
}


class ControlError(UserError):
    """What was asked for is not allowed, or not now."""


@dataclass(frozen=True, slots=True)
class WaveView:
    """One wave as it stands; `waits` says why nothing of it leaves now, None when it does or is over."""

    slug: str
    title: str
    status: WaveStatus
    opens_at: str
    closes_at: str
    waits: str | None
    planned: int
    segments: int
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class View:
    """A campaign as it stands. `accounted`: what was planned equals what the statuses add up to.

    `stopped_routes`: those over which nothing leaves at the moment, whoever uses them. `void`: why its approval does not hold.
    """

    campaign: str
    title: str
    status: CampaignStatus
    planned: int
    counts: dict[str, int]
    segments: int
    accounted: bool
    waves: tuple[WaveView, ...]
    stopped_routes: dict[str, tuple[Stop, ...]]
    void: str | None = None


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a stop found: already out, under way at this moment, and saved from being sent."""

    out: int
    in_flight: int
    saved: int


@dataclass(frozen=True, slots=True)
class RouteCancelled(Stopped):
    """The same for a route; of what was saved, `moved` goes out over other routes and `cancelled` never does."""

    moved: int
    cancelled: int


async def add(connection: Connection, campaign: Campaign, by: str, source: str | None = None) -> bool:
    """Store an edition as a draft; answers whether an earlier draft was replaced. Raises `ControlError`.

    `source` is the definition as written, for a clone to start from.
    """
    if campaign.slug == confirmation.SLUG:
        raise ControlError(f"Tên {confirmation.SLUG} dành cho tin xác nhận từ chối; hãy đặt tên (slug) khác.")
    there = await campaigns.find(connection, campaign.edition, lock=True)
    if there and there.status is not CampaignStatus.DRAFT:
        raise ControlError(
            f"Chiến dịch {campaign.edition} đã có và đang ở trạng thái {SPOKEN[there.status]};"
            " chỉ sửa được bản nháp. Hãy đặt tên (slug) hoặc năm khác."
        )
    definition = campaign.model_dump(mode="json")
    campaign_id = await campaigns.put(
        connection,
        edition=campaign.edition,
        slug=campaign.slug,
        year=campaign.year,
        title=campaign.title,
        definition=definition,
        content_hash=_content_hash(campaign),
        author=person(by),
        source=source,
    )
    await campaigns.keep_draft(connection, campaign_id, person(by), definition)
    owner = await campaigns.namespace(connection)
    await campaigns.put_waves(
        connection, campaign_id, [_new_wave(campaign, w, owner) for w in schedule.waves(campaign)]
    )
    await audit.record(connection, person(by), "campaign.add", campaign.edition, content_hash=_content_hash(campaign))
    return there is not None


async def set_theme(connection: Connection, edition: str, theme: str, document: str, by: str) -> Campaign:
    """Fill in the year's theme of a draft, from the document that gives its wording. Raises `ControlError`.

    Whoever does it has had a hand in the text, and so cannot approve it.
    """
    stored = await find(connection, edition, lock=True)
    words = " ".join(unicodedata.normalize("NFC", theme).split())
    if not words or not document.strip():
        raise ControlError("Cần ghi chủ đề và văn bản hướng dẫn (--source), ví dụ: Công văn 1234/VPCP-KGVX.")
    campaign = Campaign.model_validate(stored.definition).model_copy(update={"theme": words})
    await add(connection, campaign, by, await campaigns.source(connection, stored.id))
    await audit.record(connection, person(by), "campaign.theme", edition, theme=words, document=document.strip())
    return campaign


def _content_hash(campaign: Campaign) -> str:
    return hashlib.sha256(canonical(campaign).encode()).hexdigest()


def _new_wave(campaign: Campaign, wave: schedule.PlannedWave, owner: str) -> NewWave:
    return NewWave(
        uid=uuid.uuid5(NAMESPACE, f"{owner}{campaign.edition}/{wave.slug}"),
        slug=wave.slug,
        title=wave.title,
        opens_at=wave.opens_at,
        closes_at=wave.closes_at,
        window_from=wave.window_from,
        window_to=wave.window_to,
        priority=wave.priority,
        channel=wave.channel,
        wait_seconds=wave.wait_minutes * 60,
    )


def person(written: str) -> str:
    """A person's name, spelled one way. Raises `ControlError` for none."""
    name = " ".join(unicodedata.normalize("NFC", written).split())
    if not name:
        raise ControlError("Cần ghi tên người thực hiện (--by).")
    return name


def second_person(by: str, authors: Iterable[str]) -> str:
    """The name of somebody who is none of the authors. Raises `ControlError`."""
    who = person(by)
    if who.casefold() in (author.casefold() for author in authors):
        raise ControlError(f"{who} là người soạn; người duyệt phải là người khác.")
    return who


async def find(connection: Connection, edition: str, *, lock: bool = False) -> StoredCampaign:
    """The campaign of that edition. Raises `ControlError`."""
    found = await campaigns.find(connection, edition, lock=lock)
    if found is None:
        known = ", ".join(c.edition for c in await campaigns.listing(connection)) or "chưa có chiến dịch nào"
        raise ControlError(f"Không có chiến dịch {edition}. Hiện có: {known}.")
    return found


def moved(stored: StoredCampaign, act: Act) -> CampaignStatus:
    """The status that an act leads to. Raises `ControlError` where it is not for now."""
    status = CAMPAIGN_MOVES.get((stored.status, act))
    if status is None:
        raise not_now(stored)
    return status


def not_now(stored: StoredCampaign) -> ControlError:
    """Why an act is not for now, and what is."""
    hint = NEXT_STEP[stored.status].format(edition=stored.edition)
    return ControlError(f"Chiến dịch {stored.edition} đang ở trạng thái {SPOKEN[stored.status]}. {hint}")


async def start(connection: Connection, edition: str, by: str, routes: Sequence[RouteConfig]) -> None:
    """Let the waves of an approved campaign go out at their times, over these routes. Raises `ControlError`, `RuledOutError`."""
    stored = await find(connection, edition, lock=True)
    status = moved(stored, Act.START)
    waves = await campaigns.waves(connection, stored.id)
    if why := await fingerprint.breach(connection, stored, waves, routes, bodies=None):
        raise ControlError(f"Chiến dịch {edition} {why}; cần duyệt lại: {APPROVE.format(edition=edition)}")
    await permit(connection, Campaign.model_validate(stored.definition), senders(routes))
    await campaigns.set_status(connection, stored.id, status)
    await audit.record(connection, person(by), f"campaign.{Act.START}", edition)


async def approved(connection: Connection, edition: str, routes: Sequence[RouteConfig]) -> StoredCampaign:
    """The campaign, approved as it stands now. Raises `ControlError`."""
    stored = await find(connection, edition)
    if stored.approved_hash is None or stored.status is CampaignStatus.CANCELLED:
        raise not_now(stored)
    waves = await campaigns.waves(connection, stored.id)
    if why := await fingerprint.breach(connection, stored, waves, routes, bodies=None):
        raise ControlError(f"Chiến dịch {edition} {why}; cần duyệt lại: {APPROVE.format(edition=edition)}")
    return stored


async def people(connection: Connection, edition: str) -> dict[str, int]:
    """network -> people whom the waves of an approved campaign go to, by number prefix."""
    stored = await find(connection, edition)
    found: Counter[str] = Counter()
    for audience_id in {wave.audience_id for wave in await campaigns.waves(connection, stored.id)} - {None}:
        found.update(await audiences.networks(connection, audience_id or 0))
    return dict(found)


async def stop(connection: Connection, edition: str, by: str, act: Act) -> Stopped:
    """Pause or cancel. What is under way at this moment is not called back. Raises `ControlError`."""
    stored = await find(connection, edition, lock=True)
    if act is Act.CANCEL and edition.rpartition("-")[0] == confirmation.SLUG:
        raise ControlError("Chiến dịch xác nhận từ chối không hủy được, vì luật yêu cầu xác nhận; có thể tạm dừng.")
    status = moved(stored, act)
    waves = [wave.id for wave in await campaigns.waves(connection, stored.id)]
    await campaigns.set_status(connection, stored.id, status)
    counts = await counters.counts(connection, waves)
    if act is Act.CANCEL:
        await campaigns.cancel_waves(connection, stored.id)
        await messages.sweep(connection, waves)
    found = stopped(counts)
    await audit.record(
        connection, person(by), f"campaign.{act}", edition,
        out=found.out, in_flight=found.in_flight, saved=found.saved,
    )  # fmt: skip
    return found


def stopped(counts: dict[str, int]) -> Stopped:
    """What a stop finds where the messages stand like this."""
    saved = sum(counts.get(status, 0) for status in WAITING)
    in_flight = counts.get(Status.SENDING, 0)
    never_out = sum(counts.get(s, 0) for s in (Status.SUPPRESSED, Status.CANCELLED, Status.EXPIRED, Status.FAILED))
    return Stopped(out=sum(counts.values()) - saved - in_flight - never_out, in_flight=in_flight, saved=saved)


async def resume(connection: Connection, edition: str, by: str) -> None:
    """Let a paused campaign go on. Raises `ControlError`."""
    stored = await find(connection, edition, lock=True)
    await campaigns.set_status(connection, stored.id, moved(stored, Act.RESUME))
    await audit.record(connection, person(by), f"campaign.{Act.RESUME}", edition)


async def hold_wave(connection: Connection, edition: str, slug: str, by: str) -> Stopped:
    """Hold one wave back; the others go on. Raises `ControlError`."""
    wave = await _open_wave(connection, edition, slug)
    await campaigns.hold(connection, [wave.id], f"{person(by)} tạm dừng")
    found = stopped(await counters.counts(connection, [wave.id]))
    await audit.record(connection, person(by), "wave.hold", f"{edition}/{slug}", saved=found.saved)
    return found


async def release_wave(connection: Connection, edition: str, slug: str, by: str) -> None:
    """Let a wave that is held go on, whoever or whatever held it. Raises `ControlError`."""
    wave = await _open_wave(connection, edition, slug)
    if wave.held is None:
        raise ControlError(f"Đợt {slug} không bị giữ lại.")
    await campaigns.hold(connection, [wave.id], None)
    await audit.record(connection, person(by), "wave.release", f"{edition}/{slug}", held=wave.held)


async def cancel_wave(connection: Connection, edition: str, slug: str, by: str) -> Stopped:
    """Call one wave off for good; the others go on. Raises `ControlError`."""
    wave = await _open_wave(connection, edition, slug)
    await campaigns.set_wave_status(connection, wave.id, WaveStatus.CANCELLED)
    found = stopped(await counters.counts(connection, [wave.id]))
    await messages.sweep(connection, [wave.id])
    await audit.record(connection, person(by), "wave.cancel", f"{edition}/{slug}", saved=found.saved)
    return found


async def pause_route(connection: Connection, route: str, by: str, why: str) -> None:
    """Let nothing more leave over a route; its messages wait. Raises `ControlError`."""
    if not why.strip():
        raise ControlError("Cần ghi lý do (--reason): người khác sẽ thấy vì sao đường gửi dừng.")
    if not await routes.pause(connection, route, f"{person(by)}: {why.strip()}"):
        raise ControlError(f"Đường gửi {route} đã tạm dừng từ trước.")
    await audit.record(connection, person(by), "route.pause", route, reason=why.strip())


async def resume_route(connection: Connection, route: str, by: str) -> None:
    """Let a route that a person paused send again. Raises `ControlError`."""
    if not await routes.lift(connection, route, StopKind.PAUSED):
        raise ControlError(f"Đường gửi {route} không bị tạm dừng.")
    await audit.record(connection, person(by), "route.resume", route)


async def cancel_route(
    connection: Connection, route: str, by: str, why: str, ways: Sequence[Ways] | None = None
) -> RouteCancelled:
    """Call off what waits on a paused route, or move it to others (`ways`); what no other may take waits on.

    Raises `ControlError`.
    """
    if not why.strip():
        raise ControlError("Cần ghi lý do (--reason): người khác sẽ thấy vì sao tin bị hủy.")
    found = await route_stand(connection, route)
    moved = cancelled = 0
    if ways is None:
        cancelled = await messages.cancel_on_route(connection, route)
    else:
        for way in ways:
            while step := await batches.hand_over(connection, route, way, HAUL):
                moved += step
    await audit.record(
        connection, person(by), "route.cancel", route,
        reason=why.strip(), out=found.out, in_flight=found.in_flight, moved=moved, cancelled=cancelled,
    )  # fmt: skip
    return RouteCancelled(found.out, found.in_flight, found.saved, moved, cancelled)


async def route_stand(connection: Connection, route: str) -> Stopped:
    """What waves that are not over have out, under way and waiting on a route."""
    return stopped(await routes.counts(connection, route))


async def _open_wave(connection: Connection, edition: str, slug: str) -> StoredWave:
    stored = await find(connection, edition, lock=True)
    waves = {wave.slug: wave for wave in await campaigns.waves(connection, stored.id)}
    if slug not in waves:
        raise ControlError(f"Chiến dịch {edition} không có đợt {slug}. Các đợt: {', '.join(waves)}.")
    if waves[slug].status in OVER:
        raise ControlError(f"Đợt {slug} đã kết thúc.")
    return waves[slug]


async def settle_uncertain(connection: Connection, edition: str, by: str, why: str, *, resend: bool) -> int:
    """Send again, or close, what nobody knows of; answers how many messages it was. Raises `ControlError`."""
    stored = await find(connection, edition, lock=True)
    if not why.strip():
        raise ControlError("Cần ghi lý do (--reason): quyết định này được lưu vào nhật ký thao tác.")
    act = messages.resend_campaign if resend else messages.close_campaign
    count = await act(connection, stored.id)
    word = "resend" if resend else "close"
    await audit.record(connection, person(by), f"uncertain.{word}", edition, reason=why, messages=count)
    return count


def unapproved(stored: StoredCampaign) -> str | None:
    """That nothing is sent because the approval does not hold, why, and what to do about it."""
    if stored.void is None:
        return None
    return f"phê duyệt không còn hiệu lực, {stored.void}; cần duyệt lại: {APPROVE.format(edition=stored.edition)}"


async def view(connection: Connection, edition: str, refusal: str | None = None) -> View:
    """The campaign as it stands, all figures from one snapshot: the caller's transaction is repeatable read.

    `refusal`: why this installation may send nothing.
    """
    stored = await find(connection, edition)
    waves = await campaigns.waves(connection, stored.id)
    by_wave = await counters.by_wave(connection, [wave.id for wave in waves])
    facts = await campaigns.waiting(connection, stored.id)
    stops, rests = await routes.stops(connection), await caps.rests(connection)
    views = tuple(
        _wave_view(
            wave,
            by_wave[wave.id],
            reason(stored.status, wave, facts[wave.id], stops, rests, refusal or unapproved(stored)),
        )
        for wave in waves
    )
    counts: Counter[str] = Counter()
    for wave in views:
        counts.update(wave.counts)
    planned = sum(wave.planned for wave in views)
    return View(
        campaign=edition,
        title=stored.title,
        status=stored.status,
        planned=planned,
        counts=dict(counts),
        segments=sum(wave.segments for wave in views),
        accounted=planned == sum(counts.values()),
        waves=views,
        stopped_routes=stops,
        void=stored.void,
    )


def _wave_view(wave: StoredWave, counts: dict[str, int], waits: str | None) -> WaveView:
    return WaveView(
        slug=wave.slug,
        title=wave.title,
        status=wave.status,
        opens_at=wave.opens_at.isoformat(),
        closes_at=wave.closes_at.isoformat(),
        waits=waits,
        planned=wave.planned,
        segments=wave.segments,
        counts=counts,
    )


def unplanned(view: View) -> int:
    """Waves whose messages are not counted yet: a stop holds them back, too."""
    return sum(wave.status is WaveStatus.SCHEDULED for wave in view.waves)


def unfinished(view: View) -> int:
    """Messages on which nothing final is known yet."""
    return sum(n for status, n in view.counts.items() if Status(status) not in FINAL)
