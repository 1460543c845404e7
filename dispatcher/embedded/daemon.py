"""One embedded server: is it alive, start it, wait until it answers, stop it.

The server inherits an flock on a file in its folder. As long as it or a child of it lives, the kernel keeps that lock:
that, not a pid file, says whether the folder is in use, so two servers can never work on the same data.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import IO, Any

from dispatcher.embedded.accounts import Account
from dispatcher.embedded.errors import failed
from dispatcher.embedded.locks import POLL_SECONDS, opened, taken
from dispatcher.embedded.processes import Process, exists, process, runs, send

LOCK_NAME = "server.lock"
# How long a living server may take until it has written its pid file, or the last children of a killed one to leave.
SETTLE_SECONDS = 10.0

# Servers that this process started: reaped when they are stopped, whichever object stops them.
_children: set[int] = set()


@dataclass(frozen=True)
class Daemon:
    """What is to run. `folder` is its data and its working directory; `answers()` is None, or why it does not answer.

    `stopping` is a row of signals, each with how many seconds to wait before the next. `pid_file` and `lock_files`, all in
    the folder, begin with the server's pid.
    """

    title: str
    program: Path
    arguments: tuple[str, ...]
    folder: Path
    pid_file: str
    log: Path
    marker: str
    account: Account | None
    stopping: tuple[tuple[Signals, float], ...]
    answers: Callable[[], str | None]
    configuration: bytes = b""
    lock_files: tuple[str, ...] = ()

    def find(self) -> Process | None:
        """The running server, verified to be ours; None when there is none that we could name."""
        pid = self.written_pid()
        if pid is None or not (found := process(pid)):
            return None
        return found if runs(pid, self.program.name, self.folder, self.marker) else None

    def written_pid(self, name: str | None = None) -> int | None:
        try:
            return int((self.folder / (name or self.pid_file)).read_text("utf-8", "replace").split("\n", 1)[0])
        except (OSError, ValueError):
            return None

    def in_use(self) -> bool:
        """Whether a server of ours, or a child of one, is alive in this folder."""
        try:
            descriptor = opened(self.folder / LOCK_NAME, make=False)
        except FileNotFoundError:
            return False
        try:
            return not taken(descriptor, fcntl.LOCK_EX)
        finally:
            os.close(descriptor)

    def settled(self) -> Process | None:
        """The running server, None when the folder is free. Raises `EmbeddedError` when it is neither for 10 s."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while not (found := self.find()) and self.in_use():
            if time.monotonic() > deadline:
                raise failed(
                    f"Thư mục {self.folder} còn tiến trình {self.title} đang chạy nhưng không nhận ra được.", self.log
                )
            time.sleep(POLL_SECONDS)
        return found

    def launch(self) -> None:
        """Start the server, out of reach of the terminal's Ctrl-C, with nothing of our environment."""
        _reap()
        self._forget_recycled_pid()
        with self._lock() as lock, open_log(self.log) as log, tempfile.TemporaryFile() as configuration:
            # A file and not a pipe: were we killed while writing, the server would take half of it for the whole, and
            # listen on TCP without a password.
            configuration.write(self.configuration)
            configuration.seek(0)
            child = subprocess.Popen(  # noqa: S603  our own program and words
                [str(self.program), *self.arguments],
                stdin=configuration,
                stdout=log,
                stderr=log,
                pass_fds=(lock,),
                start_new_session=True,
                **surroundings(self.folder, self.account),
            )
        # From here on it is a pid that we reap ourselves: a Popen would warn of a server that outlives us on purpose.
        _children.add(child.pid)
        child.returncode = 0

    @contextmanager
    def _lock(self) -> Iterator[int]:
        descriptor = opened(self.folder / LOCK_NAME)
        try:
            if not taken(descriptor, fcntl.LOCK_EX):
                raise failed(f"{self.title} đã chạy ở {self.folder} trong lúc chuẩn bị khởi động.", self.log)
            yield descriptor
        finally:
            os.close(descriptor)

    def _forget_recycled_pid(self) -> None:
        # PostgreSQL clears the files of a dead server by itself, but refuses to start as long as anybody, be it a zombie
        # that nobody has reaped yet, has the pid. Each file is its own reason to refuse.
        if self.find():
            return
        for name in (self.pid_file, *self.lock_files):
            pid = self.written_pid(name)
            if pid is not None and exists(pid):
                (self.folder / name).unlink(missing_ok=True)

    def await_answer(self, limit_seconds: float) -> Process:
        """The server once it answers. Raises `EmbeddedError` when it died or does not answer within the limit."""
        deadline = time.monotonic() + limit_seconds
        while (reason := self.answers()) is not None or not (found := self.find()):
            if not self.find() and not self.in_use():
                raise failed(f"{self.title} dừng ngay khi khởi động ở {self.folder}.", self.log)
            if time.monotonic() > deadline:
                raise failed(
                    f"{self.title} ở {self.folder} đang chạy nhưng không trả lời sau {limit_seconds:g} giây: {reason}.",
                    self.log,
                )
            time.sleep(POLL_SECONDS)
        return found

    def stop(self, target: Process, *, with_children: bool) -> None:
        """Stop exactly this server and wait until it (and its children) is gone. Raises `EmbeddedError` if it stays."""
        for number, seconds in self.stopping:
            send(target, number)
            if self._gone(target, seconds, with_children=with_children):
                return
        raise failed(f"Không dừng được {self.title} (tiến trình {target.pid}).", self.log)

    def _gone(self, target: Process, seconds: float, *, with_children: bool) -> bool:
        deadline = time.monotonic() + seconds
        while process(target.pid) == target or (with_children and self.in_use()):
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        _reap()
        return True


def _reap() -> None:
    for pid in tuple(_children):
        try:
            if os.waitpid(pid, os.WNOHANG)[0] == pid:
                _children.discard(pid)
        except ChildProcessError:  # inherited over a fork
            _children.discard(pid)


def surroundings(folder: Path, account: Account | None) -> dict[str, Any]:
    """Popen's keywords for a server's programs: in its folder, as its user, private files, an environment of our own.

    The working directory is entered before root is given up, so no parent of it needs to be open to that user.
    """
    rights: dict[str, Any] = {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}
    return {"cwd": folder, "umask": 0o077, "env": {"PATH": os.defpath, "LC_ALL": "C"}, **rights}


def open_log(path: Path) -> IO[bytes]:
    """`path` for appending, opened by us: the server's user need not reach it. A symlink is refused (OSError)."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
    return os.fdopen(os.open(path, flags, 0o600), "ab", buffering=0)
