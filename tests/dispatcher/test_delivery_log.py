"""The log for people: the same rows in every form, numbers masked, nothing that runs in a spreadsheet."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from campaigns import msisdn
from dispatcher import delivery_log, receipts, sealing, searching
from dispatcher.delivery_log import SCHEMA, Format
from dispatcher.lifecycle import Status
from dispatcher.searching import Query
from dispatcher.signing import open_signing_key
from dispatcher.store import log
from dispatcher.store import receipts as stored_receipts
from dispatcher.store.receipts import NewReceipt
from providers.sandbox import Dials
from tests.dispatcher.hall import EDITION, Hall, numbers

ASKED_FOR = {
    "message_id", "wave", "msisdn", "network", "route", "status", "attempts", "reference", "submitted_at", "final_at",
    "error_code", "segments",
}  # fmt: skip


async def export(hall: Hall, path: Path, form: Format, *, reveal: bool = False, page: int = 7) -> int:
    seen: list[int] = []
    async with hall.runtime.pool.connection() as connection:
        written = await delivery_log.export(
            log.of_campaign(connection, EDITION, page),
            hall.runtime.keyring,
            path,
            form,
            reveal=reveal,
            progress=seen.append,
        )
    assert seen == sorted(seen)
    return written.messages


def read(path: Path, form: Format) -> list[dict[str, Any]]:
    if form is Format.CSV:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))
    if form is Format.JSONL:
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    if form is Format.XLSX:
        return pl.read_excel(path, engine="calamine", infer_schema_length=0).to_dicts()
    return pl.read_parquet(path).to_dicts()


@pytest.mark.parametrize("dials", [Dials(refusals={"99": 0.3}, lost_answers=0.2)])
async def test_four_forms_hold_the_same_rows_one_for_each_message(hall: Hall, tmp_path: Path) -> None:
    await hall.planned(40)
    await hall.send()
    found = {}
    for form in Format:
        path = tmp_path / f"log.{form}"
        assert await export(hall, path, form) == 40
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        found[form] = read(path, form)
        assert list(found[form][0]) == list(SCHEMA)
    assert found[Format.PARQUET] == found[Format.JSONL]
    as_text = [{k: "" if v is None else str(v) for k, v in row.items()} for row in found[Format.JSONL]]
    assert found[Format.CSV] == as_text
    assert [{k: v or "" for k, v in row.items()} for row in found[Format.XLSX]] == as_text
    assert set(SCHEMA) >= ASKED_FOR
    counts = await hall.counts()
    assert {s: sum(row["status"] == s for row in as_text) for s in counts} == counts
    by_status = {row["status"]: row for row in found[Format.JSONL]}
    assert (by_status["rejected"]["error_code"], by_status["rejected"]["submitted_at"]) == ("99", None)
    assert by_status["rejected"]["final_at"].startswith("2026-06-01T07:3")
    assert by_status["submitted"]["submitted_at"].endswith("+07:00")
    assert by_status["submitted"]["final_at"] is None
    assert [name for name in os.listdir(tmp_path) if name.startswith(".")] == []


async def test_a_workbook_goes_on_in_a_further_sheet_where_one_is_full(
    hall: Hall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_log, "SHEET_ROWS", 4)
    await hall.planned(8)
    await export(hall, tmp_path / "log.xlsx", Format.XLSX)
    sheets = pl.read_excel(tmp_path / "log.xlsx", engine="calamine", sheet_id=0)
    assert [sheet.height for sheet in sheets.values()] == [3, 3, 2]
    assert {tuple(sheet.columns) for sheet in sheets.values()} == {tuple(SCHEMA)}


async def test_a_manifest_beside_an_export_says_what_is_in_it(hall: Hall, tmp_path: Path) -> None:
    await hall.planned(6)
    await hall.send()
    key = open_signing_key(tmp_path / "signing.pem", create=True)
    await sealing.seal_all(hall.runtime.pool, key)
    checkpoint = await sealing.checkpoint(hall.runtime.pool, key)
    query = Query(number=numbers(1)[0], statuses=(Status.SUBMITTED, Status.DELIVERED))
    path = tmp_path / "log.csv"
    async with hall.runtime.pool.connection() as connection:
        about = await searching.about(connection, query, "an", "công văn 12")
        pages = log.pages(connection, searching.wanted(query, hall.runtime.keyring), 7)
        written = await delivery_log.export(
            pages, hall.runtime.keyring, path, Format.CSV, reveal=False, progress=lambda _: None, about=about
        )
    told = json.loads(written.manifest.read_text("utf-8"))
    assert told["sha256"] == written.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (told["file"], told["bytes"], told["form"]) == ("log.csv", path.stat().st_size, "csv")
    assert (told["messages"], told["statuses"], told["segments"]) == (1, {"submitted": 1}, 1)
    assert told["filters"] == {"number": msisdn.mask("84960000001"), "statuses": ["submitted", "delivered"]}
    assert (told["made_by"], told["reason"], told["numbers_revealed"]) == ("an", "công văn 12", False)
    assert told["checkpoint"] == checkpoint
    assert stat.S_IMODE(written.manifest.stat().st_mode) == 0o600


async def test_numbers_are_masked_unless_revealed(hall: Hall, tmp_path: Path) -> None:
    await hall.planned(3)
    await export(hall, tmp_path / "masked", Format.JSONL)
    await export(hall, tmp_path / "shown", Format.JSONL, reveal=True)
    assert "960000001" not in (tmp_path / "masked").read_text()
    assert {row["msisdn"] for row in read(tmp_path / "masked", Format.JSONL)} == {
        msisdn.mask(f"8496000000{i}") for i in (1, 2, 3)
    }
    assert {row["msisdn"] for row in read(tmp_path / "shown", Format.JSONL)} == {f"8496000000{i}" for i in (1, 2, 3)}


async def test_a_hostile_reference_does_not_run_in_a_spreadsheet(hall: Hall, tmp_path: Path) -> None:
    hostile = '=HYPERLINK("http://x","y")\n;,"'
    await hall.planned(1)
    await hall.sql(
        "INSERT INTO attempts (message_id, number, route, started_at, ended_at, outcome, reference, code, segments)"
        " SELECT id, 1, 'main', now(), now(), 'refused', %s, '+1', 1 FROM messages",
        hostile,
    )
    for form in Format:
        await export(hall, tmp_path / form, form)
    (row,) = read(tmp_path / Format.CSV, Format.CSV)
    assert (row["reference"], row["error_code"]) == (f"'{hostile}", "'+1")
    for form in (Format.JSONL, Format.PARQUET):
        assert read(tmp_path / form, form)[0]["reference"] == hostile


async def test_an_undelivered_message_shows_the_receipts_code(hall: Hall, tmp_path: Path) -> None:
    await hall.planned(1)
    await hall.send()
    message = await hall.scalar("SELECT id FROM messages")
    async with hall.runtime.pool.connection() as connection:
        await stored_receipts.put(connection, [NewReceipt("main", message, None, "undelivered", "4", None, "")])
    await receipts.settle(hall.runtime)
    await export(hall, tmp_path / "x", Format.JSONL)
    (row,) = read(tmp_path / "x", Format.JSONL)
    assert (row["status"], row["error_code"], row["final_at"] is None) == ("undelivered", "4", False)
    assert row["submitted_at"] is not None


async def test_an_erased_person_stays_in_the_log_without_a_number(hall: Hall, tmp_path: Path) -> None:
    await hall.planned(2)
    await hall.send()
    await hall.sql("DELETE FROM recipients WHERE msisdn_hash = %s", hall.runtime.keyring.hash("84960000001"))
    assert await export(hall, tmp_path / "x", Format.JSONL, reveal=True) == 2
    assert {row["msisdn"] for row in read(tmp_path / "x", Format.JSONL)} == {None, "84960000002"}


async def test_an_export_that_breaks_leaves_the_old_file_whole(hall: Hall, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("of yesterday")

    async def breaking() -> AsyncIterator[list[log.Row]]:
        yield []
        raise OSError("disk full")

    for form in Format:
        with pytest.raises(OSError, match="disk full"):
            await delivery_log.export(
                breaking(), hall.runtime.keyring, path, form, reveal=False, progress=lambda _: None
            )
    assert path.read_text() == "of yesterday"
    assert [name for name in os.listdir(tmp_path) if name.startswith(".")] == []


async def test_an_empty_campaign_is_a_file_with_a_header(hall: Hall, tmp_path: Path) -> None:
    for form in Format:
        assert await export(hall, tmp_path / form, form) == 0
        assert read(tmp_path / form, form) == []
    assert (tmp_path / Format.CSV).read_text("utf-8-sig").startswith("message_id,")


async def test_outcomes_are_told_by_network_or_commune_only(hall: Hall) -> None:
    await hall.planned(4)
    async with hall.runtime.pool.connection() as connection:
        assert await log.outcomes(connection, EDITION, "network") == [("viettel", "queued", 4)]
        assert await log.outcomes(connection, EDITION, "area_code") == [("", "queued", 4)]
        with pytest.raises(ValueError, match="not by msisdn_hash"):
            await log.outcomes(connection, EDITION, "msisdn_hash")


@pytest.mark.parametrize("dials", [Dials(refusals={"98765": 0.5, "146": 0.5})])
async def test_a_code_that_no_table_knows_is_kept_and_counted(hall: Hall) -> None:
    await hall.planned(40)
    await hall.send()
    strange = await hall.scalar("SELECT count(*) FROM attempts WHERE code = '98765'")
    assert 0 < strange < 40
    async with hall.runtime.pool.connection() as connection:
        assert await log.unknown_codes(connection) == {"main": {"98765": strange}}
