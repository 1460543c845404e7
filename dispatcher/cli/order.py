"""dispatcher order: waves that operators send to their own subscribers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from campaigns import places
from campaigns.calendar import spoken
from campaigns.orders import ELSEWHERE, Order, Result
from dispatcher import orders
from dispatcher.cli.terminal import (
    ME,
    AsJson,
    By,
    Desk,
    Edition,
    at_desk,
    fail,
    give,
    number,
    out,
    parent_folder,
    progress,
    table,
)
from dispatcher.lifecycle import Status
from dispatcher.review import office
from dispatcher.sealed import MOST_BYTES
from dispatcher.settings import Settings, load_routes
from dispatcher.signing import SigningKey, open_signing_key
from dispatcher.store import orders as stored
from dispatcher.words import NETWORK_WORDS, STATUS_WORDS

app = typer.Typer(
    help="Yêu cầu gửi: nhà mạng tự gửi tới thuê bao của mình, hai bên trao đổi bằng tệp đã ký.", no_args_is_help=True
)
result = typer.Typer(
    help="Kết quả của yêu cầu gửi: xuất ra để trả lại (--json), nhập vào để đối chiếu.", no_args_is_help=True
)
app.add_typer(result, name="result")

OrderId = Annotated[UUID, typer.Argument(metavar="MÃ", help="Mã của yêu cầu, xem bằng `dispatcher order list`.")]
File = Annotated[Path, typer.Argument(metavar="TỆP", help="Tệp đã ký mà bên kia gửi.")]
Output = Annotated[Path, typer.Option("-o", "--output", help="Tệp kết quả, đã ký.")]


def _key(settings: Settings) -> SigningKey:
    return open_signing_key(settings.signing_path, create=True)


@app.command()
def keys(as_json: AsJson = False) -> None:
    """Xem khóa công khai của nơi này và các khóa được tin cậy."""

    async def act(desk: Desk) -> dict[str, Any]:
        async with desk.pool.connection() as connection:
            trusted = await stored.trusted(connection)
        public = _key(desk.settings).public
        return {"id": public.id, "public_key": public.written, "trusted": trusted}

    found = at_desk(act)
    if as_json:
        return give(found)
    out.print(f"Khóa công khai của nơi này: {found['public_key']}", markup=False)
    out.print(f"Mã khóa, đọc qua điện thoại để đối chiếu: {found['id']}")
    rows = [(key.name, key.id, key.added_by, key.added_at) for key in found["trusted"]]
    return table("Khóa được tin cậy", ("tên", "mã khóa", "người thêm", "lúc"), rows)


@app.command()
def trust(
    name: Annotated[str, typer.Argument(metavar="TÊN", help="Tên gọi của đối tác, ví dụ viettel-lang-son.")],
    public_key: Annotated[str, typer.Argument(metavar="KHÓA", help="Khóa công khai mà đối tác gửi.")],
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Tin cậy khóa của một đối tác, sau khi đã đối chiếu mã khóa với họ qua đường khác."""

    async def act(desk: Desk) -> str:
        async with desk.pool.connection() as connection:
            return (await orders.trust(connection, name, public_key, by)).id

    id_ = at_desk(act)
    if as_json:
        return give({"name": name, "id": id_})
    return out.print(f"Đã tin cậy khóa {id_} của {name}. Hãy gọi điện cho họ để đối chiếu mã này.", markup=False)


@app.command()
def distrust(
    name: Annotated[str, typer.Argument(metavar="TÊN", help="Tên đã đặt khi tin cậy.")],
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Không tin cậy khóa của một đối tác nữa."""

    async def act(desk: Desk) -> None:
        async with desk.pool.connection() as connection:
            await orders.distrust(connection, name, by)

    at_desk(act)
    return give({"name": name}) if as_json else out.print(f"Không tin cậy khóa của {name} nữa.", markup=False)


@app.command()
def export(
    edition: Edition,
    wave: Annotated[str, typer.Option("--wave", help="Đợt gửi, trong tệp chiến dịch có order và areas.")],
    network: Annotated[str, typer.Option("--network", help="Thuê bao của nhà mạng nào.")],
    partner: Annotated[str, typer.Option("--for", help="Giao cho đối tác nào (tên trong `order keys`).")],
    output: Output,
    sender: Annotated[str | None, typer.Option("--sender", help="Tên hiển thị; mặc định theo routes.toml.")] = None,
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Lập yêu cầu gửi từ một chiến dịch đã duyệt, ký và ghi ra tệp."""
    parent_folder(output)

    async def act(desk: Desk) -> Order:
        wanted = orders.Wanted(edition, wave, network, partner, sender or _sender(desk.settings), by)
        async with desk.pool.connection() as connection:
            order, file = await orders.give(connection, _key(desk.settings), wanted, load_routes(desk.settings.routes))
            output.write_text(file, "utf-8")
        return order

    order = at_desk(act)
    if as_json:
        return give({**_told(order), "file": output})
    _print(order)
    return out.print(f"Đã ký và ghi vào {output}; gửi tệp này cho {partner}.", markup=False)


def _sender(settings: Settings) -> str:
    senders = {route.sender for route in load_routes(settings.routes)} if settings.routes.exists() else set()
    if len(senders) != 1:
        fail("Ghi tên hiển thị mà nhà mạng phải dùng: --sender TÊN.", 2)
    return senders.pop()


@app.command("import")
def import_(file: File, by: By = ME, as_json: AsJson = False) -> None:
    """Nhận một yêu cầu: kiểm tra chữ ký, nội dung, thời hạn. Chưa gửi gì."""

    async def act(desk: Desk) -> orders.Taken:
        async with desk.pool.connection() as connection:
            return await orders.take(connection, _key(desk.settings), _content(file), by)

    taken = at_desk(act)
    if as_json:
        return give({**_told(taken.order), "already": taken.already})
    _print(taken.order)
    if taken.already:
        return out.print("[yellow]Yêu cầu này đã nhập trước đó, không có gì thay đổi.[/]")
    return out.print(
        f"[green]Yêu cầu hợp lệ.[/] Người khác chạy bằng: dispatcher order run {taken.order.id} --subscribers TỆP"
    )


def _content(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(MOST_BYTES + 1)


@app.command()
def run(
    order_id: OrderId,
    subscribers: Annotated[
        Path,
        typer.Option(
            "--subscribers",
            exists=True,
            dir_okay=False,
            help="Thuê bao: tệp CSV hoặc XLSX có số và mã xã, hoặc tệp .sql chạy trên DISPATCHER_SUBSCRIBERS_URL.",
        ),
    ],
    by: Annotated[str, typer.Option("--by", help="Người duyệt và cho chạy; phải khác người nhập yêu cầu.")],
    as_json: AsJson = False,
) -> None:
    """Duyệt và chạy một yêu cầu đã nhận: chỉ thuê bao thuộc địa bàn của yêu cầu nhận tin."""

    async def act(desk: Desk) -> dict[str, Any]:
        known_here = office(desk.settings)
        url = desk.settings.subscribers_url
        with progress("Đang đọc thuê bao", quiet=as_json) as move:
            async with desk.pool.connection() as connection:
                imported = await orders.run(
                    connection, desk.keyring, order_id, subscribers, by, known_here, move,
                    url.get_secret_value() if url else None,
                )  # fmt: skip
                known = await stored.find(connection, order_id)
        return {
            "order": order_id,
            "campaign": known.ran_as if known else None,
            "lines": imported.audience.lines,
            "accepted": imported.audience.accepted,
            "duplicate": imported.audience.duplicate,
            "rejected": imported.audience.rejected,
            "recipients": imported.audience.recipients,
            "rejects_file": imported.rejects,
        }

    done = at_desk(act)
    if as_json:
        return give(done)
    out.print(
        f"{number(done['lines'])} dòng: nhận {number(done['accepted'])}, trùng {number(done['duplicate'])},"
        f" loại {number(done['rejected'])} (ngoài địa bàn hoặc sai số)."
    )
    return out.print(f"[green]Đang chạy.[/] Theo dõi: dispatcher campaign status {done['campaign']} --watch")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Liệt kê các yêu cầu đã giao và đã nhận."""

    async def act(desk: Desk) -> list[dict[str, Any]]:
        async with desk.pool.connection() as connection:
            found = await stored.listing(connection)
            results = [await orders.newest(connection, one.id) for one in found]
        return [_listed(one, came) for one, came in zip(found, results, strict=True)]

    rows = at_desk(act)
    if as_json:
        return give(rows)
    columns = ("mã", "chiều", "đối tác", "chiến dịch", "nhà mạng", "số xã", "chạy ở đây là", "kết quả")
    keep = ("id", "way", "partner", "campaign", "network", "communes", "ran_as", "result")
    return table("Yêu cầu gửi", columns, [tuple(row[name] for name in keep) for row in rows])


def _listed(one: stored.StoredOrder, came: Result | None) -> dict[str, Any]:
    order = Order.model_validate(one.content)
    told = None if came is None else f"{number(came.planned)} tin" + ("" if came.complete else ", chưa xong")
    return {
        **_told(order),
        "way": "đã giao" if one.given else "đã nhận",
        "partner": one.partner or one.partner_key,
        "ran_as": one.ran_as,
        "result": told,
    }


@app.command()
def show(order_id: OrderId, as_json: AsJson = False) -> None:
    """Xem một yêu cầu và kết quả mới nhất đã nhận về."""

    async def act(desk: Desk) -> tuple[Order, Result | None]:
        async with desk.pool.connection() as connection:
            found = await stored.find(connection, order_id)
            if found is None:
                fail(f"Không có yêu cầu {order_id}. Xem: dispatcher order list")
            return Order.model_validate(found.content), await orders.newest(connection, order_id)

    order, came = at_desk(act)
    if as_json:
        return give({**_told(order), "result": came.model_dump(mode="json") if came else None})
    _print(order)
    return _print_result(came) if came else None


@result.command("export")
def result_export(order_id: OrderId, output: Output, by: By = ME, as_json: AsJson = False) -> None:
    """Lập kết quả của một yêu cầu đang hoặc đã chạy ở đây, ký và ghi ra tệp: chỉ số liệu tổng hợp, không có số thuê bao."""
    parent_folder(output)

    async def act(desk: Desk) -> Result:
        async with desk.pool.connection() as connection:
            made, file = await orders.report(connection, _key(desk.settings), order_id, by)
            output.write_text(file, "utf-8")
        return made

    made = at_desk(act)
    if as_json:
        return give({**made.model_dump(mode="json"), "totals": made.totals(), "file": output})
    _print_result(made)
    return out.print(f"Đã ký và ghi vào {output}.", markup=False)


@result.command("import")
def result_import(file: File, by: By = ME, as_json: AsJson = False) -> None:
    """Nhận kết quả của một yêu cầu đã giao: kiểm tra chữ ký, đúng yêu cầu, số liệu cộng lại khớp."""

    async def act(desk: Desk) -> orders.Answered:
        async with desk.pool.connection() as connection:
            return await orders.accept(connection, _content(file), by)

    answered = at_desk(act)
    if as_json:
        came = answered.result
        return give({**came.model_dump(mode="json"), "totals": came.totals(), "already": answered.already})
    _print_result(answered.result)
    known = "[yellow]Kết quả này đã nhập trước đó.[/]" if answered.already else "[green]Kết quả hợp lệ.[/]"
    return out.print(known)


def _told(order: Order) -> dict[str, Any]:
    return {
        "id": order.id,
        "campaign": order.campaign.edition,
        "wave": order.campaign.waves[0].slug,
        "network": order.network,
        "communes": len(order.areas),
        "sender": order.sender,
        "texts": len(order.texts),
        "segments": max(text.segments for text in order.texts),
        "opens_at": order.opens_at,
        "closes_at": order.closes_at,
        "expires_at": order.expires_at,
        "giver": order.giver.name,
        "taker": order.taker.name,
        "approved_by": order.approval.by,
    }


def _print(order: Order) -> None:
    for line in (
        f"Yêu cầu {order.id}: {order.campaign.title}",
        f"Bên giao: {order.giver.name} (khóa {order.giver.key}); bên nhận: {order.taker.name}",
        f"Thuê bao {NETWORK_WORDS.get(order.network, order.network)} thuộc {number(len(order.areas))} xã, phường",
        f"Tên hiển thị: {order.sender}",
        f"Từ {spoken(order.opens_at)} đến {spoken(order.closes_at)}",
        f"Người duyệt: {order.approval.by}, {spoken(order.approval.at)}",
        *(f"Văn bản yêu cầu: {d.kind} {d.number} ngày {d.date:%d/%m/%Y}, {d.issuer}" for d in order.campaign.requests),
        f"Nội dung ({order.texts[0].segments} phần tin): {order.texts[0].body}",
    ):
        out.print(line, markup=False)


def _print_result(came: Result) -> None:
    out.print(
        f"Kết quả lập lúc {spoken(came.made_at)}: {number(came.planned)} tin, {number(came.segments)} phần tin"
        + ("." if came.complete else "; chưa xong, còn tin chưa có kết quả cuối cùng.")
    )
    rows = [
        (
            "các xã khác" if cell.area == ELSEWHERE else str(places.areas().get(cell.area or "", "chưa rõ")),
            "các nhà mạng" if cell.network == ELSEWHERE else NETWORK_WORDS.get(cell.network, cell.network),
            STATUS_WORDS[Status(cell.status)],
            cell.messages,
        )
        for cell in came.cells
    ]
    table(f"Số tin (ô dưới {came.small} tin được gộp)", ("xã", "nhà mạng", "trạng thái", "số tin"), rows)
