"""The pretend carrier does what its dials say, and its ledger adds up."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from providers.base import Accepted, Callback, Encoding, Outcome, Reason, Receipt, Refused, Submission
from providers.errors import Misconfigured, Throttled, Uncertain
from providers.esms import Esms, EsmsOptions
from providers.http import Http
from providers.sandbox import Dials, PretendCarrier, ReceiptDials, Spread
from providers.sandbox.ledger import Delivery, Fate

NOW = ReceiptDials(delay_seconds=Spread())
PEOPLE = [f"84912{number:06}" for number in range(400)]


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Mailbox:
    """Our side of the callbacks: answers what it is told to, keeps what came."""

    def __init__(self) -> None:
        self.queries: list[dict[str, str]] = []
        self.answers: list[int] = []
        self.url = ""
        self._came = asyncio.Condition()

    async def receive(self, request: web.Request) -> web.Response:
        status = self.answers.pop(0) if self.answers else 204
        async with self._came:
            self.queries.append(dict(request.query))
            self._came.notify_all()
        return web.Response(status=status)

    async def wait_for(self, count: int) -> list[dict[str, str]]:
        async with self._came:
            await self._came.wait_for(lambda: len(self.queries) >= count)
        return self.queries


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    box = Mailbox()
    app = web.Application()
    app.router.add_get("/callback/{token}", box.receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    box.url = f"http://127.0.0.1:{runner.addresses[0][1]}/callback/t0ken"
    yield box
    await runner.cleanup()


def adapter(carrier: PretendCarrier, http: Http, **options: object) -> Esms:
    given = {
        "base_url": carrier.base_url,
        "api_key": carrier.dials.api_key,
        "secret_key": carrier.dials.secret_key,
        **options,
    }
    return Esms("CA LANGSON", EsmsOptions.model_validate(given), http)


def message(phone: str, text: str = "Noi khong voi ma tuy", url: str | None = None, version: int = 0) -> Submission:
    message_id = f"{version:x}{phone:0>31}"
    encoding = Encoding.GSM7 if text.isascii() else Encoding.UCS2
    return Submission(message_id, phone, text, encoding, 1, url)


async def outcome(esms: Esms, submission: Submission) -> str:
    """The verdict or failure of one message, in a word."""
    try:
        (verdict,) = (await esms.submit([submission])).verdicts
    except (Uncertain, Throttled, Misconfigured) as failure:
        return type(failure).__name__
    return verdict.code if isinstance(verdict, Refused) else "Accepted"


async def outcomes(carrier: PretendCarrier, submissions: Sequence[Submission], connections: int = 16) -> list[str]:
    async with Http(connections=connections) as http:
        esms = adapter(carrier, http)
        return await asyncio.gather(*(outcome(esms, submission) for submission in submissions))


async def settled(carrier: PretendCarrier) -> None:
    """Wait until every callback has found its end."""
    while carrier.ledger.callbacks_pending:  # noqa: ASYNC110  the ledger is a record, it tells nobody
        await asyncio.sleep(0.005)


async def test_with_every_dial_at_rest_everything_is_taken_once() -> None:
    async with PretendCarrier() as carrier:
        assert await outcomes(carrier, [message(phone) for phone in PEOPLE]) == ["Accepted"] * len(PEOPLE)
        assert carrier.ledger.received == dict.fromkeys(PEOPLE, 1)
        summary = carrier.ledger.summary()
    assert (summary["requests"], summary["taken"], summary["messages"]) == (400, 400, 400)
    assert summary["most_for_one_number"] == 1


async def test_references_differ_and_are_those_of_the_ledger() -> None:
    async with PretendCarrier() as carrier, Http() as http:
        esms = adapter(carrier, http)
        answers = [await esms.submit([message(phone)]) for phone in PEOPLE[:20]]
        references = [verdict.reference for a in answers for verdict in a.verdicts if isinstance(verdict, Accepted)]
        assert references == [arrival.smsid for arrival in carrier.ledger.arrivals]
    assert len(set(references)) == 20


async def test_a_used_request_id_is_refused_for_a_day_and_reaches_nobody_twice() -> None:
    clock = Clock()
    async with PretendCarrier(clock=clock) as carrier, Http() as http:
        esms = adapter(carrier, http)
        assert await outcome(esms, message("84912345678")) == "Accepted"
        clock.now += 24 * 3600 - 1
        (again,) = (await esms.submit([message("84912345678")])).verdicts
        assert again == Refused(Reason.DUPLICATE, "124", "Request exist 1")
        assert carrier.ledger.received["84912345678"] == 1
        clock.now += 1
        assert await outcome(esms, message("84912345678")) == "Accepted"
    assert carrier.ledger.summary()["duplicate"] == 1


async def test_the_answer_to_a_duplicate_is_the_documented_one() -> None:
    async with PretendCarrier() as carrier, aiohttp.ClientSession() as session:
        body = care(carrier, RequestId="r1")
        await send(session, carrier, body)
        assert await send(session, carrier, body) == {
            "CodeResult": "124",
            "CountRegenerate": 0,
            "ErrorMessage": "Request exist 1",
            "SendStatus": "5",
        }


async def test_wrong_keys_and_brandnames_are_refused() -> None:
    async with PretendCarrier(Dials(brandnames=("UBND LANGSON",))) as carrier, Http() as http:
        with pytest.raises(Misconfigured, match="101"):
            await adapter(carrier, http, api_key="wrong").submit([message(PEOPLE[0])])
        with pytest.raises(Misconfigured, match="101"):
            await adapter(carrier, http, secret_key="wrong").check()
        with pytest.raises(Misconfigured, match="104"):
            await adapter(carrier, http).submit([message(PEOPLE[0])])
        assert carrier.ledger.summary()["refused_by_code"] == {"101": 1, "104": 1}
    assert not carrier.ledger.received


async def test_money_runs_out() -> None:
    async with PretendCarrier(Dials(balance=1600, price_per_segment=500)) as carrier, Http() as http:
        esms = adapter(carrier, http)
        assert [await outcome(esms, message(phone)) for phone in PEOPLE[:5]] == ["Accepted"] * 3 + ["Misconfigured"] * 2
        assert (await esms.check()).balance == 100


async def test_refusals_come_in_their_shares_and_by_number() -> None:
    dials = Dials(seed=7, refusals={"99": 0.2, "146": 0.1, "177": 0.05})
    async with PretendCarrier(dials) as carrier:
        first = await outcomes(carrier, [message(phone) for phone in PEOPLE])
    async with PretendCarrier(dials) as carrier:
        again = await outcomes(carrier, [message(phone) for phone in reversed(PEOPLE)], connections=2)
    assert first == again[::-1]
    counts = Counter(first)
    assert set(counts) == {"Accepted", "99", "146", "177"}
    assert 50 <= counts["99"] <= 110
    assert 20 <= counts["146"] <= 65
    assert carrier.ledger.summary()["refused_by_code"] == {code: counts[code] for code in counts if code != "Accepted"}
    assert carrier.ledger.received.total() == counts["Accepted"]


async def test_another_seed_is_another_day() -> None:
    told = []
    for seed in (1, 2):
        async with PretendCarrier(Dials(seed=seed, refusals={"99": 0.5})) as carrier:
            told.append(await outcomes(carrier, [message(phone) for phone in PEOPLE[:60]]))
    assert told[0] != told[1]


async def test_a_lost_answer_was_taken_and_the_second_try_is_a_duplicate() -> None:
    async with PretendCarrier(Dials(lost_answers=1)) as carrier:
        assert await outcomes(carrier, [message(PEOPLE[0])]) == ["Uncertain"]
        assert await outcomes(carrier, [message(PEOPLE[0])]) == ["124"]
    assert carrier.ledger.received == {PEOPLE[0]: 1}
    assert [(a.fate, a.answered) for a in carrier.ledger.arrivals] == [(Fate.TAKEN, False), (Fate.DUPLICATE, True)]


async def test_a_lost_request_was_not_taken_and_the_second_try_is() -> None:
    async with PretendCarrier(Dials(lost_requests=1)) as carrier:
        assert await outcomes(carrier, [message(PEOPLE[0])]) == ["Uncertain"]
        assert not carrier.ledger.received
        assert await outcomes(carrier, [message(PEOPLE[0])]) == ["Accepted"]
    assert carrier.ledger.summary()["lost"] == 1


@pytest.mark.parametrize("answer", ["429", "160"])
async def test_above_its_rate_the_carrier_takes_nothing(answer: str) -> None:
    clock = Clock()
    dials = Dials.model_validate({"throttle_tps": 4, "throttle_answer": answer})
    long = "x" * 200  # two segments
    async with PretendCarrier(dials, clock=clock) as carrier, Http() as http:
        esms = adapter(carrier, http)
        told = [await outcome(esms, message(phone, long)) for phone in PEOPLE[:3]]
        clock.now += 0.999
        told.append(await outcome(esms, message(PEOPLE[3], long)))
        clock.now += 0.001
        told.append(await outcome(esms, message(PEOPLE[4], long)))
    assert told == ["Accepted", "Accepted", "Throttled", "Throttled", "Accepted"]
    summary = carrier.ledger.summary()
    assert (summary["taken"], summary["throttled"]) == (3, 2)
    assert summary["max_taken_segments_per_second"] == 4
    assert summary["max_segments_per_second"] == 8
    assert set(carrier.ledger.received) == {PEOPLE[0], PEOPLE[1], PEOPLE[4]}


async def test_a_throttled_call_says_how_long_to_wait() -> None:
    async with PretendCarrier(Dials(throttle_tps=1), clock=Clock()) as carrier, Http() as http:
        esms = adapter(carrier, http)
        await esms.submit([message(PEOPLE[0])])
        with pytest.raises(Throttled) as caught:
            await esms.submit([message(PEOPLE[1])])
    assert caught.value.retry_after == 1


async def test_a_test_message_is_checked_but_reaches_nobody(mailbox: Mailbox) -> None:
    async with PretendCarrier(Dials(balance=500)) as carrier, Http() as http:
        esms = adapter(carrier, http, sandbox=True)
        assert await outcome(esms, message(PEOPLE[0], url=mailbox.url)) == "Accepted"
        assert (await esms.check()).balance == 500
    assert not carrier.ledger.received
    assert carrier.ledger.summary()["tested"] == 1
    assert carrier.ledger.summary()["callbacks_pending"] == 0


@pytest.mark.parametrize(
    ("text", "unicode", "segments"),
    [
        ("x" * 160, "0", 1),
        ("x" * 161, "0", 2),
        ("€" * 80, "0", 1),
        ("€" * 77, "0", 1),
        ("x" * 152 + "€" + "x" * 8, "0", 2),
        ("€" * 153, "0", 3),  # 76 pairs fit a part of 153, not 76.5
        ("ạ" * 70, "1", 1),
        ("ạ" * 71, "1", 2),
        ("x" * 134, "1", 2),
        ("x" * 135, "1", 3),
        ("😀" * 67, "1", 3),  # 33 pairs fit a part of 67
    ],
)
async def test_segments_are_counted_by_the_carrier_itself(text: str, unicode: str, segments: int) -> None:
    async with PretendCarrier() as carrier, aiohttp.ClientSession() as session:
        await send(session, carrier, care(carrier, Content=text, IsUnicode=unicode))
    (arrival,) = carrier.ledger.arrivals
    assert (arrival.segments, arrival.characters, arrival.fate) == (segments, len(text), Fate.TAKEN)


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"Phone": "02053812345"}, "108"),
        ({"Phone": "abc"}, "108"),
        ({"Content": "tiếng Việt", "IsUnicode": "0"}, "210"),
        ({"Content": ""}, "210"),
        ({"SmsType": "1"}, "118"),
    ],
)
async def test_a_wrong_field_is_refused_with_its_code(change: dict[str, str], answer: str) -> None:
    async with PretendCarrier() as carrier, aiohttp.ClientSession() as session:
        assert (await send(session, carrier, care(carrier, **change)))["CodeResult"] == answer
    assert not carrier.ledger.received


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b'{"ApiKey":["x"]}'])
async def test_a_body_that_cannot_be_read_is_answered_without_a_code(body: bytes) -> None:
    async with PretendCarrier() as carrier, aiohttp.ClientSession() as session:
        address = carrier.base_url + "SendMultipleMessage_V4_post_json/"
        async with session.post(address, data=body) as response:
            assert await response.json() == {"error": "Invalid request"}
    assert carrier.ledger.summary()["unreadable"] == 1


async def receipts_of(carrier: PretendCarrier, mailbox: Mailbox, phones: Sequence[str]) -> list[Receipt]:
    """Send to everybody, wait for the last callback, and read them with the real adapter."""
    async with Http() as http:
        esms = adapter(carrier, http)
        await asyncio.gather(*(outcome(esms, message(phone, url=mailbox.url)) for phone in phones))
        await settled(carrier)
        return [receipt for query in mailbox.queries for receipt in esms.read_callback(Callback("GET", query, {}, b""))]


async def test_every_message_gets_its_receipt_with_our_id_and_theirs(mailbox: Mailbox) -> None:
    async with PretendCarrier(Dials(receipts=NOW)) as carrier:
        receipts = await receipts_of(carrier, mailbox, PEOPLE[:50])
    assert {receipt.outcome for receipt in receipts} == {Outcome.DELIVERED}
    assert {receipt.message_id for receipt in receipts} == {message(phone).message_id for phone in PEOPLE[:50]}
    assert {receipt.reference for receipt in receipts} == {arrival.smsid for arrival in carrier.ledger.arrivals}
    assert {receipt.network for receipt in receipts} == {"vinaphone"}
    assert carrier.ledger.summary()["callbacks_delivered"] == 50


async def test_undelivered_and_missing_receipts_come_in_their_shares(mailbox: Mailbox) -> None:
    dials = Dials(receipts=ReceiptDials(delay_seconds=Spread(), undelivered=0.3, never=0.2))
    async with PretendCarrier(dials) as carrier:
        receipts = await receipts_of(carrier, mailbox, PEOPLE)
    counts = Counter(receipt.outcome for receipt in receipts)
    assert 270 <= counts.total() <= 360
    assert 60 <= counts[Outcome.UNDELIVERED] <= 140
    assert carrier.ledger.received.total() == len(PEOPLE)


async def test_receipts_can_be_repeated_and_followed_by_an_older_word(mailbox: Mailbox) -> None:
    dials = Dials(receipts=ReceiptDials(delay_seconds=Spread(), repeated=1, out_of_order=1))
    async with PretendCarrier(dials) as carrier:
        receipts = await receipts_of(carrier, mailbox, PEOPLE[:1])
    assert [receipt.outcome for receipt in receipts] == [Outcome.DELIVERED, Outcome.PENDING, Outcome.DELIVERED]


async def test_what_was_taken_is_reported_although_the_caller_died_before_the_answer(mailbox: Mailbox) -> None:
    async with PretendCarrier(Dials(receipts=NOW, latency_seconds=Spread(mean=0.3))) as carrier:
        async with Http(connections=1) as http:
            call = asyncio.create_task(adapter(carrier, http).submit([message(PEOPLE[0], url=mailbox.url)]))
            while not carrier.ledger.arrivals:  # noqa: ASYNC110  as above
                await asyncio.sleep(0.005)
            call.cancel()
        await mailbox.wait_for(1)
        await settled(carrier)
    assert carrier.ledger.summary()["callbacks_delivered"] == 1


async def test_an_early_receipt_comes_before_the_answer(mailbox: Mailbox) -> None:
    dials = Dials(receipts=ReceiptDials(early=1), latency_seconds=Spread(mean=60))
    async with PretendCarrier(dials) as carrier, Http() as http:
        answer = asyncio.create_task(outcome(adapter(carrier, http), message(PEOPLE[0], url=mailbox.url)))
        await mailbox.wait_for(1)
        assert not answer.done()
        answer.cancel()
        await asyncio.gather(answer, return_exceptions=True)


async def test_a_failed_callback_is_tried_again_until_it_is_taken(mailbox: Mailbox) -> None:
    mailbox.answers = [500, 503, 200]
    dials = Dials(receipts=ReceiptDials(delay_seconds=Spread(), retry_seconds=0))
    async with PretendCarrier(dials) as carrier:
        await receipts_of(carrier, mailbox, PEOPLE[:1])
        tries = [(entry.delivery, entry.number, entry.result) for entry in carrier.ledger.callbacks]
    assert tries == [
        (Delivery.RETRYING, 1, "500"),
        (Delivery.RETRYING, 2, "503"),
        (Delivery.DELIVERED, 3, "200"),
    ]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/nobody", "http://192.0.2.1/elsewhere", "http://a.test/", "nonsense"]
)
async def test_a_callback_that_never_arrives_is_given_up_and_never_leaves_the_machine(url: str) -> None:
    dials = Dials(receipts=ReceiptDials(delay_seconds=Spread(), retry_seconds=0))
    async with PretendCarrier(dials) as carrier, Http() as http:
        await outcome(adapter(carrier, http), message(PEOPLE[0], url=url))
        await settled(carrier)
        assert [entry.number for entry in carrier.ledger.callbacks] == [1, 2, 3, 4, 5]
        assert carrier.ledger.summary()["callbacks_failed"] == 1


async def test_the_status_calls_know_what_became_of_a_message() -> None:
    clock = Clock()
    dials = Dials(seed=3, receipts=ReceiptDials(delay_seconds=Spread(mean=30), undelivered=0.5, never=1))
    async with PretendCarrier(dials, clock=clock) as carrier, aiohttp.ClientSession() as session:
        given = [(await send(session, carrier, care(carrier, Phone=phone)))["SMSID"] for phone in PEOPLE[:20]]
        waiting = await look_up(session, carrier, "GetSendStatus", str(given[0]))
        clock.now += 30
        finished = [await look_up(session, carrier, "GetSendStatus", str(smsid)) for smsid in given]
        people = [await look_up(session, carrier, "GetSmsReceiverStatus_get", str(smsid)) for smsid in given]
        unknown = await look_up(session, carrier, "GetSendStatus", "nothing")
    assert (waiting["SendStatus"], waiting["SendSuccess"]) == (2, 0)
    assert {status["SendStatus"] for status in finished} == {5}
    results = [person["ReceiverList"][0]["SentResult"] for person in people]
    assert results == [status["SendSuccess"] == 1 for status in finished]
    assert set(results) == {True, False}
    assert unknown["CodeResponse"] == "105"


async def test_sent_data_lists_what_was_taken_by_page() -> None:
    async with PretendCarrier() as carrier, aiohttp.ClientSession() as session:
        for phone in PEOPLE[:5]:
            await send(session, carrier, care(carrier, Phone=phone, campaignid="june"))
        now = datetime.now(UTC) + timedelta(hours=7)
        asked = {
            **keys(carrier),
            "From": f"{now - timedelta(minutes=5):%Y-%m-%d %H:%M:%S}",
            "To": f"{now + timedelta(minutes=5):%Y-%m-%d %H:%M:%S}",
            "PageSize": 2,
        }
        pages = [await post(session, carrier, "GetSmsSentData_V2", {**asked, "Page": page}) for page in (1, 2, 3)]
        bad = await post(session, carrier, "GetSmsSentData_V2", {**asked, "From": "yesterday"})
    assert [len(page["SentData"]) for page in pages] == [2, 2, 1]
    rows = [row for page in pages for row in page["SentData"]]
    assert [row["Phone"] for row in rows] == ["0" + phone[2:] for phone in PEOPLE[:5]]
    assert {row["Campaign"] for row in rows} == {"june"}
    assert [row["ReferenceId"] for row in rows] == [arrival.smsid for arrival in carrier.ledger.arrivals]
    assert [row["SmsId"] for row in rows] == [1, 2, 3, 4, 5]
    assert bad["CodeResult"] == "210"


@pytest.mark.parametrize(("count", "code"), [(29, "107"), (30, "100"), (5000, "100"), (5001, "120")])
async def test_an_advertising_call_holds_30_to_5000_numbers(count: int, code: str) -> None:
    phones = [f"84912{number:06}" for number in range(count)]
    async with PretendCarrier() as carrier, aiohttp.ClientSession() as session:
        body = {**care(carrier, SmsType="1"), "Phones": [*phones, phones[0]]}
        answer = await post(session, carrier, "SendMultipleSMSBrandname_json/", body)
        assert answer["CodeResult"] == code
        if code != "100":
            assert not carrier.ledger.received
            return
        people = await look_up(session, carrier, "GetSmsReceiverStatus_get", answer["SMSID"])
    assert len(people["ReceiverList"]) == count
    assert carrier.ledger.received == dict.fromkeys(phones, 1)


async def test_an_advertising_callback_has_totals_and_no_person(mailbox: Mailbox) -> None:
    dials = Dials(receipts=ReceiptDials(delay_seconds=Spread(), undelivered=0.5))
    async with PretendCarrier(dials) as carrier, aiohttp.ClientSession() as session:
        body = {**care(carrier, SmsType="1", CallbackUrl=mailbox.url), "Phones": PEOPLE[:100]}
        await post(session, carrier, "SendMultipleSMSBrandname_json/", body)
        (query,) = await mailbox.wait_for(1)
    assert int(query["SendSuccess"]) + int(query["SendFailed"]) == int(query["TotalReceiver"]) == 100
    assert "phonenumber" not in query


async def test_the_ledger_adds_up_in_objects_over_http_and_in_its_file(tmp_path: Path, mailbox: Mailbox) -> None:
    file = tmp_path / "ledger.jsonl"
    dials = Dials(
        refusals={"99": 0.2}, lost_answers=0.1, lost_requests=0.1, receipts=ReceiptDials(delay_seconds=Spread())
    )
    async with PretendCarrier(dials, ledger_file=file) as carrier, aiohttp.ClientSession() as session:
        await outcomes(carrier, [message(phone, url=mailbox.url) for phone in PEOPLE])
        await outcomes(carrier, [message(phone, url=mailbox.url) for phone in PEOPLE[:50]])
        await send(session, carrier, care(carrier, Phone="02053812345"))
        await settled(carrier)
        async with session.get(carrier.origin + "/ledger") as response:
            told = [json.loads(text) for text in (await response.text()).splitlines()]
        async with session.get(carrier.origin + "/ledger/summary") as response:
            summary = await response.json()
        async with session.get(carrier.origin + "/ledger/received") as response:
            received = await response.json()
        async with session.get(carrier.origin + "/health") as response:
            assert response.status == 200
    assert [json.loads(text) for text in file.read_text().splitlines()] == told
    requests = [entry for entry in told if entry["kind"] == "request"]
    fates = Counter(entry["fate"] for entry in requests)
    assert summary["requests"] == len(requests) == sum(summary[fate.value] for fate in Fate) == 451
    assert {fate: summary[fate] for fate in fates} == fates
    assert Counter(entry["phone"] for entry in requests if entry["fate"] == "taken") == received
    assert set(received.values()) == {1}
    assert summary["callbacks_delivered"] == fates["taken"] == len(mailbox.queries)
    assert summary["callbacks_pending"] == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.org", "::"])
def test_a_pretend_carrier_listens_on_loopback_only(host: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        PretendCarrier(host=host)


@pytest.mark.parametrize(
    "dials", ['{"refusals":{"99":0.6,"146":0.6}}', '{"lost_answers":2}', '{"latency":1}', '{"throttle_answer":"500"}']
)
def test_a_dial_that_makes_no_sense_is_refused(dials: str) -> None:
    with pytest.raises(ValueError, match="1 validation error"):
        Dials.model_validate_json(dials)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_as_a_process_it_says_where_it_is_and_stops_cleanly(stop: signal.Signals, tmp_path: Path) -> None:
    dials = tmp_path / "dials.json"
    dials.write_text('{"seed": 5, "receipts": {"undelivered": 0.1}}')
    command = [sys.executable, "-m", "providers.sandbox", "--dials", str(dials), "--ledger", str(tmp_path / "l.jsonl")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["base_url"].startswith("http://127.0.0.1:")
        process.send_signal(stop)
        _, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")
    assert (tmp_path / "l.jsonl").exists()


@pytest.mark.parametrize("wrong", [["--json", '{"sed": 1}'], ["--host", "0.0.0.0"], ["--dials", "/nonexistent"]])
def test_as_a_process_it_explains_a_wrong_argument(wrong: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "providers.sandbox", *wrong], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def keys(carrier: PretendCarrier) -> dict[str, str]:
    return {"ApiKey": carrier.dials.api_key, "SecretKey": carrier.dials.secret_key}


def care(carrier: PretendCarrier, **change: str) -> dict[str, object]:
    body = {"Phone": PEOPLE[0], "Content": "Noi khong voi ma tuy", "Brandname": "CA LANGSON", "SmsType": "2"}
    return {**keys(carrier), **body, **change}


async def post(
    session: aiohttp.ClientSession, carrier: PretendCarrier, path: str, body: dict[str, object]
) -> dict[str, Any]:
    async with session.post(carrier.base_url + path, json=body) as response:
        told: dict[str, Any] = await response.json()
        return told


async def send(session: aiohttp.ClientSession, carrier: PretendCarrier, body: dict[str, object]) -> dict[str, Any]:
    return await post(session, carrier, "SendMultipleMessage_V4_post_json/", body)


async def look_up(session: aiohttp.ClientSession, carrier: PretendCarrier, path: str, smsid: str) -> dict[str, Any]:
    async with session.get(carrier.base_url + path, params={**keys(carrier), "RefId": smsid}) as response:
        told: dict[str, Any] = await response.json()
        return told
