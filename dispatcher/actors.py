"""The queue's verbs."""

from __future__ import annotations

from collections.abc import Callable

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from dispatcher import expansion, receipts, sending
from dispatcher.broker import Verb
from dispatcher.runtime import Runtime


def declare(broker: RedisBroker, runtime: Callable[[], Runtime]) -> None:
    """Teach the broker its verbs; `runtime` answers the process's runtime once the worker has booted."""

    @dramatiq.actor(broker=broker, actor_name=Verb.EXPAND, queue_name=Verb.EXPAND)
    async def expand(wave_id: int) -> None:
        await expansion.expand(runtime(), wave_id)

    @dramatiq.actor(broker=broker, actor_name=Verb.SEND, queue_name=Verb.SEND)
    async def send(batch_id: int) -> None:
        await sending.send(runtime(), batch_id)

    @dramatiq.actor(broker=broker, actor_name=Verb.SETTLE, queue_name=Verb.SETTLE)
    async def settle() -> None:
        await receipts.settle(runtime())
