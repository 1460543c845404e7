"""dispatcher clock: the process that finds what is due."""

from __future__ import annotations

import asyncio

from dispatcher import clock as process
from dispatcher.cli.serving import service
from dispatcher.cli.terminal import AsJson
from dispatcher.servers import reach


def clock(as_json: AsJson = False) -> None:
    """Chạy đồng hồ: tìm việc tới hạn và đưa vào hàng đợi."""
    settings = service(as_json=as_json)
    with reach(settings) as addresses:
        asyncio.run(process.run(settings, addresses))
