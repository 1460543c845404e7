"""`python -m providers.sandbox.zalo`: a pretend Zalo as a process of its own, until SIGTERM or ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from pydantic import ValidationError

from providers.sandbox.zalo import PretendZalo, ZaloDials


def main() -> int:
    """Print one line of JSON with the route's `options` and the `code` of a person who signs in; exit 2 for a mistake."""
    parser = argparse.ArgumentParser(prog="python -m providers.sandbox.zalo", description="A pretend Zalo on loopback.")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--json", default="{}", metavar="TEXT", help="dials, as JSON")
    parser.add_argument("--ledger", type=Path, metavar="FILE", help="append the ledger here, as JSON lines")
    asked = parser.parse_args()
    try:
        dials = ZaloDials.model_validate_json(asked.json)
        zalo = PretendZalo(dials, host=asked.host, port=asked.port, ledger_file=asked.ledger)
    except (ValidationError, ValueError, OSError) as error:
        parser.error(str(error))
    asyncio.run(_serve(zalo))
    return 0


async def _serve(zalo: PretendZalo) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with zalo:
        ready = {"origin": zalo.origin, "options": zalo.options, "code": zalo.account.grant}
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    sys.exit(main())
