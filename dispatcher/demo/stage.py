"""The demo's stage: a fresh folder, a pretend carrier, routes to it, and the processes of an installation."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from dispatcher.embedded import Embedded, EmbeddedError
from dispatcher.errors import UserError
from dispatcher.runtime import Addresses
from dispatcher.servers import reach
from dispatcher.settings import Settings, fixed

RECEIPTS = {
    "delay_seconds": {"mean": 1.0, "jitter": 0.9},
    "undelivered": 0.03,
    "never": 0.004,
    "repeated": 0.02,
    "out_of_order": 0.02,
    "early": 0.01,
}
# What makes it a rehearsal worth watching: refusals, cut lines, late and missing receipts, as on a bad day.
DIALS = {
    "seed": 2026,
    "brandnames": ["CA LANGSON"],
    "latency_seconds": {"mean": 0.02, "jitter": 0.01},
    "refusals": {"99": 0.006, "108": 0.003, "177": 0.004},
    "lost_answers": 0.002,
    "receipts": RECEIPTS,
}
# The same day over SMPP: what a message centre can do wrong.
SMPP_DIALS = {
    "seed": 2026,
    "senders": ["CA LANGSON"],
    "latency_seconds": DIALS["latency_seconds"],
    "refusals": {"0x0B": 0.006, "0x66": 0.003},
    "lost_responses": 0.002,
    "duplicate_responses": 0.01,
    "receipts": {**RECEIPTS, "form": "both"},
}
# Uncertain messages that nobody has spoken of are given up after so long (on the rehearsal clock).
SETTLE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Way:
    """A route to the pretend carrier; `tps` in segments a second."""

    name: str
    networks: Sequence[str]
    tps: float
    sender: str = "CA LANGSON"
    window: int = 32


WAYS = (
    Way("gia-lap-viettel", ["viettel"], 400),
    Way("gia-lap-vinaphone", ["vinaphone", "itel"], 200),
    Way("gia-lap-mobifone", ["mobifone"], 200),
    Way("gia-lap-khac", ["*"], 100),
)


class Wire(StrEnum):
    """How the pretend carrier is spoken to."""

    ESMS = "esms"
    SMPP = "smpp"


CARRIERS = {Wire.ESMS: ("providers.sandbox", DIALS), Wire.SMPP: ("providers.sandbox.smsc", SMPP_DIALS)}


@dataclass(frozen=True)
class Stage:
    """What is set up: the wire, the folder, the settings of the installation, where its servers are, the carrier's ledger.

    With DISPATCHER_ENV_FILE naming `env_file`, any `dispatcher` command works on this installation.
    """

    wire: Wire
    folder: Path
    settings: Settings
    addresses: Addresses
    ledger: Path
    env_file: Path
    environment: dict[str, str]


@contextmanager
def set_up(
    folder: Path,
    workers: int,
    wire: Wire = Wire.ESMS,
    *,
    ways: Sequence[Way] = WAYS,
    dials: Mapping[str, Any] | None = None,
    settle_seconds: float = SETTLE_SECONDS,
) -> Iterator[Stage]:
    """Everything but the processes of the installation; nothing of it is left running on the way out.

    `dials` are turned beside those of a bad day.
    """
    with ExitStack() as stack:
        stack.enter_context(_alone(folder))
        ledger = folder / "carrier-ledger.jsonl"
        carrier = stack.enter_context(_carrier(folder, ledger, wire, dials or {}))
        port = _free_port()
        routes = folder / "routes.toml"
        routes.write_text(_routes(wire, carrier, port, ways), encoding="utf-8")
        values = {
            "folder": folder,
            "routes": routes,
            "web_port": port,
            "workers": workers,
            "settle_seconds": settle_seconds,
        }
        settings = fixed(**values)
        env_file = folder / "demo.env"
        env_file.write_text("".join(f"DISPATCHER_{name.upper()}={value}\n" for name, value in values.items()))
        addresses = stack.enter_context(reach(settings))
        yield Stage(wire, folder, settings, addresses, ledger, env_file, _environment(env_file))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """An empty folder that is ours alone."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"Một bản trình diễn khác đang chạy trong {folder}. Dừng nó trước (Ctrl-C).") from None
        _sweep(folder)
        yield


def _sweep(folder: Path) -> None:
    """Remove an earlier demo; servers that it left behind when it was killed are stopped first."""
    if (folder / "run").exists():
        with suppress(EmbeddedError), Embedded(folder):
            pass
    for child in folder.iterdir():
        shutil.rmtree(child) if child.is_dir() else child.unlink()


@contextmanager
def _carrier(folder: Path, ledger: Path, wire: Wire, dials: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The pretend carrier's process; what it said of its addresses."""
    module, usual = CARRIERS[wire]
    command = [sys.executable, "-m", module, "--json", json.dumps({**usual, **dials}), "--ledger", str(ledger)]
    with (folder / "carrier.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, start_new_session=True)  # noqa: S603
    try:
        first = process.stdout.readline() if process.stdout else b""
        if not first:
            raise UserError(f"Nhà mạng giả lập không khởi động được; xem {folder / 'carrier.log'}")
        yield json.loads(first)
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout:
            process.stdout.close()


def _routes(wire: Wire, carrier: dict[str, Any], port: int, ways: Sequence[Way]) -> str:
    options = _esms_options(carrier, port) if wire is Wire.ESMS else _smpp_options(carrier)
    written = "".join(f"{name} = {json.dumps(value)}\n" for name, value in options.items())
    return "\n".join(_route(wire, way) + written for way in ways)


def _route(wire: Wire, way: Way) -> str:
    return f"""[[route]]
name = "{way.name}"
provider = "{wire}"
networks = {json.dumps(list(way.networks))}
sender = {json.dumps(way.sender)}
tps = {way.tps}
window = {way.window}
[route.options]
"""


def _esms_options(carrier: dict[str, Any], port: int) -> dict[str, Any]:
    keys = {"api_key": "sandbox-api-key", "secret_key": "sandbox-secret-key"}
    return {"base_url": carrier["base_url"], **keys, "callback_base": f"http://127.0.0.1:{port}"}


def _smpp_options(carrier: dict[str, Any]) -> dict[str, Any]:
    account = {"system_id": "sandbox", "password": "secret", "timeout": 5}
    return {"host": carrier["host"], "port": carrier["port"], **account}


def _environment(env_file: Path) -> dict[str, str]:
    """Our environment without a word about any other installation."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DISPATCHER_")}
    return {**kept, "DISPATCHER_ENV_FILE": str(env_file)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
