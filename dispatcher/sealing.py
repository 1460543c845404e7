"""Seals what is appended to the log, in the background, and signs checkpoints of the chain."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import structlog

from dispatcher import keyfiles
from dispatcher.ending import end
from dispatcher.settings import Settings
from dispatcher.signing import SigningError, SigningKey, open_signing_key
from dispatcher.store import seals
from dispatcher.store.database import Connection, Pool
from dispatcher.store.seals import Taken
from dispatcher.verify_log import (
    CHECKPOINT,
    NOTHING,
    TAG_BYTES,
    Checkpoint,
    Note,
    Seal,
    absent,
    leaf,
    root,
    statement,
    text_digest,
)

log = structlog.get_logger()

# Rows under one seal: enough to make its signature cheap, few enough to hold in memory.
SEAL_ROWS = 4096
# Rows under one branch of a seal's tree. Its root is kept, so that the proof of a row needs the rows beside it alone.
BRANCH_ROWS = 64
PASS_SECONDS = 2.0
CHECKPOINT_SECONDS = 600.0
# What the host remembers of the chain beside the database, so that a cut end is noticed.
WITNESS_NAME = "checkpoint.txt"


async def run(pool: Pool, key: SigningKey, folder: Path, may: Callable[[], bool]) -> None:
    """Seal until cancelled, while `may` says so. A pass that fails is done again: what waits is in the queue."""
    due = 0.0
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(PASS_SECONDS)
        if not may():
            continue
        try:
            await seal_all(pool, key)
            if loop.time() >= due:
                await checkpoint(pool, key, folder)
                due = loop.time() + CHECKPOINT_SECONDS
        except Exception as error:
            log.exception("sealing.failed", error=str(error))


@asynccontextmanager
async def sealed(pool: Pool, settings: Settings, may: Callable[[], bool]) -> AsyncIterator[None]:
    """Have the log sealed for as long as we are inside. Without a key nothing is sealed, and it waits until there is one."""
    try:
        key = open_signing_key(settings.signing_path, create=True)
    except SigningError as error:
        log.error("sealing.no_key", error=str(error))
        yield
        return
    sealer = asyncio.create_task(run(pool, key, settings.folder, may))
    try:
        yield
    finally:
        await end(sealer)


async def seal_all(pool: Pool, key: SigningKey) -> int:
    """Seal everything that waits, a transaction for each seal; answers how many rows."""
    sealed = 0
    while True:
        async with pool.connection() as connection:
            rows = await seal_next(connection, key)
        if not rows:
            return sealed
        sealed += rows


async def seal_next(connection: Connection, key: SigningKey) -> int:
    """Make the next seal, in the caller's transaction; answers how many rows it is over, 0 when nothing waits."""
    taken = await seals.take(connection, SEAL_ROWS)
    if taken is None:
        return 0
    n, previous = await seals.head(connection) or (0, NOTHING)
    found = await seals.records(connection, taken.form, taken.ids)
    seal, branches = await asyncio.to_thread(_made, taken, found, n + 1, previous, key)
    await seals.put(connection, seal)
    await seals.put_branches(connection, seal.n, branches)
    return seal.rows


def branches_of(leaves: list[bytes]) -> list[bytes]:
    """The roots of every so many leaves, from which the root of all follows."""
    return [root(leaves[at : at + BRANCH_ROWS]) for at in range(0, len(leaves), BRANCH_ROWS)]


def _made(taken: Taken, found: list[bytes], n: int, previous: bytes, key: SigningKey) -> tuple[Seal, list[bytes]]:
    leaves = [leaf(row) for row in found]
    if len(leaves) != len(taken.ids):
        leaves = _with_gaps(taken, found, leaves)
    branches = branches_of(leaves)
    bare = Seal(
        n,
        taken.form.text,
        len(leaves),
        taken.queued_from,
        taken.queued_to,
        taken.now,
        root(branches),
        previous,
        b"",
        b"",
        b"",
    )
    tags = b"".join([digest[:TAG_BYTES] for digest in leaves])
    hash_ = bare.digest(taken.ids)
    note = Note(n, hash_, tuple(taken.ids), tags).written()
    return replace(bare, hash=hash_, note=note, signature=key.sign(note)), branches


def _with_gaps(taken: Taken, found: list[bytes], leaves: list[bytes]) -> list[bytes]:
    """A row that is gone before it is sealed is sealed as that."""
    at = taken.form.id_at
    known = {int.from_bytes(row[at : at + 8], signed=True): digest for row, digest in zip(found, leaves, strict=True)}
    gone = [number for number in taken.ids if number not in known]
    log.error("seal.rows_gone", source=taken.form.source, ids=gone[:100], count=len(gone))
    return [known.get(number) or absent(taken.form, number) for number in taken.ids]


def witness(folder: Path) -> Path | None:
    """The checkpoint that this host remembers, if it does."""
    path = folder / WITNESS_NAME
    return path if path.exists() else None


async def checkpoint(pool: Pool, key: SigningKey, folder: Path | None = None) -> str | None:
    """The text of the last checkpoint, a new one if anything was sealed since; None where nothing is sealed at all.

    With `folder` the host is told as well, as best we can.
    """
    async with pool.connection() as connection:
        text = await _checkpoint(connection, key)
    if text and folder:
        with suppress(OSError):
            await asyncio.to_thread(keyfiles.overwrite, folder / WITNESS_NAME, text)
    return text


async def _checkpoint(connection: Connection, key: SigningKey) -> str | None:
    await connection.execute(seals.LOCK)
    text = await seals.last_checkpoint(connection)
    number, done = await seals.checkpointed(connection)
    last, rows = await seals.totals(connection)
    if last == done:
        return text
    hashes = await seals.hashes_since(connection, done)
    made = Checkpoint(
        number=number + 1,
        seals=last,
        rows=rows,
        head=hashes[-1],
        tree=root(hashes),
        previous=text_digest(text) if text else NOTHING,
        at=await seals.now(connection),
    )
    text = signed_statement(CHECKPOINT, made.lines(), key)
    await seals.put_checkpoint(connection, made, text)
    return text


def signed_statement(title: str, lines: dict[str, object], key: SigningKey) -> str:
    """A statement with the key's id and signature under it."""
    text = statement(title, {**lines, "key": key.id})
    return f"{text}signature {base64.b64encode(key.sign(text.encode())).decode()}\n"
