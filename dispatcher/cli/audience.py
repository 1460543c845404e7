"""dispatcher audience: rosters in, named and versioned audiences out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from campaigns.msisdn import EXPLANATIONS, Rejection
from dispatcher.cli.terminal import ME, AsJson, By, Desk, at_desk, fail, give, number, out, progress, table
from dispatcher.importing import Imported, Order, import_audience
from dispatcher.store import audiences
from dispatcher.store.audiences import Audience
from dispatcher.words import NETWORK_WORDS

app = typer.Typer(help="Nhóm người nhận: nhập danh sách số, xem lại.", no_args_is_help=True)

RosterFile = Annotated[Path, typer.Argument(metavar="TỆP", help="Danh sách số: CSV (dấu phẩy, chấm phẩy) hoặc XLSX.")]
Map = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="TRƯỜNG=CỘT", help="Cột nào là gì: msisdn=CỘT, area=CỘT, group=CỘT, language=CỘT."),
]
SheetName = Annotated[
    str | None, typer.Option("--sheet", help="Trang tính cần đọc, nếu tệp XLSX có nhiều trang có số.")
]
FIELDS = ("msisdn", "area", "group", "language")


def mapping(pairs: list[str] | None) -> dict[str, str]:
    """`--map` options as field -> column; ends the command when one is not of that form."""
    found = {}
    for pair in pairs or []:
        name, equals, column = pair.partition("=")
        if not equals or name not in FIELDS or not column:
            fail(f"--map {pair}: viết dạng TRƯỜNG=CỘT, với TRƯỜNG là một trong {', '.join(FIELDS)}.", 2)
        found[name] = column
    return found


@app.command("import")
def import_(
    name: Annotated[str, typer.Argument(metavar="TÊN", help="Tên nhóm người nhận.")],
    file: RosterFile,
    map_: Map = None,
    sheet: SheetName = None,
    province: Annotated[
        str | None, typer.Option(help="Tỉnh (tên hoặc mã) của các xã trong danh sách, khi tên xã có thể trùng.")
    ] = None,
    rejects: Annotated[Path | None, typer.Option(help="Thư mục ghi các dòng bị loại; mặc định cạnh tệp nguồn.")] = None,
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Nhập danh sách thành phiên bản mới của nhóm: dòng đọc được = nhận + trùng + loại, không mất dòng nào."""
    order = Order(file, name, by, mapping(map_), sheet, province, rejects)

    async def act(desk: Desk) -> Imported:
        with progress("Đang nhập", quiet=as_json) as move:
            async with desk.pool.connection() as connection:
                return await import_audience(connection, desk.keyring, order, move)

    imported = at_desk(act)
    if as_json:
        return give(summary(imported))
    return _print(imported)


def summary(imported: Imported) -> dict[str, Any]:
    """An import for machines."""
    return {
        **_fields(imported.audience),
        "rejects_file": imported.rejects,
        "duplicates_file": imported.duplicates,
        "reasons": imported.reasons,
        "unknown_areas": imported.unknown_areas,
        "noted": imported.noted,
        "reading": imported.reading,
    }


def _fields(audience: Audience) -> dict[str, Any]:
    return {name: getattr(audience, name) for name in Audience.__slots__ if name != "id"}


def _print(imported: Imported) -> None:
    audience = imported.audience
    for note in imported.reading:
        out.print(f"[yellow]Lưu ý:[/] {escape(note)}")
    columns = ", ".join(f"{field} ← {column}" for field, column in audience.mapping.items())
    out.print(f"Nhóm [bold]{escape(audience.name)}[/], phiên bản {audience.version} (cột: {escape(columns)})")
    out.print(
        f"{number(audience.lines)} dòng = {number(audience.accepted)} nhận + {number(audience.duplicate)} trùng"
        f" + {number(audience.rejected)} loại; {number(audience.recipients)} người nhận."
    )
    for reason, count in sorted(imported.reasons.items(), key=lambda pair: -pair[1]):
        out.print(f"  loại {number(count)}: {EXPLANATIONS[Rejection(reason)].format(detail='')}", markup=False)
    if imported.unknown_areas:
        shown = ", ".join(f"{area} ({count})" for area, count in sorted(imported.unknown_areas.items())[:10])
        out.print(f"[yellow]Không nhận ra {len(imported.unknown_areas)} tên xã/phường:[/] {escape(shown)}")
    for label, path in (("Dòng bị loại", imported.rejects), ("Dòng trùng", imported.duplicates)):
        if path:
            out.print(f"{label}: {path}", markup=False)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Liệt kê các nhóm người nhận và phiên bản."""

    async def act(desk: Desk) -> list[Audience]:
        async with desk.pool.connection() as connection:
            return await audiences.versions(connection)

    found = at_desk(act)
    if as_json:
        return give([_fields(audience) for audience in found])
    rows = [
        (a.name, a.version, a.recipients, a.lines, a.duplicate, a.rejected, a.source_name, a.imported_at) for a in found
    ]
    columns = ("nhóm", "phiên bản", "người nhận", "dòng", "trùng", "loại", "tệp nguồn", "nhập lúc")
    return table("Nhóm người nhận", columns, rows)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="TÊN", help="Tên nhóm người nhận.")], as_json: AsJson = False
) -> None:
    """Xem một nhóm: các phiên bản, số người theo nhà mạng."""

    async def act(desk: Desk) -> tuple[list[Audience], dict[str, int]]:
        async with desk.pool.connection() as connection:
            found = await audiences.versions(connection, name)
            return found, await audiences.networks(connection, found[-1].id) if found else {}

    found, networks = at_desk(act)
    if not found:
        fail(f"Không có nhóm người nhận {name}. Xem danh sách: dispatcher audience list")
    if as_json:
        return give({**_fields(found[-1]), "networks": networks, "versions": [_fields(a) for a in found]})
    newest = found[-1]
    table(
        f"Nhóm {newest.name}",
        ("phiên bản", "người nhận", "dòng", "nhận", "trùng", "loại", "tệp nguồn", "người nhập", "nhập lúc"),
        [
            (
                a.version,
                a.recipients,
                a.lines,
                a.accepted,
                a.duplicate,
                a.rejected,
                a.source_name,
                a.imported_by,
                a.imported_at,
            )
            for a in found
        ],
    )
    rows = [(NETWORK_WORDS[network], count) for network, count in networks.items()]
    return table(f"Phiên bản {newest.version} theo nhà mạng (đầu số)", ("nhà mạng", "người nhận"), rows)
