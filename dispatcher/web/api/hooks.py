"""Webhooks, kept by programs."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Path
from pydantic import BaseModel, Field

from dispatcher import webhooks
from dispatcher.store import webhooks as stored
from dispatcher.store.webhooks import Delivery, Webhook
from dispatcher.web.api.gate import Entry, Here
from dispatcher.web.api.pages import Limit, Page
from dispatcher.web.door import MissingError
from dispatcher.web.rights import Action
from dispatcher.webhooks import LONGEST_URL, WebhookError

Number = Annotated[int, Path(ge=1, lt=1 << 31)]
MISSING = "There is no such webhook of your organisation."


class New(BaseModel):
    url: Annotated[str, Field(min_length=1, max_length=LONGEST_URL)]
    kinds: Annotated[list[Literal["campaign", "wave", "upload"]], Field(min_length=1, max_length=3)]


class Made(BaseModel):
    id: int
    secret: str = Field(description="With which deliveries are signed; shown once.")


class Ended(BaseModel):
    id: int


async def listing(call: Here) -> Page[Webhook]:
    """The webhooks, and how many events each still has to be told."""
    return Page(items=await stored.listing(call.connection), next=None)


async def add(call: Here, given: New) -> Made:
    """Have a program told what happens, at an address of a host that the installation allows."""
    id_, secret = await webhooks.add(
        call.connection, call.runtime.keyring, call.runtime.settings, given.url, list(given.kinds), call.by
    )
    return Made(id=id_, secret=secret)


async def end(call: Here, webhook: Number) -> Ended:
    """Tell it nothing any more."""
    try:
        await webhooks.end(call.connection, webhook, call.by)
    except WebhookError:
        raise MissingError(MISSING) from None
    return Ended(id=webhook)


async def ping(call: Here, webhook: Number) -> Ended:
    """Have it told a `ping`."""
    if not await stored.ping(call.connection, webhook):
        raise MissingError(MISSING)
    return Ended(id=webhook)


async def deliveries(call: Here, webhook: Number, limit: Limit = 50) -> Page[Delivery]:
    """The last events that it was told, or is still to be told."""
    if webhook not in {one.id for one in await stored.listing(call.connection)}:
        raise MissingError(MISSING)
    return Page(items=await stored.deliveries(call.connection, webhook, limit), next=None)


ENTRIES = (
    Entry("GET", "/webhooks", Action.MANAGE_WEBHOOKS, listing),
    Entry("POST", "/webhooks", Action.MANAGE_WEBHOOKS, add, status=201),
    Entry("POST", "/webhooks/{webhook}/ping", Action.MANAGE_WEBHOOKS, ping),
    Entry("POST", "/webhooks/{webhook}/end", Action.MANAGE_WEBHOOKS, end),
    Entry("GET", "/webhooks/{webhook}/deliveries", Action.MANAGE_WEBHOOKS, deliveries),
)
