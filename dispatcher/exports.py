"""Long work that an auditor asks for, in a thread beside the server: exports of the log, and its verification."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import structlog

from dispatcher import control, inspection, sealing, searching, verify_log
from dispatcher.delivery_log import PAGE, Format, export
from dispatcher.errors import UserError
from dispatcher.keyring import Keyring
from dispatcher.searching import Query
from dispatcher.signing import SigningKey
from dispatcher.store import audit, log, users
from dispatcher.store.database import Connection, new_pool

told = structlog.get_logger()

# Files with numbers, masked or not, are not left lying about.
KEPT_SECONDS = 24 * 3600.0
SHOWN_SENTENCES = 60


class ExportError(UserError):
    """An export cannot be made as asked."""


class Kind(StrEnum):
    LOG = "log"  # messages of the delivery log
    SEALED = "sealed"  # the whole log with its seals
    VERIFY = "verify"  # is the log what was sealed?


@dataclass
class Job:
    """One such work, as far as it is. `said` is a verification's verdict; `path` the file once there is one, `manifest` what
    describes it; `asked` what was asked for, numbers masked; `reveals` whether the file has whole ones. A `total` of 0 is not
    known before the end."""

    kind: Kind
    subject: str
    by: str
    organisation: int
    id: UUID = field(default_factory=uuid4)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    done: float = 0
    total: float = 0
    over: bool = False
    problem: str | None = None
    path: Path | None = None
    manifest: Path | None = None
    asked: dict[str, Any] = field(default_factory=dict)
    reveals: bool = False
    said: list[str] = field(default_factory=list)
    whole: bool | None = None

    def note(self, done: float, total: float) -> None:
        self.done, self.total = done, total


@dataclass(frozen=True, slots=True)
class Wanted:
    """Messages of the delivery log, as a file; numbers are whole only with `reveal` and a reason."""

    query: Query
    form: Format
    reveal: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A work that stands in the trail; called once that is committed, it begins."""

    job: Job
    begin: Callable[[], Job]

    def __call__(self) -> Job:
        return self.begin()


class ExportDesk:
    """The folder where exports lie for a day, and the one work at a time. What is under way dies with the process."""

    def __init__(self, folder: Path, database_url: str, keyring: Keyring) -> None:
        self._folder, self._database_url, self._keyring = folder, database_url, keyring
        self._jobs: dict[UUID, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._working = asyncio.Semaphore(1)
        shutil.rmtree(folder, ignore_errors=True)

    def of(self, organisation: int) -> list[Job]:
        """What an organisation's people asked for, newest first."""
        self._sweep()
        return [job for job in reversed(self._jobs.values()) if job.organisation == organisation]

    def find(self, organisation: int, id_: UUID) -> Job | None:
        job = self._jobs.get(id_)
        return job if job and job.organisation == organisation else None

    async def log(self, connection: Connection, wanted: Wanted, by: str, organisation: int) -> Recorded:
        """Record it; what is answered begins it, once that is committed. Raises `ExportError` and other `UserError`s."""
        query = wanted.query
        if wanted.reveal and not wanted.reason.strip():
            raise ExportError("Cần ghi lý do xuất đủ số: việc này được lưu vào nhật ký thao tác.")
        if query.campaign:
            await control.find(connection, query.campaign)
        count = await searching.count(connection, self._keyring, query)
        asked = searching.filters(query)
        act = "log.reveal" if wanted.reveal else "log.export"
        await audit.record(
            connection, by, act, query.campaign or "search", reason=wanted.reason, form=wanted.form, filters=asked
        )
        total = count.n if count else 0
        job = Job(Kind.LOG, query.campaign or "", by, organisation, total=total, asked=asked, reveals=wanted.reveal)
        return Recorded(job, lambda: self._begin(job, lambda: self._log(job, wanted)))

    async def sealed(self, connection: Connection, by: str, organisation: int) -> Recorded:
        """The same for the sealed log as a whole."""
        await audit.record(connection, by, "log.export", "sealed")
        job = Job(Kind.SEALED, "", by, organisation)
        return Recorded(job, lambda: self._begin(job, lambda: self._sealed(job)))

    def verify(self, by: str, organisation: int, key: SigningKey, witness: Path | None) -> Job:
        """Judge the live log by our key and the checkpoint that this host remembers."""
        job = Job(Kind.VERIFY, "", by, organisation)
        kept = witness.read_text("utf-8") if witness else None
        return self._begin(job, lambda: self._verify(job, key, kept))

    def _begin(self, job: Job, work: Callable[[], Awaitable[None]]) -> Job:
        self._jobs[job.id] = job
        task = asyncio.create_task(self._run(job, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job

    async def _run(self, job: Job, work: Callable[[], Awaitable[None]]) -> None:
        """In a thread with a loop of its own: carriers' calls must not wait for it."""
        async with self._working:
            try:
                await asyncio.to_thread(lambda: asyncio.run(_awaited(work)))
            except UserError as error:
                job.problem = str(error)
            except verify_log.Unusable as error:
                job.problem = error.said.vietnamese
            except Exception:
                told.exception("export.failed", job=job.id)
                job.problem = "Không làm được vì lỗi của hệ thống. Làm lại, hoặc báo người quản trị."
            job.over = True

    async def _log(self, job: Job, wanted: Wanted) -> None:
        path = self._place(job, f"{wanted.query.campaign or 'nhat-ky'}.{wanted.form}")
        async with new_pool(self._database_url, 1) as pool, pool.connection() as connection:
            await connection.execute(inspection.SNAPSHOT)
            await users.act_for(connection, job.organisation)
            made = await export(
                log.pages(connection, searching.wanted(wanted.query, self._keyring), PAGE), self._keyring, path, wanted.form,
                reveal=wanted.reveal, progress=lambda done: job.note(done, job.total and max(done, job.total)),
                about=await searching.about(connection, wanted.query, job.by, wanted.reason),
            )  # fmt: skip
        job.path, job.manifest, job.done = path, made.manifest, made.messages

    async def _sealed(self, job: Job) -> None:
        path = self._place(job, "nhat-ky-niem-phong.jsonl.gz")
        async with new_pool(self._database_url, 1) as pool, pool.connection() as connection:
            await connection.execute(inspection.SNAPSHOT)
            await inspection.export(connection, path, job.note)
        job.path = path

    async def _verify(self, job: Job, key: SigningKey, kept: str | None) -> None:
        keys = verify_log.read_keys(key.public.written)
        given = verify_log.read_checkpoint(kept, keys) if kept else None
        async with new_pool(self._database_url, 1) as pool, pool.connection() as connection:
            seen = await inspection.inspect(connection, keys, given, job.note)
        job.whole = seen.chain.whole
        job.said = list(verify_log.sentences(seen.chain))[:SHOWN_SENTENCES]

    def _place(self, job: Job, name: str) -> Path:
        folder = self._folder / job.id.hex
        folder.mkdir(mode=0o700, parents=True)
        return folder / name

    def _sweep(self) -> None:
        for id_, job in list(self._jobs.items()):
            if job.over and (datetime.now(UTC) - job.at).total_seconds() > KEPT_SECONDS:
                shutil.rmtree(self._folder / id_.hex, ignore_errors=True)
                del self._jobs[id_]


async def _awaited(work: Callable[[], Awaitable[None]]) -> None:
    await work()


async def checkpoint(database_url: str, key: SigningKey, folder: Path, by: str, organisation: int) -> str:
    """Seal up to now; the text to be kept somewhere else."""
    async with new_pool(database_url, 1) as pool:
        async with pool.connection() as connection:
            await users.act_for(connection, organisation)
            await audit.record(connection, by, "log.checkpoint", "web")
        await sealing.seal_all(pool, key)
        return await sealing.checkpoint(pool, key, folder) or ""
