"""eSMS: what its status calls prove about a message whose answer was lost, and what they do not."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import respx
from pydantic import ValidationError

from providers.base import Finding, Found, Lookup, Queried
from providers.errors import Misconfigured, Throttled, Uncertain
from providers.esms import Esms, EsmsOptions
from providers.esms_sent import spans
from providers.http import Http
from tests.providers.behind import CARRIER, answered_by

BASE = f"{CARRIER}/MainService.svc/json/"
LIST, STATUS = BASE + "GetSmsSentData_V2", BASE + "GetSendStatus"
TEXT = "Công an tỉnh Lạng Sơn: nói không với ma túy"
NOW = datetime.now(UTC)
AN_HOUR_AGO = NOW - timedelta(hours=1)
LOST = Lookup("0" * 31 + "1", "84912345678", TEXT, AN_HOUR_AGO, AN_HOUR_AGO + timedelta(seconds=30))


def row(phone: str = "0912345678", text: str = TEXT, at: datetime | None = None, **fields: object) -> dict[str, object]:
    sent_at = at or LOST.submitted_before
    return {
        "Campaign": "june",
        "Content": text,
        "Phone": phone,
        "ReferenceId": f"sms-{phone}",
        "SellPrice": 345.0,
        "SendResult": 1,
        "SendStatus": 5,
        "SentTime": f"/Date({int(sent_at.timestamp() * 1000)}+0700)/",
        "SmsId": 29028845,
        "SmsType": 2,
        **fields,
    }


SOMEBODY = row("0987654321", "another text")


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

    def listing(self, rows: Sequence[object], page_size: int = 200, **head: object) -> None:
        """Pages as asked for."""

        def answer(request: httpx.Request) -> httpx.Response:
            first = (int(json.loads(request.content)["Page"]) - 1) * page_size
            body = {"CodeResult": "100", "CountTotal": len(rows), "SentData": rows[first : first + page_size], **head}
            return httpx.Response(200, json=body)

        self.router.post(LIST).mock(side_effect=answer)

    async def found(self, rows: Sequence[object], lookup: Lookup = LOST, **options: object) -> Found:
        self.listing(rows)
        (found,) = (await self.adapter(**options).query([lookup])).found
        return found

    async def stood(self, body: object, reference: str = "sms-1") -> Found:
        self.router.get(STATUS).mock(return_value=httpx.Response(200, json=body))
        (found,) = (await self.adapter().query([replace(LOST, reference=reference)])).found
        return found


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    with respx.mock(assert_all_called=False) as router:
        async with answered_by(router) as origin, Http() as http:
            yield Desk(router, http, origin)


async def test_the_list_is_asked_for_as_documented_in_the_time_of_viet_nam(desk: Desk) -> None:
    desk.listing([])
    noon = datetime(2026, 6, 26, 5, 0, 0, 500_000, tzinfo=UTC)
    lookup = replace(LOST, submitted_after=noon, submitted_before=noon + timedelta(seconds=20))
    (exchange,) = (await desk.adapter().query([lookup])).exchanges
    assert json.loads(desk.router.calls.last.request.content) == {
        "ApiKey": "the-api-key",
        "SecretKey": "the-secret-key",
        "From": "2026-06-26 11:58:00",
        "To": "2026-06-26 12:02:21",
        "Page": "1",
        "PageSize": "200",
        "SmsType": "2",
    }
    assert exchange.request.startswith('POST GetSmsSentData_V2 {"ApiKey":"***","SecretKey":"***","From":"2026-06-26')


@pytest.mark.parametrize(
    ("status", "result", "finding"),
    [
        (1, 2, Finding.ACCEPTED),
        (2, 2, Finding.ACCEPTED),
        (7, 2, Finding.ACCEPTED),
        (7, 1, Finding.ACCEPTED),
        (4, 0, Finding.UNDELIVERED),
        (5, 1, Finding.DELIVERED),
        (5, 0, Finding.UNDELIVERED),
        (5, 2, Finding.ACCEPTED),
        ("5", "1", Finding.DELIVERED),
        (5, None, Finding.UNKNOWN),
        (5, 3, Finding.UNKNOWN),
        (0, 2, Finding.UNKNOWN),
        (9, 1, Finding.UNKNOWN),
        (None, 1, Finding.UNKNOWN),
    ],
)
async def test_each_status_and_result_of_a_row_has_its_meaning(
    desk: Desk, status: object, result: object, finding: Finding
) -> None:
    found = await desk.found([row(SendStatus=status, SendResult=result)])
    assert (found.outcome, found.reference) == (finding, "sms-0912345678")
    assert found.code == ("" if status is None else str(status))


@pytest.mark.parametrize("phone", ["0912345678", "84912345678", "+84912345678", "912345678", 84912345678])
@pytest.mark.parametrize("text", [TEXT, f"  {TEXT}\r\n", TEXT.replace(" ", "  "), "Co\u0302" + TEXT[2:]])
async def test_a_number_is_known_in_each_form_and_a_text_by_its_letters(desk: Desk, phone: object, text: str) -> None:
    assert (await desk.found([SOMEBODY, row(text=text, Phone=phone)])).outcome is Finding.DELIVERED


async def test_what_is_kept_of_a_row_names_nobody(desk: Desk) -> None:
    raw = json.loads((await desk.found([row()])).raw)
    assert (raw["Phone"], raw["Content"]) == ("0912***678", f"{len(TEXT)} characters")
    assert (raw["ReferenceId"], raw["SendStatus"], raw["SendResult"]) == ("sms-0912345678", 5, 1)


async def test_what_is_kept_of_a_list_is_its_size(desk: Desk) -> None:
    desk.listing([row(), SOMEBODY])
    (exchange,) = (await desk.adapter().query([LOST])).exchanges
    told = json.loads(exchange.response)
    assert (told.pop("bytes") > 0, told) == (True, {"code": "100", "CountTotal": 2, "rows": 2})


async def test_an_unusable_reference_is_left_out_and_the_message_found(desk: Desk) -> None:
    found = await desk.found([row(ReferenceId="a' OR 1=1 --")])
    assert (found.outcome, found.reference) == (Finding.DELIVERED, None)


async def test_a_number_that_a_whole_list_of_that_time_does_not_hold_is_absent(desk: Desk) -> None:
    assert await desk.found([SOMEBODY]) == Found(LOST.message_id, Finding.ABSENT)


# These are made when the tests are collected and may be used minutes later: still too early then.
TOO_EARLY = replace(LOST, submitted_after=NOW + timedelta(hours=1), submitted_before=NOW + timedelta(hours=1))
NOT_YET = replace(LOST, submitted_after=NOW - timedelta(minutes=9), submitted_before=NOW - timedelta(minutes=9))
FORGOTTEN = replace(LOST, submitted_after=NOW - timedelta(days=8), submitted_before=NOW - timedelta(days=8))


@pytest.mark.parametrize(
    ("rows", "lookup", "why"),
    [
        ([], LOST, "nor is anything else"),
        ([row("0987654321", "x", LOST.submitted_after - timedelta(seconds=1))], LOST, "nor is anything else"),
        ([row("0987654321", "x", NOW)], LOST, "nor is anything else"),
        ([row("0987654321", "x", SentTime="/Date(-62135596800000)/")], LOST, "nor is anything else"),
        ([row("0987654321", "x", SentTime="yesterday")], LOST, "nor is anything else"),
        ([row("0987654321", "x", TOO_EARLY.submitted_before)], TOO_EARLY, "too early"),
        ([row("0987654321", "x", FORGOTTEN.submitted_before)], FORGOTTEN, "older"),
        ([SOMEBODY, row(Phone="hidden")], LOST, "cannot be read"),
        ([SOMEBODY, None], LOST, "cannot be read"),
        ([SOMEBODY, row(text="Cong an tinh Lang Son")], LOST, "something else"),
        ([SOMEBODY, row(at=LOST.submitted_after - timedelta(minutes=2, seconds=-1))], LOST, ""),
        ([SOMEBODY, SOMEBODY], LOST, "to its end"),
    ],
)
async def test_absence_is_doubted(desk: Desk, rows: list[object], lookup: Lookup, why: str) -> None:
    found = await desk.found(rows, lookup)
    assert found.outcome is (Finding.UNKNOWN if why else Finding.DELIVERED)
    assert why in found.detail


async def test_the_margin_is_an_option_and_has_a_floor(desk: Desk) -> None:
    somebody = row("0987654321", "x", NOT_YET.submitted_before)
    assert (await desk.found([somebody], NOT_YET, absence_after=500)).outcome is Finding.ABSENT
    with pytest.raises(ValidationError, match="absence_after"):
        desk.adapter(absence_after=60)


async def test_two_messages_that_fit_are_one_too_many(desk: Desk) -> None:
    found = await desk.found([row(), row(ReferenceId="sms-2")])
    assert (found.outcome, found.reference) == (Finding.UNKNOWN, None)
    assert "2 listed messages for 1 of ours" in found.detail


async def test_a_reference_of_another_message_is_not_counted(desk: Desk) -> None:
    known = replace(LOST, others=frozenset({"sms-2"}))
    assert (await desk.found([row(), row(ReferenceId="sms-2")], known)).reference == "sms-0912345678"
    assert (await desk.found([SOMEBODY, row(ReferenceId="sms-2")], known)).outcome is Finding.ABSENT


async def test_two_of_ours_with_one_text_to_one_number_claim_nothing(desk: Desk) -> None:
    desk.listing([row()])
    answer = await desk.adapter().query([LOST, replace(LOST, message_id="f" * 32)])
    assert [found.outcome for found in answer.found] == [Finding.UNKNOWN] * 2


async def test_two_of_ours_with_two_texts_to_one_number_are_told_apart(desk: Desk) -> None:
    desk.listing([row(), row(text="the second", ReferenceId="sms-2", SendResult=0)])
    answer = await desk.adapter().query([replace(LOST, message_id="f" * 32, text="the second"), LOST])
    assert [(found.outcome, found.reference) for found in answer.found] == [
        (Finding.UNDELIVERED, "sms-2"),
        (Finding.DELIVERED, "sms-0912345678"),
    ]


async def test_our_own_id_would_settle_it_if_a_row_had_it(desk: Desk) -> None:
    twins = [row(RequestId="f" * 32), row(ReferenceId="sms-2", RequestId=LOST.message_id, Content="cut short")]
    assert (await desk.found(twins)).reference == "sms-2"
    assert (await desk.found([twins[0]])).outcome is Finding.ABSENT


async def test_a_message_that_went_out_before_ours_is_not_ours_but_leaves_a_doubt(desk: Desk) -> None:
    lookups = [replace(LOST, msisdn="84999999999", submitted_after=AN_HOUR_AGO - timedelta(minutes=10)), LOST]
    desk.listing([row(at=AN_HOUR_AGO - timedelta(minutes=5)), SOMEBODY])
    answer = await desk.adapter().query(lookups)
    assert [found.outcome for found in answer.found] == [Finding.ABSENT, Finding.UNKNOWN]


async def test_a_time_that_is_not_yet_set_does_not_hide_a_message(desk: Desk) -> None:
    waiting = row(SentTime="/Date(-62135596800000+0700)/", SendStatus=2, SendResult=2)
    assert (await desk.found([waiting])).outcome is Finding.ACCEPTED


PEOPLE = [row(f"09{number:08}", "x") for number in range(450)]


async def test_every_page_is_read_until_the_total(desk: Desk) -> None:
    desk.listing([*PEOPLE, row()])
    answer = await desk.adapter().query([LOST])
    assert [found.outcome for found in answer.found] == [Finding.DELIVERED]
    assert len(answer.exchanges) == 3


async def test_a_carrier_with_smaller_pages_than_asked_for_is_read_to_the_end(desk: Desk) -> None:
    desk.listing([*PEOPLE, row()], page_size=100)
    answer = await desk.adapter().query([LOST])
    assert [found.outcome for found in answer.found] == [Finding.DELIVERED]
    assert len(answer.exchanges) == 5


async def test_a_list_longer_than_we_read_proves_nothing(desk: Desk) -> None:
    for rows in ([*PEOPLE, row()], [row(), *PEOPLE], PEOPLE):
        found = await desk.found(rows, lookup_pages=2)
        assert (found.outcome, found.detail) == (Finding.UNKNOWN, "the list could not be read to its end")


async def test_a_list_that_grows_or_stops_while_it_is_read_proves_nothing(desk: Desk) -> None:
    first = {"CodeResult": "100", "CountTotal": 3, "SentData": PEOPLE[:2]}
    for second in (
        {**first, "CountTotal": 4, "SentData": PEOPLE[2:4]},
        {**first, "SentData": []},
        {**first, "SentData": PEOPLE[1:2]},
    ):
        pages = [httpx.Response(200, json=first), httpx.Response(200, json=second)]
        desk.router.post(LIST).mock(side_effect=pages)
        (found,) = (await desk.adapter().query([LOST])).found
        assert found.outcome is Finding.UNKNOWN


async def test_times_far_apart_are_listed_apart(desk: Desk) -> None:
    late = replace(LOST, message_id="f" * 32, submitted_after=NOW, submitted_before=NOW)
    between = replace(LOST, message_id="e" * 32, submitted_after=LOST.submitted_before)
    assert [span.lookups for span in spans([late, LOST, between])] == [(LOST, between), (late,)]
    desk.listing([row()])
    answer = await desk.adapter().query([late, LOST])
    assert [found.message_id for found in answer.found] == [late.message_id, LOST.message_id]
    assert len(answer.exchanges) == 2


@pytest.mark.parametrize(
    ("code", "failure"), [("101", Misconfigured), ("140", Misconfigured), ("160", Throttled), ("", Uncertain)]
)
async def test_a_query_that_the_carrier_does_not_serve_is_a_failure(
    desk: Desk, code: str, failure: type[Exception]
) -> None:
    desk.listing([], CodeResult=code)
    with pytest.raises(failure):
        await desk.adapter().query([LOST])


@pytest.mark.parametrize("code", ["99", "105", "210", "854"])
async def test_any_other_code_leaves_the_message_unknown(desk: Desk, code: str) -> None:
    desk.listing([SOMEBODY], CodeResult=code)
    (found,) = (await desk.adapter().query([LOST])).found
    assert (found.outcome, found.code) == (Finding.UNKNOWN, code)


async def test_a_test_message_is_kept_by_nobody_and_not_asked_for(desk: Desk) -> None:
    answer = await desk.adapter(sandbox=True).query([LOST])
    assert answer == Queried((Found(LOST.message_id, Finding.UNKNOWN, detail=answer.found[0].detail),), ())
    assert not desk.router.calls


@pytest.mark.parametrize(
    ("status", "succeeded", "failed", "finding"),
    [
        (1, 0, 0, Finding.ACCEPTED),
        (2, 0, 0, Finding.ACCEPTED),
        (7, 1, 0, Finding.ACCEPTED),
        (4, 0, 1, Finding.UNDELIVERED),
        (5, 2, 0, Finding.DELIVERED),
        ("5", "1", "1", Finding.UNDELIVERED),
        (5, 0, 0, Finding.ACCEPTED),
        (0, 0, 0, Finding.UNKNOWN),
        (9, 1, 0, Finding.UNKNOWN),
        ("", 1, 0, Finding.UNKNOWN),
        (5, "all", 0, Finding.UNKNOWN),
    ],
)
async def test_a_message_with_a_reference_is_asked_for_by_it(
    desk: Desk, status: object, succeeded: object, failed: object, finding: Finding
) -> None:
    said = {"CodeResponse": "100", "SMSID": "sms-1", "SendStatus": status}
    found = await desk.stood({**said, "SendSuccess": succeeded, "SendFailed": failed})
    assert (found.outcome, found.reference) == (finding, "sms-1")
    asked = dict(desk.router.calls.last.request.url.params)
    assert asked == {"ApiKey": "the-api-key", "SecretKey": "the-secret-key", "RefId": "sms-1"}


async def test_an_answer_about_another_message_or_not_yet_leaves_it_unknown(desk: Desk) -> None:
    other = {"CodeResponse": "100", "SMSID": "sms-2", "SendStatus": 5, "SendSuccess": 1}
    assert (await desk.stood(other)).outcome is Finding.UNKNOWN
    assert (await desk.stood({"CodeResponse": "105"})).code == "105"


async def test_the_keys_in_the_address_of_a_status_call_are_kept_nowhere(desk: Desk) -> None:
    echo = {"CodeResponse": "100", "SMSID": "sms-1", "SendStatus": 2, "url": f"{STATUS}?ApiKey=the-api-key"}
    desk.router.get(STATUS).mock(return_value=httpx.Response(200, json=echo))
    (exchange,) = (await desk.adapter().query([replace(LOST, reference="sms-1")])).exchanges
    assert exchange.request == 'GET GetSendStatus {"ApiKey":"***","SecretKey":"***","RefId":"sms-1"}'
    assert "the-api-key" not in repr(exchange)


@pytest.mark.parametrize(
    ("after", "before"), [(NOW.replace(tzinfo=None), NOW), (NOW, NOW.replace(tzinfo=None)), (NOW, AN_HOUR_AGO)]
)
def test_a_lookup_needs_aware_times_in_their_order(after: datetime, before: datetime) -> None:
    with pytest.raises(ValueError, match="submitted_before"):
        replace(LOST, submitted_after=after, submitted_before=before)
