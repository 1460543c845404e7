"""dispatcher worker: a process that sends."""

from __future__ import annotations

from dispatcher import worker as process
from dispatcher.cli.serving import collect_rarely, service
from dispatcher.cli.terminal import AsJson
from dispatcher.servers import reach


def worker(as_json: AsJson = False) -> None:
    """Chạy một tiến trình gửi tin."""
    settings = service(as_json=as_json)
    collect_rarely()
    with reach(settings) as addresses:
        process.run(settings, addresses)
