"""Two clocks: what leads to people goes, figures stay; and whatever goes, the chain of seals can still be verified."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dispatcher import inspection, retention, sealing, verify_log
from dispatcher.reports import making
from dispatcher.retention import Clocks, RetentionError, ranges
from dispatcher.signing import SigningKey, open_signing_key
from dispatcher.store import installation
from dispatcher.store import retention as store
from dispatcher.store.retention import Erased, Forgotten, kept_from
from dispatcher.store.retention import figures as kept_figures
from tests.dispatcher.hall import EDITION, LAUNCH, Hall, numbers
from tests.dispatcher.test_sealing import judged

EXAMPLE = Path(__file__).parents[2] / "reports.example.toml"
BY, LETTER = "quan-tri", "Đơn số 12 ngày 03/6/2026"


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return open_signing_key(tmp_path / "signing.pem", create=True)


async def sent(hall: Hall, people: int = 5) -> None:
    """A wave of long ago: everything arrived, and it is over."""
    await hall.planned(people)
    await hall.send()
    await hall.fold()
    await hall.sql("UPDATE stored_messages SET status = 'delivered'")
    await hall.sql("DELETE FROM status_deltas")
    await hall.sql("DELETE FROM status_counts")
    await hall.sql("INSERT INTO status_counts SELECT wave_id, status, count(*) FROM stored_messages GROUP BY 1, 2")
    await hall.sql("UPDATE waves SET status = 'done'")


async def run(
    hall: Hall, key: SigningKey, *, dry: bool = False, months: float = 25, progress: Any = lambda _done, _total: None
) -> Forgotten:
    """As if `months` had passed since everything."""
    await hall.rehearse(LAUNCH, days=months * 365.25 / 12)
    async with hall.runtime.pool.connection() as connection:
        clock = await retention.clocks(connection, 18, 120)
        if months <= 18:
            return await retention.run(hall.runtime.pool, key, clock, BY, dry=dry)
    # Seals are about real time, and these rows were queued a moment ago.
    moved = clock.numbers + timedelta(days=months * 365.25 / 12 + 1)
    return await retention.run(hall.runtime.pool, key, Clocks(moved, clock.figures), BY, dry=dry, progress=progress)


def tables(counts: Forgotten) -> dict[str, int]:
    return {name: n for name, n in counts.plain().items() if n}


async def rows(hall: Hall, *names: str) -> list[int]:
    return [await hall.scalar(f"SELECT count(*) FROM {name}") for name in names]


async def verified_elsewhere(hall: Hall, key: SigningKey, folder: Path) -> dict[str, Any]:
    """What the verifier says of an export, alone in a folder, in a process of its own."""
    await sealing.seal_all(hall.runtime.pool, key)
    (folder / "checkpoint.txt").write_text(await sealing.checkpoint(hall.runtime.pool, key) or "")
    (folder / "key.pub").write_text(key.public.written)
    async with hall.runtime.pool.connection() as connection:
        await connection.execute(inspection.SNAPSHOT)
        await inspection.export(connection, folder / "log.jsonl.gz", lambda _done, _total: None)
    return stand_alone(folder)


def stand_alone(folder: Path) -> dict[str, Any]:
    (folder / "verify_log.py").write_bytes(Path(verify_log.__file__).read_bytes())
    command = [sys.executable, "-I", "verify_log.py", "log.jsonl.gz", "checkpoint.txt", "key.pub", "--json"]
    told = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return dict(json.loads(told.stdout))


async def test_before_its_time_nothing_goes(hall: Hall, key: SigningKey) -> None:
    await sent(hall)
    assert tables(await run(hall, key, months=17)) == {}
    assert await rows(hall, "stored_messages", "recipients", "audience_members") == [5, 5, 5]


async def test_a_dry_run_says_what_the_run_then_does_and_changes_nothing(hall: Hall, key: SigningKey) -> None:
    await sent(hall)
    before = await rows(
        hall, "stored_messages", "recipients", "audience_members", "attempts", "exchanges", "audit_trail"
    )
    foreseen = await run(hall, key, dry=True)
    assert (
        await rows(hall, "stored_messages", "recipients", "audience_members", "attempts", "exchanges", "audit_trail")
        == before
    )
    assert await run(hall, key) == foreseen
    assert tables(foreseen) == {
        "messages": 5, "waves": 1, "members": 5, "numbers": 5, "attempts": 5, "exchanges": before[4],
    }  # fmt: skip
    assert tables(await run(hall, key)) == {}


class KilledError(Exception):
    """What a run meets in the middle."""


@pytest.mark.parametrize("slices", [1, 2, 3, 4, 5])
async def test_a_run_that_is_killed_after_any_slice_leaves_nothing_half_done_and_the_next_one_ends_it(
    hall: Hall, key: SigningKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slices: int
) -> None:
    monkeypatch.setattr(store, "SLICE", 2)
    monkeypatch.setattr(store, "SEALS", 1)
    await sent(hall)
    foreseen = await run(hall, key, dry=True)
    with pytest.raises(KilledError):
        await run(hall, key, progress=dying_after(slices))
    assert (await verified_elsewhere(hall, key, tmp_path))["whole"]
    (half,) = await hall.sql("SELECT coalesce(sum(messages), 0) AS n FROM kept_figures")
    assert half.n + await hall.scalar("SELECT count(*) FROM stored_messages") == 5
    begun = sum((await run(hall, key)).plain().values())
    assert begun < sum(foreseen.plain().values())
    told = await verified_elsewhere(hall, key, tmp_path)
    assert (told["whole"], told["pruned"]) == (True, foreseen.attempts + foreseen.exchanges)
    assert await hall.scalar("SELECT sum(messages) FROM kept_figures") == 5
    assert await rows(hall, "stored_messages", "recipients", "audience_members", "attempts") == [0] * 4
    acts = await hall.sql("SELECT act FROM audit_trail WHERE act LIKE 'retention.%%' ORDER BY id")
    assert [row.act for row in acts] == ["retention.begin", "retention.begin", "retention.run"]


def dying_after(slices: int) -> Callable[[float, float], None]:
    seen = iter(range(1, slices + 1))

    def move(_done: float, _total: float) -> None:
        if next(seen) == slices:
            raise KilledError

    return move


async def test_two_runs_at_once_are_one(hall: Hall, key: SigningKey) -> None:
    await sent(hall)
    async with hall.runtime.pool.connection() as connection, store.alone(connection) as free:
        assert free
        with pytest.raises(RetentionError, match="khác chạy"):
            await run(hall, key, dry=True)
    assert (await run(hall, key)).messages == 5


async def test_after_a_run_figures_and_counts_stay_and_nobody_can_be_found(hall: Hall, key: SigningKey) -> None:
    await sent(hall)
    await run(hall, key)
    assert await rows(hall, "stored_messages", "recipients", "audience_members", "attempts", "exchanges") == [0] * 5
    async with hall.runtime.pool.connection() as connection:
        (figure,) = await kept_figures(connection, EDITION)
        assert await kept_figures(connection, "another-2026") == []
    assert (figure.wave, figure.network, figure.status, figure.messages) == (LAUNCH, "viettel", "delivered", 5)
    seen = await hall.view()
    assert (seen.planned, seen.counts, seen.accounted) == (5, {"delivered": 5}, True)
    (act,) = await hall.sql("SELECT who, detail FROM audit_trail WHERE act = 'retention.run'")
    assert (act.who, act.detail["messages"]) == (BY, 5)


async def test_the_chain_is_whole_after_a_run_in_the_database_and_for_a_stranger(
    hall: Hall, key: SigningKey, tmp_path: Path
) -> None:
    await sent(hall)
    done = await run(hall, key)
    gone = done.attempts + done.exchanges + done.receipts
    told = await verified_elsewhere(hall, key, tmp_path)
    assert (told["whole"], told["pruned"], told["findings"]) == (True, gone, [])
    seen = await judged(hall, key)
    assert (seen.chain.findings, seen.chain.pruned) == ([], gone)
    assert any("hết hạn lưu" in line for line in verify_log.sentences(seen.chain))


async def delete_attempt(hall: Hall) -> None:
    await hall.sql("ALTER TABLE attempts DISABLE TRIGGER append_only")
    await hall.sql("DELETE FROM attempts WHERE id = (SELECT min(id) FROM attempts)")


async def forge_order(hall: Hall) -> None:
    await delete_all_attempts(hall)
    stranger = open_signing_key(hall.folder / "other.pem", create=True)
    order = verify_log.Pruning(((1, 100),), await now_and_a_day(hall))
    text = sealing.signed_statement(verify_log.PRUNING, order.lines(), stranger)
    await hall.sql("INSERT INTO prunings (text) VALUES (%s)", text)


async def delete_all_attempts(hall: Hall) -> None:
    await hall.sql("ALTER TABLE attempts DISABLE TRIGGER append_only")
    await hall.sql("DELETE FROM attempts")


async def delete_acts_by_an_order(hall: Hall) -> None:
    await hall.sql("ALTER TABLE audit_trail DISABLE TRIGGER append_only")
    await hall.sql("DELETE FROM audit_trail")


async def now_and_a_day(hall: Hall) -> Any:
    return await hall.scalar("SELECT clock_timestamp() + interval '1 day'")


@pytest.mark.parametrize(
    ("tamper", "named"),
    [
        (delete_attempt, {"missing"}),
        (delete_all_attempts, {"missing"}),
        (forge_order, {"missing", "pruning"}),
        (delete_acts_by_an_order, {"missing"}),
    ],
)
async def test_rows_that_go_without_a_signed_order_are_named(
    hall: Hall, key: SigningKey, tamper: Callable[[Hall], Any], named: set[str]
) -> None:
    await sent(hall)
    await sealing.seal_all(hall.runtime.pool, key)
    await tamper(hall)
    assert {finding.what for finding in (await judged(hall, key)).chain.findings} == named


async def test_an_order_is_good_for_its_own_seals_whole_and_never_for_acts_of_people(
    hall: Hall, key: SigningKey
) -> None:
    await sent(hall)
    await sealing.seal_all(hall.runtime.pool, key)
    order = verify_log.Pruning(((1, 1_000),), await now_and_a_day(hall))
    text = sealing.signed_statement(verify_log.PRUNING, order.lines(), key)
    await hall.sql("INSERT INTO prunings (text) VALUES (%s)", text)
    assert (await judged(hall, key)).chain.findings == []
    await delete_attempt(hall)
    assert {f.what for f in (await judged(hall, key)).chain.findings} == {"missing"}
    await delete_acts_by_an_order(hall)
    assert {f.source for f in (await judged(hall, key)).chain.findings} == {"attempts", "audit_trail"}


async def test_rows_queued_after_the_moment_of_an_order_are_not_covered_by_it(hall: Hall, key: SigningKey) -> None:
    order = verify_log.Pruning(((1, 1_000),), await hall.scalar("SELECT clock_timestamp()"))
    text = sealing.signed_statement(verify_log.PRUNING, order.lines(), key)
    await hall.sql("INSERT INTO prunings (text) VALUES (%s)", text)
    await sent(hall)
    await sealing.seal_all(hall.runtime.pool, key)
    await delete_all_attempts(hall)
    assert {finding.what for finding in (await judged(hall, key)).chain.findings} == {"missing"}


async def test_the_log_goes_no_further_than_the_messages_that_stay(hall: Hall, key: SigningKey) -> None:
    await sent(hall)
    await hall.sql(
        "UPDATE stored_messages SET status = 'uncertain' WHERE id IN (SELECT id FROM stored_messages LIMIT 1)"
    )
    await hall.sql("DELETE FROM status_counts")
    await hall.sql("INSERT INTO status_counts SELECT wave_id, status, count(*) FROM stored_messages GROUP BY 1, 2")
    done = await run(hall, key)
    assert (done.messages, done.attempts, done.numbers) == (0, 0, 0)


async def test_deleting_from_the_log_is_refused_outside_a_run(hall: Hall) -> None:
    await sent(hall)
    for table in ("attempts", "receipts", "exchanges", "audit_trail"):
        with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
            await hall.sql(f"DELETE FROM {table}")


async def test_a_roster_that_a_younger_wave_uses_and_whoever_wrote_lately_stay(hall: Hall, key: SigningKey) -> None:
    await sent(hall)
    ring = hall.runtime.keyring
    await hall.rehearse(LAUNCH, days=24 * 365.25 / 12 + 30)
    await hall.sql(
        "INSERT INTO inbound (route, msisdn_hash, sent_to, body, digest, refusal, complete)"
        " VALUES ('main', %s, '1', 'Xin chào', '', false, true)",
        ring.hash("84960000001"),
    )
    await hall.sql(
        "INSERT INTO suppressions (organisation_id, msisdn_hash, reason, source, added_by) VALUES (1, %s, 'r', 's', 'x')",
        ring.hash("84960000002"),
    )
    async with hall.runtime.pool.connection() as connection:
        clock = await retention.clocks(connection, 18, 120)
    done = await retention.run(hall.runtime.pool, key, clock, BY, dry=False)
    assert (done.messages, done.numbers, done.texts) == (5, 3, 0)


async def test_a_text_of_long_ago_loses_its_words_and_its_person_and_is_still_counted(
    hall: Hall, key: SigningKey
) -> None:
    await hall.rehearse(LAUNCH)
    await hall.import_rows([(numbers(1)[0],)])
    await hall.sql(
        "INSERT INTO inbound (route, msisdn_hash, sent_to, body, digest, refusal, complete)"
        " VALUES ('main', %s, '1', 'TC', 'x', true, true)",
        hall.runtime.keyring.hash("84960000001"),
    )
    done = await run(hall, key)
    assert (done.texts, done.members, done.numbers) == (1, 1, 1)
    ((body, hashed, refusal),) = await hall.sql("SELECT body, msisdn_hash, refusal FROM inbound")
    assert (body, bytes(hashed), refusal) == ("", bytes(16), True)


async def test_figures_go_by_their_own_clock(hall: Hall, key: SigningKey) -> None:
    await sent(hall)
    await run(hall, key)
    await hall.rehearse(LAUNCH, days=11 * 365.25)
    async with hall.runtime.pool.connection() as connection:
        clock = await retention.clocks(connection, 18, 120)
    done = await retention.run(hall.runtime.pool, key, clock, BY, dry=False)
    assert (done.figures, await hall.scalar("SELECT count(*) FROM kept_figures")) == (1, 0)


async def test_nobody_sets_the_clock_nearer_than_the_year_that_the_law_asks_for(hall: Hall) -> None:
    async with hall.runtime.pool.connection() as connection:
        now, clock = await installation.now(connection), await retention.clocks(connection, 18, 120)
        asked = now - timedelta(days=370)
        assert (await retention.earlier(connection, clock, asked)).numbers == asked
        with pytest.raises(RetentionError, match="ít nhất 12 tháng"):
            await retention.earlier(connection, clock, now - timedelta(days=360))


async def test_a_report_over_a_time_that_is_not_kept_is_refused(hall: Hall, key: SigningKey) -> None:
    await sent(hall)
    await run(hall, key)
    async with hall.runtime.pool.connection() as connection:
        assert await kept_from(connection) is not None
    async with hall.runtime.pool.connection() as connection:
        duties = making.load(EXAMPLE)
        obligation, period = making.chosen(duties, next(iter(duties.obligations)), 2026, None)
        with pytest.raises(making.UserError, match="không còn lưu từng tin"):
            await making.count(connection, duties, obligation, period)


async def test_a_person_is_erased_never_texted_again_and_the_chain_stays_whole(
    hall: Hall, key: SigningKey, tmp_path: Path
) -> None:
    await sent(hall)
    await sealing.seal_all(hall.runtime.pool, key)
    hashed = hall.runtime.keyring.hash("84960000001")
    async with hall.runtime.pool.connection() as connection:
        erased = await retention.erase(connection, hall.runtime.keyring, "0960 000 001", LETTER, "Theo yêu cầu", BY)
        again = await retention.erase(connection, hall.runtime.keyring, "0960 000 001", LETTER, "Theo yêu cầu", BY)
    assert (erased, again) == (Erased(1, 1, 0), Erased(0, 0, 0))
    for table in ("recipients", "audience_members"):
        assert await hall.scalar(f"SELECT count(*) FROM {table} WHERE msisdn_hash = %s", hashed) == 0
    assert await hall.scalar("SELECT scope FROM suppressions WHERE msisdn_hash = %s", hashed) == "all"
    assert await hall.scalar("SELECT subject FROM audit_trail WHERE act = 'person.erase' LIMIT 1") == hashed.hex()
    assert "960000001" not in str(await hall.sql("SELECT * FROM audit_trail"))
    assert (await verified_elsewhere(hall, key, tmp_path))["whole"] is True


async def test_an_erasure_needs_a_document_a_reason_and_a_number(hall: Hall) -> None:
    async with hall.runtime.pool.connection() as connection:
        for number, letter, reason in (("0960000001", " ", "r"), ("0960000001", LETTER, ""), ("abc", LETTER, "r")):
            with pytest.raises(RetentionError):
                await retention.erase(connection, hall.runtime.keyring, number, letter, reason, BY)


@pytest.mark.parametrize(
    ("numbers_", "stretches"),
    [([], []), ([3], [(3, 3)]), ([1, 2, 3], [(1, 3)]), ([1, 3, 4, 9], [(1, 1), (3, 4), (9, 9)])],
)
def test_stretches_without_a_gap(numbers_: list[int], stretches: list[tuple[int, int]]) -> None:
    assert list(ranges(numbers_)) == stretches


async def test_an_export_names_the_orders_before_the_seals(hall: Hall, key: SigningKey, tmp_path: Path) -> None:
    await sent(hall)
    await run(hall, key)
    await verified_elsewhere(hall, key, tmp_path)
    with gzip.open(tmp_path / "log.jsonl.gz", "rt") as lines:
        assert [next(iter(json.loads(line))) for line in lines][:2] == ["format", "pruning"]
