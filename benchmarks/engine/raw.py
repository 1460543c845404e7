"""The raw limit: the HTTP client that the product uses, and nothing else, sending the same bytes to the same sink.

Run as `python -m benchmarks.engine.raw SINK COUNT CONNECTIONS`; begins when told to, says when it is done.
"""

from __future__ import annotations

import asyncio
import json
import sys

import aiohttp

from benchmarks.rig import words

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


async def blast(sink: str, count: int, connections: int) -> None:
    """Send `count` requests over so many connections."""
    numbers = iter(range(count))

    async def lane() -> None:
        for number in numbers:
            async with session.post(sink, data=request(number), headers=HEADERS) as answer:
                await answer.read()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=connections)) as session:
        await asyncio.gather(*(lane() for _ in range(connections)))


if __name__ == "__main__":
    input()
    asyncio.run(blast(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
    print("done", flush=True)
    input()
