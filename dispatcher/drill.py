"""A backup tried: restored beside the live database, its seal verified, its numbers read; it would send nothing; and away."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from dispatcher import inspection
from dispatcher.embedded.binaries import from_wheels
from dispatcher.embedded.errors import EmbeddedError
from dispatcher.epoch import Standing
from dispatcher.errors import UserError
from dispatcher.guard import Guard
from dispatcher.inspection import Progress
from dispatcher.keyring import Keyring, KeyringError
from dispatcher.store import numbers, seals
from dispatcher.store.database import Connection, Pool, create_beside, drop_beside, migrate, new_pool
from dispatcher.verify_log import Chain, Checkpoint, Keys

RESTORE = "pg_restore"


class DrillError(UserError):
    """The backup cannot be restored."""


@dataclass(frozen=True, slots=True)
class Drilled:
    """What a backup turned out to be. `behind`: seals that the live log has and the backup has not."""

    chain: Chain
    standing: Standing
    behind: int
    unreadable: tuple[str, ...]  # keys that numbers in it need and the keyring does not open

    @property
    def good(self) -> bool:
        """One that would send by itself is none; with nothing in it to send (`fresh`), nothing can go wrong."""
        return self.chain.whole and self.standing is not Standing.OURS and not self.unreadable


@dataclass(frozen=True, slots=True)
class Trial:
    """What a backup is judged by."""

    keyring: Keyring
    keys: Keys
    given: Checkpoint | None
    guard: Guard


async def drill(live: Pool, url: str, backup: Path, trial: Trial, progress: Progress) -> Drilled:
    """Restore a dump of `pg_dump --format=custom` beside the database at `url`, judge it, and take it away. Raises `DrillError`.

    Nothing in it is started or changed but the schema, which is brought up to date first.
    """
    async with live.connection() as connection:
        sealed = (await seals.totals(connection))[0]
    name = f"dispatcher_drill_{uuid4().hex[:8]}"
    copy = await asyncio.to_thread(create_beside, url, name)
    try:
        await asyncio.to_thread(_restore, backup, copy)
        await asyncio.to_thread(migrate, copy)
        async with new_pool(copy, 2) as pool:
            return await _judged(pool, trial, sealed, progress)
    finally:
        await asyncio.to_thread(drop_beside, url, name)


async def _judged(pool: Pool, trial: Trial, sealed: int, progress: Progress) -> Drilled:
    standing = (await trial.guard.find(pool)).standing
    async with pool.connection() as connection:
        unreadable = await _unreadable(connection, trial.keyring)
    async with pool.connection() as connection:
        chain = (await inspection.inspect(connection, trial.keys, trial.given, progress)).chain
    return Drilled(chain, standing, max(sealed - chain.seals, 0), unreadable)


async def _unreadable(connection: Connection, keyring: Keyring) -> tuple[str, ...]:
    return tuple([kept.key_id for kept in await numbers.one_of_each_key(connection) if not _opens(keyring, kept)])


def _opens(keyring: Keyring, kept: numbers.Kept) -> bool:
    try:
        keyring.decrypt(kept.cipher, kept.msisdn_hash, kept.key_id)
    except KeyringError:
        return False
    return True


def _restore(backup: Path, url: str) -> None:
    """With the first program that knows both the file and the server: each works on everything or on nothing."""
    options = [
        "--no-owner",
        "--no-privileges",
        "--exit-on-error",
        "--single-transaction",
        f"--dbname={url}",
        str(backup),
    ]
    said = "không thấy chương trình pg_restore; cài gói postgresql-client"
    for program in _programs():
        done = subprocess.run([program, *options], capture_output=True, text=True, check=False)  # noqa: S603  no shell
        if not done.returncode:
            return
        said = (done.stderr.strip().splitlines() or [RESTORE])[-1]
    raise DrillError(f"Không khôi phục được {backup.name}: {said}. Cần tệp do pg_dump --format=custom tạo.")


def _programs() -> Iterator[str]:
    """The system's own, and the one beside the embedded server: an old one cannot read the dumps of a new server."""
    if found := shutil.which(RESTORE):
        yield found
    with suppress(EmbeddedError):
        yield str(from_wheels().postgres.with_name(RESTORE))
