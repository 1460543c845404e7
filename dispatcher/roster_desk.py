"""Rosters on their way in: a file is kept in the office's own folder, looked at, imported in the background, and removed."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID, uuid4

import structlog

from campaigns.msisdn import EXPLANATIONS, Rejection
from campaigns.places import province_code
from dispatcher import rosters
from dispatcher.errors import UserError
from dispatcher.importing import Imported, Order, Preview, import_audience, preview
from dispatcher.keyring import Keyring
from dispatcher.store import uploads, users
from dispatcher.store.database import Connection, Pool, connect, new_pool
from dispatcher.store.uploads import Upload

log = structlog.get_logger()

KEPT_DAYS = 3
# The database is told so often how far an import is.
TELL_SECONDS = 0.5
REJECTS, DUPLICATES = "rejected", "duplicate"


class RosterDeskError(UserError):
    """A roster cannot be taken in as asked."""


class RosterDesk:
    """The folder where rosters lie for a while, and the one import that a process does at a time."""

    def __init__(self, folder: Path, database_url: str, keyring: Keyring) -> None:
        self._folder = folder
        self._database_url = database_url
        self._keyring = keyring
        self._importing = asyncio.Semaphore(1)
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(
        self, connection: Connection, file: BinaryIO, file_name: str, audience: str, province: str, by: str
    ) -> UUID:
        """Keep a file that somebody sent; answers its id. Raises `RosterDeskError`, `RosterError`."""
        audience = " ".join(audience.split())
        if not audience or len(audience) > 80:
            raise RosterDeskError("Cần đặt tên cho nhóm người nhận, dài nhất 80 ký tự.")
        if province and not province_code(province):
            raise RosterDeskError(f"Không có tỉnh {province[:60]}; ghi tên một trong 34 tỉnh, ví dụ Lạng Sơn.")
        id_ = uuid4()
        place = self._place(id_)
        place.mkdir(mode=0o700, parents=True)
        try:
            path = place / _plain(file_name)
            await asyncio.to_thread(_copy, file, path)
            await asyncio.to_thread(rosters.read, path)
        except BaseException:
            shutil.rmtree(place)
            raise
        await uploads.add(connection, id_, by, audience, province or None, path.name)
        return id_

    async def look(self, upload: Upload, mapping: Mapping[str, str]) -> Preview:
        """The columns as recognised or asked for, and how the first rows come out. Raises `RosterError`."""
        return await asyncio.to_thread(preview, self._order(upload, mapping))

    def _order(self, upload: Upload, mapping: Mapping[str, str]) -> Order:
        path, place = self._file(upload), self._place(upload.id)
        return Order(path, upload.audience, upload.by, mapping, province=upload.province, folder=place)

    async def begin(self, connection: Connection, upload: Upload, mapping: Mapping[str, str]) -> None:
        """Nobody else imports it from now on. Raises `RosterDeskError`, and `RosterError` for a mapping that does not fit."""
        await self.look(upload, mapping)
        if not await uploads.begin(connection, upload.id):
            raise RosterDeskError("Danh sách này đang được nhập, hoặc đã nhập xong.")

    def launch(self, upload: Upload, mapping: Mapping[str, str], organisation: int) -> None:
        """Import in the background, once the beginning is committed."""
        order = self._order(upload, mapping)
        task = asyncio.create_task(self._import(upload.id, order, organisation))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def idle(self) -> None:
        """Once nothing is being imported."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _import(self, id_: UUID, order: Order, organisation: int) -> None:
        """In a thread with a loop of its own: reading and encrypting must not keep carriers' calls waiting."""
        async with self._importing:
            await asyncio.to_thread(lambda: asyncio.run(self._work(id_, order, organisation)))
        order.path.unlink(missing_ok=True)

    async def _work(self, id_: UUID, order: Order, organisation: int) -> None:
        async with new_pool(self._database_url, 1) as pool:
            outcome: dict[str, Any] = {}
            problem = None
            try:
                outcome = _outcome(await self._stored(pool, id_, order, organisation))
            except UserError as error:
                problem = str(error)
            except Exception:
                log.exception("upload.failed", upload=id_)
                problem = (
                    "Không nhập được vì lỗi của hệ thống; chưa có gì được lưu. Gửi lại tệp, hoặc báo người quản trị."
                )
            async with pool.connection() as connection:
                await uploads.end(connection, id_, outcome, problem)

    async def _stored(self, pool: Pool, id_: UUID, order: Order, organisation: int) -> Imported:
        async with await connect(self._database_url) as telling, pool.connection() as connection:
            tell = _Teller(telling, id_)
            await users.act_for(connection, organisation)
            try:
                return await import_audience(connection, self._keyring, order, tell.note)
            finally:
                await tell.last()

    def report(self, upload: Upload, kind: str) -> Path | None:
        """The file of lines that were left out, if there is one."""
        name = f"{Path(upload.file_name).stem}.{kind}.csv"
        path = self._place(upload.id) / name
        return path if kind in (REJECTS, DUPLICATES) and path.exists() else None

    async def drop(self, connection: Connection, upload: Upload) -> None:
        """Remove an upload and its files. Raises `RosterDeskError`."""
        if not await uploads.drop(connection, upload.id):
            raise RosterDeskError("Danh sách đang được nhập; chờ xong rồi bỏ.")
        shutil.rmtree(self._place(upload.id), ignore_errors=True)

    async def sweep(self, connection: Connection) -> None:
        """Remove what is old: numbers are not left lying about."""
        for id_ in await uploads.expired(connection, KEPT_DAYS):
            shutil.rmtree(self._place(id_), ignore_errors=True)

    def _place(self, id_: UUID) -> Path:
        return self._folder / id_.hex

    def _file(self, upload: Upload) -> Path:
        path = self._place(upload.id) / upload.file_name
        if not path.exists():
            raise RosterDeskError("Tệp không còn trên máy chủ này; gửi lại tệp.")
        return path


class _Teller:
    """Remembers how far an import is, and tells the database from time to time."""

    def __init__(self, connection: Connection, id_: UUID) -> None:
        self._connection, self._id = connection, id_
        self._far, self._next = (0.0, 0.0), 0.0
        self._telling: asyncio.Task[None] | None = None

    def note(self, done: float, total: float) -> None:
        self._far = (done, total)
        if time.monotonic() >= self._next and (self._telling is None or self._telling.done()):
            self._next = time.monotonic() + TELL_SECONDS
            self._telling = asyncio.create_task(uploads.tell(self._connection, self._id, *self._far))

    async def last(self) -> None:
        if self._telling:
            await self._telling


def _copy(file: BinaryIO, path: Path) -> None:
    with path.open("xb") as kept:
        path.chmod(0o600)
        shutil.copyfileobj(file, kept, 1 << 20)


def _plain(file_name: str) -> str:
    """A file's own name, short and without anything that a path would mind."""
    name = "".join(c if c.isalnum() or c in "._- " else "_" for c in file_name.replace("\\", "/").rpartition("/")[2])
    stem, dot, kind = name.strip(". ").rpartition(".")
    return f"{(stem if dot else kind)[:60] or 'danh-sach'}{dot}{kind[:8] if dot else ''}"


def _outcome(imported: Imported) -> dict[str, Any]:
    audience = imported.audience
    return {
        "version": audience.version,
        "lines": audience.lines,
        "accepted": audience.accepted,
        "duplicate": audience.duplicate,
        "rejected": audience.rejected,
        "recipients": audience.recipients,
        "reasons": {EXPLANATIONS[Rejection(r)].format(detail=""): n for r, n in imported.reasons.items()},
        "unknown_areas": dict(sorted(imported.unknown_areas.items(), key=lambda item: -item[1])[:20]),
        "unknown_area_names": len(imported.unknown_areas),
        "notes": list(imported.reading),
    }
