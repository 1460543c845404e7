"""Every adapter keeps the promises of conformance.py."""

from __future__ import annotations

import json

from providers.base import Callback, Outcome
from tests.providers.conformance import MSISDN, Adapter, Conformance


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

    def options(self, origin: str) -> dict[str, object]:
        return {"base_url": origin, "api_key": self.secrets[0], "secret_key": self.secrets[1]}

    def accepting(self, count: int) -> bytes:
        return json.dumps({"CodeResult": "100", "CountRegenerate": 0, "SMSID": f"sms-{count}"}).encode()

    def refusing(self, code: str, words: str) -> bytes:
        return json.dumps({"CodeResult": code, "CountRegenerate": 0, "ErrorMessage": words}).encode()

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
