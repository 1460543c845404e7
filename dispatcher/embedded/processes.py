"""Which process is which: a pid alone proves nothing, for pids are used again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
DEAD_STATES = ("Z", "X")
PS = "/bin/ps"


@dataclass(frozen=True)
class Process:
    """One process for good: its pid and when it started, in the words of the system (ticks since boot, or a date)."""

    pid: int
    started: str


def process(pid: int, proc: Path = PROC) -> Process | None:
    """The living process with this pid; None when there is none or only its zombie."""
    state, started = _linux_state(pid, proc) if (proc / "self").exists() else _ps_state(pid)
    return Process(pid, started) if state and not state.startswith(DEAD_STATES) else None


def exists(pid: int) -> bool:
    """Whether this pid is in use, if only by a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _linux_state(pid: int, proc: Path) -> tuple[str, str]:
    try:
        text = (proc / str(pid) / "stat").read_text("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return "", ""
    # The name, in parentheses, may itself hold spaces and parentheses.
    fields = text.rpartition(")")[2].split()
    return fields[0], fields[19]


def _ps_state(pid: int) -> tuple[str, str]:
    state, _, started = _ps(pid, "state=,lstart=").partition(" ")
    return state, started.strip()


def _ps(pid: int, columns: str) -> str:
    command = [PS, "-ww", "-o", columns, "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603  our own words


def runs(pid: int, program: str, folder: Path, marker: str, proc: Path = PROC) -> bool:
    """Whether this pid is `program` at work in `folder`.

    Asks the kernel for its binary and working directory. Where it does not tell (root without CAP_SYS_PTRACE, as in an
    ordinary container, about another user's process), the words it was started with must name program and `marker`.
    """
    if not (proc / "self").exists():
        words = _ps(pid, "command=")
        return program in words and marker in words
    about = proc / str(pid)
    try:
        binary = Path((about / "exe").readlink()).name.removesuffix(" (deleted)")
        return binary == program and (about / "cwd").samefile(folder)
    except PermissionError:
        return _words_match(about, program, marker)
    except OSError:
        return False


def _words_match(about: Path, program: str, marker: str) -> bool:
    try:
        words = (about / "cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        return False
    return program in words and marker in words


def send(target: Process, number: signal.Signals) -> None:
    """Signal exactly this process; nothing happens when it is gone, even if its pid has a new owner."""
    with suppress(ProcessLookupError):
        if sys.platform == "linux":
            descriptor = os.pidfd_open(target.pid)
            try:
                # Looked up after the descriptor is had: from here on the pid cannot change hands.
                if process(target.pid) == target:
                    signal.pidfd_send_signal(descriptor, number)
            finally:
                os.close(descriptor)
        elif process(target.pid) == target:
            os.kill(target.pid, number)
