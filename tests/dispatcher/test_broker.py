"""The queue carries ids, one queue a verb, and says when it cannot be reached."""

from __future__ import annotations

import asyncio
import json

from dispatcher import actors
from dispatcher.broker import Queue, Verb, new_broker
from dispatcher.runtime import Addresses


async def test_ids_go_on_the_queue_of_their_verb_and_of_its_parts(addresses: Addresses) -> None:
    broker = new_broker(addresses.redis_url)
    assert await Queue(broker).put(Verb.SEND, [7, 8], "main", "alert")
    assert await Queue(broker).put(Verb.SETTLE)
    found = {key: broker.client.hvals(key) for key in await asyncio.to_thread(broker.client.keys, "dramatiq:*.msgs")}
    told = {key: sorted(json.loads(message)["args"] for message in messages) for key, messages in found.items()}
    assert told == {b"dramatiq:send.main.alert.msgs": [[7], [8]], b"dramatiq:settle.msgs": [[]]}


async def test_without_valkey_the_queue_says_so_and_raises_nothing() -> None:
    assert not await Queue(new_broker("unix:///nowhere/valkey.sock")).put(Verb.SEND, [1])


def test_every_verb_has_an_actor_and_every_route_and_priority_a_queue(addresses: Addresses) -> None:
    broker = new_broker(addresses.redis_url)
    actors.declare(broker, lambda: NotImplemented, ["main", "other"])
    assert set(broker.actors) == set(Verb)
    assert actors.queues(["main", "other"]) <= broker.queues
    assert {"settle", "expand.alert", "send.main.bulk", "send.other.alert"} <= actors.queues(["main", "other"])
