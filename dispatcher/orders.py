"""Orders to operators for their own subscribers: given as a signed file, run where taken, answered by a signed result."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from pydantic import ValidationError

from campaigns import orders as documents
from campaigns import schedule
from campaigns.calendar import spoken
from campaigns.campaign import Campaign
from campaigns.orders import Approval, Order, Party, People, Result
from dispatcher import approval, control, importing, routing
from dispatcher.errors import UserError
from dispatcher.importing import Imported, Progress
from dispatcher.keyring import Keyring
from dispatcher.lifecycle import FINAL, Status
from dispatcher.review import Office
from dispatcher.rosters import query
from dispatcher.sealed import Opened, seal, unseal
from dispatcher.settings import RouteConfig, explain
from dispatcher.signing import PublicKey, SigningKey, read_public_key
from dispatcher.store import audiences, audit, orders
from dispatcher.store.database import Connection
from dispatcher.store.orders import StoredOrder, StoredResult, TrustedKey

Document = TypeVar("Document", Order, Result)


class OrderError(UserError):
    """An order or a result that cannot be given, believed or run; says why."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is ordered: the wave of a campaign, from the operator of a network, whose key has that name here."""

    edition: str
    wave: str
    network: str
    partner: str
    sender: str
    by: str


@dataclass(frozen=True, slots=True)
class Taken:
    """An order that came in; `already`: it had come before."""

    order: Order
    already: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """A result that came in."""

    order: Order
    result: Result
    already: bool


async def trust(connection: Connection, name: str, written: str, by: str) -> PublicKey:
    """Believe what that key signs. Raises `OrderError`, `SigningError`."""
    key = read_public_key(written)
    if not await orders.trust(connection, TrustedKey(key.id, name, key.written, by, await orders.now(connection))):
        raise OrderError(f"Khóa {key.id} hoặc tên {name} đã có trong danh sách tin cậy; xem: dispatcher order keys")
    await audit.record(connection, by, "order.trust", name, key=key.id)
    return key


async def distrust(connection: Connection, name: str, by: str) -> None:
    """Believe nothing more that this partner's key signs. Raises `OrderError`."""
    if not await orders.distrust(connection, name):
        raise OrderError(f"Không có {name} trong danh sách tin cậy; xem: dispatcher order keys")
    await audit.record(connection, by, "order.distrust", name)


async def give(
    connection: Connection, key: SigningKey, wanted: Wanted, routes: Sequence[RouteConfig]
) -> tuple[Order, str]:
    """The order and its signed file. Raises `ControlError`, `OrderError`."""
    stored = await control.approved(connection, wanted.edition, routes)
    campaign = _only(Campaign.model_validate(stored.definition), wanted)
    partner = await _partner(connection, wanted.partner)
    if stored.approved_by is None or stored.approved_at is None or stored.approved_hash is None:
        raise OrderError(f"Chiến dịch {wanted.edition} chưa được duyệt.")
    (planned,) = schedule.waves(campaign)
    areas = documents.communes(campaign.waves[0].areas)
    now = await orders.now(connection)
    if planned.closes_at <= now:
        raise OrderError(f"Đợt {wanted.wave} đã kết thúc.")
    order = Order(
        id=uuid.uuid4(),
        made_at=now,
        expires_at=planned.closes_at,
        giver=Party(key=key.id, name=campaign.owner or ""),
        taker=Party(key=partner.id, name=partner.name),
        network=wanted.network,
        areas=areas,
        sender=wanted.sender,
        campaign=campaign,
        texts=documents.bodies(campaign, areas),
        opens_at=planned.opens_at,
        closes_at=planned.closes_at,
        window=(planned.window_from, planned.window_to),
        approval=Approval(hash=stored.approved_hash, by=stored.approved_by, at=stored.approved_at),
    )
    file = seal(order.model_dump(mode="json"), key)
    opened = unseal(file.encode(), lambda _id: key.public)
    await orders.put(connection, order.id, opened.digest, opened.content, partner.id, wanted.by, given=True)
    await audit.record(
        connection, wanted.by, "order.give", str(order.id),
        campaign=wanted.edition, wave=wanted.wave, network=wanted.network, partner=partner.name, digest=opened.digest,
    )  # fmt: skip
    return order, file


async def file(connection: Connection, key: SigningKey, order_id: UUID, by: str) -> str:
    """The signed file of an order that was given, as it was first handed out. Raises `OrderError`."""
    stored, order = await _known(connection, order_id, given=True)
    if order.giver.key != key.id:
        raise OrderError(f"Yêu cầu này được ký bằng khóa {order.giver.key}, nay nơi này dùng khóa {key.id}.")
    await audit.record(connection, by, "order.fetch", str(order_id), digest=stored.digest)
    return seal(stored.content, key)


def _only(campaign: Campaign, wanted: Wanted) -> Campaign:
    """The campaign with the ordered wave alone."""
    found = {wave.slug: wave for wave in campaign.waves if wave.order}
    wave = found.get(wanted.wave)
    if wave is None:
        raise OrderError(
            f"Chiến dịch {wanted.edition} không có đợt {wanted.wave} để nhà mạng tự gửi."
            f" Các đợt như vậy: {', '.join(found) or 'không có'}."
        )
    if wanted.network not in wave.order:
        raise OrderError(f"Đợt {wanted.wave} đã duyệt cho {', '.join(wave.order)}, không có {wanted.network}.")
    return campaign.model_copy(update={"waves": (wave,), "audience": None})


async def _partner(connection: Connection, name: str) -> TrustedKey:
    known = {key.name: key for key in await orders.trusted(connection)}
    if name not in known:
        raise OrderError(
            f"Chưa có khóa của {name}; thêm bằng: dispatcher order trust. Hiện có: {', '.join(known) or 'chưa có'}."
        )
    return known[name]


async def take(connection: Connection, key: SigningKey, raw: bytes, by: str) -> Taken:
    """Check an order that came in, and keep it. Raises `SealError`, `OrderError`."""
    opened, order = await _opened(connection, raw, Order, documents.ORDER_KIND)
    if order.giver.key != opened.key.id:
        raise OrderError(f"Yêu cầu ghi bên gửi có khóa {order.giver.key}, nhưng được ký bằng khóa {opened.key.id}.")
    if order.taker.key != key.id:
        raise OrderError(
            f"Yêu cầu này gửi cho {order.taker.name} (khóa {order.taker.key}), không phải cho nơi này ({key.id})."
        )
    if wrong := list(documents.faults(order)):
        raise OrderError(f"Yêu cầu {order.id} mâu thuẫn: {'; '.join(wrong)}.")
    await _in_time(connection, order)
    there = await orders.find(connection, order.id)
    if there and there.digest != opened.digest:
        raise OrderError(f"Yêu cầu {order.id} đã nhập trước đó với nội dung khác; không nhận bản này. Hỏi lại bên gửi.")
    if there is None:
        await orders.put(connection, order.id, opened.digest, opened.content, opened.key.id, by, given=False)
        await audit.record(connection, by, "order.take", str(order.id), giver=order.giver.name, digest=opened.digest)
    return Taken(order, already=there is not None)


async def _opened(connection: Connection, raw: bytes, model: type[Document], kind: str) -> tuple[Opened, Document]:
    keys = {key.id: read_public_key(key.public_key) for key in await orders.trusted(connection)}
    opened = unseal(raw, keys.get)
    if opened.content.get("kind") != kind:
        raise OrderError(f"Đây là {opened.content.get('kind')!r}, cần {kind!r}.")
    if opened.content.get("version") != documents.VERSION:
        raise OrderError(
            f"Phiên bản {opened.content.get('version')} của tệp chưa đọc được; cần bản Dispatcher mới hơn."
        )
    try:
        return opened, model.model_validate(opened.content)
    except ValidationError as error:
        raise OrderError(explain(error, "Tệp")) from None


async def _in_time(connection: Connection, order: Order) -> None:
    if order.expires_at <= await orders.now(connection):
        raise OrderError(f"Yêu cầu {order.id} đã hết hiệu lực lúc {spoken(order.expires_at)}.")


async def run(
    connection: Connection,
    keyring: Keyring,
    order_id: UUID,
    subscribers: Path,
    by: str,
    office: Office,
    progress: Progress,
    url: str | None = None,
) -> Imported:
    """Read the subscribers, and approve and start the campaign that texts those of the ordered communes.

    Whoever runs an order approves it, and so is another person than who took it. All in the caller's transaction: an order is
    run or not. `office` has the routes, `url` is for a query. Raises `UserError` of many kinds.
    """
    stored, order = await _known(connection, order_id, given=False)
    if stored.ran_as:
        raise OrderError(f"Yêu cầu {order_id} đã chạy, là chiến dịch {stored.ran_as}; không chạy lần thứ hai.")
    if stored.partner is None:
        raise OrderError(f"Khóa {stored.partner_key} của bên gửi không còn được tin cậy.")
    await _in_time(connection, order)
    if other := sorted(_used(office.routes) - {order.sender}):
        raise OrderError(
            f"Yêu cầu ghi tên hiển thị {order.sender}, nhưng đường gửi ở đây gửi với tên {', '.join(other)}."
        )
    campaign = _own(order)
    roster = query.read(subscribers, url) if subscribers.suffix.lower() == query.SUFFIX else None
    asked = importing.Order(subscribers, campaign.audience or "", by, areas=frozenset(order.areas))
    imported = await importing.import_audience(connection, keyring, asked, progress, roster)
    await control.add(connection, campaign, stored.entered_by)
    await approval.approve(connection, campaign.edition, by, office, accept=f"chạy theo yêu cầu {order_id}")
    await control.start(connection, campaign.edition, by, office.routes)
    await orders.mark_run(connection, order_id, campaign.edition, by)
    await audit.record(connection, by, "order.run", str(order_id), campaign=campaign.edition)
    return imported


def _used(routes: Iterable[RouteConfig]) -> set[str]:
    """The names that the routes in use send under."""
    found = list(routes)
    used = set(routing.table(found).values())
    return {route.sender for route in found if route.name in used}


def _own(order: Order) -> Campaign:
    """The campaign as it runs here: under a name of its own, to the subscribers read for it."""
    name = order.id.hex[:12]
    waves = tuple(wave.model_copy(update={"order": (), "areas": ()}) for wave in order.campaign.waves)
    return order.campaign.model_copy(update={"slug": f"order_{name}", "audience": f"order-{name}", "waves": waves})


async def _known(connection: Connection, order_id: UUID, *, given: bool) -> tuple[StoredOrder, Order]:
    stored = await orders.find(connection, order_id, lock=True)
    if stored is None or stored.given is not given:
        side = "đã giao đi" if given else "đã nhận"
        raise OrderError(f"Không có yêu cầu {order_id} {side} ở đây. Xem: dispatcher order list")
    return stored, Order.model_validate(stored.content)


async def report(connection: Connection, key: SigningKey, order_id: UUID, by: str) -> tuple[Result, str]:
    """What has become of an order that is run here, as it stands, and the signed file of it. Raises `OrderError`."""
    stored, _ = await _known(connection, order_id, given=False)
    if stored.ran_as is None:
        raise OrderError(f"Yêu cầu {order_id} chưa chạy; chạy bằng: dispatcher order run")
    counted, segments = await orders.counted(connection, stored.ran_as)
    audience = await audiences.newest(connection, f"order-{order_id.hex[:12]}")
    if audience is None:
        raise LookupError(f"the audience of order {order_id} is gone")
    result = Result(
        order=order_id,
        digest=stored.digest,
        made_at=await orders.now(connection),
        complete=bool(counted) and all(Status(status) in FINAL for _area, _network, status in counted),
        people=People(**{name: getattr(audience, name) for name in People.model_fields}),
        planned=sum(counted.values()),
        segments=segments,
        small=documents.SMALL,
        cells=documents.cells(counted),
    )
    file = seal(result.model_dump(mode="json"), key)
    await audit.record(connection, by, "order.report", str(order_id), planned=result.planned, complete=result.complete)
    return result, file


async def accept(connection: Connection, raw: bytes, by: str, expected: UUID | None = None) -> Answered:
    """Check a result that came back, of the order that is `expected` or of any, and keep it. Raises `SealError`, `OrderError`."""
    opened, result = await _opened(connection, raw, Result, documents.RESULT_KIND)
    if expected not in (None, result.order):
        raise OrderError(f"Kết quả này là của yêu cầu {result.order}, không phải của {expected}.")
    stored, order = await _known(connection, result.order, given=True)
    if opened.key.id != stored.partner_key:
        raise OrderError(f"Kết quả ký bằng khóa {opened.key.id}, nhưng yêu cầu đã giao cho khóa {stored.partner_key}.")
    if result.digest != stored.digest:
        raise OrderError(
            f"Kết quả là của một bản khác của yêu cầu {order.id}: nội dung đã chạy không phải nội dung đã giao."
        )
    if wrong := list(documents.wrong_result(result, order, tuple(Status))):
        raise OrderError(f"Kết quả của yêu cầu {order.id} không hợp lý: {'; '.join(wrong)}.")
    before = await orders.newest_result(connection, order.id)
    if before and before.made_at > result.made_at:
        raise OrderError(f"Kết quả này cũ hơn kết quả đã có, lập lúc {spoken(before.made_at)}.")
    new = await orders.put_result(connection, order.id, StoredResult(opened.digest, opened.content, result.made_at), by)
    if new:
        await audit.record(
            connection, by, "order.result", str(order.id), digest=opened.digest, complete=result.complete
        )
    return Answered(order, result, already=not new)


async def newest(connection: Connection, order_id: UUID) -> Result | None:
    """What came back last for an order."""
    stored = await orders.newest_result(connection, order_id)
    return Result.model_validate(stored.content) if stored else None
