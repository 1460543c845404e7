"""dispatcher retention, dispatcher person: what is too old is let go of; a person is erased."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from campaigns.calendar import VIETNAM
from dispatcher import retention
from dispatcher.cli.terminal import ME, AsJson, By, Desk, at_desk, fail, give, number, out, progress, table
from dispatcher.lifecycle import Status
from dispatcher.retention import Clocks
from dispatcher.signing import open_signing_key
from dispatcher.store.database import new_pool
from dispatcher.store.retention import Erased, Figure, Forgotten
from dispatcher.store.retention import figures as kept_figures
from dispatcher.words import NETWORK_WORDS, STATUS_WORDS

app = typer.Typer(help="Thời hạn lưu: xem trước, xóa dữ liệu đã hết hạn, số liệu còn giữ.", no_args_is_help=True)
person = typer.Typer(help="Dữ liệu của một người: xóa theo yêu cầu.", no_args_is_help=True)

WORDS = {
    "waves": "đợt gửi đã hết hạn lưu từng tin",
    "messages": "tin (chỉ còn lại số liệu tổng hợp)",
    "attempts": "dòng nhật ký lần gửi",
    "receipts": "dòng nhật ký báo nhận",
    "exchanges": "dòng nhật ký trao đổi với nhà mạng",
    "members": "dòng danh sách người nhận",
    "texts": "tin nhắn đến (nội dung và số)",
    "numbers": "số điện thoại",
    "figures": "dòng số liệu tổng hợp",
}


@app.command()
def run(
    dry: Annotated[bool, typer.Option("--dry-run", help="Chỉ xem sẽ xóa gì, không xóa.")] = False,
    before: Annotated[
        datetime | None,
        typer.Option("--before", formats=["%Y-%m-%d"], help="Xóa những gì có trước ngày này (cũ hơn 12 tháng)."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Không hỏi lại.")] = False,
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Xóa dữ liệu đã hết hạn lưu, theo DISPATCHER_NUMBERS_MONTHS và DISPATCHER_FIGURES_MONTHS; niêm phong vẫn kiểm tra được."""

    async def act(desk: Desk) -> tuple[Clocks, Forgotten]:
        settings, key = desk.settings, open_signing_key(desk.settings.signing_path, create=True)
        async with desk.pool.connection() as connection:
            clock = await retention.clocks(connection, settings.numbers_months, settings.figures_months)
            if before:
                clock = await retention.earlier(connection, clock, before.replace(tzinfo=VIETNAM))
        if as_json and not (dry or yes):
            fail("Với --json phải ghi --dry-run hoặc --yes.", 2)
        async with new_pool(desk.owner_url, 2) as pool:
            if not (dry or yes):
                _show(clock, await retention.run(pool, key, clock, by, dry=True), "Sẽ xóa")
                if not typer.confirm("Xóa hẳn? Không lấy lại được"):
                    fail("Chưa xóa gì. Xem trước: --dry-run; không hỏi lại: --yes.")
            with progress("Đang xóa", quiet=as_json or dry) as move:
                return clock, await retention.run(pool, key, clock, by, dry=dry, progress=move)

    clock, done = at_desk(act)
    if as_json:
        return give({"dry_run": dry, "numbers_before": clock.numbers, "figures_before": clock.figures, **done.plain()})
    return _show(clock, done, "Sẽ xóa" if dry else "Đã xóa")


def _show(clock: Clocks, done: Forgotten, what: str) -> None:
    first, second = (moment.astimezone(VIETNAM).strftime("%d/%m/%Y") for moment in (clock.numbers, clock.figures))
    out.print(f"{what}: từng tin và số điện thoại trước ngày {first}; số liệu tổng hợp trước ngày {second}.")
    for name, words in WORDS.items():
        out.print(f"  {number(getattr(done, name)):>12} {words}")


@app.command("figures")
def figures_(
    campaign: Annotated[str | None, typer.Option(help="Chỉ chiến dịch này.")] = None, as_json: AsJson = False
) -> None:
    """Số liệu tổng hợp của những tin không còn lưu từng tin."""

    async def act(desk: Desk) -> list[Figure]:
        async with desk.pool.connection() as connection:
            return await kept_figures(connection, campaign)

    found = at_desk(act)
    if as_json:
        return give(found)
    columns = ("chiến dịch", "đợt", "tháng", "nhà mạng", "mã xã", "trạng thái", "tin", "phần tin")
    rows = [
        (f.campaign, f.wave, f"{f.month:%m/%Y}", NETWORK_WORDS.get(f.network, f.network), f.area_code,
         STATUS_WORDS[Status(f.status)], f.messages, f.segments)
        for f in found
    ]  # fmt: skip
    return table("Số liệu tổng hợp còn giữ", columns, rows)


@person.command()
def erase(
    number_: Annotated[str, typer.Option("--number", help="Số của người yêu cầu.")],
    document: Annotated[str, typer.Option("--document", help="Văn bản yêu cầu: số, ngày.")],
    reason: Annotated[str, typer.Option("--reason", help="Lý do xóa.")],
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Xóa số, tên trong danh sách và tin nhắn đến của một người; từ nay không gửi nữa. Nhật ký chỉ còn mã băm có khóa."""

    async def act(desk: Desk) -> Erased:
        async with desk.pool.connection() as connection:
            return await retention.erase(connection, desk.keyring, number_, document, reason, by)

    erased = at_desk(act)
    if as_json:
        return give(erased)
    had = "Đã xóa số" if erased.numbers else "Không lưu số này"
    out.print(f"{had}; {number(erased.members)} dòng danh sách, {number(erased.texts)} tin nhắn đến.")
    out.print("Số này sẽ không nhận tin nào nữa. Báo cho nơi lập danh sách để họ cũng xóa.")
    return None
