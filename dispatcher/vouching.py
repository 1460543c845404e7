"""Signing in with an account that the office has elsewhere: OpenID Connect, authorization code with PKCE (RFC 7636)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import astuple, dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
import jwt
from pydantic import BaseModel, ValidationError

from dispatcher.errors import UserError
from dispatcher.settings import Settings

DISCOVERY = "/.well-known/openid-configuration"
# Signatures with the issuer's own key; never those with a shared secret.
SIGNED_BY = ("RS256", "PS256", "ES256", "EdDSA")
REQUIRED = ("iss", "sub", "aud", "exp", "iat")
TIMEOUT = aiohttp.ClientTimeout(total=10)
LARGEST_ANSWER = 1 << 20
KEPT_SECONDS = 3600
LATE_SECONDS = 60
NAME = "tài khoản cơ quan"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class VouchingError(UserError):
    """Whoever was to vouch for somebody does not, or not in a way that can be believed."""


class Metadata(BaseModel):
    """What an issuer says of itself (OpenID Connect Discovery 1.0)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


@dataclass(frozen=True, slots=True)
class Errand:
    """What somebody takes along to the issuer, and must bring back; it waits in a cookie of theirs."""

    state: str
    nonce: str
    verifier: str

    def __str__(self) -> str:
        return ".".join(astuple(self))


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom the issuer vouches for: `subject` is theirs for ever, `login` what they are called there now."""

    subject: str
    login: str


def new_errand() -> Errand:
    return Errand(*(secrets.token_urlsafe(32) for _ in range(3)))


def errand(written: str) -> Errand:
    """An errand as written by `str`. Raises `VouchingError`."""
    parts = written.split(".")
    if len(parts) != len(Errand.__slots__):
        raise VouchingError("Lần đăng nhập này đã hết hạn. Bấm đăng nhập lại.")
    return Errand(*parts)


class Issuer:
    """The identity provider that the settings name."""

    def __init__(self, settings: Settings) -> None:
        self._address = (settings.oidc_issuer or "").rstrip("/")
        self._client = settings.oidc_client
        self._secret = settings.oidc_secret.get_secret_value() if settings.oidc_secret else ""
        self._claim = settings.oidc_claim
        self.name = settings.oidc_name or NAME
        self._known: tuple[float, Metadata] | None = None

    async def address(self, given: Errand, back: str) -> str:
        """Where somebody is sent to be recognised. Raises `VouchingError`."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(given.verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self._client,
            "redirect_uri": back,
            "scope": "openid profile email",
            "state": given.state,
            "nonce": given.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        endpoint = (await self._metadata()).authorization_endpoint
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(asked)}"

    async def vouched(self, code: str, state: str, given: Errand, back: str) -> Vouched:
        """Whom the issuer sent back with this code. Raises `VouchingError`."""
        if not code or not hmac.compare_digest(state.encode(), given.state.encode()):
            raise VouchingError(
                "Nơi xác thực không cho đăng nhập, hoặc lần đăng nhập này đã hết hạn. Bấm đăng nhập lại."
            )
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "client_id": self._client,
            "client_secret": self._secret,
            "code_verifier": given.verifier,
        }
        told = await self._metadata()
        answer = await _asked(told.token_endpoint, asked)
        keys = await _asked(told.jwks_uri)
        claims = self._claims(str(answer.get("id_token", "")), keys, told.issuer, given.nonce)
        return Vouched(f"{told.issuer}#{claims['sub']}", str(claims.get(self._claim, "")).strip().casefold())

    def _claims(self, token: str, keys: dict[str, Any], issuer: str, nonce: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = jwt.decode(
                token, _key(token, keys), algorithms=list(SIGNED_BY), audience=self._client, issuer=issuer,
                leeway=LATE_SECONDS, options={"require": list(REQUIRED)},
            )  # fmt: skip
        except jwt.PyJWTError as error:
            raise VouchingError(f"Không tin được lời xác thực ({type(error).__name__}). Báo người quản trị.") from error
        if not hmac.compare_digest(str(found.get("nonce", "")).encode(), nonce.encode()):
            raise VouchingError("Lời xác thực là của một lần đăng nhập khác. Bấm đăng nhập lại.")
        if found.get("azp", self._client) != self._client:
            raise VouchingError("Lời xác thực là cho một chương trình khác. Báo người quản trị.")
        return found

    async def _metadata(self) -> Metadata:
        if self._known and time.monotonic() - self._known[0] < KEPT_SECONDS:
            return self._known[1]
        try:
            told = Metadata.model_validate(await _asked(self._address + DISCOVERY))
        except ValidationError:
            raise VouchingError("Nơi xác thực trả lời không đúng dạng OpenID Connect. Báo người quản trị.") from None
        if told.issuer.rstrip("/") != self._address:
            raise VouchingError("Nơi xác thực tự xưng bằng tên khác (DISPATCHER_OIDC_ISSUER). Báo người quản trị.")
        self._known = time.monotonic(), told
        return told


def _key(token: str, keys: dict[str, Any]) -> jwt.PyJWK:
    """The key that the token says it is signed with, or the only one there is. Raises `PyJWTError`."""
    named = jwt.get_unverified_header(token).get("kid")
    offered = [key for key in jwt.PyJWKSet.from_dict(keys).keys if key.public_key_use in (None, "sig")]
    found = [key for key in offered if key.key_id == named] if named else offered
    if len(found) != 1:
        raise jwt.InvalidKeyError("no such key")
    return found[0]


async def _asked(url: str, form: dict[str, str] | None = None) -> dict[str, Any]:
    """What the issuer answers, as an object; redirects are not followed. Raises `VouchingError`."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise VouchingError("Nơi xác thực phải dùng https. Báo người quản trị.")
    try:
        async with aiohttp.ClientSession(timeout=TIMEOUT) as web:
            method = "POST" if form else "GET"
            async with web.request(method, url, data=form, allow_redirects=False) as answer:
                status, raw = answer.status, await _body(answer)
        read = json.loads(raw) if status == 200 else None
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise VouchingError(
            f"Không hỏi được nơi xác thực ({type(error).__name__}). Thử lại, hoặc dùng mật khẩu."
        ) from error
    if not isinstance(read, dict):
        raise VouchingError(f"Nơi xác thực từ chối (HTTP {status}). Thử lại, hoặc dùng mật khẩu.")
    return read


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    """The answer, up to a bound. Raises ValueError beyond it."""
    found = b""
    async for piece in answer.content.iter_any():
        found += piece
        if len(found) > LARGEST_ANSWER:
            raise ValueError("the answer is too long")
    return found
