"""When a campaign will be out, from what is stored: its waves and everybody else's on the same routes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from campaigns import forecast, volume
from campaigns.calendar import VIETNAM
from campaigns.campaign import Campaign, Channel
from campaigns.forecast import Finish, Load, Way
from campaigns.template import Form
from campaigns.volume import Group, Share
from dispatcher.lifecycle import WaveStatus
from dispatcher.pacing import SHARES_BEHIND
from dispatcher.routing import ANY, table, unserved, whole
from dispatcher.settings import FOLLOWERS, RouteConfig
from dispatcher.store import campaigns, caps, installation, routes, volumes
from dispatcher.store.audiences import Selection
from dispatcher.store.campaigns import StoredCampaign, StoredWave
from dispatcher.store.database import Connection
from dispatcher.store.routes import Stop

# Waves of which something is still to be sent; of those planned the messages are counted, of the others the people.
OPEN = (WaveStatus.SCHEDULED, WaveStatus.EXPANDING, WaveStatus.SENDING)


# Audiences that were counted before: by id, who of them, and the message class and topics that some of them have refused.
Known = dict[tuple[int, Selection, str, tuple[str, ...]], list[Group]]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A wave on a route: how much, from when to when. `networks` are those of its people that the route serves."""

    wave: str
    route: str
    networks: tuple[str, ...]
    closes_at: datetime
    finish: Finish


@dataclass(frozen=True, slots=True)
class Help:
    """What would let a route be done in time: a pace, opening so many days earlier, texts without accents.

    None where it would not help; `unaccented` is how many would still expire.
    """

    route: str
    tps: float | None
    days_earlier: int | None
    unaccented: int | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is to be expected from `now` on. `unserved`: people of networks that no route serves. `over`: waves that have closed.

    `stops`: routes of the campaign that are stopped now; it is reckoned as if they went on at once.
    """

    now: datetime
    arrivals: tuple[Arrival, ...]
    helps: tuple[Help, ...]
    unserved: dict[str, int]
    over: tuple[str, ...]
    stops: dict[str, tuple[Stop, ...]]

    @property
    def finishes_at(self) -> datetime | None:
        """When the last of it leaves; None where some expire, or nothing is to be sent."""
        ends = [arrival.finish.finishes_at for arrival in self.arrivals if arrival.finish.messages]
        return max(end for end in ends if end) if ends and all(ends) else None

    @property
    def expired(self) -> int:
        return sum(arrival.finish.expired for arrival in self.arrivals)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a wave still wants: people and what they read where it is not planned, else messages by route."""

    campaign: Campaign
    wave: StoredWave
    shares: tuple[Share, ...] | None
    planned: Mapping[str, Mapping[int, int]]

    @property
    def key(self) -> str:
        return f"{self.campaign.edition}/{self.wave.slug}"

    def load(self, route: str, networks: Iterable[str], form: Form | None = None) -> Load:
        """What it wants of a route, in its own form or in another one."""
        pieces = dict(self.planned.get(route, {}))
        if self.shares is not None:
            shares = self.shares
            if form is not None:
                shares = tuple(volume.shares(self.campaign, self.wave.slug, [s.group for s in shares], form))
            pieces = volume.pieces(shares, networks)
        wave = self.wave
        return Load(
            self.key, wave.priority, wave.opens_at, wave.closes_at, wave.window_from, wave.window_to, pieces
        )  # fmt: skip


async def wanted(
    connection: Connection,
    stored: StoredCampaign,
    waves: Sequence[StoredWave],
    known: Known,
) -> list[Wanted]:
    """What the open waves of a campaign still want; `known` keeps the audiences that were counted before."""
    campaign = Campaign.model_validate(stored.definition)
    sending = [wave.id for wave in waves if wave.status is WaveStatus.SENDING]
    remaining = await volumes.remaining(connection, sending)
    found = []
    for wave in waves:
        if wave.status is WaveStatus.SENDING:
            by_route = {route: pieces for (wave_id, route), pieces in remaining.items() if wave_id == wave.id}
            found.append(Wanted(campaign, wave, None, by_route))
        elif wave.status in OPEN and wave.audience_id is not None:
            groups = await counted(connection, campaign, wave, known)
            found.append(Wanted(campaign, wave, tuple(volume.shares(campaign, wave.slug, groups)), {}))
    return found


async def counted(connection: Connection, campaign: Campaign, wave: StoredWave, known: Known) -> list[Group]:
    """The groups of those of an audience that a wave is for, counted once."""
    key = wave.audience_id or 0, wave.selection, campaign.message_class.value, campaign.topics
    if key not in known:
        known[key] = await volumes.groups(connection, *key)
    return known[key]


async def look(
    connection: Connection,
    stored: StoredCampaign,
    waves: Sequence[StoredWave],
    configs: Sequence[RouteConfig],
    known: Known | None = None,
) -> Outlook:
    """The outlook of a campaign whose waves have their audiences, whatever its status."""
    known = {} if known is None else known
    now = await installation.now(connection)
    own = await wanted(connection, stored, [wave for wave in waves if wave.closes_at > now], known)
    others: list[Wanted] = []
    for other in await campaigns.going_on(connection):
        if other.id != stored.id:
            others += await wanted(connection, other, await campaigns.waves(connection, other.id), known)
    tables = {policy: table(configs, policy) for policy in Channel}
    people = frozenset(share.group.network for want in own for share in want.shares or ())
    arrivals, helps = [], []
    for config in configs:
        reach = Reach(config.name, config.name in whole(configs), tables, people)
        way = await _way(connection, config, now)
        found, help_ = _on_route(way, reach, own, others, now)
        arrivals += found
        helps += help_
    stops = {
        name: why for name, why in (await routes.stops(connection)).items() if any(a.route == name for a in arrivals)
    }
    over = tuple(wave.slug for wave in waves if wave.closes_at <= now and wave.status in OPEN)
    return Outlook(now, tuple(arrivals), tuple(helps), _unserved(tables, own), over, stops)


@dataclass(frozen=True, slots=True)
class Reach:
    """What of each wave goes over a route. `whole`: a message is one segment there; `tables`: policy -> network -> route;
    `people`: the networks of those of the campaign."""

    route: str
    whole: bool
    tables: Mapping[Channel, Mapping[str, str]]
    people: frozenset[str]

    def networks(self, want: Wanted) -> frozenset[str]:
        """The networks of a wave's people that the route serves. At worst all whom Zalo comes first for go on by SMS."""
        policy = want.wave.channel
        served = self._served(self.tables[policy])
        return served | self._served(self.tables[Channel.SMS]) if policy is Channel.ZALO_THEN_SMS else served

    def _served(self, chosen: Mapping[str, str]) -> frozenset[str]:
        named = {network for network, name in chosen.items() if name == self.route and network != ANY}
        rest = self.people - chosen.keys() - {FOLLOWERS} if chosen.get(ANY) == self.route else frozenset()
        return frozenset(named | rest)

    def load(self, want: Wanted, form: Form | None = None) -> Load:
        """What a wave wants of the route, in its own form or in another one."""
        load = want.load(self.route, self.networks(want), form)
        return replace(load, pieces={1: load.messages}) if self.whole and load.pieces else load


def _unserved(tables: Mapping[Channel, Mapping[str, str]], own: Sequence[Wanted]) -> dict[str, int]:
    missing: Counter[str] = Counter()
    for want in own:
        for share in want.shares or ():
            missing.update(unserved(tables[want.wave.channel], {share.group.network: share.group.reached}))
    return dict(missing)


async def _way(connection: Connection, config: RouteConfig, now: datetime) -> Way:
    if config.per_hour is None and config.per_day is None:
        return Way(config.name, config.tps)
    here = now.astimezone(VIETNAM)
    hour, day = here.replace(minute=0, second=0, microsecond=0), here.replace(hour=0, minute=0, second=0, microsecond=0)
    ahead: timedelta = await installation.offset(connection)
    used = await caps.spent(connection, config.name, hour - ahead, day - ahead)
    return Way(config.name, config.tps, config.per_hour, config.per_day, used.hour, used.day)


def _on_route(
    way: Way, reach: Reach, own: Sequence[Wanted], others: Sequence[Wanted], now: datetime
) -> tuple[list[Arrival], list[Help]]:
    ours = {want.key: (want, load) for want in own if (load := reach.load(want)).messages}
    if not ours:
        return [], []
    theirs = [reach.load(want) for want in others]
    loads = [
        *theirs,
        *(load for _, load in ours.values()),
    ]  # of those that open together the others are taken to go first
    found = forecast.forecast(way, loads, now, SHARES_BEHIND)
    arrivals = [
        Arrival(want.wave.slug, way.name, _networks(want, reach.networks(want)), load.closes_at, found[key])
        for key, (want, load) in ours.items()
    ]
    late = any(arrival.finish.expired for arrival in arrivals)
    return arrivals, [_help(way, reach, [want for want, _ in ours.values()], theirs, now)] if late else []


def _networks(want: Wanted, served: frozenset[str]) -> tuple[str, ...]:
    people = {share.group.network for share in want.shares or ()}
    return tuple(sorted(people & served or served))


def _help(way: Way, reach: Reach, own: Sequence[Wanted], theirs: Sequence[Load], now: datetime) -> Help:
    keys = frozenset(want.key for want in own)
    loads = [*theirs, *(reach.load(want) for want in own)]
    pace = forecast.pace_needed(way, loads, now, SHARES_BEHIND, keys)
    plain = [*theirs, *(reach.load(want, Form.UNACCENTED) for want in own)]
    left = sum(f.expired for key, f in forecast.forecast(way, plain, now, SHARES_BEHIND).items() if key in keys)
    return Help(
        way.name,
        pace,
        forecast.days_earlier(way, loads, now, SHARES_BEHIND, keys),
        left if sum(load.segments for load in plain) < sum(load.segments for load in loads) else None,
    )
