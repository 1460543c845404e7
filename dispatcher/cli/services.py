"""dispatcher up, web, worker, clock, migrate: the processes."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Mapping, Sequence

from redis.asyncio import Redis
from rich.markup import escape

from dispatcher import accounts, logs
from dispatcher import clock as clock_process
from dispatcher import worker as worker_process
from dispatcher.broker import LINE
from dispatcher.cli.terminal import ME, AsJson, err, give, give_line, out
from dispatcher.cli.user import ADMINISTRATOR, welcome_url
from dispatcher.errors import UserError
from dispatcher.guard import Guard
from dispatcher.runtime import Addresses, try_routes
from dispatcher.servers import reach
from dispatcher.settings import Settings, load_settings
from dispatcher.store import users
from dispatcher.store.database import migrate as migrate_database
from dispatcher.store.database import new_pool
from dispatcher.supervisor import Child, Supervisor
from dispatcher.web.app import serve


def up(as_json: AsJson = False) -> None:
    """Chạy tất cả: cơ sở dữ liệu, hàng đợi, web, worker, đồng hồ. Dừng bằng Ctrl-C."""
    settings = _service(as_json=as_json)
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


def children(settings: Settings, environment: Mapping[str, str]) -> Sequence[Child]:
    """The processes of an installation on one machine, to be run in that environment."""
    names = ["web", "clock", *(f"worker-{number}" for number in range(1, settings.workers + 1))]
    return [Child(name, [sys.executable, "-m", "dispatcher", name.split("-")[0]], dict(environment)) for name in names]


def web(as_json: AsJson = False) -> None:
    """Chạy phần web: các trang, API, và nhận báo nhận từ nhà mạng."""
    settings = _service(as_json=as_json)
    _collect_rarely()
    with reach(settings) as addresses:
        serve(settings, addresses)


def worker(as_json: AsJson = False) -> None:
    """Chạy một tiến trình gửi tin."""
    settings = _service(as_json=as_json)
    _collect_rarely()
    with reach(settings) as addresses:
        worker_process.run(settings, addresses)


def clock(as_json: AsJson = False) -> None:
    """Chạy đồng hồ: tìm việc tới hạn và đưa vào hàng đợi."""
    settings = _service(as_json=as_json)
    with reach(settings) as addresses:
        asyncio.run(clock_process.run(settings, addresses))


def migrate(as_json: AsJson = False) -> None:
    """Cập nhật cấu trúc cơ sở dữ liệu của DISPATCHER_DATABASE_URL."""
    settings = _settings(as_json=as_json)
    if settings.database_url is None:
        raise UserError("Cơ sở dữ liệu nhúng tự cập nhật khi chạy; lệnh này dành cho DISPATCHER_DATABASE_URL.")
    applied = migrate_database(settings.database_url.get_secret_value())
    if as_json:
        return give({"applied": applied})
    out.print(f"Đã áp dụng {len(applied)} thay đổi." if applied else "Cơ sở dữ liệu đã mới nhất.")
    return None


def _collect_rarely() -> None:
    """Look for dead cycles seldom, and never among what was loaded: as often as Python does it took a seventh of a call."""
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


def _service(*, as_json: bool) -> Settings:
    """Settings and routes that the process can work with, or a sentence that says what is wrong with them."""
    settings = _settings(as_json=as_json)
    asyncio.run(try_routes(settings))
    return settings


def _settings(*, as_json: bool) -> Settings:
    settings = load_settings()
    logs.configure("json" if as_json else settings.log_format)
    return settings
