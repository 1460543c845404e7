"""Every adapter keeps the promises of conformance.py."""

from __future__ import annotations

import json
from collections.abc import Sequence

from providers.base import Callback, Lookup, Outcome
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
    name = "esms"
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
