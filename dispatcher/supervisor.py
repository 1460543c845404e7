"""Several child commands under one roof: started together, restarted when they die, stopped together."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

import structlog

log = structlog.get_logger()

# A dead child is noticed within this time.
TICK_SECONDS = 0.1
TAIL_BYTES = 4096

# Runs in the child, before its command: Linux ends it together with the supervisor, kill -9 included. The parent is asked
# once more, for it may have died before prctl. Elsewhere than on Linux a killed supervisor leaves its children running.
PR_SET_PDEATHSIG = 1
TRAMPOLINE = f"""
import os, signal, sys
if sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None, use_errno=True).prctl({PR_SET_PDEATHSIG}, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != int(sys.argv[1]):
        sys.exit(1)
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.exit(f"{{sys.argv[2]}}: {{error}}")
"""


@dataclass(frozen=True)
class Child:
    """A command to keep alive; `env` is its whole environment, None = ours."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Policy:
    """When to restart, when to give up, how long to wait; all times in seconds.

    A child that lived for `healthy_seconds` starts counting anew; one that died `attempts` times in a row before that
    cannot be kept alive.
    """

    first_wait: float = 0.5
    longest_wait: float = 30.0
    healthy_seconds: float = 60.0
    attempts: int = 5
    grace_seconds: float = 10.0

    def wait_seconds(self, failures: int) -> float:
        """How long to wait before the start that follows the given number of failures in a row (1, 2, ...)."""
        return min(self.longest_wait, self.first_wait * 2.0 ** (failures - 1))


@dataclass(frozen=True)
class Status:
    """`pid` is None while the child waits for its next start; `restarts` counts all of them."""

    pid: int | None
    restarts: int


@dataclass(frozen=True)
class Failure:
    """A child that could not be kept alive. `exit_code` is negative for a signal; `lines` is the end of its log, if it has one."""

    name: str
    exit_code: int
    log: Path | None
    lines: tuple[str, ...]


@dataclass
class _Seat:
    """Where a child sits, whether or not it is running."""

    child: Child
    popen: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    due_at: float = 0.0
    failures: int = 0
    restarts: int = 0


class Supervisor:
    """Keeps `children` running until it is told to stop.

    `log_folder` takes each child's output in NAME.log; without it children write where we write. Children have sessions
    of their own, so that Ctrl-C reaches only us. After `run`, `failure` says which child could not be kept alive.
    """

    def __init__(
        self, children: Sequence[Child], *, log_folder: Path | None = None, policy: Policy | None = None
    ) -> None:
        if len({child.name for child in children}) != len(children):
            raise ValueError("two children have the same name")
        self.failure: Failure | None = None
        self._seats = [_Seat(child) for child in children]
        self._log_folder = log_folder
        self._policy = policy or Policy()
        self._interrupts = 0
        # A pipe and not an Event: a signal handler that sets an Event can wait for a lock that its own thread holds.
        self._wake_reader, self._wake_writer = os.pipe()
        os.set_blocking(self._wake_writer, False)
        os.set_blocking(self._wake_reader, False)

    def run(self) -> int:
        """Returns 0 when told to stop (by `stop`, SIGINT, SIGTERM or SIGHUP), 1 when a child could not be kept alive.

        Nothing is left running, whatever ends it. Not to be called from a thread that ends before it: Linux would take
        the thread's end for ours.
        """
        with self._signals():
            try:
                while not self._interrupts and not self.failure:
                    self._reap()
                    self._start_due()
                    self._sleep(self._pause())
            finally:
                self._stop_all()
        return 1 if self.failure else 0

    def stop(self) -> None:
        """Ask `run` to stop all and return; a second time, to do so without grace. From any thread or signal handler."""
        self._interrupts += 1
        with suppress(BlockingIOError):  # full: it wakes anyway
            os.write(self._wake_writer, b"x")

    def status(self) -> dict[str, Status]:
        """Name -> status, now."""
        found = {}
        for seat in self._seats:
            popen = seat.popen
            found[seat.child.name] = Status(popen.pid if popen else None, seat.restarts)
        return found

    @contextmanager
    def _signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
            numbers.append(signal.SIGHUP)
        before = {number: signal.signal(number, self._told) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _told(self, _number: int, _frame: FrameType | None) -> None:
        self.stop()

    def _sleep(self, seconds: float) -> None:
        if select.select([self._wake_reader], [], [], seconds)[0]:
            os.read(self._wake_reader, 1024)

    def _pause(self) -> float:
        waits = [seat.due_at - time.monotonic() for seat in self._seats if not seat.popen]
        return max(0.0, min([TICK_SECONDS, *waits]))

    def _start_due(self) -> None:
        for seat in self._seats:
            if not seat.popen and not self.failure and time.monotonic() >= seat.due_at:
                self._start(seat)

    def _start(self, seat: _Seat) -> None:
        # -I -S: nothing of our environment or packages is loaded by the trampoline.
        command = [sys.executable, "-I", "-S", "-c", TRAMPOLINE, str(os.getpid()), *seat.child.argv]
        with self._output(seat.child) as output:
            seat.popen = subprocess.Popen(  # noqa: S603  the commands are our caller's
                command, env=seat.child.env, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        seat.started_at = time.monotonic()
        log.info("child.started", child=seat.child.name, pid=seat.popen.pid, restarts=seat.restarts)

    def _log_path(self, child: Child) -> Path | None:
        return self._log_folder / f"{child.name}.log" if self._log_folder else None

    @contextmanager
    def _output(self, child: Child) -> Iterator[IO[bytes] | None]:
        path = self._log_path(child)
        if path is None:
            yield None
            return
        with path.open("ab") as file:
            yield file

    def _reap(self) -> None:
        for seat in self._seats:
            if seat.popen and _has_exited(seat.popen):
                self._note_exit(seat, _buried(seat.popen))

    def _note_exit(self, seat: _Seat, exit_code: int) -> None:
        lived = time.monotonic() - seat.started_at
        seat.popen = None
        seat.failures = 1 if lived >= self._policy.healthy_seconds else seat.failures + 1
        log.warning(
            "child.exited",
            child=seat.child.name,
            exit_code=exit_code,
            lived_seconds=round(lived, 1),
            failures=seat.failures,
        )
        if seat.failures >= self._policy.attempts:
            self._give_up(seat.child, exit_code)
            return
        seat.restarts += 1
        seat.due_at = time.monotonic() + self._policy.wait_seconds(seat.failures)

    def _give_up(self, child: Child, exit_code: int) -> None:
        path = self._log_path(child)
        lines = _last_lines(path) if path else ()
        self.failure = self.failure or Failure(child.name, exit_code, path, lines)
        log.error(
            "child.gave_up", child=child.name, exit_code=exit_code, log=str(path) if path else None, lines=list(lines)
        )

    def _stop_all(self) -> None:
        """SIGTERM to each, grace, then SIGKILL to what is left of each group; one more interrupt ends the grace."""
        heard = max(self._interrupts, 1)
        for seat in self._running():
            if seat.popen:
                seat.popen.terminate()
        deadline = time.monotonic() + self._policy.grace_seconds
        while self._running() and time.monotonic() < deadline and self._interrupts <= heard:
            self._bury_exited()
            self._sleep(TICK_SECONDS / 2 if self._running() else 0.0)
        for seat in self._running():
            if seat.popen:
                log.warning("child.killed", child=seat.child.name, pid=seat.popen.pid)
                self._bury(seat)

    def _running(self) -> list[_Seat]:
        return [seat for seat in self._seats if seat.popen]

    def _bury_exited(self) -> None:
        for seat in self._running():
            if seat.popen and _has_exited(seat.popen):
                self._bury(seat)

    def _bury(self, seat: _Seat) -> None:
        if seat.popen:
            log.info("child.stopped", child=seat.child.name, exit_code=_buried(seat.popen))
            seat.popen = None


def _has_exited(popen: subprocess.Popen[bytes]) -> bool:
    # Without reaping: as long as the zombie is there, its pid, and so its group, cannot be another's.
    if hasattr(os, "waitid"):
        return os.waitid(os.P_PID, popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    return popen.poll() is not None


def _buried(popen: subprocess.Popen[bytes]) -> int:
    """Kill what is left of the child's group, reap the child, and return its exit code."""
    with suppress(ProcessLookupError, PermissionError):  # PermissionError: macOS, about a group of zombies
        os.killpg(popen.pid, signal.SIGKILL)
    return popen.wait()


def _last_lines(path: Path) -> tuple[str, ...]:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        return tuple(file.read().decode("utf-8", "replace").splitlines()[-10:])
