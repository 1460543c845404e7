"""What is rehearsed: the campaign as its approver would see it, its waves and routes, and how much faster than life."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from campaigns.campaign import Campaign, Channel
from dispatcher.control import ControlError, find
from dispatcher.demo.stage import Way
from dispatcher.review import Office, chosen, review
from dispatcher.routing import table
from dispatcher.settings import RouteConfig
from dispatcher.store.campaigns import StoredWave
from dispatcher.store.database import Connection

FORM = "dispatcher rehearsal 1"
# More messages a second than one machine manages with its pretend carrier: the rehearsal finds out how many it does.
TOP_RATE = 2000.0
FASTEST = 3600.0


@dataclass(frozen=True, slots=True)
class Script:
    """`content`: the hash that an approval of just this would be bound to; `messages` and `segments` as the review counts."""

    campaign_id: int
    campaign: Campaign
    content: str
    waves: tuple[StoredWave, ...]
    routes: tuple[RouteConfig, ...]
    messages: int
    segments: int

    @property
    def capped(self) -> list[str]:
        """Routes with a cap of an hour or a day: only their pace is rehearsed."""
        return [route.name for route in self.routes if route.per_hour or route.per_day]

    @property
    def tps(self) -> dict[str, float]:
        return {route.name: route.tps for route in self.routes}

    def top(self) -> float:
        """How much faster than life it may go at the most."""
        pace = sum(self.tps.values()) * self.messages / self.segments
        return max(1.0, min(FASTEST, TOP_RATE / pace))

    def ways(self, top: float) -> list[Way]:
        """The routes as the stage has them: same names, networks, senders and windows, faster, to the pretend carrier."""
        return [Way(r.name, r.networks, r.tps * top, r.sender, r.window) for r in self.routes]


async def read(connection: Connection, edition: str, office: Office) -> Script:
    """The campaign to be rehearsed, in one snapshot. Raises `ControlError`."""
    await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    stored = await find(connection, edition)
    seen = await review(connection, edition, office)
    messages = sum(wave.people for wave in seen.waves)
    if not messages:
        raise ControlError(f"Chiến dịch {edition} không có ai để gửi: không có gì để chạy thử.")
    waves = await chosen(connection, stored)
    if other := [wave.slug for wave in waves if wave.channel is not Channel.SMS]:
        raise ControlError(
            f"Chưa chạy thử được đợt gửi qua Zalo: {', '.join(other)}. Xem dự kiến: dispatcher campaign forecast {edition}"
        )
    segments = sum(wave.segments for wave in seen.waves)
    routes = _used(office.routes, [amount.network for amount in seen.amounts])
    return Script(stored.id, seen.campaign, seen.hash, tuple(waves), routes, messages, segments)


def _used(routes: Sequence[RouteConfig], networks: Sequence[str]) -> tuple[RouteConfig, ...]:
    """The routes over which somebody is sent to."""
    chosen = table(routes)
    names = {chosen.get(network, chosen.get("*")) for network in networks}
    return tuple(route for route in routes if route.name in names)


def digest(content: str, outcome: dict[str, Any]) -> str:
    """The hash of an outcome together with what was rehearsed."""
    written = json.dumps(outcome, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{FORM}\n{content}\n{written}".encode()).hexdigest()
