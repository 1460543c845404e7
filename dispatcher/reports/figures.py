"""The figures of one report: counted once, in one snapshot, each with the query that counts it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from campaigns import places
from campaigns.campaign import Campaign, Document, LegalBasis
from campaigns.obligations import Measure, Obligation, Period, Target
from dispatcher.store import broadcasts, reports
from dispatcher.store.broadcasts import Reported
from dispatcher.store.database import Connection
from dispatcher.store.reports import Activity

# A commune with fewer people reached than this is not shown by itself: who they are might be guessed.
FEW = 5


@dataclass(frozen=True, slots=True)
class Count:
    """Messages taken by a carrier, of which delivered; their segments; distinct numbers that a message was delivered to."""

    name: str
    sent: int
    delivered: int
    segments: int = 0
    people: int = 0
    waves: int = 0


@dataclass(frozen=True, slots=True)
class Area:
    """People reached in a commune; `name` stands for several where each has too few to be shown."""

    name: str
    province: str
    sent: int
    delivered: int
    people: int
    communes: int = 1


@dataclass(frozen=True, slots=True)
class Gauge:
    """A target beside what was found: `part` of `whole`, in percent rounded down."""

    target: Target
    part: int
    whole: int

    @property
    def percent(self) -> int:
        return self.part * 100 // self.whole if self.whole else 0

    @property
    def reached(self) -> bool:
        return self.percent >= self.target.at_least


@dataclass(frozen=True, slots=True)
class Figures:
    """All that a report says in numbers. `counted_at`: receipts that come later change what is delivered."""

    period: Period
    counted_at: datetime
    attempts_to: int
    receipts_to: int
    total: Count
    people_sent: int
    campaigns: tuple[Count, ...]
    organisations: tuple[Count, ...]
    networks: tuple[Count, ...]
    months: tuple[tuple[date, Count], ...]
    areas: tuple[Area, ...]
    communes: int
    kinds: Mapping[str, int]
    not_sent: Mapping[str, int]
    replies: int
    refusals: int
    gauges: tuple[Gauge, ...]
    broadcasts: tuple[Reported, ...]
    activities: tuple[Activity, ...]
    definitions: tuple[Campaign, ...]

    def plain(self) -> dict[str, Any]:
        """The numbers alone, for machines and for the record of the report."""
        return {
            "from": self.period.start.isoformat(),
            "to": self.period.end.isoformat(),
            "counted_at": self.counted_at.isoformat(),
            "log": {"attempts_to": self.attempts_to, "receipts_to": self.receipts_to},
            "total": asdict(self.total) | {"people_sent": self.people_sent},
            "campaigns": [asdict(count) for count in self.campaigns],
            "organisations": [asdict(count) for count in self.organisations],
            "networks": [asdict(count) for count in self.networks],
            "months": [
                {"month": f"{month:%Y-%m}", "sent": c.sent, "delivered": c.delivered} for month, c in self.months
            ],
            "areas": [asdict(area) for area in self.areas],
            "communes": self.communes,
            "content_kinds": dict(self.kinds),
            "not_sent": dict(self.not_sent),
            "replies": self.replies,
            "refusals": self.refusals,
            "targets": [
                {"title": g.target.title, "part": g.part, "whole": g.whole, "percent": g.percent, "reached": g.reached}
                for g in self.gauges
            ],
            "broadcasts": [asdict(one) | {"day": one.day.isoformat()} for one in self.broadcasts],
            "activities": [asdict(activity) | {"day": activity.day.isoformat()} for activity in self.activities],
        }


async def counted(connection: Connection, obligation: Obligation, period: Period, targets: Sequence[Target]) -> Figures:
    """Count everything in the caller's transaction, which should be REPEATABLE READ."""
    start, end = period.bounds
    topics = obligation.topics
    await reports.gather(connection, start, end, topics)
    counted_at, attempts_to, receipts_to = await reports.position(connection)
    (total,) = await reports.counted(connection, "total")
    areas = await reports.counted(connection, "areas")
    approved = await reports.editions(connection, start, end, topics)
    definitions = tuple(Campaign.model_validate(definition) for _edition, _title, definition in approved)
    titles = {edition: title for edition, title, _definition in approved}
    by_campaign = await reports.counted(connection, "campaigns")
    replies, refusals = await reports.answers(connection, start, end)
    return Figures(
        period=period,
        counted_at=counted_at,
        attempts_to=attempts_to,
        receipts_to=receipts_to,
        total=Count("", total["sent"], total["delivered"], int(total["segments"]), total["people"]),
        people_sent=total["people_sent"],
        campaigns=tuple(_count(titles.get(row["edition"], row["edition"]), row) for row in by_campaign),
        organisations=tuple(_count(row["name"], row) for row in await reports.counted(connection, "organisations")),
        networks=tuple(_count(row["network"], row) for row in await reports.counted(connection, "networks")),
        months=tuple((row["month"], _count("", row)) for row in await reports.counted(connection, "months")),
        areas=tuple(shown(areas)),
        communes=sum(1 for row in areas if row["area"] and row["people"]),
        kinds=_kinds(definitions, by_campaign),
        not_sent=await reports.not_sent(connection, start, end, topics),
        replies=replies,
        refusals=refusals,
        gauges=tuple([await _gauge(connection, target, period) for target in targets]),
        broadcasts=tuple(await broadcasts.reported(connection, start, end, topics)),
        activities=tuple(await reports.activities(connection, period.start, period.end)),
        definitions=definitions,
    )


def _count(name: str, row: Mapping[str, Any]) -> Count:
    return Count(
        name, row["sent"], row["delivered"], int(row.get("segments") or 0), row.get("people", 0), row.get("waves", 0)
    )


def _kinds(definitions: Iterable[Campaign], sent: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Content kind -> waves whose text is of it, of the campaigns that sent something."""
    active = {row["edition"] for row in sent}
    return dict(
        Counter(
            campaign.texts[wave.text].content_kind or ""
            for campaign in definitions
            if campaign.edition in active
            for wave in campaign.waves
        )
    )


def shown(rows: Sequence[Mapping[str, Any]], few: int = FEW) -> list[Area]:
    """The communes by name; those with fewer than `few` people reached are put together.

    One alone could be told from the total, so the next smallest joins it.
    """
    named = sorted((_area(row) for row in rows if row["area"]), key=lambda area: (area.people, area.name))
    small = sum(1 for area in named if area.people < few)
    hidden = named[: max(small, 2) if small else 0]
    apart = sorted(named[len(hidden) :], key=lambda area: (area.province, area.name))
    nowhere = [
        Area("(không rõ xã)", "", row["sent"], row["delivered"], row["people"], 0) for row in rows if not row["area"]
    ]
    return [*apart, *_together(hidden), *nowhere]


def _area(row: Mapping[str, Any]) -> Area:
    known = places.areas().get(row["area"])
    name = f"{known.kind} {known.name}" if known else row["area"]
    return Area(name, known.province_name if known else "", row["sent"], row["delivered"], row["people"])


def _together(hidden: Sequence[Area]) -> list[Area]:
    if not hidden:
        return []
    sums = [sum(getattr(area, name) for area in hidden) for name in ("sent", "delivered", "people")]
    return [Area(f"{len(hidden)} xã, phường có ít người nhận", "", sums[0], sums[1], sums[2], len(hidden))]


async def _gauge(connection: Connection, target: Target, period: Period) -> Gauge:
    found = await reports.reached(connection, target.topics, target.areas)
    months = {period.month_of(day) for day in found.days}
    part, whole = {
        Measure.COMMUNES: (found.areas, len(target.areas)),
        Measure.MONTHS: (len(months), len(period.months)),
        Measure.REACH: (found.people, target.people or 0),
    }[target.measure]
    return Gauge(target, part, whole)


def papers(definitions: Iterable[Campaign]) -> list[Document | LegalBasis]:
    """The documents that the campaigns answer to or rest on, each once, requests first, the oldest first."""
    named: list[Document | LegalBasis] = []
    for campaign in definitions:
        named += [*campaign.requests, *campaign.legal_basis]
    once = {(paper.kind, paper.number): paper for paper in named}
    return sorted(once.values(), key=lambda paper: (isinstance(paper, LegalBasis), paper.date, paper.number))
