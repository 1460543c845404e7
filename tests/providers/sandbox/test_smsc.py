"""The pretend SMSC does what its dials say, and its ledger adds up."""

from __future__ import annotations

import asyncio
import csv
import json
import signal
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Self

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.base import Outcome
from providers.sandbox import Spread
from providers.sandbox.ledger import Fate
from providers.sandbox.smsc import Inbound, PretendSmsc, SmscDials, SmscReceiptDials
from providers.smpp.alphabet import DATA_CODING, LETTERS, Alphabet, alphabet_of, decoded
from providers.smpp.codes import RESPONSE, Command, Tag
from providers.smpp.parts import Concatenation, parts, piece
from providers.smpp.pdu import Bind, BindAnswer, Message, Reader, answer, frame, message_id, read_message
from providers.smpp.receipt import Dialect, IdForm, report

NOW = SmscReceiptDials(delay_seconds=Spread())
PEOPLE = [f"84912{number:06}" for number in range(300)]
SHORT = "Noi khong voi ma tuy."
SAMPLES = [
    row["text"]
    for row in csv.DictReader(
        (Path(__file__).parents[2] / "campaigns/data/sample-texts.csv").read_text(encoding="utf-8").splitlines()
    )
]
SUBMITTED, RECEIVED = Command.SUBMIT_SM | RESPONSE, Command.DELIVER_SM


class Client:
    """A session of ours, as plain as can be: frames out, frames in."""

    def __init__(self, smsc: PretendSmsc) -> None:
        self._smsc, self._sequence = smsc, 0
        self._reader, self._frames = Reader(), []

    async def __aenter__(self) -> Self:
        self._incoming, self._outgoing = await asyncio.open_connection(self._smsc.host, self._smsc.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._outgoing.close()

    async def ask(self, command: int, body: bytes = b"") -> tuple[int, int, int, bytes]:
        self.write(command, body)
        return await self.read()

    def write(self, command: int, body: bytes = b"", status: int = 0, sequence: int | None = None) -> int:
        self._sequence += 1
        self._outgoing.write(frame(command, status, sequence or self._sequence, body))
        return self._sequence

    def send(self, octets: bytes) -> None:
        self._outgoing.write(octets)

    async def read(self) -> tuple[int, int, int, bytes]:
        while not self._frames:
            data = await self._incoming.read(65536)
            if not data:
                raise EOFError
            self._frames += self._reader.feed(data)
        return self._frames.pop(0)

    async def bind(self, command=Command.BIND_TRANSCEIVER, name=b"sandbox", word=b"secret") -> int:
        _, status, _, _ = await self.ask(command, Bind(name, word).pack())
        return status

    def submit(self, phone: str, said: str = SHORT, concatenation=Concatenation.UDH8, **fields) -> int:
        """Write all parts of a text; answers how many."""
        alphabet = Alphabet.GSM if LETTERS.issuperset(said) else Alphabet.UCS2
        pieces = parts(said, alphabet, concatenation, 7)
        for one in pieces:
            message = Message(
                source_ton=5,
                source=b"CA LANGSON",
                dest_ton=1,
                dest_npi=1,
                dest=phone.encode(),
                esm_class=one.esm_class,
                registered_delivery=1,
                data_coding=DATA_CODING[alphabet],
                text=one.short_message,
                tlvs={**one.tlvs, Tag.USER_MESSAGE_REFERENCE: b"\xab\xcd"},
            )
            self.write(Command.SUBMIT_SM, message._replace(**fields).pack())
        return len(pieces)

    async def answers(self, count: int) -> list[tuple[int, str]]:
        """Status and id of so many answers, passing over whatever else comes."""
        found = []
        while len(found) < count:
            command, status, _, body = await self.read()
            if command == SUBMITTED:
                found.append((status, message_id(body).decode()))
        return found

    async def delivered(self, count: int, status: int = 0) -> list[Message]:
        """So many deliver_sm, each acknowledged with `status`."""
        found = []
        while len(found) < count:
            command, _, sequence, body = await self.read()
            if command == RECEIVED:
                found.append(read_message(body))
                self.send(answer(Command.DELIVER_SM, status, sequence, b"\0"))
        return found


def smsc(receipts=NOW, **dials) -> PretendSmsc:
    return PretendSmsc(SmscDials(receipts=receipts, **dials))


async def sent(dials, people=PEOPLE) -> tuple[PretendSmsc, list[tuple[int, str]]]:
    """The answers to one short text to everybody."""
    async with dials as centre, Client(centre) as client:
        await client.bind()
        for phone in people:
            client.submit(phone, registered_delivery=0)
        return centre, await client.answers(len(people))


@pytest.mark.parametrize(
    ("name", "word", "command", "status"),
    [
        (b"sandbox", b"secret", Command.BIND_TRANSCEIVER, 0x00),
        (b"sandbox", b"secret", Command.BIND_TRANSMITTER, 0x00),
        (b"sandbox", b"wrong", Command.BIND_TRANSCEIVER, 0x0E),
        (b"nobody", b"secret", Command.BIND_TRANSCEIVER, 0x0F),
        (b"sandbox", b"secret", Command.BIND_RECEIVER, 0x0D),
    ],
)
async def test_who_may_bind_and_how(name, word, command, status):
    async with smsc(bind_modes=("transmitter", "transceiver")) as centre, Client(centre) as client:
        assert await client.bind(command, name, word) == status
        assert centre.ledger.binds == (status == 0)


async def test_a_bind_tells_the_version():
    async with smsc() as centre, Client(centre) as client:
        _, _, _, body = await client.ask(Command.BIND_TRANSCEIVER, Bind(b"sandbox", b"secret").pack())
        assert BindAnswer.read(body) == (b"pretend", 0x34)


async def test_a_second_bind_on_a_session_and_one_bind_too_many_are_refused():
    async with smsc(most_binds=1) as centre, Client(centre) as first, Client(centre) as second:
        assert await first.bind() == 0x00
        assert await first.bind() == 0x05
        assert await second.bind() == 0x0D


@pytest.mark.parametrize("command", [None, Command.BIND_RECEIVER])
async def test_nothing_is_submitted_without_the_right_bind(command):
    async with smsc() as centre, Client(centre) as client:
        if command:
            await client.bind(command)
        client.submit(PEOPLE[0])
        assert await client.answers(1) == [(0x04, "")]
        assert not centre.ledger.arrivals


async def test_signs_of_life_and_leave():
    async with smsc() as centre, Client(centre) as client:
        assert (await client.ask(Command.ENQUIRE_LINK))[:2] == (Command.ENQUIRE_LINK | RESPONSE, 0)
        assert (await client.ask(Command.UNBIND))[:2] == (Command.UNBIND | RESPONSE, 0)
        with pytest.raises(EOFError):
            await client.read()


async def test_who_gives_no_sign_of_life_is_cut():
    async with smsc(enquire_seconds=0.05) as centre, Client(centre) as client:
        command, _, sequence, _ = await client.read()
        assert command == Command.ENQUIRE_LINK
        client.write(Command.ENQUIRE_LINK | RESPONSE, sequence=sequence)
        assert (await client.read())[0] == Command.ENQUIRE_LINK
        with pytest.raises((EOFError, ConnectionError)):
            await client.read()


@pytest.mark.parametrize("concatenation", Concatenation)
@pytest.mark.parametrize("text", [SHORT, "{€}" * 80, SAMPLES[2], "👍🏽 Nói không với ma túy " * 9, "a" * 160, "ế" * 71])
async def test_the_ledger_has_the_text_as_it_was_composed(text, concatenation):
    async with smsc() as centre, Client(centre) as client:
        await client.bind()
        count = client.submit(PEOPLE[0], text, concatenation)
        assert [status for status, _ in await client.answers(count)] == [0] * count
        (heard,) = centre.ledger.arrivals
        assert (heard.text, heard.phones, heard.fate, heard.request_id) == (text, (PEOPLE[0],), Fate.TAKEN, "abcd")
        assert heard.sender == "CA LANGSON"
        assert len(heard.smsids) == len(centre.ledger.parts) == count
        assert centre.ledger.summary()["messages"] == 1
        if concatenation is not Concatenation.PAYLOAD:
            assert heard.segments == count


async def test_a_message_counts_when_its_last_part_has_come():
    async with smsc() as centre, Client(centre) as client:
        await client.bind()
        first, last = parts("a" * 200, Alphabet.GSM, Concatenation.UDH8, 7)
        for part, received in ((last, 0), (first, 1)):
            body = Message(dest=PEOPLE[0].encode(), esm_class=part.esm_class, text=part.short_message).pack()
            client.write(Command.SUBMIT_SM, body)
            await client.answers(1)
            assert centre.ledger.received.total() == received
        assert centre.ledger.arrivals[0].text == "a" * 200


async def test_a_part_that_comes_twice_is_noticed():
    async with smsc() as centre, Client(centre) as client:
        await client.bind()
        first, _ = parts("a" * 200, Alphabet.GSM, Concatenation.UDH8, 7)
        for _ in range(2):
            body = Message(dest=PEOPLE[0].encode(), esm_class=first.esm_class, text=first.short_message).pack()
            client.write(Command.SUBMIT_SM, body)
        await client.answers(2)
        assert centre.ledger.summary()["broken"] == 1


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"dest": b"0912345678"}, 0x0B),
        ({"dest": b"8424"}, 0x0B),
        ({"source": b"SOMEBODY"}, 0x0A),
        ({"text": b"a" * 161}, 0x45),
        ({"text": b"\x1b"}, 0x45),
        ({"text": b"\x80"}, 0x45),
        ({"data_coding": 8, "text": b"\xd8\x3d"}, 0x45),  # half a letter
        ({"data_coding": 8, "text": b"\0a" * 71}, 0x45),
        ({"data_coding": 4}, 0x45),
        ({"esm_class": 0x40, "text": b"\5\0\3\7\2\3a"}, 0x45),
        ({"esm_class": 0x40, "text": b"\5\0\3\7\2\1" + b"a" * 154}, 0x45),
        ({"tlvs": {Tag.SAR_TOTAL_SEGMENTS: b"\2"}}, 0x45),
    ],
)
async def test_what_no_telephone_could_be_sent_is_refused(fields, status):
    async with smsc(senders=("CA LANGSON",)) as centre, Client(centre) as client:
        await client.bind()
        client.submit(PEOPLE[0], **fields)
        assert await client.answers(1) == [(status, "")]
        assert not centre.ledger.received


async def test_data_coding_0_may_mean_latin_1():
    async with smsc(default_alphabet="latin1") as centre, Client(centre) as client:
        await client.bind()
        client.submit(PEOPLE[0], "a", registered_delivery=0)
        client.write(Command.SUBMIT_SM, Message(dest=PEOPLE[0].encode(), text="{é}".encode("latin-1")).pack())
        await client.answers(2)
        assert [heard.text for heard in centre.ledger.arrivals] == ["a", "{é}"]


async def test_refusals_come_in_their_shares():
    centre, answers = await sent(smsc(refusals={"0x0B": 0.2, "0x14": 0.1}))
    refused = [status for status, _ in answers]
    assert 0.1 < refused.count(0x0B) / len(PEOPLE) < 0.3
    assert 0.03 < refused.count(0x14) / len(PEOPLE) < 0.2
    assert centre.ledger.summary()["refused_by_code"] == {"0x0B": refused.count(0x0B)}
    assert centre.ledger.summary()["throttled"] == refused.count(0x14)


async def test_no_more_is_taken_than_the_limit_allows():
    time = 1000.0
    centre = PretendSmsc(SmscDials(throttle_tps=10), clock=lambda: time)
    async with centre, Client(centre) as client:
        await client.bind()
        for phone in PEOPLE[:15]:
            client.submit(phone, registered_delivery=0)
        assert [status for status, _ in await client.answers(15)] == [0x00] * 10 + [0x58] * 5
        time += 1.0
        client.submit(PEOPLE[0], registered_delivery=0)
        assert (await client.answers(1))[0][0] == 0x00
    assert centre.ledger.summary()["max_taken_segments_per_second"] == 10
    assert centre.ledger.summary()["max_segments_per_second"] == 15


async def test_a_window_is_all_that_may_wait_for_an_answer():
    async with smsc(window=3, latency_seconds=Spread(mean=0.05)) as centre, Client(centre) as client:
        await client.bind()
        for phone in PEOPLE[:5]:
            client.submit(phone, registered_delivery=0)
        assert sorted(status for status, _ in await client.answers(5)) == [0x00] * 3 + [0x58] * 2
        assert centre.ledger.received.total() == 3


async def test_lost_responses_are_of_messages_that_were_taken():
    async with smsc(lost_responses=0.3) as centre, Client(centre) as client:
        await client.bind()
        for phone in PEOPLE:
            client.submit(phone, registered_delivery=0)
        await until(lambda: len(centre.ledger.arrivals) == len(PEOPLE))
        lost = sum(not heard.answered for heard in centre.ledger.arrivals)
        assert 0.2 < lost / len(PEOPLE) < 0.4
        assert len(await client.answers(len(PEOPLE) - lost)) == centre.ledger.received.total() - lost


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not done():  # noqa: ASYNC110  the ledger is a record, it tells nobody
            await asyncio.sleep(0.005)


async def test_a_lost_request_gets_through_the_second_time():
    async with smsc(lost_requests=1.0) as centre, Client(centre) as client:
        await client.bind()
        client.submit(PEOPLE[0], registered_delivery=0)
        client.submit(PEOPLE[0], registered_delivery=0)
        assert [status for status, _ in await client.answers(1)] == [0]
        assert [heard.fate for heard in centre.ledger.arrivals] == [Fate.LOST, Fate.TAKEN]


async def test_a_nack_names_the_message_and_takes_nothing():
    async with smsc(nacks=1.0) as centre, Client(centre) as client:
        await client.bind()
        client.submit(PEOPLE[0])
        assert (await client.read())[:3] == (Command.GENERIC_NACK, 0x03, 2)
        assert not centre.ledger.received


async def test_an_answer_may_come_twice():
    async with smsc(duplicate_responses=1.0) as centre, Client(centre) as client:
        await client.bind()
        client.submit(PEOPLE[0], registered_delivery=0)
        first, second = await client.answers(2)
        assert first == second
        assert centre.ledger.received.total() == 1


async def test_an_answer_may_come_late_and_others_before_it():
    async with smsc(late_responses=0.5, late_seconds=0.2) as centre, Client(centre) as client:
        await client.bind()
        for phone in PEOPLE[:20]:
            client.submit(phone, registered_delivery=0)
        answered = [id_ for _, id_ in await client.answers(20)]
        late = [part.smsid for part in centre.ledger.parts if part.answer == "late"]
        assert late
        assert answered[-len(late) :] == late


async def test_a_session_may_be_cut_in_the_middle_of_a_window():
    async with smsc(disconnects=0.2) as centre, Client(centre) as client:
        await client.bind()
        for phone in PEOPLE:
            client.submit(phone, registered_delivery=0)
        with pytest.raises((EOFError, ConnectionError)):
            await client.answers(len(PEOPLE))
        assert centre.ledger.parts[-1].answer == "cut"
        assert centre.ledger.received.total() == len(centre.ledger.parts) < len(PEOPLE)


@pytest.mark.parametrize("by_dial", [True, False])
async def test_a_half_open_session_stays_and_says_nothing(by_dial):
    async with smsc(half_opens=float(by_dial)) as centre, Client(centre) as client:
        await client.bind()
        if by_dial:
            client.submit(PEOPLE[0])
        else:
            centre.hush()
        client.write(Command.ENQUIRE_LINK)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.read()
        assert len(centre.lines) == 1
        async with Client(centre) as another:
            assert await another.bind() == 0


@pytest.mark.parametrize("form", ["text", "tlv", "both"])
@pytest.mark.parametrize(
    ("answered", "reported", "ids"),
    [
        ("hex16", "hex16", IdForm.RAW),
        ("HEX", "dec", IdForm.DEC),
        ("hex", "dec10", IdForm.DEC),
        ("dec", "hex16", IdForm.HEX),
    ],
)
async def test_receipts_name_the_message_in_the_form_of_the_centre(form, answered, reported, ids):
    receipts = SmscReceiptDials(delay_seconds=Spread(), form=form)
    async with smsc(receipts, ids_in_answers=answered, ids_in_receipts=reported) as centre, Client(centre) as client:
        await client.bind()
        client.submit(PEOPLE[0])
        ((_, id_),) = await client.answers(1)
        (message,) = await client.delivered(1)
        found = report(message, Dialect(ids=ids))
        base = 10 if answered == "dec" else 16
        assert found.reference == (id_ if ids is IdForm.RAW else str(int(id_, base)))
        assert (found.outcome, found.code) == (Outcome.DELIVERED, "DELIVRD")
        assert found.user_reference == (None if form == "text" else 0xABCD)
        assert (message.source, message.dest) == (PEOPLE[0].encode(), b"CA LANGSON")
        await until(lambda: not centre.ledger.callbacks_pending)
        assert [tried.smsid for tried in centre.ledger.callbacks] == [id_]


@pytest.mark.parametrize(
    ("registered", "undelivered", "expected"), [(0, 1.0, 0), (1, 1.0, 1), (1, 0.0, 1), (2, 1.0, 1), (2, 0.0, 0)]
)
async def test_a_receipt_comes_where_it_was_asked_for(registered, undelivered, expected):
    async with (
        smsc(SmscReceiptDials(delay_seconds=Spread(), undelivered=undelivered)) as centre,
        Client(centre) as client,
    ):
        await client.bind()
        client.submit(PEOPLE[0], registered_delivery=registered)
        await client.answers(1)
        messages = await client.delivered(expected)
        assert [report(message, Dialect()).code for message in messages] == [
            "UNDELIV/012" if undelivered else "DELIVRD"
        ] * expected
        assert centre.ledger.callbacks_pending <= expected


async def test_every_part_has_its_receipt_and_all_say_the_same():
    async with smsc(SmscReceiptDials(delay_seconds=Spread(), undelivered=0.5)) as centre, Client(centre) as client:
        await client.bind()
        for phone in PEOPLE[:10]:
            client.submit(phone, "a" * 300)
        codes = {phone: set() for phone in PEOPLE[:10]}
        for message in await client.delivered(20):
            codes[message.source.decode()].add(report(message, Dialect()).code)
        assert {len(said) for said in codes.values()} == {1}
        assert set.union(*codes.values()) == {"DELIVRD", "UNDELIV/012"}


async def test_receipts_may_come_early_twice_and_out_of_order():
    receipts = SmscReceiptDials(delay_seconds=Spread(), early=1.0, repeated=1.0, out_of_order=1.0)
    async with smsc(receipts) as centre, Client(centre) as client:
        await client.bind()
        client.submit(PEOPLE[0])
        assert (await client.read())[0] == RECEIVED
        assert (await client.read())[0] == SUBMITTED
        client.write(Command.DELIVER_SM | RESPONSE, b"\0", sequence=1)
        codes = [report(message, Dialect()).code for message in await client.delivered(2)]
        assert codes == ["ENROUTE", "DELIVRD"]
        await until(lambda: not centre.ledger.callbacks_pending)
        assert centre.ledger.summary()["callbacks_delivered"] == 3


@pytest.mark.parametrize("answered", [True, False])
async def test_a_receipt_that_is_not_acknowledged_comes_again(answered):
    receipts = SmscReceiptDials(delay_seconds=Spread(), retry_seconds=0.01, timeout_seconds=0.05, tries=3)
    async with smsc(receipts) as centre, Client(centre) as client:
        await client.bind()
        client.submit(PEOPLE[0])
        for _ in range(3):
            if answered:
                await client.delivered(1, status=0x64)
            else:
                while (await client.read())[0] != RECEIVED:
                    pass
        await until(lambda: not centre.ledger.callbacks_pending)
        assert [tried.delivery for tried in centre.ledger.callbacks] == ["retrying", "retrying", "failed"]
        assert {tried.result for tried in centre.ledger.callbacks} == {"0x64" if answered else "timeout"}


async def test_a_receipt_waits_for_somebody_who_may_receive_it():
    async with smsc() as centre, Client(centre) as sender:
        await sender.bind(Command.BIND_TRANSMITTER)
        sender.submit(PEOPLE[0])
        await sender.answers(1)
        async with Client(centre) as receiver:
            await receiver.bind(Command.BIND_RECEIVER)
            assert len(await receiver.delivered(1)) == 1


async def test_a_receipt_of_a_session_that_ended_goes_to_another():
    async with smsc(SmscReceiptDials(delay_seconds=Spread(), retry_seconds=0)) as centre, Client(centre) as first:
        await first.bind()
        first.submit(PEOPLE[0])
        while (await first.read())[0] != RECEIVED:
            pass
        async with Client(centre) as second:
            await second.bind()
            await first.__aexit__()
            assert len(await second.delivered(1)) == 1


async def test_texts_from_people_come_in_parts_backwards_and_twice():
    text = "Tôi từ chối nhận tin. " * 5
    said = Inbound(phone=PEOPLE[0], to="8138", text=text, reference=77, backwards=True, times=2)
    async with smsc() as centre, Client(centre) as client:
        await client.bind()
        async with aiohttp.ClientSession() as http:
            async with http.post(f"{centre.origin}/inbound", data=said.model_dump_json()) as told:
                assert told.status == 200
            async with http.post(f"{centre.origin}/inbound", data='{"phone": "1"}') as told:
                assert told.status == 400
        messages = await client.delivered(4)
        pieces = [piece(message.esm_class, message.content, message.tlvs) for message in messages]
        assert [(one.reference, one.total, one.number) for one in pieces] == [(77, 2, 2), (77, 2, 1)] * 2
        octets = pieces[1].octets + pieces[0].octets
        assert decoded(octets, alphabet_of(messages[0].data_coding, Alphabet.GSM)) == text
        await until(lambda: centre.ledger.summary()["inbound_delivered"] == 4)


async def test_an_unknown_command_and_a_broken_one_are_told():
    async with smsc() as centre, Client(centre) as client:
        await client.bind()
        assert (await client.ask(0x21))[:2] == (Command.GENERIC_NACK, 0x03)
        assert (await client.ask(Command.SUBMIT_SM, b"\0"))[:2] == (SUBMITTED, 0x01)
        client.send(b"\0\0\0\1" + b"\0" * 12)
        assert (await client.read())[:2] == (Command.GENERIC_NACK, 0x02)
        with pytest.raises(EOFError):
            await client.read()


@settings(max_examples=60, deadline=None)
@given(
    octets=st.lists(
        st.one_of(
            st.binary(max_size=80),
            st.builds(
                frame,
                st.sampled_from([*Command, SUBMITTED, 0x80000005]),
                st.integers(0, 9),
                st.integers(0, 9),
                st.binary(max_size=80),
            ),
        ),
        max_size=6,
    ).map(b"".join)
)
def test_no_stranger_can_stop_it(octets):
    async def play() -> int:
        async with smsc() as centre:
            async with Client(centre) as stranger:
                await stranger.bind()
                stranger.send(octets)
            async with Client(centre) as client:
                return await client.bind()

    assert asyncio.run(play()) == 0


async def test_it_is_never_reached_from_outside():
    with pytest.raises(ValueError, match="loopback"):
        PretendSmsc(host="0.0.0.0")


@pytest.mark.parametrize(
    "wrong", [{"refusals": {"0x0B": 0.7, "0x14": 0.7}}, {"refusals": {"0": 1.0}}, {"refusals": {"x": 1.0}}, {"what": 1}]
)
def test_a_dial_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match="validation error"):
        SmscDials.model_validate(wrong)


def test_it_runs_as_a_process_of_its_own(tmp_path):
    ledger = tmp_path / "ledger.jsonl"
    command = [sys.executable, "-m", "providers.sandbox.smsc", "--json", '{"seed": 7}', "--ledger", str(ledger)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        told = json.loads(process.stdout.readline())
        body = Message(dest=PEOPLE[0].encode(), text=b"Chao").pack()
        with socket.create_connection((told["host"], told["port"])) as link:
            link.sendall(frame(Command.BIND_TRANSMITTER, 0, 1, Bind(b"sandbox", b"secret").pack()))
            link.sendall(frame(Command.SUBMIT_SM, 0, 2, body) + frame(Command.UNBIND, 0, 3))
            while link.recv(4096):
                pass
        with urllib.request.urlopen(f"{told['origin']}/ledger/received", timeout=10) as received:
            assert json.load(received) == {PEOPLE[0]: 1}
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    kinds = {entry["kind"]: entry for entry in map(json.loads, ledger.read_text().splitlines())}
    assert (kinds["request"]["phone"], kinds["request"]["text"], kinds["part"]["octets"]) == (
        PEOPLE[0],
        "Chao",
        "4368616f",
    )


def test_it_speaks_tls_with_a_certificate_of_its_own(tmp_path):
    certificate = self_signed(tmp_path / "centre.pem")
    command = [sys.executable, "-m", "providers.sandbox.smsc", "--certificate", str(certificate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        told = json.loads(process.stdout.readline())
        context = ssl.create_default_context(cafile=certificate)
        link = socket.create_connection((told["host"], told["port"]))
        with link, context.wrap_socket(link, server_hostname=told["host"]) as sealed:
            sealed.sendall(frame(Command.ENQUIRE_LINK, 0, 1))
            assert sealed.recv(4096) == answer(Command.ENQUIRE_LINK, 0, 1)
        process.terminate()
        assert process.wait(10) == 0


def self_signed(path: Path) -> Path:
    """A certificate for 127.0.0.1 and its key, in one file."""
    key, name, now = ec.generate_private_key(ec.SECP256R1()), x509.Name([]), datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
    made = (
        builder.add_extension(address, critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path.write_bytes(made.public_bytes(pem) + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return path


def test_a_mistake_in_the_arguments_is_told():
    command = [sys.executable, "-m", "providers.sandbox.smsc", "--json", '{"sedd": 7}']
    told = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert told.returncode == 2
    assert "sedd" in told.stderr
