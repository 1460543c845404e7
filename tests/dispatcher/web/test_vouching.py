"""Signing in with an account that the office has elsewhere, against a pretend identity provider over a real socket."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from pydantic import SecretStr
from starlette.applications import Starlette

from dispatcher.accounts import Role
from dispatcher.settings import Settings
from dispatcher.store import users
from dispatcher.web.signing import BACK
from tests.dispatcher.web.people import HOST, browser, said, user

CLIENT, SECRET, CODE = "dispatcher", "a secret between us", "a code"


@dataclass
class Provider:
    """An identity provider in which one person is signed in; `says` is changed by tests that want a bad one."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    url: str = ""
    says: dict[str, Any] = field(default_factory=dict)
    signs_with: ec.EllipticCurvePrivateKey | None = None
    asked: dict[str, str] = field(default_factory=dict)
    redeemed: dict[str, str] = field(default_factory=dict)

    async def discover(self, _request: web.Request) -> web.Response:
        names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        return web.json_response({"issuer": self.url, **{key: f"{self.url}/{name}" for key, name in names.items()}})

    async def keys(self, _request: web.Request) -> web.Response:
        public = json.loads(ECAlgorithm.to_jwk(self.key.public_key()))
        return web.json_response({"keys": [{**public, "kid": "one", "use": "sig", "alg": "ES256"}]})

    async def token(self, request: web.Request) -> web.Response:
        self.redeemed = {name: str(value) for name, value in (await request.post()).items()}
        now = int(time.time())
        claims = {
            "iss": self.url, "aud": CLIENT, "sub": "4711", "iat": now, "exp": now + 60, "nonce": self.asked["nonce"],
            "preferred_username": "Nguyen.An", **self.says,
        }  # fmt: skip
        signed = jwt.encode(claims, self.signs_with or self.key, algorithm="ES256", headers={"kid": "one"})
        return web.json_response({"id_token": signed, "token_type": "Bearer"})


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    made, app = Provider(), web.Application()
    app.router.add_get("/.well-known/openid-configuration", made.discover)
    app.router.add_get("/keys", made.keys)
    app.router.add_post("/token", made.token)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
def settings(settings: Settings, provider: Provider) -> Settings:
    given = {"oidc_issuer": provider.url, "oidc_client": CLIENT, "oidc_secret": SecretStr(SECRET)}
    return settings.model_copy(update=given)


async def sent(someone: httpx.AsyncClient, provider: Provider) -> None:
    """They press the button, and the provider remembers what they came with."""
    went = await someone.get("/sign-in/elsewhere")
    assert went.headers["location"].startswith(f"{provider.url}/authorize?")
    provider.asked = dict(parse_qsl(urlsplit(went.headers["location"]).query))


async def came_back(someone: httpx.AsyncClient, provider: Provider, **other: str) -> httpx.Response:
    await sent(someone, provider)
    given = {"code": CODE, "state": provider.asked["state"], **other}
    return await someone.get(BACK, params=given)


async def added(app: Starlette, login: str, *roles: Role) -> None:
    async with app.state.pages.connection() as connection:
        await user(connection, login, *roles)


async def test_somebody_who_was_added_here_signs_in_with_their_account_elsewhere(
    app: Starlette, provider: Provider
) -> None:
    await added(app, "nguyen.an", Role.AUTHOR)
    someone = browser(app)
    assert "Đăng nhập bằng tài khoản cơ quan" in said(await someone.get("/sign-in"))
    back = await came_back(someone, provider)
    assert (back.status_code, back.headers["location"]) == (303, "/")
    assert "Việc hôm nay" in said(await someone.get("/"))
    challenge = base64.urlsafe_b64encode(hashlib.sha256(provider.redeemed["code_verifier"].encode()).digest())
    assert challenge.decode().rstrip("=") == provider.asked["code_challenge"]
    assert provider.redeemed["redirect_uri"] == provider.asked["redirect_uri"] == HOST + BACK
    assert (provider.redeemed["client_secret"], provider.redeemed["code"]) == (SECRET, CODE)


async def test_a_role_that_needs_a_second_factor_is_asked_for_it_all_the_same(
    app: Starlette, provider: Provider
) -> None:
    await added(app, "nguyen.an", Role.APPROVER)
    someone = browser(app)
    assert (await came_back(someone, provider)).headers["location"] == "/second-factor"
    assert (await someone.get("/campaigns")).headers["location"] == "/second-factor"


async def test_nobody_is_added_by_it(app: Starlette, provider: Provider) -> None:
    back = await came_back(browser(app), provider)
    assert back.status_code == 401
    assert "nguyen.an chưa được thêm ở đây" in said(back)


async def test_whoever_is_given_the_same_login_later_is_somebody_else_until_a_reset(
    app: Starlette, provider: Provider
) -> None:
    await added(app, "nguyen.an", Role.AUTHOR)
    assert (await came_back(browser(app), provider)).status_code == 303
    provider.says = {"sub": "4712"}
    assert (await came_back(browser(app), provider)).status_code == 401
    provider.says = {"preferred_username": "an.nguyen.married"}
    assert (await came_back(browser(app), provider)).status_code == 303
    async with app.state.pages.connection() as connection:
        found = await users.find(connection, "nguyen.an")
        assert found
        await users.shut_out(connection, found.id)
    provider.says = {"sub": "4712"}
    assert (await came_back(browser(app), provider)).status_code == 303


BAD: dict[str, dict[str, Any]] = {
    "meant for another program": {"aud": "another"},
    "one of several, and handed to another": {"aud": [CLIENT, "another"], "azp": "another"},
    "of another provider": {"iss": "https://elsewhere.example"},
    "too old": {"exp": int(time.time()) - 3600},
    "of another sign-in": {"nonce": "another"},
    "without a name that lasts": {"sub": None},
}


@pytest.mark.parametrize("says", BAD.values(), ids=BAD.keys())
async def test_a_word_that_is_wrong_lets_nobody_in(app: Starlette, provider: Provider, says: dict[str, Any]) -> None:
    await added(app, "nguyen.an", Role.AUTHOR)
    provider.says = says
    assert (await came_back(browser(app), provider)).status_code == 401


async def test_a_word_that_the_provider_did_not_sign_lets_nobody_in(app: Starlette, provider: Provider) -> None:
    await added(app, "nguyen.an", Role.AUTHOR)
    provider.signs_with = ec.generate_private_key(ec.SECP256R1())
    back = await came_back(browser(app), provider)
    assert (back.status_code, "Không tin được lời xác thực" in said(back)) == (401, True)


async def test_somebody_elses_way_back_lets_nobody_in(app: Starlette, provider: Provider) -> None:
    await added(app, "nguyen.an", Role.AUTHOR)
    assert (await came_back(browser(app), provider, state="another")).status_code == 401
    assert (await browser(app).get(BACK, params={"code": CODE, "state": provider.asked["state"]})).status_code == 401
    assert provider.redeemed == {}


async def test_a_provider_that_refuses_or_cannot_be_reached_is_said_so(app: Starlette, provider: Provider) -> None:
    assert (await came_back(browser(app), provider, code="")).status_code == 401
    app.state.issuer._address = "http://127.0.0.1:9"
    app.state.issuer._known = None
    away = await browser(app).get("/sign-in/elsewhere")
    assert (away.status_code, "dùng mật khẩu" in said(away)) == (409, True)


async def test_without_a_provider_there_is_no_such_way(app: Starlette) -> None:
    app.state.issuer = None
    assert "Đăng nhập bằng" not in said(await browser(app).get("/sign-in"))
    assert (await browser(app).get("/sign-in/elsewhere")).status_code == 404
