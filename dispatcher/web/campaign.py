"""One campaign: what it says, to whom, when and for how much; approve it, let it go, stop it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from starlette.responses import RedirectResponse, Response

from campaigns import compose, differences, places, rules, schedule
from campaigns.campaign import Campaign
from campaigns.compose import Sample
from campaigns.differences import Difference
from campaigns.schedule import PlannedWave
from dispatcher import approval, control, routing, rulings
from dispatcher.control import ControlError
from dispatcher.errors import UserError
from dispatcher.fingerprint import PART_WORDS
from dispatcher.lifecycle import CAMPAIGN_MOVES, Act, CampaignStatus
from dispatcher.outlook import Arrival, Outlook
from dispatcher.papers import papers
from dispatcher.preflight import freight, lacking
from dispatcher.review import PATH_WORDS, WHY_WORDS, Office, Review, review
from dispatcher.selecting import described
from dispatcher.settings import RouteConfig, load_calendar, load_prices
from dispatcher.store import audiences, audit, campaigns
from dispatcher.store.approvals import Path
from dispatcher.store.audiences import Audience
from dispatcher.store.campaigns import StoredCampaign, StoredWave
from dispatcher.store.database import Connection
from dispatcher.web.charts import bar
from dispatcher.web.door import MissingError, Page, Visit
from dispatcher.web.rights import Action
from dispatcher.words import CHANNEL_WORDS

TRAIL = 12
WAVE_NAMED = re.compile(r"đợt ([a-z0-9_-]+)")
COMMUNES = 12
CHANGES = 60


@dataclass(frozen=True, slots=True)
class Firing:
    """A wave with what people will read, at its dearest, and who they are; `order`: whose operators send it themselves."""

    wave: PlannedWave
    sample: Sample
    audience: Audience | None
    chosen: tuple[str, ...]
    order: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WaveFinish:
    """When a wave will be out over all its routes; `finishes_at` is None where some of it will not be."""

    title: str
    routes: tuple[Arrival, ...]

    @property
    def messages(self) -> int:
        return sum(arrival.finish.messages for arrival in self.routes)

    @property
    def expired(self) -> int:
        return sum(arrival.finish.expired for arrival in self.routes)

    @property
    def finishes_at(self) -> datetime | None:
        ends = [arrival.finish.finishes_at for arrival in self.routes]
        return max(end for end in ends if end) if ends and all(ends) else None


def finishes(seen: Outlook, campaign: Campaign) -> Iterator[WaveFinish]:
    """The outlook wave by wave, in the order in which they are written."""
    for wave in campaign.waves:
        if routes := tuple(arrival for arrival in seen.arrivals if arrival.wave == wave.slug):
            yield WaveFinish(wave.title, routes)


def named(campaign: Campaign, lines: Iterable[object]) -> list[str]:
    """What is said of waves, with their titles in the place of their codes."""
    titles = {wave.slug: wave.title for wave in campaign.waves}
    return [WAVE_NAMED.sub(lambda found: f"đợt {titles.get(found[1], found[1])}", str(line)) for line in lines]


async def found(connection: Connection, visit: Visit) -> StoredCampaign:
    """The campaign that the address names, if it is this organisation's."""
    try:
        return await control.find(connection, visit.path("edition"))
    except ControlError:
        raise MissingError(f"Không có chiến dịch {visit.path('edition')} ở đơn vị của bạn.") from None


def routes(visit: Visit) -> list[RouteConfig]:
    return [route.config for route in visit.runtime.routes.values()]


def senders(visit: Visit) -> tuple[str, ...]:
    return routing.senders(routes(visit))


def office(visit: Visit) -> Office:
    settings = visit.runtime.settings
    return Office(routes(visit), load_calendar(settings.occasions), load_prices(settings.terms))


async def firings(connection: Connection, campaign: Campaign, stored: Iterable[StoredWave]) -> list[Firing]:
    """The waves in the order in which they open, each with its audience: the approved version, else the newest."""
    samples = {sample.wave: sample for sample in compose.samples(campaign)}
    pinned = {wave.slug: wave.audience_id for wave in stored}
    return [
        Firing(
            wave,
            samples[wave.slug],
            await _audience(connection, wave.audience, pinned.get(wave.slug)),
            tuple(described(campaign.wave(wave.slug))),
            campaign.wave(wave.slug).order,
        )
        for wave in schedule.waves(campaign)
    ]


async def _audience(connection: Connection, name: str | None, pinned: int | None) -> Audience | None:
    if pinned:
        return await audiences.of_id(connection, pinned)
    return await audiences.newest(connection, name) if name else None


async def detail(visit: Visit) -> Response:
    async with visit.desk(snapshot=True) as connection:
        stored = await found(connection, visit)
        campaign = Campaign.model_validate(stored.definition)
        waves = await campaigns.waves(connection, stored.id)
        planned = await firings(connection, campaign, waves)
        against = await rulings.judge(connection, campaign, senders(visit))
        trail = await audit.deeds(connection, limit=TRAIL, subject=stored.edition)
        seen = await control.view(connection, stored.edition)
        has_source = await campaigns.source(connection, stored.id) is not None
    return visit.show(
        "campaign.html",
        stored=stored,
        campaign=campaign,
        firings=planned,
        papers=list(papers(campaign)),
        refusals=named(campaign, map(str, against)),
        warnings=named(campaign, rules.warnings(campaign, load_calendar(visit.runtime.settings.occasions))),
        trail=trail,
        view=seen,
        bar=bar(seen.counts, visit.speech),
        acts={act for (status, act) in CAMPAIGN_MOVES if status is stored.status},
        has_source=has_source,
    )


async def consider(visit: Visit) -> Response:
    """The approver's page: everything on one screen."""
    return await _consider(visit)


async def _consider(visit: Visit, problem: str | None = None, status: int = 200) -> Response:
    """What is missing for a review to be made at all is told in its place."""
    seen: Review | None = None
    async with visit.desk(snapshot=True) as connection:
        stored = await found(connection, visit)
        campaign = Campaign.model_validate(stored.definition)
        writers = {stored.author, *await audit.actors(connection, "campaign.add", stored.edition)}
        try:
            seen = await review(connection, stored.edition, office(visit))
        except UserError as error:
            problem = problem or str(error)
        since, changed = await _changes(connection, stored, campaign)
    own = visit.by.casefold() in (name.casefold() for name in writers)
    names = {code: area.name for code, area in places.areas().items()}
    return visit.show(
        "approve.html",
        status,
        stored=stored,
        campaign=campaign,
        seen=seen,
        named=lambda lines: named(campaign, lines),
        papers=list(papers(campaign)),
        areas=lambda wave: [
            (names.get(code or "", "chưa rõ xã"), n) for code, n in list(wave.areas.items())[:COMMUNES]
        ],
        parts=[(PART_WORDS[part], lines) for part, lines in (seen.changes or {}).items()] if seen else [],
        finishes=list(finishes(seen.outlook, campaign)) if seen else [],
        PATH_WORDS=PATH_WORDS,
        WHY_WORDS=WHY_WORDS,
        CHANNEL_WORDS=CHANNEL_WORDS,
        since=since,
        changed=[(d, list(differences.pieces(d.before or "", d.after or ""))) for d in changed[:CHANGES]],
        own=own,
        writers=sorted(writers),
        # A short way was gone: somebody must stand for it afterwards.
        unconfirmed=bool(
            seen and seen.last and seen.last.path is Path.ALERT and seen.last.hash == stored.approved_hash
        ),
        ready=bool(seen and not own and not seen.refusals and _open(stored)),
        problem=problem,
    )


def _open(stored: StoredCampaign) -> bool:
    """Whether there is anything to approve: a draft, or what is no longer covered by its approval."""
    over = stored.status in (CampaignStatus.FINISHED, CampaignStatus.CANCELLED)
    return stored.status is CampaignStatus.DRAFT or bool(stored.void and not over)


async def _changes(
    connection: Connection, stored: StoredCampaign, campaign: Campaign
) -> tuple[str | None, list[Difference]]:
    """What is other than in last year's campaign of the name, or else than in the first draft; None: nothing to compare."""
    before = await campaigns.find(connection, f"{campaign.slug}-{campaign.year - 1}")
    if before:
        return before.edition, differences.differences(Campaign.model_validate(before.definition), campaign)
    drafts = await campaigns.drafts(connection, stored.id)
    if len(drafts) < 2:
        return None, []
    first = Campaign.model_validate(drafts[0].definition)
    return f"bản nháp đầu tiên ({drafts[0].by})", differences.differences(first, campaign)


async def approve(visit: Visit) -> Response:
    """A second person says yes to what they have looked at, and proves once more who they are."""
    async with visit.desk() as connection:
        carried = await freight(connection, (await found(connection, visit)).edition, office(visit))
    lacks = await lacking(visit.runtime.routes.values(), carried)
    return await _decided(visit, lambda connection, edition: approval.approve(
        connection, edition, visit.by, office(visit), lacking=lacks,
        accept=visit.given("accept"), alert=visit.given("alert"), seen=visit.given("seen") or "-",
    ), "Đã duyệt. Người điều phối có thể bắt đầu gửi.")  # fmt: skip


async def confirm(visit: Visit) -> Response:
    """Somebody stands for an alert that was approved the short way."""
    return await _decided(
        visit,
        lambda connection, edition: approval.confirm(connection, edition, visit.by, office(visit)),
        "Đã xác nhận.",
    )


async def _decided(visit: Visit, act: Callable[[Connection, str], Awaitable[object]], told: str) -> Response:
    async with visit.desk() as connection:
        edition = (await found(connection, visit)).edition
    try:
        await visit.doorman.prove(visit.person, visit.given("code"))
        async with visit.desk() as connection:
            await act(connection, edition)
    except UserError as error:
        return await _consider(visit, str(error), 409)
    return visit.go(f"/campaigns/{edition}", visit.speech.word(told))


async def propose(visit: Visit) -> Response:
    """The author says that the draft is done; approvers find it on their page of today."""
    async with visit.desk() as connection:
        stored = await found(connection, visit)
        await approval.propose(connection, stored.edition, visit.by, office(visit))
    return visit.go(
        f"/campaigns/{stored.edition}", visit.speech.word("Đã trình duyệt. Người duyệt thấy ở Việc hôm nay.")
    )


async def withdraw(visit: Visit) -> Response:
    async with visit.desk() as connection:
        stored = await found(connection, visit)
        await approval.withdraw(connection, stored.edition, visit.by, visit.given("reason"))
    return visit.go(f"/campaigns/{stored.edition}", visit.speech.word("Đã rút phê duyệt: chiến dịch trở lại bản nháp."))


async def start(visit: Visit) -> Response:
    edition = visit.path("edition")
    async with visit.desk() as connection:
        await found(connection, visit)
        await control.start(connection, edition, visit.by, routes(visit))
    return visit.go(f"/campaigns/{edition}/live", visit.speech.word("Đã bắt đầu: từng đợt tự gửi khi tới giờ."))


async def pause(visit: Visit) -> Response:
    return await _stop(visit, Act.PAUSE)


async def ask_cancel(visit: Visit) -> Response:
    async with visit.desk(snapshot=True) as connection:
        stored = await found(connection, visit)
        seen = await control.view(connection, stored.edition)
    return visit.show(
        "cancel.html", stored=stored, stand=control.stopped(seen.counts), unplanned=control.unplanned(seen)
    )


async def cancel(visit: Visit) -> Response:
    return await _stop(visit, Act.CANCEL)


async def _stop(visit: Visit, act: Act) -> Response:
    edition, wave = visit.path("edition"), visit.given("wave")
    async with visit.desk() as connection:
        await found(connection, visit)
        if wave:
            stop = control.hold_wave if act is Act.PAUSE else control.cancel_wave
            stopped = await stop(connection, edition, wave, visit.by)
        else:
            stopped = await control.stop(connection, edition, visit.by, act)
    word = "Đã tạm dừng." if act is Act.PAUSE else "Đã hủy."
    told = visit.speech.word(
        "Đã ra ngoài {out} tin, đang trên đường {in_flight}, giữ lại được {saved}.",
        out=stopped.out, in_flight=stopped.in_flight, saved=stopped.saved,
    )  # fmt: skip
    return visit.go(f"/campaigns/{edition}/live", f"{visit.speech.word(word)} {told}")


async def resume(visit: Visit) -> Response:
    edition, wave = visit.path("edition"), visit.given("wave")
    async with visit.desk() as connection:
        await found(connection, visit)
        if wave:
            await control.release_wave(connection, edition, wave, visit.by)
        else:
            await control.resume(connection, edition, visit.by)
    return RedirectResponse(f"/campaigns/{edition}/live", 303)


PAGES = (
    Page("/campaigns/{edition}", Action.SEE_CAMPAIGN, detail),
    Page("/campaigns/{edition}/propose", Action.WRITE_CAMPAIGN, propose, "POST"),
    Page("/campaigns/{edition}/approve", Action.APPROVE, consider),
    Page("/campaigns/{edition}/approve", Action.APPROVE, approve, "POST"),
    Page("/campaigns/{edition}/confirm", Action.APPROVE, confirm, "POST"),
    Page("/campaigns/{edition}/withdraw", Action.APPROVE, withdraw, "POST"),
    Page("/campaigns/{edition}/start", Action.RUN, start, "POST"),
    Page("/campaigns/{edition}/pause", Action.STOP, pause, "POST"),
    Page("/campaigns/{edition}/resume", Action.RUN, resume, "POST"),
    Page("/campaigns/{edition}/cancel", Action.RUN, ask_cancel),
    Page("/campaigns/{edition}/cancel", Action.RUN, cancel, "POST"),
)
