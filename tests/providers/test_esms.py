"""eSMS: what its documentation says, row by row."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx
import pytest
import respx
from pydantic import ValidationError

from providers.base import (
    Accepted,
    Callback,
    Encoding,
    Outcome,
    Reason,
    Receipt,
    Refused,
    Submission,
    Verdict,
)
from providers.errors import Misconfigured, ProviderError, Throttled, Uncertain
from providers.esms import Esms, EsmsOptions
from providers.esms_said import CODES
from providers.http import Http
from tests.providers.behind import CARRIER, answered_by

BASE = f"{CARRIER}/MainService.svc/json/"
SEND = BASE + "SendMultipleMessage_V4_post_json/"
MESSAGE_ID = "0123456789abcdef0123456789abcdef"
A_MESSAGE = Submission(MESSAGE_ID, "84912345678", "Cong an tinh Lang Son", Encoding.GSM7, 1)


class Desk:
    """An adapter and the router that plays the carrier, behind a real socket."""

    def __init__(self, router: respx.Router, http: Http, origin: str) -> None:
        self.router, self.http, self.origin = router, http, origin

    def adapter(self, **options: object) -> Esms:
        given = {
            "base_url": BASE.replace(CARRIER, self.origin),
            "api_key": "the-api-key",
            "secret_key": "the-secret-key",
            **options,
        }
        return Esms("CA LANGSON", EsmsOptions.model_validate(given), self.http)

    def answering(self, body: object, status: int = 200) -> None:
        self.router.post(SEND).mock(return_value=httpx.Response(status, json=body))

    async def verdict(self, body: object, status: int = 200) -> Verdict:
        self.answering(body, status)
        (verdict,) = (await self.adapter().submit([A_MESSAGE])).verdicts
        return verdict

    async def failure(self, body: object, status: int = 200) -> ProviderError:
        self.answering(body, status)
        with pytest.raises(ProviderError) as caught:
            await self.adapter().submit([A_MESSAGE])
        return caught.value

    async def body(self, submission: Submission = A_MESSAGE, **options: object) -> dict[str, object]:
        self.answering({"CodeResult": "100", "SMSID": "1"})
        await self.adapter(**options).submit([submission])
        sent: dict[str, object] = json.loads(self.router.calls.last.request.content)
        return sent


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    with respx.mock(assert_all_called=False) as router:
        async with answered_by(router) as origin, Http() as http:
            yield Desk(router, http, origin)


async def test_a_message_is_sent_as_documented(desk: Desk) -> None:
    assert await desk.body() == {
        "ApiKey": "the-api-key",
        "SecretKey": "the-secret-key",
        "Phone": "84912345678",
        "Content": "Cong an tinh Lang Son",
        "Brandname": "CA LANGSON",
        "SmsType": "2",
        "IsUnicode": "0",
        "RequestId": MESSAGE_ID,
    }


async def test_accented_text_is_marked_as_such(desk: Desk) -> None:
    accented = Submission(MESSAGE_ID, "84912345678", "Công an tỉnh Lạng Sơn", Encoding.UCS2, 1)
    body = await desk.body(accented)
    assert (body["IsUnicode"], body["Content"]) == ("1", "Công an tỉnh Lạng Sơn")


async def test_the_optional_fields_are_sent_when_they_are_given(desk: Desk) -> None:
    submission = Submission(MESSAGE_ID, "84912345678", "x", Encoding.GSM7, 1, "https://we.test/c/1")
    body = await desk.body(submission, sandbox=True, campaign_id="drug-prevention-june-2027")
    assert body["Sandbox"] == "1"
    assert body["campaignid"] == "drug-prevention-june-2027"
    assert body["CallbackUrl"] == "https://we.test/c/1"


async def test_the_exchange_shows_what_was_asked_without_the_person_the_text_or_the_keys(desk: Desk) -> None:
    desk.answering({"CodeResult": "100", "SMSID": "abc"})
    exchange = (await desk.adapter().submit([A_MESSAGE])).exchange
    path, _, body = exchange.request.removeprefix("POST ").partition(" ")
    assert path == "SendMultipleMessage_V4_post_json/"
    assert json.loads(body) == {
        "ApiKey": "***",
        "SecretKey": "***",
        "Phone": "0912***678",
        "Content": "21 characters",
        "Brandname": "CA LANGSON",
        "SmsType": "2",
        "IsUnicode": "0",
        "RequestId": MESSAGE_ID,
    }
    assert (exchange.status, json.loads(exchange.response)) == (200, {"CodeResult": "100", "SMSID": "abc"})
    assert exchange.elapsed >= 0
    assert exchange.started_at.utcoffset() is not None


@pytest.mark.parametrize("body", [{"CodeResult": "100"}, {"CodeResult": 100}, {"CodeResponse": "100"}, {"Code": 100}])
async def test_each_name_and_type_of_the_code_is_read(desk: Desk, body: dict[str, object]) -> None:
    assert await desk.verdict({**body, "SMSID": "97c5f9f8-7f6a"}) == Accepted("97c5f9f8-7f6a")


@pytest.mark.parametrize("reference", [None, "", "x" * 65, ["1"], {"a": 1}, "a b", "a\x00"])
async def test_accepted_stays_accepted_when_the_reference_is_unusable(desk: Desk, reference: object) -> None:
    assert await desk.verdict({"CodeResult": "100", "SMSID": reference}) == Accepted(None)


async def test_a_reference_that_is_a_number_is_kept_as_text(desk: Desk) -> None:
    assert await desk.verdict({"CodeResult": "100", "SMSID": 123456}) == Accepted("123456")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("99", Reason.RECIPIENT),
        ("107", Reason.REQUEST),
        ("108", Reason.RECIPIENT),
        ("110", Reason.REQUEST),
        ("115", Reason.RECIPIENT),
        ("118", Reason.REQUEST),
        ("120", Reason.REQUEST),
        ("124", Reason.DUPLICATE),
        ("146", Reason.CONTENT),
        ("163", Reason.REQUEST),
        ("177", Reason.NETWORK),
        ("201", Reason.CONTENT),
        ("210", Reason.REQUEST),
        ("300", Reason.REQUEST),
        ("301", Reason.REQUEST),
        ("105", Reason.REQUEST),
        ("9999", Reason.OTHER),
        ("-1", Reason.OTHER),
        ("E42", Reason.OTHER),
    ],
)
async def test_a_code_about_one_message_refuses_it(desk: Desk, code: str, reason: Reason) -> None:
    assert await desk.verdict({"CodeResult": code, "ErrorMessage": "so"}) == Refused(reason, code, "so")
    silent = await desk.verdict({"CodeResult": code})
    assert isinstance(silent, Refused)
    assert bool(silent.detail) is (code in CODES)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("101", Misconfigured),
        ("102", Misconfigured),
        ("103", Misconfigured),
        ("104", Misconfigured),
        ("140", Misconfigured),
        ("143", Misconfigured),
        ("160", Throttled),
    ],
)
async def test_a_code_about_the_account_or_the_moment_fails_the_call(
    desk: Desk, code: str, kind: type[ProviderError]
) -> None:
    failure = await desk.failure({"CodeResult": code, "ErrorMessage": "no"})
    assert type(failure) is kind
    assert failure.code == code
    assert CODES[code].words in str(failure)


async def test_the_documented_answer_to_a_used_request_id_is_a_duplicate(desk: Desk) -> None:
    body = {"CodeResult": "124", "CountRegenerate": 0, "ErrorMessage": "Request exist 1", "SendStatus": "5"}
    assert await desk.verdict(body) == Refused(Reason.DUPLICATE, "124", "Request exist 1")


@pytest.mark.parametrize("status", [200, 400])
async def test_invalid_request_without_a_code_refuses_the_request(desk: Desk, status: int) -> None:
    assert await desk.verdict({"error": "Invalid request"}, status) == Refused(Reason.REQUEST, "99", "Invalid request")


@pytest.mark.parametrize("status", [400, 409, 422])
async def test_a_client_error_without_words_we_know_is_uncertain(desk: Desk, status: int) -> None:
    assert type(await desk.failure({"message": "hm"}, status)) is Uncertain


@pytest.mark.parametrize("status", [401, 403, 404, 405])
async def test_a_closed_door_parks_the_route(desk: Desk, status: int) -> None:
    assert type(await desk.failure({}, status)) is Misconfigured


async def test_a_byte_order_mark_does_not_hide_the_answer(desk: Desk) -> None:
    desk.router.post(SEND).mock(return_value=httpx.Response(200, content=b'\xef\xbb\xbf{"CodeResult":"146"}'))
    (verdict,) = (await desk.adapter().submit([A_MESSAGE])).verdicts
    assert isinstance(verdict, Refused)


async def test_the_balance_answers_the_check(desk: Desk) -> None:
    route = desk.router.post(BASE + "GetBalance_json")
    route.mock(return_value=httpx.Response(200, json={"Balance": 1250000.5, "CodeResponse": "100", "UserID": "7"}))
    health = await desk.adapter().check()
    assert (health.ok, health.balance, health.currency) == (True, 1250000.5, "VND")
    assert json.loads(route.calls.last.request.content) == {"ApiKey": "the-api-key", "SecretKey": "the-secret-key"}


@pytest.mark.parametrize("balance", [None, "much", "nan", []])
async def test_a_balance_that_cannot_be_read_is_left_out(desk: Desk, balance: object) -> None:
    answer = httpx.Response(200, json={"Balance": balance, "CodeResponse": "100"})
    desk.router.post(BASE + "GetBalance_json").mock(return_value=answer)
    health = await desk.adapter().check()
    assert (health.ok, health.balance) == (True, None)


async def test_a_check_with_wrong_keys_is_a_matter_for_a_person(desk: Desk) -> None:
    answer = httpx.Response(200, json={"CodeResponse": "101"})
    desk.router.post(BASE + "GetBalance_json").mock(return_value=answer)
    with pytest.raises(Misconfigured, match="API key"):
        await desk.adapter().check()


async def test_a_check_with_an_unknown_code_is_not_well(desk: Desk) -> None:
    answer = httpx.Response(200, json={"CodeResponse": "777"})
    desk.router.post(BASE + "GetBalance_json").mock(return_value=answer)
    health = await desk.adapter().check()
    assert not health.ok
    assert "777" in health.detail


def callback(**query: str) -> Callback:
    given = {"SMSID": "abc-1", "RequestId": MESSAGE_ID, "SendStatus": "5", "SendSuccess": "1", "SendFailed": "0"}
    return Callback("GET", {**given, **query}, {}, b"")


def receipt_of(desk: Desk, told: Callback) -> Receipt:
    (receipt,) = desk.adapter().read_callback(told)
    return receipt


@pytest.mark.parametrize(
    ("status", "succeeded", "failed", "outcome"),
    [
        ("1", "0", "0", Outcome.PENDING),
        ("2", "0", "0", Outcome.PENDING),
        ("7", "1", "0", Outcome.PENDING),
        ("4", "0", "0", Outcome.UNDELIVERED),
        ("5", "1", "0", Outcome.DELIVERED),
        ("5", "3", "", Outcome.DELIVERED),
        ("5", "0", "1", Outcome.UNDELIVERED),
        ("5", "2", "1", Outcome.UNDELIVERED),
        ("5", "0", "0", Outcome.PENDING),
        ("5", "", "", Outcome.PENDING),
        ("3", "0", "0", Outcome.PENDING),
        ("42", "1", "0", Outcome.PENDING),
    ],
)
async def test_a_status_with_its_counts_is_an_outcome(
    desk: Desk, status: str, succeeded: str, failed: str, outcome: Outcome
) -> None:
    receipt = receipt_of(desk, callback(SendStatus=status, SendSuccess=succeeded, SendFailed=failed))
    assert (receipt.outcome, receipt.code) == (outcome, status)
    assert (receipt.message_id, receipt.reference) == (MESSAGE_ID, "abc-1")


@pytest.mark.parametrize(
    ("telcoid", "network"),
    [
        ("1", "viettel"),
        ("2", "mobifone"),
        ("3", "vinaphone"),
        ("4", "vietnamobile"),
        ("5", "gmobile"),
        ("6", "itel"),
        ("7", "wintel"),
        ("9", None),
        ("", None),
    ],
)
async def test_the_network_is_named_in_our_words(desk: Desk, telcoid: str, network: str | None) -> None:
    assert receipt_of(desk, callback(telcoid=telcoid)).network == network


@pytest.mark.parametrize("request_id", ["", "7", "x" * 32, MESSAGE_ID + "0", "' OR 1=1", "\x00" * 32, "x" * 100_000])
async def test_a_request_id_that_is_not_ours_is_dropped(desk: Desk, request_id: str) -> None:
    receipt = receipt_of(desk, callback(RequestId=request_id))
    assert (receipt.message_id, receipt.reference) == (None, "abc-1")


async def test_our_id_alone_is_enough(desk: Desk) -> None:
    receipt = receipt_of(desk, callback(SMSID="", RequestId=MESSAGE_ID.upper()))
    assert (receipt.message_id, receipt.reference) == (MESSAGE_ID, None)


async def test_the_kept_query_has_the_number_masked(desk: Desk) -> None:
    raw = json.loads(receipt_of(desk, callback(phonenumber="0912345678", note="to 84912345678")).raw)
    assert (raw["phonenumber"], raw["note"], raw["smsid"]) == ("0912***678", "to 0912***678", "abc-1")


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("base_url", "http://rest.esms.vn/", "https"),
        ("base_url", "rest.esms.vn", "https"),
        ("base_url", "ftp://127.0.0.1/", "https"),
        ("api_key", "", "api_key"),
        ("secret_key", "", "secret_key"),
        ("timeout", 0, "timeout"),
        ("campaign_id", "x" * 255, "campaign_id"),
    ],
)
def test_an_option_that_cannot_work_is_refused(option: str, value: object, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        EsmsOptions.model_validate({"api_key": "a", "secret_key": "b", option: value})


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8000", "http://localhost:1/x", "http://[::1]:80/", "https://a.vn/x"]
)
def test_an_address_ends_with_one_slash(address: str) -> None:
    options = EsmsOptions.model_validate({"api_key": "a", "secret_key": "b", "base_url": address})
    assert options.base_url == address.rstrip("/") + "/"
