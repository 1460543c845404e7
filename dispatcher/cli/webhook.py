"""dispatcher webhook: programs elsewhere that are told what happens."""

from __future__ import annotations

from typing import Annotated

import typer

from dispatcher import webhooks
from dispatcher.cli.terminal import ME, AsJson, By, Desk, at_desk, give, out, table
from dispatcher.store import webhooks as stored
from dispatcher.store.webhooks import Delivery, Webhook

app = typer.Typer(help="Báo sự kiện cho chương trình khác (webhook): thêm, xem, bỏ.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(metavar="SỐ", help="Số của webhook, như dispatcher webhook list.")]
SHOWN = 50


@app.command()
def add(
    url: Annotated[
        str, typer.Argument(metavar="ĐỊA-CHỈ", help="https://máy-chủ/... đã có trong DISPATCHER_WEBHOOK_HOSTS.")
    ],
    kind: Annotated[list[str], typer.Option("--kind", help="campaign, wave hoặc upload; lặp lại để thêm.")],
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Thêm một nơi nhận; in khóa ký, chỉ hiện một lần."""

    async def act(desk: Desk) -> tuple[int, str]:
        async with desk.pool.connection() as connection:
            return await webhooks.add(connection, desk.keyring, desk.settings, url, kind, by)

    id_, secret = at_desk(act)
    if as_json:
        return give({"id": id_, "secret": secret})
    out.print(f"Webhook {id_}. Khóa ký, chỉ hiện một lần:", markup=False)
    return out.print(secret, markup=False, soft_wrap=True)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Liệt kê các nơi nhận, và còn bao nhiêu sự kiện chưa báo được."""

    async def act(desk: Desk) -> list[Webhook]:
        async with desk.pool.connection() as connection:
            return await stored.listing(connection)

    found = at_desk(act)
    if as_json:
        return give(found)
    rows = [(w.id, w.url, " ".join(w.kinds), w.waiting, w.added_by, w.added_at) for w in found]
    return table("Webhook", ("số", "địa chỉ", "loại", "chưa báo", "người thêm", "từ"), rows)


@app.command()
def show(id_: Number, as_json: AsJson = False) -> None:
    """Những sự kiện gần nhất của một nơi nhận, và đã báo được chưa."""

    async def act(desk: Desk) -> list[Delivery]:
        async with desk.pool.connection() as connection:
            return await stored.deliveries(connection, id_, SHOWN)

    found = at_desk(act)
    if as_json:
        return give(found)
    rows = [(d.at, d.kind, d.tries, d.delivered_at, d.last_error, d.next_at) for d in found]
    return table(f"Webhook {id_}", ("lúc", "sự kiện", "lần thử", "đã báo", "lỗi cuối", "thử lại lúc"), rows)


@app.command()
def end(id_: Number, by: By = ME, as_json: AsJson = False) -> None:
    """Bỏ một nơi nhận."""

    async def act(desk: Desk) -> None:
        async with desk.pool.connection() as connection:
            await webhooks.end(connection, id_, by)

    at_desk(act)
    if as_json:
        return give({"id": id_, "ended": True})
    return out.print(f"Đã bỏ webhook {id_}.")
