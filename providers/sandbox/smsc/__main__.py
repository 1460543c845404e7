"""`python -m providers.sandbox.smsc`: a pretend SMSC as a process of its own, until SIGTERM or ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import ssl
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from pydantic import ValidationError

from providers.sandbox.smsc import PretendSmsc, SmscDials
from providers.sandbox.smsc.sink import Sink


def main() -> int:
    """Print one line of JSON when ready; exit 0 when stopped, 2 for a mistake in the arguments.

    The line has `host` and `port` (SMPP) and, but for a sink, `origin` (the ledger and the commands, over HTTP).
    """
    parser = argparse.ArgumentParser(prog="python -m providers.sandbox.smsc", description="A pretend SMSC on loopback.")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, default=0, help="of SMPP; 0 picks a free one")
    parser.add_argument(
        "--certificate", type=Path, metavar="FILE", help="speak TLS, with this certificate and key (PEM)"
    )
    dials = parser.add_mutually_exclusive_group()
    dials.add_argument("--dials", type=Path, metavar="FILE", help="dials, as a JSON file")
    dials.add_argument("--json", metavar="TEXT", help="dials, as JSON")
    parser.add_argument("--ledger", type=Path, metavar="FILE", help="append the ledger here, as JSON lines")
    parser.add_argument(
        "--sink",
        action="store_true",
        help="for measuring: no dials, as fast as can be; in its ledger only times and counts",
    )
    parser.add_argument("--receipts", action="store_true", help="of a sink: one for each submit_sm")
    parser.add_argument(
        "--answer-seconds", type=float, default=0.0, metavar="SECONDS", help="of a sink: until its answers"
    )
    asked = parser.parse_args()
    try:
        if asked.sink:
            return _sink(asked)
        text = asked.dials.read_text(encoding="utf-8") if asked.dials else asked.json or "{}"
        tls = _tls(asked.certificate) if asked.certificate else None
        smsc = PretendSmsc(
            SmscDials.model_validate_json(text), host=asked.host, port=asked.port, tls=tls, ledger_file=asked.ledger
        )
    except (ValidationError, ValueError, OSError) as error:
        parser.error(str(error))
    asyncio.run(_serve(smsc, lambda: {"host": smsc.host, "port": smsc.port, "origin": smsc.origin}))
    return 0


def _sink(asked: argparse.Namespace) -> int:
    with asked.ledger.open("a", encoding="utf-8", buffering=1) if asked.ledger else nullcontext() as ledger:
        sink = Sink(
            receipts=asked.receipts,
            answer_seconds=asked.answer_seconds,
            host=asked.host,
            port=asked.port,
            ledger=ledger,
        )
        asyncio.run(_serve(sink, lambda: {"host": sink.host, "port": sink.port}))
    return 0


def _tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


async def _serve(server: PretendSmsc | Sink, ready: Callable[[], dict[str, object]]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with server:
        sys.stdout.write(json.dumps(ready()) + "\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    sys.exit(main())
