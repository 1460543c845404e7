"""What is each carrier's own, beside what all of them promise."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from dispatcher.settings import explain, parse_routes
from providers.base import (
    Accepted,
    Callback,
    Dedupe,
    Encoding,
    Finding,
    Inbound,
    Provider,
    Reason,
    Receipts,
    Refused,
    Submission,
    Submitted,
    Template,
)
from providers.errors import Misconfigured, NotSent, Uncertain
from providers.esms import Esms, EsmsOptions
from providers.esms_said import Templates
from providers.fpt import Fpt, FptOptions
from providers.generic import Generic, GenericOptions
from providers.http import Http
from providers.lists import halved
from providers.login import Login, Pass
from providers.options import HttpOptions
from providers.reading import moment, parsed
from providers.sandbox import Dials, PretendViettel
from providers.sandbox.viettel import VIETNAM
from providers.speedsms import SpeedSms, SpeedSmsOptions
from providers.viettel import Viettel, ViettelOptions
from providers.vnpt import Group, Vnpt, VnptOptions
from tests.providers.conformance import lookups, submissions
from tests.providers.rawserver import answers, raw_server
from tests.providers.test_recorded import ACCOUNTS

KINDS: Mapping[str, tuple[type[Provider], Any]] = {
    "vnpt": (Vnpt, VnptOptions),
    "viettel": (Viettel, ViettelOptions),
    "speedsms": (SpeedSms, SpeedSmsOptions),
    "fpt": (Fpt, FptOptions),
    "esms": (Esms, EsmsOptions),
}


def options_of(name: str, origin: str = "http://127.0.0.1:9/", **more: object) -> Any:
    return KINDS[name][1].model_validate({**ACCOUNTS[name], "base_url": origin, **more})


@asynccontextmanager
async def adapter(name: str, answer: Callable[[str], bytes], **more: object) -> AsyncIterator[tuple[Any, list[str]]]:
    """An adapter whose carrier gives `answer(address)`, and the requests that it heard."""
    heard: list[str] = []

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(server.requests[-1].decode())
        await answers(answer(heard[-1].split()[1]))(reader, writer)

    async with raw_server(behave) as server, Http() as http:
        yield KINDS[name][0]("CA LANGSON", options_of(name, server.origin, **more), http), heard


# VNPT


async def test_vnpt_takes_one_text_for_a_group_of_subscribers() -> None:
    reply = b'{"RPLY":{"name":"send_sms_group","ERROR":"0","ERROR_DESC":"success"}}'
    group = Group(f"{7:032x}", "G-20", "Chung tay ph\N{LATIN SMALL LETTER O WITH GRAVE}ng ma t\u00fay", Encoding.UCS2)
    async with adapter("vnpt", lambda _: reply) as (vnpt, heard):
        answer = await vnpt.submit_group(group)
    assert answer.verdicts == (Accepted(group.order_id),)
    asked = json.loads(heard[0].partition("\r\n\r\n")[2])["RQST"]
    wanted = {"name": "send_sms_group", "MOBILEGOUPID": "G-20", "MAXITEM": "0", "ISTELCOSUB": "1", "DATACODING": "8"}
    assert {name: asked[name] for name in wanted} == wanted
    assert group.text not in repr(answer)


async def test_vnpt_protects_a_message_but_not_a_list() -> None:
    for numbers, protected in ((1, 3600), (2, 0)):
        vnpt = Vnpt("CA LANGSON", options_of("vnpt", numbers_per_call=numbers, reqid_seconds=3600), None)  # type: ignore[arg-type]
        assert vnpt.capabilities.dedupe_seconds == protected
        assert (vnpt.capabilities.dedupe is Dedupe.ID) is bool(protected)


async def test_vnpts_check_asks_for_something_harmless_and_tells_wrong_keys() -> None:
    for code, well in (("0", True), ("3", True), ("1", False)):
        reply = json.dumps({"RPLY": {"name": "get_contract", "ERROR": code}}).encode()
        async with adapter("vnpt", lambda _, reply=reply: reply) as (vnpt, heard):
            if well:
                assert (await vnpt.check()).ok
            else:
                with pytest.raises(Misconfigured, match="password"):
                    await vnpt.check()
        assert "get_contract" in heard[0]


# Viettel


@asynccontextmanager
async def viettel(dials: Dials, **more: object) -> AsyncIterator[tuple[Viettel, PretendViettel]]:
    given = {"user": dials.api_key, "password": dials.secret_key, **more}
    async with PretendViettel(dials) as carrier, Http() as http:
        yield Viettel("CA LANGSON", options_of("viettel", carrier.origin, **given), http), carrier


async def test_viettel_names_page_by_page_whom_it_did_not_reach() -> None:
    dials = Dials.model_validate({"receipts": {"undelivered": 0.4}})
    async with viettel(dials, numbers_per_call=50, page_size=3) as (adapter, carrier):
        answer = await adapter.submit(submissions(30))
        assert set(answer.verdicts) == {Accepted(None)}
        today = datetime.now(UTC).astimezone(VIETNAM).date()
        told = await adapter.collect(today)
        failed = {phone for sent in carrier._carrier.sent.values() for phone in sent.failed}
        assert {receipt.msisdn for receipt in told.receipts} == failed
        assert len(told.exchanges) == len(failed) // 3 + 1
        assert (await adapter.collect(today - timedelta(days=1))).receipts == ()
    kept = repr(told.exchanges) + "".join(receipt.raw for receipt in told.receipts)
    assert not any(phone[2:] in kept for phone in failed)


async def test_a_list_that_viettel_refuses_is_no_empty_list() -> None:
    async with viettel(Dials(), password="another") as (adapter, _):
        with pytest.raises(Misconfigured):
            await adapter.collect(datetime(2026, 6, 20, tzinfo=UTC).date())
    async with viettel(Dials(), list_accepted=["1"]) as (adapter, _):
        with pytest.raises(Uncertain, match="code 0"):
            await adapter.collect(datetime(2026, 6, 20, tzinfo=UTC).date())


async def test_viettel_without_its_daily_list_promises_none() -> None:
    adapter = Viettel("CA LANGSON", options_of("viettel", daily_list=False), None)  # type: ignore[arg-type]
    assert adapter.capabilities.receipts is Receipts.NONE
    with pytest.raises(NotImplementedError, match="daily"):
        await adapter.collect(datetime(2026, 6, 20, tzinfo=UTC).date())


async def test_the_pretend_viettel_tells_balance_doubles_and_lost_answers() -> None:
    async with viettel(Dials(balance=5000, content_dedupe_seconds=60)) as (adapter, carrier):
        assert (await adapter.check()).balance == 5000
        (first,) = (await adapter.submit(submissions(1))).verdicts
        (again,) = (await adapter.submit(submissions(1))).verdicts
        assert (first, again.code) == (Accepted(None), "DUPLICATE")
        assert set(carrier.ledger.received.values()) == {1}
    async with viettel(Dials(lost_answers=1.0)) as (adapter, carrier):
        with pytest.raises(Uncertain):
            await adapter.submit(submissions(1))
        assert len(carrier.ledger.received) == 1
    async with viettel(Dials(secret_key="x"), password="y") as (adapter, _):
        with pytest.raises(Misconfigured):
            await adapter.check()


# SpeedSMS


async def test_speedsms_brings_texts_from_people_too() -> None:
    adapter = SpeedSms("CA LANGSON", options_of("speedsms", callback_base="https://us.vn"), None)  # type: ignore[arg-type]
    body = {"type": "sms", "phone": "0912345678", "content": "TC QC"}
    told = adapter.read_callback(Callback("POST", {}, {}, json.dumps(body).encode()))
    assert told == [Inbound("84912345678", "CA LANGSON", "TC QC")]


async def test_speedsms_is_asked_once_for_each_call() -> None:
    rows = [{"phone": "84912345678", "status": "0"}, {"phone": "0912345679", "status": 64}, {"phone": "x", "status": 1}]
    asked = [replace(one, reference=name) for one, name in zip(lookups(4), ("a", "a", "a", "b"), strict=True)]
    async with adapter("speedsms", lambda path: json.dumps({"data": rows if path.endswith("/a") else []}).encode()) as (
        speedsms,
        heard,
    ):
        found = (await speedsms.query([*asked, *lookups(1)])).found
    assert [one.outcome for one in found] == [Finding.DELIVERED, Finding.UNDELIVERED, *[Finding.UNKNOWN] * 3]
    assert [request.split()[1] for request in heard] == ["/sms/status/a", "/sms/status/b"]


# FPT


async def test_fpt_is_asked_for_one_token_however_many_calls_wait() -> None:
    def answer(path: str) -> bytes:
        return b'{"access_token":"t","expires_in":60}' if "token" in path else b'{"MessageId":1}'

    async with adapter("fpt", answer) as (fpt, heard):
        await asyncio.gather(*(fpt.submit(submissions(1)) for _ in range(20)))
    assert sum("/oauth2/token" in request for request in heard) == 1


async def test_fpt_gives_up_when_a_fresh_token_is_refused_too() -> None:
    def answer(path: str) -> bytes:
        return b'{"access_token":"t"}' if "token" in path else b'{"error":1011}'

    async with adapter("fpt", answer) as (fpt, heard):
        with pytest.raises(Misconfigured, match="fresh"):
            await fpt.submit(submissions(1))
    assert sum("push" in request for request in heard) == 2


def test_fpts_advertising_asks_for_what_nobody_knows() -> None:
    with pytest.raises(ValidationError, match="taken_field"):
        options_of("fpt", mode="advertising")


async def test_a_pass_is_used_until_it_is_over_or_refused() -> None:
    now, given = [0.0], iter("abc")

    async def ask() -> Pass:
        return Pass(next(given), 10)

    login = Login(ask, lambda: now[0])
    assert [await login.value(), await login.value()] == ["a", "a"]
    now[0] = 10.0
    assert await login.value() == "b"
    login.drop("a")
    assert await login.value() == "b"
    login.drop("b")
    assert await login.value() == "c"
    assert "the-secret" not in repr(Pass("the-secret", 1))


# eSMS


async def test_a_finished_batch_is_asked_for_number_by_number_in_two_calls() -> None:
    rows = [{"Phone": "0912345678", "IsSent": True, "SentResult": True}]
    rows += [{"Phone": "84912345679", "IsSent": True, "SentResult": False}]
    rows += [{"Phone": "84912345680", "IsSent": False, "SentResult": False}]
    rows += [{"Phone": "84912345681", "IsSent": "true", "SentResult": 1}]

    def answer(path: str) -> bytes:
        if "GetSendStatus" in path:
            return b'{"CodeResponse":"100","SMSID":"b","SendStatus":5,"SendSuccess":1,"SendFailed":1}'
        return json.dumps({"CodeResult": "100", "ReceiverList": rows}).encode()

    asked = [replace(one, reference="b") for one in lookups(5)]
    async with adapter("esms", answer, mode="advertising") as (esms, heard):
        queried = await esms.query(asked)
    told = [Finding.DELIVERED, Finding.UNDELIVERED, Finding.ACCEPTED]
    assert [one.outcome for one in queried.found] == [*told, *[Finding.UNKNOWN] * 2]
    assert len(heard) == 2
    assert "912345" not in repr(queried.exchanges)


@pytest.mark.parametrize(
    ("status", "finding"),
    [
        (1, Finding.ACCEPTED),
        (2, Finding.ACCEPTED),
        (7, Finding.ACCEPTED),
        (4, Finding.UNDELIVERED),
        (3, Finding.UNKNOWN),
    ],
)
async def test_a_batch_that_is_not_finished_is_not_asked_for_numbers(status: int, finding: Finding) -> None:
    body = json.dumps({"CodeResponse": "100", "SMSID": "b", "SendStatus": status}).encode()
    asked = [replace(one, reference="b") for one in lookups(3)]
    async with adapter("esms", lambda _: body, mode="advertising") as (esms, heard):
        assert {one.outcome for one in (await esms.query(asked)).found} == {finding}
    assert len(heard) == 1


def test_a_template_is_literal_but_for_its_places() -> None:
    body = b'{"BrandnameTemplates":[{"NetworkID":3,"TempContent":"Ma (so) {P1,4}. {P2,20}!","TempId":1}]}'
    told = parsed(Templates, body)
    assert told
    assert told.terms() == (Template(r"Ma\ \(so\)\ .{0,4}\.\ .{0,20}!", "vinaphone"),)


async def test_the_keys_in_the_address_of_the_brandnames_are_kept_nowhere() -> None:
    async with adapter("esms", lambda _: b'{"CodeResponse":"101","ErrorMessage":"the-key the-secret"}') as (
        esms,
        heard,
    ):
        with pytest.raises(Misconfigured) as caught:
            await esms.terms()
    assert "/GetListBrandname/the-key/the-secret" in heard[0]
    assert "the-secret" not in repr(vars(caught.value)) + str(caught.value)


# http_generic

SEND = {"url": "https://gw.example.vn/send", "body": '{"to":"${msisdn}","text":"${text}"}'}
REPORT = {"status": "s", "message_id": "m", "delivered": ["1"]}
ANSWER = {"code": "code", "accepted": ["0"]}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"send": {**SEND, "body": '{"to":"${numer}"}'}},
            r"send: body: không có \$\{numer\}; các tên dùng được: .*msisdn",
        ),
        ({"send": {**SEND, "body": '{"to":"$ 5"}'}}, "send: body: có dấu \\$ lẻ"),
        ({"send": {**SEND, "body": '{"to":${text}}'}}, "send: body: không phải JSON hợp lệ"),
        ({"send": {**SEND, "format": "xml", "body": "<a>${text}"}}, "send: body: không phải XML hợp lệ"),
        ({"send": {**SEND, "url": "http://gw.example.vn/"}}, "send: url: phải là địa chỉ bắt đầu bằng https"),
        ({"send": {**SEND, "url": "https://${sender}.vn/"}}, "send: url: .*tên máy không được chứa"),
        ({"send": {**SEND, "url": "https://gw.vn/${__class__}"}}, "send: url: không có"),
        ({"send": {**SEND, "headers": {"X-Text": "${text}"}}}, "send: headers.X-Text: không có"),
        ({"send": {**SEND, "method": "DELETE"}}, "send.method: phải là một trong"),
        ({"send": {"body": "x"}}, "send.url: chưa có"),
        ({"answer": {"code": "code"}}, "answer.accepted: chưa có"),
        ({"answer": {**ANSWER, "kode": "x"}}, "answer.kode: khóa lạ"),
        ({"codes": {"1": "fatal"}}, "codes.1: phải là một trong: 'recipient'"),
        ({"receipt": {"status": "s", "delivered": ["1"]}}, "receipt: cần message_id hoặc reference"),
        ({"receipt": {**REPORT, "signature": {"header": "X", "key": "k"}}}, "receipt: signature ký phần thân"),
        ({"check": {"url": "https://gw.vn/${msisdn}", "answer": ANSWER}}, "check: url: không có"),
        ({"dedupe_seconds": 60}, "dedupe_seconds: chỉ dùng được khi send gửi kèm"),
        ({"secrets": {"token": "a\nb"}}, "secrets.token: phải gồm ít nhất một ký tự"),
        ({"secrets": {"To ken": "a"}}, r"secrets\.To ken.*: có ký tự không được phép"),
    ],
)
def test_a_mistake_names_its_field(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        GenericOptions.model_validate({"send": SEND, "answer": ANSWER, **changes})
    lines = [line.removeprefix("x: ") for line in explain(caught.value, "x").splitlines()]
    assert any(re.match(words, line) for line in lines), lines


def test_secrets_in_tables_come_from_the_environment() -> None:
    text = """
[[route]]
name = "a"
provider = "http_generic"
networks = ["*"]
sender = "A"
tps = 1
[route.options]
secrets = { token = "env:TOKEN" }
"""
    (route,) = parse_routes(text, "routes.toml", {"TOKEN": "secret"})
    assert route.options["secrets"] == {"token": "secret"}
    with pytest.raises(Exception, match=r"options\.secrets\.token: chưa có biến môi trường TOKEN"):
        parse_routes(text, "routes.toml", {})


async def test_a_described_carrier_is_asked_for_its_balance() -> None:
    check = {"answer": {"code": "ok", "accepted": ["1"], "balance": "left"}}
    for body, ok, balance in ((b'{"ok":1,"left":"1200"}', True, 1200), (b'{"ok":9}', False, None)):
        async with raw_server(answers(body)) as server, Http() as http:
            given = {"send": SEND, "answer": ANSWER, "check": {**check, "url": server.origin}}
            health = await Generic("A", GenericOptions.model_validate(given), http).check()
        assert (health.ok, health.balance) == (ok, balance)
        assert server.requests[0].startswith(b"GET / ")


async def test_a_described_carrier_without_a_check_is_believed() -> None:
    health = await Generic("A", GenericOptions.model_validate({"send": SEND, "answer": ANSWER}), None).check()  # type: ignore[arg-type]
    assert (health.ok, "no check" in health.detail) == (True, True)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("1767225600", 1767225600),
        ("1767225600500", 1767225600.5),
        ("2026-01-01T00:00:00Z", 1767225600),
        ("2026-01-01 07:00:00", 1767225600),
        ("2026-01-01T07:00:00+07:00", 1767225600),
    ],
)
def test_a_time_is_read_in_every_spelling(written: str, seconds: float) -> None:
    assert moment(written).timestamp() == seconds


@pytest.mark.parametrize("written", ["", "17672256", "1.7e9", "tomorrow", "9" * 12, "\u0661" * 10])
def test_what_is_no_time_is_refused_with_words(written: str) -> None:
    with pytest.raises(ValueError, match="not a time"):
        moment(written)


# All of them


@pytest.mark.parametrize(
    ("given", "good"),
    [
        ({"base_url": "https://a.vn"}, True),
        ({"base_url": "http://127.0.0.1:80/x"}, True),
        ({"base_url": "http://10.0.0.1/"}, False),
        ({"base_url": "http://10.0.0.1/", "plain_http": True}, True),
        ({"base_url": "ftp://10.0.0.1/", "plain_http": True}, False),
        ({"base_url": "https://"}, False),
        ({"base_url": "https://a.vn", "hours": ["07:00", "21:30"]}, True),
        ({"base_url": "https://a.vn", "hours": ["21:30", "07:00"]}, False),
        ({"base_url": "https://a.vn", "hours": "07:00"}, False),
    ],
)
def test_keys_travel_in_the_open_only_where_somebody_said_so(given: dict[str, object], good: bool) -> None:
    if good:
        assert str(HttpOptions.model_validate(given).base_url).endswith("/")
    else:
        with pytest.raises(ValidationError):
            HttpOptions.model_validate(given)


async def test_a_half_of_a_list_that_fails_answers_for_itself() -> None:
    async def submit(part: Sequence[Submission]) -> Submitted:
        if len(part) == 4:
            return Submitted((Refused(Reason.RECIPIENT, "23"),) * 4, None)
        if part[0].message_id == f"{0:032x}":
            raise Uncertain("cut")
        raise Misconfigured("no money")

    verdicts = (await halved(submit, submissions(4), lambda verdict: getattr(verdict, "code", "") == "23")).verdicts
    assert [type(verdict).__name__ for verdict in verdicts] == ["Unclear", "Unclear", "Unsent", "Unsent"]
    assert isinstance(verdicts[2].failure, NotSent)
