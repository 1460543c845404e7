"""The plain way, as a competent person writes it: a queue message, a request, an INSERT and an UPDATE for each text.

The actor submits through a kept-alive httpx client and inserts the row with the carrier's reference; the callback
updates it. dramatiq's own defaults: a process for each processor, eight threads in each. `broker` is for the dramatiq command,
`app` for uvicorn, and `python -m benchmarks.engine.naive COUNT` puts so many texts on the queue once it is told to; NAIVE_* in
the environment say where everything is.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import dramatiq
import httpx
import psycopg
from dramatiq.brokers.redis import RedisBroker
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from benchmarks.rig import words

# A report may come before the row is written: whoever comes first inserts, the other updates.
WROTE = """
INSERT INTO naive (id, msisdn, reference, status, sent_at) VALUES (%s, %s, %s, %s, now())
ON CONFLICT (id) DO UPDATE SET msisdn = EXCLUDED.msisdn, reference = EXCLUDED.reference, sent_at = EXCLUDED.sent_at
"""
REPORTED = """
INSERT INTO naive (id, status, final_at) VALUES (%s, %s, now())
ON CONFLICT (id) DO UPDATE SET status = EXCLUDED.status, final_at = EXCLUDED.final_at
"""
CALLBACK, SINK = os.environ["NAIVE_CALLBACK"], os.environ["NAIVE_SINK"]
DATABASE, VALKEY = os.environ["NAIVE_DATABASE"], os.environ["NAIVE_VALKEY"]
TEXT = f"Ban Chi dao 138: {words(1)}"

broker = RedisBroker(url=VALKEY)
dramatiq.set_broker(broker)
_own = threading.local()
logging.getLogger("httpx").setLevel(logging.WARNING)  # not a line for each text


def _tools() -> tuple[httpx.Client, psycopg.Connection[tuple[object, ...]]]:
    """A client and a connection for each thread, kept open."""
    if not hasattr(_own, "tools"):
        _own.tools = httpx.Client(timeout=30), psycopg.connect(DATABASE, autocommit=True)
    tools: tuple[httpx.Client, psycopg.Connection[tuple[object, ...]]] = _own.tools
    return tools


@dramatiq.actor(max_retries=3)
def send(message_id: str, msisdn: str) -> None:
    client, connection = _tools()
    body = {
        "ApiKey": "sandbox-api-key",
        "SecretKey": "sandbox-secret-key",
        "Phone": msisdn,
        "Content": TEXT,
        "Brandname": "CA LANGSON",
        "SmsType": "2",
        "IsUnicode": "0",
        "RequestId": message_id,
        "CallbackUrl": CALLBACK,
    }
    answer = client.post(SINK, json=body).raise_for_status().json()
    taken = answer["CodeResult"] == "100"
    connection.execute(WROTE, [message_id, msisdn, answer.get("SMSID"), "submitted" if taken else "rejected"])


async def report(request: Request) -> PlainTextResponse:
    status = "delivered" if request.query_params["SendSuccess"] == "1" else "undelivered"
    async with request.app.state.pool.connection() as connection:
        await connection.execute(REPORTED, [request.query_params["RequestId"], status])
    return PlainTextResponse("ok")


@asynccontextmanager
async def _with_pool(app: Starlette) -> AsyncIterator[None]:
    async with AsyncConnectionPool(DATABASE, min_size=4, max_size=8, open=False, kwargs={"autocommit": True}) as pool:
        app.state.pool = pool
        yield


app = Starlette(routes=[Route("/report", report)], lifespan=_with_pool)


if __name__ == "__main__":
    input()
    for number in range(int(sys.argv[1])):
        send.send(str(uuid.UUID(int=number)), f"849{number:08}")
    input()
