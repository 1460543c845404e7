"""Every request of a program goes through this gate: whose token is it, may they, is it a repetition; then one transaction."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Annotated, Any, BinaryIO, cast

import psycopg
import psycopg_pool
import structlog
from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Message

from dispatcher import credentials
from dispatcher.errors import UserError
from dispatcher.runtime import Runtime
from dispatcher.store import tokens, users
from dispatcher.store.database import Connection
from dispatcher.store.tokens import Token
from dispatcher.web import rights
from dispatcher.web.api import problems
from dispatcher.web.api.problems import ProblemError
from dispatcher.web.door import MissingError
from dispatcher.web.rights import Action

log = structlog.get_logger()

LARGEST_BODY = 1 << 20
LONGEST_KEY = 200
# Whoever repeats a key while the first request is under way waits so long, then is told to come again.
PATIENCE = "5s"
HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
CODE_HEADER = "dispatcher-code"
# What a stolen token must not be enough for: the person's second factor is asked for each time.
PROVEN = frozenset({Action.APPROVE})

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


@dataclass(frozen=True)
class Entry:
    """An address, what it lets programs do, and who answers. `largest` bounds the body, in bytes.

    A body that is a `file` is not read as JSON: the endpoint finds it in `Call.sent`. One that only `reads` is a POST
    because what it asks about belongs in no address. One that `hands_out` answers a file as it lies, not JSON.
    """

    method: str
    path: str
    action: Action
    endpoint: Callable[..., Awaitable[Any]]
    status: int = 200
    largest: int = LARGEST_BODY
    file: bool = False
    reads: bool = False
    hands_out: bool = False

    @property
    def acts(self) -> bool:
        """Whether a repetition would be a second act."""
        return self.method == "POST" and not self.reads


@dataclass(frozen=True)
class Call:
    """One request of a program, in one transaction that sees its organisation only."""

    request: Request
    connection: Connection
    token: Token
    file: BinaryIO | None = None
    afterwards: list[Callable[[], object]] = field(default_factory=list)

    @property
    def runtime(self) -> Runtime:
        runtime: Runtime = self.request.app.state.runtime
        return runtime

    @property
    def by(self) -> str:
        """Who acts, as the audit trail names them."""
        return self.token.user.login

    @property
    def sent(self) -> BinaryIO:
        """The body of an entry that takes a file."""
        if self.file is None:
            raise AssertionError("an entry that takes no file asked for it")
        return self.file


def the_call(request: Request) -> Call:
    return cast("Call", request.state.call)


Here = Annotated[Call, Depends(the_call)]


def may(token: Token, action: Action) -> bool:
    """What was given to the program, and is still its person's to give."""
    return action is Action.INSIDE or (action in token.actions and rights.may(token.user.roles, action))


def gated(entry: Entry) -> type[APIRoute]:
    """The kind of route whose endpoint runs inside the gate, as the entry says."""

    class Gated(APIRoute):
        def get_route_handler(self) -> Handler:
            handle = super().get_route_handler()

            async def through(request: Request) -> Response:
                response = await _answered(entry, handle, request)
                response.headers.update(HEADERS)
                return response

            return through

    return Gated


async def _answered(entry: Entry, handle: Handler, request: Request) -> Response:
    """Whatever goes wrong becomes a problem."""
    try:
        return await _admitted(entry, handle, request)
    except ProblemError as error:
        return problems.of_error(error)
    except RequestValidationError as error:
        return problems.of_validation(error)
    except HTTPException as error:
        return problems.of_exception(error)
    except MissingError as error:
        return problems.answer(404, str(error))
    except UserError as error:
        return problems.answer(409, str(error))
    except (psycopg.DataError, UnicodeEncodeError):
        return problems.answer(422, "A value has characters or a size that cannot be stored.")
    except psycopg.errors.LockNotAvailable:
        return problems.answer(409, "The same request is still under way; ask again.", headers={"retry-after": "5"})
    except (psycopg.OperationalError, psycopg_pool.PoolTimeout, RedisError) as error:
        log.warning("api.server_gone", path=entry.path, error=str(error))
        return problems.answer(503, "The installation cannot answer just now.", headers={"retry-after": "10"})
    except Exception:
        log.exception("api.failed", path=entry.path)
        return problems.answer(500, "An error of this installation; it has been written to its log.")


async def _admitted(entry: Entry, handle: Handler, request: Request) -> Response:
    token = await _recognised(request)
    if wait := request.app.state.meter.wait_seconds(token.id):
        raise ProblemError(429, "Too many requests with this token.", retry_after=str(int(wait) + 1))
    if not may(token, entry.action):
        raise ProblemError(403, f"This needs the right {entry.action}, of the token and of its person.")
    key = _key(request) if entry.acts else None
    with tempfile.SpooledTemporaryFile(max_size=LARGEST_BODY) as body:
        digest = await _read(request, entry.largest, body)
        if entry.acts and entry.action in PROVEN:
            await _prove(request, token)
        asked = request if entry.file else _again(request, body.read())
        return await _acted(handle, asked, token, key, digest, cast("BinaryIO", body) if entry.file else None)


async def _acted(
    handle: Handler, request: Request, token: Token, key: str | None, digest: bytes, file: BinaryIO | None
) -> Response:
    async with request.app.state.pages.connection() as connection:
        await users.act_for(connection, token.user.organisation_id)
        call = Call(request, connection, token, file)
        request.state.call = call
        if key is None:
            return await handle(request)
        await connection.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
        if given := await tokens.claim(connection, token.id, key, digest):
            return _repeated(given, digest)
        await connection.execute("SET LOCAL lock_timeout = 0")
        response = await handle(request)
        await tokens.keep(connection, token.id, key, response.status_code, bytes(response.body))
    for follow in call.afterwards:
        follow()
    return response


def _repeated(given: tokens.Answer, digest: bytes) -> Response:
    if given.request_hash != digest:
        raise ProblemError(422, "This Idempotency-Key was used for another request.")
    return Response(given.body, given.status, {"idempotent-replayed": "true"}, "application/json")


async def _recognised(request: Request) -> Token:
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind.casefold() == "bearer" and given:
        async with request.app.state.pages.connection() as connection:
            if found := await tokens.find(connection, credentials.token_hash(given.strip())):
                return found
    raise ProblemError(401, "Send a token that is open: Authorization: Bearer dsp_...", www_authenticate="Bearer")


def _key(request: Request) -> str:
    """What says that two requests are one. It must be given: nobody is to act twice for want of it."""
    key = request.headers.get("idempotency-key", "")
    if not key or len(key) > LONGEST_KEY or not key.isprintable():
        raise ProblemError(
            400, f"Send an Idempotency-Key of 1 to {LONGEST_KEY} printable characters, new for each new act."
        )
    return key


async def _prove(request: Request, token: Token) -> None:
    """Checks and uses up a code of the second factor."""
    try:
        await request.app.state.doorman.prove(token.user, request.headers.get(CODE_HEADER, ""))
    except UserError as error:
        raise ProblemError(403, f"{CODE_HEADER}: {error}") from None


async def _read(request: Request, largest: int, body: tempfile.SpooledTemporaryFile[bytes]) -> bytes:
    """Read the body up to the bound; answers the SHA-256 of what is asked, the address included."""
    digest = hashlib.sha256(f"{request.method} {request.url.path}?{request.url.query}\n".encode())
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > largest:
            raise ProblemError(413, f"More than {largest} bytes.")
        digest.update(chunk)
        body.write(chunk)
    body.seek(0)
    return digest.digest()


def _again(request: Request, body: bytes) -> Request:
    """The request with its body still to be read."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request(request.scope, receive)
