"""A roster in: every line accounted for, every person once, and no number in clear anywhere."""

from __future__ import annotations

import asyncio
import csv
from pathlib import Path

import pytest

from dispatcher import importing
from dispatcher.demo import roster as demo_roster
from dispatcher.importing import Imported, Order
from dispatcher.lifecycle import Act
from dispatcher.rosters import RosterError
from dispatcher.store import audiences, suppressions
from dispatcher.store.database import Connection
from tests.dispatcher.hall import AUTHOR, Hall

ROWS = [
    ("0961000001", "Xã Na Sầm", "thanh niên"),  # line 2
    ("+84 961 000 001", "", ""),  # 3: the first again
    ("0961000002 / 0961000003", "Xã Na Sầm", ""),  # 4: two people
    ("0961000003", "", ""),  # 5: the second of line 4
    ("0961000004 / 0961000001", "", ""),  # 6: one new, one known: brings somebody new
    ("không có số", "", ""),  # 7
    ("0205 3812 345", "", ""),  # 8: a landline
    ("=1+1", "", "=cmd()"),  # 9
]


def rows_of(path: Path | None) -> list[list[str]]:
    assert path is not None
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))[1:]


async def test_lines_are_accepted_duplicate_or_rejected_and_add_up(hall: Hall) -> None:
    imported = await hall.import_rows(ROWS)
    audience = imported.audience
    assert (audience.lines, audience.accepted, audience.duplicate, audience.rejected) == (8, 3, 2, 3)
    assert audience.recipients == 4
    assert sum(imported.reasons.values()) == 3
    assert rows_of(imported.duplicates) == [["3", "2"], ["5", "4"]]
    rejects = rows_of(imported.rejects)
    assert [row[0] for row in rejects] == ["7", "8", "9"]
    assert rejects[2][1] == "'=1+1"
    assert all(row[2] and row[3] for row in rejects)
    assert await hall.scalar("SELECT count(*) FROM audience_members") == 4


async def test_a_messy_roster_adds_up_and_keeps_everybody_who_can_be_texted(hall: Hall) -> None:
    path = hall.folder / "messy.csv"
    written = demo_roster.write(path, 2000, 7, "20")
    async with hall.runtime.pool.connection() as connection:
        order = Order(path, "messy", AUTHOR, province="20")
        imported = await importing.import_audience(connection, hall.runtime.keyring, order, lambda _d, _t: None)
    audience = imported.audience
    assert audience.lines == 2000 == audience.accepted + audience.duplicate + audience.rejected
    known = {bytes(row.msisdn_hash) for row in await hall.sql("SELECT msisdn_hash FROM recipients")}
    assert {hall.runtime.keyring.hash(f"84{number[1:]}") for number in written} <= known
    assert len(known) == audience.recipients


async def test_the_same_roster_again_is_version_2_of_the_same_people(hall: Hall) -> None:
    first = (await hall.import_rows(ROWS)).audience
    before = await hall.sql("SELECT msisdn_hash, cipher FROM recipients ORDER BY 1")
    second = (await hall.import_rows(ROWS)).audience
    assert (first.version, second.version) == (1, 2)
    assert first.source_sha256 == second.source_sha256
    assert await hall.sql("SELECT msisdn_hash, cipher FROM recipients ORDER BY 1") == before
    async with hall.runtime.pool.connection() as connection:
        assert [a.version for a in await audiences.versions(connection, "people")] == [1, 2]
        newest = await audiences.newest(connection, "people")
        assert newest == second
        assert await audiences.newest(connection, "nobody") is None


async def test_two_offices_that_bring_the_same_people_at_once_both_have_them(hall: Hall) -> None:
    paths = [hall.roster([("0961000001",), ("0961000002",)], f"{name}.csv") for name in ("one", "two")]
    async with hall.runtime.pool.connection() as first, hall.runtime.pool.connection() as second:
        await bring(hall, first, paths[0])
        waiting = asyncio.create_task(bring(hall, second, paths[1]))
        while not waiting.done() and not await blocked(hall, second):
            pass
        await first.commit()
        assert (await waiting).audience.recipients == 2
    assert await hall.scalar("SELECT count(*) FROM recipients") == 2
    assert await hall.scalar("SELECT count(*) FROM audience_members JOIN recipients USING (msisdn_hash)") == 4


async def bring(hall: Hall, connection: Connection, path: Path) -> Imported:
    return await importing.import_audience(
        connection, hall.runtime.keyring, Order(path, path.stem, AUTHOR), lambda _d, _t: None
    )


async def blocked(hall: Hall, connection: Connection) -> bool:
    return bool(await hall.scalar("SELECT cardinality(pg_blocking_pids(%s))", connection.info.backend_pid))


async def test_columns_become_commune_group_and_network(hall: Hall) -> None:
    await hall.import_rows([("0961000001", "xã na sầm", " thanh niên "), ("0911000001", "đâu đó", "")])
    rows = await hall.sql(
        "SELECT row_number, area_code, group_name, network FROM audience_members JOIN recipients USING (msisdn_hash) ORDER BY n"
    )
    assert [tuple(row) for row in rows] == [(2, "06124", "thanh niên", "viettel"), (3, None, None, "vinaphone")]


async def test_people_of_each_network_are_counted_once_at_the_import(hall: Hall) -> None:
    rows = [("0960000001",), ("0960000002",), ("0960000002",), ("0910000001",), ("0900000001",), ("113",)]
    imported = await hall.import_rows(rows)
    async with hall.runtime.pool.connection() as connection:
        kept = await audiences.networks(connection, imported.audience.id)
        await connection.execute("UPDATE audiences SET networks = NULL")
        counted = await audiences.networks(connection, imported.audience.id)
    assert list(kept.items()) == [("viettel", 2), ("mobifone", 1), ("vinaphone", 1)]
    assert (kept, sum(kept.values())) == (counted, imported.audience.recipients)


async def test_odd_texts_of_staff_survive_the_way_into_the_database(hall: Hall) -> None:
    groups = ['a "b", c', "d\\.e", "\\.", "f;g", "NULL", "\\N", "x\ty", "='z'"]
    await hall.import_rows([(f"096100001{i}", "", group) for i, group in enumerate(groups)])
    stored = [row.group_name for row in await hall.sql("SELECT group_name FROM audience_members ORDER BY n")]
    assert stored == groups


async def test_a_roster_that_goes_bad_leaves_nothing_behind(hall: Hall) -> None:
    path = hall.folder / "bad.csv"
    path.write_bytes(b"So dien thoai;Xa\n" + b"0961000001;x\n" * 40_000 + b'0961000002;"never closed\n')
    order = Order(path, "people", AUTHOR)
    async with hall.runtime.pool.connection() as connection:
        with pytest.raises(RosterError):
            await importing.import_audience(connection, hall.runtime.keyring, order, lambda _d, _t: None)
        await connection.rollback()
    for table in ("audiences", "recipients", "audience_members", "audit_trail"):
        assert await hall.scalar(f"SELECT count(*) FROM {table}") == 0


async def test_a_roster_of_numbers_goes_on_the_suppression_list(hall: Hall) -> None:
    path = hall.roster([("0961000001",), ("0961000001",), ("none",), ("0961000002",)])
    async with hall.runtime.pool.connection() as connection:
        tally, new, rejects = await importing.import_suppressions(
            connection, hall.runtime.keyring, Order(path, "", AUTHOR), "asked", lambda _d, _t: None
        )
        listed = await suppressions.newest(connection, 10)
        assert await suppressions.count(connection) == 2
    assert (tally.lines, tally.rejected, new, len(rows_of(rejects))) == (4, 1, 2, 1)
    decrypt = hall.runtime.keyring.decrypt
    assert {decrypt(s.cipher, s.msisdn_hash, s.key_id) for s in listed} == {"84961000001", "84961000002"}


async def test_a_number_is_in_no_column_of_any_table_in_clear(hall: Hall) -> None:
    """After everything that touches numbers: import, suppression, planning, sending, stop, log."""
    await hall.planned(5)
    async with hall.runtime.pool.connection() as connection:
        await importing.suppress(connection, hall.runtime.keyring, {"84960000005": "viettel"}, "asked", "test", "An")
    await hall.send()
    await hall.stop(Act.CANCEL)
    columns = await hall.sql(
        "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
        " AND table_name NOT LIKE '%%yoyo%%'"
    )
    assert len(columns) > 80
    for column in columns:
        shown = (
            f"encode({column.column_name}, 'escape')" if column.data_type == "bytea" else f"{column.column_name}::text"
        )
        found = await hall.scalar(f"SELECT count(*) FROM {column.table_name} WHERE {shown} ~ '96000000[1-5]'")
        assert found == 0, f"{column.table_name}.{column.column_name}"


async def test_a_nul_in_a_cell_does_not_break_the_import(hall: Hall) -> None:
    """PostgreSQL keeps no NUL in a text."""
    try:
        await hall.import_rows([("0961000001", "a\x00b", "c\x00d"), ("0961000002", "", "")])
    except RosterError:
        return
    assert await hall.scalar("SELECT count(*) FROM audience_members") == 2
