"""dispatcher suppress: numbers that must not be texted."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dispatcher import releases
from dispatcher.cli.audience import Map, RosterFile, SheetName, mapping
from dispatcher.cli.terminal import ME, AsJson, By, Desk, at_desk, give, number, out, progress, table
from dispatcher.correspondence import leave_alone, newest_suppressions, one_number
from dispatcher.importing import Order, import_suppressions
from dispatcher.releases import Released
from dispatcher.store.suppressions import Refused, Scope

app = typer.Typer(help="Danh sách từ chối nhận: thêm, nhập tệp, xem, gửi lại.", no_args_is_help=True)

RELEASED_WORDS = {
    Released.FROM_TOPICS: "Số này nhận lại mọi tin.",
    Released.TO_ADVERTISING: "Số này nhận lại tin; tin quảng cáo vẫn không gửi.",
    Released.ASKED: "Đã ghi đề nghị gửi lại cả quảng cáo; một người khác xem lại rồi chạy cùng lệnh này.",
    Released.WHOLLY: "Số này nhận lại mọi tin, kể cả quảng cáo.",
}
WhyNot = Annotated[str, typer.Option("--reason", help="Lý do không gửi, ví dụ: người dân từ chối nhận.")]


@app.command()
def add(
    numbers: Annotated[list[str], typer.Argument(metavar="SỐ...", help="Một hay nhiều số điện thoại.")],
    reason: WhyNot = "từ chối nhận",
    only_advertising: Annotated[
        bool, typer.Option("--only-advertising", help="Những số này chỉ không nhận tin quảng cáo.")
    ] = False,
    topics: Annotated[
        list[str] | None, typer.Option("--topic", help="Chỉ không nhận tin về chủ đề này (topics của chiến dịch).")
    ] = None,
    proof: Annotated[str, typer.Option("--proof", help="Căn cứ, ví dụ: Đơn số 5 ngày 02/6/2026.")] = "",
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Thêm số vào danh sách; có hiệu lực ngay, cả với tin đang chờ gửi."""
    scope = Scope.ADVERTISING if only_advertising else Scope.TOPICS if topics else Scope.ALL
    refused = Refused(scope, tuple(topics or ()))

    async def act(desk: Desk) -> tuple[int, int]:
        async with desk.pool.connection() as connection:
            return await leave_alone(
                connection, desk.keyring, numbers, reason, "command line", by, refused, proof=proof
            )

    given, new = at_desk(act)
    if as_json:
        return give({"given": given, "new": new})
    out.print(f"Đã thêm {number(new)} số; {number(given - new)} số đã có sẵn.")
    return None


@app.command()
def release(
    written: Annotated[str, typer.Argument(metavar="SỐ", help="Một số điện thoại.")],
    reason: Annotated[str, typer.Option("--reason", help="Căn cứ để gửi lại, ví dụ: chủ thuê bao đề nghị, Đơn số 9.")],
    advertising: Annotated[
        bool, typer.Option("--advertising", help="Gửi lại cả quảng cáo; cần hai người, mỗi người chạy một lần.")
    ] = False,
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Gửi lại cho một số đã từ chối; quảng cáo chỉ khi hai người cùng đồng ý. Lời từ chối cũ vẫn được giữ."""
    wanted = one_number(written)

    async def act(desk: Desk) -> Released:
        async with desk.pool.connection() as connection:
            return await releases.release(connection, desk.keyring.hash(wanted), reason, by, advertising=advertising)

    done = at_desk(act)
    return give({"released": done}) if as_json else out.print(RELEASED_WORDS[done])


@app.command("import")
def import_(
    file: RosterFile,
    reason: WhyNot = "từ chối nhận",
    map_: Map = None,
    sheet: SheetName = None,
    only_advertising: Annotated[
        bool,
        typer.Option(
            "--only-advertising", help="Danh sách không quảng cáo: những số này chỉ không nhận tin quảng cáo."
        ),
    ] = False,
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Nhập cả một tệp số vào danh sách từ chối nhận."""
    order = Order(file, "", by, mapping(map_), sheet)
    scope = Scope.ADVERTISING if only_advertising else Scope.ALL

    async def act(desk: Desk) -> dict[str, object]:
        with progress("Đang nhập", quiet=as_json) as move:
            async with desk.pool.connection() as connection:
                tally, new, rejects = await import_suppressions(connection, desk.keyring, order, reason, move, scope)
        return {"lines": tally.lines, "rejected": tally.rejected, "new": new, "rejects_file": rejects}

    done = at_desk(act)
    if as_json:
        return give(done)
    out.print(f"{done['lines']} dòng: {done['new']} số mới, {done['rejected']} dòng bị loại.")
    if done["rejects_file"]:
        out.print(f"Dòng bị loại: {done['rejects_file']}", markup=False)
    return None


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Tối đa bao nhiêu số, mới nhất trước.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Xem danh sách; số được che bớt."""

    async def act(desk: Desk) -> tuple[int, list[dict[str, Any]]]:
        async with desk.pool.connection() as connection:
            return await newest_suppressions(connection, desk.keyring, limit)

    total, rows = at_desk(act)
    if as_json:
        return give({"total": total, "numbers": rows})
    columns = ("số", "lý do", "nguồn", "căn cứ", "không nhận", "chủ đề", "người thêm", "lúc")
    return table(f"Danh sách từ chối nhận ({number(total)} số)", columns, [_cells(row) for row in rows])


def _cells(row: dict[str, Any]) -> tuple[object, ...]:
    return tuple(", ".join(cell) if isinstance(cell, list) else cell for cell in row.values())
