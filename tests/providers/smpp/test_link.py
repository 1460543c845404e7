"""The link to a centre: windows, verdicts, pauses, silence, and what is stored before it is acknowledged."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from providers.base import (
    Accepted,
    Encoding,
    Finding,
    Inbound,
    Lookup,
    Outcome,
    Reason,
    Receipt,
    Refused,
    Submission,
    Unclear,
    Unsent,
)
from providers.errors import Misconfigured, NotSent, ProviderError, Throttled, Unavailable, Uncertain
from providers.http import Http
from providers.smpp import link
from providers.smpp.codes import (
    INVALID_BIND_STATUS,
    INVALID_PASSWORD,
    OK,
    TEMPORARY_APP_ERROR,
    THROTTLED,
    Command,
    Tag,
)
from providers.smpp.pdu import HEADER, Message, Query, QueryAnswer, answer, frame, pack_data
from providers.smpp.provider import Smpp
from tests.providers.smpp.centre import DELIVER_ANSWER, Behaviour, Centre, Guest, accept, open_centre, silent

RECIPIENT_UNKNOWN, SYSTEM_ERROR, UNKNOWN_ERROR, VENDOR = 0x0B, 0x08, 0xFF, 0x4A1
NOON = datetime(2026, 6, 1, 5, tzinfo=UTC)
LONG = "ă" * 150  # three parts
RECEIPT = "id:{} sub:001 dlvrd:001 submit date:2606011159 done date:2606011200 stat:{} err:000 text:x"


@dataclass
class Listening:
    """What the provider handed over; `store` may be replaced."""

    heard: list[Receipt | Inbound] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    trouble: Exception | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def hear(self, news: Sequence[Receipt | Inbound]) -> None:
        await self.gate.wait()
        if self.trouble:
            raise self.trouble
        self.heard += news
        self.groups.append(len(news))


@dataclass
class Scene:
    centre: Centre
    provider: Smpp
    ears: Listening

    async def submit(self, *texts: str) -> tuple[Any, ...]:
        return (await self.provider.submit(submissions(*texts))).verdicts

    async def failure(self, *texts: str) -> ProviderError:
        with pytest.raises(ProviderError) as caught:
            await self.provider.submit(submissions(*(texts or ("xin chao",))))
        return caught.value


def submissions(*texts: str) -> list[Submission]:
    return [
        Submission(f"{n:032x}", f"849120000{n:02}", text, Encoding.GSM7 if text.isascii() else Encoding.UCS2, 1)
        for n, text in enumerate(texts, 1)
    ]


def options(port: int, **more: object) -> dict[str, object]:
    return {"host": "127.0.0.1", "port": port, "system_id": "camp", "password": "s3cret", "timeout": 20, **more}


@asynccontextmanager
async def scene(centre: Centre | Behaviour | None = None, **more: object) -> AsyncIterator[Scene]:
    """A provider whose link is open, at a centre of ours."""
    made = centre if isinstance(centre, Centre) else Centre(centre or accept)
    async with open_centre(made), Http() as http:
        provider = Smpp("CA LANGSON", Smpp.options_model.model_validate(options(made.port, **more)), http)
        ears = Listening()
        ears.gate.set()
        await provider.open(ears.hear)
        try:
            yield Scene(made, provider, ears)
        finally:
            await provider.close()


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The waits of real life, shortened; none of them is asserted."""
    for name, seconds in {
        "SWEEP_SECONDS": 0.01,
        "PATIENCE_SECONDS": 0.5,
        "FIRST_REBIND_SECONDS": 0.02,
        "PART_SECONDS": 0.02,
        "FIRST_PAUSE_SECONDS": 0.1,
        "LEAVE_SECONDS": 1.0,
    }.items():
        monkeypatch.setattr(link, name, seconds)


def statuses(*told: int | None) -> Behaviour:
    """Answers in turn, the last for ever."""
    left = list(told)
    return lambda guest, sequence, message: left.pop(0) if len(left) > 1 else left[0]


async def test_messages_are_accepted_in_order_with_the_centres_ids() -> None:
    async with scene() as s:
        verdicts = await s.submit("mot", "hai", "ba")
        assert verdicts == (Accepted("ID1"), Accepted("ID2"), Accepted("ID3"))
        assert [(m.dest, m.text) for m in s.centre.submitted] == [
            (b"84912000001", b"mot"),
            (b"84912000002", b"hai"),
            (b"84912000003", b"ba"),
        ]
        first = s.centre.submitted[0]
        assert (first.source_ton, first.source, first.dest_ton, first.dest_npi) == (5, b"CA LANGSON", 1, 1)
        assert (first.registered_delivery, first.data_coding, first.tlvs) == (1, 0, {0x0204: b"\0\0"})


async def test_answers_in_another_order_find_their_messages() -> None:
    waiting: list[int] = []

    def backwards(guest: Guest, sequence: int, message: Message) -> int | None:
        waiting.append(sequence)
        if len(waiting) == 3:
            for one in reversed(waiting):
                guest.answer_submit(one, id_=b"S%d" % one)
        return None

    async with scene(backwards) as s:
        verdicts = await s.submit("a", "b", "c")
        assert [int(v.reference[1:]) for v in verdicts] == sorted(waiting)


async def test_the_window_is_never_exceeded_and_always_refilled() -> None:
    open_now: list[int] = []
    most: list[int] = []

    def four(guest: Guest, sequence: int, message: Message) -> int | None:
        open_now.append(sequence)
        most.append(len(open_now))
        if len(open_now) == 4 or message.text == b"last":
            for _ in range(len(open_now)):
                guest.answer_submit(open_now.pop(0))
        return None

    async with scene(four, window=4) as s:
        verdicts = await s.submit(*["x"] * 30, "last")
        assert all(isinstance(v, Accepted) for v in verdicts)
        assert max(most) == 4


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (RECIPIENT_UNKNOWN, Refused(Reason.RECIPIENT, "0x0B RINVDSTADR")),
        (0x01, Refused(Reason.REQUEST, "0x01 RINVMSGLEN")),
        (0x66, Refused(Reason.OTHER, "0x66 RX_R_APPN")),
        (VENDOR, Refused(Reason.OTHER, "0x4A1")),
        (UNKNOWN_ERROR, Unclear("0xFF RUNKNOWNERR", "this carrier answers so for messages that it took, too")),
    ],
)
async def test_one_message_that_is_turned_away_says_so_and_the_others_go(status: int, verdict: object) -> None:
    async with scene(statuses(OK, status, OK)) as s:
        verdicts = await s.submit("a", "b", "c")
        assert verdicts == (Accepted("ID1"), verdict, Accepted("ID2"))


@pytest.mark.parametrize(
    ("status", "kind"),
    [(THROTTLED, Throttled), (0x14, Throttled), (SYSTEM_ERROR, NotSent), (0x45, NotSent), (0x0A, Misconfigured)],
)
async def test_what_was_provably_not_taken_is_unsent_with_the_failure_it_would_have_been(
    status: int, kind: type[NotSent]
) -> None:
    async with scene(statuses(OK, status, OK)) as s:
        one, two, three = await s.submit("a", "b", "c")
        assert isinstance(one, Accepted)
        assert isinstance(three, Accepted)
        assert isinstance(two, Unsent)
        assert type(two.failure) is kind
        assert two.failure.code.startswith("0x")


async def test_where_all_fare_alike_the_call_fails_as_a_whole() -> None:
    async with scene(statuses(SYSTEM_ERROR)) as s:
        failure = await s.failure("a", "b")
        assert type(failure) is NotSent
        assert failure.exchange is not None
        assert failure.exchange.response == '{"not sent 0x08 RSYSERR":2}'


async def test_an_account_may_give_a_number_its_own_meaning() -> None:
    async with scene(statuses(VENDOR), codes={"0x4A1": "recipient"}) as s:
        assert await s.submit("a") == (Refused(Reason.RECIPIENT, "0x4A1"),)


async def test_a_throttled_account_pauses_all_binds_and_hands_back_what_waits() -> None:
    async with scene(statuses(THROTTLED, OK), binds=2, window=1) as s:
        await s.centre.guest(1)
        verdicts = await s.submit(*["x"] * 12)
        unsent = [v for v in verdicts if isinstance(v, Unsent)]
        assert len(unsent) >= 10
        assert all(isinstance(v.failure, Throttled) and v.failure.retry_after for v in unsent)
        assert isinstance(await s.failure("y"), Throttled)


async def test_after_the_pause_messages_go_again() -> None:
    async with scene(statuses(THROTTLED, OK)) as s:
        failure = await s.failure("x")
        assert isinstance(failure, Throttled)
        await asyncio.sleep(failure.retry_after or 0)
        assert await s.submit("x") == (Accepted("ID1"),)


async def test_the_parts_of_a_long_text_are_one_message_with_all_their_ids() -> None:
    async with scene(window=2) as s:
        long, short = await s.submit(LONG, "ngan")
        assert long == Accepted("ID1", ("ID1", "ID2", "ID3"))
        assert isinstance(short, Accepted)
        assert [m.esm_class for m in s.centre.submitted] == [0x40, 0x40, 0x40, 0]


async def test_a_message_is_refused_when_its_first_part_is_and_the_rest_is_not_sent() -> None:
    async with scene(statuses(RECIPIENT_UNKNOWN, OK), window=1) as s:
        assert await s.submit(LONG) == (Refused(Reason.RECIPIENT, "0x0B RINVDSTADR"),)
        assert len(s.centre.submitted) == 1


async def test_a_part_that_was_throttled_goes_again_because_the_others_were_taken() -> None:
    async with scene(statuses(OK, THROTTLED, OK)) as s:
        (verdict,) = await s.submit(LONG)
        assert isinstance(verdict, Accepted)
        assert sorted(verdict.parts) == ["ID1", "ID2", "ID3"]
        texts = [m.text for m in s.centre.submitted]
        assert len(texts) == 4
        assert texts[1] == texts[3]


async def test_a_message_of_which_only_some_parts_were_taken_is_unclear() -> None:
    async with scene(statuses(OK, 0x66)) as s:
        failure = await s.failure(LONG)
        assert isinstance(failure, Uncertain)
        assert failure.code == "0x66 RX_R_APPN"
        assert "1 of 3 parts taken" in str(failure)


async def test_a_connection_that_breaks_mid_window_leaves_unanswered_messages_unclear_and_the_others_known() -> None:
    def breaks(guest: Guest, sequence: int, message: Message) -> int | None:
        if message.text == b"3":
            asyncio.get_running_loop().call_soon(guest.transport.abort)
            return None
        return OK if message.text in b"12" else None

    async with scene(breaks, window=5) as s:
        guest = await s.centre.guest()
        guest.transport.set_write_buffer_limits(0)
        verdicts = await s.submit("1", "2", "3", "4", "5")
        assert len(s.centre.submitted) == 5
        assert all(isinstance(v, Accepted | Unclear) for v in verdicts)
        assert all(isinstance(v, Unclear) for v in verdicts[2:])


async def test_what_was_never_written_when_the_link_broke_goes_over_the_next_bind_once() -> None:
    def breaks(guest: Guest, sequence: int, message: Message) -> int | None:
        if guest is guest.centre.guests[0]:
            guest.transport.abort()
            return None
        return OK

    async with scene(breaks, window=2) as s:
        verdicts = await s.submit(*"123456")
        assert all(isinstance(v, Unclear) for v in verdicts[:2])
        assert all(isinstance(v, Accepted) for v in verdicts[2:])
        assert sorted(m.text for m in s.centre.submitted[2:]) == [b"3", b"4", b"5", b"6"]


async def test_no_answer_in_time_is_uncertain_and_the_place_in_the_window_is_free_again() -> None:
    def forgets(guest: Guest, sequence: int, message: Message) -> int | None:
        return None if message.text == b"forgotten" else OK

    async with scene(forgets, window=1, timeout=0.2, enquire_link=0.05) as s:
        one, two = await s.submit("forgotten", "next")
        assert isinstance(one, Unclear)
        assert "no answer" in one.detail
        assert isinstance(two, Accepted)


async def test_an_answer_after_the_timer_names_the_message_for_its_receipts() -> None:
    async with scene(silent, timeout=0.1, enquire_link=0.02) as s:
        assert isinstance(await s.failure("x"), Uncertain)
        guest = await s.centre.guest()
        ((_, _, sequence, _),) = guest.received(Command.SUBMIT_SM)
        guest.answer_submit(sequence, id_=b"LATE")
        guest.answer_submit(sequence, id_=b"LATE")
        guest.deliver(receipt("LATE"), 9)
        await guest.wait_for(DELIVER_ANSWER)
        name = submissions("x")[0].message_id
        assert [(r.outcome, r.message_id, r.reference) for r in s.ears.heard if isinstance(r, Receipt)] == [
            (Outcome.PENDING, name, "LATE"),
            (Outcome.DELIVERED, name, "LATE"),
        ]


async def test_duplicate_and_unknown_answers_are_ignored() -> None:
    def twice(guest: Guest, sequence: int, message: Message) -> int | None:
        guest.answer_submit(sequence + 1000)
        guest.answer_submit(sequence, id_=b"A")
        guest.answer_submit(sequence, THROTTLED)
        return OK

    async with scene(twice) as s:
        assert await s.submit("x", "y") == (Accepted("A"), Accepted("A"))


async def test_a_generic_nack_refuses_the_message_it_names() -> None:
    def nack(guest: Guest, sequence: int, message: Message) -> int | None:
        guest.say(frame(Command.GENERIC_NACK, 0x03, sequence))
        return None

    async with scene(nack) as s:
        assert await s.submit("x") == (Refused(Reason.REQUEST, "0x03 RINVCMDID"),)


async def test_a_half_open_connection_is_noticed_and_made_again() -> None:
    def dead(guest: Guest, sequence: int, message: Message) -> int | None:
        return None if guest is guest.centre.guests[0] else OK

    centre = Centre(dead, polite=False)
    async with scene(centre, timeout=0.3, enquire_link=10) as s:
        assert isinstance(await s.failure("x"), Uncertain)
        assert await s.submit("y") == (Accepted("ID1"),)


async def test_a_silent_centre_is_asked_for_a_sign_and_left_when_it_gives_none() -> None:
    async with scene(Centre(polite=False), enquire_link=0.05, enquire_timeout=0.05) as s:
        guest = await s.centre.guest()
        await guest.wait_for(Command.ENQUIRE_LINK)
        await asyncio.wait_for(guest.gone.wait(), 10)
        await s.centre.guest(1)


async def test_a_centre_that_asks_for_a_sign_gets_it_at_once() -> None:
    async with scene() as s:
        guest = await s.centre.guest()
        guest.say(frame(Command.ENQUIRE_LINK, OK, 77))
        ((_, status, sequence, _),) = await guest.wait_for(Command.ENQUIRE_LINK | 0x80000000)
        assert (status, sequence) == (OK, 77)


async def test_commands_that_nobody_knows_are_refused_and_outbind_is_let_pass() -> None:
    async with scene() as s:
        guest = await s.centre.guest()
        guest.say(frame(Command.OUTBIND, OK, 1, b"a\0b\0") + frame(0x99, OK, 5) + frame(0x80000099, OK, 6))
        ((_, status, sequence, _),) = await guest.wait_for(Command.GENERIC_NACK)
        assert (status, sequence) == (0x03, 5)
        assert await s.submit("x") == (Accepted("ID1"),)


async def test_a_stream_that_is_no_smpp_is_left_and_the_link_made_again() -> None:
    async with scene() as s:
        guest = await s.centre.guest()
        guest.say(HEADER.pack(0xFFFFFFFF, 4, 0, 1))
        await asyncio.wait_for(guest.gone.wait(), 10)
        await s.centre.guest(1)
        assert await s.submit("x") == (Accepted("ID1"),)


async def test_a_centre_that_unbinds_is_answered_and_bound_again() -> None:
    async with scene() as s:
        guest = await s.centre.guest()
        guest.say(frame(Command.UNBIND, OK, 3))
        await guest.wait_for(Command.UNBIND | 0x80000000)
        await s.centre.guest(1)
        assert await s.submit("x") == (Accepted("ID1"),)


async def test_a_centre_that_does_not_know_the_bind_any_more_is_bound_again() -> None:
    async with scene(statuses(INVALID_BIND_STATUS, OK)) as s:
        assert isinstance(await s.failure("x"), Unavailable)
        await s.centre.guest(1)
        assert await s.submit("x") == (Accepted("ID1"),)


async def test_wrong_credentials_are_tried_once_and_a_person_is_told() -> None:
    centre = Centre(binding=lambda guest: INVALID_PASSWORD)
    async with scene(centre, binds=4) as s:
        failure = await s.failure("x")
        assert isinstance(failure, Misconfigured)
        assert failure.code == "0x0E RINVPASWD"
        await asyncio.sleep(0.2)
        assert len(centre.guests) == 1


async def test_a_bind_too_many_leaves_the_others_alone() -> None:
    centre = Centre()
    centre.binding = lambda guest: OK if guest is centre.guests[0] else 0x0D
    async with scene(centre, binds=2) as s:
        await s.centre.guest(1)
        assert await s.submit("x") == (Accepted("ID1"),)


async def test_a_centre_that_is_away_is_unavailable_and_used_when_it_is_back() -> None:
    centre = Centre()
    async with open_centre(centre), Http() as http:
        pass
    provider = Smpp("CA", Smpp.options_model.model_validate(options(centre.port)), http)
    await provider.open(Listening().hear)
    with pytest.raises(Unavailable):
        await provider.submit(submissions("x"))
    async with open_centre(centre):
        await centre.guest()
        answer_ = await provider.submit(submissions("x"))
        assert answer_.verdicts == (Accepted("ID1"),)
        await provider.close()


async def test_before_open_and_after_close_nothing_is_sent() -> None:
    async with scene() as s:
        await s.provider.close()
        assert isinstance(await s.failure("x"), Unavailable)
        assert s.centre.submitted == []


async def test_leaving_waits_for_answers_and_says_goodbye() -> None:
    async with scene(silent) as s:
        call = asyncio.create_task(s.submit("x"))
        guest = await s.centre.guest()
        ((_, _, sequence, _),) = await guest.wait_for(Command.SUBMIT_SM)
        closing = asyncio.create_task(s.provider.close())
        await asyncio.sleep(0.05)
        assert guest.received(Command.UNBIND) == []
        guest.answer_submit(sequence)
        await closing
        assert await call == (Accepted("ID1"),)
        assert [one[0] for one in guest.frames][-1] == Command.UNBIND


async def test_leaving_gives_up_a_part_that_waits_to_go_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "PART_SECONDS", 60.0)
    async with scene(statuses(OK, SYSTEM_ERROR, OK)) as s:
        call = asyncio.create_task(s.failure(LONG))
        guest = await s.centre.guest()
        await guest.wait_for(Command.SUBMIT_SM, 3)
        guest.say(frame(Command.ENQUIRE_LINK, OK, 9))
        await guest.wait_for(Command.ENQUIRE_LINK | 0x80000000)  # by now it has read the three answers
        await s.provider.close()
        assert "2 of 3 parts taken" in str(await call)


async def test_a_cancelled_call_takes_back_what_was_not_sent() -> None:
    async with scene(silent, window=1) as s:
        call = asyncio.create_task(s.submit("a", "b", "c"))
        guest = await s.centre.guest()
        ((_, _, sequence, _),) = await guest.wait_for(Command.SUBMIT_SM)
        call.cancel()
        await asyncio.wait([call])
        s.centre.behaviour = accept
        guest.answer_submit(sequence)
        assert await s.submit("d") == (Accepted("ID2"),)
        assert [m.text for m in s.centre.submitted] == [b"a", b"d"]


def receipt(id_: str, stat: str = "DELIVRD", **more: Any) -> Message:
    return Message(source=b"84912000001", dest=b"CA", esm_class=4, text=RECEIPT.format(id_, stat).encode(), **more)


async def test_a_receipt_is_acknowledged_only_when_it_is_stored() -> None:
    async with scene() as s:
        await s.submit("x")
        s.ears.gate.clear()
        guest = await s.centre.guest()
        for sequence in range(1, 6):
            guest.deliver(receipt("ID1"), sequence)
        guest.say(frame(Command.ENQUIRE_LINK, OK, 99))
        await guest.wait_for(Command.ENQUIRE_LINK | 0x80000000)
        assert guest.received(DELIVER_ANSWER) == []
        s.ears.gate.set()
        told = await guest.wait_for(DELIVER_ANSWER, 5)
        assert [(status, sequence) for _, status, sequence, _ in told] == [(OK, n) for n in range(1, 6)]
        assert len(s.ears.heard) == 5
        first = s.ears.heard[0]
        assert isinstance(first, Receipt)
        assert (first.outcome, first.reference, first.message_id) == (Outcome.DELIVERED, "ID1", f"{1:032x}")
        assert (first.part, first.msisdn, first.tag) == (True, "84912000001", None)


async def test_a_receipt_that_could_not_be_stored_is_asked_for_again() -> None:
    async with scene() as s:
        s.ears.trouble = OSError("disk full")
        guest = await s.centre.guest()
        guest.deliver(receipt("ID1"), 4)
        ((_, status, sequence, _),) = await guest.wait_for(DELIVER_ANSWER)
        assert (status, sequence) == (TEMPORARY_APP_ERROR, 4)


async def test_a_receipt_that_cannot_be_read_does_not_come_for_ever_nor_stop_the_others() -> None:
    async with scene() as s:
        guest = await s.centre.guest()
        guest.deliver(Message(esm_class=4, text=b"nothing of use"), 1)
        guest.say(frame(Command.DELIVER_SM, OK, 2, b"\0\1"))
        guest.deliver(receipt("ID7"), 3)
        told = await guest.wait_for(DELIVER_ANSWER, 3)
        assert {sequence: status for _, status, sequence, _ in told} == {1: OK, 2: 0x01, 3: OK}
        assert [r.reference for r in s.ears.heard if isinstance(r, Receipt)] == ["ID7"]


async def test_receipts_in_a_data_sm_and_with_a_user_reference_are_understood() -> None:
    async with scene() as s:
        guest = await s.centre.guest()
        tlvs = {Tag.RECEIPTED_MESSAGE_ID: b"77\0", Tag.MESSAGE_STATE: b"\x05", Tag.USER_MESSAGE_REFERENCE: b"\x12\x34"}
        body = pack_data(Message(source=b"0912000001", dest=b"CA", esm_class=4, tlvs=tlvs))
        guest.say(frame(Command.DATA_SM, OK, 5, body))
        await guest.wait_for(Command.DATA_SM | 0x80000000)
        (told,) = s.ears.heard
        assert isinstance(told, Receipt)
        assert (told.outcome, told.reference, told.tag) == (Outcome.UNDELIVERED, "77", 0x1234)
        assert told.msisdn == "84912000001"


async def test_a_text_from_a_person_comes_with_number_and_letters() -> None:
    async with scene() as s:
        guest = await s.centre.guest()
        guest.deliver(Message(source=b"+84912000001", dest=b"8088", data_coding=8, text="TỪ CHỐI".encode("utf-16-be")))
        await guest.wait_for(DELIVER_ANSWER)
        assert s.ears.heard == [Inbound("84912000001", "8088", "TỪ CHỐI")]


async def test_before_the_bind_is_answered_nothing_is_taken_in() -> None:
    def eager(guest: Guest) -> int | None:
        guest.deliver(receipt("ID1"), 8)
        return None

    async with scene(Centre(binding=eager)) as s:
        guest = await s.centre.guest()
        ((_, status, _, _),) = await guest.wait_for(DELIVER_ANSWER)
        assert status == INVALID_BIND_STATUS
        assert s.ears.heard == []


async def test_a_receipt_in_the_same_read_as_the_bind_is_taken_in() -> None:
    def eager(guest: Guest) -> int | None:
        ((command, _, sequence, _),) = guest.frames
        guest.say(answer(command, OK, sequence, b"CENTRE\0") + frame(Command.DELIVER_SM, OK, 8, receipt("ID1").pack()))
        return None

    async with scene(Centre(binding=eager)) as s:
        guest = await s.centre.guest()
        ((_, status, _, _),) = await guest.wait_for(DELIVER_ANSWER)
        assert status == OK
        assert len(s.ears.heard) == 1


async def test_separate_binds_send_by_one_and_hear_by_the_other() -> None:
    async with scene(bind="separate") as s:
        await s.centre.guest(1)
        assert await s.submit("x", "y") == (Accepted("ID1"), Accepted("ID2"))
        kinds = {guest.frames[0][0]: guest for guest in s.centre.guests}
        assert set(kinds) == {Command.BIND_TRANSMITTER, Command.BIND_RECEIVER}
        assert kinds[Command.BIND_RECEIVER].received(Command.SUBMIT_SM) == []
        kinds[Command.BIND_RECEIVER].deliver(receipt("ID2"))
        await kinds[Command.BIND_RECEIVER].wait_for(DELIVER_ANSWER)
        assert len(s.ears.heard) == 1


async def test_a_check_binds_asks_for_a_sign_and_unbinds() -> None:
    async with open_centre(Centre()) as centre, Http() as http:
        provider = Smpp("CA", Smpp.options_model.model_validate(options(centre.port)), http)
        health = await provider.check()
        assert health.ok
        assert health.detail == "bound at CENTRE, SMPP 3.4"
        (guest,) = centre.guests
        assert [one[0] for one in guest.frames] == [Command.BIND_TRANSCEIVER, Command.ENQUIRE_LINK, Command.UNBIND]
        centre.binding = lambda guest: INVALID_PASSWORD
        with pytest.raises(Misconfigured):
            await provider.check()


async def test_neither_password_nor_number_nor_text_is_in_what_is_kept() -> None:
    async with scene(statuses(OK, RECIPIENT_UNKNOWN, SYSTEM_ERROR)) as s:
        kept = [
            repr(await s.provider.submit(submissions("bi mat", "b", "c"))),
            repr(s.provider),
            repr(s.provider.options),
        ]
        kept.append(repr(s.provider._account))
        private = ("s3cret", "84912000001", "912000001", "bi mat")
        assert [(value, text) for text in kept for value in private if value in text] == []


async def test_an_answer_to_a_question_of_another_kind_is_no_answer_to_a_message() -> None:
    def odd(guest: Guest, sequence: int, message: Message) -> int | None:
        guest.say(answer(Command.QUERY_SM, OK, sequence))
        return OK

    async with scene(odd) as s:
        assert await s.submit("x") == (Accepted("ID1"),)


def lookup(reference: str | None, text: str = "ngan") -> Lookup:
    return Lookup("a" * 32, "84912000001", text, NOON, NOON, reference)


@pytest.mark.parametrize(
    ("state", "error", "text", "finding", "code"),
    [
        (2, 0, "ngan", Finding.DELIVERED, "DELIVRD"),
        (2, 0, LONG, Finding.ACCEPTED, "DELIVRD"),
        (5, 12, "ngan", Finding.UNDELIVERED, "UNDELIV/12"),
        (1, 0, "ngan", Finding.ACCEPTED, "ENROUTE"),
        (7, 0, "ngan", Finding.UNKNOWN, "UNKNOWN"),
        (99, 0, "ngan", Finding.UNKNOWN, ""),
    ],
)
async def test_the_standing_of_a_message_is_asked_by_its_id(
    state: int, error: int, text: str, finding: Finding, code: str
) -> None:
    def knows(guest: Guest, sequence: int, body: bytes) -> None:
        assert Query.read(body) == Query(b"77", 5, 0, b"CA LANGSON")
        guest.say(answer(Command.QUERY_SM, OK, sequence, QueryAnswer(b"77", b"", state, error).pack()))

    async with scene(Centre(asked=knows), query=True) as s:
        assert s.provider.capabilities.status_lookup
        queried = await s.provider.query([lookup("77", text), lookup(None)])
        assert [(f.outcome, f.code) for f in queried.found] == [(finding, code), (Finding.UNKNOWN, "")]
        assert len(queried.exchanges) == 1


async def test_a_standing_that_is_not_told_is_unknown_and_never_absent() -> None:
    def knows_not(guest: Guest, sequence: int, body: bytes) -> None:
        guest.say(answer(Command.QUERY_SM, 0x67, sequence))

    async with open_centre(Centre(asked=knows_not)) as centre, Http() as http:
        provider = Smpp("CA", Smpp.options_model.model_validate(options(centre.port, query=True)), http)
        (found,) = (await provider.query([lookup("77")])).found  # not opened: it binds for the question
        assert found.outcome is Finding.UNKNOWN
        assert found.detail == "the centre answered 0x67 RQUERYFAIL"
        closed = Smpp("CA", Smpp.options_model.model_validate(options(centre.port)), http)
        assert not closed.capabilities.status_lookup
        with pytest.raises(NotImplementedError):
            await closed.query([lookup("77")])


async def test_over_tls_the_centre_must_be_who_it_says(tmp_path: Path) -> None:
    certificate, context = certified(tmp_path)
    async with open_centre(Centre(), context) as centre, Http() as http:
        trusted = options(centre.port, tls=True, tls_ca=certificate)
        provider = Smpp("CA", Smpp.options_model.model_validate(trusted), http)
        assert (await provider.check()).ok
        stranger = Smpp("CA", Smpp.options_model.model_validate(options(centre.port, tls=True)), http)
        with pytest.raises(Unavailable, match="SSLCertVerificationError"):
            await stranger.check()


def certified(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1 that signs itself, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "centre")])
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(alternative, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "centre.pem", folder / "centre.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, secret)
    return certificate, context
