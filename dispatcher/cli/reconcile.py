"""dispatcher route reconcile: a carrier's invoice or delivery list beside our log."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from dispatcher import reconciling
from dispatcher.cli.terminal import (
    ME,
    AsJson,
    By,
    Desk,
    at_desk,
    fail,
    give,
    number,
    out,
    parent_folder,
    progress,
    table,
)
from dispatcher.reconciling import BILL, WORDS, Bill, Reconciled
from dispatcher.settings import load_routes, load_settings

DIFFERENT = 3
DAY = ["%Y-%m-%d"]


def reconcile(
    route: Annotated[str, typer.Argument(metavar="ĐƯỜNG-GỬI", help="Tên đường gửi trong routes.toml.")],
    file: Annotated[Path, typer.Argument(metavar="TỆP", help="Bảng kê của nhà mạng, CSV hoặc XLSX, mỗi dòng một tin.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Tệp CSV ghi từng khác biệt.")],
    starts: Annotated[
        datetime | None, typer.Option("--from", formats=DAY, help="Từ ngày; không ghi: theo tệp.")
    ] = None,
    ends: Annotated[
        datetime | None, typer.Option("--to", formats=DAY, help="Đến hết ngày; không ghi: theo tệp.")
    ] = None,
    map_: Annotated[
        list[str] | None, typer.Option("--map", metavar="TRƯỜNG=CỘT", help=f"Cột nào là gì: {', '.join(BILL)}.")
    ] = None,
    sheet: Annotated[str | None, typer.Option("--sheet", help="Trang tính cần đọc.")] = None,
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Đối chiếu bảng kê, hóa đơn của nhà mạng với nhật ký; mã thoát 3 khi có khác biệt."""
    parent_folder(output)
    sender = next((config.sender for config in load_routes(load_settings().routes) if config.name == route), None)
    if sender is None:
        fail(f"Không có đường gửi {route} trong routes.toml.", 2)
    first, last = (moment.date() if moment else None for moment in (starts, ends))
    bill = Bill(file, route, sender, _mapping(map_), sheet, first, last)

    async def act(desk: Desk) -> Reconciled:
        with progress("Đang đối chiếu", quiet=as_json) as move:
            async with desk.pool.connection() as connection:
                return await reconciling.reconcile(connection, desk.keyring, bill, output, by, move)

    done = at_desk(act)
    if as_json:
        give({name: getattr(done, name) for name in Reconciled.__slots__})
    else:
        _print(done)
    if not done.agreed:
        raise typer.Exit(DIFFERENT)


def _mapping(pairs: list[str] | None) -> dict[str, str]:
    found = dict(pair.partition("=")[::2] for pair in pairs or [])
    if wrong := [name for name, column in found.items() if name not in BILL or not column]:
        fail(f"--map {wrong[0]}: viết dạng TRƯỜNG=CỘT, với TRƯỜNG là một trong {', '.join(BILL)}.", 2)
    return found


def _print(done: Reconciled) -> None:
    columns = ", ".join(f"{field} ← {column}" for field, column in done.mapping.items())
    out.print(f"Kỳ {done.starts:%d/%m/%Y} - {done.ends:%d/%m/%Y}; cột: {columns}", markup=False)
    rows = [
        (f"{d.day:%d/%m/%Y}" if d.day else "không rõ", d.brandname, d.ours, d.theirs, d.our_segments, d.their_segments)
        for d in done.days
    ]
    names = ("ngày", "tên hiển thị", "tin (nhật ký)", "tin (nhà mạng)", "phần tin (nhật ký)", "phần tin (nhà mạng)")
    table("Theo ngày và tên hiển thị", names, rows)
    for kind, n in sorted(done.differences.items()):
        out.print(f"  {number(n):>10} {WORDS[kind]}")
    out.print("Không có khác biệt." if not done.written else f"Từng khác biệt: {done.written}", markup=False)
