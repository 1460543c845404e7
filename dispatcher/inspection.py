"""Is the log what was sealed? The live database judged row by row; and the export by which others can judge it."""

from __future__ import annotations

import asyncio
import gzip
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from dispatcher.errors import UserError
from dispatcher.store import seals
from dispatcher.store.database import Connection
from dispatcher.store.seals import FORMS, Unsealed
from dispatcher.verify_log import (
    FORMAT,
    Chain,
    Checkpoint,
    Finding,
    Form,
    Keys,
    Seal,
    Unusable,
    read_note,
    seal_line,
)

SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
COMPRESSION = 3

Progress = Callable[[int, int], None]


class InspectionError(UserError):
    """The log cannot be compared with its seals at all."""


@dataclass(frozen=True)
class Inspection:
    """The chain, judged, and what waits for its seal."""

    chain: Chain
    unsealed: Sequence[Unsealed]


async def inspect(connection: Connection, keys: Keys, given: Checkpoint | None, progress: Progress) -> Inspection:
    """Judge the live database, in one snapshot, with flat memory. `given` is a checkpoint that was kept elsewhere."""
    await connection.execute(SNAPSHOT)
    return await judge(connection, keys, given, progress)


async def judge(connection: Connection, keys: Keys, given: Checkpoint | None, progress: Progress) -> Inspection:
    """The same in the caller's transaction, which has one snapshot for all its statements."""
    chain = Chain(keys, given)
    for order in await seals.prunings(connection):
        chain.prune(order)
    checkpoints = _Queue(await seals.checkpoints(connection))
    total = (await seals.totals(connection))[1]
    async for seal, rows in _ahead(_sealed(connection)):
        checkpoints.hand_over(chain)
        await asyncio.to_thread(chain.take, seal, rows)
        progress(chain.rows, total)
    checkpoints.hand_over(chain, everything=True)
    unsealed = await seals.unsealed(connection)
    await _find_strangers(connection, chain, unsealed)
    chain.finish()
    return Inspection(chain, unsealed)


class _Queue:
    """Checkpoints that wait for the seals that they are about."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = list(texts)

    def hand_over(self, chain: Chain, *, everything: bool = False) -> None:
        while self._texts and (everything or _reaches(self._texts[0]) <= chain.seals):
            chain.checkpoint(self._texts.pop(0))


def _reaches(text: str) -> int:
    """How many seals a checkpoint says that there are; one that cannot be read is judged at once."""
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if name == "seals" and value.isdecimal():
            return int(value)
    return 0


async def _sealed(connection: Connection) -> AsyncIterator[tuple[Seal, list[bytes]]]:
    """Every seal with its rows as they are now."""
    async for seal in seals.all_(connection):
        try:
            ids = read_note(seal.note).ids
            form = Form(seal.form)
            rows = await seals.records(connection, form, ids) if _readable(form) else []
        except Unusable:
            rows = []
        yield seal, rows


def _readable(form: Form) -> bool:
    """A seal names the columns it was made of; only names of a sealed table go into a statement."""
    return form.source in FORMS and all(name.isidentifier() for name, _ in form.columns)


async def _ahead(items: AsyncIterator[tuple[Seal, list[bytes]]]) -> AsyncIterator[tuple[Seal, list[bytes]]]:
    """The same, the next one being fetched while the last is judged."""
    coming = asyncio.ensure_future(anext(items, None))
    try:
        while (item := await coming) is not None:
            coming = asyncio.ensure_future(anext(items, None))
            yield item
    except psycopg.errors.UndefinedColumn as error:
        raise InspectionError(
            f"Bảng nhật ký không còn cột mà dấu niêm phong cũ cần: {str(error).splitlines()[0]}."
        ) from None
    finally:
        coming.cancel()


async def _find_strangers(connection: Connection, chain: Chain, unsealed: Sequence[Unsealed]) -> None:
    """Rows that neither a seal nor the queue knows."""
    waiting = {entry.source: entry.rows for entry in unsealed}
    for source in FORMS:
        if await seals.count(connection, source) != chain.counts.get(source, 0) + waiting.get(source, 0):
            await _name_strangers(connection, chain, source)


async def _name_strangers(connection: Connection, chain: Chain, source: str) -> None:
    known = await _known(connection, chain, source)
    waiting = await seals.queued_ids(connection, source)
    for number in waiting:
        known.add(number)
    there = _Numbers()
    async for page in seals.numbers(connection, source):
        for number in page:
            there.add(number)
            if number not in known:
                chain.say(Finding("inserted", chain.seals, source, number))
    for number in waiting:
        if number not in there:
            chain.say(Finding("gone", chain.seals + 1, source, number))


async def _known(connection: Connection, chain: Chain, source: str) -> _Numbers:
    """The numbers of a table's sealed rows."""
    known = _Numbers()
    async for seal in seals.all_(connection):
        if Form(seal.form).source == source:
            for number in _noted(seal):
                if known.add(number):
                    chain.say(Finding("twice", seal.n, source, number, seal.sealed_at))
    return known


def _noted(seal: Seal) -> Sequence[int]:
    try:
        return read_note(seal.note).ids
    except Unusable:
        return ()


class _Numbers:
    """A set of row numbers at a bit each, in blocks, so that a hundred million of them fit in memory."""

    BLOCK_BITS = 16

    def __init__(self) -> None:
        self._blocks: dict[int, bytearray] = {}

    def add(self, number: int) -> bool:
        """Answers whether it was there already."""
        block, byte, bit = self._place(number)
        bits = self._blocks.setdefault(block, bytearray(1 << (self.BLOCK_BITS - 3)))
        was = bool(bits[byte] & bit)
        bits[byte] |= bit
        return was

    def __contains__(self, number: int) -> bool:
        block, byte, bit = self._place(number)
        return block in self._blocks and bool(self._blocks[block][byte] & bit)

    def _place(self, number: int) -> tuple[int, int, int]:
        within = number & ((1 << self.BLOCK_BITS) - 1)
        return number >> self.BLOCK_BITS, within >> 3, 1 << (within & 7)


async def export(connection: Connection, path: Path, progress: Progress) -> dict[str, Any]:
    """Write seals, their rows and the checkpoints to `path` (gzipped lines of JSON), whole or not at all, in flat memory.

    In the caller's transaction, which has one snapshot for all its statements (`SNAPSHOT`).
    """
    total = (await seals.totals(connection))[1]
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        draft = Path(folder) / path.name
        with gzip.open(draft, "wt", encoding="utf-8", compresslevel=COMPRESSION) as file:
            end = await _write(connection, file.write, lambda done: progress(done, total))
        draft.chmod(0o600)
        draft.replace(path)
    return end


async def _write(
    connection: Connection, write: Callable[[str], Any], progress: Callable[[int], None]
) -> dict[str, Any]:
    write(_line({"format": FORMAT, "made_at": datetime.now(UTC).isoformat()}))
    for order in await seals.prunings(connection):
        write(_line({"pruning": order}))
    texts = await seals.checkpoints(connection)
    last = rows_written = rows_sealed = 0
    async for seal, rows in _ahead(_sealed(connection)):
        while texts and _reaches(texts[0]) <= last:
            write(_line({"checkpoint": texts.pop(0)}))
        form = Form(seal.form)
        write(_line({"seal": seal_line(seal)}))
        await asyncio.to_thread(write, "".join([_line(form.spoken(row)) for row in rows]))
        last, rows_written, rows_sealed = seal.n, rows_written + len(rows), rows_sealed + seal.rows
        progress(rows_sealed)
    for text in texts:
        write(_line({"checkpoint": text}))
    waiting = {entry.source: entry.rows for entry in await seals.unsealed(connection)}
    end = {"seals": last, "rows": rows_written, "unsealed": waiting}
    write(_line({"end": end}))
    return end


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"
