"""One HTTP/1.1 connection: what is written, which answers are read, and after which another request may follow."""

from __future__ import annotations

import asyncio

import pytest

from providers.http import Call, Http
from providers.wire import MAX_WIRE_BYTES, BadRequest, Origin, parted, written
from tests.providers.rawserver import Behaviour, answers, raw_server, says

TEN = b"0123456789"


async def answered(behaviour: Behaviour) -> tuple[int, bytes]:
    async with raw_server(behaviour) as server, Http() as http:
        answer = await http.send(Call("POST", server.origin, "send", "POST", body={}))
    return answer.status, answer.body


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + TEN,
        b"HTTP/1.0 200 OK\r\ncontent-length: 10\r\n\r\n" + TEN,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n0123\r\n6;why=not\r\n456789\r\n0\r\nAfter: all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nServer: old\r\n\r\n" + TEN,
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
        + TEN,
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\n" + TEN + b"and more",
    ],
    ids=["measured", "HTTP/1.0", "in chunks", "until the end", "go on first", "with a tail"],
)
async def test_an_answer_is_read_in_each_of_its_forms_whatever_pieces_it_comes_in(said: bytes) -> None:
    async def byte_by_byte(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in said:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)

    assert await answered(says(said)) == (200, TEN)
    assert await answered(byte_by_byte) == (200, TEN)


async def test_an_answer_without_a_body_ends_with_its_head() -> None:
    async def keeps_open(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await reader.read()

    assert await answered(keeps_open) == (204, b"")


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"a" * MAX_WIRE_BYTES,
    ],
    ids=["two lengths", "contradictory", "negative", "another protocol", "go on and no more", "an endless head"],
)
async def test_an_answer_that_can_be_read_in_two_ways_or_in_none_is_no_answer(said: bytes) -> None:
    async with raw_server(says(said)) as server, Http() as http:
        origin, host, target = parted(server.origin)
        http_request = written("POST", host, target, {}, b"")
        with pytest.raises(OSError):  # noqa: PT011  whichever
            await http._open_pool().exchange(origin, http_request)


@pytest.mark.parametrize(
    "extra",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", b"HTT", b"\r\n"],
    ids=["whole", "begun", "empty line"],
)
async def test_what_follows_an_answer_is_not_taken_for_the_next(extra: bytes) -> None:
    async def twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" + extra)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nkept")

    async with raw_server(twice) as server, Http() as http:
        bodies = [(await http.send(Call("POST", server.origin, "send", "POST", body={}))).body for _ in range(2)]
    assert (bodies, len(server.requests)) in [([b"{}", b"{}"], 2), ([b"{}", b"kept"], 1)]
    assert (len(server.requests) == 1) == (extra == b"\r\n")


async def test_a_connection_that_speaks_unasked_is_not_used_again() -> None:
    async def unasked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await told.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
        ended.append(await reader.read())
        gone.set()

    told, gone, ended = asyncio.Event(), asyncio.Event(), list[bytes]()
    async with raw_server(unasked) as server, Http() as http:
        await http.send(Call("POST", server.origin, "send", "POST", body={}))
        told.set()
        await asyncio.wait_for(gone.wait(), 5)
        answer = await http.send(Call("POST", server.origin, "send", "POST", body={}))
    assert (answer.body, ended[0], len(server.requests)) == (b"{}", b"", 2)


async def test_a_request_says_what_the_call_says() -> None:
    async with (
        raw_server(answers(b"{}")) as server,
        Http() as http,
    ):
        body = {"Content": "Nói không với ma túy"}
        await http.send(Call("POST", server.origin + "send all?a=1", "send", "", body=body, headers={"Key": "k"}))
        await http.send(Call("GET", server.origin + "ask", "ask", "", params={"số": "a b&c"}))
    host = server.origin.removeprefix("http://").removesuffix("/")
    common = f"Host: {host}\r\nAccept: */*\r\nAccept-Encoding: identity\r\nUser-Agent: dispatcher\r\n"
    posted = '{"Content":"Nói không với ma túy"}'.encode()
    kind = "Content-Type: application/json\r\nKey: k\r\n"
    head = f"POST /send%20all?a=1 HTTP/1.1\r\n{common}{kind}Content-Length: {len(posted)}\r\n\r\n"
    assert server.requests == [
        head.encode() + posted,
        f"GET /ask?s%E1%BB%91=a+b%26c HTTP/1.1\r\n{common}\r\n".encode(),
    ]


@pytest.mark.parametrize("value", ["a\r\nX: b", "a\nX: b", "a\rb", "đ"])
def test_a_header_that_would_break_out_of_its_line_is_not_sent(value: str) -> None:
    with pytest.raises(BadRequest):
        written("GET", "carrier.test", "/", {"Key": value}, b"")


@pytest.mark.parametrize(
    ("url", "origin", "host", "target"),
    [
        ("https://carrier.test", Origin(True, "carrier.test", 443), "carrier.test", "/"),
        ("http://127.0.0.1:8080/a/", Origin(False, "127.0.0.1", 8080), "127.0.0.1:8080", "/a/"),
        ("https://[::1]:8443/a?b=c#d", Origin(True, "::1", 8443), "[::1]:8443", "/a?b=c"),
        (
            "https://sms.viễn.test/đi%20đâu",
            Origin(True, "sms.xn--vin-xkz.test", 443),
            "sms.xn--vin-xkz.test",
            "/%C4%91i%20%C4%91%C3%A2u",
        ),
    ],
)
def test_an_address_is_taken_apart(url: str, origin: Origin, host: str, target: str) -> None:
    assert parted(url) == (origin, host, target)


@pytest.mark.parametrize(
    "url", ["", "carrier.test", "ftp://carrier.test", "http://a:b@carrier.test", "http://h:port/", "http://[::"]
)
def test_what_is_no_address_of_ours_is_refused(url: str) -> None:
    with pytest.raises(BadRequest):
        parted(url)
