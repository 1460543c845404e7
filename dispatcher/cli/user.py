"""dispatcher user: who may sign in to the pages."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Annotated

import typer

from dispatcher import accounts
from dispatcher.accounts import FIRST, ROLE_WORDS, Role
from dispatcher.cli.terminal import ME, AsJson, By, Desk, at_desk, give, number, out, table
from dispatcher.settings import Settings, load_settings
from dispatcher.store import users
from dispatcher.store.users import Listed

app = typer.Typer(help="Người dùng trang web: thêm, vai trò, cấp lại mật khẩu, kết thúc phiên.", no_args_is_help=True)

Login = Annotated[str, typer.Argument(metavar="TÊN-ĐĂNG-NHẬP", help="Ví dụ nguyen.an.")]
Roles = Annotated[list[Role], typer.Option("--role", help="Vai trò; lặp lại để thêm vai trò.")]
ADMINISTRATOR = "quan-tri"


def welcome_url(settings: Settings) -> str:
    """Where a one-time code is traded for a password."""
    return f"{(settings.web_url or f'http://{settings.web_host}:{settings.web_port}').rstrip('/')}/welcome"


def _give_code(login: str, code: str, *, as_json: bool) -> None:
    url = f"{welcome_url(load_settings())}?login={login}"
    if as_json:
        return give({"login": login, "code": code, "url": url})
    out.print(f"Mã một lần của {login}: [bold]{code}[/] (dùng trong 3 ngày, chỉ hiện một lần).")
    return out.print(f"Mở {url} để đặt mật khẩu.", markup=False)


@app.command()
def setup(
    login: Annotated[str, typer.Option("--login", help="Tên đăng nhập của người quản trị đầu tiên.")] = ADMINISTRATOR,
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Lần đầu: tạo người quản trị, in mã một lần. Không có mật khẩu mặc định."""

    async def act(desk: Desk) -> str:
        async with desk.pool.connection() as connection:
            return await accounts.set_up(connection, login, by)

    _give_code(login, at_desk(act), as_json=as_json)


@app.command()
def add(
    login: Login,
    name: Annotated[str, typer.Option("--name", help="Họ tên.")],
    role: Roles,
    organisation: Annotated[str, typer.Option("--organisation", help="Mã đơn vị.")] = FIRST,
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Thêm một người; in mã một lần để người đó tự đặt mật khẩu."""

    async def act(desk: Desk) -> str:
        async with desk.pool.connection() as connection:
            return await accounts.add(connection, login, name, role, by, organisation)

    _give_code(login.casefold(), at_desk(act), as_json=as_json)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Liệt kê người dùng của mọi đơn vị."""

    async def act(desk: Desk) -> list[Listed]:
        async with desk.pool.connection() as connection:
            return await users.listing(connection, everywhere=True)

    found = at_desk(act)
    if as_json:
        return give([dataclasses.asdict(one) for one in found])
    rows = [
        (u.login, u.name, u.organisation, _spoken(u.roles), u.ready, u.second_factor, u.sessions, u.seen_at)
        for u in found
    ]
    columns = ("đăng nhập", "họ tên", "đơn vị", "vai trò", "đã có mật khẩu", "hai lớp", "phiên mở", "hoạt động lúc")
    return table("Người dùng", columns, rows)


def _spoken(roles: Iterable[str]) -> str:
    return ", ".join(ROLE_WORDS[Role(role)] for role in roles)


@app.command("role")
def role_(login: Login, role: Roles, by: By = ME, as_json: AsJson = False) -> None:
    """Đặt vai trò của một người, thay cho vai trò cũ; các phiên của người đó kết thúc."""

    async def act(desk: Desk) -> None:
        async with desk.pool.connection() as connection:
            await accounts.set_roles(connection, login, role, by)

    at_desk(act)
    if as_json:
        return give({"login": login, "roles": role})
    return out.print(f"{login}: {_spoken(role)}.", markup=False)


@app.command()
def reset(login: Login, by: By = ME, as_json: AsJson = False) -> None:
    """Thu mật khẩu, xác thực hai lớp và mọi phiên; in mã một lần mới."""

    async def act(desk: Desk) -> str:
        async with desk.pool.connection() as connection:
            return await accounts.reset(connection, login, by)

    _give_code(login, at_desk(act), as_json=as_json)


@app.command("end-sessions")
def end_sessions(login: Login, by: By = ME, as_json: AsJson = False) -> None:
    """Kết thúc ngay mọi phiên của một người."""

    async def act(desk: Desk) -> int:
        async with desk.pool.connection() as connection:
            return await accounts.end_sessions(connection, login, by)

    ended = at_desk(act)
    if as_json:
        return give({"login": login, "ended": ended})
    return out.print(f"Đã kết thúc {number(ended)} phiên của {login}.", markup=False)


@app.command()
def organisation(
    slug: Annotated[str, typer.Argument(metavar="MÃ", help="Chữ thường không dấu, ví dụ lang-son.")],
    name: Annotated[str, typer.Option("--name", help="Tên đầy đủ của đơn vị.")],
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Thêm một đơn vị (hoặc đổi tên); người của đơn vị nào chỉ thấy việc của đơn vị đó."""

    async def act(desk: Desk) -> None:
        async with desk.pool.connection() as connection:
            await accounts.add_organisation(connection, slug, name, by)

    at_desk(act)
    if as_json:
        return give({"organisation": slug, "name": name})
    return out.print(f"Đơn vị {slug}: {name}.", markup=False)
