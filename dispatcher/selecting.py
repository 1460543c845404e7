"""Who of an audience a wave goes to, worked out once, when it is approved: places, zones, groups, ages, languages."""

from __future__ import annotations

from datetime import datetime

from campaigns import places
from campaigns.calendar import VIETNAM
from campaigns.campaign import Wave
from campaigns.groups import groups_of
from dispatcher.errors import UserError
from dispatcher.store import audiences, tags
from dispatcher.store.audiences import EVERYBODY, Audience, Selection
from dispatcher.store.database import Connection


class SelectionError(UserError):
    """Nobody is chosen, or by what nobody knows."""


async def select(connection: Connection, wave: Wave, audience: Audience, opens_at: datetime) -> Selection:
    """The communes, words, years and languages that a wave asks for, as they are on the day it opens.

    Places and zones together: the communes that are in both. Raises `SelectionError`.
    """
    day = opens_at.astimezone(VIETNAM).date()
    areas = _within(wave.areas)
    if wave.zones:
        tagged = await tags.in_zones(connection, [places.zone(zone) for zone in wave.zones], day)
        areas = tagged if areas is None else areas & tagged
    selection = Selection(
        areas=None if areas is None else tuple(sorted(areas)),
        groups=await _groups(connection, wave.groups, audience.id) if wave.groups else None,
        born=(day.year - wave.ages[1], day.year - wave.ages[0]) if wave.ages else None,
        languages=tuple(sorted(wave.speakers)) or None,
    )
    if selection != EVERYBODY and not await audiences.count(connection, audience.id, selection):
        raise SelectionError(_nobody(wave, audience))
    return selection


def _within(phrases: tuple[str, ...]) -> set[str] | None:
    if not phrases:
        return None
    try:
        return set().union(*map(places.chosen, phrases))
    except places.PlaceError as error:
        raise SelectionError(str(error)) from None


async def _groups(connection: Connection, wanted: tuple[str, ...], audience_id: int) -> tuple[str, ...]:
    """The words of this roster that mean any of the groups."""
    asked = set().union(*map(groups_of, wanted))
    return tuple(sorted(word for word in await audiences.groups(connection, audience_id) if groups_of(word) & asked))


def described(wave: Wave) -> list[str]:
    """What a wave chooses people by, as people read it; nothing where it is for everybody."""
    asked = {
        "địa bàn": ", ".join(wave.areas),
        "vùng": ", ".join(wave.zones),
        "nhóm": ", ".join(wave.groups),
        "tuổi": "-".join(map(str, wave.ages or ())),
        "ngôn ngữ": ", ".join(wave.speakers),
    }
    return [f"{name}: {value}" for name, value in asked.items() if value]


def _nobody(wave: Wave, audience: Audience) -> str:
    told = "; ".join(described(wave))
    return (
        f"Đợt {wave.slug}: không có ai trong nhóm {audience.name} phiên bản {audience.version} thuộc {told}. Kiểm tra cột "
        "xã, nhóm, năm sinh, ngôn ngữ của danh sách; vùng xem bằng: dispatcher place tags"
    )
