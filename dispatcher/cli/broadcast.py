"""dispatcher broadcast: articles that an Official Account sends to its followers at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from campaigns import broadcast as definition
from campaigns.broadcast import Broadcast
from campaigns.calendar import spoken
from dispatcher import broadcasts
from dispatcher.broadcasts import NEXT_STEP, Seen
from dispatcher.cli.terminal import ME, AsJson, By, Desk, at_desk, fail, give, moment, number, out, table
from dispatcher.lifecycle import BroadcastStatus
from dispatcher.runtime import Route, open_routes
from dispatcher.settings import RouteConfig, load_routes
from dispatcher.store import broadcasts as stored_broadcasts
from dispatcher.store import installation
from dispatcher.store.broadcasts import Called, StoredBroadcast
from dispatcher.store.database import Connection
from dispatcher.words import ACT_WORDS, BROADCAST_STEPS, BROADCAST_WORDS

app = typer.Typer(
    help="Bài viết mà Official Account Zalo gửi tới người quan tâm: soạn, duyệt, theo dõi, ghi số liệu.",
    no_args_is_help=True,
)

T = TypeVar("T")
Slug = Annotated[str, typer.Argument(metavar="BÀI", help="Tên bài (slug), xem bằng `dispatcher broadcast list`.")]
File = Annotated[Path, typer.Argument(metavar="TỆP", help="Tệp .toml mô tả bài.")]
Reason = Annotated[str, typer.Option("--reason", help="Lý do, ghi vào nhật ký thao tác.")]
Approver = Annotated[str, typer.Option("--by", help="Tên người duyệt; phải khác người soạn.")]


@app.command()
def check(file: File, as_json: AsJson = False) -> None:
    """Kiểm tra tệp mô tả bài: lỗi ở dòng nào, gửi gì, cho ai, khi nào. Không lưu, không gửi."""
    read = definition.load(file)
    return give(read.model_dump(mode="json")) if as_json else _print_content(read)


@app.command()
def add(file: File, by: By = ME, as_json: AsJson = False) -> None:
    """Lưu bản nháp, hoặc thay bản nháp cùng tên. Chưa gửi gì; cần người khác duyệt."""
    read = definition.load(file)

    async def act(desk: Desk) -> None:
        _config(desk, read.route)
        async with desk.pool.connection() as connection:
            await broadcasts.add(connection, read, by)

    at_desk(act)
    if as_json:
        return give({"broadcast": read.slug, "act": "add"})
    _print_content(read)
    return out.print(f"Đã lưu bản nháp. Xem lại: dispatcher broadcast review {read.slug}", markup=False)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Liệt kê các bài và tình trạng; mã thoát 3 khi có bài chờ người xử lý (chưa rõ kết quả, đang giữ)."""

    async def act(desk: Desk) -> list[dict[str, Any]]:
        async with desk.pool.connection() as connection:
            now = await installation.now(connection)
            return [await _told(connection, one, now) for one in await stored_broadcasts.listing(connection)]

    found = at_desk(act)
    if as_json:
        give(found)
    else:
        rows = [
            (
                one["slug"],
                one["title"],
                one["opens_at"],
                BROADCAST_WORDS[one["status"]],
                one["waits"] or "",
                _figures(one),
            )
            for one in found
        ]
        table("Bài gửi người quan tâm OA", ("bài", "tiêu đề", "gửi từ", "tình trạng", "vì", "số liệu"), rows)
    if any(one["status"] in ("uncertain", "held") for one in found):
        raise typer.Exit(3)


@app.command()
def review(slug: Slug, as_json: AsJson = False) -> None:
    """Xem lại trước khi duyệt: nội dung, người nhận, giờ gửi, hạn mức của OA; sau khi gửi: kết quả từng bước."""

    async def act(desk: Desk) -> tuple[Seen, list[Called], dict[str, Any]]:
        async def look(connection: Connection, route: Route) -> tuple[Seen, list[Called], dict[str, Any]]:
            seen = await broadcasts.review(connection, slug, route)
            told = await _told(connection, seen.stored, await installation.now(connection))
            return seen, await stored_broadcasts.calls(connection, seen.stored.id), told

        return await _over_its_route(desk, slug, look)

    seen, calls, told = at_desk(act)
    if as_json:
        return give({**_fields(seen), **told, "calls": calls})
    return _print(seen, calls, told)


@app.command()
def approve(
    slug: Slug,
    by: Approver,
    seen: Annotated[str, typer.Option("--seen", help="Mã nội dung đã xem lại.")] = "",
    accept: Annotated[str, typer.Option("--accept", help="Lý do vẫn duyệt dù có điểm chưa đạt.")] = "",
    as_json: AsJson = False,
) -> None:
    """Duyệt: tới giờ, bài tự gửi đúng một lần. Sau khi duyệt không sửa được nội dung."""

    async def act(desk: Desk) -> Seen:
        async def approved(connection: Connection, route: Route) -> Seen:
            return await broadcasts.approve(connection, slug, by, route, accept=accept, seen=seen)

        return await _over_its_route(desk, slug, approved)

    found = at_desk(act)
    if as_json:
        return give(_fields(found))
    return out.print(
        f"[green]Đã duyệt[/] (mã {found.hash[:12]}). Bài tự gửi từ {spoken(found.broadcast.opens_at)}"
        f" đến {spoken(found.broadcast.closes_at)}, khi máy gửi đang chạy."
    )


@app.command()
def withdraw(slug: Slug, reason: Reason, by: By = ME, as_json: AsJson = False) -> None:
    """Rút phê duyệt của bài chưa gửi, để sửa rồi duyệt lại."""
    _act(slug, "withdraw", lambda connection: broadcasts.withdraw(connection, slug, by, reason), as_json=as_json)


@app.command()
def cancel(slug: Slug, reason: Reason, by: By = ME, as_json: AsJson = False) -> None:
    """Hủy hẳn một bài chưa gửi."""
    _act(slug, "cancel", lambda connection: broadcasts.cancel(connection, slug, by, reason), as_json=as_json)


@app.command()
def resume(slug: Slug, reason: Reason, by: By = ME, as_json: AsJson = False) -> None:
    """Cho gửi tiếp một bài đang được giữ lại, sau khi đã sửa nguyên nhân."""
    _act(slug, "resume", lambda connection: broadcasts.resume(connection, slug, by, reason), as_json=as_json)


@app.command()
def settle(
    slug: Slug,
    reason: Reason,
    sent: Annotated[bool, typer.Option("--sent", help="Đã tra: bài đã gửi.")] = False,
    not_sent: Annotated[
        bool, typer.Option("--not-sent", help="Đã tra: Zalo chưa nhận; bài sẽ được gửi lại khi còn giờ.")
    ] = False,
    article: Annotated[
        str | None, typer.Option("--article", metavar="MÃ-BÀI", help="Đã tra: bài viết đã tạo trên Zalo, có mã này.")
    ] = None,
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Ghi kết quả của bài chưa rõ kết quả, sau khi tra trên trang quản trị OA. Hệ thống không bao giờ tự gửi lại."""
    if [sent, not_sent, article is not None].count(True) != 1:
        fail("Chọn đúng một trong ba: --sent, --not-sent, --article MÃ-BÀI.", 2)

    async def settled(connection: Connection) -> None:
        await broadcasts.settle(connection, slug, by, reason, sent=sent, article_id=article)

    _act(slug, "settle", settled, as_json=as_json)


@app.command()
def result(
    slug: Slug,
    source: Annotated[
        str, typer.Option("--source", help="Nguồn số liệu, ví dụ: trang quản trị OA, xem ngày 03/06/2026.")
    ],
    reached: Annotated[int | None, typer.Option("--reached", min=0, help="Số người quan tâm đã nhận bài.")] = None,
    opened: Annotated[int | None, typer.Option("--opened", min=0, help="Số lượt xem bài.")] = None,
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Ghi số liệu tổng hợp của bài đã gửi; Zalo không cho biết từng người. Ghi lại thì số mới nhất được dùng."""
    _act(
        slug,
        "result",
        lambda connection: broadcasts.result(connection, slug, by, source, reached=reached, opened=opened),
        as_json=as_json,
    )


def _act(slug: str, name: str, act: Callable[[Connection], Awaitable[None]], *, as_json: bool) -> None:
    async def done(desk: Desk) -> dict[str, Any]:
        async with desk.pool.connection() as connection:
            await act(connection)
            stored = await broadcasts.find(connection, slug)
            return await _told(connection, stored, await installation.now(connection))

    told = at_desk(done)
    if as_json:
        return give({**told, "act": name})
    out.print(f"Bài {slug} {BROADCAST_WORDS[told['status']]}.", markup=False)
    return out.print(NEXT_STEP[told["status"]].format(slug=slug), markup=False)


async def _over_its_route(desk: Desk, slug: str, act: Callable[[Connection, Route], Awaitable[T]]) -> T:
    """Act on a broadcast with its route open, so that the account can be asked."""
    async with desk.pool.connection() as connection:
        stored = await broadcasts.find(connection, slug)
    config = _config(desk, stored.route)
    async with open_routes([config], desk.keyring, desk.pool) as (route,), desk.pool.connection() as connection:
        return await act(connection, route)


def _config(desk: Desk, name: str) -> RouteConfig:
    configs = {config.name: config for config in load_routes(desk.settings.routes)}
    if name not in configs:
        fail(f"Không có đường gửi {name} trong {desk.settings.routes}. Hiện có: {', '.join(configs)}.")
    return configs[name]


async def _told(connection: Connection, stored: StoredBroadcast, now: datetime) -> dict[str, Any]:
    result = await stored_broadcasts.newest_result(connection, stored.id)
    return {
        "slug": stored.slug,
        "title": Broadcast.model_validate(stored.definition).title,
        "route": stored.route,
        "author": stored.author,
        "approved_by": stored.approved_by,
        "status": stored.status,
        "waits": broadcasts.waits(stored, now),
        "opens_at": stored.opens_at,
        "closes_at": stored.closes_at,
        "article_id": stored.article_id,
        "message_id": stored.message_id,
        "followers": stored.followers,
        "sent_at": stored.sent_at,
        "result": dataclasses.asdict(result) if result else None,
    }


def _figures(told: dict[str, Any]) -> str:
    """What is known of all who got it."""
    result: dict[str, Any] = told["result"] or {}
    known = {
        "người quan tâm khi gửi": told["followers"],
        "nhận": result.get("reached"),
        "lượt xem": result.get("opened"),
    }
    return "; ".join(f"{number(value)} {words}" for words, value in known.items() if value is not None)


def _fields(seen: Seen) -> dict[str, Any]:
    return {
        "broadcast": seen.broadcast.model_dump(mode="json"),
        "hash": seen.hash,
        "account": seen.standing,
        "refusals": seen.refusals,
        "findings": seen.findings,
        "notes": seen.notes,
    }


def _print(seen: Seen, calls: list[Called], told: dict[str, Any]) -> None:
    stored = seen.stored
    approved = f"; người duyệt: {stored.approved_by}" if stored.approved_by else ""
    out.print(
        f"Bài {stored.slug} {BROADCAST_WORDS[stored.status]}. Người soạn: {stored.author}{approved}.", markup=False
    )
    if told["waits"]:
        out.print(f"Vì: {told['waits']}", markup=False)
    _print_content(seen.broadcast)
    if (account := seen.standing) is not None:
        followers = "chưa rõ số" if account.followers is None else f"nhiều nhất {number(account.followers)}"
        out.print(f"Tài khoản: {account.name} ({account.package}), {followers} người quan tâm nhận được", markup=False)
    if stored.status is BroadcastStatus.DRAFT:
        _print_judgement(seen)
    if calls:
        rows = [
            (one.number, BROADCAST_STEPS[one.step], ACT_WORDS[f"broadcast.{one.outcome}"], one.code, one.detail)
            for one in calls
        ]
        table("Đã gọi Zalo", ("lần", "bước", "kết quả", "mã", "chi tiết"), rows)
    if figures := _figures(told):
        out.print(f"Số liệu: {figures}", markup=False)
    if told["result"]:
        _print_result(told["result"])
    out.print(f"Mã nội dung: {seen.hash[:12]}. {NEXT_STEP[stored.status].format(slug=stored.slug)}", markup=False)


def _print_judgement(seen: Seen) -> None:
    for words, listed in (("Chưa duyệt được", seen.refusals), ("Chưa đạt", seen.findings), ("Lưu ý", seen.notes)):
        for one in listed:
            out.print(f"{words}: {one}", markup=False)


def _print_result(result: dict[str, Any]) -> None:
    out.print(
        f"Nguồn: {result['source']} ({result['entered_by']} ghi lúc {moment(result['entered_at'])})", markup=False
    )


def _print_content(read: Broadcast) -> None:
    window = f"khung giờ {read.window[0]:%H:%M}-{read.window[1]:%H:%M}"
    for line in (
        read.title,
        f"Qua đường gửi {read.route}, từ {spoken(read.opens_at)} đến {spoken(read.closes_at)}, {window}",
        f"Căn cứ: {read.basis}",
        f"Gửi tới: {broadcasts.whom(read.target)}",
    ):
        out.print(line, markup=False)
    if (article := read.article) is not None:
        out.print(f"Tác giả: {article.author}. Ảnh bìa: {article.cover}", markup=False)
        out.print(f"Mô tả: {article.description}", markup=False)
        for paragraph in article.body:
            out.print(f"  {paragraph}", markup=False)
