"""The shapes that eSMS puts on the wire: bodies it takes, answers it gives, the query of its callback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from providers.sandbox.carrier import THROTTLED, Decision, Order, Sent
from providers.sandbox.counting import segments
from providers.sandbox.numbering import network, normal

THROTTLED_BODY = {"error": "Too many requests"}
INVALID: dict[str, object] = {"error": "Invalid request"}
WORDS = {
    "99": "Phone number is blocked",
    "101": "Authorize Failed",
    "103": "Balance is not enough",
    "104": "Brandname code is not exist",
    "105": "Id is not exist",
    "107": "At least 30 valid phone numbers",
    "108": "Phone number is not valid",
    "118": "SmsType is not supported",
    "120": "At most 5000 phone numbers",
    "146": "Content does not match any template",
    "160": "Too many requests",
    "177": "Brandname is not registered on this network",
    "201": "Content has a blocked keyword",
    "210": "Payload is not valid",
}
FINISHED, WAITING_FOR_REPORT = 5, 7
VIETNAM = timezone(timedelta(hours=7))


class Keys(BaseModel):
    """The credentials that every body holds. Numbers are taken for strings, as eSMS does."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    api_key: str = Field(alias="ApiKey")
    secret_key: str = Field(alias="SecretKey")


class Message(Keys):
    """What both ways of sending share."""

    text: str = Field(alias="Content")
    brandname: str = Field(alias="Brandname")
    sms_type: str = Field(alias="SmsType")
    request_id: str = Field(default="", alias="RequestId", max_length=50)
    unicode: str = Field(default="0", alias="IsUnicode")
    sandbox: str = Field(default="0", alias="Sandbox")
    campaign: str = Field(default="", alias="campaignid", max_length=254)
    callback_url: str = Field(default="", alias="CallbackUrl", max_length=2000)

    def order(self, phones: list[str], advertising: bool) -> Order:
        """Read as the carrier does; one malformed number spoils the call."""
        known = dict.fromkeys(normal(phone) for phone in phones)
        unicode = self.unicode == "1" or (advertising and segments(self.text, False) is None)
        return Order(
            self.api_key,
            self.secret_key,
            self.brandname,
            None if None in known else tuple(phone for phone in known if phone),
            self.text,
            unicode,
            segments(self.text, unicode),
            self.request_id,
            self.sandbox == "1",
            self.callback_url,
            self.campaign,
            advertising,
        )


class Care(Message):
    """SendMultipleMessage_V4_post_json."""

    phone: str = Field(alias="Phone")


class Advertising(Message):
    """SendMultipleSMSBrandname_json."""

    phones: list[str] = Field(alias="Phones")


class Listing(Keys):
    """GetSmsSentData_V2. Times are Viet Nam's."""

    since: str = Field(alias="From")
    until: str = Field(alias="To")
    page: int = Field(default=1, alias="Page", ge=1)
    size: int = Field(default=500, alias="PageSize", ge=1, le=500)
    sms_type: str = Field(default="", alias="SmsType")


def answer(decision: Decision) -> tuple[int, dict[str, object]]:
    """HTTP status and body for a decision about sending."""
    if decision.code == THROTTLED:
        return 429, dict(THROTTLED_BODY)
    if decision.code == "124":
        return 200, {**_coded("124"), "ErrorMessage": "Request exist 1", "SendStatus": "5"}
    body = _coded(decision.code)
    if decision.code in WORDS:
        body["ErrorMessage"] = WORDS[decision.code]
    if decision.smsid:
        body["SMSID"] = decision.smsid
    return 200, body


def refusal(code: str) -> dict[str, object]:
    """The body that refuses a call other than sending."""
    return {"CodeResult": code, "CodeResponse": code, "ErrorMessage": WORDS.get(code, "")}


def balance(amount: float | None) -> dict[str, object]:
    """GetBalance_json; an account without a limit is shown as very rich."""
    return {"Balance": 1e9 if amount is None else amount, "CodeResponse": "100", "UserID": "sandbox"}


def brandnames(names: Sequence[str]) -> dict[str, object]:
    """GetListBrandname; no list where any name is good."""
    listed = {"ListBrandName": [{"Type": 2, "Brandname": name} for name in names]} if names else {}
    return {"CodeResponse": "100", **listed}


def templates(contents: Sequence[str]) -> dict[str, object]:
    """GetTemplate: each for every network; no list where any text is good."""
    rows = [{"NetworkID": 0, "TempContent": content, "TempId": 450 + n} for n, content in enumerate(contents)]
    return {"CodeResult": "100", **({"BrandnameTemplates": rows} if rows else {})}


def counts(sent: Sent) -> tuple[int, int]:
    """Succeeded and failed: parts for one person, people for an advertising batch."""
    unit = 1 if sent.order.advertising else sent.segments
    return (len(sent.phones) - len(sent.failed)) * unit, len(sent.failed) * unit


def callback(sent: Sent, status: int) -> dict[str, str]:
    """The query of a callback; an advertising batch has totals only."""
    succeeded, failed = counts(sent) if status == FINISHED else (0, 0)
    query = {
        "SMSID": sent.smsid,
        "RequestId": sent.order.request_id,
        "SendStatus": str(status),
        "SendSuccess": str(succeeded),
        "SendFailed": str(failed),
        "TotalSent": str(sum(counts(sent))),
        "TotalReceiver": str(len(sent.phones)),
        "TotalPrice": f"{sent.price:.0f}",
        "TypeId": "1" if sent.order.advertising else "2",
        "error_info": "",
        "partnerids": "",
    }
    if sent.order.advertising:
        return query
    return query | {"telcoid": network(sent.phones[0])[0], "phonenumber": sent.phones[0]}


def send_status(sent: Sent, final: bool) -> dict[str, object]:
    """GetSendStatus."""
    succeeded, failed = counts(sent) if final else (0, 0)
    return {
        "CodeResponse": "100",
        "SMSID": sent.smsid,
        "SendStatus": FINISHED if final else 2,
        "SendSuccess": succeeded,
        "SendFailed": failed,
        "TotalSent": sum(counts(sent)),
        "TotalReceiver": len(sent.phones),
        "TotalPrice": sent.price,
    }


def receiver_status(sent: Sent, final: bool) -> dict[str, object]:
    """GetSmsReceiverStatus_get."""
    receivers = [
        {
            "IsSent": final,
            "NetworkName": network(phone)[1],
            "Phone": phone,
            "Retry": 0,
            "SentResult": final and phone not in sent.failed,
        }
        for phone in sent.phones
    ]
    return {"CodeResult": "100", "ReceiverList": receivers}


def sent_data(asked: Listing, sent: Mapping[str, Sent], now: float) -> dict[str, object]:
    """GetSmsSentData_V2: one row a number, oldest first. Raises ValueError for a time that cannot be read."""
    since, until = (_moment(text) for text in (asked.since, asked.until))
    rows = [
        _row(one, number, phone, now)
        for number, one in enumerate(sent.values(), start=1)
        if since <= one.created <= until and asked.sms_type in ("", _type(one)) and now >= one.listed_at
        for phone in one.phones
    ]
    first = (asked.page - 1) * asked.size
    return {"CodeResult": "100", "CountTotal": len(rows), "SentData": rows[first : first + asked.size]}


def _row(sent: Sent, number: int, phone: str, now: float) -> dict[str, Any]:
    """`ReferenceId` is the SMSID; `SmsId` is what the vendor's web pages show, and no RequestId is listed."""
    final = now >= sent.final_at
    return {
        "Campaign": sent.order.campaign,
        "Content": sent.order.text,
        "Phone": f"0{phone[2:]}",
        "ReferenceId": sent.smsid,
        "SellPrice": sent.price / len(sent.phones),
        "SendResult": 2 if not final else 0 if phone in sent.failed else 1,
        "SendStatus": FINISHED if final else 2,
        "SentTime": f"/Date({int(sent.created * 1000)}+0700)/",
        "SmsId": number,
        "SmsType": int(_type(sent)),
    }


def _type(sent: Sent) -> str:
    return "1" if sent.order.advertising else "2"


def _coded(code: str) -> dict[str, object]:
    return {"CodeResult": code, "CountRegenerate": 0}


def _moment(text: str) -> float:
    local = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=VIETNAM)
    return local.astimezone(UTC).timestamp()
