"""The HTTP client: what each failure proves, on real sockets."""

from __future__ import annotations

import asyncio
import logging
import traceback
from datetime import UTC, datetime

import pytest
from tenacity import RetryCallState

from providers.errors import Misconfigured, ProviderError, Throttled, Unavailable, Uncertain
from providers.http import Answer, Call, Http, Timeouts, require_access, seconds_to_wait
from providers.wire import MAX_ANSWER_BYTES
from tests.providers.rawserver import (
    CUTS,
    RawServer,
    answers,
    closed_port,
    enough,
    raw_server,
    read_request,
    resets,
    says,
)

SECRET = "s3cret-key-0f9a"


def a_call(origin: str, method: str = "POST") -> Call:
    if method == "GET":
        return Call("GET", origin + "balance", "ask", "GET balance", hidden=(SECRET,), params={"key": SECRET})
    return Call("POST", origin + "send", "send", "POST send ***", hidden=(SECRET,), body={"key": SECRET, "to": "x"})


async def failure_of(call: Call, http: Http) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await http.send(call)
    return caught.value


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("cut", CUTS)
async def test_once_the_request_is_out_every_cut_is_uncertain(cut: str, method: str) -> None:
    async with raw_server(CUTS[cut]) as server, Http(timeouts=enough(CUTS[cut])) as http:
        failure = await failure_of(a_call(server.origin, method), http)
    assert type(failure) is Uncertain
    assert len(server.requests) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_refused_connection_is_unavailable(method: str) -> None:
    async with Http() as http:
        failure = await failure_of(a_call(closed_port(), method), http)
    assert type(failure) is Unavailable
    assert failure.exchange is not None
    assert failure.exchange.status is None


async def test_a_failed_tls_handshake_is_unavailable_after_three_tries() -> None:
    greeted: list[bytes] = []

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        greeted.append(b"220 hello")
        writer.write(b"220 hello\r\n")
        writer.close()
        await writer.wait_closed()

    plain = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with plain, Http() as http:
        address = f"https://127.0.0.1:{plain.sockets[0].getsockname()[1]}/"
        failure = await failure_of(a_call(address), http)
    assert type(failure) is Unavailable
    assert len(greeted) == 3


async def test_waiting_in_vain_for_a_free_connection_is_unavailable() -> None:
    async with raw_server(CUTS["no answer in time"]) as server:
        timeouts = Timeouts(connect=0.2, read=5, write=0.1, pool=0.2)
        async with Http(timeouts=timeouts, connections=1) as http:
            first = asyncio.create_task(http.send(a_call(server.origin)))
            await server.arrived.wait()
            failure = await failure_of(a_call(server.origin), http)
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
    assert type(failure) is Unavailable
    assert len(server.requests) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_kept_alive_connection_that_breaks_never_sends_a_request_twice(method: str) -> None:
    """Common clients would send a GET again here, silently."""

    async def once_then_reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        server.requests.append(await read_request(reader))
        await resets(reader, writer)

    async with raw_server(once_then_reset) as server, Http() as http:
        await http.send(a_call(server.origin, method))
        failure = await failure_of(a_call(server.origin, method), http)
    assert type(failure) is Uncertain
    assert len(server.requests) == 2


async def test_connections_are_kept_alive() -> None:
    async def forever(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            more.append(await read_request(reader))

    more: list[bytes] = []
    async with raw_server(forever) as server, Http() as http:
        for _ in range(3):
            await http.send(a_call(server.origin))
    assert (len(server.requests), len(more)) == (1, 2)


async def test_a_connection_that_could_not_be_opened_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def carrier(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await answers(b"{}")(reader, writer)
        writer.close()

    server = await asyncio.start_server(carrier, "127.0.0.1", 0, start_serving=False)
    refusals: list[RetryCallState] = []

    def after_the_second_the_carrier_is_up(state: RetryCallState) -> float:
        refusals.append(state)
        started.append(asyncio.create_task(server.start_serving()))
        return 0.0

    started: list[asyncio.Task[None]] = []
    monkeypatch.setattr("providers.http.wait_random", lambda *_: after_the_second_the_carrier_is_up)
    async with server, Http() as http:
        answer = await http.send(a_call(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"))
    assert (answer.status, len(refusals)) == (200, 1)


@pytest.mark.parametrize("address", ["ftp://carrier.test/", "http://[::", "carrier"])
async def test_an_address_that_is_none_is_a_matter_for_a_person(address: str) -> None:
    async with Http() as http:
        assert type(await failure_of(a_call(address), http)) is Misconfigured


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("429 Too Many Requests", Throttled),
        ("500 Internal Server Error", Uncertain),
        ("502 Bad Gateway", Uncertain),
        ("503 Service Unavailable", Uncertain),
        ("504 Gateway Timeout", Uncertain),
        ("302 Found", Uncertain),
    ],
)
async def test_a_status_speaks_for_the_whole_call(status: str, kind: type[ProviderError]) -> None:
    behaviour = answers(b"sorry", status, "Retry-After: 7\r\nLocation: /elsewhere\r\n")
    async with raw_server(behaviour) as server, Http() as http:
        failure = await failure_of(a_call(server.origin), http)
    assert type(failure) is kind
    assert failure.code == f"HTTP {status[:3]}"
    assert failure.exchange is not None
    assert (failure.exchange.status, failure.exchange.response) == (int(status[:3]), "sorry")
    assert len(server.requests) == 1
    if isinstance(failure, Throttled):
        assert failure.retry_after == 7


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("12", 12.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("Tue, 01 Jun 2027 00:00:30 GMT", 30.0),
        ("Mon, 31 May 2027 23:59:30 GMT", 0.0),
        ("Tue, 01 Jun 2027 00:00:30 -0000", 30.0),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_both_forms(header: str | None, seconds: float | None) -> None:
    assert seconds_to_wait(header, datetime(2027, 6, 1, tzinfo=UTC)) == seconds


async def answer_of(server: RawServer) -> Answer:
    async with Http() as http:
        return await http.send(a_call(server.origin))


@pytest.mark.parametrize("status", [401, 403, 404, 405])
async def test_a_closed_door_is_a_matter_for_a_person(status: int) -> None:
    async with raw_server(answers(b"", f"{status} No")) as server:
        answer = await answer_of(server)
    with pytest.raises(Misconfigured, match=str(status)):
        require_access(answer, "send")


@pytest.mark.parametrize("status", [200, 201, 400, 409, 422])
async def test_the_adapter_decides_about_other_answers(status: int) -> None:
    async with raw_server(answers(b'{"a":1}', f"{status} Well")) as server:
        answer = await answer_of(server)
    require_access(answer, "send")
    assert (answer.status, answer.body) == (status, b'{"a":1}')


async def test_an_answer_of_one_mebibyte_is_read_and_a_longer_one_refused() -> None:
    async with raw_server(answers(b" " * MAX_ANSWER_BYTES)) as server:
        assert len((await answer_of(server)).body) == MAX_ANSWER_BYTES
    async with raw_server(answers(b" " * (MAX_ANSWER_BYTES + 1))) as server, Http() as http:
        failure = await failure_of(a_call(server.origin), http)
    assert type(failure) is Uncertain
    assert "AnswerTooLong" in str(failure)


async def test_cookies_are_not_kept() -> None:
    async with (
        raw_server(answers(b"{}", headers="Set-Cookie: session=abc; Path=/\r\n")) as server,
        Http() as http,
    ):
        await http.send(a_call(server.origin))
        await http.send(a_call(server.origin))
    assert b"session" not in server.requests[1]


async def test_a_secret_repeated_by_the_carrier_or_by_the_transport_is_blanked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    body = f'{{"error":"key {SECRET} is wrong for +84912345678 and 0912345678\x00"}}'.encode()
    told: list[str] = []
    async with Http() as http:
        async with raw_server(answers(body)) as server:
            answer = await http.send(a_call(server.origin, "GET"))
            told += [repr(answer), repr(a_call(server.origin, "GET")), answer.exchange.response]
        for behaviour in (CUTS["reset"], CUTS["no answer in time"], says(b"x"), answers(body, "500 No")):
            async with raw_server(behaviour) as server, Http(timeouts=enough(behaviour)) as http:
                told.append(everything_about(await failure_of(a_call(server.origin, "GET"), http)))
        told.append(everything_about(await failure_of(a_call(closed_port(), "GET"), http)))
    assert answer.exchange.response == '{"error":"key *** is wrong for 0912***678 and 0912***678 "}'
    assert [text for text in told if SECRET in text or "912345678" in text] == []
    assert SECRET not in "".join(
        record.getMessage() for record in caplog.records if record.name.startswith("providers")
    )


def everything_about(error: BaseException) -> str:
    """Text, fields, and every error that rides along as cause or context."""
    told = "".join(traceback.format_exception(error)) + repr(vars(error))
    others = [other for other in (error.__cause__, error.__context__) if other]
    return told + "".join(everything_about(other) for other in others)
