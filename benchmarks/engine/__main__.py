"""Messages a second, end to end, against the plain way and against a bare client: the same sink, the same run.

Run with `python -m benchmarks.engine [--rounds N] [--only once|late|bulk|smpp|memory] [--profile | --statements]`. End to end is
from the start of an approved campaign to the last receipt in the log. Rounds take turns, so that whatever else the machine does
meets all.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

from benchmarks.engine import rounds, stage
from benchmarks.engine.stage import Figures, Load
from benchmarks.engine.statements import show as show_statements

Round = Callable[[Path, Load], Figures]
Contest = dict[str, tuple[Round, Load]]

OURS = Load(people=100_000, window=256)
LATE = Load(people=100_000, window=800, delay=0.05)
THREADS = 64


def contest(load: Load, plain: int) -> Contest:
    """Who takes part where a request carries one message; the plain way sends `plain` messages."""
    quiet = replace(load, receipts=False)
    return {
        "bare aiohttp": (rounds.raw, quiet),
        "bare connections": (lambda folder, given: rounds.raw(folder, given, "connections"), quiet),
        "ours, no receipts": (rounds.ours, quiet),
        "ours": (rounds.ours, load),
        "plain": (rounds.naive, replace(load, people=plain)),
        f"plain, {THREADS} threads": (
            lambda folder, given: rounds.naive(folder, given, THREADS // stage.WORKERS),
            replace(load, people=plain),
        ),
    }


BULK: Contest = {
    f"ours, {window // 4:,} a call": (rounds.ours, Load(people=200_000, window=window, many=True, batch=5_000))
    for window in (2_000, 10_000)
}


def links() -> Contest:
    """Over SMPP; what answers late shows how much of window / round trip is used."""
    at_once = Load(people=200_000, window=10_000, smpp=True, batch=2_000)
    late = replace(at_once, people=100_000, window=800, delay=0.02)
    narrow = replace(late, people=20_000, window=400, bind=10, batch=500)
    return {
        "bare client": (_bare, replace(at_once, people=400_000)),
        "ours": (rounds.ours, at_once),
        "bare client, 20 ms": (_bare, replace(late, people=100_000)),
        "ours, 20 ms": (rounds.ours, late),
        "bare client, 20 ms, window 10": (_bare, narrow),
        "ours, 20 ms, window 10": (rounds.ours, narrow),
    }


def _bare(folder: Path, load: Load) -> Figures:
    return rounds.raw(folder, load, "smpp")


def one(round_: Round, load: Load) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        return round_(Path(folder) / "var", load)


def compete(title: str, taking_part: Contest, count: int) -> None:
    """Rounds in turn, a line for each competitor: median rate, its range, processor time of a message by part."""
    print(f"\n{title}\n{'':30} {'messages/s':>10} {'lowest':>8} {'highest':>8} {'us each':>8}   of which", flush=True)
    seen: dict[str, list[Figures]] = {name: [] for name in taking_part}
    for _ in range(count):
        for name, (round_, load) in taking_part.items():
            seen[name].append(one(round_, load))
    for name, figures in seen.items():
        rates = [found.rate for found in figures]
        shares = {part: _each(figures, part) for part in figures[0].processor}
        parts = ", ".join(f"{part} {spent:.0f}" for part, spent in shares.items() if spent >= 0.5)
        spread = f"{median(rates):>10,.0f} {min(rates):>8,.0f} {max(rates):>8,.0f}"
        print(f"{name:30} {spread} {sum(shares.values()):>8.0f}   {parts}", flush=True)
    if "plain" in seen:
        _ratios(seen)
    for name, (_, load) in taking_part.items():
        _share(name, load, seen[name])


def _each(figures: list[Figures], part: str) -> float:
    return median(found.processor[part] / found.people for found in figures) * 1e6


def _ratios(seen: dict[str, list[Figures]]) -> None:
    """Ours over the others: medians of the ratios of rounds that stood beside each other, of rates and of processor time."""
    pairs = [("ours", "plain"), ("ours", f"plain, {THREADS} threads")]
    for ours, other in [*pairs, *(("ours, no receipts", f"bare {client}") for client in ("aiohttp", "connections"))]:
        rounds_of_both = list(zip(seen[ours], seen[other], strict=True))
        rate = median(a.rate / b.rate for a, b in rounds_of_both)
        cheaper = median(_cost(b) / _cost(a) for a, b in rounds_of_both)
        print(f"{ours} / {other}: {rate:.2f} by messages/s, {cheaper:.2f} by processor time", flush=True)


def _share(name: str, load: Load, found: list[Figures]) -> None:
    """How much of what its links allow was used while messages were under way."""
    if load.smpp and load.delay and found[0].wire:
        allowed = stage.WORKERS * stage.BINDS * load.bind / load.delay
        used = median(figures.people / figures.wire for figures in found) / allowed
        print(f"{name}: {used:.1%} of {allowed:,.0f} a second, window / round trip", flush=True)


def _cost(figures: Figures) -> float:
    return sum(figures.processor.values()) / figures.people


def memory() -> None:
    """Peak of a worker, the web process and the clock, for campaigns of very different sizes."""
    print(f"\nPeak memory, MB\n{'messages':>10} {'worker':>8} {'web':>8} {'clock':>8} {'messages/s':>11}", flush=True)
    for people in (10_000, 100_000, 1_000_000):
        found = one(rounds.ours, Load(people=people, window=10_000, many=True))
        sizes = " ".join(f"{found.megabytes[part]:>8.0f}" for part in ("worker", "web", "clock"))
        print(f"{people:>10,} {sizes} {found.rate:>11,.0f}", flush=True)


def profile() -> None:
    """One worker's event loop under cProfile, a request for each message."""
    with tempfile.TemporaryDirectory() as folder:
        rounds.ours(Path(folder) / "var", OURS, worker="benchmarks.engine.profiled")
        told = (Path(folder) / "var" / "worker.out").read_text("utf-8")
        print(told[told.index("function calls") - 20 :] if "function calls" in told else told[-2000:])


def statements() -> None:
    """What PostgreSQL spends on each statement, over SMPP."""
    with tempfile.TemporaryDirectory() as folder:
        show_statements(Path(folder) / "var", links()["ours"][1])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("once", "late", "bulk", "smpp", "memory"))
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--statements", action="store_true")
    asked = parser.parse_args()
    if asked.profile or asked.statements:
        (profile if asked.profile else statements)()
        return
    if asked.only in (None, "once"):
        compete("A request a message; the sink answers at once", contest(OURS, 3_000), asked.rounds)
    if asked.only in (None, "late"):
        compete("A request a message; the sink answers after 50 ms", contest(LATE, 1_500), asked.rounds)
    if asked.only in (None, "bulk"):
        compete("Many recipients a request; the sink answers at once", BULK, asked.rounds)
    if asked.only in (None, "smpp"):
        compete("SMPP, two binds of each worker with a window of 100, receipts on", links(), asked.rounds)
    if asked.only in (None, "memory"):
        memory()


if __name__ == "__main__":
    main()
