"""A roster file becomes the next version of an audience; every line of it is accepted, duplicate or rejected."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from campaigns import places
from campaigns.audience import Areas, Cleaned, clean, within
from campaigns.groups import SensitiveGroupError, refuse_sensitive
from campaigns.msisdn import mask, normalise
from campaigns.seen import Seen
from dispatcher import rosters
from dispatcher.keyring import Keyring
from dispatcher.rosters import Chunk, Roster, RosterError
from dispatcher.spreadsheet import Sheet
from dispatcher.store import audiences, audit, suppressions, tags
from dispatcher.store.audiences import Audience, Rows
from dispatcher.store.database import Connection
from dispatcher.store.suppressions import Scope

# (done, total) in the roster's own unit, bytes or rows.
Progress = Callable[[float, float], None]

SAMPLES = 3  # rows that a preview shows
REJECTS_HEADER = ("dòng", "giá trị", "mã lý do", "lý do")
DUPLICATES_HEADER = ("dòng", "trùng với dòng")


@dataclass
class Tally:
    """What is counted while a roster is read. `good` lines have a number, `accepted` ones bring somebody new."""

    lines: int = 0
    rejected: int = 0
    good: int = 0
    accepted: int = 0
    recipients: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    unknown_areas: Counter[str] = field(default_factory=Counter)
    noted: Counter[str] = field(default_factory=Counter)

    def add(self, lines: int, cleaned: Cleaned) -> None:
        self.lines += lines
        self.rejected += cleaned.rejected.height
        self.good += cleaned.accepted["row"].n_unique()
        self.reasons.update(dict(cleaned.rejected["reason"].value_counts().iter_rows()))
        self.unknown_areas.update(cleaned.unknown_areas)
        for notes, lines in cleaned.accepted["noted"].drop_nulls().value_counts().iter_rows():
            self.noted.update(dict.fromkeys(notes.split(", "), lines))

    def accounts(self) -> dict[str, int]:
        """The accounts of an audience; they add up, or nothing is imported."""
        if self.good + self.rejected != self.lines:
            raise RuntimeError(f"{self.lines} lines read, but {self.good} + {self.rejected} kept")
        return {
            "lines": self.lines,
            "accepted": self.accepted,
            "duplicate": self.good - self.accepted,
            "rejected": self.rejected,
            "recipients": self.recipients,
        }


@dataclass(frozen=True, slots=True)
class Imported:
    """The accounts of an import, and where the lines that did not make it are written.

    `unknown_areas` counts people by what was written instead of a commune that could be told; `ambiguous_areas` says for
    those among them that several communes bear which they are.

    A line with two numbers is one accepted line and two recipients.
    """

    audience: Audience
    rejects: Path | None
    duplicates: Path | None
    reasons: dict[str, int]
    unknown_areas: dict[str, int]
    ambiguous_areas: dict[str, str]
    noted: dict[str, int]
    reading: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """What a person asked to have imported. `mapping` is field -> column, `province` a name or code for commune names.

    `areas`: only people of these communes, None = of any.
    """

    path: Path
    name: str
    by: str
    mapping: Mapping[str, str] = field(default_factory=dict)
    sheet: str | None = None
    province: str | None = None
    folder: Path | None = None
    areas: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be read, before anything is: the columns, what each is taken for, and how the first rows come out.

    `samples` are (row, column header -> cell as written) of the first rows, numbers masked; `first` counts the first chunk.
    """

    sheet: str | None
    encoding: str | None
    delimiter: str | None
    columns: tuple[str, ...]
    mapping: dict[str, str]
    notes: tuple[str, ...]
    samples: list[dict[str, str | None]]
    first: Tally


def preview(order: Order) -> Preview:
    """Look at a roster without storing anything of it. Raises `RosterError`."""
    roster = rosters.read(order.path, order.mapping, sheet=order.sheet)
    refuse(order, roster)
    first = Tally()
    samples: list[dict[str, str | None]] = []
    if chunk := next(iter(roster), None):
        cleaned = clean(chunk.frame, Areas(finder({}, order.province)))
        first.add(chunk.frame.height, cleaned)
        samples = [_masked(row) for row in chunk.frame.head(SAMPLES).iter_rows(named=True)]
    return Preview(
        roster.sheet,
        roster.encoding,
        roster.delimiter,
        roster.columns,
        dict(roster.mapping),
        tuple(roster.notes),
        samples,
        first,
    )


def _masked(row: dict[str, Any]) -> dict[str, str | None]:
    """A row for the screen: a number as `mask` shows it, whatever is none as it is written."""
    numbers = normalise(row["msisdn"] or "").numbers
    return {**row, "row": str(row["row"]), "msisdn": ", ".join(map(mask, numbers)) or row["msisdn"]}


async def relate(connection: Connection, name: str, relation: str, by: str) -> Audience:
    """Record the dealing that the office has had with the people of the newest version. Raises `RosterError`."""
    audience = await audiences.newest(connection, name)
    if audience is None:
        raise RosterError(f"Chưa có nhóm người nhận {name}. Nhập bằng: dispatcher audience import {name} TỆP")
    if not (words := " ".join(relation.split())):
        raise RosterError("Cần ghi quan hệ nào, ví dụ: phụ huynh đã đăng ký sổ liên lạc điện tử, 2025.")
    await audiences.relate(connection, audience.id, words)
    await audit.record(connection, by, "audience.relation", f"{name}/{audience.version}", relation=words)
    return replace(audience, relation=words)


async def import_audience(
    connection: Connection, keyring: Keyring, order: Order, progress: Progress, roster: Roster | None = None
) -> Imported:
    """Read, clean, encrypt and store, in the caller's transaction. `roster` is what to read where that is not the file itself.

    Raises `RosterError`, also for a roster that tells of health, addiction or crimes; then nothing is stored.
    """
    roster = roster or rosters.read(order.path, order.mapping, sheet=order.sheet)
    refuse(order, roster)
    folder = order.folder or order.path.parent
    audience_id, year = await audiences.begin(
        connection,
        {
            "name": order.name,
            "source_name": order.path.name,
            "source_sha256": _sha256(order.path),
            "mapping": dict(roster.mapping),
            "imported_by": order.by,
        },
    )
    with closing(Sheet(folder / f"{order.path.stem}.rejected.csv", REJECTS_HEADER)) as rejects:
        known = Areas(finder(await tags.aliases(connection), order.province))
        intake = Intake(keyring, audience_id, known, order.areas, year, rejects)
        await _take_in(connection, roster, intake, progress)
    tally = intake.tally
    audience = await audiences.finish(
        connection, audience_id, keyring.current, tally.accounts(), former_keys=len(keyring.ciphers) > 1
    )
    with closing(Sheet(folder / f"{order.path.stem}.duplicate.csv", DUPLICATES_HEADER)) as duplicates:
        async for page in audiences.duplicates(connection, audience_id):
            duplicates.write(page)
    await audit.record(
        connection, order.by, "audience.import", f"{audience.name} v{audience.version}", sha256=audience.source_sha256
    )
    return Imported(
        audience,
        rejects.written,
        duplicates.written,
        dict(tally.reasons),
        dict(tally.unknown_areas),
        _ambiguous(tally.unknown_areas, order.province),
        dict(tally.noted),
        tuple(roster.notes),
    )


def refuse(order: Order, roster: Roster) -> None:
    """Raise `RosterError` where the name of the audience, its sheet or one of its columns tells what nobody may know."""
    _refuse(order.name, "Tên nhóm")
    _refuse(roster.sheet or "", "Trang tính")
    for column in roster.columns:
        _refuse(column, f"{order.path.name}: cột")


def _refuse(name: str, what: str) -> None:
    try:
        refuse_sensitive(name, what)
    except SensitiveGroupError as error:
        raise RosterError(str(error)) from None


def _ambiguous(unknown: Mapping[str, int], province: str | None) -> dict[str, str]:
    found = {written: places.matches(written, province) for written in unknown}
    return {written: places.listed(several) for written, several in found.items() if len(several) > 1}


async def _take_in(connection: Connection, roster: Roster, intake: Intake, progress: Progress) -> None:
    """While PostgreSQL takes one chunk, the next is hashed and encrypted, and the one after that read and cleaned."""
    chunks = map(intake.cleaned, roster)
    reading = asyncio.create_task(asyncio.to_thread(next, chunks, None))
    putting: asyncio.Task[None] | None = None
    try:
        while read := await reading:
            reading = asyncio.create_task(asyncio.to_thread(next, chunks, None))
            rows = await asyncio.to_thread(intake.rows, read)
            if putting:
                await putting
            putting = asyncio.create_task(audiences.put(connection, rows))
            progress(read.position, roster.total_hint)
        if putting:
            await putting
    finally:  # a thread does not stop because another one has failed
        await asyncio.gather(reading, *filter(None, [putting]), return_exceptions=True)


class Read(NamedTuple):
    """A chunk that was read and cleaned: how many lines it had, and how far into the file it reaches."""

    lines: int
    cleaned: Cleaned
    position: int


class Intake:
    """The chunks of a roster, one after the other, made into rows for the database; the next one may be cleaned meanwhile."""

    def __init__(
        self,
        keyring: Keyring,
        audience_id: int,
        areas: Areas,
        wanted: frozenset[str] | None,
        year: int,
        rejects: Sheet,
    ) -> None:
        self.tally = Tally()
        self._keyring, self._audience_id, self._areas, self._rejects = keyring, audience_id, areas, rejects
        self._wanted, self._year = wanted, year
        self._seen = Seen()
        self._groups: set[str] = set()

    def cleaned(self, chunk: Chunk) -> Read:
        cleaned = clean(chunk.frame, self._areas, self._year)
        if self._wanted is not None:
            cleaned = within(cleaned, self._wanted)
        return Read(chunk.frame.height, cleaned, chunk.position)

    def rows(self, read: Read) -> Rows:
        """The first line that names a person counts; the order of the members is the order of the file."""
        cleaned = read.cleaned
        self._check_groups(cleaned.accepted)
        self.tally.add(read.lines, cleaned)
        self._rejects.write(cleaned.rejected.select("row", "value", "reason", "explanation").rows())
        fresh = self._seen.add(cleaned.accepted["msisdn"])
        people = cleaned.accepted.filter(fresh)
        repeated = cleaned.accepted.filter(~fresh).join(people, on="row", how="anti")
        start = self.tally.recipients
        self.tally.recipients += people.height
        self.tally.accepted += people["row"].n_unique()
        return self._written(people.with_columns(n=pl.int_range(start + 1, start + 1 + people.height)), repeated)

    def _check_groups(self, people: pl.DataFrame) -> None:
        first = people.drop_nulls("group").unique("group", keep="first", maintain_order=True)
        for row, group in first.select("row", "group").iter_rows():
            if group not in self._groups:
                _refuse(group, f"Dòng {row}: nhóm")
                self._groups.add(group)

    def _written(self, people: pl.DataFrame, repeated: pl.DataFrame) -> Rows:
        numbers = people["msisdn"].to_list()
        hashes = self._keyring.hashes(numbers)
        return Rows.of(
            self._audience_id,
            people,
            hashes,
            self._keyring.encrypt_all(numbers, hashes),
            repeated["row"],
            self._keyring.hashes(repeated["msisdn"].to_list()),
        )


def finder(aliases: Mapping[str, str], province: str | None) -> Callable[[str], str | None]:
    """What finds the commune of a roster's words: by the official names, or else by the office's own aliases."""

    def find(written: str) -> str | None:
        area = places.find(written, province)
        return area.code if area else aliases.get(places.key(written))

    return find


async def import_suppressions(
    connection: Connection,
    keyring: Keyring,
    order: Order,
    reason: str,
    progress: Progress,
    scope: Scope = Scope.ALL,
) -> tuple[Tally, int, Path | None]:
    """Put every good number of a roster on the suppression list; answers the counts, how many are new, the rejects."""
    roster = rosters.read(order.path, order.mapping, sheet=order.sheet)
    tally, new = Tally(), 0
    folder = order.folder or order.path.parent
    with closing(Sheet(folder / f"{order.path.stem}.rejected.csv", REJECTS_HEADER)) as rejects:
        for chunk in roster:
            cleaned = clean(chunk.frame)
            tally.add(chunk.frame.height, cleaned)
            rejects.write(cleaned.rejected.select("row", "value", "reason", "explanation").rows())
            numbers = dict(zip(cleaned.accepted["msisdn"], cleaned.accepted["network"], strict=True))
            new += await suppress(connection, keyring, numbers, reason, order.path.name, order.by, scope)
            progress(chunk.position, roster.total_hint)
    await audit.record(
        connection, order.by, "suppression.import", order.path.name, new=new, reason=reason, scope=scope.value
    )
    return tally, new, rejects.written


async def suppress(
    connection: Connection,
    keyring: Keyring,
    numbers: Mapping[str, str],
    reason: str,
    source: str,
    by: str,
    scope: Scope = Scope.ALL,
    *,
    proof: str = "",
    topics: Sequence[str] = (),
) -> int:
    """Put numbers (number -> network) on the suppression list; answers how many are new there."""
    msisdns = list(numbers)
    hashes = keyring.hashes(msisdns)
    return await suppressions.add(
        connection,
        hashes=hashes,
        ciphers=keyring.encrypt_all(msisdns, hashes),
        networks=list(numbers.values()),
        key_id=keyring.current,
        reason=reason,
        source=source,
        by=by,
        scope=scope,
        proof=proof,
        topics=topics,
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
