"""Every adapter keeps the promises of conformance.py."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from html import escape

from providers.base import Callback, Lookup, Outcome, Provider, Submission, user_address
from providers.http import Http
from providers.tokens import Signed
from providers.zalo.webhook import signature
from tests.providers.conformance import MSISDN, TEXT, Adapter, Conformance


def esms_callback(**query: str) -> Callback:
    given = {
        "SMSID": "0b1c2d3e4f5061728394a5b6c7d8e9f0101",
        "RequestId": f"{0:032x}",
        "SendStatus": "5",
        "SendSuccess": "2",
        "SendFailed": "0",
        "TotalSent": "2",
        "TotalReceiver": "1",
        "TotalPrice": "1000",
        "TypeId": "2",
        "telcoid": "1",
        "phonenumber": MSISDN,
        "error_info": "",
        **query,
    }
    return Callback("GET", given, {}, b"")


def esms_rows(*rows: object, **head: object) -> bytes:
    return json.dumps({"CodeResult": "100", "CountTotal": len(rows), "SentData": rows, **head}).encode()


def esms_row(**fields: object) -> dict[str, object]:
    return {"Phone": MSISDN, "Content": TEXT, "ReferenceId": "a", "SendStatus": 5, "SendResult": 1, **fields}


class EsmsAdapter(Adapter):
    name = title = "esms"
    secrets = ("0A1B2C3D4E5F-api-key", "F5E4D3C2B1A0-secret-key")
    unreadable = {  # noqa: RUF012  a table that nobody changes
        "a code that is a float": b'{"CodeResult":100.0,"SMSID":"1"}',
        "a code that is a boolean": b'{"CodeResult":true,"SMSID":"1"}',
        "a code that is a list": b'{"CodeResult":["100"],"SMSID":"1"}',
        "a code that is null": b'{"CodeResult":null,"SMSID":"1"}',
        "an empty code": b'{"CodeResult":"","SMSID":"1"}',
        "a code that is a page": b'{"CodeResult":"' + b"x" * 5000 + b'"}',
        "no code": b'{"SMSID":"1"}',
        "another error": b'{"error":"Internal error"}',
    }

    hostile_listings = {  # noqa: RUF012  as above
        "nothing at all": esms_rows(),
        "no list": b'{"CodeResult":"100","CountTotal":0}',
        "no total": b'{"CodeResult":"100","SentData":[]}',
        "a list that is none": esms_rows(SentData="everything"),
        "a total that is none": esms_rows(esms_row(), CountTotal="many"),
        "a total below the rows": esms_rows(esms_row(), CountTotal=0),
        "a total above the rows": esms_rows(esms_row(), CountTotal=10**8),
        "a total without end": esms_rows(esms_row(), CountTotal="9" * 5000),
        "rows that are none": esms_rows(1, None, "row", [], {}),
        "a number that is none": esms_rows(esms_row(Phone=["0912345678"])),
        "the same row twice": esms_rows(esms_row(), esms_row()),
        "two messages that fit": esms_rows(esms_row(), esms_row(ReferenceId="b")),
        "a status that is none": esms_rows(esms_row(SendStatus="sent")),
        "a status from tomorrow": esms_rows(esms_row(SendStatus=99)),
        "a result that is none": esms_rows(esms_row(SendResult=True)),
        "a time that never was": esms_rows(esms_row(Phone="0900000000", SentTime="/Date(9999999999999999+0700)/")),
        "another message": b'{"CodeResponse":"100","SMSID":"other","SendStatus":5,"SendSuccess":1,"SendFailed":0}',
        "counts that are none": b'{"CodeResponse":"100","SMSID":"sms-1","SendStatus":5,"SendSuccess":"all"}',
        "105, not yet indexed": b'{"CodeResult":"105","CodeResponse":"105","ErrorMessage":"Id is not exist"}',
        "invalid request": b'{"error":"Invalid request"}',
    }

    def options(self, origin: str) -> dict[str, object]:
        return {"base_url": origin, "api_key": self.secrets[0], "secret_key": self.secrets[1]}

    def accepting(self, count: int) -> bytes:
        return json.dumps({"CodeResult": "100", "CountRegenerate": 0, "SMSID": f"sms-{count}"}).encode()

    def refusing(self, code: str, words: str) -> bytes:
        return json.dumps({"CodeResult": code, "CountRegenerate": 0, "ErrorMessage": words}).encode()

    def listing(self, lookups: Sequence[Lookup]) -> bytes:
        rows = [esms_row(Phone=one.msisdn, Content=one.text, ReferenceId=one.message_id) for one in lookups]
        return esms_rows(*rows)

    def callbacks(self) -> list[tuple[Callback, Outcome]]:
        return [
            (esms_callback(SendStatus="2", SendSuccess="0"), Outcome.PENDING),
            (esms_callback(SendStatus="7", SendSuccess="0"), Outcome.PENDING),
            (esms_callback(), Outcome.DELIVERED),
            (esms_callback(RequestId=""), Outcome.DELIVERED),
        ]

    def hostile_callbacks(self) -> list[Callback]:
        return [
            Callback("GET", {}, {}, b""),
            Callback("POST", dict(esms_callback().query), {}, b""),
            Callback("\x1b[2J" * 1000, dict(esms_callback().query), {}, b""),
            Callback("GET", {f"k{n}": "v" for n in range(1000)}, {}, b""),
            esms_callback(SMSID="", RequestId=""),
            esms_callback(SMSID="", RequestId="not-ours"),
            esms_callback(SMSID="x" * 65),
            esms_callback(SMSID="x" * 1_000_000),
            esms_callback(SMSID="a' OR 1=1 --"),
            esms_callback(SMSID="a\x00b"),
            esms_callback(SendStatus=""),
            esms_callback(SendStatus="done"),
            esms_callback(SendStatus="-5"),
            esms_callback(SendStatus="5.0"),
            esms_callback(SendStatus="٥"),
            esms_callback(SendSuccess="two"),
            esms_callback(SendFailed="9" * 5000),
            esms_callback(SendFailed="1e3"),
        ]


class TestEsms(Conformance):
    adapter = EsmsAdapter()


class EsmsLists(EsmsAdapter):
    title = "esms, advertising"

    def options(self, origin: str) -> dict[str, object]:
        return {**super().options(origin), "mode": "advertising"}


class TestEsmsLists(Conformance):
    adapter = EsmsLists()


def callback(body: object, method: str = "POST") -> Callback:
    return Callback(method, {}, {}, json.dumps(body).encode())


def speedsms_report(**fields: object) -> Callback:
    return callback({"type": "report", "tranId": 123456, "phone": MSISDN, "status": "0", **fields})


class SpeedSmsAdapter(Adapter):
    name = title = "speedsms"
    secrets = ("5p33d-t0ken-0123456789",)
    unreadable = {  # noqa: RUF012  as above
        "a code that is a float": b'{"status":"success","code":0.0,"data":{"tranId":1}}',
        "no code": b'{"status":"success","data":{"tranId":1}}',
        "taken, without data": b'{"status":"success","code":"00"}',
        "taken, data that is none": b'{"status":"success","code":"00","data":[]}',
        "numbers that are none": b'{"code":"00","data":{"tranId":1,"invalidPhone":"84912345678"}}',
    }
    hostile_listings = {  # noqa: RUF012  as above
        "nobody": b'{"status":"success","data":[]}',
        "another number": b'[{"phone":"84900000000","status":"0"}]',
        "a status that is none": b'[{"phone":"84912345678","status":"sent"}]',
    }

    def options(self, origin: str) -> dict[str, object]:
        return {"base_url": origin, "access_token": self.secrets[0], "callback_base": "https://us.example.vn"}

    def accepting(self, count: int) -> bytes:
        return self.answering(count, [])

    def partly(self, count: int) -> bytes:
        return self.answering(count, [str(int(MSISDN) + 1)])

    def answering(self, count: int, invalid: list[str]) -> bytes:
        data = {"tranId": 123456, "totalSMS": count, "totalPrice": 250 * count, "invalidPhone": invalid}
        return json.dumps({"status": "success", "code": "00", "data": data}).encode()

    def refusing(self, code: str, words: str) -> bytes:
        return json.dumps({"status": "error", "code": code, "message": words, "invalidPhone": []}).encode()

    def listing(self, lookups: Sequence[Lookup]) -> bytes:
        return json.dumps([{"phone": one.msisdn, "status": 0} for one in lookups]).encode()

    def callbacks(self) -> list[tuple[Callback, Outcome]]:
        return [
            (speedsms_report(status=12), Outcome.PENDING),
            (speedsms_report(), Outcome.DELIVERED),
            (speedsms_report(phone="0912345678", status=0), Outcome.DELIVERED),
        ]

    def hostile_callbacks(self) -> list[Callback]:
        return [
            *super().hostile_callbacks(),
            callback({}),
            callback([]),
            replace(speedsms_report(), method="GET"),
            speedsms_report(type="\x1b[2J" * 1000),
            speedsms_report(phone=""),
            speedsms_report(phone="9" * 1000),
            speedsms_report(tranId=""),
            speedsms_report(tranId="x" * 1_000_000),
            speedsms_report(tranId="a' OR 1=1 --"),
            speedsms_report(status="sent"),
            speedsms_report(status="-1"),
            speedsms_report(status=True),
            speedsms_report(status="9" * 5000),
        ]


class TestSpeedSms(Conformance):
    adapter = SpeedSmsAdapter()


class SpeedSmsAsking(SpeedSmsAdapter):
    title = "speedsms, without callbacks"

    def options(self, origin: str) -> dict[str, object]:
        return {"base_url": origin, "access_token": self.secrets[0]}


class TestSpeedSmsAsking(Conformance):
    adapter = SpeedSmsAsking()


class VnptAdapter(Adapter):
    name = title = "vnpt"
    secrets = ("vnpt-api-pass-0123456789",)
    unreadable = {  # noqa: RUF012  as above
        "a code that is a float": b'{"RPLY":{"name":"send_sms_list","ERROR":0.0}}',
        "an empty code": b'{"RPLY":{"name":"send_sms_list","ERROR":""}}',
        "no code": b'{"RPLY":{"name":"send_sms_list","ERROR_DESC":"success"}}',
        "a reply that is none": b'{"RPLY":"success"}',
        "an internal error": b'{"RPLY":{"name":"send_sms_list","ERROR":"-1","ERROR_DESC":"system error"}}',
    }

    def options(self, origin: str) -> dict[str, object]:
        ids = {"user_name": "lsn", "agent_id": "164", "label_id": "1203", "contract_id": "441", "template_id": "7755"}
        return {"base_url": origin, "api_user": "lsn-api", "api_pass": self.secrets[0], **ids}

    def accepting(self, count: int) -> bytes:
        return b'{"RPLY":{"name":"send_sms_list","ERROR":"0","ERROR_DESC":"success"}}'

    def refusing(self, code: str, words: str) -> bytes:
        return json.dumps({"RPLY": {"name": "send_sms_list", "ERROR": code, "ERROR_DESC": words}}).encode()


class TestVnpt(Conformance):
    adapter = VnptAdapter()


class MobiFoneAdapter(Adapter):
    name = title = "mobifone"
    secrets = ("m0bif0ne-passw0rd", "5E551D0123456789")
    references = False
    preludes = {"/login.jsp?": b'{"sid":"5E551D0123456789","status":"200"}'}  # noqa: RUF012  as above
    unreadable = {  # noqa: RUF012  as above
        "no status": b'{"message":"OK"}',
        "a status that is a boolean": b'{"message":"OK","status":true}',
        "an empty status": b'{"message":"OK","status":""}',
    }

    def options(self, origin: str) -> dict[str, object]:
        return {"base_url": origin, "user_name": "lsn", "password": self.secrets[0]}

    def accepting(self, count: int) -> bytes:
        return b'{"message":"Success","status":200}'

    def refusing(self, code: str, words: str) -> bytes:
        return json.dumps({"message": words, "status": code}).encode()


class TestMobiFone(Conformance):
    adapter = MobiFoneAdapter()


class FptAdapter(Adapter):
    name = "fpt"
    title = "fpt, care"
    secrets = ("fpt-client-secret-0123", "fpt-access-token-4567")
    preludes = {  # noqa: RUF012  as above
        "/oauth2/token": b'{"access_token":"fpt-access-token-4567","expires_in":3600,"token_type":"Bearer"}',
        "/create-campaign": b'{"CampaignCode":"LSN-0001"}',
    }
    unreadable = {  # noqa: RUF012  as above
        "neither id nor error": b'{"Phone":"84912345678"}',
        "an empty id": b'{"MessageId":""}',
        "a code that is a float": b'{"error":2501.0}',
    }

    def options(self, origin: str) -> dict[str, object]:
        return {"base_url": origin, "client_id": "lsn", "client_secret": self.secrets[0]}

    def accepting(self, count: int) -> bytes:
        return json.dumps({"MessageId": 884_401 + count}).encode()

    def refusing(self, code: str, words: str) -> bytes:
        return json.dumps({"error": int(code), "error_description": words}).encode()


class TestFpt(Conformance):
    adapter = FptAdapter()


class FptCampaigns(FptAdapter):
    title = "fpt, advertising"

    def options(self, origin: str) -> dict[str, object]:
        return {**super().options(origin), "mode": "advertising", "taken_field": "NumMessageSent"}

    def accepting(self, count: int) -> bytes:
        return json.dumps({"NumMessageSent": count}).encode()


class TestFptCampaigns(Conformance):
    adapter = FptCampaigns()


def soap(operation: str, inner: str) -> bytes:
    """An answer as the vendor's Java writes it."""
    return (
        '<?xml version="1.0" ?><S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body>'
        f'<ns2:{operation}Response xmlns:ns2="http://impl.bulkSms.ws/"><return>{inner}</return>'
        f"</ns2:{operation}Response></S:Body></S:Envelope>"
    ).encode()


HOSTILE_XML = {
    "a bomb": b'<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    b"<Envelope><Body><return><result>1</result><message>&b;</message></return></Body></Envelope>",
    "a file": b'<!DOCTYPE b [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
    b"<Envelope><Body><return><result>1</result><message>&a;</message></return></Body></Envelope>",
    "a document type alone": b"<!DOCTYPE Envelope><Envelope><Body><return><result>1</result></return></Body></Envelope>",
    "nested without end": b"<a>" * 10_000,
    "an encoding that nobody knows": b'<?xml version="1.0" encoding="x-klingon"?><Envelope/>',
    "half": soap("wsCpMt", "<result>1</result>")[:-20],
    "two roots": soap("wsCpMt", "<result>1</result>") * 2,
    "a fault": b"<Envelope><Body><Fault><faultcode>S:Server</faultcode></Fault></Body></Envelope>",
}


class ViettelAdapter(Adapter):
    name = title = "viettel"
    secrets = ("v1ettel-passw0rd-0123",)
    references = False
    words = "98765 something new"
    unreadable = {  # noqa: RUF012  as above
        **HOSTILE_XML,
        "no result": soap("wsCpMt", "<message>Insert MT_QUEUE: OK</message>"),
        "a result that is neither": soap("wsCpMt", "<message>OK</message><result>1.0</result>"),
        "the carrier could not check": soap("wsCpMt", "<message>Check information error</message><result>0</result>"),
        "not SOAP": b"<return><result>1</result></return>",
    }

    def options(self, origin: str) -> dict[str, object]:
        return {"base_url": origin, "user": "lsn", "password": self.secrets[0], "cp_code": "LSN"}

    def accepting(self, count: int) -> bytes:
        return soap("wsCpMt", "<message>Insert MT_QUEUE: OK</message><result>1</result>")

    def refusing(self, code: str, words: str) -> bytes:
        return soap("wsCpMt", f"<message>{code} {escape(words)}</message><result>0</result>")


class TestViettel(Conformance):
    adapter = ViettelAdapter()


class ViettelBatches(ViettelAdapter):
    title = "viettel, batch"

    def options(self, origin: str) -> dict[str, object]:
        return {**super().options(origin), "numbers_per_call": 50}

    def partly(self, count: int) -> bytes:
        told = "".join(
            f"<responseMt><message>{'IP_BLOCK' if n == 2 else 'OK'}</message><requestId>{n}</requestId>"
            f"<result>{int(n != 2)}</result></responseMt>"
            for n in range(count, 0, -1)  # nobody promises an order
        )
        return soap("wsCpBatchMt", f"<errCode>0</errCode><errDesc>OK</errDesc>{told}")

    def accepting(self, count: int) -> bytes:
        return (
            super().accepting(1)
            if count == 1
            else self.partly(count).replace(b"IP_BLOCK", b"OK").replace(b"<result>0<", b"<result>1<")
        )


class TestViettelBatches(Conformance):
    adapter = ViettelBatches()


class GenericAdapter(Adapter):
    name = "http_generic"
    title = "http_generic, JSON"
    secrets = ("g3neric-t0ken-0123456789",)
    unreadable = {  # noqa: RUF012  as above
        "a code that is a float": b'{"status":{"code":0.0}}',
        "a code that is a boolean": b'{"status":{"code":true}}',
        "a code elsewhere": b'{"code":"0"}',
        "a code that is a page": b'{"status":{"code":"' + b"x" * 5000 + b'"}}',
    }

    def options(self, origin: str) -> dict[str, object]:
        return {
            "secrets": {"token": self.secrets[0]},
            "send": {
                "url": f"{origin}messages?from=${{sender}}",
                "headers": {"Authorization": "Bearer ${token}"},
                "body": '{"to":"${msisdn}","text":"${text}","id":"${message_id}","report":"${callback_url}"}',
            },
            "answer": {"code": "status.code", "accepted": ["0"], "reference": "ids.0", "message": "status.words"},
            "codes": {"12": "recipient"},
            "receipt": {
                "format": "json",
                "message_id": "id",
                "reference": "ref",
                "status": "state",
                "delivered": ["2"],
                "undelivered": ["3", "4"],
            },
        }

    def accepting(self, count: int) -> bytes:
        return json.dumps({"status": {"code": 0}, "ids": [f"ref-{count}"]}).encode()

    def refusing(self, code: str, words: str) -> bytes:
        return json.dumps({"status": {"code": code, "words": words}}).encode()

    def callbacks(self) -> list[tuple[Callback, Outcome]]:
        return [
            (callback({"id": f"{0:032x}", "ref": "ref-1", "state": 1}), Outcome.PENDING),
            (callback({"id": f"{0:032x}", "ref": "ref-1", "state": 2}), Outcome.DELIVERED),
            (callback({"ref": "ref-1", "state": "3"}), Outcome.UNDELIVERED),
        ]

    def hostile_callbacks(self) -> list[Callback]:
        return [
            *super().hostile_callbacks(),
            callback([]),
            callback({"id": "not-ours", "state": 2}),
            callback({"id": f"{0:032x}"}),
            callback({"id": f"{0:032x}", "state": [2]}),
            callback({"ref": "x" * 65, "state": 2}),
            callback({"ref": "a' OR 1=1 --", "state": 2}),
            Callback("POST", {}, {}, b"[" * 100_000),
        ]


class TestGeneric(Conformance):
    adapter = GenericAdapter()


class GenericXml(GenericAdapter):
    title = "http_generic, XML"
    unreadable = {  # noqa: RUF012  as above
        **HOSTILE_XML,
        "a code elsewhere": b"<answer><code>0</code></answer>",
        "an empty code": b"<answer><status><code/></status></answer>",
    }

    def options(self, origin: str) -> dict[str, object]:
        send = {
            "url": f"{origin}send",
            "format": "xml",
            "body": "<send key='${token}'><to>${local}</to><text>${text}</text><report>${callback_url}</report></send>",
        }
        answer = {"format": "xml", "code": "status.code", "accepted": ["0"], "reference": "id", "message": "words"}
        return {"secrets": {"token": self.secrets[0]}, "send": send, "answer": answer}

    def accepting(self, count: int) -> bytes:
        return f"<a:answer xmlns:a='urn:a'><a:status><code>0</code></a:status><id>r-{count}</id></a:answer>".encode()

    def refusing(self, code: str, words: str) -> bytes:
        return f"<answer><status><code>{code}</code></status><words>{escape(words)}</words></answer>".encode()


class TestGenericXml(Conformance):
    adapter = GenericXml()


class OneToken:
    """The tokens of an account whose pair never ends."""

    async def current(self) -> str:
        return ZaloAdapter.secrets[2]

    async def after(self, refused: str) -> str:
        return refused


def zalo_event(name: str = "user_received_message", secret: str = "oa-secret-0123456789", **fields: object) -> Callback:
    told = {
        "sender": {"id": "2867312345678901234"},
        "recipient": {"id": MSISDN},
        "event_name": name,
        "message": {"delivery_time": "1790000000000", "msg_id": "8a1c33e6ff", "tracking_id": f"{0:032x}"},
        "app_id": "4107312345678901234",
        "timestamp": f"{time.time() * 1000:.0f}",
        **fields,
    }
    body = json.dumps(told).encode()
    mac = signature("4107312345678901234", body, str(told["timestamp"]), secret)
    return Callback("POST", {}, {"x-zevent-signature": f"mac={mac}", "X-ZEvent-Server": "ZNS"}, body)


class ZaloAdapter(Adapter):
    name = title = "zalo_zbs"
    sender = "Công an tỉnh Lạng Sơn"
    secrets = ("app-secret-0123456789", "oa-secret-0123456789", "access-token-0123456789")
    unknown_code = "-98765"
    unreadable = {  # noqa: RUF012  as above
        "a code that is a float": b'{"error":0.0,"data":{"msg_id":"a1"}}',
        "a code that is a boolean": b'{"error":false,"data":{"msg_id":"a1"}}',
        "an empty code": b'{"error":"","data":{"msg_id":"a1"}}',
        "no code": b'{"message":"Success","data":{"msg_id":"a1"}}',
        "taken, without data": b'{"error":0,"message":"Success"}',
        "taken, without an id": b'{"error":0,"message":"Success","data":{}}',
        "an id that is a page": b'{"error":0,"data":{"msg_id":"' + b"x" * 5000 + b'"}}',
        "an unknown error of theirs": b'{"error":-100,"message":"unknown"}',
    }
    hostile_listings = {  # noqa: RUF012  as above
        "no status": b'{"error":0,"data":{}}',
        "a status from tomorrow": b'{"error":0,"data":{"status":2}}',
        "a status that is none": b'{"error":0,"data":{"status":true}}',
        "a refusal": b'{"error":-107,"message":"message id invalid"}',
    }

    def options(self, origin: str) -> dict[str, object]:
        return {
            "base_url": origin,
            "oauth_url": f"{origin}v4/oa/access_token",
            "app_id": "4107312345678901234",
            "oa_id": "2867312345678901234",
            "app_secret": self.secrets[0],
            "oa_secret": self.secrets[1],
        }

    def provider(self, origin: str, http: Http) -> Provider:
        provider = super().provider(origin, http)
        assert isinstance(provider, Signed)
        provider.tokens = OneToken()
        return provider

    def accepting(self, count: int) -> bytes:
        data = {"msg_id": "8a1c33e6ff", "sent_time": "1790000000000", "quota": {"remainingQuota": "499"}}
        return json.dumps({"error": 0, "message": "Success", "data": data}).encode()

    def refusing(self, code: str, words: str) -> bytes:
        return json.dumps({"error": int(code), "message": words}).encode()

    def listing(self, lookups: Sequence[Lookup]) -> bytes:
        return b'{"error":0,"message":"Success","data":{"delivery_time":"1790000000000","status":1}}'

    def callbacks(self) -> list[tuple[Callback, Outcome]]:
        other_id = {"msg_id": "8a1c33e6ff", "tracking_id": "not-ours"}
        return [
            (zalo_event(), Outcome.DELIVERED),
            (zalo_event(secret=self.secrets[0]), Outcome.DELIVERED),
            (zalo_event(message=other_id), Outcome.DELIVERED),
        ]

    def hostile_callbacks(self) -> list[Callback]:
        genuine = zalo_event()
        return [
            *super().hostile_callbacks(),
            replace(genuine, method="GET"),
            replace(genuine, headers={}),
            replace(genuine, headers={"X-ZEvent-Signature": "mac="}),
            replace(genuine, headers={"X-ZEvent-Signature": "mac=\udce9é"}),
            replace(genuine, body=genuine.body.replace(b"2867", b"2868")),
            replace(genuine, body=genuine.body + b" "),
            replace(genuine, body=genuine.body[:-9]),
            zalo_event(secret="another"),
            zalo_event(timestamp="1790000000000"),
            zalo_event(timestamp="99999999999999"),
            zalo_event(timestamp="now"),
            zalo_event(message={"msg_id": ""}),
            zalo_event(message={"msg_id": "a' OR 1=1 --"}),
            zalo_event("follow"),
            zalo_event("unfollow", follower={"id": "\x1b[2J"}),
            zalo_event("user_send_text", sender={"id": "٥"}),
        ]


class TestZalo(Conformance):
    adapter = ZaloAdapter()


class OaAdapter(ZaloAdapter):
    name = title = "zalo_oa"
    unreadable = {  # noqa: RUF012  as above
        **{what: body.replace(b"msg_id", b"message_id") for what, body in ZaloAdapter.unreadable.items()},
        "the id of a template message": b'{"error":0,"data":{"msg_id":"8a1c33e6ff"}}',
        "an unknown error of theirs": b'{"error":-200,"message":"unknown"}',
    }

    def submissions(self, count: int) -> list[Submission]:
        return [one._replace(msisdn=user_address(one.msisdn)) for one in super().submissions(count)]

    def accepting(self, count: int) -> bytes:
        data = {"message_id": "8a1c33e6ff", "user_id": MSISDN, "sent_time": "1790000000000"}
        return json.dumps({"error": 0, "message": "Success", "data": data}).encode()

    def callbacks(self) -> list[tuple[Callback, Outcome]]:
        mine = {"recipient": {"id": MSISDN}, "message": {"msg_id": "8a1c33e6ff"}}
        turned = {**mine, "sender": mine["recipient"], "recipient": {"id": "2867312345678901234"}}
        seen = {**mine, "message": {"msg_ids": ["8a1c33e6ff"]}}
        return [
            (zalo_event(**mine), Outcome.DELIVERED),
            (zalo_event(**turned), Outcome.DELIVERED),
            (zalo_event("user_seen_message", **seen), Outcome.DELIVERED),
        ]

    def hostile_callbacks(self) -> list[Callback]:
        return [
            *super().hostile_callbacks(),
            zalo_event("user_seen_message", message={"msg_ids": ["a1", "\x1b[2J"]}),
            zalo_event("user_seen_message", message={"msg_ids": ["a1"] * 1000}),
        ]


class TestOa(Conformance):
    adapter = OaAdapter()
