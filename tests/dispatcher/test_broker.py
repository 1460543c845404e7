"""The queue carries ids, one queue a verb, and says when it cannot be reached."""

from __future__ import annotations

import asyncio
import json

from dispatcher import actors
from dispatcher.broker import Queue, Verb, new_broker
from dispatcher.runtime import Addresses


async def test_ids_go_on_the_queue_of_their_verb(addresses: Addresses) -> None:
    broker = new_broker(addresses.redis_url)
    assert await Queue(broker).put(Verb.SEND, [7, 8])
    assert await Queue(broker).put(Verb.SETTLE)
    found = {verb: await asyncio.to_thread(broker.client.hvals, f"dramatiq:{verb}.msgs") for verb in Verb}
    told = {verb: sorted(json.loads(message)["args"] for message in messages) for verb, messages in found.items()}
    assert told == {Verb.EXPAND: [], Verb.SEND: [[7], [8]], Verb.SETTLE: [[]]}


async def test_without_valkey_the_queue_says_so_and_raises_nothing() -> None:
    assert not await Queue(new_broker("unix:///nowhere/valkey.sock")).put(Verb.SEND, [1])


def test_every_verb_has_an_actor_on_a_queue_of_its_own(addresses: Addresses) -> None:
    broker = new_broker(addresses.redis_url)
    actors.declare(broker, lambda: NotImplemented)
    assert {name: actor.queue_name for name, actor in broker.actors.items()} == {verb: verb for verb in Verb}
