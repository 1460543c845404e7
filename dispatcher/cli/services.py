"""dispatcher up, migrate: an installation on one machine, and the database of one on several."""

from __future__ import annotations

import asyncio
import os

from redis.asyncio import Redis
from rich.markup import escape

from dispatcher import accounts
from dispatcher.broker import LINE
from dispatcher.cli.serving import service, settings_of
from dispatcher.cli.terminal import ME, AsJson, err, give, give_line, out
from dispatcher.cli.user import ADMINISTRATOR, welcome_url
from dispatcher.errors import UserError
from dispatcher.guard import Guard
from dispatcher.household import children
from dispatcher.runtime import Addresses
from dispatcher.servers import reach
from dispatcher.settings import Settings
from dispatcher.store import users
from dispatcher.store.database import migrate as migrate_database
from dispatcher.store.database import new_pool
from dispatcher.supervisor import Supervisor


def up(as_json: AsJson = False) -> None:
    """Chạy tất cả: cơ sở dữ liệu, hàng đợi, web, worker, đồng hồ. Dừng bằng Ctrl-C."""
    settings = service(as_json=as_json)
    with reach(settings) as addresses:
        url = f"http://{settings.web_host}:{settings.web_port}"
        refusal = asyncio.run(_refusal(settings, addresses))
        code = asyncio.run(_first_code(addresses))
        if as_json:
            give_line(
                {"web": url, "folder": settings.folder, "workers": settings.workers, "refusal": refusal, "code": code}
            )
        else:
            err.print(f"Dispatcher đang chạy: {url}; nhật ký trong {settings.folder / 'log'}. Dừng bằng Ctrl-C.")
            if refusal:
                err.print(f"[bold red]Không gửi tin nào:[/] {escape(refusal)}")
            if code:
                err.print(
                    f"Chưa có người dùng. Mở {welcome_url(settings)}?login={ADMINISTRATOR} và đặt mật khẩu quản trị."
                )
                err.print(f"Mã một lần: [bold]{code}[/]")
        ended = Supervisor(children(settings, dict(os.environ)), log_folder=settings.folder / "log").run()
    if ended:
        raise SystemExit(ended)


async def _first_code(addresses: Addresses) -> str | None:
    """The one-time code of the first administrator; None once anybody has chosen a password."""
    async with new_pool(addresses.database_url, 1) as pool, pool.connection() as connection:
        if await users.any_ready(connection):
            return None
        return await accounts.set_up(connection, ADMINISTRATOR, ME)


async def _refusal(settings: Settings, addresses: Addresses) -> str | None:
    """Why the processes will send nothing, for a person; None when they may."""
    async with new_pool(addresses.database_url, 1) as pool, Redis.from_url(addresses.redis_url, **LINE) as redis:
        return (await Guard(settings, redis).find(pool)).refusal


def migrate(as_json: AsJson = False) -> None:
    """Cập nhật cấu trúc cơ sở dữ liệu của DISPATCHER_DATABASE_URL."""
    settings = settings_of(as_json=as_json)
    if settings.database_url is None:
        raise UserError("Cơ sở dữ liệu nhúng tự cập nhật khi chạy; lệnh này dành cho DISPATCHER_DATABASE_URL.")
    processes = settings.database_url.get_secret_value() if settings.owner_url else None
    applied = migrate_database(settings.owner, processes)
    if as_json:
        return give({"applied": applied})
    out.print(f"Đã áp dụng {len(applied)} thay đổi." if applied else "Cơ sở dữ liệu đã mới nhất.")
    return None
