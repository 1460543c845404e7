"""dispatcher report: what is due, the papers made from the log, and what was done by other means."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from campaigns.calendar import VIETNAM
from campaigns.obligations import Form
from dispatcher.cli.terminal import ME, AsJson, By, Desk, at_desk, fail, give, number, out, parent_folder, table
from dispatcher.reports import forms, making, wording
from dispatcher.reports.figures import Figures
from dispatcher.reports.making import Due
from dispatcher.settings import load_settings
from dispatcher.store import reports
from dispatcher.store.reports import Activity

app = typer.Typer(help="Báo cáo định kỳ: hạn nộp, lập văn bản từ nhật ký.", no_args_is_help=True)
activity = typer.Typer(
    help="Hình thức tuyên truyền khác (báo, đài, loa, băng rôn...) để báo cáo đủ số.", no_args_is_help=True
)

Slug = Annotated[str, typer.Argument(metavar="MÃ", help="Mã báo cáo trong reports.toml.")]
Year = Annotated[int | None, typer.Option("--year", min=2020, max=2099, help="Năm báo cáo; không ghi: năm nay.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Ngày, dạng 2026-06-14.")]
Output = Annotated[Path, typer.Option("-o", "--output", help="Tệp .docx sẽ ghi.")]


def _today() -> date:
    return datetime.now(VIETNAM).date()


@app.command()
def due(
    within: Annotated[int, typer.Option(min=0, max=730, help="Trong bao nhiêu ngày tới.")] = 60,
    on: Annotated[datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="Coi hôm nay là ngày này.")] = None,
    as_json: AsJson = False,
) -> None:
    """Báo cáo sắp đến hạn và quá hạn; mã thoát 3 khi có báo cáo quá hạn chưa lập."""
    today = on.date() if on else _today()
    duties = making.load(load_settings().reports)

    async def act(desk: Desk) -> list[Due]:
        async with desk.pool.connection() as connection:
            return await making.due(connection, duties, today, within)

    found = at_desk(act)
    if as_json:
        give([_due(one) for one in found])
    else:
        columns = ("mã", "năm", "nơi nhận", "kỳ số liệu", "hạn cuối", "còn lại", "tình trạng")
        table(f"Báo cáo trong {within} ngày tới", columns, [_row(one) for one in found])
    if any(one.days < 0 and one.made is None for one in found):
        raise typer.Exit(3)


def _due(one: Due) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Due.__slots__ if name != "made"} | {
        "made_at": one.made.made_at if one.made else None
    }


def _row(one: Due) -> tuple[object, ...]:
    left = f"quá {-one.days} ngày" if one.days < 0 else "hôm nay" if one.days == 0 else f"{one.days} ngày"
    state = f"đã lập {one.made.made_at.astimezone(VIETNAM):%d/%m/%Y}" if one.made else "chưa lập"
    period = f"{one.starts:%d/%m/%Y} - {one.ends:%d/%m/%Y}"
    return one.slug, str(one.year), ", ".join(one.recipients), period, f"{one.deadline:%d/%m/%Y}", left, state


@app.command()
def figures(slug: Slug, year: Year = None, until: Day = None, as_json: AsJson = False) -> None:
    """Xem số liệu của một báo cáo mà không lập văn bản."""
    duties = making.load(load_settings().reports)
    obligation, period = making.chosen(duties, slug, year or _today().year, until.date() if until else None)

    async def act(desk: Desk) -> Figures:
        async with desk.pool.connection() as connection:
            return await making.count(connection, duties, obligation, period)

    found = at_desk(act)
    if as_json:
        return give(found.plain())
    out.print(f"[bold]{wording.subject(obligation, period)}[/] ({period.start:%d/%m/%Y} - {period.end:%d/%m/%Y})")
    for line in [*wording.results(found), *wording.broadcast_lines(found), *wording.activity_lines(found)]:
        out.print(line, markup=False)
    return None


@app.command()
def make(
    slug: Slug,
    output: Output,
    year: Year = None,
    until: Day = None,
    annex: Annotated[Path | None, typer.Option("--annex", help="Tệp .xlsx ghi đủ số liệu, mỗi bảng một trang.")] = None,
    notes: Annotated[Path | None, typer.Option("--notes", help="Tệp .toml: phần cơ quan tự viết thêm.")] = None,
    template: Annotated[Path | None, typer.Option("--template", help="Mẫu .docx của cơ quan.")] = None,
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Lập báo cáo .docx; số và ngày để trống cho văn thư."""
    parent_folder(output)
    duties, added = making.load(load_settings().reports), wording.notes(notes)
    asked = (slug, year or _today().year, until.date() if until else None)

    async def act(desk: Desk) -> making.Papers:
        async with desk.pool.connection() as connection:
            return await making.make(connection, duties, asked, by, notes=added, template=template)

    made = at_desk(act)
    output.write_bytes(made.document)
    if annex:
        annex.write_bytes(made.annex)
    if as_json:
        return give({"document": output, "annex": annex, "sha256": made.sha256, "figures": made.figures.plain()})
    total = made.figures.total
    out.print(f"Đã ghi {output} ({number(total.sent)} tin, tới máy {number(total.delivered)}).", markup=False)
    if annex:
        out.print(f"Phụ lục số liệu: {annex}", markup=False)
    out.print("Đọc lại, bổ sung nhận xét, trình ký; số và ngày do văn thư ghi.")
    return None


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Các báo cáo đã lập."""

    async def act(desk: Desk) -> list[reports.Made]:
        async with desk.pool.connection() as connection:
            return await reports.made(connection)

    found = at_desk(act)
    if as_json:
        return give(found)
    rows = [
        (m.slug, str(m.year), f"{m.starts:%d/%m/%Y} - {m.ends:%d/%m/%Y}", m.made_by, m.made_at, m.document_sha256[:16])
        for m in found
    ]
    return table("Báo cáo đã lập", ("mã", "năm", "kỳ số liệu", "người lập", "lúc", "mã băm văn bản"), rows)


@app.command()
def template(
    output: Output,
    form: Annotated[Form, typer.Option("--form", help="Văn bản nhà nước hay văn bản của Đảng.")] = Form.STATE,
    as_json: AsJson = False,
) -> None:
    """Ghi mẫu .docx để cơ quan sửa lời văn, rồi dùng với --template."""
    parent_folder(output)
    forms.template(form).save(str(output))
    if as_json:
        return give({"template": output, "form": form})
    out.print(
        f"Đã ghi {output}. Giữ nguyên các ô {{{{ ... }}}} và dòng {{%p ... %}}; phần khác sửa tùy ý.", markup=False
    )
    return None


@activity.command("add")
def add(
    kind: Annotated[str, typer.Argument(metavar="HÌNH_THỨC", help=f"Một trong: {', '.join(wording.ACTIVITIES)}.")],
    quantity: Annotated[int, typer.Argument(metavar="SỐ_LƯỢNG")],
    unit: Annotated[str, typer.Argument(metavar="ĐƠN_VỊ", help="Ví dụ: tin bài, lượt phát, băng rôn.")],
    done_by: Annotated[str, typer.Option("--done-by", help="Nơi thực hiện, ví dụ: Đài PT&TH tỉnh.")],
    day: Day = None,
    note: Annotated[str, typer.Option("--note", help="Ghi chú.")] = "",
    link: Annotated[str | None, typer.Option("--link", help="Liên kết.")] = None,
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Ghi một hoạt động."""
    given = Activity(0, kind, day.date() if day else _today(), quantity, unit, done_by, note, link, by)

    async def act(desk: Desk) -> int:
        async with desk.pool.connection() as connection:
            return await making.add_activity(connection, given)

    stored = at_desk(act)
    if as_json:
        return give({"id": stored})
    out.print(f"Đã ghi mục số {stored}: {wording.ACTIVITIES[kind]}, {number(quantity)} {unit}.", markup=False)
    return None


@activity.command("list")
def list_activities(
    since: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="Từ ngày.")] = None,
    to: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Đến ngày.")] = None,
    as_json: AsJson = False,
) -> None:
    """Các hoạt động đã ghi; không ghi ngày: của năm nay."""
    first = since.date() if since else date(_today().year, 1, 1)
    last = to.date() if to else _today()
    if first > last:
        fail(f"Ngày bắt đầu {first:%d/%m/%Y} sau ngày kết thúc {last:%d/%m/%Y}.", 2)

    async def act(desk: Desk) -> list[Activity]:
        async with desk.pool.connection() as connection:
            return await reports.activities(connection, first, last)

    found = at_desk(act)
    if as_json:
        return give(found)
    rows = [
        (a.id, f"{a.day:%d/%m/%Y}", wording.ACTIVITIES[a.kind], a.quantity, a.unit, a.done_by, a.note) for a in found
    ]
    return table(
        "Hình thức tuyên truyền khác",
        ("số", "ngày", "hình thức", "số lượng", "đơn vị", "nơi thực hiện", "ghi chú"),
        rows,
    )


@activity.command()
def withdraw(
    entry: Annotated[int, typer.Argument(metavar="SỐ", help="Số của mục, xem activity list.")],
    reason: Annotated[str, typer.Option("--reason", help="Vì sao rút.")],
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Rút một mục đã ghi nhầm."""

    async def act(desk: Desk) -> None:
        async with desk.pool.connection() as connection:
            await making.withdraw_activity(connection, entry, by, reason)

    at_desk(act)
    if as_json:
        return give({"withdrawn": entry})
    out.print(f"Đã rút mục số {number(entry)}.")
    return None
