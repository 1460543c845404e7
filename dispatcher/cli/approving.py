"""dispatcher campaign review, propose, approve, confirm, withdraw, forecast: what an approver sees and does."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import typer
from rich.markup import escape

from campaigns import places
from campaigns.calendar import spoken
from campaigns.campaign import Channel
from campaigns.figures import dong
from campaigns.volume import Amount
from dispatcher import approval, outlook
from dispatcher.approval import Approved
from dispatcher.cli.terminal import ME, AsJson, By, Desk, Edition, at_desk, give, moment, number, out, table
from dispatcher.control import SPOKEN, find
from dispatcher.fingerprint import PART_WORDS
from dispatcher.outlook import Outlook
from dispatcher.papers import papers
from dispatcher.preflight import freight, lacking
from dispatcher.review import (
    PATH_WORDS,
    WHY_WORDS,
    Review,
    WaveReview,
    chosen,
    fields,
    office,
    outlook_fields,
    rehearsal_words,
)
from dispatcher.review import review as reviewed
from dispatcher.runtime import open_routes
from dispatcher.settings import load_routes
from dispatcher.store.approvals import Path
from dispatcher.waiting import stop_words
from dispatcher.words import CHANNEL_WORDS, NETWORK_WORDS

# Communes shown on the screen; all of them are in the JSON.
AREAS = 8
SHOWN = 12

Approver = Annotated[str, typer.Option("--by", help="Tên người duyệt; phải khác người soạn.")]


def review(edition: Edition, as_json: AsJson = False) -> None:
    """Xem lại trước khi duyệt: tin mẫu, số người, phần tin, chi phí, dự kiến xong, điểm chưa đạt, thay đổi từ lần duyệt trước."""

    async def act(desk: Desk) -> Review:
        async with desk.pool.connection() as connection:
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            return await reviewed(connection, edition, office(desk.settings))

    seen = at_desk(act)
    if as_json:
        return give(fields(seen))
    return _print(seen)


def _print(seen: Review) -> None:
    out.print(f"[bold]{seen.stored.edition}[/]: {escape(seen.stored.title)} ({SPOKEN[seen.stored.status]})")
    out.print(f"Người soạn: {seen.stored.author}. Mã nội dung: {seen.hash[:12]}", markup=False)
    for line in papers(seen.campaign):
        out.print(line, markup=False)
    for wave in seen.waves:
        _print_wave(wave)
    _print_amounts(seen)
    _print_outlook(seen.outlook)
    _print_rehearsal(seen)
    _print_changes(seen)
    for refusal in seen.refusals:
        out.print(f"[red]Chưa duyệt được:[/] {escape(str(refusal))}")
    for finding in [*([seen.over_ceiling] if seen.over_ceiling else []), *seen.findings]:
        out.print(f"[red]Chưa đạt:[/] {escape(finding)}")
    for warning in seen.warnings:
        out.print(f"[yellow]Lưu ý:[/] {escape(warning)}")
    out.print(
        f"Bước tiếp: dispatcher campaign approve {seen.stored.edition} --by NGƯỜI-DUYỆT --seen {seen.hash[:12]}",
        markup=False,
        soft_wrap=True,
    )


def _print_wave(wave: WaveReview) -> None:
    out.print(
        f"\nĐợt [bold]{wave.slug}[/] ({escape(wave.title)}), {spoken(wave.opens_at)} đến {spoken(wave.closes_at)}"
    )
    out.print(
        f"  khung giờ {wave.window[0]:%H:%M}-{wave.window[1]:%H:%M}; nhóm {wave.audience} phiên bản {wave.version}:"
        f" {number(wave.people)} người nhận, {number(wave.left_out)} người từ chối, {number(wave.segments)} phần tin",
        markup=False,
    )
    if wave.channel is not Channel.SMS:
        words = CHANNEL_WORDS[wave.channel].format(minutes=wave.wait_minutes)
        out.print(f"  kênh: {words}; quan hệ với người nhận: {wave.relation or 'CHƯA GHI'}", markup=False)
    names = places.areas()
    areas = [f"{names[c].name if c in names else 'chưa rõ xã'} {number(n)}" for c, n in wave.areas.items()]
    more = f" và {len(areas) - AREAS} xã khác" if len(areas) > AREAS else ""
    out.print(f"  theo địa bàn: {', '.join(areas[:AREAS])}{more}", markup=False)
    for specimen in wave.specimens:
        variant = specimen.variant
        language = f", tiếng {variant.language}" if variant.language else ""
        out.print(
            f"  {WHY_WORDS[specimen.why]}{language}: {variant.segments} phần tin ({variant.encoding.value},"
            f" {variant.units} đơn vị), {number(specimen.people)} người",
            markup=False,
        )
        out.print(f"    {variant.body}", markup=False)
        if variant.template:
            filled = "; ".join(f"{name} = {value}" for name, value in variant.parameters.items())
            out.print(f"    Zalo, mẫu {variant.template}: {filled}", markup=False)


def _print_amounts(seen: Review) -> None:
    rows = [_amount(amount) for amount in seen.amounts]
    people, segments = sum(a.people for a in seen.amounts), sum(a.segments for a in seen.amounts)
    total = "chưa rõ" if seen.vnd is None else dong(seen.vnd)
    table(
        "Chi phí theo nhà mạng (mọi đợt)",
        ("nhà mạng", "tin", "phần tin", "chi phí", "nguồn giá"),
        [*rows, ("cộng", people, segments, total, "")],
    )
    ceiling = (
        f"mức chi tối đa {dong(seen.campaign.budget)}" if seen.campaign.budget else "chưa ghi mức chi tối đa (budget)"
    )
    out.print(f"Chi phí dự kiến: {total}; {ceiling}.")


def _amount(amount: Amount) -> tuple[Any, ...]:
    cost = "chưa rõ" if amount.vnd is None else dong(amount.vnd)
    return NETWORK_WORDS.get(amount.network, amount.network), amount.people, amount.segments, cost, amount.source


def _print_outlook(seen: Outlook) -> None:
    rows = [
        (
            arrival.wave,
            arrival.route,
            ", ".join(NETWORK_WORDS.get(n, n) for n in arrival.networks),
            arrival.finish.messages,
            arrival.finish.segments,
            arrival.finish.starts_at,
            arrival.finish.finishes_at or f"{number(arrival.finish.expired)} tin quá hạn",
        )
        for arrival in seen.arrivals
    ]
    columns = ("đợt", "đường gửi", "nhà mạng", "tin", "phần tin", "bắt đầu", "dự kiến xong")
    table(f"Dự kiến hoàn thành (tính từ {spoken(seen.now)})", columns, rows)
    for route, stops in seen.stops.items():
        for stop in stops:
            out.print(f"[yellow]Đường gửi {route}[/] {escape(stop_words(stop))}")


def _print_rehearsal(seen: Review) -> None:
    found = seen.rehearsal
    if found is None or not seen.rehearsed:
        before = f" (lần chạy thử lúc {moment(found.at)} là của nội dung khác)" if found else ""
        return out.print(
            f"Chưa chạy thử{before}. Chạy thử: dispatcher campaign rehearse {seen.stored.edition}", markup=False
        )
    told = "; ".join(rehearsal_words(found.outcome))
    return out.print(f"Chạy thử lúc {moment(found.at)} (mã {found.hash[:12]}): {told}", markup=False)


def _print_changes(seen: Review) -> None:
    if seen.stored.void:
        out.print(f"[bold red]Phê duyệt không còn hiệu lực:[/] {escape(seen.stored.void)}.")
    if seen.last is None:
        return None
    when = f"{PATH_WORDS[seen.last.path]} lúc {moment(seen.last.at)} bởi {seen.last.who}"
    if not seen.changes:
        return out.print(f"Không đổi từ lần {when}.", markup=False)
    out.print(f"Đã đổi từ lần {when}:", markup=False)
    for part, listed in seen.changes.items():
        for line in listed[:SHOWN]:
            out.print(f"  {PART_WORDS[part]}: {line}", markup=False)
        if len(listed) > SHOWN:
            out.print(f"  {PART_WORDS[part]}: và {len(listed) - SHOWN} chỗ khác", markup=False)
    return None


def approve(
    edition: Edition,
    by: Approver,
    accept: Annotated[
        str,
        typer.Option(
            "--accept",
            metavar="LÝ-DO",
            help="Vẫn duyệt dù gửi không kịp hay nhà cung cấp còn thiếu gì; ghi lý do.",
        ),
    ] = "",
    alert: Annotated[
        str, typer.Option("--alert", metavar="LÝ-DO", help="Duyệt nhanh một cảnh báo; phải được xác nhận sau đó.")
    ] = "",
    seen: Annotated[str, typer.Option("--seen", metavar="MÃ", help="Mã nội dung đã xem; khác là từ chối.")] = "",
    as_json: AsJson = False,
) -> None:
    """Phê duyệt: chốt nội dung, lịch, đường gửi, mức chi và đúng phiên bản danh sách người nhận."""

    async def act(desk: Desk) -> Approved:
        terms = office(desk.settings)
        async with desk.pool.connection() as connection:
            carried = await freight(connection, edition, terms)
        async with open_routes(terms.routes, desk.keyring, desk.pool) as opened:
            lacks = await lacking(opened, carried)
        async with desk.pool.connection() as connection:
            return await approval.approve(
                connection, edition, by, terms, accept=accept, alert=alert, seen=seen, lacking=lacks
            )

    given = at_desk(act)
    if as_json:
        audiences = [{"name": a.name, "version": a.version, "recipients": a.recipients} for a in given.audiences]
        return give({"campaign": edition, "approved_by": by, **dataclasses.asdict(given), "audiences": audiences})
    for audience in given.audiences:
        out.print(
            f"Nhóm {audience.name} phiên bản {audience.version}: {number(audience.recipients)} người nhận.",
            markup=False,
        )
    for finding in given.findings:
        out.print(f"[yellow]Đã chấp nhận:[/] {escape(finding)}")
    if given.path is Path.ALERT:
        out.print(f"Cần xác nhận trong 24 giờ: dispatcher campaign confirm {edition} --by NGƯỜI-XÁC-NHẬN", markup=False)
    rehearsed = f"; mã chạy thử: {given.rehearsal[:12]}" if given.rehearsal else "; chưa chạy thử"
    out.print(f"Mã phê duyệt: {given.hash[:12]}{rehearsed}")
    out.print(f"[green]{escape(by)} đã duyệt {edition}.[/] Bước tiếp: dispatcher campaign start {edition}")
    return None


def confirm(edition: Edition, by: Approver, as_json: AsJson = False) -> None:
    """Xác nhận một cảnh báo đã duyệt nhanh, sau khi xem lại đầy đủ."""

    async def act(desk: Desk) -> None:
        async with desk.pool.connection() as connection:
            await approval.confirm(connection, edition, by, office(desk.settings))

    at_desk(act)
    if as_json:
        return give({"campaign": edition, "confirmed_by": by})
    return out.print(f"[green]{escape(by)} đã xác nhận {edition}.[/]")


def propose(edition: Edition, by: By = ME, as_json: AsJson = False) -> None:
    """Trình duyệt một bản nháp đã đủ điều kiện; sửa bản nháp thì phải trình lại."""

    async def act(desk: Desk) -> str:
        async with desk.pool.connection() as connection:
            return (await approval.propose(connection, edition, by, office(desk.settings))).hash

    hashed = at_desk(act)
    if as_json:
        return give({"campaign": edition, "act": "propose", "hash": hashed})
    out.print(f"[green]Đã trình duyệt {edition}.[/] Mã nội dung: {hashed[:12]}")
    return out.print(f"Bước tiếp: dispatcher campaign approve {edition} --by NGƯỜI-DUYỆT", markup=False)


def withdraw(
    edition: Edition,
    reason: Annotated[str, typer.Option("--reason", help="Lý do rút phê duyệt.")],
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Rút phê duyệt của chiến dịch chưa bắt đầu, để sửa rồi duyệt lại."""

    async def act(desk: Desk) -> None:
        async with desk.pool.connection() as connection:
            await approval.withdraw(connection, edition, by, reason)

    at_desk(act)
    if as_json:
        return give({"campaign": edition, "act": "withdraw"})
    return out.print(f"[green]{edition} trở lại bản nháp.[/] Sửa rồi thêm lại: dispatcher campaign add TỆP")


def forecast(edition: Edition, as_json: AsJson = False) -> None:
    """Dự kiến từng đợt xong lúc nào trên từng đường gửi, trước và trong khi gửi. Mã thoát 1 nếu có tin không kịp."""

    async def act(desk: Desk) -> Outlook:
        async with desk.pool.connection() as connection:
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            stored = await find(connection, edition)
            return await outlook.look(
                connection, stored, await chosen(connection, stored), load_routes(desk.settings.routes)
            )

    seen = at_desk(act)
    if as_json:
        give({"campaign": edition, **outlook_fields(seen)})
    else:
        _print_outlook(seen)
        end = (
            f"xong lúc {spoken(seen.finishes_at)}" if seen.finishes_at else f"{number(seen.expired)} tin không kịp gửi"
        )
        out.print(f"{edition}: {end}.")
    if seen.expired:
        raise typer.Exit(1)
