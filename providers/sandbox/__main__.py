"""`python -m providers.sandbox`: a pretend carrier as a process of its own, until SIGTERM or ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from pydantic import ValidationError

from providers.sandbox import Dials, PretendCarrier, PretendViettel
from providers.sandbox.stall import Stall

CARRIERS: dict[str, type[Stall]] = {"esms": PretendCarrier, "viettel": PretendViettel}


def main() -> int:
    """Print one line of JSON with `base_url` when ready; exit 0 when stopped, 2 for a mistake in the arguments."""
    parser = argparse.ArgumentParser(prog="python -m providers.sandbox", description="A pretend carrier on loopback.")
    parser.add_argument("--carrier", choices=CARRIERS, default="esms", help="whose protocol it speaks")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    dials = parser.add_mutually_exclusive_group()
    dials.add_argument("--dials", type=Path, metavar="FILE", help="dials, as a JSON file")
    dials.add_argument("--json", metavar="TEXT", help="dials, as JSON")
    parser.add_argument("--ledger", type=Path, metavar="FILE", help="append the ledger here, as JSON lines")
    asked = parser.parse_args()
    try:
        text = asked.dials.read_text(encoding="utf-8") if asked.dials else asked.json or "{}"
        carrier = CARRIERS[asked.carrier](
            Dials.model_validate_json(text), host=asked.host, port=asked.port, ledger_file=asked.ledger
        )
    except (ValidationError, ValueError, OSError) as error:
        parser.error(str(error))
    asyncio.run(_serve(carrier))
    return 0


async def _serve(carrier: Stall) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with carrier:
        ready = {"base_url": carrier.base_url, "origin": carrier.origin}
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    sys.exit(main())
