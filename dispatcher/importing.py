"""A roster file becomes the next version of an audience; every line of it is accepted, duplicate or rejected."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from campaigns import places
from campaigns.audience import Areas, Cleaned, clean, within
from dispatcher import rosters
from dispatcher.keyring import Keyring
from dispatcher.rosters import Roster
from dispatcher.spreadsheet import Sheet
from dispatcher.store import audiences, audit, suppressions
from dispatcher.store.audiences import Audience
from dispatcher.store.database import Connection
from dispatcher.store.suppressions import Scope

# (done, total) in the roster's own unit, bytes or rows.
Progress = Callable[[float, float], None]

REJECTS_HEADER = ("dòng", "giá trị", "mã lý do", "lý do")
DUPLICATES_HEADER = ("dòng", "trùng với dòng")


@dataclass
class Tally:
    """What is counted while a roster is read."""

    lines: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    unknown_areas: Counter[str] = field(default_factory=Counter)
    noted: Counter[str] = field(default_factory=Counter)

    def add(self, lines: int, cleaned: Cleaned) -> None:
        self.lines += lines
        self.rejected += cleaned.rejected.height
        self.reasons.update(cleaned.rejected["reason"].to_list())
        self.unknown_areas.update(cleaned.unknown_areas)
        for notes in cleaned.accepted["noted"].drop_nulls():
            self.noted.update(notes.split(","))


@dataclass(frozen=True, slots=True)
class Imported:
    """The accounts of an import, and where the lines that did not make it are written.

    A line with two numbers is one accepted line and two recipients.
    """

    audience: Audience
    rejects: Path | None
    duplicates: Path | None
    reasons: dict[str, int]
    unknown_areas: dict[str, int]
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


async def import_audience(
    connection: Connection, keyring: Keyring, order: Order, progress: Progress, roster: Roster | None = None
) -> Imported:
    """Read, clean, encrypt and store, in the caller's transaction. Raises `RosterError`; then nothing is stored.

    `roster` is what to read where that is not the file itself.
    """
    roster = roster or rosters.read(order.path, order.mapping, sheet=order.sheet)
    folder = order.folder or order.path.parent
    with closing(Sheet(folder / f"{order.path.stem}.rejected.csv", REJECTS_HEADER)) as rejects:
        tally = await _stage(connection, keyring, roster, order, rejects, progress)
    counted = await audiences.tally(connection, keyring.current)
    if counted.good_lines + tally.rejected != tally.lines:
        raise RuntimeError(
            f"{order.path.name}: {tally.lines} lines read, but {counted.good_lines} + {tally.rejected} kept"
        )
    with closing(Sheet(folder / f"{order.path.stem}.duplicate.csv", DUPLICATES_HEADER)) as duplicates:
        async for page in audiences.duplicates(connection):
            duplicates.write(page)
    audience = await audiences.add(
        connection,
        {
            "name": order.name,
            "source_name": order.path.name,
            "source_sha256": _sha256(order.path),
            "mapping": dict(roster.mapping),
            "lines": tally.lines,
            "accepted": counted.accepted,
            "duplicate": counted.good_lines - counted.accepted,
            "rejected": tally.rejected,
            "recipients": counted.recipients,
            "imported_by": order.by,
        },
    )
    await audit.record(
        connection, order.by, "audience.import", f"{audience.name} v{audience.version}", sha256=audience.source_sha256
    )
    return Imported(
        audience,
        rejects.written,
        duplicates.written,
        dict(tally.reasons),
        dict(tally.unknown_areas),
        dict(tally.noted),
        tuple(roster.notes),
    )


async def _stage(
    connection: Connection, keyring: Keyring, roster: Roster, order: Order, rejects: Sheet, progress: Progress
) -> Tally:
    await audiences.stage(connection)
    areas = Areas(lambda written: _area(written, order.province))
    tally = Tally()
    for chunk in roster:
        cleaned = clean(chunk.frame, areas)
        if order.areas is not None:
            cleaned = within(cleaned, order.areas)
        tally.add(chunk.frame.height, cleaned)
        rejects.write(cleaned.rejected.select("row", "value", "reason", "explanation").rows())
        if cleaned.accepted.height:
            await audiences.stage_rows(connection, staged(keyring, cleaned.accepted))
        progress(chunk.position, roster.total_hint)
    return tally


def _area(written: str, province: str | None) -> str | None:
    area = places.find(written, province)
    return area.code if area else None


def staged(keyring: Keyring, people: pl.DataFrame) -> bytes:
    """Accepted people as CSV for COPY: numbers hashed and encrypted, byte columns in PostgreSQL's hexadecimal form."""
    numbers = people["msisdn"].to_list()
    hashes = keyring.hashes(numbers)
    ciphers = keyring.encrypt_all(numbers, hashes)
    frame = people.select(
        "row",
        pl.Series("hash", [f"\\x{h.hex()}" for h in hashes]),
        pl.Series("cipher", [f"\\x{c.hex()}" for c in ciphers]),
        "network",
        "area",
        "group",
        "language",
    )
    return frame.write_csv(include_header=False).encode()


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
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
