"""Permits for a route, counted in segments and shared by every process through Valkey."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

log = structlog.get_logger()

RESERVE = Path(__file__).with_name("pacing.lua").read_text("utf-8")
RETURN = Path(__file__).with_name("pacing_return.lua").read_text("utf-8")
HORIZON_SECONDS = 0.25
# Jitter between us and the carrier eats into a limit that is used to the last permit.
GUARD = 1.005
RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Reservation:
    """Permits on a route: `interval` microseconds a segment, up to the moment `ends` of Valkey's clock."""

    route: str
    interval: float
    ends: bytes


class Pacer:
    """Grants permits at each route's pace. Without Valkey nobody is granted any: asking waits until it is back."""

    def __init__(self, redis: Redis) -> None:
        self._reserve = redis.register_script(RESERVE)
        self._return = redis.register_script(RETURN)

    async def permit(self, route: str, tps: float, segments: int) -> Reservation:
        """Return when `segments` may be sent over `route`, which allows `tps` segments a second."""
        interval = 1_000_000 * GUARD / tps
        while True:
            wait, ends = await self._ask(route, interval, segments)
            await asyncio.sleep(abs(wait))
            if wait >= 0:
                return Reservation(route, interval, ends)

    async def give_back(self, reservation: Reservation, segments: int) -> None:
        """Hand back permits that were not used; lost without harm when somebody reserved later, or without Valkey."""
        try:
            await self._return(keys=[_key(reservation.route)], args=[reservation.ends, reservation.interval * segments])
        except RedisError as error:
            log.warning("pacing.unreachable", route=reservation.route, error=str(error))

    async def _ask(self, route: str, interval: float, segments: int) -> tuple[float, bytes]:
        """Seconds to wait before sending (negative: before asking again), and the moment the reservation ends."""
        try:
            wait, ends = await self._reserve(
                keys=[_key(route)], args=[interval, segments, int(HORIZON_SECONDS * 1_000_000)]
            )
        except RedisError as error:
            log.warning("pacing.unreachable", route=route, error=str(error))
            return -RETRY_SECONDS, b""
        return int(wait) / 1_000_000, ends


def _key(route: str) -> str:
    return f"pacing:{route}"
