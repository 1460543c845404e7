"""A worker whose event loop is under cProfile: prints where its time went when it ends.

Run as `python -m benchmarks.engine.profiled`. The product has no hook for it: the worker's start and end are wrapped here.
"""

from __future__ import annotations

import cProfile
import pstats
from typing import Any

from dispatcher import worker
from dispatcher.cli.worker import worker as command

LINES = 45
_profile = cProfile.Profile()


class Watched(worker.RuntimeHolder):
    """Begins to count once the runtime is open, on the thread of the event loop, and stops before it is closed."""

    def before_worker_boot(self, broker: Any, started: Any) -> None:
        super().before_worker_boot(broker, started)
        worker._loop().loop.call_soon_threadsafe(_profile.enable)

    def after_worker_shutdown(self, broker: Any, ended: Any) -> None:
        worker._loop().loop.call_soon_threadsafe(_profile.disable)
        super().after_worker_shutdown(broker, ended)


if __name__ == "__main__":
    worker.RuntimeHolder = Watched  # type: ignore[misc]  # in place of the one that `worker.run` makes
    command()
    pstats.Stats(_profile).strip_dirs().sort_stats("tottime").print_stats(LINES)
