"""What an installation remembers of itself outside of the database: a file on each host, and a key in Valkey."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import structlog
from pydantic import BaseModel, ValidationError
from redis.asyncio import Redis

from dispatcher.epoch import Mark

log = structlog.get_logger()

FILE_NAME = "witness.json"
KEY = "dispatcher:installation"
MACHINE_ID = Path("/etc/machine-id")


class _Written(BaseModel):
    epoch: UUID
    generation: int
    place: str = ""


class FileWitness:
    """The file in an installation's folder. It names the inode that it was written to, so a copy of it is known as one."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME

    async def read(self) -> Mark | None:
        return await asyncio.to_thread(self._read)

    async def write(self, mark: Mark) -> None:
        """Best effort: a host whose folder cannot be written to relies on Valkey."""
        try:
            await asyncio.to_thread(self._write, mark)
        except OSError as error:
            log.warning("installation.witness_not_written", file=str(self._path), error=str(error))

    def _read(self) -> Mark | None:
        try:
            with self._path.open("rb") as file:
                written, inode = _Written.model_validate_json(file.read()), os.fstat(file.fileno()).st_ino
        except (OSError, ValidationError):
            return None
        return Mark(written.epoch, written.generation, in_place=written.place == _place(inode))

    def _write(self, mark: Mark) -> None:
        folder = self._path.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=f"{FILE_NAME}.")
        try:
            with os.fdopen(descriptor, "w") as file:
                place = _place(os.fstat(descriptor).st_ino)
                file.write(_Written(epoch=mark.epoch, generation=mark.generation, place=place).model_dump_json())
                file.flush()
                os.fsync(descriptor)
            Path(name).replace(self._path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _place(inode: int) -> str:
    machine = ""
    with suppress(OSError):
        machine = MACHINE_ID.read_text("ascii").strip()
    return hashlib.sha256(f"{machine}/{inode}".encode()).hexdigest()[:16]


class ValkeyWitness:
    """The key in Valkey that all hosts share."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def read(self) -> Mark | None:
        """Raises `RedisError`."""
        said = await self._redis.get(KEY)
        try:
            written = _Written.model_validate_json(said or b"")
        except ValidationError:
            return None
        return Mark(written.epoch, written.generation)

    async def write(self, mark: Mark) -> None:
        """Raises `RedisError`."""
        await self._redis.set(KEY, _Written(epoch=mark.epoch, generation=mark.generation).model_dump_json())
