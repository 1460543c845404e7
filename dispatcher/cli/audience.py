"""dispatcher audience: rosters in, named and versioned audiences out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from campaigns.msisdn import EXPLANATIONS, Note, Rejection
from dispatcher import followers as following
from dispatcher.cli.terminal import ME, AsJson, By, Desk, at_desk, fail, give, number, out, progress, table
from dispatcher.importing import Imported, Order, Preview, import_audience, preview, relate
from dispatcher.runtime import open_route
from dispatcher.settings import load_routes
from dispatcher.store import audiences
from dispatcher.store.audiences import Audience
from dispatcher.waiting import spoken_reason
from dispatcher.words import NETWORK_WORDS
from providers.errors import ProviderError
from providers.zalo.calls import Zalo

app = typer.Typer(help="Nhóm người nhận: nhập danh sách số, xem lại.", no_args_is_help=True)

RosterFile = Annotated[Path, typer.Argument(metavar="TỆP", help="Danh sách số: CSV (dấu phẩy, chấm phẩy) hoặc XLSX.")]
Map = Annotated[
    list[str] | None,
    typer.Option(
        "--map", metavar="TRƯỜNG=CỘT", help="Cột nào là gì: msisdn=CỘT, area=CỘT, group=CỘT, language=CỘT, born=CỘT."
    ),
]
SheetName = Annotated[
    str | None, typer.Option("--sheet", help="Trang tính cần đọc, nếu tệp XLSX có nhiều trang có số.")
]
FIELDS = ("msisdn", "area", "group", "language", "born")
FIELD_WORDS = dict(zip(FIELDS, ("số điện thoại", "xã, phường", "nhóm", "ngôn ngữ", "năm sinh hoặc tuổi"), strict=True))
NOTE_WORDS = {
    Note.CLEANED: "đã bỏ dấu cách, dấu chấm, ký hiệu",
    Note.DIGITS: "chữ số toàn dạng (full-width) hoặc chữ số Ả Rập",
    Note.DECIMAL: "đã bỏ “.0” của bảng tính",
    Note.ZERO_RESTORED: "đã thêm số 0 bị mất ở đầu",
    Note.ZERO_DROPPED: "đã bỏ số 0 thừa sau +84",
    Note.MIGRATED: "đã đổi đầu số 11 chữ số cũ sang đầu số mới",
    Note.UNALLOCATED: "đầu số chưa rõ nhà mạng: vẫn nhận, nên kiểm tra lại",
    Note.SPLIT: "hai số trong một ô",
}


def mapping(pairs: list[str] | None) -> dict[str, str]:
    """`--map` options as field -> column; ends the command when one is not of that form."""
    found = {}
    for pair in pairs or []:
        name, equals, column = pair.partition("=")
        if not equals or name not in FIELDS or not column:
            fail(f"--map {pair}: viết dạng TRƯỜNG=CỘT, với TRƯỜNG là một trong {', '.join(FIELDS)}.", 2)
        found[name] = column
    return found


@app.command()
def relation(
    name: Annotated[str, typer.Argument(metavar="TÊN", help="Tên nhóm người nhận.")],
    told: Annotated[str, typer.Argument(metavar="NỘI-DUNG", help="Quan hệ nào, từ khi nào, giấy tờ lưu ở đâu.")],
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Ghi quan hệ trước đó của cơ quan với người trong nhóm (phiên bản mới nhất); Zalo chỉ cho gửi tin theo mẫu khi có."""

    async def act(desk: Desk) -> Audience:
        async with desk.pool.connection() as connection:
            return await relate(connection, name, told, by)

    found = at_desk(act)
    if as_json:
        return give({"audience": found.name, "version": found.version, "relation": found.relation})
    return out.print(f"Đã ghi cho nhóm {found.name} phiên bản {found.version}: {found.relation}", markup=False)


@app.command()
def followers(
    name: Annotated[str, typer.Argument(metavar="TÊN", help="Tên nhóm người nhận.")],
    route: Annotated[str, typer.Option("--route", help="Đường gửi Zalo của Official Account.")],
    fetch: Annotated[bool, typer.Option("--fetch", help="Hỏi Zalo danh sách người quan tâm (tối đa 10.000).")] = False,
    recent: Annotated[
        bool, typer.Option("--recent", help="Hỏi Zalo, và chỉ lấy người có tương tác với OA trong 7 ngày qua.")
    ] = False,
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Lập phiên bản mới của nhóm từ những người đang quan tâm (follow) Official Account."""

    async def act(desk: Desk) -> Audience:
        config = next((one for one in load_routes(desk.settings.routes) if one.name == route), None)
        if config is None:
            fail(f"Không có đường gửi {route} trong {desk.settings.routes}.")
        async with open_route(config, desk.keyring, pool=desk.pool) as way, desk.pool.connection() as connection:
            if not isinstance(way.provider, Zalo):
                fail(f"Đường gửi {route} không phải Zalo.")
            listed: list[bytes] = []
            try:
                if fetch or recent:
                    listed = await following.fetch(connection, desk.keyring, way.provider, recent=recent)
            except ProviderError as error:
                fail(f"Zalo chưa cho danh sách: {spoken_reason(str(error))}.")
            return await following.audience(connection, way.provider, name, by, listed if recent else None)

    made = at_desk(act)
    if as_json:
        return give({"audience": made.name, "version": made.version, "recipients": made.recipients})
    return out.print(
        f"Nhóm {made.name} phiên bản {made.version}: {number(made.recipients)} người quan tâm.", markup=False
    )


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
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Chỉ xem: cột nào được hiểu là gì, vài dòng đầu ra sao; không nhập gì.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Không hỏi lại trước khi nhập.")] = False,
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Nhập danh sách thành phiên bản mới của nhóm: dòng đọc được = nhận + trùng + loại, không mất dòng nào."""
    order = Order(file, name, by, mapping(map_), sheet, province, rejects)
    seen = preview(order)
    if dry_run and as_json:
        return give(seen)
    if not as_json:
        _print_preview(order, seen)
    if dry_run:
        return None
    if sys.stdin.isatty() and not (yes or as_json) and not typer.confirm("Nhập danh sách này?", default=True):
        fail("Chưa nhập gì. Chỉ rõ cột bằng --map TRƯỜNG=CỘT rồi chạy lại.")

    async def act(desk: Desk) -> Imported:
        with progress("Đang nhập", quiet=as_json) as move:
            async with desk.pool.connection() as connection:
                return await import_audience(connection, desk.keyring, order, move)

    imported = at_desk(act)
    if as_json:
        return give(summary(imported))
    return _print(imported)


def _print_preview(order: Order, seen: Preview) -> None:
    """What each column is taken for, and how the first rows come out."""
    where = f", trang “{seen.sheet}”" if seen.sheet else f", bảng mã {seen.encoding}"
    out.print(f"Tệp {order.path.name}{where}", markup=False)
    for note in seen.notes:
        out.print(f"[yellow]Lưu ý:[/] {escape(note)}")
    taken = {column: field for field, column in seen.mapping.items()}
    rows = [
        (column, FIELD_WORDS.get(taken.get(column, ""), "(không đọc)"), *_examples(seen, taken.get(column)))
        for column in seen.columns
    ]
    table("Các cột", ("cột trong tệp", "được hiểu là", "ví dụ"), rows)
    first = seen.first
    out.print(
        f"{number(first.lines)} dòng đầu: {number(first.good)} có số dùng được, {number(first.rejected)} bị loại."
    )


def _examples(seen: Preview, field: str | None) -> tuple[str]:
    """The first cells of a column that is read; of one that is not, nothing is shown."""
    cells = [sample.get(field or "") or "" for sample in seen.samples] if field else []
    return (" | ".join(cell for cell in cells if cell),)


def summary(imported: Imported) -> dict[str, Any]:
    """An import for machines."""
    return {
        **_fields(imported.audience),
        "rejects_file": imported.rejects,
        "duplicates_file": imported.duplicates,
        "reasons": imported.reasons,
        "unknown_areas": imported.unknown_areas,
        "ambiguous_areas": imported.ambiguous_areas,
        "noted": imported.noted,
        "reading": imported.reading,
    }


def _fields(audience: Audience) -> dict[str, Any]:
    return {name: getattr(audience, name) for name in Audience.__slots__ if name != "id"}


def _print(imported: Imported) -> None:
    audience = imported.audience
    columns = ", ".join(f"{field} ← {column}" for field, column in audience.mapping.items())
    out.print(f"Nhóm [bold]{escape(audience.name)}[/], phiên bản {audience.version} (cột: {escape(columns)})")
    out.print(
        f"{number(audience.lines)} dòng = {number(audience.accepted)} nhận + {number(audience.duplicate)} trùng"
        f" + {number(audience.rejected)} loại; {number(audience.recipients)} người nhận."
    )
    for reason, count in sorted(imported.reasons.items(), key=lambda pair: -pair[1]):
        out.print(f"  loại {number(count)}: {EXPLANATIONS[Rejection(reason)].format(detail='')}", markup=False)
    for note, count in sorted(imported.noted.items(), key=lambda pair: -pair[1]):
        out.print(f"  {number(count)} số: {NOTE_WORDS[Note(note)]}", markup=False)
    _print_areas(imported)
    for label, path in (("Dòng bị loại", imported.rejects), ("Dòng trùng", imported.duplicates)):
        if path:
            out.print(f"{label}: {path}", markup=False)


def _print_areas(imported: Imported) -> None:
    """Communes that could not be told; those that several bear with the choice."""
    unknown = {name: n for name, n in imported.unknown_areas.items() if name not in imported.ambiguous_areas}
    if unknown:
        shown = ", ".join(f"{area} ({count})" for area, count in sorted(unknown.items())[:10])
        out.print(f"[yellow]Không nhận ra {len(unknown)} tên xã/phường:[/] {escape(shown)}")
        out.print('  Tên cũ thì ghi một lần: dispatcher place alias "TÊN CŨ" MÃ-XÃ --source VĂN-BẢN', markup=False)
    for name, choice in list(imported.ambiguous_areas.items())[:10]:
        people = number(imported.unknown_areas[name])
        out.print(f"[yellow]“{escape(name)}” ({people} người) có ở nhiều nơi:[/] {escape(choice)}")
    if imported.ambiguous_areas:
        out.print("  Ghi thêm tỉnh (--province), hoặc dùng mã xã trong danh sách.")


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
