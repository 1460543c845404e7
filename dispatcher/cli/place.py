"""dispatcher place: communes, the zones that an office puts them in, and the names that rosters use for them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import typer

from campaigns import places
from campaigns.places import Area, PlaceError
from dispatcher import gazetteer
from dispatcher.cli.terminal import ME, AsJson, By, Desk, at_desk, fail, give, number, out, table
from dispatcher.store import tags
from dispatcher.store.tags import Tag

app = typer.Typer(help="Địa bàn: tra xã, phường; đánh dấu vùng; tên gọi khác trong danh sách.", no_args_is_help=True)

ZONE_WORDS = {zone: words[0] for zone, words in places.ZONES.items()}
Phrase = Annotated[
    str,
    typer.Argument(metavar="ĐỊA-BÀN", help="Tỉnh, “tỉnh ... cũ”, “xã, tỉnh” hoặc mã: Lạng Sơn, “Đắk Nông cũ”, 06124."),
]
Phrases = Annotated[
    list[str], typer.Argument(metavar="ĐỊA-BÀN...", help="Tỉnh, “tỉnh ... cũ”, “xã, tỉnh” hoặc mã; một hoặc nhiều.")
]
Zone = Annotated[
    str, typer.Argument(metavar="VÙNG", help="biên giới, cửa khẩu, trọng điểm, dân tộc thiểu số, hoặc tên tự đặt.")
]
Paper = Annotated[str, typer.Option("--source", help="Văn bản làm căn cứ, ví dụ: Quyết định 12/QĐ-UBND.")]
Province = Annotated[str | None, typer.Option(help="Tỉnh (tên hoặc mã), khi tên xã có thể trùng.")]


@app.command()
def find(
    name: Annotated[str, typer.Argument(metavar="TÊN", help="Tên hoặc mã xã, phường, có dấu hay không dấu.")],
    province: Province = None,
    as_json: AsJson = False,
) -> None:
    """Tra một xã, phường, đặc khu; tên trùng ở nhiều tỉnh thì liệt kê hết."""
    found = places.matches(name, province)
    if not found:
        fail(f"Không có xã, phường, đặc khu nào tên “{name}”. Nếu là tên cũ: dispatcher place alias “{name}” MÃ-XÃ")
    return give([_unit(area) for area in found]) if as_json else _units(f"Tìm “{name}”", found)


@app.command("list")
def list_(phrase: Phrase, as_json: AsJson = False) -> None:
    """Liệt kê các xã, phường, đặc khu của một địa bàn."""
    found = [places.areas()[code] for code in sorted(_codes([phrase]))]
    return give([_unit(area) for area in found]) if as_json else _units(f"{phrase}: {number(len(found))} đơn vị", found)


@app.command()
def tag(
    zone: Zone,
    phrases: Phrases,
    source: Paper,
    start: Annotated[
        str | None, typer.Option("--from", metavar="NGÀY", help="Từ ngày (2026-01-31); mặc định hôm nay.")
    ] = None,
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Đánh dấu các xã thuộc một vùng, từ một ngày, theo văn bản nào."""
    codes, day = _codes(phrases), _day(start, "--from")

    async def act(desk: Desk) -> int:
        async with desk.pool.connection() as connection:
            return await gazetteer.tag(connection, codes, zone, day, source, by)

    new = at_desk(act)
    if as_json:
        return give({"zone": places.zone(zone), "areas": sorted(codes), "new": new})
    return out.print(
        f"{number(new)} xã được thêm vào vùng {spoken(places.zone(zone))} ({number(len(codes) - new)} đã có)."
    )


@app.command()
def end(
    zone: Zone,
    phrases: Phrases,
    last: Annotated[
        str | None, typer.Option("--on", metavar="NGÀY", help="Ngày cuối (2026-12-31); mặc định hôm nay.")
    ] = None,
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Kết thúc: các xã không còn thuộc vùng sau một ngày. Dấu cũ vẫn được giữ để báo cáo."""
    codes, day = _codes(phrases), _day(last, "--on")

    async def act(desk: Desk) -> int:
        async with desk.pool.connection() as connection:
            return await gazetteer.end(connection, codes, zone, day, by)

    ended = at_desk(act)
    if not ended:
        fail(f"Không xã nào trong số này đang thuộc vùng {spoken(places.zone(zone))}. Xem: dispatcher place tags")
    if as_json:
        return give({"zone": places.zone(zone), "ended": ended})
    return out.print(f"{number(ended)} xã không còn thuộc vùng {spoken(places.zone(zone))}.")


@app.command("tags")
def tags_(as_json: AsJson = False) -> None:
    """Liệt kê các vùng và xã được đánh dấu, cả những dấu đã kết thúc."""

    async def act(desk: Desk) -> list[Tag]:
        async with desk.pool.connection() as connection:
            return await tags.listing(connection)

    found = at_desk(act)
    if as_json:
        return give(found)
    rows = [
        (
            spoken(t.zone),
            t.area_code,
            str(places.areas().get(t.area_code, "")),
            t.valid_from,
            t.valid_to,
            t.source,
            t.added_by,
        )
        for t in found
    ]
    return table("Vùng", ("vùng", "mã", "xã, phường", "từ", "đến", "căn cứ", "người ghi"), rows)


@app.command()
def alias(
    name: Annotated[str, typer.Argument(metavar="TÊN", help="Tên trong danh sách, ví dụ tên xã trước sáp nhập.")],
    code: Annotated[str, typer.Argument(metavar="XÃ", help="Xã, phường hiện nay: mã, hoặc “xã, tỉnh”.")],
    source: Paper,
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Ghi một tên gọi khác của xã, dùng khi nhập danh sách và tên chính thức không khớp."""
    found = places.matches(code)
    if len(found) != 1:
        fail(f"“{code}” không chỉ đúng một xã. {places.listed(found)}".strip())

    async def act(desk: Desk) -> None:
        async with desk.pool.connection() as connection:
            await gazetteer.alias(connection, name, found[0], source, by)

    at_desk(act)
    if as_json:
        return give({"name": name, "area": _unit(found[0])})
    return out.print(f"“{name}” từ nay được hiểu là {found[0]} ({found[0].code}).", markup=False)


def spoken(zone: str) -> str:
    """A zone as staff call it."""
    return ZONE_WORDS.get(zone, zone)


def _codes(phrases: list[str]) -> set[str]:
    try:
        return set().union(*map(places.chosen, phrases))
    except PlaceError as error:
        fail(f"{str(error)[0].upper()}{str(error)[1:]}.")


def _day(written: str | None, option: str) -> date | None:
    try:
        return date.fromisoformat(written) if written else None
    except ValueError:
        fail(f"{option} {written}: viết ngày dạng năm-tháng-ngày, ví dụ 2026-01-31.", 2)


def _unit(area: Area) -> dict[str, Any]:
    return {field: getattr(area, field) for field in Area.__slots__}


def _units(title: str, found: list[Area]) -> None:
    rows = [
        (area.code, f"{area.kind} {area.name}", area.province_name, area.valid_from, area.valid_to) for area in found
    ]
    table(title, ("mã", "đơn vị", "tỉnh, thành phố", "từ", "đến"), rows)
