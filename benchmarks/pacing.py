"""How a route's limit is kept and used, read from the carrier's own log, with four worker processes.

Run with `python -m benchmarks.pacing [--smpp] [--mix] [--kill-worker] [--restart-valkey] [--rounds N] [--answer SECONDS]
[TPS ...]`.
Over SMPP the carrier is the sink of `providers.sandbox.smsc`: it counts a submit_sm as a segment.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import tempfile
import time
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.rig import Rig, installation_with, running
from dispatcher.embedded import Embedded

RATES = (20, 200, 1000)
SECONDS = 20
# Until all processes have batches and the wave is planned; judged for the limit, not for how much of it is used.
WARM_UP_SECONDS = 6
WORKERS = 4
WINDOW = 64
# Over SMPP, where a call holds many messages: what a worker may have under way, in seconds of the pace.
WINDOW_SECONDS = 0.2
MIX = (1, 2, 3)


@dataclass(frozen=True)
class Seen:
    """What the carrier saw: `segments` in `seconds` without the warm-up, and the most in any sliding second of all."""

    seconds: float
    segments: int
    used: float
    most: int
    beyond: int


def arrivals(ledger: Path) -> list[tuple[float, int]]:
    """(monotonic second, segments) of every request that the carrier saw, in its order."""
    lines = ledger.read_text("utf-8").splitlines(keepends=True)
    entries = (json.loads(line) for line in lines if line.endswith("\n"))
    return sorted((e["time"], e["segments"]) for e in entries if e["kind"] == "request")


def over(seen: list[tuple[float, int]], tps: float) -> tuple[int, int]:
    """(most segments in any sliding second, how many arrivals close a second that holds more than the limit)."""
    window: deque[tuple[float, int]] = deque()
    held = most = beyond = 0
    for at, segments in seen:
        window.append((at, segments))
        held += segments
        while window[0][0] <= at - 1:
            held -= window.popleft()[1]
        most = max(most, held)
        beyond += held > tps
    return most, beyond


def judged(seen: list[tuple[float, int]], tps: float) -> Seen:
    begins, ends = seen[0][0] + WARM_UP_SECONDS, seen[-1][0]
    segments = sum(segments for at, segments in seen if begins < at <= ends)
    most, beyond = over(seen, tps)
    return Seen(ends - begins, segments, segments / (ends - begins) / tps, most, beyond)


def measure(tps: int, asked: argparse.Namespace) -> Seen:
    """Send for `WARM_UP_SECONDS` and `SECONDS` at the route's pace, with what was asked for going wrong half-way."""
    segments = MIX if asked.mix else (1,)
    people = tps * (WARM_UP_SECONDS + SECONDS + 10) // sum(segments) + 1
    dials: dict[str, object] = {"latency_seconds": {"mean": asked.answer, "jitter": asked.answer / 2}}
    window = WINDOW
    if asked.smpp:
        dials, window = {"answer-seconds": asked.answer}, max(WINDOW, int(tps * WINDOW_SECONDS))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "var"
        rig = stack.enter_context(installation_with(folder, people, tps, window, dials, segments, smpp=asked.smpp))
        workers = stack.enter_context(running(rig, WORKERS))
        _await_first(rig)
        time.sleep(WARM_UP_SECONDS + SECONDS / 2)
        if asked.kill_worker:
            workers[1].kill()
            workers.append(rig.python("dispatcher", "worker"))
        if asked.restart_valkey:
            _restart_valkey(rig, stack)
        time.sleep(SECONDS / 2)
        return judged(arrivals(rig.ledger), tps)


def _await_first(rig: Rig) -> None:
    while not rig.ledger.stat().st_size:
        time.sleep(0.05)


def _restart_valkey(rig: Rig, stack: ExitStack) -> None:
    os.kill(int((rig.folder / "valkey" / "valkey.pid").read_text()), signal.SIGKILL)
    stack.enter_context(Embedded(rig.folder))  # starts what does not run


def _line(tps: int, seen: Seen) -> str:
    return f"{tps:>6} {seen.segments:>9,} {seen.seconds:>8.1f} {seen.used:>10.2%} {seen.most:>12} {seen.beyond:>7}"


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pacing", description=__doc__)
    parser.add_argument("--smpp", action="store_true", help="over links, many messages a call")
    parser.add_argument("--mix", action="store_true", help="texts of one, two and three segments")
    parser.add_argument("--kill-worker", action="store_true", help="kill -9 a worker half-way and start another")
    parser.add_argument("--restart-valkey", action="store_true", help="kill -9 Valkey half-way and start it again")
    parser.add_argument("--rounds", type=int, default=1, help="rounds of each rate; the last line is their median")
    parser.add_argument("--answer", type=float, default=0.0, help="seconds until the carrier answers, +/- 50 %%")
    parser.add_argument("tps", type=int, nargs="*", default=RATES)
    return parser.parse_args()


def main() -> None:
    asked = _asked()
    print("   tps  segments  seconds   of limit  most in 1 s  beyond")
    for tps in asked.tps:
        rounds = [measure(tps, asked) for _ in range(asked.rounds)]
        for seen in rounds:
            print(_line(tps, seen), flush=True)
        if len(rounds) > 1:
            used = statistics.median(seen.used for seen in rounds)
            print(f"{tps:>6} median of limit {used:.2%}, most {max(s.most for s in rounds)}", flush=True)


if __name__ == "__main__":
    main()
