"""dispatcher token: programs that may act for people by the API."""

from __future__ import annotations

from typing import Annotated

import typer

from dispatcher import tokens
from dispatcher.cli.terminal import ME, AsJson, By, Desk, at_desk, give, out, table
from dispatcher.cli.user import Login
from dispatcher.store import tokens as stored
from dispatcher.store.tokens import Listed
from dispatcher.web.rights import RIGHTS

app = typer.Typer(help="Mã truy cập cho chương trình (API): cấp, liệt kê, thu hồi.", no_args_is_help=True)

KNOWN = [action.value for action in RIGHTS]


@app.command()
def add(
    login: Login,
    name: Annotated[str, typer.Option("--name", help="Chương trình nào dùng mã này.")],
    right: Annotated[list[str], typer.Option("--right", help="Quyền của mã; lặp lại để thêm. Xem docs/api.md.")],
    days: Annotated[int, typer.Option("--days", help="Dùng được bao nhiêu ngày.")] = 90,
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Cấp một mã, chỉ hiện một lần. Mã chỉ làm được việc mà chính người đó được làm."""

    async def act(desk: Desk) -> tuple[int, str]:
        async with desk.pool.connection() as connection:
            return await tokens.add(connection, login, name, right, KNOWN, days, by)

    id_, token = at_desk(act)
    if as_json:
        return give({"id": id_, "token": token})
    out.print(f"Mã số {id_}, chỉ hiện một lần:", markup=False)
    return out.print(token, markup=False, soft_wrap=True)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Liệt kê các mã của mọi đơn vị; không hiện chính mã."""

    async def act(desk: Desk) -> list[Listed]:
        async with desk.pool.connection() as connection:
            return await stored.listing(connection, everywhere=True)

    found = at_desk(act)
    if as_json:
        return give(found)
    rows = [(t.id, t.login, t.name, " ".join(t.actions), t.expires_at, t.used_at, t.ended_at) for t in found]
    return table("Mã truy cập", ("số", "người", "chương trình", "quyền", "hết hạn", "dùng lần cuối", "thu hồi"), rows)


@app.command()
def end(
    id_: Annotated[int, typer.Argument(metavar="SỐ", help="Số của mã, như dispatcher token list.")],
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Thu hồi một mã: từ nay không mở được gì."""

    async def act(desk: Desk) -> None:
        async with desk.pool.connection() as connection:
            await tokens.end(connection, id_, by)

    at_desk(act)
    if as_json:
        return give({"id": id_, "ended": True})
    return out.print(f"Mã {id_} đã thu hồi.")
