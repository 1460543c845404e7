"""eSMS.vn (ViHAT): SMS under a registered brandname: customer care, one recipient a call; advertising, 30 to 5,000.

Source: the vendor's developer documentation, repository devesms/gitbook_esms_for_develop_v2, as of 2026-04-07:
sending (page of 2025-08-01), codes (2026-02-05), callbacks (2026-02-26), status (2025-03-24), balance, templates.
See docs/providers/esms.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Literal

from pydantic import Field, SecretStr

from providers.base import (
    Callback,
    Capabilities,
    Dedupe,
    Encoding,
    Exchange,
    Finding,
    Found,
    Health,
    Lookup,
    Provider,
    Queried,
    Receipt,
    Receipts,
    Submission,
    Submitted,
    Terms,
    require_fitting,
)
from providers.blanking import BLANK, blanked, masked, shown
from providers.esms_said import (
    ACCEPTED,
    NETWORKS,
    Brandnames,
    Said,
    Templates,
    counted,
    kept,
    number,
    reached,
    read,
    stood,
    verdict,
)
from providers.esms_sent import FINISHED, Listing, Page, Span, local, page, settled, spans, unknown
from providers.http import Answer, Call, Http
from providers.lists import list_id
from providers.options import HttpOptions
from providers.reading import MESSAGE_ID, REFERENCE, money, parsed


class EsmsOptions(HttpOptions):
    """`[route.options]` of an eSMS route.

    `absence_after`: for how many seconds after the last try a message that eSMS does not list may still turn up.
    `lookup_page_size` is at most 500 at eSMS; 200 rows of long accented text stay below the longest answer that we read.
    """

    base_url: str = "https://rest.esms.vn/MainService.svc/json/"
    api_key: SecretStr = Field(min_length=1)
    secret_key: SecretStr = Field(min_length=1)
    mode: Literal["care", "advertising"] = "care"
    campaign_id: str | None = Field(default=None, max_length=254)
    sandbox: bool = False
    absence_after: float = Field(default=600, ge=300, le=7 * 24 * 3600)
    lookup_page_size: int = Field(default=200, ge=1, le=500)
    lookup_pages: int = Field(default=250, ge=1, le=10_000)
    numbers_per_call: int = Field(default=5000, ge=30, le=5000)


LEAST_NUMBERS = 30  # of an advertising call
SMS_TYPES = {"care": "2", "advertising": "1"}
MAX_PARAMETERS = 40


class Esms(Provider):
    """`RequestId` is our message's id, or one for the batch, and eSMS blocks its reuse for 24 hours.

    A batch that is tried again need not hold the same messages, so only care messages are protected by it.
    """

    options: EsmsOptions
    options_model = EsmsOptions
    capabilities = Capabilities(
        channel="sms",
        receipts=Receipts.PUSH,
        dedupe=Dedupe.ID,
        dedupe_seconds=24 * 3600,
        status_lookup=True,
    )

    def __init__(self, sender: str, options: EsmsOptions, http: Http) -> None:
        super().__init__(sender, options, http)
        always = replace(type(self).capabilities, sandbox=options.sandbox, hours=options.open_hours)
        batches = replace(
            always,
            max_per_call=options.numbers_per_call,
            min_per_call=LEAST_NUMBERS,
            one_text=True,
            per_recipient=False,
            shared_reference=True,
            receipts=Receipts.PULL,
            dedupe=Dedupe.NONE,
            dedupe_seconds=0,
        )
        self.capabilities = batches if options.mode == "advertising" else always

    async def submit(self, submissions: Sequence[Submission]) -> Submitted:
        """Hand over one care message, or one advertising text for a list of numbers."""
        require_fitting(self.capabilities, submissions)
        call = self._batch(submissions) if self.capabilities.one_text else self._message(submissions[0])
        answer = await self.http.send(call)
        return Submitted((verdict(call, answer),) * len(submissions), answer.exchange)

    def read_callback(self, callback: Callback) -> Sequence[Receipt]:
        """Read a delivery report: a GET whose query holds SMSID, RequestId, SendStatus, SendSuccess, SendFailed."""
        if callback.method != "GET":
            raise ValueError(f"expected a GET, got {blanked(callback.method, limit=16)}")
        if len(callback.query) > MAX_PARAMETERS:
            raise ValueError(f"at most {MAX_PARAMETERS} parameters expected, got {len(callback.query)}")
        query = {key.lower(): value.strip() for key, value in callback.query.items()}
        message_id, reference = _ids(query)
        status = number(query, "SendStatus")
        if status is None:
            raise ValueError("SendStatus is missing")
        network = NETWORKS.get(query.get("telcoid", ""))
        return [Receipt(counted(query, status), message_id, reference, str(status), network, kept(query))]

    async def check(self) -> Health:
        """Ask for the balance."""
        call = self._call("GetBalance_json", "eSMS, ask for the balance", {}, {})
        answer = await self.http.send(call)
        said = read(call, answer)
        ok = said.code == ACCEPTED
        detail = "the account answers" if ok else f"eSMS answered code {said.code}"
        exchange = answer.exchange
        return Health(ok, detail, exchange.elapsed, balance=money(said.balance), exchange=exchange)

    async def terms(self) -> Terms:
        """Ask for the account's brandnames and, for care messages, for the texts approved for ours."""
        keys = [key.get_secret_value() for key in (self.options.api_key, self.options.secret_key)]
        asked = self._call("GetListBrandname", "eSMS, list the brandnames", {}, {})
        path = "/".join((self.options.base_url + "GetListBrandname", *keys))
        call = replace(asked, method="GET", url=path, shown="GET GetListBrandname", body=None)
        answer = await self.http.send(call)
        names = parsed(Brandnames, answer.body)
        if names is None:
            read(call, answer)
        senders = tuple(row.name for row in names.rows) if names else None
        if self.capabilities.one_text:
            return Terms(senders)
        wanted = {"SmsType": SMS_TYPES[self.options.mode], "BrandName": self.sender}
        call = self._call("GetTemplate/", "eSMS, list the templates", wanted, {})
        templates = parsed(Templates, (await self.http.send(call)).body)
        return Terms(senders, templates.terms() if templates else None)

    async def query(self, lookups: Sequence[Lookup]) -> Queried:
        """Ask by SMSID where one is known, else look for number and text in the list of what was sent."""
        if self.options.sandbox:
            return Queried(tuple(unknown(lookup, "a test message: eSMS keeps none of them") for lookup in lookups), ())
        exchanges: list[Exchange] = []
        found: dict[Lookup, Found] = {}
        for asked in _by_reference(lookups, together=self.capabilities.shared_reference):
            found |= zip(asked, await self._known(asked, exchanges), strict=True)
        for span in spans([lookup for lookup in lookups if not lookup.reference]):
            listing = await self._listing(span, exchanges)
            found |= settled(listing, timedelta(seconds=self.options.absence_after))
        return Queried(tuple(found[lookup] for lookup in lookups), tuple(exchanges))

    async def _known(self, asked: Sequence[Lookup], exchanges: list[Exchange]) -> list[Found]:
        """What became of the messages of one SMSID: of a batch each number by itself, once all of it is finished."""
        call = self._by_id("GetSendStatus", asked[0].reference or "")
        answer = await self.http.send(call)
        exchanges.append(answer.exchange)
        said = read(call, answer)
        if said.code != ACCEPTED:  # 105 is "not yet" as well as "never heard of"
            code = said.code or "99"
            return [unknown(lookup, f"eSMS answered code {code}", code) for lookup in asked]
        if not self.capabilities.shared_reference:
            return [stood(lookup, said) for lookup in asked]
        return await self._of_batch(asked, said, exchanges)

    async def _of_batch(self, asked: Sequence[Lookup], said: Said, exchanges: list[Exchange]) -> list[Found]:
        if said.reference not in ("", asked[0].reference):
            return [unknown(lookup, "an answer about another batch") for lookup in asked]
        if said.send_status != str(FINISHED):
            finding = {"4": Finding.UNDELIVERED}.get(said.send_status, Finding.ACCEPTED)
            known = finding if said.send_status in ("1", "2", "4", "7") else Finding.UNKNOWN
            return [Found(one.message_id, known, one.reference, blanked(said.send_status, limit=20)) for one in asked]
        call = self._by_id("GetSmsReceiverStatus_get", asked[0].reference or "")
        answer = await self.http.send(call)
        exchanges.append(replace(answer.exchange, response=f"{len(answer.body)} bytes"))  # everybody's numbers
        return reached(answer.body, asked)

    async def _listing(self, span: Span, exchanges: list[Exchange]) -> Listing:
        first, pages = len(exchanges), list[Page]()
        while len(pages) < self.options.lookup_pages:
            call = self._page(span, len(pages) + 1)
            answer = _withheld(await self.http.send(call))
            exchanges.append(answer.exchange)
            said = read(call, answer)
            if said.code != ACCEPTED:
                return Listing(span, exchanges[first].started_at, (), said.code or "99")
            pages.append(page(answer.body))
            if not pages[-1].rows or sum(len(read.rows) for read in pages) >= (pages[-1].total or 0):
                break
        return Listing(span, exchanges[first].started_at, tuple(pages))

    def _page(self, span: Span, number: int) -> Call:
        fields = {
            "From": local(span.since),
            "To": local(span.until + timedelta(seconds=1)),  # they know no fractions: round up
            "Page": str(number),
            "PageSize": str(self.options.lookup_page_size),
            "SmsType": SMS_TYPES[self.options.mode],
        }
        call = self._call("GetSmsSentData_V2", "eSMS, list what was sent", fields, {})
        return replace(call, hidden=(*call.hidden, *{lookup.text for lookup in span.lookups}))

    def _by_id(self, path: str, reference: str) -> Call:
        """The keys travel in the URL here: `Http` keeps no URL, and what is shown of it is written by hand."""
        asked = self._call(path, "eSMS, ask for a message", {"RefId": reference}, {})
        params = {name: str(value) for name, value in asked.body.items()} if isinstance(asked.body, Mapping) else {}
        return replace(asked, method="GET", shown="GET" + asked.shown.removeprefix("POST"), params=params, body=None)

    def _message(self, submission: Submission) -> Call:
        fields = {
            "Phone": submission.msisdn,
            "IsUnicode": "1" if submission.encoding is Encoding.UCS2 else "0",
            "CallbackUrl": submission.callback_url,
            **self._said([submission]),
        }
        # A callback's path holds the token that tells it from a forgery: a secret like any other.
        kept = {"Phone": masked(submission.msisdn), "CallbackUrl": BLANK}
        return self._sending("SendMultipleMessage_V4_post_json/", "eSMS, send a message", submission, fields, kept)

    def _batch(self, submissions: Sequence[Submission]) -> Call:
        numbers = [one.msisdn for one in submissions]
        fields = {"Phones": numbers, **self._said(submissions)}
        kept = {"Phones": [masked(one) for one in numbers[:LEAST_NUMBERS]] + [f"... {len(numbers)} in all"]}
        path = "SendMultipleSMSBrandname_json/"
        return self._sending(path, "eSMS, send to a list", submissions[0], fields, kept)

    def _said(self, submissions: Sequence[Submission]) -> dict[str, str | None]:
        """What both ways of sending share."""
        return {
            "Content": submissions[0].text,
            "Brandname": self.sender,
            "SmsType": SMS_TYPES[self.options.mode],
            "RequestId": list_id(submissions),
            "campaignid": self.options.campaign_id,
            "Sandbox": "1" if self.options.sandbox else None,
        }

    def _sending(
        self, path: str, tried: str, first: Submission, fields: Mapping[str, object], kept: Mapping[str, object]
    ) -> Call:
        given = {name: value for name, value in fields.items() if value is not None}
        call = self._call(path, tried, given, {**kept, "Content": f"{len(first.text)} characters"})
        return replace(call, hidden=(*call.hidden, first.text, *filter(None, [first.callback_url])))

    def _call(self, path: str, tried: str, fields: Mapping[str, object], kept: Mapping[str, object]) -> Call:
        """Build a call; of the fields named in `kept`, the exchange shows only what is said there."""
        keys = {
            "ApiKey": self.options.api_key.get_secret_value(),
            "SecretKey": self.options.secret_key.get_secret_value(),
        }
        seen = dict.fromkeys(keys, BLANK) | {name: kept.get(name, value) for name, value in fields.items()}
        return Call(
            "POST",
            self.options.base_url + path,
            tried,
            shown=f"POST {path} {shown(seen)}",
            hidden=tuple(keys.values()),
            body=keys | dict(fields),
        )


def _by_reference(lookups: Sequence[Lookup], *, together: bool) -> list[list[Lookup]]:
    """Those whose SMSID is known: one list for each call to be made, `together` where a batch shares its SMSID."""
    grouped: dict[object, list[Lookup]] = {}
    for place, lookup in enumerate(lookups):
        if lookup.reference:
            grouped.setdefault(lookup.reference if together else place, []).append(lookup)
    return list(grouped.values())


def _withheld(answer: Answer) -> Answer:
    """Of a list we keep its size only: it holds the texts and numbers of everybody whom the account wrote to."""
    said, listed = parsed(Said, answer.body), page(answer.body)
    size = {
        "code": said.code if said else None,
        "CountTotal": listed.total,
        "rows": len(listed.rows),
        "bytes": len(answer.body),
    }
    return replace(answer, exchange=replace(answer.exchange, response=shown(size)))


def _ids(query: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Our id and theirs. A RequestId that is not one of ours is dropped; theirs alone is enough."""
    reference = query.get("smsid") or None
    if reference and not REFERENCE.fullmatch(reference):
        raise ValueError(f"SMSID is not an id of at most 64 letters and digits: {blanked(reference, limit=80)}")
    message_id = query.get("requestid", "").lower()
    if MESSAGE_ID.fullmatch(message_id):
        return message_id, reference
    if reference is None:
        raise ValueError("SMSID is missing, and RequestId is not one of ours")
    return None, reference
