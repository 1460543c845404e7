"""dispatcher campaign new, clone, add, theme, calendar: from a file, or last year's, to a draft."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from campaigns import compose, definition
from campaigns.adapting import adapted
from campaigns.calendar import Calendar
from campaigns.campaign import Campaign
from campaigns.definition import contents
from dispatcher import control, drafting
from dispatcher.cli.terminal import ME, AsJson, By, Desk, Edition, at_desk, give, out, parent_folder, table
from dispatcher.drafting import Row
from dispatcher.settings import load_calendar, load_settings

Source = Annotated[str, typer.Argument(metavar="TỆP", help="Tệp TOML, hoặc tên một chiến dịch có sẵn trong thư viện.")]
Year = Annotated[int | None, typer.Option(help="Năm thực hiện; thay cho year trong tệp.")]
Of = Annotated[int, typer.Option("--year", help="Năm của chiến dịch.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="Tệp sẽ ghi; mặc định TÊN-NĂM.toml ở thư mục hiện tại.")
]
Slug = Annotated[str | None, typer.Option(help="Tên (slug) khác cho chiến dịch.")]
Owner = Annotated[str | None, typer.Option(help="Cơ quan gửi tin, ghi vào owner.")]


def source_path(source: str) -> Path:
    """A file of that path, else the definition of that name in the library."""
    named = not Path(source).exists() and source in definition.library()
    return definition.library_path(source) if named else Path(source)


def read(source: str, year: int | None, calendar: Calendar) -> Campaign:
    """The definition in a file, or of that name in the library."""
    return definition.load(source_path(source), year=year, calendar=calendar)


def new(
    source: Annotated[str, typer.Option("--from", help="Tên trong thư viện, hoặc tệp TOML của một chiến dịch khác.")],
    year: Of,
    output: Output = None,
    slug: Slug = None,
    owner: Owner = None,
    as_json: AsJson = False,
) -> None:
    """Soạn một tệp chiến dịch mới cho một năm từ mẫu có sẵn, giữ nguyên mọi chú thích."""
    path = source_path(source)
    _write(contents(path), path.stem, year, output, {"slug": slug, "owner": owner}, as_json=as_json)


def clone(
    edition: Edition,
    year: Of,
    output: Output = None,
    slug: Slug = None,
    as_json: AsJson = False,
) -> None:
    """Soạn tệp cho năm khác từ một chiến dịch đã thêm vào hệ thống; nói chỗ nào còn là của năm cũ."""

    async def act(desk: Desk) -> str:
        async with desk.pool.connection() as connection:
            return await drafting.source(connection, edition)

    text = at_desk(act)
    _write(text, edition.rpartition("-")[0], year, output, {"slug": slug}, as_json=as_json)


def _write(
    text: str, name: str, year: int, output: Path | None, given: dict[str, str | None], *, as_json: bool
) -> None:
    path = output or Path(f"{given.get('slug') or name}-{year}.toml")
    parent_folder(path)
    made = drafting.for_year(text, name, year, given)
    with path.open("x", encoding="utf-8") as file:
        file.write(made)
    _tell(path, made, as_json=as_json)


def _tell(path: Path, text: str, *, as_json: bool) -> None:
    """What is still to be done about a new file: its problems, or else what the rules say of it."""
    found = drafting.judge(text, str(path), load_calendar(load_settings().occasions))
    problems = list(map(str, found.problems))
    if as_json:
        return give({"file": str(path), "problems": problems, "refusals": found.refusals, "warnings": found.warnings})
    out.print(f"Đã ghi {path}.", markup=False)
    for word, lines in (("Phải sửa", problems), ("Chưa duyệt được", found.refusals), ("Lưu ý", found.warnings)):
        for line in lines:
            out.print(f"[yellow]{word}:[/] {escape(line)}")
    return out.print(f"Bước tiếp: sửa tệp, rồi dispatcher campaign check {path}", markup=False)


def add(
    source: Source,
    year: Year = None,
    audience: Annotated[str | None, typer.Option(help="Nhóm người nhận; thay cho audience trong tệp.")] = None,
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Thêm một chiến dịch vào hệ thống dưới dạng bản nháp."""
    campaign, text = read(source, year, load_calendar(load_settings().occasions)), contents(source_path(source))
    if audience:
        campaign = campaign.model_copy(update={"audience": audience})
        text = adapted(text, {"audience": audience})

    async def act(desk: Desk) -> bool:
        async with desk.pool.connection() as connection:
            return await control.add(connection, campaign, by, text)

    replaced = at_desk(act)
    if as_json:
        return give({"campaign": campaign.edition, "replaced": replaced})
    out.print(
        f"{'Đã thay bản nháp' if replaced else 'Đã thêm bản nháp'} [bold]{campaign.edition}[/] (người soạn: {escape(by)})."
    )
    out.print(f"Bước tiếp: dispatcher campaign approve {campaign.edition} --by NGƯỜI-DUYỆT")
    return None


def theme(
    edition: Edition,
    words: Annotated[str, typer.Argument(metavar="CHỦ-ĐỀ", help="Chủ đề của năm, đúng từng chữ như văn bản.")],
    source: Annotated[str, typer.Option("--source", help="Văn bản hướng dẫn có chủ đề này: số, ngày, nơi ban hành.")],
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Điền chủ đề của năm vào bản nháp, khi văn bản hướng dẫn đã về."""

    async def act(desk: Desk) -> Campaign:
        async with desk.pool.connection() as connection:
            return await control.set_theme(connection, edition, words, source, by)

    campaign = at_desk(act)
    if as_json:
        return give({"campaign": edition, "theme": campaign.theme, "samples": compose.samples(campaign)})
    out.print(f"Chủ đề của {edition}: {campaign.theme}", markup=False)
    for sample in compose.samples(campaign):
        out.print(f"Đợt {sample.wave}: {sample.chosen.segments} phần tin", markup=False)
        out.print(f"    {sample.chosen.body}", markup=False)
    return out.print(f"Bước tiếp: dispatcher campaign approve {edition} --by NGƯỜI-DUYỆT", markup=False)


def calendar(
    year: Of,
    topic: Annotated[str | None, typer.Option(help="Chỉ tính chiến dịch có chủ điểm này, ví dụ drug.")] = None,
    as_json: AsJson = False,
) -> None:
    """Lịch các ngày, tháng hành động trong năm; chiến dịch nào đã có; tháng nào chưa có đợt gửi."""
    known = load_calendar(load_settings().occasions)

    async def act(desk: Desk) -> drafting.Year:
        async with desk.pool.connection() as connection:
            return await drafting.year_of(connection, known, year, topic)

    found = at_desk(act)
    rows, silent = found.rows, found.silent_months
    if as_json:
        return give({"year": year, "topic": topic, "occasions": rows, "silent_months": silent})
    columns = ("dịp", "tên", "từ", "đến", "căn cứ", "chủ đề", "trùng với", "chiến dịch")
    table(f"Năm {year} (giờ Việt Nam)", columns, [_cells(row) for row in rows])
    if silent:
        out.print(f"Tháng chưa có đợt gửi nào{f' về {topic}' if topic else ''}: {', '.join(map(str, silent))}.")
    return None


def _cells(row: Row) -> tuple[Any, ...]:
    day = "{2}/{1}/{0}".format
    return (
        row.occasion,
        row.name,
        day(*row.first.split("-")),
        day(*row.last.split("-")),
        row.legal_basis,
        row.theme or "chưa có",
        ", ".join(row.overlaps),
        ", ".join(row.campaigns),
    )
