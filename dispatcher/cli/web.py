"""dispatcher web: the process for pages, the API and callbacks."""

from __future__ import annotations

from dispatcher.cli.serving import collect_rarely, service
from dispatcher.cli.terminal import AsJson
from dispatcher.servers import reach
from dispatcher.web.app import serve


def web(as_json: AsJson = False) -> None:
    """Chạy phần web: các trang, API, và nhận báo nhận từ nhà mạng."""
    settings = service(as_json=as_json)
    collect_rarely()
    with reach(settings) as addresses:
        serve(settings, addresses)
