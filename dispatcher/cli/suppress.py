"""dispatcher suppress: numbers that must not be texted."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dispatcher.cli.audience import Map, RosterFile, SheetName, mapping
from dispatcher.cli.terminal import ME, AsJson, By, Desk, at_desk, give, number, out, progress, table
from dispatcher.correspondence import leave_alone, newest_suppressions
from dispatcher.importing import Order, import_suppressions
from dispatcher.store.suppressions import Scope

app = typer.Typer(help="Danh sách từ chối nhận: thêm, nhập tệp, xem.", no_args_is_help=True)

WhyNot = Annotated[str, typer.Option("--reason", help="Lý do không gửi, ví dụ: người dân từ chối nhận.")]


@app.command()
def add(
    numbers: Annotated[list[str], typer.Argument(metavar="SỐ...", help="Một hay nhiều số điện thoại.")],
    reason: WhyNot = "từ chối nhận",
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Thêm số vào danh sách; có hiệu lực ngay, cả với tin đang chờ gửi."""

    async def act(desk: Desk) -> tuple[int, int]:
        async with desk.pool.connection() as connection:
            return await leave_alone(connection, desk.keyring, numbers, reason, "command line", by)

    given, new = at_desk(act)
    if as_json:
        return give({"given": given, "new": new})
    out.print(f"Đã thêm {number(new)} số; {number(given - new)} số đã có sẵn.")
    return None


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
    columns = ("số", "lý do", "nguồn", "không nhận", "người thêm", "lúc")
    return table(f"Danh sách từ chối nhận ({number(total)} số)", columns, [tuple(row.values()) for row in rows])
