"""Zalo template messages: what goes over the wire, what each code means, and what a webhook says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from providers.base import (
    Accepted,
    Callback,
    Encoding,
    Filled,
    Finding,
    Follow,
    Inbound,
    Lookup,
    Outcome,
    Parameter,
    Reason,
    Receipt,
    Refused,
    Submission,
    Submitted,
    TemplateInfo,
)
from providers.errors import Misconfigured, ProviderError, Throttled, Uncertain
from providers.http import Http
from providers.sandbox.zalo import PretendZalo, ZaloDials
from providers.sandbox.zalo.dials import TemplateDials
from providers.tokens import NotAuthorised
from providers.zalo.codes import CODES, WAITS, until
from providers.zalo.webhook import read, signature
from providers.zalo.zbs import Zbs, ZbsOptions

NUMBER = "84900000001"
FILLED = Filled("204519", {"commune": "xã Na Sầm"})
ONE = Submission(f"{1:032x}", NUMBER, "Nói không với ma túy", Encoding.UCS2, 1, filled=FILLED)
PARAMETERS = {"commune": 30}


class Spent:
    """Tokens of a test: the first one, and another for each that is refused."""

    def __init__(self, provider: Zbs, refresh: str) -> None:
        self._provider, self._refresh, self._access = provider, refresh, "stale"

    async def current(self) -> str:
        return self._access

    async def after(self, refused: str) -> str:
        pair = await self._provider.refreshed(self._refresh)
        self._refresh, self._access = pair.refresh, pair.access
        return self._access


def provider(zalo: PretendZalo, http: Http, **options: object) -> Zbs:
    made = Zbs("Công an tỉnh", ZbsOptions.model_validate({**zalo.options, **options}), http)
    made.tokens = Spent(made, zalo.dials.refresh_token)
    return made


def dials(**told: object) -> ZaloDials:
    return ZaloDials.model_validate({"template": TemplateDials(parameters=PARAMETERS), **told})


async def submitted(one: Submission = ONE, told: ZaloDials | None = None, **options: object) -> Submitted:
    async with PretendZalo(told or dials()) as zalo, Http() as http:
        return await provider(zalo, http, **options).submit([one])


async def test_a_stale_token_is_replaced_and_the_message_goes_out_once() -> None:
    async with PretendZalo(dials()) as zalo, Http() as http:
        answer = await provider(zalo, http).submit([ONE])
    assert isinstance(answer.verdicts[0], Accepted)
    assert [arrival.code for arrival in zalo.ledger.arrivals] == ["-124", "0"]
    assert zalo.ledger.received == {NUMBER: 1}
    assert len(zalo.account.refreshes) == 1


@pytest.mark.parametrize(("address", "msisdn"), [("phone", NUMBER), ("hashed", NUMBER), ("uid", "zalo:7312345678")])
async def test_each_kind_of_address_is_written_to_in_its_own_way(address: str, msisdn: str) -> None:
    answer = await submitted(ONE._replace(msisdn=msisdn), address=address)
    assert isinstance(answer.verdicts[0], Accepted)
    assert answer.exchange is not None
    assert msisdn.removeprefix("zalo:") not in answer.exchange.request


async def test_the_hash_is_that_of_the_digits_from_84() -> None:
    async with PretendZalo(dials()) as zalo, Http() as http:
        await provider(zalo, http, address="hashed").submit([ONE])
    assert zalo.ledger.arrivals[-1].phones == ("c1defbf2b2d03f6c060709faa2be37c05d6539c96ebbe5bd1bfea42cdc54032f",)


@pytest.mark.parametrize(("address", "msisdn"), [("phone", "zalo:731"), ("uid", NUMBER)])
async def test_an_address_of_another_kind_is_our_mistake(address: str, msisdn: str) -> None:
    with pytest.raises(ValueError, match="address of another kind"):
        await submitted(ONE._replace(msisdn=msisdn), address=address)
    with pytest.raises(ValueError, match="needs a template"):
        await submitted(ONE._replace(filled=None))


@pytest.mark.parametrize("code", CODES)
async def test_each_code_is_told_as_what_it_is(code: str) -> None:
    meaning = CODES[code]
    told = dials(refusals={code: 1.0})
    if isinstance(meaning.kind, Reason):
        (verdict,) = (await submitted(told=told)).verdicts
        assert isinstance(verdict, Refused)
        assert (verdict.reason, verdict.code) == (meaning.kind, code)
        return
    with pytest.raises(ProviderError) as caught:
        await submitted(told=told)
    assert type(caught.value) is meaning.kind
    assert caught.value.code == code
    if isinstance(caught.value, Throttled) and code in WAITS:
        assert 0 < (caught.value.retry_after or 0) <= 86_400


def test_what_is_refused_until_an_hour_waits_for_that_hour() -> None:
    late = datetime(2026, 6, 1, 15, 30, tzinfo=UTC)  # 22:30 in Viet Nam
    assert WAITS["-133"](late) == 7.5 * 3600
    assert WAITS["-144"](late) == 1.5 * 3600
    assert until(datetime.min.time(), late + timedelta(hours=1.5)) == 86_400


async def test_a_used_up_quota_waits_for_midnight() -> None:
    with pytest.raises(Throttled) as caught:
        await submitted(told=dials(daily_quota=0))
    assert caught.value.code == "-144"
    assert (caught.value.retry_after or 0) > 0


async def test_a_lost_answer_is_uncertain_although_it_was_taken() -> None:
    async with PretendZalo(dials(lost_answers=1.0)) as zalo, Http() as http:
        with pytest.raises(Uncertain):
            await provider(zalo, http).submit([ONE])
    assert zalo.ledger.received == {NUMBER: 1}


async def test_a_refused_refresh_asks_for_a_person() -> None:
    async with PretendZalo(dials()) as zalo, Http() as http:
        made = provider(zalo, http)
        zalo.account.revoke()
        with pytest.raises(NotAuthorised) as caught:
            await made.submit([ONE])
    assert isinstance(caught.value, Misconfigured)
    assert caught.value.exchange is not None
    assert zalo.dials.refresh_token not in repr(vars(caught.value.exchange.__class__)) + caught.value.exchange.request


def asked_about(reference: str | None) -> Lookup:
    return Lookup(ONE.message_id, NUMBER, ONE.text, datetime.now(UTC), datetime.now(UTC), reference)


@pytest.mark.parametrize(("unreached", "finding"), [(0.0, Finding.DELIVERED), (1.0, Finding.ACCEPTED)])
async def test_the_status_call_tells_what_a_lost_webhook_does_not(unreached: float, finding: Finding) -> None:
    told = dials(unreached=unreached, webhooks={"delay_seconds": {"mean": 0.0}, "lost": 1.0})
    async with PretendZalo(told) as zalo, Http() as http:
        made = provider(zalo, http)
        (verdict,) = (await made.submit([ONE])).verdicts
        assert isinstance(verdict, Accepted)
        answer = await made.query([asked_about(verdict.reference), asked_about("unknown"), asked_about(None)])
    assert [found.outcome for found in answer.found] == [finding, Finding.ABSENT, Finding.UNKNOWN]
    assert len(answer.exchanges) == 2


async def test_a_template_tells_what_has_to_be_filled_in_and_whether_it_may_be_sent() -> None:
    template = TemplateDials(parameters=PARAMETERS, timeout_seconds=7200)
    async with PretendZalo(ZaloDials(template=template)) as zalo, Http() as http:
        made = provider(zalo, http)
        info, unknown = await made.template("204519"), await made.template("999")
    parameters = (Parameter("commune", required=True, least=0, most=30),)
    assert info == TemplateInfo("204519", True, "ENABLE", parameters, 200, 7200)
    assert (unknown.usable, unknown.detail) == (False, "refused (-109) (code -109)")


async def test_a_check_asks_for_the_quota() -> None:
    async with PretendZalo(dials(daily_quota=500)) as zalo, Http() as http:
        made = provider(zalo, http)
        assert (await made.check()).ok
        assert (await made.terms()).quota == 500


APP, SECRET, OTHER = "200", "oa-secret", "app-secret"
BODY = (
    b'{"sender":{"id":"100"},"recipient":{"id":"84900000001"},"event_name":"user_received_message","message":'
    b'{"delivery_time":"1790000000000","msg_id":"m1","tracking_id":"t1"},"app_id":"200","timestamp":"1790000000123"}'
)
MAC = "d3209eaa11a51cb3b7b2d5165abc70911b933eed46c825e14078bd4a71413e53"
NOW = 1_790_000_000.0


def event(**told: object) -> Callback:
    body = json.dumps({"timestamp": "1790000000123", **told}).encode()
    mac = signature(APP, body, "1790000000123", SECRET)
    return Callback("POST", {}, {"X-ZEvent-Signature": f"mac={mac}"}, body)


def heard(callback: Callback, now: float = NOW) -> list[object]:
    return list(read(callback, (APP, SECRET, OTHER), "100", 7200, now))


def test_the_signature_is_the_documented_one() -> None:
    assert signature(APP, BODY, "1790000000123", SECRET) == MAC
    (receipt,) = heard(Callback("POST", {}, {"x-zevent-signature": f"mac={MAC}"}, BODY))
    assert isinstance(receipt, Receipt)
    assert (receipt.outcome, receipt.message_id, receipt.reference) == (Outcome.DELIVERED, None, "m1")


@pytest.mark.parametrize("seconds", [7201, -301])
def test_an_event_of_another_time_is_refused(seconds: int) -> None:
    with pytest.raises(ValueError, match="s old"):
        heard(Callback("POST", {}, {"x-zevent-signature": f"mac={MAC}"}, BODY), NOW + 0.123 + seconds)


def test_followers_and_texts_are_read() -> None:
    at = datetime.fromtimestamp(1_790_000_000.123, UTC)
    assert heard(event(event_name="follow", follower={"id": "731"})) == [Follow("zalo:731", follows=True, at=at)]
    assert heard(event(event_name="unfollow", follower={"id": "731"})) == [Follow("zalo:731", follows=False, at=at)]
    told = event(event_name="user_send_text", sender={"id": "731"}, message={"msg_id": "a1", "text": "TC"})
    assert heard(told) == [Inbound("zalo:731", "100", "TC", "a1")]
    assert heard(event(event_name="oa_send_text", message={"msg_id": "a1"})) == []
    assert heard(event(event_name="something_new", anything=[1, 2])) == []
