"""dispatcher route: the ways out."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import hashlib
import secrets
import sys
from typing import Annotated, Any

import typer
from rich.markup import escape

from dispatcher import control
from dispatcher.cli import reconcile
from dispatcher.cli.terminal import ME, AsJson, By, Desk, at_desk, err, fail, give, number, out, table, tell_stopped
from dispatcher.preflight import Checked, Level, freight, preflight
from dispatcher.provider_tokens import Keeper
from dispatcher.review import office
from dispatcher.routing import elsewhere
from dispatcher.runtime import open_routes
from dispatcher.settings import RouteConfig, load_routes
from dispatcher.store import audit, routes
from dispatcher.store import log as delivery_log
from dispatcher.store.routes import Stop, StopKind
from dispatcher.waiting import spoken_reason, stop_words
from providers.errors import ProviderError
from providers.tokens import Signed

app = typer.Typer(help="Đường gửi: liệt kê, thử kết nối, tạm dừng, hủy, cho chạy tiếp.", no_args_is_help=True)
app.command()(reconcile.reconcile)
LEVELS = {Level.STOP: "[bold red]Phải sửa:[/]", Level.WARN: "[yellow]Xem lại:[/]", Level.NOTE: "Ghi chú:"}
Name = Annotated[str, typer.Argument(metavar="TÊN", help="Tên đường gửi trong routes.toml.")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Liệt kê các đường gửi trong routes.toml và đường nào đang dừng."""

    async def act(desk: Desk) -> tuple[tuple[RouteConfig, ...], dict[str, tuple[Stop, ...]]]:
        async with desk.pool.connection() as connection:
            return load_routes(desk.settings.routes), await routes.stops(connection)

    found, stops = at_desk(act)
    if as_json:
        return give([{**_fields(route), "stops": stops.get(route.name, ())} for route in found])
    rows = [
        (r.name, r.provider, ", ".join(r.networks), r.sender, f"{r.tps:g}", _state(stops.get(r.name, ())))
        for r in found
    ]
    return table("Đường gửi", ("tên", "nhà cung cấp", "nhà mạng", "tên hiển thị", "phần tin/giây", "tình trạng"), rows)


def _state(stops: tuple[Stop, ...]) -> str:
    return "; ".join(stop_words(stop) for stop in stops) or "sẵn sàng"


def _fields(route: RouteConfig) -> dict[str, Any]:
    return route.model_dump(exclude={"options"})


@app.command()
def check(
    name: Annotated[str | None, typer.Argument(metavar="TÊN", help="Một đường gửi; bỏ trống để thử tất cả.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Thử tất cả các đường gửi.")] = False,
    edition: Annotated[
        str | None,
        typer.Option(
            "--campaign", metavar="CHIẾN-DỊCH", help="So với nội dung, số người và chi phí của chiến dịch này."
        ),
    ] = None,
    unpark: Annotated[bool, typer.Option("--unpark", help="Nếu thử được, cho đường gửi đang dừng chạy lại.")] = False,
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Hỏi nhà cung cấp: tài khoản, số dư, tên hiển thị, mẫu tin, hạn mức, giờ gửi; không gửi tin nào."""
    if name and everything:
        fail("Chỉ ghi TÊN, hoặc chỉ ghi --all.")

    async def act(desk: Desk) -> list[dict[str, Any]]:
        checked = await _checked(desk, name, edition)
        if unpark:
            await _unpark(desk, [one.route for one in checked if one.health.ok], by)
        async with desk.pool.connection() as connection:
            unknown = await delivery_log.unknown_codes(connection)
        return [_told(one, unknown.get(one.route, {})) for one in checked]

    answers = at_desk(act)
    if as_json:
        give(answers)
    else:
        for answer in answers:
            _print(answer)
    if not all(answer["ok"] and answer["ready"] for answer in answers):
        raise typer.Exit(1)


async def _checked(desk: Desk, name: str | None, edition: str | None) -> list[Checked]:
    configs = [config for config in load_routes(desk.settings.routes) if name in (None, config.name)]
    if not configs:
        fail(f"Không có đường gửi {name} trong {desk.settings.routes}.")
    carried = None
    if edition:
        async with desk.pool.connection() as connection:
            carried = await freight(connection, edition, office(desk.settings))
    async with open_routes(configs, desk.keyring, desk.pool) as opened:
        return await preflight(opened, carried)


@app.command()
def authorise(
    name: Name,
    refresh_token: Annotated[
        bool, typer.Option("--refresh-token", help="Dán refresh token đã có thay vì đăng nhập bằng trình duyệt.")
    ] = False,
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Cấp quyền cho một đường gửi Zalo: người quản trị OA đăng nhập, rồi dán mã vào đây. Không gửi tin nào."""
    verifier = secrets.token_urlsafe(32)

    async def act(desk: Desk) -> None:
        _known(desk, name)
        async with open_routes(load_routes(desk.settings.routes), desk.keyring, desk.pool) as opened:
            signed = {route.config.name: route.provider for route in opened if isinstance(route.provider, Signed)}
            provider = signed.get(name)
            if not (provider and isinstance(provider.tokens, Keeper)):
                fail(f"Đường gửi {name} không dùng mã truy cập có hạn; không cần cấp quyền.")
            secret = await asyncio.to_thread(_pasted, provider, verifier, refresh_token)
            try:
                pair = await (provider.refreshed(secret) if refresh_token else provider.granted(secret, verifier))
            except ProviderError as error:
                fail(f"Chưa cấp quyền được: {spoken_reason(str(error))}.")
            await provider.tokens.begin(pair)
        async with desk.pool.connection() as connection:
            await audit.record(connection, by, "route.authorise", name, account=provider.account)
        await _unpark(desk, [other for other, one in signed.items() if one.account == provider.account], by)

    at_desk(act)
    if as_json:
        return give({"route": name, "act": "authorise"})
    return out.print(f"[green]Đường gửi {name} đã được cấp quyền;[/] từ nay mã truy cập được tự gia hạn.")


def _pasted(provider: Signed, verifier: str, refresh_token: bool) -> str:
    """What a person got at the provider; the prompts go where no output is read from."""
    if not refresh_token:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        err.print("Người quản trị OA mở địa chỉ sau, đăng nhập, đồng ý, rồi chép giá trị code= trên thanh địa chỉ:")
        err.print(escape(provider.permission(challenge, secrets.token_urlsafe(8))), soft_wrap=True)
    err.print("Dán refresh token:" if refresh_token else "Dán mã (dùng một lần, trong 10 phút):")
    pasted = sys.stdin.readline().strip()
    return pasted or fail("Chưa dán gì; chưa thay đổi gì.")


@app.command()
def callback(name: Name, by: By = ME, as_json: AsJson = False) -> None:
    """In địa chỉ để khai với nhà cung cấp: báo nhận và tin của người dân tới đó. Là bí mật: ai biết đều giả được báo nhận."""

    async def act(desk: Desk) -> str:
        _known(desk, name)
        configs = [config for config in load_routes(desk.settings.routes) if config.name == name]
        async with open_routes(configs, desk.keyring, desk.pool) as (route,):
            address = route.callback_url
        if address is None:
            fail(
                f"Đường gửi {name} chưa ghi callback_base trong routes.toml: hệ thống chưa biết địa chỉ của mình từ ngoài vào."
            )
        async with desk.pool.connection() as connection:
            await audit.record(connection, by, "route.callback", name)
        return address

    address = at_desk(act)
    if as_json:
        return give({"route": name, "address": address})
    return out.print(address, markup=False, soft_wrap=True)


@app.command()
def pause(
    name: Name,
    reason: Annotated[str, typer.Option("--reason", help="Lý do; mọi người xem tiến độ sẽ thấy.")],
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Dừng một đường gửi; tin của nó chờ. Cho biết đã ra bao nhiêu, giữ lại được bao nhiêu."""

    async def act(desk: Desk) -> control.Stopped:
        _known(desk, name)
        async with desk.pool.connection() as connection:
            await control.pause_route(connection, name, by, reason)
        async with desk.pool.connection() as connection:  # the stop is not to wait for the count
            return await control.route_stand(connection, name)

    stopped = at_desk(act)
    if as_json:
        return give({"route": name, "act": "pause", **dataclasses.asdict(stopped)})
    return tell_stopped(f"Đã tạm dừng đường gửi {name}", stopped)


@app.command()
def cancel(
    name: Name,
    reason: Annotated[str, typer.Option("--reason", help="Lý do; mọi người xem tiến độ sẽ thấy.")],
    move: Annotated[
        bool,
        typer.Option("--move", help="Không hủy mà chuyển tin đang chờ sang đường gửi kế tiếp phục vụ nhà mạng đó."),
    ] = False,
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Dừng một đường gửi và hủy (hoặc chuyển) tin đang chờ ở đó. Cho biết đã ra bao nhiêu, giữ lại được bao nhiêu."""

    async def act(desk: Desk) -> control.RouteCancelled:
        _known(desk, name)
        async with desk.pool.connection() as connection:
            if not (stopped := await routes.stops(connection)).get(name) or not _paused(stopped[name]):
                await control.pause_route(connection, name, by, reason)
        ways = elsewhere(load_routes(desk.settings.routes), name, stopped) if move else None
        if move and not ways:
            fail(f"Đường gửi {name} đã tạm dừng, nhưng không có đường gửi nào khác đang chạy để chuyển tin sang.")
        async with desk.pool.connection() as connection:
            return await control.cancel_route(connection, name, by, reason, ways)

    done = at_desk(act)
    if as_json:
        return give({"route": name, "act": "cancel", **dataclasses.asdict(done)})
    tell_stopped(f"Đã dừng đường gửi {name}", done)
    out.print(f"Đã hủy: {number(done.cancelled)}; đã chuyển sang đường gửi khác: {number(done.moved)}.")
    if waiting := done.saved - done.cancelled - done.moved:
        out.print(f"Còn {number(waiting)} tin chờ ở đường gửi này; chạy lại lệnh để chuyển hoặc hủy tiếp.")
    return out.print(f"Dùng lại đường gửi bằng: dispatcher route resume {name}")


def _paused(stops: tuple[Stop, ...]) -> bool:
    return any(stop.kind is StopKind.PAUSED for stop in stops)


@app.command()
def resume(name: Name, by: By = ME, as_json: AsJson = False) -> None:
    """Cho một đường gửi đang tạm dừng chạy tiếp."""

    async def act(desk: Desk) -> None:
        _known(desk, name)
        async with desk.pool.connection() as connection:
            await control.resume_route(connection, name, by)

    at_desk(act)
    if as_json:
        return give({"route": name, "act": "resume"})
    return out.print(f"[green]Đường gửi {name} chạy tiếp.[/]")


def _known(desk: Desk, name: str) -> None:
    names = [route.name for route in load_routes(desk.settings.routes)]
    if name not in names:
        fail(f"Không có đường gửi {name} trong {desk.settings.routes}. Hiện có: {', '.join(names)}.")


def _told(checked: Checked, unknown: dict[str, int]) -> dict[str, Any]:
    health = checked.health
    return {
        "name": checked.route,
        "ok": health.ok,
        "ready": checked.ok,
        "detail": health.detail,
        "latency_ms": round(health.latency * 1000, 1),
        "balance": health.balance,
        "currency": health.currency,
        "findings": [dataclasses.asdict(finding) for finding in checked.findings],
        "unknown_codes": unknown,
    }


async def _unpark(desk: Desk, names: list[str], by: str) -> None:
    async with desk.pool.connection() as connection:
        for name in names:
            if await routes.lift(connection, name, StopKind.PARKED):
                await audit.record(connection, by, "route.unpark", name)


def _print(answer: dict[str, Any]) -> None:
    mark = "[green]dùng được[/]" if answer["ok"] else "[bold red]KHÔNG dùng được[/]"
    balance = f", còn {number(int(answer['balance']))} {answer['currency']}" if answer["balance"] is not None else ""
    answered = f" (trả lời sau {number(answer['latency_ms'], 1)} ms{balance})" if answer["latency_ms"] else ""
    out.print(f"{answer['name']}: {mark}{answered}")
    for finding in answer["findings"]:
        out.print(f"  {LEVELS[finding['level']]} {escape(finding['said'])}\n      → {escape(finding['do'])}")
    if answer["unknown_codes"]:
        codes = ", ".join(f"{code} ({number(count)} tin)" for code, count in answer["unknown_codes"].items())
        out.print(
            f"  [yellow]Mã lạ:[/] {escape(codes)}\n      → Hỏi nhà cung cấp nghĩa của mã; tin được giữ là bị từ chối."
        )
