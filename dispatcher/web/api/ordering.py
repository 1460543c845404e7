"""Orders to operators, for programs: given and taken as signed files, stopped, answered. Running one is left to people."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from campaigns.orders import Order
from dispatcher import control, orders
from dispatcher.control import Stopped
from dispatcher.errors import UserError
from dispatcher.lifecycle import Act
from dispatcher.review import office
from dispatcher.sealed import MOST_BYTES
from dispatcher.signing import SigningKey, open_signing_key
from dispatcher.store import orders as stored_orders
from dispatcher.store.orders import StoredOrder
from dispatcher.web.api.gate import Call, Entry, Here
from dispatcher.web.api.pages import Page
from dispatcher.web.door import MissingError
from dispatcher.web.rights import Action

Term = Annotated[str, Field(min_length=1, max_length=100)]


class New(BaseModel):
    """What is ordered: a wave that was approved for it, from the operator of a network whose key is trusted as `partner`."""

    edition: Term
    wave: Term
    network: Term
    partner: Term
    sender: Term


class Came(BaseModel):
    """The newest result of an order that was given."""

    made_at: datetime
    complete: bool
    planned: int
    segments: int
    statuses: dict[str, int]


class Ordered(BaseModel):
    """An order; `ran_as` is the campaign that runs it here, `partner` is null once its key is not trusted any more."""

    id: UUID
    given: bool
    partner: str | None
    network: str
    sender: str
    campaign: str
    wave: str
    areas: list[str]
    opens_at: datetime
    closes_at: datetime
    entered_by: str
    entered_at: datetime
    ran_as: str | None
    result: Came | None


def _key(call: Call) -> SigningKey:
    return open_signing_key(call.runtime.settings.signing_path, create=True)


async def _told(call: Call, stored: StoredOrder) -> Ordered:
    order = Order.model_validate(stored.content)
    return Ordered(
        id=stored.id,
        given=stored.given,
        partner=stored.partner,
        network=order.network,
        sender=order.sender,
        campaign=order.campaign.edition,
        wave=order.campaign.waves[0].slug,
        areas=list(order.areas),
        opens_at=order.opens_at,
        closes_at=order.closes_at,
        entered_by=stored.entered_by,
        entered_at=stored.entered_at,
        ran_as=stored.ran_as,
        result=await _came(call, stored.id),
    )


async def _came(call: Call, id_: UUID) -> Came | None:
    result = await orders.newest(call.connection, id_)
    if result is None:
        return None
    return Came(
        made_at=result.made_at,
        complete=result.complete,
        planned=result.planned,
        segments=result.segments,
        statuses=result.totals(),
    )


async def _found(call: Call, id_: UUID, *, given: bool | None = None) -> StoredOrder:
    stored = await stored_orders.find(call.connection, id_)
    if stored is None or given not in (None, stored.given):
        raise MissingError("There is no such order of your organisation.")
    return stored


async def listing(call: Here) -> Page[Ordered]:
    """Orders given and taken, the newest first."""
    found = await stored_orders.listing(call.connection)
    return Page(items=[await _told(call, stored) for stored in reversed(found)], next=None)


async def give(call: Here, asked: New) -> Ordered:
    """Make the signed order of a wave for the operator of a network."""
    wanted = orders.Wanted(**asked.model_dump(), by=call.by)
    order, _ = await orders.give(call.connection, _key(call), wanted, office(call.runtime.settings).routes)
    return await _told(call, await _found(call, order.id))


async def take(call: Here) -> Ordered:
    """Take in a signed order, sent as the body: checked and kept, nothing is sent to anybody."""
    taken = await orders.take(call.connection, _key(call), call.sent.read(), call.by)
    return await _told(call, await _found(call, taken.order.id))


async def show(call: Here, order: UUID) -> Ordered:
    """An order, and what has come back for it."""
    return await _told(call, await _found(call, order))


async def manifest(call: Here, order: UUID) -> dict[str, Any]:
    """The signed file of an order that was given, for its operator. That it was fetched is recorded."""
    await _found(call, order, given=True)
    return _signed(await orders.file(call.connection, _key(call), order, call.by))


def _signed(file: str) -> dict[str, Any]:
    """A signed file holds whatever its spaces and order are."""
    document: dict[str, Any] = json.loads(file)
    return document


async def pause(call: Here, order: UUID) -> Stopped:
    """Stop an order that runs here; the answer says how many messages were out, in flight and saved."""
    return await control.stop(call.connection, await _edition(call, order), call.by, Act.PAUSE)


async def resume(call: Here, order: UUID) -> Ordered:
    """Go on with an order that runs here."""
    await control.resume(call.connection, await _edition(call, order), call.by)
    return await show(call, order)


async def _edition(call: Call, id_: UUID) -> str:
    stored = await _found(call, id_, given=False)
    if stored.ran_as is None:
        raise UserError("Yêu cầu này chưa chạy.")
    return stored.ran_as


async def result(call: Here, order: UUID) -> dict[str, Any]:
    """The signed result of an order that runs here, as it stands: totals, no numbers."""
    await _found(call, order, given=False)
    _, file = await orders.report(call.connection, _key(call), order, call.by)
    return _signed(file)


async def answer(call: Here, order: UUID) -> Ordered:
    """Take in the signed result of an order that was given, sent as the body: checked against the order, and kept."""
    await _found(call, order, given=True)
    await orders.accept(call.connection, call.sent.read(), call.by, expected=order)
    return await show(call, order)


ENTRIES = (
    Entry("GET", "/orders", Action.SEE_ORDERS, listing),
    Entry("POST", "/orders", Action.GIVE_ORDER, give, status=201),
    Entry("POST", "/orders/file", Action.RUN_ORDER, take, status=201, largest=MOST_BYTES, file=True),
    Entry("GET", "/orders/{order}", Action.SEE_ORDERS, show),
    Entry("GET", "/orders/{order}/manifest", Action.SEE_ORDERS, manifest),
    Entry("POST", "/orders/{order}/pause", Action.RUN_ORDER, pause),
    Entry("POST", "/orders/{order}/resume", Action.RUN_ORDER, resume),
    Entry("POST", "/orders/{order}/result", Action.RUN_ORDER, result),
    Entry("POST", "/orders/{order}/answer", Action.ANSWER_ORDER, answer, largest=MOST_BYTES, file=True),
)
