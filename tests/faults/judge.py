"""What must be true after a run, read from the database and from the carrier's own ledger."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from dispatcher.demo.audit import Logged, compare, read_ledger
from dispatcher.lifecycle import FINAL, Status
from dispatcher.store import counters, log, messages
from dispatcher.store.database import Connection, new_pool
from tests.faults.household import Told
from tests.faults.rig import EDITION, Rig
from tests.faults.scenarios import Scenario

# Where a message may stand for good: the carrier has it, or nobody knows and it is listed as such.
RESTING = FINAL | {Status.SUBMITTED, Status.UNCERTAIN}
PAGE = 1000


@dataclass(frozen=True)
class Finding:
    """A run's figures. `broken` says in words which promise was not kept; empty when all were.

    `duplicates` counts messages that the carrier was asked to take more than once, even if it saw through it, and people
    who got more than one; `forgotten` people planned without a message at rest; `uncertain` messages that were
    uncertain at any time, `allowed` how many may be, `settled` what by; `statuses` where all messages stand in the end.
    Where the carrier is asked about what is uncertain, that may be by sending it again under the same id: then only what
    was never uncertain counts.
    """

    messages: int
    duplicates: int
    forgotten: int
    uncertain: int
    allowed: int
    statuses: dict[str, int]
    settled: dict[str, int]
    lost_receipts: int
    broken: tuple[str, ...]


# By the first of these that holds; an answer came late, or to a later try under the same id.
SETTLED = """
SELECT CASE
    WHEN m.status IN ('uncertain', 'unconfirmed') THEN 'nobody'
    WHEN EXISTS (SELECT FROM receipts r WHERE r.message_id = m.id AND r.moved_from = 'uncertain' AND r.asked_in IS NULL)
        THEN 'receipt'
    WHEN EXISTS (SELECT FROM receipts r WHERE r.message_id = m.id AND r.moved_from = 'uncertain') THEN 'query'
    ELSE 'answer' END AS status, count(*) AS n
FROM messages m WHERE id IN (SELECT message_id FROM attempts WHERE outcome = 'uncertain') GROUP BY 1
"""


async def judge(rig: Rig, scenario: Scenario, told: Told) -> Finding:
    """Every promise, against what the run left."""
    ledger = read_ledger(rig.ledger)
    async with new_pool(rig.addresses.database_url, 1) as pool, pool.connection() as connection:
        statuses = await _counted(connection, "SELECT status::text, count(*) AS n FROM messages GROUP BY 1")
        kept = await counters.counts(connection, [1])
        planned = await _number(connection, "SELECT sum(planned)::int FROM waves")
        settled = await _counted(connection, SETTLED)
        doubtful = await _doubtful(connection)
        accepted_twice = await _number(
            connection,
            "SELECT count(*) FROM (SELECT FROM attempts WHERE outcome = 'accepted' GROUP BY message_id HAVING count(*) > 1) t",
        )
        references = await _references(connection)
        logged = [row async for page in log.of_campaign(connection, EDITION, PAGE) for row in page]
        await connection.commit()
        open_claims = await _number(connection, "SELECT count(*) FROM claims WHERE answered_at IS NULL")
        stored, kept_then = await _folded(connection)
    found = compare([_logged(rig, row) for row in logged], ledger)
    excused = doubtful if scenario.asks else set()
    asked_twice = sum(n > 1 and message not in excused for (message, _), n in ledger.asked.items())
    duplicates = asked_twice + sum(n > 1 for n in ledger.received.values())
    forgotten = rig.people - sum(n for status, n in statuses.items() if Status(status) in RESTING)
    lost = len(_acknowledged(rig) - references)
    uncertain, left = len(doubtful), settled.get("nobody", 0)
    allowed = told.uncertain_allowed + _unanswered(rig)
    promises = {
        "the campaign did not end by itself": told.ended,
        f"{duplicates} duplicates": not duplicates and not found.twice,
        f"{forgotten} forgotten": not forgotten,
        f"planned {planned}, people {rig.people}, counters {kept}, rows {statuses}": planned == rig.people and kept == statuses,
        f"{open_claims} claims of nobody's": not open_claims,
        f"once folded, rows {stored}, counters {kept_then}": stored == kept_then == statuses,
        f"{uncertain} uncertain, at most {allowed} allowed": uncertain <= allowed,
        f"{left} in doubt to the end although the carrier could be asked": not (scenario.asks and left),
        f"{accepted_twice} messages accepted twice in the log": not accepted_twice,
        f"{lost} receipts acknowledged and lost": not lost,
        f"log and ledger differ: {found.differences[:5]}": found.clean,
        f"processes ended by themselves: {told.fell}": not told.fell,
    }  # fmt: skip
    broken = tuple(words for words, kept_ in promises.items() if not kept_)
    return Finding(rig.people, duplicates, forgotten, uncertain, allowed, statuses, settled, lost, broken)


async def _counted(connection: Connection, statement: str) -> dict[str, int]:
    cursor = await connection.execute(statement)
    return {row.status: row.n async for row in cursor}


async def _folded(connection: Connection) -> tuple[dict[str, int], dict[str, int]]:
    """What the messages' own rows say when no claim says it for them, and the counters then."""
    while await messages.fold(connection, -1.0):
        pass
    stored = await _counted(connection, "SELECT status::text, count(*) AS n FROM stored_messages GROUP BY 1")
    return stored, await counters.counts(connection, [1])


async def _doubtful(connection: Connection) -> set[str]:
    """Ids of messages that were ever uncertain."""
    cursor = await connection.execute("SELECT DISTINCT message_id FROM attempts WHERE outcome = 'uncertain'")
    return {row.message_id.hex async for row in cursor}


async def _number(connection: Connection, statement: str) -> int:
    cursor = await connection.execute(statement)
    row: Any = await cursor.fetchone()
    return int(row[0] or 0)


async def _references(connection: Connection) -> set[str]:
    """What the carrier calls the messages that we hold a receipt for."""
    cursor = await connection.execute("SELECT DISTINCT reference FROM receipts")
    return {row.reference async for row in cursor}


def _acknowledged(rig: Rig) -> set[str]:
    """The carrier's names of messages whose receipt we answered with 200."""
    entries = [json.loads(line) for line in rig.ledger.read_text("utf-8").splitlines()]
    return {e["smsid"] for e in entries if e["kind"] == "callback" and e["delivery"] == "delivered"}


def _unanswered(rig: Rig) -> int:
    """Messages that the carrier left without an answer in time, or answered with no more than a nack, by its dials."""
    entries = [json.loads(line) for line in rig.ledger.read_text("utf-8").splitlines()]
    return sum(e["kind"] == "part" and e["answer"] in ("never", "late", "nack") for e in entries)


def _logged(rig: Rig, row: log.Row) -> Logged:
    if row.cipher is None or row.key_id is None:
        raise LookupError(f"{row.id} has no number")
    return Logged(row.id.hex, rig.keyring.decrypt(row.cipher, row.msisdn_hash, row.key_id), Status(row.status))
