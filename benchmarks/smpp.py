"""Messages a second over one bind, receipts on, nothing stored: our provider, and a bare client against the same sink.

    python -m benchmarks.smpp [--messages 200000] [--rounds 3]

The sink is a process of its own; it answers a whole read with one write. With an answer that takes 20 ms a window of 10
allows 500 messages a second, whoever asks: there the share of it that is used counts.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import multiprocessing
import resource
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import NamedTuple

import structlog

from providers.base import Encoding, Inbound, Receipt, Submission
from providers.http import Http
from providers.sandbox.smsc.sink import Sink
from providers.smpp.codes import OK, RESPONSE, Command
from providers.smpp.pdu import HEADER, Bind, Message, Reader, envelope, frame
from providers.smpp.provider import Smpp

TEXT = "Chung tay phong, chong ma tuy. Goi 113 de to giac toi pham. Cong an tinh Lang Son tran trong thong bao."
SUBMIT, DELIVER_ANSWER = int(Command.SUBMIT_SM), int(Command.DELIVER_SM) | RESPONSE
RECEIPT = (
    b" sub:001 dlvrd:001 submit date:2606011159 done date:2606011200 stat:DELIVRD err:000 text:Chung tay phong, cho"
)


def sink(told: Connection, answer_seconds: float) -> None:
    async def serve() -> None:
        async with Sink(receipts=True, answer_seconds=answer_seconds) as opened:
            told.send(opened.port)
            await asyncio.Event().wait()

    asyncio.run(serve())


class Bare(asyncio.Protocol):
    """The least that a client can do: PDUs written as places in the window come free, receipts counted and answered."""

    def __init__(self, messages: int, window: int, done: asyncio.Future[None]) -> None:
        self._left, self._window, self._done = messages, window, done
        self._receipts = messages
        self._reader = Reader()
        before, after = envelope(
            Message(source=b"CA LANGSON", source_ton=5, dest_ton=1, dest_npi=1, text=TEXT.encode())
        )
        self._body = before + b"84912345678" + after
        self._sequence = 1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._transport.write(frame(Command.BIND_TRANSCEIVER, OK, 1, Bind(b"a", b"b").pack()))

    def data_received(self, data: bytes) -> None:
        out: list[bytes] = []
        room = 0
        for command, _, sequence, _ in self._reader.feed(data):
            if command == SUBMIT | RESPONSE:
                room += 1
            elif command == Command.DELIVER_SM:
                self._receipts -= 1
                out.append(HEADER.pack(17, DELIVER_ANSWER, OK, sequence) + b"\0")
            else:
                room = self._window
        for _ in range(min(room, self._left)):
            self._left -= 1
            self._sequence += 1
            out.append(HEADER.pack(16 + len(self._body), SUBMIT, OK, self._sequence) + self._body)
        self._transport.write(b"".join(out))
        if not self._receipts and not self._done.done():
            self._done.set_result(None)


async def bare(port: int, window: int, messages: int) -> None:
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    transport, _ = await loop.create_connection(lambda: Bare(messages, window, done), "127.0.0.1", port)
    await done
    transport.close()


async def ours(port: int, window: int, messages: int) -> None:
    """Four calls at a time, as the dispatcher makes them; so large that the window is always full."""
    heard, all_heard = 0, asyncio.Event()

    async def hear(news: Sequence[Receipt | Inbound]) -> None:
        nonlocal heard
        heard += len(news)
        if heard >= messages:
            all_heard.set()

    options = Smpp.options_model.model_validate(
        {"host": "127.0.0.1", "port": port, "system_id": "a", "password": "b", "window": window}
    )
    size = min(500, 5 * window)
    calls = iter(range(0, messages, size))

    async def lane(provider: Smpp) -> None:
        for first in calls:
            numbers = range(first, min(first + size, messages))
            await provider.submit([Submission(f"{n:032x}", f"849{n:08d}", TEXT, Encoding.GSM7, 1) for n in numbers])

    async with Http() as http:
        provider = Smpp("CA LANGSON", options, http)
        await provider.open(hear)
        await asyncio.gather(*(lane(provider) for _ in range(4)))
        await all_heard.wait()
        await provider.close()


CLIENTS = {"bare client": bare, "our provider": ours}


class Bench(NamedTuple):
    client: str
    port: int
    window: int
    messages: int
    rounds: int


def measure(bench: Bench, answer_seconds: float) -> None:
    rates, costs = [], []
    for _ in range(bench.rounds):
        began, used = time.perf_counter(), _cpu()
        asyncio.run(CLIENTS[bench.client](bench.port, bench.window, bench.messages))
        rates.append(bench.messages / (time.perf_counter() - began))
        costs.append((_cpu() - used) / bench.messages * 1e6)
    rate = f"{statistics.median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f})"
    cost = statistics.median(costs)
    print(f"| {bench.client} | {answer_seconds * 1000:g} ms | {bench.window} | {rate} | {cost:.1f} |", flush=True)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--messages", type=int, default=200_000)
    asked.add_argument("--rounds", type=int, default=3)
    chosen = asked.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    print("| client | answer | window | messages/s, median (least to most) | CPU us a message |\n|---|---|---|---|---|")
    for answer_seconds, messages in ((0.0, chosen.messages), (0.02, 2_000)):
        with a_sink(answer_seconds) as port:
            for window in (10, 100):
                for name in CLIENTS:
                    measure(Bench(name, port, window, messages, chosen.rounds), answer_seconds)


@contextmanager
def a_sink(answer_seconds: float) -> Iterator[int]:
    ours_end, its_end = multiprocessing.Pipe()
    process = multiprocessing.Process(target=sink, args=(its_end, answer_seconds), daemon=True)
    process.start()
    try:
        yield ours_end.recv()
    finally:
        process.terminate()
        process.join()


if __name__ == "__main__":
    main()
