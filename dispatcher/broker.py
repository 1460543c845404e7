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
from dramatiq.middleware import AsyncIO
from redis.exceptions import RedisError

log = structlog.get_logger()


# A Valkey that vanished without a word is an error after this long. None of our commands waits in Valkey itself.
LINE: dict[str, Any] = {"socket_timeout": 5.0, "socket_connect_timeout": 5.0, "health_check_interval": 15}
# Orders of a queue that one worker takes at a time: what it cannot take is left to others.
PLACES = 4


class Verb(StrEnum):
    """What can be asked of a worker. Orders wait in queues, none behind an order of another kind: `queue_name`."""

    EXPAND = "expand"
    SEND = "send"
    SETTLE = "settle"
    LOOKUP = "lookup"
    ANNOUNCE = "announce"


def queue_name(verb: Verb, *parts: str) -> str:
    """The queue of a verb: expansions by priority, sendings by route and priority."""
    return ".".join((verb, *parts))


class Broker(RedisBroker):
    """A broker that retries and delays nothing: lost and failed work comes back through the clock.

    So it has no queues of delayed messages, on each of which every worker would keep asking.
    """

    def declare_queue(self, queue_name: str) -> None:
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)


def new_broker(redis_url: str) -> Broker:
    client = redis.Redis.from_url(redis_url, **LINE)
    return Broker(client=client, middleware=[AsyncIO()])  # type: ignore[no-untyped-call]  # dramatiq leaves it so


class Queue:
    """Puts ids on the queue, without blocking the event loop."""

    def __init__(self, broker: RedisBroker) -> None:
        self._broker = broker

    async def put(self, verb: Verb, ids: Sequence[int] = (), *parts: str) -> bool:
        """Enqueue one message per id (one without arguments when there are none); False when Valkey does not answer."""
        try:
            await asyncio.to_thread(self._put, verb, ids, queue_name(verb, *parts))
        except (dramatiq.errors.BrokerConnectionError, RedisError) as error:
            log.warning("queue.unreachable", verb=verb, error=str(error))
            return False
        return True

    def _put(self, verb: Verb, ids: Sequence[int], queue: str) -> None:
        calls: list[tuple[int, ...]] = [(i,) for i in ids] or [()]
        for arguments in calls:
            self._broker.enqueue(
                dramatiq.Message(queue_name=queue, actor_name=verb, args=arguments, kwargs={}, options={})
            )
