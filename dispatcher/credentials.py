"""Passwords, one-time codes and the second factor: pure, but for chance."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import struct
from urllib.parse import quote, urlencode

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 200  # bounds what a stranger can have hashed
STEP_SECONDS = 30
DIGITS = 6
# A phone's clock may be a step away from ours.
DRIFT_STEPS = (0, -1, 1)
CODE_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # nothing that is read for something else

_hasher = PasswordHasher()
# Verified in the place of a password that is not there, so that both take as long.
_NOBODY = _hasher.hash(secrets.token_hex())


def hashed(password: str) -> str:
    """The argon2id hash, with its parameters. Takes tens of milliseconds on purpose."""
    return _hasher.hash(password)


def matches(password: str, stored: str | None) -> bool:
    """Whether the password is the one of the hash; takes as long when there is no hash."""
    try:
        return _hasher.verify(stored or _NOBODY, password[:LONGEST_PASSWORD]) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def weakness(password: str, login: str) -> str | None:
    """What is wrong with a new password, None when it will do. Length beats signs (NIST SP 800-63B 5.1.1)."""
    if len(password) < SHORTEST_PASSWORD:
        return f"Mật khẩu cần ít nhất {SHORTEST_PASSWORD} ký tự; một câu ngắn dễ nhớ là tốt."
    if len(password) > LONGEST_PASSWORD:
        return f"Mật khẩu dài nhất {LONGEST_PASSWORD} ký tự."
    if login in password.casefold() or len(set(password)) < 5:
        return "Mật khẩu dễ đoán: không dùng tên đăng nhập hay một ký tự lặp lại."
    return None


def new_code() -> str:
    """A one-time code that can be read out: 12 letters, about 59 bits."""
    letters = "".join(secrets.choice(CODE_LETTERS) for _ in range(12))
    return "-".join(letters[i : i + 4] for i in range(0, 12, 4))


def code_hash(code: str) -> bytes:
    """What is stored of a code or a cookie: long enough by themselves, a plain hash keeps them."""
    return hashlib.sha256("".join(code.upper().split()).replace("-", "").encode()).digest()


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def form_token(token: str) -> str:
    """What every form of a session must bring along; follows from the cookie and does not give it away."""
    return hmac.new(token.encode(), b"form", hashlib.sha256).hexdigest()


def new_totp_secret() -> str:
    """160 bits in base32, as authenticator apps take it."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def totp(secret: str, step: int) -> str:
    """The code of a step (RFC 6238: HMAC-SHA-1, 30 s, 6 digits)."""
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", step), "sha1")
    offset = digest[-1] & 15
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def totp_step(secret: str, code: str, now: float, last: int) -> int | None:
    """The step whose code this is, now or close by, and later than the `last` one used; None when it is none."""
    code = "".join(code.split())
    for drift in DRIFT_STEPS:
        step = int(now // STEP_SECONDS) + drift
        if step > last and hmac.compare_digest(totp(secret, step).encode(), code.encode()):
            return step
    return None


def totp_address(secret: str, login: str, issuer: str) -> str:
    """What an authenticator app reads from the picture."""
    query = urlencode({"secret": secret, "issuer": issuer, "digits": DIGITS, "period": STEP_SECONDS})
    return f"otpauth://totp/{quote(issuer)}:{quote(login)}?{query}"
