"""Programs in front of the API, for tests: each with a token of its own, over the real application and database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from starlette.applications import Starlette

from dispatcher import tokens
from dispatcher.accounts import FIRST, Role
from dispatcher.store import users
from dispatcher.store.database import Connection
from dispatcher.web.api.meter import Meter
from dispatcher.web.api.service import PREFIX
from dispatcher.web.rights import RIGHTS
from tests.dispatcher.web.people import HOST, user

ALL = tuple(action.value for action in RIGHTS)


class Tireless(Meter):
    """Lets everybody ask as often as they like."""

    def wait_seconds(self, token_id: int, now: float | None = None) -> float:
        return 0.0


@dataclass
class Program:
    """A program with a token of its own."""

    web: httpx.AsyncClient = field(repr=False)
    token_id: int

    async def get(self, path: str, **asked: Any) -> httpx.Response:
        return await self.web.get(PREFIX + path, params=asked)

    async def post(self, path: str, body: object = None, key: str = "", **headers: str) -> httpx.Response:
        named = {"idempotency-key": key or uuid4().hex, **{name.replace("_", "-"): v for name, v in headers.items()}}
        return await self.web.post(PREFIX + path, json=body, headers=named)


async def token_of(
    connection: Connection, login: str, *roles: Role, actions: tuple[str, ...] = ALL, organisation: str = FIRST
) -> tuple[int, str]:
    """The number and the token of a program of somebody with these roles, or with all."""
    if not await users.find(connection, login):
        await user(connection, login, *(roles or Role), organisation=organisation)
    person = await users.find(connection, login)
    assert person
    await users.set_password(connection, person.id, "a hash")
    return await tokens.add(connection, login, "a test", actions, ALL, 30, "administrator")


async def program(
    app: Starlette, login: str, *roles: Role, actions: tuple[str, ...] = ALL, organisation: str = FIRST
) -> Program:
    """A program of somebody who has these roles, or all."""
    async with app.state.pages.connection() as connection:
        id_, token = await token_of(connection, login, *roles, actions=actions, organisation=organisation)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"authorization": f"Bearer {token}"}
    return Program(httpx.AsyncClient(transport=transport, base_url=HOST, headers=headers), id_)
