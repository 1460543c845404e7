"""Callbacks pushed at the endpoint while a campaign is being sent: what is answered, how fast, and whether all of it is kept.

    python -m benchmarks.callbacks [--callbacks 200000] [--rate 1000] [--connections 64] [--tps 200]

A first campaign is sent before. Four genuine callbacks about each of its messages are pushed while a second one leaves, and
among them others that must be refused. Times are taken from the moment in which a callback was due, so that one that had to
wait for its turn counts as slow, and from when it was written. `--rate 0` pushes as fast as is answered.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import json
import random
import socket
import statistics
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.rig import DEFINITION, WAVE, Rig, installation_with, running
from campaigns import definition
from dispatcher import control
from dispatcher.approval import approve
from dispatcher.importing import Order, import_audience
from dispatcher.keyring import open_keyring
from dispatcher.review import Office
from dispatcher.settings import load_routes
from dispatcher.store.database import new_pool

EACH = 4
FAST = 5_000
BROKEN_EVERY = 20  # one of each kind that must be refused for so many genuine ones
OVERSIZED_EVERY = 500
PATIENCE_SECONDS = 600
SIGNED = """
[[route]]
name = "signed"
provider = "http_generic"
networks = ["gmobile"]
sender = "CA LANGSON"
tps = 1
callback_max_age_seconds = 3600
[route.options]
send = { url = "https://127.0.0.1:1/" }
answer = { code = "code", accepted = ["0"] }
[route.options.receipt]
format = "json"
message_id = "id"
status = "state"
delivered = ["2"]
time = "at"
signature = { header = "X-Signature", key = "the-key" }
"""


@dataclass(frozen=True)
class Push:
    """One request. `fresh`: on a connection of its own, because the server may hang up."""

    kind: str
    request: bytes
    wanted: int
    fresh: bool = False


@dataclass
class Heard:
    """What came back: seconds of the genuine ones, since they were due and since they were asked; how many of each kind had
    which answer; and what all of it took."""

    due: list[float]
    wire: list[float]
    answers: Counter[tuple[str, int, int]]  # (kind, wanted, given); given 0: hung up
    elapsed: float = 0.0
    used: float = 0.0


def pushes(ids: Sequence[str], tokens: dict[str, str]) -> Iterator[Push]:
    """Four genuine ones about each message, and one of each broken kind now and then."""
    only, signed = (f"/callbacks/{name}/{token}" for name, token in tokens.items())
    for number, message in enumerate(ids):
        first = number * EACH
        for turn, status in enumerate((1, 2, 5, 5)):
            yield Push("genuine", _get(only, _told(message, status, first + turn)), 200)
        if number % (BROKEN_EVERY // EACH) == 0:
            told = _told(message, 5, first)
            yield Push("replayed, byte for byte", _get(only, _told(message, 5, first + 3)), 200)
            yield Push("forged: a guessed token", _get(only[:-1] + "~", told), 404)
            yield Push("forged: another route's token", _get(f"/callbacks/only/{tokens['signed']}", told), 404)
            yield Push("truncated query", _get(only, told[: told.index("SendStatus")]), 400)
            yield Push("truncated body, signed", _post(signed, _body(message, time.time()), cut=5), 400)
            yield Push("forged: a wrong signature", _post(signed, _body(message, time.time()), key="another"), 400)
            yield Push("replayed, older than an hour", _post(signed, _body(message, time.time() - 3700)), 400)
        if number % (OVERSIZED_EVERY // EACH) == 0:
            yield Push("oversized", _post(only, b"x" * 300_000), 413, fresh=True)


def _told(message: str, status: int, number: int) -> str:
    succeeded = int(status == 5)
    return f"SMSID=p{number}&RequestId={message}&telcoid=1&SendSuccess={succeeded}&SendFailed=0&SendStatus={status}"


def _get(path: str, query: str) -> bytes:
    return f"GET {path}?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def _body(message: str, at: float) -> bytes:
    return json.dumps({"id": message, "state": "2", "at": int(at)}).encode()


def _post(path: str, body: bytes, key: str = "the-key", cut: int = 0) -> bytes:
    signature = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
    body = body[: len(body) - cut]
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\nX-Signature: {signature}\r\n\r\n"
    return head.encode() + body


async def push(port: int, all_of_it: Sequence[Push], rate: float, connections: int) -> Heard:
    """Push in order, `rate` a second over so many connections."""
    heard, began, turns = Heard([], [], Counter()), time.perf_counter(), iter(enumerate(all_of_it))

    async def lane() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number, one in turns:
            due = began + number / rate if rate else time.perf_counter()
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            asked = time.perf_counter()
            given = await (_alone(port, one.request) if one.fresh else _answer(reader, writer, one.request))
            heard.answers[one.kind, one.wanted, given] += 1
            if one.kind == "genuine":
                answered = time.perf_counter()
                heard.due.append(answered - due)
                heard.wire.append(answered - asked)
        writer.close()

    await asyncio.gather(*(lane() for _ in range(connections)))
    return heard


async def _alone(port: int, request: bytes) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        return await _answer(reader, writer, request)
    except (OSError, asyncio.IncompleteReadError):
        return 0
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> int:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
    return int(head[9:12])


@contextmanager
def endpoint(rig: Rig, port: int) -> Iterator[psutil.Process]:
    """The web process, ended on the way out."""
    rig.environment["DISPATCHER_WEB_PORT"] = str(port)
    process: subprocess.Popen[bytes] = rig.python("dispatcher", "web")
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with socket.socket() as knock:
                if knock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def counted(rig: Rig, query: str, *given: object) -> list[object]:
    """The first column of what the database answers."""
    async with new_pool(rig.database_url, 1) as pool, pool.connection() as connection:
        return [row[0] async for row in await connection.execute(query.encode(), given)]


def until(rig: Rig, query: str, enough: Callable[[int], bool], *given: object) -> int:
    """Wait until what the database counts is enough; answers it. Raises TimeoutError."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not enough(found := int(str(asyncio.run(counted(rig, query, *given))[0]))):
        if time.monotonic() > deadline:
            raise TimeoutError(f"only {found}: {query}")
        time.sleep(0.5)
    return found


SENT = "SELECT coalesce(sum(n), 0)::int FROM message_counts WHERE status NOT IN ('queued', 'sending') AND wave_id = %s"


async def second(rig: Rig, people: int) -> None:
    """Another campaign to other people, approved and started."""
    roster = rig.folder / "second.csv"
    roster.write_text("SĐT\n" + "".join(f"032{n:07}\n" for n in range(people)))
    text = DEFINITION.replace("{priority}", "normal").replace('"benchmark"', '"second"').replace("everybody", "second")
    campaign = definition.parse(text + WAVE.format(segments=1, words="Noi khong voi ma tuy"), "second", year=2026)
    routes = load_routes(rig.folder / "routes.toml")
    keyring = open_keyring(rig.folder / "keys" / "keyring.json", create=False)
    async with new_pool(rig.database_url, 1) as pool, pool.connection() as connection:
        await import_audience(connection, keyring, Order(roster, "second", "author"), lambda _done, _total: None)
        await control.add(connection, campaign, "author")
        await approve(connection, campaign.edition, "approver", Office(routes))
        await control.start(connection, campaign.edition, "approver", routes)


def measure(rig: Rig, arguments: argparse.Namespace) -> None:
    with running(rig, 2):
        until(rig, SENT, lambda sent: sent == arguments.callbacks // EACH, 1)
    slower = (rig.folder / "routes.toml").read_text().replace(f"tps = {FAST}", f"tps = {arguments.tps}")
    (rig.folder / "routes.toml").write_text(slower + SIGNED)
    span = arguments.callbacks / (arguments.rate or 1000)
    asyncio.run(second(rig, int(arguments.tps * span * 2)))
    ids = [
        str(one).replace("-", "")
        for one in asyncio.run(counted(rig, "SELECT id FROM stored_messages WHERE wave_id = 1"))
    ]
    keyring = open_keyring(rig.folder / "keys" / "keyring.json", create=False)
    tokens = {name: keyring.callback_token(name) for name in ("only", "signed")}
    all_of_it = list(pushes(random.Random(2026).sample(ids, len(ids)), tokens))
    port = free_port()
    with endpoint(rig, port) as web, running(rig, 2):
        before = until(rig, SENT, lambda sent: sent > 0, 2)
        began, used = time.perf_counter(), sum(web.cpu_times()[:2])
        heard = asyncio.run(push(port, all_of_it, arguments.rate, arguments.connections))
        heard.elapsed, heard.used = time.perf_counter() - began, sum(web.cpu_times()[:2]) - used
        left = until(rig, SENT, lambda _: True, 2) - before
        until(rig, "SELECT count(*)::int FROM receipt_inbox", lambda waiting: not waiting)
    report(rig, heard, left)


def report(rig: Rig, heard: Heard, left: int) -> None:
    calls, genuine = sum(heard.answers.values()), len(heard.due)
    print(f"{genuine} genuine callbacks in {heard.elapsed:.0f} s; {calls / heard.elapsed:.0f} calls a second")
    print(f"processor time of web: {heard.used / calls * 1e6:.0f} µs a call")
    for since, seconds in (("since it was due", sorted(heard.due)), ("since it was asked", sorted(heard.wire))):
        p50, p99 = statistics.median(seconds) * 1000, seconds[int(genuine * 0.99)] * 1000
        print(f"answered, {since}: {p50:.1f} ms (median), {p99:.0f} ms (p99), {seconds[-1] * 1000:.0f} ms (longest)")
    print(f"of the campaign {left} messages left meanwhile\n\n| what came | pushed | answered |\n|---|---:|---|")
    for kind in dict.fromkeys(kind for kind, _, _ in heard.answers):
        given = {str(status or "hung up"): n for (one, _, status), n in heard.answers.items() if one == kind}
        print(f"| {kind} | {sum(given.values())} | {', '.join(f'{status}: {n}' for status, n in given.items())} |")
    kept = sum(n for (_, _, status), n in heard.answers.items() if status == 200)
    logged = asyncio.run(counted(rig, "SELECT count(*)::int FROM receipts"))[0]
    moved = asyncio.run(counted(rig, "SELECT count(*)::int FROM receipts WHERE moved_to IS NOT NULL"))[0]
    delivered = asyncio.run(
        counted(rig, "SELECT count(*)::int FROM messages WHERE wave_id = 1 AND status = 'delivered'")
    )[0]
    print(
        f"\n{kept} answered with 200, {logged} in the log; {moved} moved a message, {delivered} messages are delivered"
    )
    wrong = {
        key: n for key, n in heard.answers.items() if key[1] != key[2] and not (key[0] == "oversized" and not key[2])
    }
    if wrong or logged != kept or not moved == delivered == genuine // EACH:
        raise SystemExit(f"NOT as it should be: {wrong}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--callbacks", type=int, default=200_000)
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--tps", type=int, default=200, help="of the campaign that is sent meanwhile")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        people = arguments.callbacks // EACH
        with installation_with(Path(folder), people, FAST, 500, {}, priority="normal") as rig:
            measure(rig, arguments)


if __name__ == "__main__":
    main()
