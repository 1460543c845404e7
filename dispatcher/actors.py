"""The queue's verbs, and the queues in which they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from campaigns.campaign import Priority
from dispatcher import announcing, expansion, fallback, lookups, polling, receipts, sending
from dispatcher.broker import Verb, queue_name
from dispatcher.runtime import Runtime


def queues(routes: Iterable[str]) -> frozenset[str]:
    """The queues that a worker with these routes listens to."""
    plans = (queue_name(Verb.EXPAND, priority) for priority in Priority)
    sends = (queue_name(Verb.SEND, route, priority) for route in routes for priority in Priority)
    return frozenset({*map(queue_name, (Verb.SETTLE, Verb.LOOKUP, Verb.ANNOUNCE)), *plans, *sends})


def declare(broker: RedisBroker, runtime: Callable[[], Runtime], routes: Iterable[str]) -> None:
    """Teach the broker its verbs and queues; `runtime` answers the process's runtime once the worker has booted."""
    for queue in queues(routes):
        broker.declare_queue(queue)

    @dramatiq.actor(broker=broker, actor_name=Verb.EXPAND, queue_name=Verb.EXPAND)
    async def expand(wave_id: int) -> None:
        await expansion.expand(runtime(), wave_id)

    @dramatiq.actor(broker=broker, actor_name=Verb.SEND, queue_name=Verb.SEND)
    async def send(batch_id: int) -> None:
        await sending.send(runtime(), batch_id)

    @dramatiq.actor(broker=broker, actor_name=Verb.SETTLE, queue_name=Verb.SETTLE)
    async def settle() -> None:
        await receipts.settle(runtime())

    @dramatiq.actor(broker=broker, actor_name=Verb.LOOKUP, queue_name=Verb.LOOKUP)
    async def lookup() -> None:
        await lookups.look_up(runtime())
        await polling.poll(runtime())
        await fallback.fall_back(runtime())

    @dramatiq.actor(broker=broker, actor_name=Verb.ANNOUNCE, queue_name=Verb.ANNOUNCE)
    async def announce(broadcast_id: int) -> None:
        await announcing.announce(runtime(), broadcast_id)
