"""Who of an audience a wave is for: places, zones, groups, ages, languages, and how many people that is."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from campaigns import definition, places, schedule
from campaigns.adapting import Value
from campaigns.campaign import Campaign, Wave
from campaigns.problems import DefinitionError
from dispatcher import control, drafting, selecting
from dispatcher.errors import UserError
from dispatcher.lifecycle import CampaignStatus
from dispatcher.settings import load_calendar
from dispatcher.store import audiences, tags
from dispatcher.store.audiences import Audience
from dispatcher.store.campaigns import StoredCampaign
from dispatcher.store.database import Connection
from dispatcher.web import campaign as one
from dispatcher.web.door import MissingError, Page, Visit
from dispatcher.web.rights import Action

NAME = "chien-dich.toml"
# A roster with more than so many is chosen from by typing.
OFFERED = 120


@dataclass(frozen=True, slots=True)
class Offer:
    """What the audience of a wave can be chosen by: communes as a definition names them, groups as the roster does."""

    communes: tuple[str, ...]
    groups: tuple[str, ...]
    zones: tuple[str, ...]


async def _wave(connection: Connection, visit: Visit) -> tuple[StoredCampaign, Campaign, Wave]:
    stored = await one.found(connection, visit)
    campaign = Campaign.model_validate(stored.definition)
    wave = next((wave for wave in campaign.waves if wave.slug == visit.path("wave")), None)
    if wave is None:
        raise MissingError(f"Chiến dịch {stored.edition} không có đợt {visit.path('wave')}.")
    if stored.status is not CampaignStatus.DRAFT:
        raise UserError("Chỉ sửa được bản nháp; chiến dịch này đã được duyệt hoặc đã kết thúc.")
    return stored, campaign, wave


async def ask(visit: Visit) -> Response:
    async with visit.desk() as connection:
        stored, campaign, wave = await _wave(connection, visit)
        return await _show(connection, visit, stored, campaign, wave)


async def _show(
    connection: Connection,
    visit: Visit,
    stored: StoredCampaign,
    campaign: Campaign,
    wave: Wave,
    problem: str | None = None,
) -> Response:
    name = wave.audience or campaign.audience
    audience = await audiences.newest(connection, name) if name else None
    people = None
    if audience and not problem:
        try:
            people = await _people(connection, campaign, wave, audience)
        except UserError as error:
            problem = str(error)
    offer = await _offer(connection, audience)
    return visit.show(
        "choosing.html", 409 if problem else 200, stored=stored, wave=wave, audience=audience, people=people,
        offer=offer, typed=[area for area in wave.areas if area not in offer.communes],
        words=[group for group in wave.groups if group not in offer.groups], problem=problem,
    )  # fmt: skip


async def _people(connection: Connection, campaign: Campaign, wave: Wave, audience: Audience) -> int:
    opens = next(planned.opens_at for planned in schedule.waves(campaign) if planned.slug == wave.slug)
    return await audiences.count(connection, audience.id, await selecting.select(connection, wave, audience, opens))


async def _offer(connection: Connection, audience: Audience | None) -> Offer:
    zones = tuple(sorted({tag.zone for tag in await tags.listing(connection)}))
    if audience is None:
        return Offer((), (), zones)
    known = places.areas()
    codes = await audiences.areas(connection, audience.id)
    communes = sorted(str(known[code]) for code in codes if code in known)
    groups = sorted(await audiences.groups(connection, audience.id))
    return Offer(
        tuple(communes if len(communes) <= OFFERED else ()), tuple(groups if len(groups) <= OFFERED else ()), zones
    )


def _aim(visit: Visit) -> dict[str, Value]:
    """What the form asks for, as the keys of a wave; a condition without a value is none."""
    aim: dict[str, Value] = {
        "areas": [*_ticked(visit, "commune"), *_lines(visit.given("areas"))] or None,
        "zones": [*_ticked(visit, "zone")] or None,
        "groups": [*_ticked(visit, "group"), *_lines(visit.given("groups"))] or None,
        "speakers": visit.given("speakers").replace(",", " ").split() or None,
        "ages": None,
    }
    ages = [visit.given("from"), visit.given("to")]
    if any(ages):
        if not all(age.isascii() and age.isdigit() and len(age) <= 3 for age in ages):
            raise UserError("Tuổi: ghi cả hai ô bằng số, ví dụ 16 và 30.")
        aim["ages"] = [int(age) for age in ages]
    return aim


def _ticked(visit: Visit, name: str) -> list[str]:
    return [str(value) for value in visit.form.getlist(name)]


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


async def choose(visit: Visit) -> Response:
    """Count whom the form means, or keep it in the draft."""
    calendar = load_calendar(visit.runtime.settings.occasions)
    async with visit.desk() as connection:
        stored, campaign, wave = await _wave(connection, visit)
        try:
            aim = _aim(visit)
            text = drafting.aimed(await drafting.source(connection, stored.edition), wave.slug, aim)
            made = definition.parse(text, NAME, calendar=calendar)
        except (DefinitionError, UserError) as error:
            return await _show(connection, visit, stored, campaign, wave, str(error))
        if visit.given("act") == "look":
            return await _show(connection, visit, stored, made, made.wave(wave.slug))
        await control.add(connection, made, visit.by, text)
    return visit.go(f"/campaigns/{stored.edition}", visit.speech.word("Đã lưu người nhận của đợt này."))


PAGES = (
    Page("/campaigns/{edition}/waves/{wave}", Action.WRITE_CAMPAIGN, ask),
    Page("/campaigns/{edition}/waves/{wave}", Action.WRITE_CAMPAIGN, choose, "POST"),
)
