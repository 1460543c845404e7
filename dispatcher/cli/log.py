"""dispatcher log: the delivery log, searched, told message by message, and exported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from campaigns.calendar import VIETNAM
from dispatcher import accounts, control, inspection, searching
from dispatcher.cli import sealed
from dispatcher.cli.terminal import (
    ME,
    AsJson,
    By,
    Desk,
    at_desk,
    fail,
    give,
    moment,
    number,
    one_number,
    out,
    parent_folder,
    progress,
    table,
)
from dispatcher.delivery_log import PAGE, Exported, Format, export
from dispatcher.lifecycle import Status
from dispatcher.searching import Page, Query
from dispatcher.store import audit, log
from dispatcher.store.log import Row, Told
from dispatcher.store.tallies import Count
from dispatcher.waiting import spoken_reason
from dispatcher.words import APPROVAL_WORDS, NETWORK_WORDS, OUTCOME_WORDS, REASON_WORDS, STATUS_WORDS
from providers.base import Reason

app = typer.Typer(help="Nhật ký gửi tin: tìm, xem một tin, xuất tệp, niêm phong, kiểm tra.", no_args_is_help=True)
for of_seals in (sealed.seal, sealed.checkpoint, sealed.sealed_export, sealed.verify):
    app.command()(of_seals)

Reveal = Annotated[bool, typer.Option("--reveal", help="Hiện đủ số; việc này được ghi vào nhật ký thao tác.")]
Why = Annotated[str, typer.Option("--reason", help="Lý do cần hiện đủ số.")]
Number = Annotated[str | None, typer.Option("--number", help="Tin đã gửi tới số này.")]
Wave = Annotated[str | None, typer.Option(help="Chỉ đợt gửi này.")]
Statuses = Annotated[list[Status] | None, typer.Option("--status", help="Chỉ các trạng thái này.")]
Route = Annotated[str | None, typer.Option(help="Chỉ tin được giao cho đường gửi này.")]
Place = Annotated[
    str | None, typer.Option(help="Chỉ xã, phường hoặc tỉnh này: mã, hoặc tên như “Xã Na Sầm, Lạng Sơn”.")
]
Since = Annotated[str | None, typer.Option(help="Thay đổi lần cuối từ lúc này: 2026-06-01 hoặc 2026-06-01T08:00.")]
Until = Annotated[str | None, typer.Option(help="Thay đổi lần cuối đến hết ngày này, hoặc trước giờ này.")]
Fault = Annotated[str | None, typer.Option("--error", help="Chỉ tin lỗi với mã này, như nhà mạng báo.")]
Reference = Annotated[str | None, typer.Option(help="Mã của nhà mạng cho tin.")]
Approver = Annotated[str | None, typer.Option(help="Chỉ chiến dịch do người này duyệt.")]

COLUMNS = (
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
    "mã tin",
)


@app.command()
def search(
    number_: Number = None,
    campaign: Annotated[str | None, typer.Option(help="Chỉ chiến dịch này.")] = None,
    wave: Wave = None,
    status: Statuses = None,
    route: Route = None,
    place: Place = None,
    since: Since = None,
    until: Until = None,
    error: Fault = None,
    reference: Reference = None,
    approver: Approver = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Tối đa bao nhiêu tin một trang.")] = 50,
    after: Annotated[str | None, typer.Option(help="Trang sau: chỗ mà trang trước đã in ra.")] = None,
    reveal: Reveal = False,
    reason: Why = "",
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Tìm tin, đợt mới nhất trước: theo số, chiến dịch, đợt, trạng thái, đường gửi, nơi, thời gian, lỗi, mã, người duyệt."""
    query = _query(number_, campaign, wave, status, route, place, since, until, error, reference, approver)

    async def act(desk: Desk) -> tuple[Page, Count | None]:
        async with desk.pool.connection() as connection:
            if reveal:
                await accounts.may_reveal(connection, by, reason)
            found = await searching.page(
                connection, desk.keyring, replace(query, limit=limit), after=after, reveal=reveal, reason=reason, by=by,
                look=None,
            )  # fmt: skip
            return found, await searching.count(connection, desk.keyring, query)

    page, count = at_desk(act)
    if as_json:
        return give({"count": count, "messages": page.messages, "after": page.after})
    table(_headline(page, count), COLUMNS, [_line(message) for message in page.messages])
    if page.after:
        out.print(f"Còn nữa; trang sau: --after {page.after}", markup=False)
    return None


def _headline(page: Page, count: Count | None) -> str:
    shown = f"{number(len(page.messages))} tin"
    if count is None:
        return f"{shown} (giờ Việt Nam)"
    as_of = f" (đếm lúc {moment(count.at)})" if count.at else ""
    return f"{shown} trong {number(count.n)} tin{as_of} (giờ Việt Nam)"


def _line(found: dict[str, Any]) -> tuple[Any, ...]:
    return (
        found["msisdn"], found["campaign"], found["wave"], NETWORK_WORDS.get(found["network"], found["network"]), found["route"],
        STATUS_WORDS[Status(found["status"])], found["attempts"], _spoken(found["submitted_at"]), _spoken(found["final_at"]),
        found["error_code"], found["message_id"],
    )  # fmt: skip


def _query(
    number_: str | None,
    campaign: str | None,
    wave: str | None,
    statuses: list[Status] | None,
    route: str | None,
    place: str | None,
    since: str | None,
    until: str | None,
    error: str | None,
    reference: str | None,
    approver: str | None,
) -> Query:
    return Query(
        number=one_number(number_) if number_ else None,
        campaign=campaign,
        wave=wave,
        statuses=statuses or (),
        route=route,
        place=place,
        since=_when(since, timedelta(0)),
        until=_when(until, timedelta(days=1)),
        error=error,
        reference=reference,
        approver=approver,
    )


def _when(written: str | None, whole_day: timedelta) -> datetime | None:
    """A moment in Viet Nam; of a day without an hour its beginning, or as much later."""
    if written is None:
        return None
    try:
        if len(written) == len("2026-06-01"):
            return datetime.combine(date.fromisoformat(written), datetime.min.time(), VIETNAM) + whole_day
        return datetime.fromisoformat(written).replace(tzinfo=VIETNAM)
    except ValueError:
        fail(f"Không đọc được thời gian {written}: viết 2026-06-01 hoặc 2026-06-01T08:00.", 2)


def _spoken(at: str | None) -> str | None:
    return datetime.fromisoformat(at).strftime("%H:%M:%S %d/%m/%Y") if at else None


@app.command()
def show(
    message: Annotated[str, typer.Argument(metavar="MÃ-TIN", help="Mã tin, như log search in ra.")],
    as_json: AsJson = False,
) -> None:
    """Cả câu chuyện của một tin: ai lập, ai duyệt, các lần thử, trao đổi với nhà mạng (khóa đã xóa), các báo nhận."""
    message_id = _id(message)

    async def act(desk: Desk) -> tuple[tuple[Row, dict[str, Any], list[Told]], dict[str, Any]] | None:
        async with desk.pool.connection() as connection:
            await connection.execute(inspection.SNAPSHOT)
            found = await searching.story(connection, desk.keyring, message_id)
            return (found, await searching.origin(connection, found[0])) if found else None

    told = at_desk(act)
    if told is None:
        fail("Không có tin này.")
    (row, shown, happened), origin = told
    if as_json:
        return give({**shown, "text": row.text, "origin": origin, "happened": happened})
    for line in _story(row, shown, origin, happened):
        out.print(line, markup=False, soft_wrap=True)
    return None


def _id(written: str) -> UUID:
    try:
        return UUID(written)
    except ValueError:
        fail(f"{written} không phải là mã tin: 32 chữ số thập lục phân, như log search in ra.", 2)


def _story(row: Row, shown: dict[str, Any], origin: dict[str, Any], happened: list[Told]) -> Iterator[str]:
    yield f"Tin {row.id.hex}: {STATUS_WORDS[Status(row.status)]}"
    yield f"  gửi tới {shown['msisdn'] or 'người đã được xóa'} ({NETWORK_WORDS.get(row.network, row.network)})"
    yield f"  nơi: {shown['commune'] or 'không rõ'}; nhóm: {row.group or 'không rõ'}; {row.segments} phần tin"
    yield f"  nội dung: {row.text}"
    yield f"Chiến dịch {row.campaign}: {origin['campaign_title']}, do {origin['author']} lập"
    yield f"  đợt {row.wave}: {origin['wave_title']}, {moment(origin['opens_at'])} đến {moment(origin['closes_at'])}"
    if origin["audience"]:
        yield f"  danh sách {origin['audience']}, bản {origin['audience_version']}"
    for approval in origin["approvals"]:
        why = f": {approval['reason']}" if approval["reason"] else ""
        yield f"  {moment(approval['at'])} {approval['who']} {APPROVAL_WORDS[approval['path']]}{why}"
    yield "Diễn biến"
    for told in happened:
        yield from _told(told)
    yield f"  {moment(origin['changed_at'])} thay đổi lần cuối: {STATUS_WORDS[Status(row.status)]}"
    for deed in origin["looked_at"]:
        yield f"  {moment(deed.at)} {deed.who} đã hiện đủ số: {deed.detail.get('reason', '')}"


def _told(told: Told) -> Iterator[str]:
    what = f"lần thử {told.number} qua" if told.kind == "attempt" else "báo nhận từ"
    parts = [f"{what} {told.route or 'không đường gửi nào'}: {OUTCOME_WORDS.get(told.outcome, told.outcome)}"]
    parts += [f"mã {told.code}"] if told.code else []
    parts += [_why(told.reason)] if told.reason else []
    parts += [f"mã của nhà mạng {told.reference}"] if told.reference else []
    if told.moved_from and told.moved_to:
        parts.append(f"{STATUS_WORDS[Status(told.moved_from)]} → {STATUS_WORDS[Status(told.moved_to)]}")
    yield f"  {told.at.astimezone(VIETNAM):%H:%M:%S.%f %d/%m/%Y} {', '.join(parts)}"
    for name, content in (("gửi đi", told.request), ("trả lời", told.response)):
        if content:
            yield f"      {name}: {content}"


def _why(reason: str) -> str:
    """What the log has as `network: what the carrier said`, in words."""
    kind, _, said = reason.partition(": ")
    if kind not in set(Reason):
        return spoken_reason(reason)
    return REASON_WORDS[Reason(kind)] + (f" ({said})" if said else "")


@app.command("export")
def export_(
    output: Annotated[Path, typer.Option("-o", "--output", help="Tệp kết quả; bản kê đi kèm ghi cạnh nó.")],
    campaign: Annotated[
        str | None, typer.Argument(metavar="[CHIẾN-DỊCH]", help="Mã chiến dịch; bỏ trống: mọi chiến dịch.")
    ] = None,
    number_: Number = None,
    wave: Wave = None,
    status: Statuses = None,
    route: Route = None,
    place: Place = None,
    since: Since = None,
    until: Until = None,
    error: Fault = None,
    reference: Reference = None,
    approver: Approver = None,
    form: Annotated[Format, typer.Option("--format", help="Dạng tệp.")] = Format.CSV,
    reveal: Reveal = False,
    reason: Why = "",
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Xuất nhật ký, mỗi tin một dòng, kèm bản kê (điều kiện lọc, số tin, điểm kiểm tra, mã băm); số được che nếu không --reveal."""
    parent_folder(output)
    query = _query(number_, campaign, wave, status, route, place, since, until, error, reference, approver)

    async def act(desk: Desk) -> Exported:
        with progress("Đang xuất", quiet=as_json) as move:
            async with desk.pool.connection() as connection:
                if reveal:
                    await accounts.may_reveal(connection, by, reason)
                if campaign:
                    await control.find(connection, campaign)
                count = await searching.count(connection, desk.keyring, query)
                kind, subject = "log.reveal" if reveal else "log.export", campaign or "search"
                await audit.record(
                    connection, by, kind, subject, reason=reason, file=output.name, filters=searching.filters(query)
                )
            async with desk.pool.connection() as connection:
                await connection.execute(inspection.SNAPSHOT)
                return await export(
                    log.pages(connection, searching.wanted(query, desk.keyring), PAGE),
                    desk.keyring,
                    output,
                    form,
                    reveal=reveal,
                    progress=lambda done: move(done, max(done, count.n if count else 0)),
                    about=await searching.about(connection, query, by, reason),
                )

    written = at_desk(act)
    if as_json:
        return give({"campaign": campaign, **_fields(written), "file": output, "format": form, "revealed": reveal})
    out.print(f"Đã ghi {number(written.messages)} tin vào {output}, bản kê {written.manifest.name}.", markup=False)
    return None


def _fields(written: Exported) -> dict[str, Any]:
    return {"messages": written.messages, "sha256": written.sha256, "manifest": written.manifest}
