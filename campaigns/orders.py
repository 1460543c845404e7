"""An order to an operator, to text its own subscribers, and the result that comes back: two documents without numbers."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field

from campaigns import compose, places, schedule
from campaigns.campaign import Campaign, Part
from campaigns.msisdn import UNKNOWN, networks

VERSION: Final = 1
ORDER_KIND: Final = "dispatcher-order"
RESULT_KIND: Final = "dispatcher-order-result"
SMALL = 5  # fewer people than this in a cell could be pointed at
ELSEWHERE = "*"  # a cell of several communes or networks that would be small alone

Key = tuple[str | None, str, str]  # commune, network, status
Count = Annotated[int, Field(ge=0)]


class Party(Part):
    """An installation, by the id of its signing key; `name` is for people."""

    key: str
    name: str


class Body(Part):
    """One text that is sent, as `campaigns.compose` makes it."""

    area_code: str | None
    language: str
    body: str
    encoding: str
    segments: int


class Approval(Part):
    """Who approved the campaign, and the seal over what was approved."""

    hash: str
    by: str
    at: datetime.datetime


class Order(Part):
    """All subscribers of `network` in the communes `areas` get what the one wave of `campaign` says.

    `texts` and the hours follow from the campaign; they are written out for people and for whoever has other software.
    """

    kind: Literal["dispatcher-order"] = ORDER_KIND
    version: Literal[1] = VERSION
    id: UUID
    made_at: datetime.datetime
    expires_at: datetime.datetime
    giver: Party
    taker: Party
    network: str
    areas: tuple[str, ...]
    sender: str
    campaign: Campaign
    texts: tuple[Body, ...]
    opens_at: datetime.datetime
    closes_at: datetime.datetime
    window: tuple[datetime.time, datetime.time]
    approval: Approval


class People(Part):
    """The accounts of the subscribers that were read: lines = accepted + duplicate + rejected."""

    lines: Count
    accepted: Count
    duplicate: Count
    rejected: Count


class Cell(Part):
    """So many messages; `area` and `network` may be `ELSEWHERE`, and `area` None where the commune is not known."""

    area: str | None
    network: str
    status: str
    messages: Count


class Result(Part):
    """What became of an order; `digest` is that of the order as it was run. `complete`: no message will change any more."""

    kind: Literal["dispatcher-order-result"] = RESULT_KIND
    version: Literal[1] = VERSION
    order: UUID
    digest: str
    made_at: datetime.datetime
    complete: bool
    people: People
    planned: Count
    segments: Count
    small: Count
    cells: tuple[Cell, ...]

    def totals(self) -> dict[str, int]:
        """status -> messages."""
        counted: Counter[str] = Counter()
        for cell in self.cells:
            counted[cell.status] += cell.messages
        return dict(sorted(counted.items()))


def communes(phrases: Iterable[str]) -> tuple[str, ...]:
    """Places, by name or code, as commune codes, each once, in order. What is no place is none of them: the order then differs."""
    found: set[str] = set()
    for phrase in phrases:
        with suppress(places.PlaceError):
            found |= places.chosen(phrase)
    return tuple(sorted(found))


def bodies(campaign: Campaign, areas: Collection[str]) -> tuple[Body, ...]:
    """What the one wave of an order's campaign says in these communes."""
    variants = compose.variants(campaign, campaign.waves[0].slug, areas)
    return tuple(Body(**{name: getattr(variant, name) for name in Body.model_fields}) for variant in variants)


def faults(order: Order) -> Iterator[str]:
    """What in an order contradicts the rest of it, in Vietnamese."""
    if len(order.campaign.waves) != 1:
        yield f"có {len(order.campaign.waves)} đợt gửi thay vì một"
        return
    (planned,) = schedule.waves(order.campaign)
    if (order.opens_at, order.closes_at) != (planned.opens_at, planned.closes_at):
        yield "thời gian gửi không khớp với đợt gửi trong chiến dịch"
    if order.window != (planned.window_from, planned.window_to):
        yield "khung giờ gửi không khớp với đợt gửi trong chiến dịch"
    if unknown := sorted(set(order.areas) - set(places.areas())):
        yield f"địa bàn có mã lạ: {', '.join(unknown[:5])}"
    elif order.areas != communes(order.campaign.waves[0].areas):
        yield "địa bàn không khớp với đợt gửi đã duyệt"
    if order.network not in order.campaign.waves[0].order:
        yield f"nhà mạng {order.network} không có trong đợt gửi đã duyệt"
    if order.expires_at > order.closes_at:
        yield "còn hiệu lực sau khi đợt gửi kết thúc"
    try:
        composed = bodies(order.campaign, order.areas)
    except (KeyError, ValueError):
        composed = ()
    if order.texts != composed:
        yield "nội dung tin không khớp với chiến dịch đã duyệt"


def wrong_result(result: Result, order: Order, statuses: Collection[str]) -> Iterator[str]:
    """What in a result cannot be, in Vietnamese."""
    people = result.people
    if people.lines != people.accepted + people.duplicate + people.rejected:
        yield "số dòng thuê bao không bằng nhận + trùng + loại"
    if sum(result.totals().values()) != result.planned:
        yield f"cộng các ô được {sum(result.totals().values())} tin, nhưng ghi đã lập {result.planned} tin"
    if unknown := set(result.totals()) - set(statuses):
        yield f"có trạng thái lạ: {', '.join(sorted(unknown))}"
    if unknown := {cell.area or ELSEWHERE for cell in result.cells} - {*order.areas, ELSEWHERE}:
        yield f"có địa bàn ngoài yêu cầu: {', '.join(sorted(unknown))}"
    if unknown := {cell.network for cell in result.cells} - {*networks(), UNKNOWN, ELSEWHERE}:
        yield f"có nhà mạng lạ: {', '.join(sorted(unknown))}"
    if any(0 < cell.messages < result.small for cell in result.cells if cell.network != ELSEWHERE):
        yield f"có ô dưới {result.small} tin, có thể lộ từng người"


def cells(counted: Mapping[Key, int], small: int = SMALL) -> tuple[Cell, ...]:
    """(commune, network, status) -> messages as cells none of which points at somebody; the sum stays what it is.

    A cell that is too small is put together with the others of its network and status, then with those of its status.
    The last may still be small: it says nothing but how many had that status anywhere.
    """
    pooled = _pooled(counted, small, lambda key: (ELSEWHERE, key[1], key[2]))
    pooled = _pooled(pooled, small, lambda key: (ELSEWHERE, ELSEWHERE, key[2]))
    ordered = sorted(pooled.items(), key=lambda item: tuple(part or "" for part in item[0]))
    return tuple(Cell(area=key[0], network=key[1], status=key[2], messages=n) for key, n in ordered)


def _pooled(counted: Mapping[Key, int], small: int, wider: Callable[[Key], Key]) -> dict[Key, int]:
    pooled: Counter[Key] = Counter()
    for key, messages in counted.items():
        pooled[key if messages >= small else wider(key)] += messages
    return dict(pooled)
