"""Broken PDUs by the million against the whole client: no exception, no growth.

    python -m tests.providers.smpp.fuzz [--pdus 10000000] [--seed 1]

Good PDUs of every kind are bent (bytes flipped, cut out, doubled, lengths changed) and fed to sessions in chunks of any
size; what gets through is read as the dispatcher would read it.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import resource
import time
from collections import Counter, deque

import structlog

from providers.smpp.calls import Call, Piece
from providers.smpp.codes import RESPONSE, Command, Tag
from providers.smpp.incoming import Ear
from providers.smpp.memory import Memory
from providers.smpp.options import SmppOptions, terms
from providers.smpp.pdu import (
    HEADER_SIZE,
    Bind,
    BindAnswer,
    Frame,
    Message,
    Outbind,
    Query,
    QueryAnswer,
    Reader,
    frame,
    pack_data,
)
from providers.smpp.session import Session

OPTIONS = SmppOptions.model_validate({"host": "127.0.0.1", "system_id": "a", "password": "b"})
RECEIPT = (
    b"id:0123456789 sub:001 dlvrd:001 submit date:2606011159 done date:2606011200 stat:DELIVRD err:000 text:Noi khong"
)
TLVS = {Tag.RECEIPTED_MESSAGE_ID: b"0123456789\0", Tag.MESSAGE_STATE: b"\2", Tag.NETWORK_ERROR_CODE: b"\3\0\1"}
SAR = {Tag.SAR_MSG_REF_NUM: b"\0\7", Tag.SAR_TOTAL_SEGMENTS: b"\2", Tag.SAR_SEGMENT_SEQNUM: b"\1"}
WINDOW = 32
# Frames of a session, after which another begins: a connection that lost its measure reads no more.
A_SESSION, GOODBYES = 200, 0.002


def corpus() -> list[bytes]:
    """One good PDU of every kind that a centre may send; the first ends a session."""
    told = Message(source=b"84912345678", source_ton=1, dest=b"CA LANGSON", dest_ton=5, esm_class=4, text=RECEIPT)
    said = Message(source=b"+84912345678", dest=b"8138", data_coding=8, text="Từ chối nhận".encode("utf-16-be"))
    header = Message(source=b"0912345678", dest=b"8138", esm_class=0x40, text=b"\5\0\3\7\2\1" + b"a" * 100)
    messages = [told, told._replace(tlvs=TLVS), said, header, said._replace(tlvs=SAR)]
    bodies = [(Command.DELIVER_SM, message.pack()) for message in messages]
    bodies += [(Command.DATA_SM, pack_data(message)) for message in messages]
    bodies += [
        (Command.SUBMIT_SM | RESPONSE, b"0123456789abcdef\0"),
        (Command.BIND_TRANSCEIVER | RESPONSE, BindAnswer(b"CENTRE", 0x34).pack()),
        (Command.BIND_TRANSCEIVER, Bind(b"a", b"b").pack()),
        (Command.QUERY_SM, Query(b"1", 0, 0, b"a").pack()),
        (Command.QUERY_SM | RESPONSE, QueryAnswer(b"1", b"", 2, 0).pack()),
        (Command.OUTBIND, Outbind(b"a", b"b").pack()),
    ]
    bare = (Command.ENQUIRE_LINK, Command.ENQUIRE_LINK | RESPONSE, Command.GENERIC_NACK, 0x99)
    bodies += [(command, b"") for command in bare]
    return [frame(Command.UNBIND, 0, 5), *(frame(command, 0, 5, body) for command, body in bodies)]


def bent(good: bytes, dice: random.Random) -> bytes:
    """The PDU with up to three things wrong; its length is put right again but one time in a thousand."""
    octets = bytearray(good)
    for _ in range(dice.randrange(4)):
        at = dice.randrange(len(octets) or 1)
        match dice.randrange(5):
            case 0:
                octets[at : at + 1] = dice.randbytes(1)
            case 1:
                del octets[at : at + dice.randrange(1, 20)]
            case 2:
                octets[at:at] = octets[at : at + dice.randrange(1, 60)]
            case 3:
                octets[at:at] = dice.randbytes(dice.randrange(1, 20))
            case _:
                octets[at : at + 2] = b"\xff\xff"
    octets += bytes(max(0, HEADER_SIZE - len(octets)))
    if dice.randrange(1000):
        octets[:4] = len(octets).to_bytes(4, "big")
    return bytes(octets)


class Counting(Reader):
    """Counts what it cut out."""

    frames = 0

    def feed(self, data: bytes) -> list[Frame]:
        found = super().feed(data)
        self.frames += len(found)
        return found


class Wire(asyncio.Transport):
    """Counts what the session says and lets it go."""

    def __init__(self) -> None:
        super().__init__()
        self.closing = False
        self.said = 0

    def write(self, data: object) -> None:
        self.said += 1

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    abort = close


class Work:
    """Hands a session messages to wait for, and counts what becomes of them."""

    def __init__(self) -> None:
        self.fates: Counter[str] = Counter()
        self._call = Call(["0" * 32], 0.0)

    def take(self, backlog: deque[Piece], room: int) -> list[Piece]:
        return [(self._call, 0, -1, b"body")] * room

    def answered(self, piece: Piece, status: int, id_: bytes) -> None:
        self.fates["taken" if status == 0 else "turned away"] += 1

    def answered_late(self, piece: Piece, status: int, id_: bytes) -> None:
        self.fates["late"] += 1

    def lost(self, piece: Piece, why: str) -> None:
        self.fates["lost"] += 1

    def unwritten(self, piece: Piece, why: str) -> None:
        self.fates["unwritten"] += 1


async def play(pdus: int, seed: int) -> Counter[str]:
    dice, (goodbye, *good), work = random.Random(seed), corpus(), Work()
    ear = Ear(OPTIONS, Memory())
    (agreed,) = terms(OPTIONS.model_copy(update={"window": WINDOW}))

    async def store(messages: list[Message]) -> None:
        work.fates["understood"] += len(ear.understood(messages))

    while work.fates["PDUs read"] < pdus:
        wire, session = Wire(), Session(agreed, work, store)
        session.connection_made(wire)
        session.bound = True
        session.pump()
        pieces = [bent(goodbye if dice.random() < GOODBYES else dice.choice(good), dice) for _ in range(A_SESSION)]
        stream, at, reader = b"".join(pieces), 0, Counting()
        session._reader = reader
        while at < len(stream) and not wire.closing:
            size = dice.choice((1, 100, 1_000, 10_000, 65_536))
            session.data_received(stream[at : at + size])
            at += size
        work.fates["PDUs read"] += reader.frames
        session.sweep(asyncio.get_running_loop().time())
        session.connection_lost(None)
        await session.hearing.idle(10)
        work.fates["sessions"] += 1
    return work.fates


def memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--pdus", type=int, default=10_000_000)
    asked.add_argument("--seed", type=int, default=1)
    chosen = asked.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    asyncio.run(play(20_000, chosen.seed + 1))
    before, began = memory(), time.monotonic()
    fates = asyncio.run(play(chosen.pdus, chosen.seed))
    print(f"{fates['PDUs read']:,} PDUs in {time.monotonic() - began:.0f} s: {dict(fates)}")  # noqa: T201
    print(f"largest memory: {before:,} kB after warming up, {memory():,} kB at the end")  # noqa: T201


if __name__ == "__main__":
    main()
