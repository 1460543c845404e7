"""The signed extract of the log about one number: each row with the way from it to a signed checkpoint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from dispatcher import sealing
from dispatcher.sealing import BRANCH_ROWS, branches_of
from dispatcher.signing import SigningKey
from dispatcher.store import seals, statements
from dispatcher.store.database import Connection
from dispatcher.store.statements import Sent
from dispatcher.verify_log import (
    EXTRACT,
    Checkpoint,
    Form,
    Seal,
    bare_seal,
    climb,
    digest_of,
    leaf,
    path,
    read_checkpoint,
    read_keys,
    read_note,
)

SOURCES = ("attempts", "receipts")
Line = dict[str, Any]


@dataclass
class _Tree:
    """The seals between two checkpoints, read once."""

    checkpoint: Checkpoint
    text: str
    after: int
    hashes: list[bytes]


@dataclass
class Gathering:
    """Lines of an extract as they are found, checkpoints and seals before what is under them."""

    connection: Connection
    key: SigningKey
    trees: dict[int, _Tree] = field(default_factory=dict)
    seals: list[Line] = field(default_factory=list)
    rows: list[Line] = field(default_factory=list)
    unproved: list[str] = field(default_factory=list)

    async def gather(self, source: str, ids: Sequence[int]) -> None:
        """The rows of one table with their proofs. A row that no seal holds as it is counts as unproved."""
        wanted = set(ids)
        for n in await statements.seals_over(self.connection, source, ids):
            seal = await seals.numbered(self.connection, n)
            if here := wanted.intersection(read_note(seal.note).ids):
                wanted -= await self._prove(seal, here)
        self.unproved += [f"{source} {number}" for number in sorted(wanted)]

    async def _prove(self, seal: Seal, here: set[int]) -> set[int]:
        """Rows under one seal; answers which could be proved: none, where the seal is still under no checkpoint."""
        under = read_note(seal.note).ids
        if (tree := await self._tree(seal.n)) is None:
            return set()
        steps = path(tree.hashes, seal.n - tree.after - 1)
        bare = bare_seal(seal, digest_of(under))
        self.seals.append({"seal": bare, "in_checkpoint": tree.checkpoint.number, "path": steps})
        branches = await self._branches(seal, under)
        return {number for number in sorted(here) if await self._row(seal, under, branches, under.index(number))}

    async def _branches(self, seal: Seal, under: Sequence[int]) -> list[bytes]:
        """The roots of every so many rows of a seal: kept with it, else worked out from all of its rows."""
        if kept := await seals.branches(self.connection, seal.n):
            return kept
        records = await seals.records(self.connection, Form(seal.form), under)
        return branches_of([leaf(row) for row in records])

    async def _row(self, seal: Seal, under: Sequence[int], branches: Sequence[bytes], at: int) -> bool:
        """A row with what leads from it to the seal; false where that does not lead there."""
        form, branch = Form(seal.form), at // BRANCH_ROWS
        beside = under[branch * BRANCH_ROWS : (branch + 1) * BRANCH_ROWS]
        records = await seals.records(self.connection, form, beside)
        if len(records) != len(beside) or branch >= len(branches):
            return False
        leaves = [leaf(row) for row in records]
        steps = path(leaves, at % BRANCH_ROWS) + path(branches, branch)
        if climb(leaves[at % BRANCH_ROWS], steps) != seal.root:
            return False
        self.rows.append({"row": form.spoken(records[at % BRANCH_ROWS]), "in_seal": seal.n, "path": steps})
        return True

    async def _tree(self, n: int) -> _Tree | None:
        """What a seal hangs on; None for one that was made after the last checkpoint."""
        covering = await statements.covering(self.connection, n)
        if covering is None:
            return None
        number, text = covering
        if number not in self.trees:
            checkpoint = read_checkpoint(text, read_keys(self.key.public.written))
            before = await seals.checkpoint_before(self.connection, number)
            hashes = await statements.hashes_between(self.connection, before, checkpoint.seals)
            self.trees[number] = _Tree(checkpoint, text, before, hashes)
        return self.trees[number]

    def lines(self) -> Iterator[Line]:
        """Checkpoints, then seals, then rows."""
        yield from ({"checkpoint": tree.text} for tree in self.trees.values())
        yield from self.seals


async def extract(
    connection: Connection, key: SigningKey, about: Line, sent: Sequence[Sent], hashed: bytes
) -> tuple[str, list[str]]:
    """The extract as text, and the rows that could not be proved. Everything must be sealed and under a checkpoint."""
    found = Gathering(connection, key)
    for source in SOURCES:
        await found.gather(source, await statements.rows(connection, source, [one.id for one in sent]))
    messages = [{"message": _message(one)} for one in sent]
    head = {"format": EXTRACT, **about, "msisdn_hash": hashed.hex()}
    content = "".join(_line(line) for line in (head, *found.lines(), *messages, *found.rows))
    digest = hashlib.sha256(content.encode()).hexdigest()
    signed = sealing.signed_statement(EXTRACT, {"sha256": digest}, key)
    return content + _line({"signed": signed}), found.unproved


def _message(sent: Sent) -> Line:
    return {
        "id": sent.id.hex,
        "wave_uid": sent.wave_uid.hex,
        "campaign": sent.campaign,
        "wave": sent.wave,
        "text": sent.text,
        "segments": sent.segments,
        "status": sent.status,
    }


def _line(value: Line) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"
