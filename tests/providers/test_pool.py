"""Connections to carriers: kept alive, lent to one call at a time, encrypted, and ended in time."""

from __future__ import annotations

import asyncio
import hashlib
import random
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from providers.errors import Uncertain
from providers.http import Call, Http, Timeouts
from providers.pool import Pool
from providers.wire import HungUp, NotOpened, parted, written
from tests.providers.rawserver import CUTS, raw_server, read_request

QUICK = Timeouts(connect=0.5, read=0.3, write=0.1, pool=0.5)
PATIENT = Timeouts(connect=5, read=5, write=5, pool=5)


def post(pool: Pool, address: str, body: bytes = b"") -> asyncio.Future[bytes]:
    origin, host, target = parted(address)

    async def sent() -> bytes:
        return (await pool.exchange(origin, written("POST", host, target, {}, body))).body

    return asyncio.ensure_future(sent())


@asynccontextmanager
async def echo(tls: ssl.SSLContext | None = None, *, unruly: bool = False) -> AsyncIterator[tuple[str, list[int]]]:
    """Answers each request with its own body; an `unruly` carrier dawdles, hangs up and answers in pieces. Counts connections."""
    connections: list[int] = []
    dice = random.Random(7)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        try:
            while True:
                request = await read_request(reader)
                body = request.partition(b"\r\n\r\n")[2]
                if unruly and dice.random() < 0.1:
                    break
                if unruly and dice.random() < 0.3:
                    await asyncio.sleep(dice.random() / 100)
                head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                for piece in (head, body) if unruly and dice.random() < 0.5 else (head + body,):
                    writer.write(piece)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}/", connections


@asynccontextmanager
async def pool_of(limit: int, waits: Timeouts = PATIENT, keep: float = 4.0) -> AsyncIterator[Pool]:
    pool = Pool(waits, limit=limit, keep=keep)
    try:
        yield pool
    finally:
        await pool.aclose()


async def test_every_call_has_its_own_answer_or_none_however_unruly_the_carrier() -> None:
    async with echo(unruly=True) as (address, _), pool_of(8) as pool:
        asked = [b"%d" % number for number in range(400)]
        answers = await asyncio.gather(*(post(pool, address, body) for body in asked), return_exceptions=True)
    failed = [answer for answer in answers if isinstance(answer, BaseException)]
    assert {type(error) for error in failed} <= {HungUp, ConnectionResetError}
    assert 0 < len(failed) < 200
    assert all(answer == body for answer, body in zip(answers, asked, strict=True) if isinstance(answer, bytes))


async def test_never_more_connections_than_allowed_and_no_more_than_needed() -> None:
    async with echo() as (address, connections), pool_of(5) as pool:
        await asyncio.gather(*(post(pool, address, b"x") for _ in range(200)))
        assert len(connections) == 5
    async with echo() as (address, connections), pool_of(5) as pool:
        for _ in range(20):
            await post(pool, address, b"x")
        assert len(connections) == 1


async def test_a_call_that_is_called_off_takes_its_connection_with_it() -> None:
    async with raw_server(CUTS["no answer in time"]) as server, pool_of(1) as pool:
        call = post(pool, server.origin)
        await server.arrived.wait()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        async with echo() as (address, _):
            assert await post(pool, address, b"the place is free") == b"the place is free"


async def test_a_connection_that_was_idle_too_long_is_not_used_again() -> None:
    async with echo() as (address, connections), pool_of(1, keep=0.0) as pool:
        for _ in range(3):
            await post(pool, address, b"x")
        assert len(connections) == 3


async def test_a_connection_that_the_carrier_ended_meanwhile_is_not_used_again() -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await told.wait()
        writer.close()

    told = asyncio.Event()
    async with raw_server(once) as server, pool_of(1) as pool:
        await post(pool, server.origin)
        (idle,) = pool._idle[parted(server.origin)[0]]
        told.set()
        await asyncio.wait_for(asyncio.shield(idle.ended), 5)
        assert await post(pool, server.origin) == b"{}"
        assert len(server.requests) == 2


async def test_closing_ends_what_is_under_way() -> None:
    async with raw_server(CUTS["no answer in time"]) as server:
        async with Http(timeouts=PATIENT) as http:
            call = asyncio.create_task(http.send(Call("POST", server.origin, "send", "POST", body={})))
            await server.arrived.wait()
        with pytest.raises(Uncertain):
            await call


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and its certificate for 127.0.0.1, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "carrier.test")]), datetime.now(UTC)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(key.private_bytes(*form) + built.public_bytes(serialization.Encoding.PEM))
    return file


def serving(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_calls_are_encrypted_and_their_connections_kept(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with echo(serving(certificate)) as (address, connections), pool_of(4) as pool:
        assert [await post(pool, address, b"x" * size) for size in (1, 100_000)] == [b"x", b"x" * 100_000]
        assert len(connections) == 1


async def test_nothing_is_sent_to_a_carrier_whose_certificate_nobody_vouches_for(certificate: Path) -> None:
    async with echo(serving(certificate)) as (address, _), pool_of(4) as pool:
        with pytest.raises(NotOpened, match="CERTIFICATE_VERIFY_FAILED"):
            await post(pool, address, b"secret")


async def test_nothing_is_sent_to_a_carrier_that_shows_anothers_certificate(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with echo(serving(certificate)) as (address, _), pool_of(4) as pool:
        with pytest.raises(NotOpened, match="CERTIFICATE_VERIFY_FAILED"):
            await post(pool, address.replace("127.0.0.1", "localhost"), b"secret")


def fingerprint(certificate: Path) -> bytes:
    pem = certificate.read_text().partition("-----BEGIN CERTIFICATE-----")
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert("".join(pem[1:]))).digest()


async def test_a_certificate_that_is_known_is_trusted_whoever_signed_it(certificate: Path) -> None:
    digest = fingerprint(certificate)
    async with echo(serving(certificate)) as (address, _), pool_of(4) as pool:
        origin, host, target = parted(address)
        request = written("POST", host, target, {}, b"secret")
        assert (await pool.exchange(origin._replace(fingerprint=digest), request)).body == b"secret"
        with pytest.raises(NotOpened, match="another certificate"):
            await pool.exchange(origin._replace(fingerprint=bytes(32)), request)
