"""The partner's room: orders given and taken, their signed files, an order run here, stopped and answered."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from starlette.datastructures import UploadFile
from starlette.responses import Response

from campaigns import places
from campaigns.campaign import Campaign
from campaigns.orders import Order, Result
from dispatcher import control, orders, rosters
from dispatcher.control import View
from dispatcher.errors import UserError
from dispatcher.importing import Imported
from dispatcher.lifecycle import Act, CampaignStatus, Status
from dispatcher.review import Office
from dispatcher.rosters import query
from dispatcher.runtime import Runtime
from dispatcher.sealed import MOST_BYTES
from dispatcher.signing import SigningKey, open_signing_key
from dispatcher.store import campaigns, users
from dispatcher.store import orders as stored_orders
from dispatcher.store.database import Connection, new_pool
from dispatcher.store.orders import StoredOrder
from dispatcher.web import campaign as one
from dispatcher.web.charts import bands, bar
from dispatcher.web.door import MissingError, Page, Visit
from dispatcher.web.rights import Action

# About two million lines: read while the person waits. Larger ones are for the command line.
LARGEST_ROSTER = 64 << 20
SHOWN_AREAS = 40
SHOWN_CELLS = 200
SIGNED = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Line:
    """An order in a list, with what has come back for it."""

    stored: StoredOrder
    order: Order
    result: Result | None


@dataclass(frozen=True, slots=True)
class Giveable:
    """A wave of an approved campaign, and one of the networks that it may be ordered from."""

    edition: str
    title: str
    wave: str
    network: str


def _key(visit: Visit) -> SigningKey:
    return open_signing_key(visit.runtime.settings.signing_path, create=True)


async def listing(visit: Visit) -> Response:
    return await _listing(visit)


async def _listing(visit: Visit, problem: str | None = None) -> Response:
    async with visit.desk(snapshot=True) as connection:
        lines = [
            Line(stored, Order.model_validate(stored.content), await orders.newest(connection, stored.id))
            for stored in await stored_orders.listing(connection)
        ]
        giveable = await _giveable(connection) if visit.may(Action.GIVE_ORDER) else []
        partners = [key.name for key in await stored_orders.trusted(connection)]
    return visit.show(
        "orders.html", 409 if problem else 200, given=[line for line in lines if line.stored.given][::-1],
        taken=[line for line in lines if not line.stored.given][::-1], giveable=giveable, partners=partners,
        senders=sorted(one.senders(visit)), key=_key(visit).public, problem=problem,
    )  # fmt: skip


async def _giveable(connection: Connection) -> list[Giveable]:
    return [
        Giveable(stored.edition, f"{stored.title}: {wave.title}", wave.slug, network)
        for stored in await campaigns.listing(connection)
        if stored.approved_hash and stored.status not in (CampaignStatus.FINISHED, CampaignStatus.CANCELLED)
        # Reading a definition costs a millisecond, and hardly any has a wave that operators send.
        if any(wave.get("order") for wave in stored.definition["waves"])
        for wave in Campaign.model_validate(stored.definition).waves
        for network in wave.order
    ]


async def give(visit: Visit) -> Response:
    """Make the signed order of a wave for the operator of a network."""
    edition, _, rest = visit.given("what").partition("/")
    wave, _, network = rest.partition("/")
    wanted = orders.Wanted(edition, wave, network, visit.given("partner"), visit.given("sender"), visit.by)
    try:
        async with visit.desk() as connection:
            order, _ = await orders.give(connection, _key(visit), wanted, one.routes(visit))
    except UserError as error:
        return await _listing(visit, str(error))
    return visit.go(f"/orders/{order.id}", visit.speech.word("Đã lập và ký yêu cầu; tải tệp rồi gửi cho nhà mạng."))


async def take(visit: Visit) -> Response:
    """A signed order that came in another way: checked and kept, nothing sent."""
    try:
        raw = await _file(visit, "order")
        async with visit.desk() as connection:
            taken = await orders.take(connection, _key(visit), raw, visit.by)
    except UserError as error:
        return await _listing(visit, str(error))
    told = visit.speech.word(
        "Yêu cầu này đã nhập trước đó, không có gì thay đổi." if taken.already else "Yêu cầu hợp lệ, chưa gửi gì."
    )
    return visit.go(f"/orders/{taken.order.id}", told)


async def _file(visit: Visit, name: str) -> bytes:
    file = visit.form.get(name)
    if not isinstance(file, UploadFile) or not file.filename:
        raise UserError("Chưa chọn tệp.")
    return await file.read(MOST_BYTES + 1)


async def _found(connection: Connection, visit: Visit, *, given: bool | None = None) -> StoredOrder:
    """The order that the address names, if this organisation gave or took it, or it was given to it."""
    try:
        stored = await stored_orders.find(connection, UUID(visit.path("order")))
    except ValueError:
        stored = None
    if stored is None or given not in (None, stored.given):
        raise MissingError("Không có yêu cầu gửi này ở đơn vị của bạn.")
    return stored


async def show(visit: Visit) -> Response:
    return await _show(visit)


async def _show(visit: Visit, problem: str | None = None) -> Response:
    async with visit.desk(snapshot=True) as connection:
        stored = await _found(connection, visit)
        result = await orders.newest(connection, stored.id)
        view = await control.view(connection, stored.ran_as) if stored.ran_as else None
    order = Order.model_validate(stored.content)
    known = places.areas()
    return visit.show(
        "order.html", 409 if problem else 200, stored=stored, order=order, result=result,
        areas=_by_province(order.areas[:SHOWN_AREAS]), shown=min(len(order.areas), SHOWN_AREAS), problem=problem,
        cells=result.cells[:SHOWN_CELLS] if result else (), places=known, Status=Status,
        limits=one.routes(visit), own=visit.by.casefold() == stored.entered_by.casefold(), **_progress(visit, view),
    )  # fmt: skip


def _by_province(codes: Sequence[str]) -> dict[str, list[str]]:
    """The names of communes by province, in their order; a code that is none of today's stands under its own name."""
    known, found = places.areas(), defaultdict[str, list[str]](list)
    for code in codes:
        area = known.get(code)
        found[area.province_name if area else ""].append(f"{area.kind} {area.name}" if area else code)
    return dict(found)


def _progress(visit: Visit, view: View | None) -> dict[str, object]:
    if view is None:
        return {"view": None, "bar": "", "bands": []}
    return {"view": view, "bar": bar(view.counts, visit.speech), "bands": bands(view.counts, visit.speech)}


async def manifest(visit: Visit) -> Response:
    """The signed file of an order that was given."""
    async with visit.desk() as connection:
        stored = await _found(connection, visit, given=True)
        file = await orders.file(connection, _key(visit), stored.id, visit.by)
    return _signed(file, f"yeu-cau-{stored.id.hex[:12]}.json")


def _signed(file: str, name: str) -> Response:
    return Response(file, media_type=SIGNED, headers={"content-disposition": f'attachment; filename="{name}"'})


async def run(visit: Visit) -> Response:
    """Read the subscribers, and approve and start what the order says: by another person than who took it."""
    async with visit.desk() as connection:
        stored = await _found(connection, visit, given=False)
    file = visit.form.get("subscribers")
    try:
        if not isinstance(file, UploadFile) or not file.filename:
            raise UserError("Chưa chọn tệp thuê bao (XLSX hoặc CSV).")
        if Path(file.filename).suffix.lower() == query.SUFFIX:
            raise UserError("Truy vấn thuê bao chỉ chạy bằng lệnh: dispatcher order run --subscribers TỆP.sql")
        await visit.doorman.prove(visit.person, visit.given("code"))
        url = visit.request.app.state.database_url
        running = _Running(visit.runtime, visit.person.organisation_id, stored.id, visit.by, one.office(visit), url)
        imported = await asyncio.to_thread(running.of, file.file, Path(file.filename).suffix.lower())
    except UserError as error:
        return await _show(visit, str(error))
    told = visit.speech.word(
        "Đang chạy: {lines} dòng, nhận {accepted}, trùng {duplicate}, loại {rejected} (ngoài địa bàn hoặc sai số).",
        lines=imported.audience.lines, accepted=imported.audience.accepted,
        duplicate=imported.audience.duplicate, rejected=imported.audience.rejected,
    )  # fmt: skip
    return visit.go(f"/orders/{stored.id}", told)


@dataclass(frozen=True)
class _Running:
    """An order on its way: in a thread with a loop of its own, so that nobody else waits; the file is gone afterwards."""

    runtime: Runtime
    organisation: int
    order: UUID
    by: str
    office: Office
    url: str

    def of(self, file: BinaryIO, kind: str) -> Imported:
        folder = Path(tempfile.mkdtemp(prefix="order-", dir=self.runtime.settings.folder))
        try:
            path = folder / f"thue-bao{kind if kind.isascii() else ''}"
            with path.open("xb") as kept:
                shutil.copyfileobj(file, kept, 1 << 20)
            rosters.read(path)
            return asyncio.run(self._run(path))
        finally:
            shutil.rmtree(folder)

    async def _run(self, path: Path) -> Imported:
        async with new_pool(self.url, 1) as pool, pool.connection() as connection:
            await users.act_for(connection, self.organisation)
            return await orders.run(
                connection, self.runtime.keyring, self.order, path, self.by, self.office, lambda _done, _total: None
            )


async def pause(visit: Visit) -> Response:
    async with visit.desk() as connection:
        stopped = await control.stop(connection, await _edition(connection, visit), visit.by, Act.PAUSE)
    told = visit.speech.word(
        "Đã ra ngoài {out} tin, đang trên đường {in_flight}, giữ lại được {saved}.",
        out=stopped.out, in_flight=stopped.in_flight, saved=stopped.saved,
    )  # fmt: skip
    return visit.go(f"/orders/{visit.path('order')}", f"{visit.speech.word('Đã tạm dừng.')} {told}")


async def resume(visit: Visit) -> Response:
    async with visit.desk() as connection:
        await control.resume(connection, await _edition(connection, visit), visit.by)
    return visit.go(f"/orders/{visit.path('order')}", visit.speech.word("Đang gửi tiếp."))


async def _edition(connection: Connection, visit: Visit) -> str:
    """The campaign that runs the order here."""
    stored = await _found(connection, visit, given=False)
    if stored.ran_as is None:
        raise UserError("Yêu cầu này chưa chạy.")
    return stored.ran_as


async def result(visit: Visit) -> Response:
    """The signed result of an order that is run here, as it stands."""
    async with visit.desk() as connection:
        stored = await _found(connection, visit, given=False)
        _, file = await orders.report(connection, _key(visit), stored.id, visit.by)
    return _signed(file, f"ket-qua-{stored.id.hex[:12]}.json")


async def answer(visit: Visit) -> Response:
    """A signed result that came back: checked against the order, and kept."""
    async with visit.desk() as connection:
        stored = await _found(connection, visit, given=True)
    try:
        raw = await _file(visit, "result")
        async with visit.desk() as connection:
            answered = await orders.accept(connection, raw, visit.by, expected=stored.id)
    except UserError as error:
        return await _show(visit, str(error))
    told = visit.speech.word("Kết quả này đã nhập trước đó." if answered.already else "Kết quả hợp lệ, đã lưu.")
    return visit.go(f"/orders/{stored.id}", told)


PAGES = (
    Page("/orders", Action.SEE_ORDERS, listing),
    Page("/orders", Action.GIVE_ORDER, give, "POST"),
    Page("/orders/file", Action.RUN_ORDER, take, "POST", largest=MOST_BYTES + (1 << 20)),
    Page("/orders/{order}", Action.SEE_ORDERS, show),
    Page("/orders/{order}/manifest", Action.SEE_ORDERS, manifest),
    Page("/orders/{order}/run", Action.RUN_ORDER, run, "POST", largest=LARGEST_ROSTER),
    Page("/orders/{order}/pause", Action.RUN_ORDER, pause, "POST"),
    Page("/orders/{order}/resume", Action.RUN_ORDER, resume, "POST"),
    Page("/orders/{order}/result", Action.RUN_ORDER, result, "POST"),
    Page("/orders/{order}/answer", Action.ANSWER_ORDER, answer, "POST", largest=MOST_BYTES + (1 << 20)),
)
