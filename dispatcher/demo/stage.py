"""The demo's stage: a fresh folder, a pretend carrier, routes to it, and the processes of an installation."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dispatcher.embedded import Embedded, EmbeddedError
from dispatcher.errors import UserError
from dispatcher.runtime import Addresses
from dispatcher.servers import reach
from dispatcher.settings import Settings, fixed

# What makes it a rehearsal worth watching: refusals, cut lines, late and missing receipts, as on a bad day.
DIALS = {
    "seed": 2026,
    "brandnames": ["CA LANGSON"],
    "latency_seconds": {"mean": 0.02, "jitter": 0.01},
    "refusals": {"99": 0.006, "108": 0.003, "177": 0.004},
    "lost_answers": 0.002,
    "receipts": {
        "delay_seconds": {"mean": 1.0, "jitter": 0.9},
        "undelivered": 0.03,
        "never": 0.004,
        "repeated": 0.02,
        "out_of_order": 0.02,
        "early": 0.01,
    },
}
# Uncertain messages that nobody has spoken of are given up after so long (on the rehearsal clock).
SETTLE_SECONDS = 30
# name -> (networks, segments a second)
ROUTES = {
    "gia-lap-viettel": (["viettel"], 400),
    "gia-lap-vinaphone": (["vinaphone", "itel"], 200),
    "gia-lap-mobifone": (["mobifone"], 200),
    "gia-lap-khac": (["*"], 100),
}


@dataclass(frozen=True)
class Stage:
    """What is set up: the folder, the settings of the installation, where its servers are, the carrier's ledger.

    With DISPATCHER_ENV_FILE naming `env_file`, any `dispatcher` command works on this installation.
    """

    folder: Path
    settings: Settings
    addresses: Addresses
    ledger: Path
    env_file: Path
    environment: dict[str, str]


@contextmanager
def set_up(folder: Path, workers: int) -> Iterator[Stage]:
    """Everything but the processes of the installation; nothing of it is left running on the way out."""
    with ExitStack() as stack:
        stack.enter_context(_alone(folder))
        ledger = folder / "carrier-ledger.jsonl"
        carrier = stack.enter_context(_carrier(folder, ledger))
        port = _free_port()
        routes = folder / "routes.toml"
        routes.write_text(_routes(carrier, port), encoding="utf-8")
        values = {
            "folder": folder,
            "routes": routes,
            "web_port": port,
            "workers": workers,
            "settle_seconds": SETTLE_SECONDS,
        }
        settings = fixed(**values)
        env_file = folder / "demo.env"
        env_file.write_text("".join(f"DISPATCHER_{name.upper()}={value}\n" for name, value in values.items()))
        addresses = stack.enter_context(reach(settings))
        yield Stage(folder, settings, addresses, ledger, env_file, _environment(env_file))


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
def _carrier(folder: Path, ledger: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "providers.sandbox", "--json", json.dumps(DIALS), "--ledger", str(ledger)]
    with (folder / "carrier.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, start_new_session=True)  # noqa: S603
    try:
        first = process.stdout.readline() if process.stdout else b""
        if not first:
            raise UserError(f"Nhà mạng giả lập không khởi động được; xem {folder / 'carrier.log'}")
        yield json.loads(first)["base_url"]
    finally:
        process.terminate()
        process.wait(10)


def _routes(base_url: str, port: int) -> str:
    return "\n".join(_route(name, networks, tps, base_url, port) for name, (networks, tps) in ROUTES.items())


def _route(name: str, networks: list[str], tps: int, base_url: str, port: int) -> str:
    return f"""[[route]]
name = "{name}"
provider = "esms"
networks = {json.dumps(networks)}
sender = "CA LANGSON"
tps = {tps}
[route.options]
base_url = "{base_url}"
api_key = "sandbox-api-key"
secret_key = "sandbox-secret-key"
callback_base = "http://127.0.0.1:{port}"
"""


def _environment(env_file: Path) -> dict[str, str]:
    """Our environment without a word about any other installation."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DISPATCHER_")}
    return {**kept, "DISPATCHER_ENV_FILE": str(env_file)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
