"""What every command shares: tables and JSON out, progress, errors as sentences, and a way to the database."""

from __future__ import annotations

import asyncio
import dataclasses
import errno
import getpass
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from redis.asyncio import Redis
from redis.exceptions import RedisError
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from campaigns import figures, msisdn
from campaigns.calendar import VIETNAM
from dispatcher import logs
from dispatcher.broker import LINE
from dispatcher.control import Stopped
from dispatcher.guard import Guard
from dispatcher.keyring import Keyring, open_keyring
from dispatcher.servers import reach
from dispatcher.settings import Settings, load_settings
from dispatcher.store.database import Pool, new_pool

T = TypeVar("T")

# A pipe has no width; a table cut at 80 columns is of no use to anybody.
WIDTH = None if sys.stdout.isatty() else 160
out = Console(width=WIDTH, highlight=False)
err = Console(stderr=True, highlight=False)

AsJson = Annotated[bool, typer.Option("--json", help="In kết quả dạng JSON cho máy đọc.")]
By = Annotated[str, typer.Option("--by", help="Tên người thực hiện, ghi vào nhật ký thao tác.")]
Edition = Annotated[
    str, typer.Argument(metavar="CHIẾN-DỊCH", help="Mã chiến dịch kèm năm, ví dụ drug_prevention_june-2026.")
]


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "không rõ"


# Who acts, unless --by says otherwise.
ME = _login()


@dataclass(frozen=True)
class Desk:
    """What a command works with."""

    settings: Settings
    keyring: Keyring
    pool: Pool
    redis_url: str = field(repr=False)
    owner_url: str = field(repr=False)

    @asynccontextmanager
    async def guard(self) -> AsyncIterator[Guard]:
        """What knows whether this installation may send."""
        async with Redis.from_url(self.redis_url, **LINE) as redis:
            yield Guard(self.settings, redis)

    async def refusal(self) -> str | None:
        """Why this installation sends nothing at all, for a person; None when it may send."""
        try:
            async with self.guard() as guard:
                return (await guard.find(self.pool)).refusal
        except RedisError:
            return "không kết nối được Valkey/Redis"


def at_desk(act: Callable[[Desk], Awaitable[T]]) -> T:
    """Run `act` with the database within reach, starting the embedded servers for its duration if need be."""
    settings = load_settings()
    logs.configure(settings.log_format, quiet=True)
    with reach(settings) as addresses:

        async def sit() -> T:
            keyring = open_keyring(settings.keyring_path, create=settings.database_url is None)
            async with new_pool(addresses.database_url, 2) as pool:
                return await act(Desk(settings, keyring, pool, addresses.redis_url, addresses.owner_url))

        return asyncio.run(sit())


def tell_stopped(what: str, stopped: Stopped) -> None:
    """Print what a stop found."""
    out.print(
        f"[bold]{what}.[/] Đã ra ngoài: {number(stopped.out)}; đang trên đường: {number(stopped.in_flight)};"
        f" giữ lại được: {number(stopped.saved)}."
    )


def give(result: Any) -> None:
    """Print a result as JSON."""
    sys.stdout.write(json.dumps(result, ensure_ascii=False, indent=2, default=_plain) + "\n")


def give_line(result: Any) -> None:
    """Print a result as one line of JSON, at once."""
    sys.stdout.write(json.dumps(result, ensure_ascii=False, default=_plain) + "\n")
    sys.stdout.flush()


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return value.astimezone(VIETNAM).isoformat()
    return value.isoformat() if isinstance(value, date) else str(value)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows under a title; numbers stand to the right, with dots between the thousands."""
    made = Table(title=escape(title), title_justify="left", header_style="bold")
    for place, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[place], int) for row in rows)
        made.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        made.add_row(*(cell(value) for value in row))
    out.print(made)


def cell(value: Any) -> str:
    """A value as staff read it."""
    if isinstance(value, bool):
        return "có" if value else "không"
    if isinstance(value, int):
        return number(value)
    if isinstance(value, datetime):
        return moment(value)
    return "" if value is None else escape(str(value))


number = figures.number


def moment(value: datetime) -> str:
    return value.astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y")


@contextmanager
def progress(label: str, *, quiet: bool) -> Iterator[Callable[[float, float], None]]:
    """A progress bar on stderr, moved by (done, total); nothing when quiet or not on a terminal."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=err,
        disable=quiet or not err.is_terminal,
    ) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def fail(message: str, code: int = 1) -> NoReturn:
    """End with a message: on stderr for people, and on stdout as JSON when that was asked for."""
    if "--json" in sys.argv:
        give({"error": message})
    err.print(f"[bold red]Lỗi:[/] {_escaped(message)}", soft_wrap=True)
    raise SystemExit(code)


OS_WORDS = {
    errno.ENOENT: "không có tệp hoặc thư mục này.",
    errno.EACCES: "không có quyền đọc hoặc ghi.",
    errno.EPERM: "không có quyền đọc hoặc ghi.",
    errno.EISDIR: "đây là thư mục, không phải tệp.",
    errno.ENOTDIR: "đường dẫn đi qua một tệp không phải thư mục.",
    errno.ENOSPC: "ổ đĩa đã đầy.",
    errno.EROFS: "ổ đĩa chỉ cho đọc.",
}


def os_words(error: OSError) -> str:
    """What the operating system refused, in Vietnamese where we have the words."""
    said = OS_WORDS.get(error.errno or 0, error.strerror or str(error))
    return f"{error.filename or ''}: {said}".lstrip(": ")


def _escaped(text: str) -> str:
    return text.replace("[", "\\[")


def one_number(written: str) -> str:
    """The one mobile number given with `--number`; ends the command where it is none."""
    try:
        return msisdn.only(written)
    except ValueError as error:
        fail(f"--number {error}", 2)


def parent_folder(path: Path) -> Path:
    """The folder that a new file goes into. Ends the command if there is none, or the file would be a folder."""
    if path.is_dir():
        fail(f"{path} là thư mục; ghi cả tên tệp, ví dụ {path / 'nhat-ky.csv'}.")
    folder = path.absolute().parent
    if not folder.is_dir():
        fail(f"Không có thư mục {folder} để ghi {path.name}.")
    return folder
