"""dispatcher keys: the keys that numbers are encrypted with, one for each period."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from dispatcher import keys
from dispatcher.cli.terminal import ME, AsJson, By, Desk, at_desk, give, number, out, progress, table
from dispatcher.keys import Key, Renewed

app = typer.Typer(help="Khóa mã hóa số điện thoại: xem, thay theo kỳ, chuyển số, bỏ khóa cũ.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="KHÓA", help="Tên khóa, xem keys list.")]
OVERDUE = 3
COPY = "Chép chùm khóa sang mọi máy chủ khác rồi chạy: dispatcher keys use {name}"
RESTART = "Khởi động lại web, worker và clock để dùng khóa mới; lập lại bản sao lưu chùm khóa."


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Các khóa và số thuê bao mã hóa bằng từng khóa; mã thoát 3 khi khóa đang dùng đã quá kỳ thay."""

    async def act(desk: Desk) -> tuple[list[Key], bool]:
        late = keys.overdue(desk.keyring, datetime.now(UTC), desk.settings.key_months)
        async with desk.pool.connection() as connection:
            return await keys.listing(connection, desk.keyring), late

    found, late = at_desk(act)
    if as_json:
        give({"keys": found, "overdue": late})
    else:
        columns = ("khóa", "lập lúc", "đang dùng", "có trong chùm khóa", "số thuê bao", "xác thực hai lớp")
        rows = [(k.name, k.made_at, k.current, k.held, k.numbers, k.second_factors) for k in found]
        table("Khóa mã hóa số", columns, rows)
        if late:
            out.print("Khóa đang dùng đã quá kỳ thay. Lập khóa mới: dispatcher keys new")
    if late:
        raise typer.Exit(OVERDUE)


@app.command()
def new(
    name: Annotated[str | None, typer.Option("--name", help="Tên khóa; không ghi: ngày hôm nay.")] = None,
    at_once: Annotated[bool, typer.Option("--use", help="Dùng ngay (chỉ khi mọi thứ chạy trên một máy).")] = False,
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Lập khóa cho kỳ mới. Chưa dùng ngay, trừ khi có --use: mọi máy chủ phải có chùm khóa mới trước."""
    chosen = name or f"{datetime.now(UTC):%Y-%m-%d}"

    async def act(desk: Desk) -> None:
        async with desk.pool.connection() as connection:
            await keys.add(connection, desk.keyring, chosen, by, use=at_once)

    at_desk(act)
    if as_json:
        return give({"key": chosen, "in_use": at_once})
    out.print(f"Đã lập khóa {chosen}.", markup=False)
    return out.print(RESTART if at_once else COPY.format(name=chosen), markup=False)


@app.command()
def use(name: Name, by: By = ME, as_json: AsJson = False) -> None:
    """Từ nay mã hóa số mới bằng khóa này."""

    async def act(desk: Desk) -> None:
        async with desk.pool.connection() as connection:
            await keys.use(connection, desk.keyring, name, by)

    at_desk(act)
    if as_json:
        return give({"key": name, "in_use": True})
    out.print(f"Số mới sẽ mã hóa bằng khóa {name}. {RESTART}", markup=False)
    return None


@app.command()
def renew(by: By = ME, as_json: AsJson = False) -> None:
    """Mã hóa lại mọi số bằng khóa đang dùng; ngắt giữa chừng thì chạy lại."""

    async def act(desk: Desk) -> Renewed:
        with progress("Đang chuyển", quiet=as_json) as move:
            return await keys.renew(desk.pool, desk.keyring, by, move)

    done = at_desk(act)
    if as_json:
        return give(done)
    out.print(
        f"Đã chuyển {number(done.numbers)} số và {number(done.second_factors)} xác thực hai lớp sang khóa đang dùng."
    )
    if done.unreadable:
        out.print(f"{number(done.unreadable)} số mã hóa bằng khóa không còn trong chùm khóa: không đọc được.")
    return None


@app.command()
def retire(
    name: Name,
    erase: Annotated[bool, typer.Option("--erase-numbers", help="Xóa hẳn các số còn mã hóa bằng khóa này.")] = False,
    reason: Annotated[str, typer.Option("--reason", help="Lý do xóa số, ghi vào nhật ký thao tác.")] = "",
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Bỏ một khóa cũ. Số mã hóa bằng khóa đó, kể cả trong bản sao lưu cũ, không ai đọc được nữa."""

    async def act(desk: Desk) -> int:
        return await keys.retire(desk.pool, desk.keyring, name, by, reason=reason, erase=erase)

    erased = at_desk(act)
    if as_json:
        return give({"key": name, "erased": erased})
    out.print(f"Đã bỏ khóa {name}, xóa {number(erased)} số. Nhật ký và niêm phong không đổi.", markup=False)
    out.print("Bỏ khóa này ở mọi bản chùm khóa khác: chép đè chùm khóa mới lên máy chủ khác và bản sao lưu.")
    return None
