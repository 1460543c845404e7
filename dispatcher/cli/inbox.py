"""dispatcher inbox: texts from people."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from campaigns import msisdn
from dispatcher.cli.terminal import ME, AsJson, By, Desk, at_desk, fail, give, moment, number, out, table
from dispatcher.keyring import Keyring
from dispatcher.store import audit, inbound
from dispatcher.store.database import Connection
from dispatcher.store.inbound import Row

app = typer.Typer(help="Hộp thư đến: tin người dân nhắn tới, xem và chuyển.", no_args_is_help=True)

TextId = Annotated[int, typer.Argument(metavar="MÃ-TIN", help="Mã của tin, xem bằng `dispatcher inbox list`.")]
ERASED = "đã xóa"


@app.command("list")
def list_(
    written: Annotated[str | None, typer.Option("--number", help="Chỉ tin từ số này.")] = None,
    refusals: Annotated[
        bool | None, typer.Option("--refusals/--others", help="Chỉ tin từ chối nhận, hoặc chỉ các tin khác.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Tối đa bao nhiêu tin, mới nhất trước.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Xem hộp thư đến; số được che bớt."""
    wanted = _number(written) if written else None

    async def act(desk: Desk) -> list[dict[str, Any]]:
        person = desk.keyring.hash(wanted) if wanted else None
        async with desk.pool.connection() as connection:
            rows = await inbound.newest(connection, limit=limit, person=person, refusal=refusals)
        return [_told(row, desk.keyring) for row in rows]

    found = at_desk(act)
    if as_json:
        return give(found)
    columns = ("mã tin", "lúc", "từ số", "gửi tới", "nội dung", "từ chối nhận", "đã chuyển cho")
    rows = [
        (str(t["id"]), t["received_at"], t["msisdn"], t["sent_to"], t["text"], t["refusal"], t["forwarded_to"])
        for t in found
    ]
    return table(f"Hộp thư đến ({number(len(rows))} tin)", columns, rows)


@app.command()
def show(id_: TextId, as_json: AsJson = False) -> None:
    """Xem một tin; số được che bớt."""

    async def act(desk: Desk) -> dict[str, Any]:
        async with desk.pool.connection() as connection:
            return _told(await _found(connection, id_), desk.keyring)

    told = at_desk(act)
    return give(told) if as_json else _print(told)


@app.command()
def forward(
    id_: TextId,
    to: Annotated[str, typer.Option("--to", help="Chuyển cho ai, ví dụ: Công an phường Kỳ Lừa.")],
    reason: Annotated[str, typer.Option("--reason", help="Lý do chuyển.")] = "",
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Lấy một tin với đủ số để chuyển cho nơi giải quyết; việc này được ghi vào nhật ký thao tác."""

    async def act(desk: Desk) -> dict[str, Any]:
        async with desk.pool.connection() as connection:
            await _found(connection, id_)
            await inbound.forward(connection, id_, to, by)
            await audit.record(connection, by, "inbound.forward", str(id_), to=to, reason=reason)
            return _told(await _found(connection, id_), desk.keyring, reveal=True)

    told = at_desk(act)
    return give(told) if as_json else _print(told)


def _number(written: str) -> str:
    read = msisdn.normalise(written)
    if read.rejected or len(read.numbers) != 1:
        fail(f"--number {written}: cần đúng một số di động, ví dụ 0912345678.", 2)
    return read.numbers[0]


async def _found(connection: Connection, id_: int) -> Row:
    row = await inbound.find(connection, id_)
    return row or fail(f"Không có tin {id_} trong hộp thư đến. Xem: dispatcher inbox list")


def _told(row: Row, keyring: Keyring, *, reveal: bool = False) -> dict[str, Any]:
    return {
        "id": row.id,
        "received_at": row.received_at,
        "msisdn": _person(row, keyring, reveal=reveal),
        "sent_to": row.sent_to,
        "route": row.route,
        "text": row.body,
        "complete": row.complete,
        "refusal": row.refusal,
        "forwarded_to": row.forwarded_to,
        "forwarded_by": row.forwarded_by,
        "forwarded_at": row.forwarded_at,
    }


def _person(row: Row, keyring: Keyring, *, reveal: bool) -> str:
    if row.cipher is None or row.key_id is None:
        return ERASED
    person = keyring.decrypt(row.cipher, row.msisdn_hash, row.key_id)
    return msisdn.spoken(person) if reveal else msisdn.mask(person)


def _print(told: dict[str, Any]) -> None:
    lines = [
        f"Tin {told['id']}, nhận lúc {moment(told['received_at'])} qua {told['route']}",
        f"Từ số: {told['msisdn']}",
        f"Gửi tới: {told['sent_to']}",
        "Người này từ chối nhận tin, đã vào danh sách từ chối nhận." if told["refusal"] else "",
        "" if told["complete"] else "Tin đến thiếu phần.",
        f"Đã chuyển cho {told['forwarded_to']} ({told['forwarded_by']})" if told["forwarded_to"] else "",
        "",
        told["text"],
    ]
    first, *rest = lines
    for line in [first, *(line for line in rest[:-2] if line), *rest[-2:]]:
        out.print(line, markup=False)
