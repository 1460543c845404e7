"""Random tampering with a sealed log, in the database and in its export; each must be found, and the right rows named.

By hand, in its full size: `python -m tests.dispatcher.tampering 1000`.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from dispatcher import inspection, sealing, verify_log
from dispatcher.embedded import Embedded
from dispatcher.signing import SigningKey, open_signing_key
from dispatcher.store import seals
from dispatcher.store.database import Connection, Pool, migrate, new_pool
from dispatcher.store.seals import FORMS
from dispatcher.verify_log import Chain, Form, leaf, read_checkpoint, read_note, root

# One row each, with gaps between the numbers, as aborted transactions leave them.
GROWTH = {
    "attempts": """
INSERT INTO attempts (message_id, number, route, started_at, ended_at, outcome, reference, reason, code, segments, exchange_id)
SELECT gen_random_uuid(), 1 + i %% 3, 'main', clock_timestamp(), clock_timestamp(), 'accepted', 'ref-' || i,
       CASE WHEN i %% 2 = 0 THEN 'lý do ' || i END, NULL, 1, i
FROM generate_series(1, %s) AS i
""",
    "exchanges": """
INSERT INTO exchanges (route, started_at, elapsed, http_status, request, response)
SELECT 'main', clock_timestamp(), random(), 200, 'POST ' || i, '{"CodeResult":"100"}' FROM generate_series(1, %s) AS i
""",
    "receipts": """
INSERT INTO receipts (id, received_at, route, message_id, reference, outcome, code, network, raw, moved_from, moved_to, asked_in)
SELECT (SELECT coalesce(max(id), 0) FROM receipts) + 2 * i, clock_timestamp(), 'main', gen_random_uuid(), NULL, 'delivered', '0',
       'viettel', 'raw ' || i, 'submitted', 'delivered', CASE WHEN i %% 5 = 0 THEN ARRAY[i, i + 1] END
FROM generate_series(1, %s) AS i
""",
    "audit_trail": """
INSERT INTO audit_trail (who, act, subject, detail)
SELECT 'an', 'campaign.add', 'số ' || i, jsonb_build_object('n', i, 'tên', 'Lạng Sơn') FROM generate_series(1, %s) AS i
""",
}
# What a column of a type is changed to: something else, also where it was empty.
CHANGED = {
    "int8": "coalesce({0}, 0) + 1",
    "text": "coalesce({0}, '') || 'x'",
    "timestamptz": "{0} + interval '1 microsecond'",
    "float8": "{0} + 1",
    "uuid": "gen_random_uuid()",
}
# Columns that take no text of ours.
STATUS = "CASE WHEN {0} = 'queued' THEN 'expired'::message_status ELSE 'queued'::message_status END"
CHANGED_SO = {
    "moved_from": STATUS,
    "moved_to": STATUS,
    "asked_in": "coalesce({0}, '{{}}') || 7",
    "detail": """{0} || '{{"x": 1}}'""",
}

Row = tuple[str, int]


@dataclass(frozen=True)
class Tampered:
    """Which rows must be named; None: none can be, and a finding of this kind must say so."""

    rows: frozenset[Row]
    kind: str | None = None


@dataclass
class Bench:
    """A database with a sealed log in it, and dice."""

    pool: Pool
    key: SigningKey
    dice: random.Random

    async def grow(self) -> None:
        """Append some rows to some tables."""
        async with self.pool.connection() as connection:
            for source in self.dice.sample(sorted(GROWTH), self.dice.randint(1, len(GROWTH))):
                await connection.execute(GROWTH[source], [self.dice.randint(1, 60)])

    async def lay(self, rounds: int) -> None:
        """A log of so many rounds of growing and sealing, with checkpoints now and then."""
        for _ in range(rounds):
            await self.grow()
            await sealing.seal_all(self.pool, self.key)
            if self.dice.random() < 0.4:
                await sealing.checkpoint(self.pool, self.key)
        await sealing.checkpoint(self.pool, self.key)

    async def given(self) -> verify_log.Checkpoint:
        """The newest checkpoint, as somebody outside has it."""
        text = await sealing.checkpoint(self.pool, self.key)
        return read_checkpoint(text or "", (self.key.private.public_key(),))

    async def judged(self, connection: Connection, given: verify_log.Checkpoint | None) -> Chain:
        seen = await inspection.judge(connection, (self.key.private.public_key(),), given, lambda _done, _total: None)
        return seen.chain

    @asynccontextmanager
    async def undone(self) -> AsyncIterator[Connection]:
        """A transaction with one snapshot, with the triggers out of the way as for the owner, that leaves nothing behind."""
        async with self.pool.connection() as connection:
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            for table in (*FORMS, "seals", "checkpoints"):
                await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            yield connection
            await connection.rollback()

    async def rows(self, connection: Connection, count: int, source: str | None = None) -> list[Row]:
        """So many sealed rows of one table."""
        full = [name for name in GROWTH if await seals.count(connection, name) >= count + 2]
        source = source or self.dice.choice(full)
        numbers = [number async for page in seals.numbers(connection, source) for number in page]
        waiting = set(await seals.queued_ids(connection, source))
        return [(source, number) for number in self.dice.sample(sorted(set(numbers) - waiting), count)]

    # --- in the database

    async def edit(self, connection: Connection) -> Tampered:
        ((source, number),) = await self.rows(connection, 1)
        name, kind = self.dice.choice(FORMS[source].columns[1:])
        value = (CHANGED_SO.get(name) or CHANGED[kind]).format(name)
        await connection.execute(f"UPDATE {source} SET {name} = {value} WHERE id = %s", [number])
        return Tampered(frozenset({(source, number)}))

    async def delete(self, connection: Connection) -> Tampered:
        rows = await self.rows(connection, self.dice.randint(1, 3))
        for source, number in rows:
            await connection.execute(f"DELETE FROM {source} WHERE id = %s", [number])
        return Tampered(frozenset(rows))

    async def insert(self, connection: Connection) -> Tampered:
        """A row that no seal knows, or one that is sealed among rows that were sealed long before."""
        ((source, number),) = await self.rows(connection, 1)
        fresh = -self.dice.randint(1, 1000)
        late = self.dice.random() < 0.5
        if late:
            await connection.execute(f"ALTER TABLE {source} ENABLE TRIGGER await_seal")
        columns = ", ".join(name for name, _ in FORMS[source].columns[1:])
        await connection.execute(
            f"INSERT INTO {source} (id, {columns}) OVERRIDING SYSTEM VALUE SELECT %s, {columns} FROM {source} WHERE id = %s",
            [fresh, number],
        )
        if late:
            await connection.execute("UPDATE seal_queue SET at = at + %s", [verify_log.LATE + timedelta(hours=1)])
            await sealing.seal_next(connection, self.key)
        return Tampered(frozenset({(source, fresh)}))

    async def swap(self, connection: Connection) -> Tampered:
        (source, one), (_, other) = await self.rows(connection, 2)
        columns = ", ".join(name for name, _ in FORMS[source].columns[1:])
        given = ", ".join(f"b.{name}" for name, _ in FORMS[source].columns[1:])
        await connection.execute(
            f"UPDATE {source} a SET ({columns}) = ROW({given}) FROM {source} b"
            " WHERE (a.id = %(one)s AND b.id = %(other)s) OR (a.id = %(other)s AND b.id = %(one)s)",
            {"one": one, "other": other},
        )
        return Tampered(frozenset({(source, one), (source, other)}))

    async def truncate(self, connection: Connection) -> Tampered:
        """The last rows of a table; or the end of the whole log, with its seals and checkpoints."""
        if self.dice.random() < 0.5:
            source = self.dice.choice(sorted(GROWTH))
            cursor = await connection.execute(
                f"DELETE FROM {source} WHERE id IN (SELECT id FROM {source} ORDER BY id DESC LIMIT %s) RETURNING id",
                [self.dice.randint(1, 5)],
            )
            return Tampered(frozenset([(source, row.id) async for row in cursor]))
        last, _ = await seals.totals(connection)
        kept = last - self.dice.randint(1, min(5, last - 1))
        async for seal in seals.all_(connection):
            if seal.n > kept:
                ids = list(read_note(seal.note).ids)
                await connection.execute(f"DELETE FROM {Form(seal.form).source} WHERE id = ANY(%s)", [ids])
        await connection.execute("DELETE FROM seals WHERE n > %s", [kept])
        await connection.execute("DELETE FROM checkpoints WHERE seals > %s", [kept])
        return Tampered(frozenset(), "truncated")

    async def rechain(self, connection: Connection) -> Tampered:
        """An edit or a deletion, and every hash after it made anew; only the signatures cannot be."""
        done = await self.dice.choice([self.edit, self.delete])(connection)
        previous = verify_log.NOTHING
        for seal in [seal async for seal in seals.all_(connection)]:
            ids = read_note(seal.note).ids
            rows = await seals.records(connection, Form(seal.form), ids)
            made = replace(seal, rows=len(rows), root=root([leaf(row) for row in rows]), previous=previous)
            previous = made.digest(ids)
            await connection.execute(
                "UPDATE seals SET rows = %s, root = %s, previous = %s, hash = %s WHERE n = %s",
                [made.rows, made.root, made.previous, previous, made.n],
            )
        return done

    # --- in an export: a list of lines, the last one being its end

    def edit_lines(self, lines: list[Any]) -> Tampered:
        at, source = self._row(lines)
        row = lines[at]
        place = self.dice.randrange(1, len(row))
        row[place] = _other(row[place])
        return Tampered(frozenset({(source, row[0])}))

    def delete_lines(self, lines: list[Any]) -> Tampered:
        at, source = self._row(lines)
        return Tampered(frozenset({(source, lines.pop(at)[0])}))

    def insert_lines(self, lines: list[Any]) -> Tampered:
        at, source = self._row(lines)
        fresh = 10**9 + self.dice.randint(1, 1000)
        lines.insert(at, [fresh, *lines[at][1:]])
        return Tampered(frozenset({(source, fresh)}))

    def swap_lines(self, lines: list[Any]) -> Tampered:
        """Two lines of a seal changed places, or what they say did."""
        pairs = [
            at for at in range(1, len(lines) - 1) if isinstance(lines[at], list) and isinstance(lines[at + 1], list)
        ]
        at = self.dice.choice(pairs)
        one, other = lines[at : at + 2]
        lines[at : at + 2] = [other, one] if self.dice.random() < 0.5 else [[one[0], *other[1:]], [other[0], *one[1:]]]
        source = self._source(lines, at)
        return Tampered(frozenset({(source, one[0]), (source, other[0])}))

    def truncate_lines(self, lines: list[Any]) -> Tampered:
        """Cut off before the last seals, with an end that says nothing of it."""
        starts = [at for at, line in enumerate(lines) if isinstance(line, dict) and "seal" in line]
        cut = self.dice.randint(1, min(5, len(starts) - 1))
        del lines[starts[-cut] : -1]
        lines[-1]["end"]["seals"] = len(starts) - cut
        return Tampered(frozenset(), "truncated")

    def rechain_lines(self, lines: list[Any]) -> Tampered:
        done = self.dice.choice([self.edit_lines, self.delete_lines])(lines)
        previous = verify_log.NOTHING
        starts = [at for at, line in enumerate(lines) if isinstance(line, dict) and "seal" in line]
        for at in starts:
            seal = verify_log.read_seal(lines[at]["seal"])
            encode = Form(seal.form).encoder()
            leaves = []
            for row in lines[at + 1 :]:
                if not isinstance(row, list):
                    break
                leaves.append(leaf(encode(row)))
            made = replace(seal, rows=len(leaves), root=root(leaves), previous=previous)
            previous = made.digest(read_note(seal.note).ids)
            lines[at]["seal"] = verify_log.seal_line(replace(made, hash=previous))
        return done

    def _row(self, lines: list[Any]) -> tuple[int, str]:
        at = self.dice.choice([at for at, line in enumerate(lines) if isinstance(line, list)])
        return at, self._source(lines, at)

    def _source(self, lines: list[Any], at: int) -> str:
        start = next(i for i in range(at, -1, -1) if isinstance(lines[i], dict) and "seal" in lines[i])
        return Form(lines[start]["seal"]["form"]).source


def _other(value: Any) -> Any:
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str) and value[4:5] == "-" and value[10:11] == "T":
        return value[:3] + ("1" if value[3] != "1" else "2") + value[4:]
    if isinstance(value, str) and len(value) == 32 and value.isalnum():
        return ("0" if value[0] != "0" else "1") + value[1:]
    return "x" if value is None else value + "x"


IN_DATABASE = ("edit", "delete", "insert", "swap", "truncate", "rechain")


def missed(chain: Chain, done: Tampered) -> str | None:
    """What is wrong with a verdict; None where it names what was tampered with, and nothing else."""
    named = {(finding.source, finding.id) for finding in chain.findings if finding.id is not None}
    if chain.whole:
        return "not found"
    if done.kind and done.kind not in {finding.what for finding in chain.findings}:
        return f"no {done.kind}: {chain.findings[:3]}"
    return None if named == done.rows else f"named {sorted(map(str, named))[:5]}, tampered {sorted(done.rows)[:5]}"


async def tampered_database(bench: Bench, kind: str, given: verify_log.Checkpoint) -> str | None:
    act: Callable[[Connection], Awaitable[Tampered]] = getattr(bench, kind)
    async with bench.undone() as connection:
        done = await act(connection)
        return missed(await bench.judged(connection, given), done)


async def exported(bench: Bench, folder: Path) -> list[Any]:
    async with bench.pool.connection() as connection:
        await connection.execute(inspection.SNAPSHOT)
        await inspection.export(connection, folder / "log.jsonl.gz", lambda _done, _total: None)
    with gzip.open(folder / "log.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def verdict(bench: Bench, folder: Path, lines: list[Any], given: str) -> Chain:
    """What the verifier says of an export with these lines."""
    with gzip.open(folder / "given.jsonl.gz", "wt", encoding="utf-8", compresslevel=1) as file:
        file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (folder / "checkpoint.txt").write_text(given, "utf-8")
    (folder / "key.pub").write_text(bench.key.public.written, "ascii")
    return verify_log.verify(folder / "given.jsonl.gz", folder / "checkpoint.txt", folder / "key.pub")[0]


def tampered_export(bench: Bench, folder: Path, kind: str, lines: list[Any], given: str) -> str | None:
    copy = json.loads(json.dumps(lines))
    done: Tampered = getattr(bench, f"{kind}_lines")(copy)
    return missed(verdict(bench, folder, copy, given), done)


async def trials(bench: Bench, folder: Path, count: int) -> tuple[Counter[str], list[str]]:
    """So many tamperings, half of them in exports; answers how many of each kind were found, and what was missed."""
    given = await bench.given()
    async with bench.pool.connection() as connection:
        text = await seals.last_checkpoint(connection) or ""
    lines = await exported(bench, folder)
    found: Counter[str] = Counter()
    wrong: list[str] = []
    for trial in range(count):
        kind, place = IN_DATABASE[trial // 2 % len(IN_DATABASE)], "export" if trial % 2 else "database"
        error = (
            tampered_export(bench, folder, kind, lines, text)
            if trial % 2
            else await tampered_database(bench, kind, given)
        )
        found[f"{kind} in {place}"] += not error
        wrong += [f"{kind} in {place}: {error}"] if error else []
    return found, wrong


async def clean_runs(bench: Bench, folder: Path, count: int) -> list[str]:
    """So many untouched logs, each a little longer than the last; answers the false alarms."""
    alarms = []
    for run in range(count):
        await bench.grow()
        if bench.dice.random() < 0.8:
            await sealing.seal_all(bench.pool, bench.key)
        given = await bench.given()
        if run % 2:
            async with bench.pool.connection() as connection:
                text = await seals.last_checkpoint(connection) or ""
            chain = verdict(bench, folder, await exported(bench, folder), text)
        else:
            async with bench.pool.connection() as connection:
                await connection.execute(inspection.SNAPSHOT)
                chain = await bench.judged(connection, given)
        alarms += [str(finding) for finding in chain.findings]
    return alarms


@asynccontextmanager
async def bench_at(url: str, folder: Path, seed: int, rounds: int) -> AsyncIterator[Bench]:
    async with new_pool(url, 2) as pool:
        bench = Bench(pool, open_signing_key(folder / "signing.pem", create=True), random.Random(seed))
        await bench.lay(rounds)
        yield bench


async def _play(url: str, folder: Path, count: int, seed: int) -> bool:
    async with bench_at(url, folder, seed, rounds=40) as bench:
        found, wrong = await trials(bench, folder, count)
        _tell(f"{sum(found.values())} of {count} tamperings found, with the right rows named (seed {seed})")
        _tell(*[f"  {kind}: {n}" for kind, n in sorted(found.items())], *wrong[:20])
    async with bench_at(url, folder, seed + 1, rounds=5) as bench:
        alarms = await clean_runs(bench, folder, count)
        _tell(f"{len(alarms)} false alarms over {count} clean runs", *alarms[:20])
    return not (wrong or alarms)


def _tell(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.dispatcher.tampering", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=1000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, Embedded(Path(name) / "var") as servers:
        migrate(servers.database_url)
        good = asyncio.run(_play(servers.database_url, Path(name), asked.count, asked.seed))
    raise SystemExit(not good)


if __name__ == "__main__":
    main()
