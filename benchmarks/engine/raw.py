"""The raw limit: a client and nothing else, sending the same bytes to the same sink.

Run as `python -m benchmarks.engine.raw CLIENT SINK COUNT WINDOW`, by `aiohttp`, by the product's own `connections`, or by `smpp`
over two binds, receipts answered; begins when told to, says when it is done.
"""

from __future__ import annotations

import asyncio
import json
import sys
from urllib.parse import urlsplit

import aiohttp

from benchmarks.engine.stage import BINDS
from benchmarks.rig import words
from benchmarks.smpp import bare
from providers.pool import Pool, Timeouts
from providers.wire import parted, written

HEADERS = {"Content-Type": "application/json", "Accept-Encoding": "identity"}


def request(number: int) -> bytes:
    """What the product's adapter sends for one message."""
    return json.dumps(
        {
            "ApiKey": "sandbox-api-key",
            "SecretKey": "sandbox-secret-key",
            "Phone": f"849{number:08}",
            "Content": f"Ban Chi dao 138: {words(1)}",
            "Brandname": "CA LANGSON",
            "SmsType": "2",
            "IsUnicode": "0",
            "RequestId": f"{number:032x}",
            "CallbackUrl": f"http://127.0.0.1:8700/callbacks/only/{'0' * 40}",
        },
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()


async def by_aiohttp(sink: str, count: int, connections: int) -> None:
    """Send `count` requests over so many connections."""
    numbers = iter(range(count))

    async def lane() -> None:
        for number in numbers:
            async with session.post(sink, data=request(number), headers=HEADERS) as answer:
                await answer.read()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=connections)) as session:
        await asyncio.gather(*(lane() for _ in range(connections)))


async def by_connections(sink: str, count: int, connections: int) -> None:
    """The same over `providers.pool`."""
    pool, numbers = Pool(Timeouts(), limit=connections, keep=4.0), iter(range(count))
    origin, host, target = parted(sink)

    async def lane() -> None:
        for number in numbers:
            await pool.exchange(origin, written("POST", host, target, HEADERS, request(number)))

    await asyncio.gather(*(lane() for _ in range(connections)))
    await pool.aclose()


async def by_smpp(sink: str, count: int, window: int) -> None:
    """Submissions over as many binds as a worker of ours has."""
    port = urlsplit(sink).port or 0
    await asyncio.gather(*(bare(port, window, count // BINDS) for _ in range(BINDS)))


CLIENTS = {"aiohttp": by_aiohttp, "connections": by_connections, "smpp": by_smpp}


if __name__ == "__main__":
    input()
    asyncio.run(CLIENTS[sys.argv[1]](sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
    print("done", flush=True)
    input()
