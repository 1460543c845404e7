"""Example exchanges of every adapter, written from the carriers' sheets: what goes out byte by byte, what each answer means."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from providers.base import Accepted, Encoding, Filled, Refused, Submission, Unclear, Verdict
from providers.errors import ProviderError, Throttled
from providers.http import Http
from providers.registry import PROVIDERS, provider_class
from providers.tokens import Signed
from tests.providers.rawserver import RawServer, answers, raw_server
from tests.providers.test_conformance import OneToken

FOLDER = Path(__file__).with_name("recorded")
ACCOUNTS: dict[str, dict[str, object]] = {
    "speedsms": {"base_url": "ORIGIN", "access_token": "the-token"},
    "vnpt": {
        "base_url": "ORIGIN",
        "api_user": "lsn-api",
        "api_pass": "the-password",
        "user_name": "lsn",
        "agent_id": "164",
        "label_id": "1203",
        "contract_id": "441",
        "template_id": "7755",
    },
    "viettel": {"base_url": "ORIGIN", "user": "lsn", "password": "the-password", "cp_code": "LSN"},
    "fpt": {"base_url": "ORIGIN", "client_id": "lsn", "client_secret": "the-secret"},
    "mobifone": {"base_url": "ORIGIN", "user_name": "lsn", "password": "the-password"},
    "esms": {"base_url": "ORIGIN", "api_key": "the-key", "secret_key": "the-secret"},
    "zalo_oa": {
        "base_url": "ORIGIN",
        "app_id": "4107312345678901234",
        "oa_id": "2867312345678901234",
        "app_secret": "the-secret",
        "oa_secret": "the-other-secret",
    },
    "zalo_zbs": {
        "base_url": "ORIGIN",
        "uid_url": "ORIGINv3.0/oa/message/template",
        "app_id": "4107312345678901234",
        "oa_id": "2867312345678901234",
        "app_secret": "the-secret",
        "oa_secret": "the-other-secret",
    },
    "http_generic": {},
}


def recordings() -> Iterator[Any]:
    for path in sorted(FOLDER.glob("*.json")):
        for recording in json.loads(path.read_text("utf-8")):
            yield pytest.param(path.stem, recording, id=f"{path.stem}: {recording['what']}")


def test_every_adapter_over_http_has_recordings() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(PROVIDERS) - {"smpp"}


@pytest.mark.parametrize(("name", "recording"), list(recordings()))
async def test_what_goes_out_and_what_the_answer_means(name: str, recording: dict[str, Any]) -> None:
    heard: list[bytes] = []

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        turn = recording["exchanges"][len(heard)]
        heard.append(server.requests[-1])
        said = turn["answer"] if isinstance(turn["answer"], str) else json.dumps(turn["answer"])
        head = turn["sent"] + "\r\n" if "sent" in turn else ""
        await answers(said.encode(), turn.get("status", "200 OK"), head)(reader, writer)

    server: RawServer
    async with raw_server(behave) as server, Http() as http:
        kind = provider_class(name)
        options = json.dumps({**ACCOUNTS[name], **recording.get("options", {})}).replace("ORIGIN", server.origin)
        adapter = kind("CA LANGSON", kind.options_model.model_validate(json.loads(options)), http)
        if isinstance(adapter, Signed):
            adapter.tokens = OneToken()
        if "fails" in recording:
            with pytest.raises(ProviderError) as caught:
                await adapter.submit(messages(recording))
            assert failure(caught.value) == recording["fails"]
        else:
            answer = await adapter.submit(messages(recording))
            assert_alike(recording["verdicts"], [word(verdict) for verdict in answer.verdicts])
    assert len(heard) == len(recording["exchanges"])
    for turn, request in zip(recording["exchanges"], heard, strict=True):
        assert_sent(turn, request)


def messages(recording: dict[str, Any]) -> list[Submission]:
    numbers = recording["submit"]
    if isinstance(numbers, int):
        numbers = [f"849123450{n:02d}" for n in range(numbers)]
    return [
        Submission(
            f"{place:032x}", number, recording["text"], Encoding.GSM7, 1, filled=Filled("204519", {"xa": "xã Na Sầm"})
        )
        for place, number in enumerate(numbers)
    ]


def word(verdict: Verdict) -> str:
    match verdict:
        case Accepted(reference=reference):
            return f"accepted {reference}"
        case Refused(reason=reason, code=code):
            return f"refused {reason} {code}"
        case Unclear(code=code):
            return f"unclear {code}"
    return f"not sent {verdict.failure.code}"


def failure(error: ProviderError) -> str:
    wait = f" {error.retry_after:g}" if isinstance(error, Throttled) and error.retry_after else ""
    return f"{type(error).__name__} {error.code}{wait}"


def assert_alike(recorded: list[str] | str, told: list[str]) -> None:
    wanted = [recorded] * len(told) if isinstance(recorded, str) else recorded
    assert len(told) == len(wanted)
    for pattern, said in zip(wanted, told, strict=True):
        assert re.fullmatch(re.escape(pattern).replace(r"\*", r"[0-9a-f]{32}"), said), (pattern, said)


def assert_sent(turn: dict[str, Any], request: bytes) -> None:
    head, _, body = request.decode().partition("\r\n\r\n")
    line, *headers = head.split("\r\n")
    assert line == f"{turn['request']} HTTP/1.1"
    for header, value in turn.get("headers", {}).items():
        assert f"{header}: {value}" in headers
    wanted = turn.get("body", "")
    if isinstance(wanted, str):
        assert wanted in ("", body)
    else:
        assert_holds(wanted, json.loads(body))


def assert_holds(wanted: dict[str, Any], sent: dict[str, Any]) -> None:
    """Every member that was recorded was sent; `*` stands for any value."""
    for name, value in wanted.items():
        if isinstance(value, dict):
            assert_holds(value, sent[name])
        else:
            assert value in ("*", sent[name]), name
