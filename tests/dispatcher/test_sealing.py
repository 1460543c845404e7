"""The log's seal: complete under concurrent commits, and every change of a sealed row is found and named."""

from __future__ import annotations

import asyncio
import dataclasses
import gzip
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
import pytest

from campaigns.calendar import VIETNAM
from dispatcher import inspection, sealing, verify_log
from dispatcher.inspection import Inspection
from dispatcher.signing import SigningKey, open_signing_key
from dispatcher.store import audit, seals
from dispatcher.store.seals import FORMS
from dispatcher.verify_log import Checkpoint, read_checkpoint
from tests.dispatcher.hall import Hall
from tests.dispatcher.tampering import IN_DATABASE, Bench, clean_runs, trials


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return open_signing_key(tmp_path / "signing.pem", create=True)


@pytest.fixture
def bench(hall: Hall, key: SigningKey) -> Bench:
    return Bench(hall.runtime.pool, key, random.Random(7))


async def judged(hall: Hall, key: SigningKey, given: Checkpoint | None = None) -> Inspection:
    async with hall.runtime.pool.connection() as connection:
        return await inspection.inspect(connection, (key.private.public_key(),), given, lambda _done, _total: None)


async def rows(hall: Hall) -> int:
    """How many rows the sealed tables have."""
    return sum([int(await hall.scalar(f"SELECT count(*) FROM {source}")) for source in FORMS])


async def test_what_was_sent_is_sealed_and_found_whole(hall: Hall, key: SigningKey) -> None:
    await hall.planned(50)
    await hall.send()
    assert await sealing.seal_all(hall.runtime.pool, key) == await rows(hall) > 100
    text = await sealing.checkpoint(hall.runtime.pool, key)
    assert text
    seen = await judged(hall, key, read_checkpoint(text, (key.private.public_key(),)))
    assert seen.chain.findings == []
    assert seen.chain.rows == await rows(hall)
    assert seen.unsealed == []


async def test_random_tampering_is_found_with_its_rows_named_and_untouched_logs_raise_no_alarm(
    bench: Bench, tmp_path: Path
) -> None:
    await bench.lay(12)
    found, wrong = await trials(bench, tmp_path, 4 * len(IN_DATABASE))
    assert wrong == []
    assert found == Counter({f"{kind} in {place}": 2 for kind in IN_DATABASE for place in ("database", "export")})
    assert await clean_runs(bench, tmp_path, 10) == []


async def test_a_transaction_that_commits_late_is_sealed_later_and_is_no_alarm(
    hall: Hall, key: SigningKey, bench: Bench
) -> None:
    async with hall.runtime.pool.connection() as slow:
        await audit.record(slow, "an", "campaign.add", "first to begin")
        await bench.grow()
        before = await sealing.seal_all(hall.runtime.pool, key)
    assert await sealing.seal_all(hall.runtime.pool, key) == 1
    assert before + 1 == await rows(hall)
    assert (await judged(hall, key)).chain.findings == []


async def test_many_writers_and_two_sealers_at_once_leave_nothing_out_and_seal_nothing_twice(
    hall: Hall, key: SigningKey
) -> None:
    async def write(who: int) -> None:
        for act in range(20):
            async with hall.runtime.pool.connection() as connection:
                await audit.record(connection, str(who), "campaign.add", str(act))
                if act % 5 == 4:
                    await connection.rollback()

    writers = asyncio.gather(*(write(who) for who in range(5)))
    while not writers.done():
        await asyncio.gather(*(sealing.seal_all(hall.runtime.pool, key) for _ in range(2)))
    await writers
    await sealing.seal_all(hall.runtime.pool, key)
    seen = await judged(hall, key)
    assert (seen.chain.findings, seen.chain.rows, list(seen.unsealed)) == ([], 80, [])


async def test_a_sealer_that_dies_in_the_middle_leaves_everything_in_the_queue(
    hall: Hall, key: SigningKey, bench: Bench
) -> None:
    await bench.grow()
    waiting = await seal_queue(hall)
    with pytest.raises(psycopg.OperationalError):
        await seal_and_die(hall, key)
    assert await seal_queue(hall) == waiting
    await sealing.seal_all(hall.runtime.pool, key)
    assert (await judged(hall, key)).chain.findings == []


async def seal_and_die(hall: Hall, key: SigningKey) -> None:
    async with hall.runtime.pool.connection() as connection:
        assert await sealing.seal_next(connection, key)
        await hall.sql("SELECT pg_terminate_backend(%s)", connection.info.backend_pid)


async def seal_queue(hall: Hall) -> int:
    return int(await hall.scalar("SELECT coalesce(sum(cardinality(ids)), 0) FROM seal_queue"))


async def test_rows_that_are_not_sealed_yet_are_told(hall: Hall, key: SigningKey) -> None:
    async with hall.runtime.pool.connection() as connection:
        await audit.record(connection, "an", "campaign.add", "x")
    seen = await judged(hall, key)
    assert [(entry.source, entry.rows) for entry in seen.unsealed] == [("audit_trail", 1)]
    assert seen.chain.whole


async def test_a_row_that_vanished_before_its_seal_is_named(hall: Hall, key: SigningKey, bench: Bench) -> None:
    await bench.grow()
    async with bench.undone() as connection:
        ((source, number),) = [await first_waiting(connection)]
        await connection.execute(f"DELETE FROM {source} WHERE id = %s", [number])
        early = await bench.judged(connection, None)
        while await sealing.seal_next(connection, key):
            pass
        late = await bench.judged(connection, None)
    for chain in (early, late):
        assert [(f.what, f.source, f.id) for f in chain.findings] == [("gone", source, number)]


async def first_waiting(connection: Any) -> tuple[str, int]:
    row = await (await connection.execute("SELECT source, ids[1] AS id FROM seal_queue ORDER BY n LIMIT 1")).fetchone()
    return row.source, row.id


async def test_a_row_put_into_the_queue_again_is_found_to_be_sealed_twice(
    hall: Hall, key: SigningKey, bench: Bench
) -> None:
    await bench.lay(3)
    async with bench.undone() as connection:
        ((source, number),) = await bench.rows(connection, 1)
        await connection.execute("INSERT INTO seal_queue (source, ids) VALUES (%s, %s)", [source, [number]])
        await sealing.seal_next(connection, key)
        chain = await bench.judged(connection, None)
    assert [(f.what, f.source, f.id) for f in chain.findings] == [("twice", source, number)]


async def test_a_finding_lies_between_the_checkpoints_around_its_seal(hall: Hall, bench: Bench) -> None:
    for subject in ("one", "two", "three"):
        async with hall.runtime.pool.connection() as connection:
            await audit.record(connection, "an", "campaign.add", subject)
        await sealing.seal_all(hall.runtime.pool, bench.key)
        await sealing.checkpoint(hall.runtime.pool, bench.key)
    async with bench.undone() as connection:
        await connection.execute("UPDATE audit_trail SET who = 'binh' WHERE subject = 'two'")
        (finding,) = (await bench.judged(connection, None)).findings
    assert (finding.what, finding.from_checkpoint, finding.to_checkpoint) == ("edited", 1, 2)


async def test_people_read_of_a_finding_in_vietnamese_and_viet_nam_time_and_programs_in_english(
    hall: Hall, key: SigningKey, bench: Bench
) -> None:
    await bench.lay(1)
    text = await sealing.checkpoint(hall.runtime.pool, key) or ""
    kept = read_checkpoint(text, (key.private.public_key(),))
    await hall.sql("ALTER TABLE attempts DISABLE TRIGGER append_only")
    (row,) = await hall.sql("UPDATE attempts SET code = 'x' WHERE id = (SELECT min(id) FROM attempts) RETURNING id")
    ahead = dataclasses.replace(kept, seals=kept.seals + 2, rows=kept.rows + 7)
    chain = (await judged(hall, key, ahead)).chain
    sealed_at = next(finding.sealed_at for finding in chain.findings if finding.what == "edited")
    told = "\n".join(verify_log.sentences(chain))
    assert f"- lần gửi số {row.id}: dòng bị sửa" in told
    assert f"đóng lúc {sealed_at.astimezone(VIETNAM):%H:%M:%S %d/%m/%Y}" in told
    assert f"mất 2 dấu niêm phong, 7 dòng mà điểm kiểm tra {kept.number} đã ghi nhận" in told
    data = {finding["what"]: finding for finding in verify_log.told(chain)["findings"]}
    assert data["edited"]["source"] == "attempts"
    assert data["edited"]["sealed_at"] == sealed_at.isoformat()
    assert data["truncated"]["detail"] == f"2 seals, 7 rows, known to checkpoint {kept.number}"


async def test_somebody_elses_key_neither_signs_seals_nor_checkpoints(
    hall: Hall, key: SigningKey, bench: Bench, tmp_path: Path
) -> None:
    await bench.lay(2)
    other = open_signing_key(tmp_path / "other.pem", create=True)
    seen = await judged(hall, other)
    assert {finding.what for finding in seen.chain.findings} == {"signature", "checkpoint"}
    text = await sealing.checkpoint(hall.runtime.pool, key)
    with pytest.raises(verify_log.Unusable, match="not signed by the key"):
        read_checkpoint(text or "", (other.private.public_key(),))


async def test_erasing_a_person_leaves_the_chain_whole(hall: Hall, key: SigningKey) -> None:
    await hall.planned(5)
    await hall.send()
    await sealing.seal_all(hall.runtime.pool, key)
    await hall.sql("DELETE FROM recipients WHERE msisdn_hash = (SELECT msisdn_hash FROM messages LIMIT 1)")
    assert (await judged(hall, key)).chain.findings == []


async def test_a_log_goes_on_with_another_key_and_is_judged_by_both(hall: Hall, bench: Bench, tmp_path: Path) -> None:
    await bench.lay(2)
    other = open_signing_key(tmp_path / "other.pem", create=True)
    await Bench(bench.pool, other, bench.dice).lay(2)
    both = verify_log.read_keys(f"{bench.key.public.written}\n{other.public.written}\n")
    async with hall.runtime.pool.connection() as connection:
        seen = await inspection.inspect(connection, both, None, lambda _done, _total: None)
    assert seen.chain.findings == []
    assert {finding.what for finding in (await judged(hall, other)).chain.findings} == {"signature", "checkpoint"}


async def test_seals_and_checkpoints_are_append_only(hall: Hall, bench: Bench) -> None:
    await bench.lay(1)
    for table in ("seals", "checkpoints"):
        for act in (f"DELETE FROM {table}", f"TRUNCATE {table}"):
            with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
                await hall.sql(act)


async def test_the_canonical_form_of_the_database_is_that_of_the_verifier(hall: Hall, bench: Bench) -> None:
    await bench.lay(3)
    async with hall.runtime.pool.connection() as connection:
        for form in FORMS.values():
            ids = [number async for page in seals.numbers(connection, form.source) for number in page]
            for row in await seals.records(connection, form, ids):
                assert form.encoder()(form.spoken(row)) == row


async def test_the_verifier_runs_elsewhere_without_the_project(hall: Hall, bench: Bench, tmp_path: Path) -> None:
    """As an auditor would: another folder, one file, nothing of ours on the path."""
    await bench.lay(4)
    async with hall.runtime.pool.connection() as connection:
        await connection.execute(inspection.SNAPSHOT)
        await inspection.export(connection, tmp_path / "log.jsonl.gz", lambda _done, _total: None)
    (tmp_path / "checkpoint.txt").write_text(await sealing.checkpoint(bench.pool, bench.key) or "")
    (tmp_path / "key.pub").write_text(bench.key.public.written)
    assert (run_away(tmp_path)).returncode == 0
    lines = gzip.decompress((tmp_path / "log.jsonl.gz").read_bytes()).decode().splitlines(keepends=True)
    at = next(place for place, line in enumerate(lines) if line.startswith("["))
    with gzip.open(tmp_path / "log.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines([*lines[:at], *lines[at + 1 :]])
    found = run_away(tmp_path)
    assert found.returncode == 1
    assert "dòng bị xóa" in found.stdout
    assert (run_away(tmp_path, checkpoint="key.pub")).returncode == 2


def run_away(folder: Path, checkpoint: str = "checkpoint.txt") -> subprocess.CompletedProcess[str]:
    away = folder / "away"
    away.mkdir(exist_ok=True)
    program = shutil.copy(verify_log.__file__, away)
    # -I: neither our folder nor PYTHONPATH; and the project, installed in this very Python, made impossible to import.
    forbid = (
        "import sys, runpy; sys.modules['dispatcher'] = None; sys.argv = sys.argv[1:];"
        " runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    words = [sys.executable, "-I", "-c", forbid, program, "../log.jsonl.gz", f"../{checkpoint}", "../key.pub"]
    return subprocess.run(words, cwd=away, capture_output=True, text=True, check=False)
