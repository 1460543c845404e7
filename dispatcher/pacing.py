"""Permits for a route, counted in segments and shared by every process through Valkey."""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

log = structlog.get_logger()

SCRIPT = Path(__file__).with_name("pacing.lua").read_text("utf-8")
HORIZON_SECONDS = 0.25
# Jitter between us and the carrier eats into a limit that is used to the last permit.
GUARD = 1.005
RETRY_SECONDS = 1.0


class Pacer:
    """Grants permits at each route's pace. Without Valkey nobody is granted any: asking waits until it is back."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._reserve = redis.register_script(SCRIPT)

    async def permit(self, route: str, tps: float, segments: int) -> None:
        """Return when `segments` may be sent over `route`, which allows `tps` segments a second."""
        interval = 1_000_000 * GUARD / tps
        while True:
            wait = await self._ask(route, interval, segments)
            await asyncio.sleep(abs(wait))
            if wait >= 0:
                return

    async def give_back(self, route: str, tps: float, segments: int) -> None:
        """Hand back permits that were not used; lost without harm when Valkey does not answer."""
        try:
            await self._redis.decrby(_key(route), int(1_000_000 * GUARD / tps * segments))
        except RedisError as error:
            log.warning("pacing.unreachable", route=route, error=str(error))

    async def _ask(self, route: str, interval: float, segments: int) -> float:
        """Seconds to wait before sending; negative: seconds to wait before asking again."""
        try:
            answer = await self._reserve(
                keys=[_key(route)], args=[interval, segments, int(HORIZON_SECONDS * 1_000_000)]
            )
        except RedisError as error:
            log.warning("pacing.unreachable", route=route, error=str(error))
            return -RETRY_SECONDS
        return int(answer) / 1_000_000


def _key(route: str) -> str:
    return f"pacing:{route}"
