"""The sink for measuring answers as an SMSC does, and counts."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys

import pytest

from providers.base import Outcome
from providers.sandbox.smsc.sink import Sink
from providers.smpp.codes import RESPONSE, Command
from providers.smpp.pdu import Bind, BindAnswer, Message, Reader, answer, frame, message_id, read_message
from providers.smpp.receipt import Dialect, is_receipt, report

SUBMITTED = Command.SUBMIT_SM | RESPONSE
MESSAGE = Message(source_ton=5, source=b"CA LANGSON", dest_ton=1, dest_npi=1, dest=b"84912345678", text=b"Chao")


async def played(sink: Sink, count: int, deliveries: int) -> list[tuple[int, int, int, bytes]]:
    """Bind, submit `count` messages, acknowledge `deliveries` receipts, leave; everything that came back."""
    incoming, outgoing = await asyncio.open_connection(sink.host, sink.port)
    outgoing.write(frame(Command.BIND_TRANSCEIVER, 0, 1, Bind(b"anybody", b"any").pack()))
    outgoing.write(b"".join(frame(Command.SUBMIT_SM, 0, 2 + n, MESSAGE.pack()) for n in range(count)))
    outgoing.write(frame(Command.ENQUIRE_LINK, 0, 99))
    outgoing.write(b"".join(answer(Command.DELIVER_SM, 0, 1 + n, b"\0") for n in range(deliveries)))
    reader, frames = Reader(), []
    while len(frames) < 2 + count + deliveries:
        frames += reader.feed(await incoming.read(65536))
    outgoing.write(frame(Command.UNBIND, 0, 100))
    assert await incoming.read() == answer(Command.UNBIND, 0, 100)
    outgoing.close()
    return frames


@pytest.mark.parametrize("answer_seconds", [0.0, 0.01])
async def test_everything_is_taken_and_every_answer_has_an_id_of_its_own(answer_seconds):
    async with Sink(answer_seconds=answer_seconds) as sink:
        frames = await played(sink, 50, 0)
        answers = [one for one in frames if one[0] == SUBMITTED]
        assert [sequence for _, _, sequence, _ in answers] == [*range(2, 52)]
        assert len({message_id(body) for *_, body in answers}) == sink.taken == 50
        assert BindAnswer.read(frames[0][3]) == (b"sink", 0x34)


async def test_each_message_has_its_receipt():
    async with Sink(receipts=True) as sink:
        frames = await played(sink, 20, 20)
        ids = [message_id(body).decode() for command, _, _, body in frames if command == SUBMITTED]
        messages = [read_message(body) for command, _, _, body in frames if command == Command.DELIVER_SM]
        found = [report(message, Dialect()) for message in messages]
        assert [one.reference for one in found] == ids
        assert {one.outcome for one in found} == {Outcome.DELIVERED}
        assert {(message.source, message.dest, is_receipt(message)) for message in messages} == {
            (b"84912345678", b"CA LANGSON", True)
        }
        assert sink.acknowledged == 20


def test_it_is_never_reached_from_outside():
    with pytest.raises(ValueError, match="loopback"):
        Sink(host="0.0.0.0")


def test_it_runs_as_a_process_of_its_own():
    command = [sys.executable, "-m", "providers.sandbox.smsc", "--sink", "--receipts"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert set(json.loads(process.stdout.readline())) == {"host", "port"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
