"""flock: locks that the kernel frees when their holders die, so that none is ever stale."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_SECONDS = 0.02


def opened(path: Path, *, make: bool = True) -> int:
    """A file descriptor on `path`, made with mode 600 if allowed; a symlink is refused (OSError)."""
    return os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_CREAT if make else 0), 0o600)


def taken(descriptor: int, how: int) -> bool:
    """Whether the lock `how` (`fcntl.LOCK_SH` or `LOCK_EX`) could be had without waiting."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def same_file(descriptor: int, path: Path) -> bool:
    """Whether `path` still names the file that is open: a deleted folder leaves us holding a nameless one."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


@contextmanager
def exclusive(path: Path, limit_seconds: float) -> Iterator[None]:
    """Hold the exclusive lock on `path`. Raises TimeoutError when others keep it for longer than the limit."""
    deadline = time.monotonic() + limit_seconds
    while True:
        descriptor = opened(path)
        try:
            if taken(descriptor, fcntl.LOCK_EX) and same_file(descriptor, path):
                yield
                return
        finally:
            os.close(descriptor)
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path} is held by another process")
        time.sleep(POLL_SECONDS)
