"""People in front of the pages, for tests: each with a browser of their own, over the real application and database."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass, field

import httpx
from starlette.applications import Starlette

from dispatcher import credentials
from dispatcher.accounts import FIRST, Role
from dispatcher.store import users
from dispatcher.store.database import Connection
from dispatcher.web.door import COOKIE

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
HOST = "http://dispatcher"


def browser(app: Starlette) -> httpx.AsyncClient:
    """A browser that nobody has signed in with."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=HOST, headers={"origin": HOST, "accept": "text/html"})


@dataclass
class Person:
    """Somebody who is signed in."""

    login: str
    web: httpx.AsyncClient = field(repr=False)
    token: str = field(repr=False)

    async def get(self, path: str) -> httpx.Response:
        return await self.web.get(path)

    async def post(self, path: str, files: object = None, **fields: object) -> httpx.Response:
        data = {"form_token": credentials.form_token(self.token), **fields}
        return await self.web.post(path, data=data, files=files)  # type: ignore[arg-type]


async def user(connection: Connection, login: str, *roles: Role, organisation: str = FIRST) -> int:
    """An account; answers its id."""
    organisation_id = await users.add_organisation(connection, organisation, organisation)
    await users.add(connection, organisation_id, login, login.title(), roles)
    found = await users.find(connection, login)
    assert found
    return found.id


async def signed_in(app: Starlette, login: str, *roles: Role, organisation: str = FIRST, whole: bool = True) -> Person:
    """Somebody of an organisation with these roles, past the door."""
    token = secrets.token_urlsafe(16)
    async with app.state.pages.connection() as connection:
        id_ = await user(connection, login, *roles, organisation=organisation)
        await users.begin_session(connection, id_, credentials.token_hash(token), "a test", whole=whole)
    web = browser(app)
    web.cookies.set(COOKIE, token)
    return Person(login, web, token)


async def with_a_phone(app: Starlette, login: str, *roles: Role) -> Person:
    """Somebody with a second factor, whose codes `code` tells."""
    person = await signed_in(app, login, *roles)
    keyring = app.state.runtime.keyring
    async with app.state.pages.connection() as connection:
        found = await users.find(connection, login)
        assert found
        cipher = keyring.encrypt(SECRET, f"totp/{found.id}".encode())
        await users.set_totp(connection, found.id, cipher, keyring.current, 0)
    return person


def code() -> str:
    return credentials.totp(SECRET, int(time.time() // credentials.STEP_SECONDS))


def said(response: httpx.Response) -> str:
    """What a page says, without its tags."""
    body = response.text.partition("<main")[2] or response.text
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())
