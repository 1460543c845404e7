"""The queue: dramatiq over Valkey. It carries ids only; the database knows everything it could lose."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import dramatiq
import redis
import structlog
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AsyncIO, Retries
from redis.exceptions import RedisError

log = structlog.get_logger()


# A Valkey that vanished without a word is an error after this long. None of our commands waits in Valkey itself.
LINE: dict[str, Any] = {"socket_timeout": 5.0, "socket_connect_timeout": 5.0, "health_check_interval": 15}


class Verb(StrEnum):
    """What can be asked of a worker; each has a queue of its own, so that none waits behind another."""

    EXPAND = "expand"
    SEND = "send"
    SETTLE = "settle"


def new_broker(redis_url: str) -> RedisBroker:
    """A broker that retries nothing but our own crashes; lost and failed work comes back through the clock."""
    middleware = [Retries(max_retries=2, min_backoff=1000), AsyncIO()]
    client = redis.Redis.from_url(redis_url, **LINE)
    return RedisBroker(client=client, middleware=middleware)  # type: ignore[no-untyped-call]  # dramatiq leaves it so


class Queue:
    """Puts ids on the queue, without blocking the event loop."""

    def __init__(self, broker: RedisBroker) -> None:
        self._broker = broker

    async def put(self, verb: Verb, ids: Sequence[int] = ()) -> bool:
        """Enqueue one message per id (one without arguments when there are none); False when Valkey does not answer."""
        try:
            await asyncio.to_thread(self._put, verb, ids)
        except (dramatiq.errors.BrokerConnectionError, RedisError) as error:
            log.warning("queue.unreachable", verb=verb, error=str(error))
            return False
        return True

    def _put(self, verb: Verb, ids: Sequence[int]) -> None:
        calls: list[tuple[int, ...]] = [(i,) for i in ids] or [()]
        for arguments in calls:
            self._broker.enqueue(
                dramatiq.Message(queue_name=verb, actor_name=verb, args=arguments, kwargs={}, options={})
            )
