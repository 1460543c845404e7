"""dispatcher route: the ways out."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer
from rich.markup import escape

from dispatcher.cli.terminal import ME, AsJson, By, Desk, at_desk, fail, give, number, out, table
from dispatcher.runtime import open_route
from dispatcher.settings import RouteConfig, load_routes
from dispatcher.store import audit, routes
from providers.base import Health
from providers.errors import ProviderError

app = typer.Typer(help="Đường gửi: liệt kê, thử kết nối.", no_args_is_help=True)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Liệt kê các đường gửi trong routes.toml và đường nào đang dừng."""

    async def act(desk: Desk) -> tuple[tuple[RouteConfig, ...], dict[str, str]]:
        async with desk.pool.connection() as connection:
            return load_routes(desk.settings.routes), await routes.parked(connection)

    found, parked = at_desk(act)
    if as_json:
        return give([{**_fields(route), "parked": parked.get(route.name)} for route in found])
    rows = [
        (r.name, r.provider, ", ".join(r.networks), r.sender, f"{r.tps:g}", parked.get(r.name, "sẵn sàng"))
        for r in found
    ]
    return table("Đường gửi", ("tên", "nhà cung cấp", "nhà mạng", "tên hiển thị", "phần tin/giây", "tình trạng"), rows)


def _fields(route: RouteConfig) -> dict[str, Any]:
    return route.model_dump(exclude={"options"})


@app.command()
def check(
    name: Annotated[str | None, typer.Argument(metavar="TÊN", help="Một đường gửi; bỏ trống để thử tất cả.")] = None,
    unpark: Annotated[bool, typer.Option("--unpark", help="Nếu thử được, cho đường gửi đang dừng chạy lại.")] = False,
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Hỏi nhà cung cấp xem tài khoản có dùng được không; không gửi tin nào."""

    async def act(desk: Desk) -> list[dict[str, Any]]:
        chosen = [route for route in load_routes(desk.settings.routes) if name in (None, route.name)]
        if not chosen:
            fail(f"Không có đường gửi {name} trong {desk.settings.routes}.")
        answers = await asyncio.gather(*(_ask(desk, route) for route in chosen))
        if unpark:
            await _unpark(desk, [a["name"] for a in answers if a["ok"]], by)
        return list(answers)

    answers = at_desk(act)
    if as_json:
        give(answers)
    else:
        for answer in answers:
            _print(answer)
    if not all(answer["ok"] for answer in answers):
        raise typer.Exit(1)


async def _ask(desk: Desk, config: RouteConfig) -> dict[str, Any]:
    async with open_route(config, desk.keyring) as route:
        try:
            health = await route.provider.check()
        except ProviderError as error:
            health = Health(ok=False, detail=str(error), latency=0.0)
    return {
        "name": config.name,
        "ok": health.ok,
        "detail": health.detail,
        "latency_ms": round(health.latency * 1000, 1),
        "balance": health.balance,
        "currency": health.currency,
    }


async def _unpark(desk: Desk, names: list[str], by: str) -> None:
    async with desk.pool.connection() as connection:
        for name in names:
            if await routes.unpark(connection, name):
                await audit.record(connection, by, "route.unpark", name)


def _print(answer: dict[str, Any]) -> None:
    mark = "[green]dùng được[/]" if answer["ok"] else "[bold red]KHÔNG dùng được[/]"
    balance = f", còn {number(int(answer['balance']))} {answer['currency']}" if answer["balance"] is not None else ""
    out.print(f"{answer['name']}: {mark} ({answer['latency_ms']} ms{balance}) {escape(answer['detail'])}")
