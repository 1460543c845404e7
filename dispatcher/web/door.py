"""Every page goes through this door: who is it, may they, is it their own form; and whatever goes wrong becomes a page."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
import psycopg_pool
import structlog
from redis.exceptions import RedisError
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from dispatcher import credentials
from dispatcher.accounts import Doorman, Entered
from dispatcher.errors import UserError
from dispatcher.runtime import Runtime
from dispatcher.store import users
from dispatcher.store.database import Connection
from dispatcher.store.users import User
from dispatcher.web import rights
from dispatcher.web.receiving import TooLargeError, read_form
from dispatcher.web.rendering import page
from dispatcher.web.rights import Action
from dispatcher.web.speech import LANGUAGES, OWN, Speech

log = structlog.get_logger()

COOKIE, LANGUAGE_COOKIE = "dispatcher_session", "dispatcher_language"
MAX_FORM = 2 << 20

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
FOR_TWO_YEARS = "max-age=63072000"


class MissingError(UserError):
    """There is no such thing, or it is not this organisation's: nobody learns which."""


@dataclass(frozen=True)
class Visit:
    """One request of one person. `user` is None only on pages that are open to anybody."""

    request: Request
    user: User | None
    whole: bool
    token: str
    speech: Speech
    form: FormData = field(default_factory=FormData)

    @property
    def runtime(self) -> Runtime:
        runtime: Runtime = self.request.app.state.runtime
        return runtime

    @property
    def doorman(self) -> Doorman:
        doorman: Doorman = self.request.app.state.doorman
        return doorman

    @property
    def person(self) -> User:
        if self.user is None:
            raise AssertionError("a page that is open to anybody asked who it is")
        return self.user

    @property
    def by(self) -> str:
        """Who acts, as the audit trail names them."""
        return self.person.login

    @property
    def agent(self) -> str:
        return self.request.headers.get("user-agent", "")

    def may(self, action: Action) -> bool:
        return self.user is not None and self.whole and rights.may(self.user.roles, action)

    def given(self, name: str) -> str:
        """A field of the form as text, without blanks around."""
        value = self.form.get(name, "")
        return "" if isinstance(value, UploadFile) else value.strip()

    def asked(self, name: str) -> str:
        """A parameter of the address, without blanks around."""
        return self.request.query_params.get(name, "").strip()

    def path(self, name: str) -> str:
        return str(self.request.path_params[name])

    @asynccontextmanager
    async def desk(self, *, snapshot: bool = False) -> AsyncIterator[Connection]:
        """A transaction that sees the person's organisation only; all of it from one moment if asked."""
        async with self.request.app.state.pages.connection() as connection:
            if snapshot:
                await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            await users.act_for(connection, self.person.organisation_id)
            yield connection

    def show(self, template: str, status: int = 200, **values: Any) -> Response:
        return page(self, template, status, values)

    def go(self, address: str, told: str | None = None) -> Response:
        """To another page; `told` is said there once."""
        response = RedirectResponse(address, 303)
        if told:
            response.set_cookie("dispatcher_told", quote(told), max_age=60, httponly=True, samesite="lax")
        return response

    def enter(self, entered: Entered, address: str) -> Response:
        """Hand out the session's cookie and go on."""
        response = RedirectResponse(address, 303)
        response.set_cookie(COOKIE, entered.token, httponly=True, samesite="lax", secure=self.secure)
        return response

    @property
    def secure(self) -> bool:
        return (self.runtime.settings.web_url or "").startswith("https:")


Endpoint = Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True)
class Page:
    """An address, what it lets people do, and who answers. `largest` bounds what may be sent to it, in bytes."""

    path: str
    action: Action
    endpoint: Endpoint
    method: str = "GET"
    largest: int = MAX_FORM

    def route(self) -> Route:
        async def answer(request: Request) -> Response:
            return await _through(self, request)

        return Route(self.path, answer, methods=[self.method])


async def _through(self: Page, request: Request) -> Response:
    visit = Visit(request, None, False, request.cookies.get(COOKIE, ""), speech(request))
    try:
        response = await _admitted(self, visit)
    except TooLargeError as error:
        response = visit.show("refused.html", 413, message=str(error))
    except UserError as error:  # a form that cannot be read
        response = visit.show("refused.html", 409, message=str(error))
    except (psycopg.OperationalError, psycopg_pool.PoolTimeout, RedisError) as error:
        log.warning("page.server_gone", path=self.path, error=str(error))
        response = visit.show("trouble.html", 503)
    except Exception:
        log.exception("page.failed", path=self.path)
        response = visit.show("trouble.html", 500)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if visit.secure:
        response.headers["strict-transport-security"] = FOR_TWO_YEARS
    return response


async def _admitted(self: Page, visit: Visit) -> Response:
    visit = await recognised(visit)
    if refused := _turned_away(self, visit):
        return refused
    if self.method == "GET":
        return await _answered(self, visit)
    if not _same_origin(visit.request):
        return visit.show("refused.html", 403, message=STRANGE_FORM)
    visit = _with(visit, form=await read_form(visit.request, self.largest))
    try:
        if visit.user and not _own_form(visit):
            return visit.show("refused.html", 403, message=STRANGE_FORM)
        return await _answered(self, visit)
    finally:
        await visit.form.close()  # a roster that was sent lies on the disk until then


async def _answered(self: Page, visit: Visit) -> Response:
    try:
        return await self.endpoint(visit)
    except MissingError as error:
        return visit.show("missing.html", 404, message=str(error))
    except UserError as error:
        return visit.show("refused.html", 409, message=str(error))


STRANGE_FORM = "Biểu mẫu không phải của phiên này. Tải lại trang rồi gửi lại."


def _with(visit: Visit, **changed: Any) -> Visit:
    return Visit(**{name: changed.get(name, getattr(visit, name)) for name in Visit.__dataclass_fields__})


async def recognised(visit: Visit) -> Visit:
    """The visit, with the person whose session the cookie is."""
    if not visit.token:
        return visit
    async with visit.request.app.state.pages.connection() as connection:
        found = await users.session(connection, credentials.token_hash(visit.token))
    return _with(visit, user=found[0], whole=found[1]) if found else visit


def _turned_away(self: Page, visit: Visit) -> Response | None:
    if self.action is Action.OUTSIDE:
        return None
    if visit.user is None:
        return _elsewhere(self, visit, f"/sign-in?next={quote(local(str(visit.request.url.path)))}")
    if not visit.whole:
        return None if self.action is Action.HALFWAY else _elsewhere(self, visit, "/second-factor")
    if self.action is Action.HALFWAY:
        return _elsewhere(self, visit, "/")
    if not visit.may(self.action):
        return visit.show("no_right.html", 403, needed=rights.who_may(self.action))
    return None


def _elsewhere(self: Page, visit: Visit, address: str) -> Response:
    """Show the way; a page that is only part of another one must not have the way put into its place."""
    if visit.request.headers.get("hx-request"):
        return Response(status_code=401, headers={"hx-redirect": address})
    if self.method != "GET":
        return visit.show("refused.html", 401, message="Phiên làm việc đã hết. Đăng nhập lại rồi làm lại việc này.")
    return RedirectResponse(address, 303)


def _same_origin(request: Request) -> bool:
    """A browser says where a form comes from; nobody else fills in our forms."""
    origin = request.headers.get("origin")
    if origin:
        return urlsplit(origin).netloc == request.headers.get("host")
    return request.headers.get("sec-fetch-site") in ("same-origin", "none")


def _own_form(visit: Visit) -> bool:
    given = visit.request.headers.get("x-form-token") or visit.given("form_token")
    return hmac.compare_digest(given.encode(), credentials.form_token(visit.token).encode())


def local(address: str) -> str:
    """An address on this site; `/` for any other."""
    parts = urlsplit(address)
    good = address.startswith("/") and not address.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme
    return address if good and address.isprintable() else "/"


def speech(request: Request) -> Speech:
    chosen = request.cookies.get(LANGUAGE_COOKIE, OWN)
    return Speech(chosen if chosen in LANGUAGES else OWN)


async def stranger(request: Request, template: str, status: int, values: Mapping[str, Any]) -> Response:
    """A page for an address that is nobody's; whoever is signed in keeps the way around."""
    visit = Visit(request, None, False, request.cookies.get(COOKIE, ""), speech(request))
    with suppress(psycopg.OperationalError, psycopg_pool.PoolTimeout):
        visit = await recognised(visit)
    response = page(visit, template, status, dict(values))
    for name, value in HEADERS.items():
        response.headers[name] = value
    return response
