"""An adapter for the sink's call with many recipients, as an outside package would bring it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from providers.base import (
    Accepted,
    Callback,
    Capabilities,
    Health,
    Options,
    Outcome,
    Provider,
    Receipt,
    Receipts,
    Submission,
    Submitted,
)
from providers.blanking import shown
from providers.errors import Uncertain
from providers.http import Call, require_access

MAX_PER_CALL = 5_000


class BulkOptions(Options):
    """`[route.options]` of a bulk route."""

    base_url: str
    callback_base: str | None = None


class Bulk(Provider):
    """One text to many numbers, one verdict for each."""

    options: BulkOptions
    options_model = BulkOptions
    capabilities: ClassVar[Capabilities] = Capabilities(
        channel="sms", max_per_call=MAX_PER_CALL, receipts=Receipts.PUSH
    )

    async def submit(self, submissions: Sequence[Submission]) -> Submitted:
        """Hand over one text to all; the benchmark's waves have only one."""
        if not 1 <= len(submissions) <= MAX_PER_CALL:
            raise ValueError(f"1 to {MAX_PER_CALL} messages a call")
        first = submissions[0]
        body = {
            "text": first.text,
            "callback": first.callback_url,
            "to": [(s.message_id, s.msisdn) for s in submissions],
        }
        about = shown({"text": f"{len(first.text)} characters", "to": f"{len(submissions)} numbers"})
        call = Call("POST", self.options.base_url + "many", "bulk, send", f"POST many {about}", body=body)
        answer = await self.http.send(call)
        require_access(answer, call.tried)
        try:
            taken = json.loads(answer.body)["taken"]
        except (ValueError, KeyError, TypeError):
            raise Uncertain("bulk, send: an answer that cannot be read", exchange=answer.exchange) from None
        return Submitted(tuple(Accepted(reference) for reference in taken), answer.exchange)

    def read_callback(self, callback: Callback) -> list[Receipt]:
        """Read `{"delivered": [our ids]}`."""
        return [Receipt(Outcome.DELIVERED, message, None) for message in json.loads(callback.body)["delivered"]]

    async def check(self) -> Health:
        """There is nothing to ask."""
        return Health(ok=True, detail="a sink", latency=0.0)


def installed_in(folder: Path) -> None:
    """What pip would leave of an outside package: its entry point. `folder` goes on the Python path."""
    about = folder / "bulk_sink-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: bulk-sink\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[dispatcher.providers]\nbulk = benchmarks.engine.bulk:Bulk\n")
