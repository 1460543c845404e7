"""A campaign by Zalo first and then by SMS, in real processes, with everything going wrong; judged by both carriers' ledgers.

By hand: `python -m tests.journeys.zalo --people 50000 --workers 4`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from campaigns import definition
from dispatcher import control
from dispatcher.approval import approve
from dispatcher.embedded import Embedded
from dispatcher.importing import Order, import_audience, relate
from dispatcher.keyring import Keyring, open_keyring
from dispatcher.review import Office
from dispatcher.settings import load_routes
from dispatcher.store import campaigns, installation
from dispatcher.store.database import Pool, migrate, new_pool
from providers.sandbox.chance import Chance

EDITION = "zalo-2026"
SEED = 7
NO_ACCOUNT, OPTED_OUT, UNREACHED = 0.40, 0.01, 0.03
LOST_ANSWERS, LOST_WEBHOOKS, LATE_WEBHOOKS, REPEATED_WEBHOOKS = 0.005, 0.05, 0.10, 0.02
# The template's time, on the rehearsal clock; the wave itself lasts the day.
TEMPLATE_SECONDS = 1800
# What is being asked of the carrier is not due meanwhile: of many silent messages there is always some left to ask.
QUIET_SECONDS, QUIET_SECONDS_OF_MANY, MANY = 4.0, 40.0, 1_000
# What we say of people of whom nobody knows, or whom nothing reached.
OPEN = frozenset({"uncertain", "unconfirmed", "undelivered"})

DEFINITION = """
slug = "zalo"
title = "Zalo trước, SMS sau"
owner = "Ban Chỉ đạo 138"
occasion = "drug-action-month"
message_class = "public_information"
audience = "everybody"
[period]
start = "06-01"
end = "06-30"
[[legal_basis]]
kind = "Quyết định"
number = "93/2001/QĐ-TTg"
date = "2001-06-13"
issuer = "Thủ tướng Chính phủ"
subject = "Tháng hành động phòng, chống ma túy"
[channel]
policy = "zalo_then_sms"
wait_minutes = 20
[texts.launch]
accented = "{owner}: Nói không với ma túy. Cần giúp đỡ, gọi công an xã."
unaccented = "{owner}: Noi khong voi ma tuy. Can giup do, goi cong an xa."
[texts.launch.zalo]
template = "204519"
parameters = { co_quan = "{owner}", xa = "{commune}" }
[[wave]]
slug = "launch"
title = "Mở đầu"
date = "06-01"
window = ["07:00", "21:00"]
text = "launch"
form = "unaccented"
"""


@dataclass(frozen=True)
class Verdict:
    """What the ledgers and the database say, compared."""

    people: int
    by_zalo: int
    by_sms: int
    refused_sms: int
    unreached_then_sms: int
    uncertain: int
    statuses: dict[str, int]
    accounted: bool
    twice: int
    forgotten: int
    contradicted: int
    expiries: int
    refreshes: int
    refreshes_too_many: int
    webhooks: int
    seconds: float

    @property
    def good(self) -> bool:
        wrong = (self.twice, self.forgotten, self.contradicted, self.refused_sms, self.refreshes_too_many)
        return self.accounted and not any(wrong) and self.refreshes == self.expiries > 0


def run(folder: Path, people: int, workers: int, limit_seconds: float) -> Verdict:
    """Everything from an empty folder; raises TimeoutError when it does not come to rest in time."""
    with ExitStack() as stack:
        servers = stack.enter_context(Embedded(folder))
        migrate(servers.database_url)
        web_port = _free_port()
        environment = _environment(folder, web_port)
        esms, zalo = (stack.enter_context(told) for told in _carriers(folder, people, web_port))
        _write_routes(folder / "routes.toml", esms, zalo)
        keyring = open_keyring(folder / "keys" / "keyring.json", create=True)
        numbers = [f"849{n:08}" for n in range(10_000_000, 10_000_000 + people)]
        authorise(environment, zalo["code"])
        asyncio.run(_prepare(folder, servers.database_url, keyring, numbers))
        began = time.monotonic()
        for command in ("web", "clock", *["worker"] * workers):
            stack.enter_context(_process(folder, environment, command))
        quiet = QUIET_SECONDS if people < MANY else QUIET_SECONDS_OF_MANY
        asyncio.run(_rest(servers.database_url, began + limit_seconds, quiet))
        return asyncio.run(_judge(folder, servers.database_url, keyring, numbers, time.monotonic() - began))


def authorise(environment: dict[str, str], code: str) -> None:
    """As an administrator of the account does it."""
    command = [sys.executable, "-m", "dispatcher", "route", "authorise", "zalo", "--by", "Quản trị viên", "--json"]
    subprocess.run(command, input=f"{code}\n", text=True, env=environment, check=True, capture_output=True)


def _carriers(folder: Path, people: int, web_port: int) -> Iterator[Any]:
    token = open_keyring(folder / "keys" / "keyring.json", create=True).callback_token("zalo")
    webhooks = {
        "delay_seconds": {"mean": 0.3, "jitter": 0.3},
        "lost": LOST_WEBHOOKS,
        "late": LATE_WEBHOOKS,
        "late_seconds": 8.0,
        "repeated": REPEATED_WEBHOOKS,
    }
    dials = {
        "seed": SEED,
        "template": {"parameters": {"co_quan": 40, "xa": 60}, "timeout_seconds": TEMPLATE_SECONDS},
        "access_uses": max(people // 5, 20),
        "no_account": NO_ACCOUNT,
        "refusals": {"-141": OPTED_OUT},
        "unreached": UNREACHED,
        "lost_answers": LOST_ANSWERS,
        "webhooks": webhooks,
        "webhook_url": f"http://127.0.0.1:{web_port}/callbacks/zalo/{token}",
    }
    yield _told("providers.sandbox", {"seed": SEED, "brandnames": ["CA LANGSON"]}, folder / "sms.jsonl")
    yield _told("providers.sandbox.zalo", dials, folder / "zalo.jsonl")


@contextmanager
def _told(module: str, dials: dict[str, object], ledger: Path) -> Iterator[dict[str, Any]]:
    """What a pretend carrier says of itself when it is ready; ended on the way out."""
    command = [sys.executable, "-m", module, "--json", json.dumps(dials), "--ledger", str(ledger)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            yield json.loads(process.stdout.readline() if process.stdout else b"{}")
        finally:
            process.terminate()


def _write_routes(path: Path, esms: dict[str, Any], zalo: dict[str, Any]) -> None:
    keys = {"base_url": esms["base_url"], "api_key": "sandbox-api-key", "secret_key": "sandbox-secret-key"}
    path.write_text(_route("sms", "esms", "CA LANGSON", keys) + _route("zalo", "zalo_zbs", "Công an", zalo["options"]))


def _route(name: str, provider: str, sender: str, options: dict[str, str]) -> str:
    told = "".join(f"{key} = {json.dumps(value)}\n" for key, value in options.items())
    head = f'[[route]]\nname = "{name}"\nprovider = "{provider}"\nnetworks = ["*"]\nsender = "{sender}"\ntps = 5000\n'
    return f"{head}[route.options]\n{told}"


def _environment(folder: Path, web_port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DISPATCHER_")}
    ours = {"FOLDER": str(folder), "ROUTES": str(folder / "routes.toml"), "ENV_FILE": "", "WEB_PORT": str(web_port)}
    return kept | {f"DISPATCHER_{name}": value for name, value in ours.items()}


@contextmanager
def _process(folder: Path, environment: dict[str, str], command: str) -> Iterator[None]:
    with (folder / f"{command}.out").open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "dispatcher", command], env=environment, stdout=output, stderr=output
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _prepare(folder: Path, url: str, keyring: Keyring, numbers: list[str]) -> None:
    """A campaign that is due, approved by a second person."""
    roster = folder / "roster.csv"
    roster.write_text("SĐT\n" + "".join(f"0{number[2:]}\n" for number in numbers))
    campaign = definition.parse(DEFINITION, "zalo", year=2026)
    routes = load_routes(folder / "routes.toml")
    async with new_pool(url, 1) as pool, pool.connection() as connection:
        await import_audience(connection, keyring, Order(roster, "everybody", "author"), lambda _done, _total: None)
        await relate(connection, "everybody", "người dân đã đăng ký nhận tin tại bộ phận một cửa", "author")
        await control.add(connection, campaign, "author")
        await approve(connection, EDITION, "approver", Office(routes))
        await control.start(connection, EDITION, "approver", routes)
        (wave,) = await campaigns.waves(connection, (await control.find(connection, EDITION)).id)
        await installation.rehearse_at(connection, wave.opens_at)


async def _rest(url: str, deadline: float, quiet: float) -> None:
    """Wait until nothing moves, let the template's time pass, and wait again."""
    async with new_pool(url, 1) as pool:
        await _quiet(pool, deadline, quiet)
        async with pool.connection() as connection:
            now = await installation.now(connection)
            await installation.rehearse_at(connection, now + timedelta(seconds=TEMPLATE_SECONDS + 120))
        await _quiet(pool, deadline, quiet)


STILL = """
SELECT (SELECT array_agg((status, n) ORDER BY status) FROM message_counts) AS counts,
       (SELECT count(*) FROM awaited WHERE due_at <= dispatcher_now()) AS due, (SELECT count(*) FROM receipts) AS receipts,
       (SELECT count(*) FROM messages WHERE status IN ('queued', 'retrying', 'sending')) AS waiting,
       (SELECT count(*) FROM waves WHERE status IN ('scheduled', 'expanding')) AS planning
"""


async def _quiet(pool: Pool, deadline: float, quiet: float) -> None:
    seen, since = None, time.monotonic()
    while time.monotonic() - since < quiet or seen is None or seen.due or seen.waiting or seen.planning:
        if time.monotonic() > deadline:
            raise TimeoutError(f"still not at rest: {seen}")
        await asyncio.sleep(0.5)
        async with pool.connection() as connection:
            now = await (await connection.execute(STILL)).fetchone()
        if now != seen:
            seen, since = now, time.monotonic()


async def _judge(folder: Path, url: str, keyring: Keyring, numbers: list[str], seconds: float) -> Verdict:
    """Both carriers' ledgers against each other, and against what we say of each person."""
    zalo, sms = _lines(folder / "zalo.jsonl"), _lines(folder / "sms.jsonl")
    taken = Counter(entry["phone"] for entry in zalo if entry["kind"] == "request" and entry["fate"] == "taken")
    texted = Counter(entry["phone"] for entry in sms if entry["kind"] == "request" and entry["fate"] == "taken")
    chance = Chance(SEED)
    arrived = Counter({n: k for n, k in taken.items() if not chance.happens(UNREACHED, n, "unreached")})
    refused = {entry["phone"] for entry in zalo if entry["kind"] == "request" and entry["code"] == "-141"}
    refreshes = [entry for entry in zalo if entry["kind"] == "refresh"][1:]  # the first was a person's
    async with new_pool(url, 1) as pool, pool.connection() as connection:
        seen = await control.view(connection, EDITION)
        rows = await connection.execute("SELECT msisdn_hash, status::text FROM messages")
        said = {row.msisdn_hash: row.status async for row in rows}
    ours = dict(zip(numbers, (said.get(hashed) for hashed in keyring.hashes(numbers)), strict=True))
    stale = [entry for entry in zalo if entry["kind"] == "request" and entry["code"] == "-124"]
    reached = arrived + texted
    return Verdict(
        people=len(numbers),
        by_zalo=len(arrived),
        by_sms=len(texted),
        refused_sms=len(refused & texted.keys()),
        unreached_then_sms=len((taken.keys() - arrived.keys()) & texted.keys()),
        uncertain=sum(status == "uncertain" for status in ours.values()),
        statuses=dict(Counter(str(status) for status in ours.values())),
        accounted=seen.accounted and len(said) == len(numbers),
        twice=sum(1 for times in reached.values() if times > 1) + sum(1 for times in taken.values() if times > 1),
        forgotten=sum(not reached[n] and n not in refused and ours[n] not in OPEN for n in numbers),
        contradicted=sum(_contradicted(ours[n], reached[n] > 0, n in refused) for n in numbers),
        expiries=_expiries(stale, refreshes),
        refreshes=len(refreshes),
        refreshes_too_many=sum(not entry["ended"] or not entry["granted"] for entry in refreshes),
        webhooks=sum(entry["kind"] == "callback" for entry in zalo),
        seconds=round(seconds, 1),
    )


def _contradicted(ours: str | None, reached: bool, refused: bool) -> bool:
    """Whether we say what the carriers know better."""
    return (ours == "delivered" and not reached) or (ours == "rejected" and not refused)


def _expiries(stale: list[dict[str, Any]], refreshes: list[dict[str, Any]]) -> int:
    """How often a token that had been good was refused: between two refreshes once, however many calls met it."""
    bounds = [entry["time"] for entry in refreshes]
    return len(
        {
            sum(entry["time"] > bound for bound in bounds)
            for entry in stale
            if entry["time"] < (bounds[-1] if bounds else 0)
        }
    )


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.journeys.zalo")
    parser.add_argument("--people", type=int, default=50_000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--limit", type=float, default=1800, help="seconds")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="zalo-") as folder:
        found = run(Path(folder), asked.people, asked.workers, asked.limit)
    sys.stdout.write(json.dumps({**asdict(found), "good": found.good}, ensure_ascii=False, indent=2) + "\n")
    return 0 if found.good else 1


if __name__ == "__main__":
    sys.exit(main())
