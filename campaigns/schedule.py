"""When a campaign sends: its waves with real moments, and the next moment at which a wave may send."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from campaigns.calendar import VIETNAM
from campaigns.campaign import Campaign, Channel, Priority, Wave
from campaigns.template import Form


@dataclass(frozen=True, slots=True)
class PlannedWave:
    """A wave on the clock. It may send from `opens_at` until before `closes_at`, each day only inside the window.

    The window is Viet Nam time: `window_from` included, `window_to` not.
    """

    slug: str
    title: str
    opens_at: datetime.datetime
    closes_at: datetime.datetime
    window_from: datetime.time
    window_to: datetime.time
    text: str
    form: Form
    audience: str | None
    priority: Priority = Priority.NORMAL
    channel: Channel = Channel.SMS
    wait_minutes: int = 60


def waves(campaign: Campaign) -> tuple[PlannedWave, ...]:
    """The waves in the order in which they open; audience and priority are the wave's own, or else the campaign's."""
    planned = (_planned(wave, campaign) for wave in campaign.waves)
    return tuple(sorted(planned, key=lambda wave: (wave.opens_at, wave.slug)))


def _planned(wave: Wave, campaign: Campaign) -> PlannedWave:
    start, end = wave.window
    return PlannedWave(
        slug=wave.slug,
        title=wave.title,
        opens_at=_moment(wave.date, wave.opens or start),
        closes_at=_moment(wave.until, end),
        window_from=start,
        window_to=end,
        text=wave.text,
        form=wave.form,
        audience=wave.audience or campaign.audience,
        priority=wave.priority or campaign.priority,
        channel=wave.channel,
        wait_minutes=wave.wait_minutes,
    )


def _moment(day: datetime.date, clock: datetime.time) -> datetime.datetime:
    return datetime.datetime.combine(day, clock, VIETNAM)


def silent_months(campaigns: Iterable[Campaign], year: int) -> list[int]:
    """The months of a year in which no wave of these campaigns is sent; a public duty may ask for one every month."""
    heard = {
        day.month
        for campaign in campaigns
        for wave in campaign.waves
        for day in (wave.date, wave.until)
        if day.year == year
    }
    return [month for month in range(1, 13) if month not in heard]


def next_moment(wave: PlannedWave, now: datetime.datetime) -> datetime.datetime | None:
    """The earliest moment, not before `now`, at which the wave may send; None when it is over.

    The answer is in Viet Nam time, whatever the zone of `now`. Raises ValueError for a naive datetime.
    """
    if now.tzinfo is None:
        raise ValueError("now needs a time zone")
    here = max(now.astimezone(VIETNAM), wave.opens_at)
    if here.time() < wave.window_from:
        here = _moment(here.date(), wave.window_from)
    elif here.time() >= wave.window_to:
        here = _moment(here.date() + datetime.timedelta(days=1), wave.window_from)
    return here if here < wave.closes_at else None
