"""What is killed, where and how often: a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Strike(StrEnum):
    """What is done from outside, at a random moment. The first eight kill with SIGKILL."""

    WORKER = "worker"
    CLOCK = "clock"
    WEB = "web"
    VALKEY = "Valkey"
    POSTGRES = "PostgreSQL, all its processes"
    POSTMASTER = "PostgreSQL, its first process"
    SERVERS = "Valkey and PostgreSQL together"
    EVERYTHING = "everything at once"
    FLUSH = "Valkey emptied"
    FREEZE = "a worker stopped for longer than its lease"
    REDELIVER = "every id put on the queue again"
    CENTRE = "the SMSC"
    SESSIONS = "every session to the SMSC cut"
    HUSH = "every session to the SMSC half-open"


class Wire(StrEnum):
    """How the carrier is spoken to."""

    ESMS = "esms"
    SMPP = "smpp"


@dataclass(frozen=True)
class Scenario:
    """One kind of run.

    `points` are named deaths of processes of `kind`, `MOMENT:FUNCTION`, dealt out in turn to `deaths` lives; `strikes` come
    from outside, in this order, at random moments. Meanwhile `workers` workers, `clocks` clocks and a web process run.
    A few hundred `people` at `tps` outlast the kills.
    After `patience_seconds` the carrier is asked about what is uncertain (by default never), after `settle_seconds` it is
    unconfirmed. `receipts` are the carrier's dials for its receipts, where they are not the usual ones.
    """

    name: str
    kind: str = "worker"
    points: tuple[str, ...] = ()
    deaths: int = 0
    turns: int = 6
    strikes: tuple[Strike, ...] = ()
    workers: int = 2
    clocks: int = 1
    people: int = 360
    tps: int = 60
    patience_seconds: float = 3600
    settle_seconds: float = 3
    receipts: Mapping[str, object] = field(default_factory=dict)
    wire: Wire = Wire.ESMS

    @property
    def asks(self) -> bool:
        """Whether the carrier is asked within the run's time, by a query and then under the same id."""
        return self.patience_seconds < self.settle_seconds


SUBMIT = "providers.esms.Esms.submit"
STORE = "dispatcher.store"
# Later than a dead worker's lease, or not at all.
LATE = {"delay_seconds": {"mean": 8, "jitter": 2}}
NO_RECEIPTS = {"never": 1}

NAMED = (
    Scenario(
        "worker: before the lease, after it uncommitted",
        points=(f"before:{STORE}.batches.lease", f"after:{STORE}.batches.lease"),
        deaths=12,
        turns=2,
    ),
    Scenario("worker: before the claim", points=(f"before:{STORE}.messages.claim",), deaths=12),
    Scenario("worker: claimed, not told of", points=(f"after:{STORE}.messages.claim",), deaths=12),
    Scenario("worker: claim committed, before the wire", points=(f"before:{SUBMIT}",), deaths=12),
    Scenario("worker: on the wire", points=(f"during:{SUBMIT}",), deaths=14),
    Scenario(
        "worker: answered, nothing recorded", points=(f"after:{SUBMIT}", f"before:{STORE}.messages.record"), deaths=14
    ),
    Scenario("worker: recorded, not committed", points=(f"after:{STORE}.messages.record",), deaths=12),
    Scenario(
        "worker: before and after the release",
        points=(f"before:{STORE}.batches.release", f"after:{STORE}.batches.release", "after:dispatcher.sending.send"),
        deaths=10,
        turns=2,
        people=480,
    ),
    Scenario(
        "worker: while planning",
        points=(f"before:{STORE}.planning.plan_slice", f"after:{STORE}.planning.plan_slice"),
        deaths=8,
        turns=2,
    ),
    Scenario(
        "worker: while applying receipts",
        points=(f"before:{STORE}.receipts.apply", f"worked:{STORE}.receipts.apply", "after:dispatcher.receipts.settle"),
        deaths=12,
        turns=3,
    ),
    Scenario(
        "clock: marking batches as enqueued",
        kind="clock",
        points=(f"before:{STORE}.batches.enqueue_due", f"worked:{STORE}.batches.enqueue_due"),
        deaths=10,
        turns=2,
        clocks=2,
        people=600,
    ),
    Scenario(
        "clock: marked, before and after the queue",
        kind="clock",
        points=("before:dispatcher.broker.Queue.put", "after:dispatcher.broker.Queue.put"),
        deaths=10,
        turns=3,
        clocks=2,
    ),
    Scenario(
        "clock: calling dead workers' messages uncertain",
        kind="clock",
        points=(f"before:{STORE}.batches.disown_abandoned", f"worked:{STORE}.batches.disown_abandoned"),
        deaths=6,
        turns=1,
        strikes=(Strike.WORKER,) * 6,
        clocks=2,
        people=480,
        tps=20,
        settle_seconds=15,
        receipts=LATE,
    ),
    Scenario(
        "clock: closing batches and waves",
        kind="clock",
        points=(
            f"after:{STORE}.batches.close_finished",
            f"after:{STORE}.campaigns.finish_waves",
            f"after:{STORE}.counters.fold",
        ),
        deaths=8,
        turns=1,
        clocks=2,
        people=600,
    ),
    Scenario(
        "web: before a receipt is stored, after it uncommitted",
        kind="web",
        points=(f"before:{STORE}.receipts.put", f"after:{STORE}.receipts.put"),
        deaths=10,
        turns=2,
    ),
    Scenario(
        "web: receipt committed, carrier unanswered",
        kind="web",
        points=("after:dispatcher.receipts.Inbox._store",),
        deaths=10,
        turns=2,
    ),
)

# What a death leaves in doubt, and what becomes of it: by a late receipt, by the carrier's list, under the same id.
SETTLING = (
    Scenario(
        "in doubt: on the wire, receipts come late",
        points=(f"during:{SUBMIT}",),
        deaths=8,
        settle_seconds=15,
        receipts=LATE,
    ),
    Scenario(
        "in doubt: on the wire, no receipts, the carrier is asked",
        points=(f"during:{SUBMIT}", f"after:{SUBMIT}"),
        deaths=8,
        patience_seconds=1,
        settle_seconds=120,
        receipts=NO_RECEIPTS,
    ),
    Scenario(
        "in doubt: before the wire, the carrier is asked",
        points=(f"before:{SUBMIT}",),
        deaths=8,
        patience_seconds=1,
        settle_seconds=120,
    ),
    Scenario(
        "in doubt: killed while asking",
        points=(
            *[f"during:{SUBMIT}"] * 3,  # one for each of the first workers, so that there is something to ask
            f"after:{STORE}.lookups.take",
            "before:providers.esms.Esms.query",
            f"during:{SUBMIT}",
            "after:providers.esms.Esms.query",
            f"after:{STORE}.lookups.record",
        ),
        deaths=16,
        turns=1,
        workers=3,
        people=480,
        patience_seconds=1,
        settle_seconds=120,
        receipts=NO_RECEIPTS,
    ),
)

RANDOM = (
    Scenario("worker, at random", strikes=(Strike.WORKER,) * 14, workers=3, people=600, tps=20),
    Scenario("clock, at random", strikes=(Strike.CLOCK,) * 10, clocks=2, people=480, tps=20),
    Scenario("web, at random", strikes=(Strike.WEB,) * 8, people=800, tps=20),
    Scenario("Valkey, at random", strikes=(Strike.VALKEY,) * 6, people=480, tps=20),
    Scenario("PostgreSQL, at random", strikes=(Strike.POSTGRES, Strike.POSTMASTER) * 3, people=480, tps=20),
    Scenario("Valkey and PostgreSQL together", strikes=(Strike.SERVERS,) * 3, people=480, tps=20),
    Scenario("everything at once", strikes=(Strike.EVERYTHING,) * 4, people=480, tps=20),
    Scenario(
        "mixed: kills, emptied Valkey, redelivery, frozen workers",
        strikes=(
            Strike.REDELIVER, Strike.WORKER, Strike.FLUSH, Strike.REDELIVER, Strike.FREEZE, Strike.VALKEY, Strike.CLOCK,
            Strike.REDELIVER, Strike.POSTGRES, Strike.FLUSH, Strike.WEB, Strike.WORKER, Strike.FREEZE, Strike.REDELIVER,
        ),
        workers=3, clocks=2, people=600, tps=20,
    ),
)  # fmt: skip

SMPP_SUBMIT = "providers.smpp.provider.Smpp.submit"
SMPP = (
    Scenario(
        "SMPP worker: before the wire, on it, answered and nothing recorded",
        points=(f"before:{SMPP_SUBMIT}", f"during:{SMPP_SUBMIT}", f"after:{SMPP_SUBMIT}"),
        deaths=12,
        wire=Wire.SMPP,
    ),
    Scenario(
        "SMPP worker: receipt before, in and after its transaction",
        points=(
            f"before:{STORE}.receipts.put",
            f"after:{STORE}.receipts.put",
            "after:dispatcher.receipts.Inbox._store",
        ),
        deaths=12,
        wire=Wire.SMPP,
    ),
    Scenario("SMPP worker, at random", strikes=(Strike.WORKER,) * 12, workers=3, wire=Wire.SMPP),
    Scenario("SMPP: the SMSC killed in the middle of its windows", strikes=(Strike.CENTRE,) * 8, wire=Wire.SMPP),
    Scenario("SMPP: sessions cut in the middle of their windows", strikes=(Strike.SESSIONS,) * 10, wire=Wire.SMPP),
    Scenario("SMPP: half-open sessions", strikes=(Strike.HUSH,) * 4, wire=Wire.SMPP),
    Scenario(
        "SMPP, mixed: sessions, SMSC, workers, servers",
        strikes=(
            Strike.SESSIONS, Strike.WORKER, Strike.REDELIVER, Strike.CENTRE, Strike.HUSH, Strike.POSTGRES, Strike.SESSIONS,
            Strike.FREEZE, Strike.FLUSH, Strike.CENTRE, Strike.WORKER, Strike.CLOCK, Strike.VALKEY, Strike.HUSH,
        ),
        workers=3, clocks=2, people=600, wire=Wire.SMPP,
    ),
)  # fmt: skip

ALL = NAMED + SETTLING + RANDOM + SMPP
# For every run of the ordinary tests: the two places where a message may be lost or doubled, and the servers.
FEW = (
    Scenario(
        "few: named points of a worker",
        points=(f"before:{SUBMIT}", f"during:{SUBMIT}", f"after:{SUBMIT}", f"after:{STORE}.messages.record"),
        deaths=4,
        people=100,
    ),
    Scenario(
        "few: from outside",
        strikes=(Strike.REDELIVER, Strike.WORKER, Strike.FLUSH, Strike.CLOCK, Strike.POSTGRES),
        people=240,
        tps=20,
        clocks=2,
    ),
    Scenario(
        "few: over SMPP",
        strikes=(Strike.SESSIONS, Strike.WORKER, Strike.CENTRE, Strike.HUSH),
        people=160,
        wire=Wire.SMPP,
    ),
)
