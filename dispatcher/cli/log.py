"""dispatcher log: the delivery log, searched and exported."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from dispatcher import accounts, control, searching
from dispatcher.cli.terminal import (
    ME,
    AsJson,
    By,
    Desk,
    Edition,
    at_desk,
    give,
    number,
    one_number,
    out,
    parent_folder,
    progress,
    table,
)
from dispatcher.delivery_log import PAGE, Format, export
from dispatcher.lifecycle import Status
from dispatcher.searching import Query
from dispatcher.store import audit, log
from dispatcher.words import NETWORK_WORDS, STATUS_WORDS

app = typer.Typer(help="Nhật ký gửi tin: tìm, xuất tệp, niêm phong, kiểm tra.", no_args_is_help=True)

Reveal = Annotated[bool, typer.Option("--reveal", help="Hiện đủ số; việc này được ghi vào nhật ký thao tác.")]
Why = Annotated[str, typer.Option("--reason", help="Lý do cần hiện đủ số.")]


@app.command()
def search(
    number_: Annotated[str | None, typer.Option("--number", help="Tin đã gửi tới số này.")] = None,
    campaign: Annotated[str | None, typer.Option(help="Chỉ chiến dịch này.")] = None,
    wave: Annotated[str | None, typer.Option(help="Chỉ đợt gửi này.")] = None,
    status: Annotated[list[Status] | None, typer.Option(help="Chỉ các trạng thái này.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Tối đa bao nhiêu tin, mới nhất trước.")] = 50,
    reveal: Reveal = False,
    reason: Why = "",
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Tìm tin theo số, chiến dịch, đợt, trạng thái."""
    query = Query(one_number(number_) if number_ else None, campaign, wave, status or (), limit)

    async def act(desk: Desk) -> list[dict[str, Any]]:
        async with desk.pool.connection() as connection:
            if reveal:
                await accounts.may_reveal(connection, by, reason)
            return await searching.search(connection, desk.keyring, query, reveal=reveal, reason=reason, by=by)

    found = at_desk(act)
    if as_json:
        return give(found)
    rows = [
        (
            r["msisdn"], r["campaign"], r["wave"], NETWORK_WORDS.get(r["network"], r["network"]), r["route"],
            STATUS_WORDS[Status(r["status"])], r["attempts"], _spoken(r["submitted_at"]), _spoken(r["final_at"]), r["error_code"],
        )
        for r in found
    ]  # fmt: skip
    columns = (
        "số",
        "chiến dịch",
        "đợt",
        "nhà mạng",
        "đường gửi",
        "trạng thái",
        "lần thử",
        "nhà mạng nhận lúc",
        "kết thúc lúc",
        "mã lỗi",
    )
    return table(f"{number(len(rows))} tin (giờ Việt Nam)", columns, rows)


def _spoken(at: str | None) -> str | None:
    return datetime.fromisoformat(at).strftime("%H:%M:%S %d/%m/%Y") if at else None


@app.command("export")
def export_(
    edition: Edition,
    output: Annotated[Path, typer.Option("-o", "--output", help="Tệp kết quả.")],
    form: Annotated[Format, typer.Option("--format", help="Dạng tệp.")] = Format.CSV,
    reveal: Reveal = False,
    reason: Why = "",
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Xuất nhật ký của một chiến dịch, mỗi tin một dòng; số được che bớt nếu không có --reveal."""
    parent_folder(output)

    async def act(desk: Desk) -> int:
        with progress("Đang xuất", quiet=as_json) as move:
            async with desk.pool.connection() as connection:
                if reveal:
                    await accounts.may_reveal(connection, by, reason)
                total = (await control.view(connection, edition)).planned
                await audit.record(
                    connection, by, "log.reveal" if reveal else "log.export", edition, messages=total, reason=reason
                )
            async with desk.pool.connection() as connection:
                return await export(
                    log.of_campaign(connection, edition, PAGE),
                    desk.keyring,
                    output,
                    form,
                    reveal=reveal,
                    progress=lambda done: move(done, total),
                )

    written = at_desk(act)
    if as_json:
        return give({"campaign": edition, "messages": written, "file": output, "format": form, "revealed": reveal})
    out.print(f"Đã ghi {number(written)} tin vào {output}.", markup=False)
    return None
