"""dispatcher suppress: numbers that must not be texted."""

from __future__ import annotations

from typing import Annotated

import typer

from campaigns import msisdn
from dispatcher.cli.audience import Map, RosterFile, SheetName, mapping
from dispatcher.cli.terminal import ME, AsJson, By, Desk, at_desk, fail, give, number, out, progress, table
from dispatcher.importing import Order, import_suppressions
from dispatcher.importing import suppress as put
from dispatcher.store import audit, suppressions
from dispatcher.store.suppressions import Scope

app = typer.Typer(help="Danh sách từ chối nhận: thêm, nhập tệp, xem.", no_args_is_help=True)

SCOPE_WORDS = {Scope.ALL: "mọi tin", Scope.ADVERTISING: "tin quảng cáo"}
WhyNot = Annotated[str, typer.Option("--reason", help="Lý do không gửi, ví dụ: người dân từ chối nhận.")]


@app.command()
def add(
    numbers: Annotated[list[str], typer.Argument(metavar="SỐ...", help="Một hay nhiều số điện thoại.")],
    reason: WhyNot = "từ chối nhận",
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Thêm số vào danh sách; có hiệu lực ngay, cả với tin đang chờ gửi."""
    found: dict[str, str] = {}
    for written in numbers:
        read = msisdn.normalise(written)
        if read.rejected:
            fail(f"{written}: {msisdn.EXPLANATIONS[read.rejected].format(detail='')}")
        found |= {one: msisdn.network(one) for one in read.numbers}

    async def act(desk: Desk) -> int:
        async with desk.pool.connection() as connection:
            new = await put(connection, desk.keyring, found, reason, "command line", by)
            masked = [msisdn.mask(one) for one in found]
            await audit.record(connection, by, "suppression.add", ", ".join(masked), reason=reason)
            return new

    new = at_desk(act)
    if as_json:
        return give({"given": len(found), "new": new})
    out.print(f"Đã thêm {number(new)} số; {number(len(found) - new)} số đã có sẵn.")
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

    async def act(desk: Desk) -> tuple[int, list[dict[str, object]]]:
        async with desk.pool.connection() as connection:
            rows = await suppressions.newest(connection, limit)
            total = await suppressions.count(connection)
        return total, [
            {
                "msisdn": msisdn.mask(desk.keyring.decrypt(s.cipher, s.msisdn_hash, s.key_id)),
                "reason": s.reason,
                "source": s.source,
                "scope": SCOPE_WORDS[s.scope],
                "added_by": s.added_by,
                "added_at": s.added_at,
            }
            for s in rows
        ]

    total, rows = at_desk(act)
    if as_json:
        return give({"total": total, "numbers": rows})
    columns = ("số", "lý do", "nguồn", "không nhận", "người thêm", "lúc")
    return table(f"Danh sách từ chối nhận ({number(total)} số)", columns, [tuple(row.values()) for row in rows])
