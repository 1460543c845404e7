"""The processes of an installation on one machine: which they are, and running them beside us."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from dispatcher.settings import Settings
from dispatcher.supervisor import Child, Supervisor


def children(settings: Settings, environment: Mapping[str, str]) -> Sequence[Child]:
    """The processes of an installation on one machine, to be run in that environment."""
    names = ["web", "clock", *(f"worker-{number}" for number in range(1, settings.workers + 1))]
    return [Child(name, [sys.executable, "-m", "dispatcher", name.split("-")[0]], dict(environment)) for name in names]


@contextmanager
def background(processes: Supervisor) -> Iterator[None]:
    """Run the processes beside us, until we leave."""
    thread = threading.Thread(target=processes.run, name="supervisor")
    thread.start()
    try:
        yield
    finally:
        processes.stop()
        thread.join()
