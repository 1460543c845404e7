"""The pretend carriers of a run: a process of its own each, that can be killed and started again at the same address."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.faults.scenarios import Wire

ROOT = Path(__file__).parents[2]
CALL_SECONDS = 2
# Every request stays open for a while: a random kill finds some on the wire.
LATENCY = {"mean": 0.1, "jitter": 0.05}
RECEIPTS = {"delay_seconds": {"mean": 0.4, "jitter": 0.4}, "undelivered": 0.05, "repeated": 0.05, "early": 0.05}
ESMS_DIALS: dict[str, Any] = {"latency_seconds": LATENCY, "receipts": RECEIPTS}
SMPP_DIALS: dict[str, Any] = {
    "latency_seconds": LATENCY,
    "lost_responses": 0.02,
    "late_responses": 0.02,
    "late_seconds": CALL_SECONDS + 1,
    "duplicate_responses": 0.05,
    "nacks": 0.02,
    "receipts": {**RECEIPTS, "form": "both", "timeout_seconds": 3, "retry_seconds": 0.5, "tries": 20},
}
MODULES = {Wire.ESMS: "providers.sandbox", Wire.SMPP: "providers.sandbox.smsc"}
DIALS = {Wire.ESMS: ESMS_DIALS, Wire.SMPP: SMPP_DIALS}


@dataclass
class Carrier:
    """`told` is what the process said of its addresses when it was ready."""

    wire: Wire
    ledger: Path
    receipts: Mapping[str, object]
    told: dict[str, Any] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._process.terminate()
            self._end(self._process)

    def start(self) -> None:
        """Start it, at the address it had before."""
        usual = DIALS[self.wire]
        dials = {**usual, "receipts": {**usual["receipts"], **self.receipts}}
        words = ["-m", MODULES[self.wire], "--json", json.dumps(dials), "--ledger", str(self.ledger)]
        port = ["--port", str(self.told["port"])] if "port" in self.told else []
        with self.ledger.with_name("carrier.out").open("ab") as complaints:  # of lines that our killed workers cut
            self._process = subprocess.Popen(
                [sys.executable, *words, *port], cwd=ROOT, stdout=subprocess.PIPE, stderr=complaints
            )
        self.told = json.loads(self._process.stdout.readline() if self._process.stdout else b"{}")

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process:
            self._process.kill()
            self._end(self._process)

    def summary(self) -> dict[str, Any]:
        """Its totals, as it tells them now."""
        with urllib.request.urlopen(f"{self.told['origin']}/ledger/summary", timeout=10) as answer:
            told: dict[str, Any] = json.load(answer)
        return told

    def order(self, act: str) -> None:
        """Have it do something to its sessions: `cut` or `hush`."""
        asked = urllib.request.Request(f"{self.told['origin']}/{act}", method="POST")
        with urllib.request.urlopen(asked, timeout=10):
            pass

    def options(self, web_port: int) -> str:
        """The options of a route that leads here, as TOML."""
        if self.wire is Wire.ESMS:
            return f"""base_url = "{self.told["base_url"]}"
api_key = "sandbox-api-key"
secret_key = "sandbox-secret-key"
callback_base = "http://127.0.0.1:{web_port}"
timeout = {CALL_SECONDS}
"""
        return f"""host = "{self.told["host"]}"
port = {self.told["port"]}
system_id = "sandbox"
password = "secret"
timeout = {CALL_SECONDS}
enquire_link = 1
enquire_timeout = 1
"""

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        process.wait(30)
        if process.stdout:
            process.stdout.close()
