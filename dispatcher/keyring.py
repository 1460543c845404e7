"""Numbers encrypted and hashed, with keys kept outside the database."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dispatcher.errors import UserError
from dispatcher.keyfiles import write_once

NONCE_BYTES = 12
HASH_BYTES = 16
SECRET_BYTES = 32


class KeyringError(UserError):
    """The keyring cannot be read, or does not hold the key that a number was encrypted with."""


@dataclass(frozen=True)
class Keyring:
    """The installation's keys: AES-256-GCM keys by id, one for hashing numbers, one for callback addresses."""

    current: str
    ciphers: dict[str, AESGCM] = field(repr=False)
    hash_key: bytes = field(repr=False)
    callback_key: bytes = field(repr=False)

    def hash(self, msisdn: str) -> bytes:
        """The 16-byte keyed hash that stands for a number everywhere but in `recipients`."""
        return hashlib.blake2b(msisdn.encode(), key=self.hash_key, digest_size=HASH_BYTES).digest()

    def hashes(self, msisdns: Sequence[str]) -> list[bytes]:
        keyed = hashlib.blake2b(key=self.hash_key, digest_size=HASH_BYTES)

        def hashed(number: bytes) -> bytes:
            copy = keyed.copy()  # the key is half the work, and has been done
            copy.update(number)
            return copy.digest()

        return [hashed(m.encode()) for m in msisdns]

    def encrypt(self, msisdn: str, hashed: bytes) -> bytes:
        """nonce + ciphertext + tag (about 39 bytes), bound to the hash, so that rows cannot be swapped."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self.ciphers[self.current].encrypt(nonce, msisdn.encode(), hashed)

    def encrypt_all(self, msisdns: Sequence[str], hashes: Sequence[bytes]) -> list[bytes]:
        encrypt, random = self.ciphers[self.current].encrypt, os.urandom(NONCE_BYTES * len(msisdns))
        nonces = (random[i : i + NONCE_BYTES] for i in range(0, len(random), NONCE_BYTES))
        return [nonce + encrypt(nonce, m.encode(), h) for m, h, nonce in zip(msisdns, hashes, nonces, strict=True)]

    def decrypt(self, cipher: bytes, hashed: bytes, key_id: str) -> str:
        """The number; raises `KeyringError` when the key is gone or the cipher text is not this row's."""
        if key_id not in self.ciphers:
            raise KeyringError(f"Không có khóa {key_id} trong chùm khóa, không giải mã được số.")
        try:
            return self.ciphers[key_id].decrypt(cipher[:NONCE_BYTES], cipher[NONCE_BYTES:], hashed).decode()
        except (InvalidTag, ValueError):  # ValueError: shorter than a nonce
            raise KeyringError(
                f"Số đã mã hóa không khớp với khóa {key_id}: dữ liệu bị sửa hoặc sai chùm khóa."
            ) from None

    def callback_token(self, route: str) -> str:
        """The unguessable part of a route's callback address: carriers here do not sign what they send."""
        return hmac.new(self.callback_key, route.encode(), hashlib.sha256).hexdigest()[:40]


def open_keyring(path: Path, *, create: bool) -> Keyring:
    """The keyring at `path`; a new one (mode 600) if there is none and `create` is set. Raises `KeyringError`."""
    if not path.exists():
        if not create:
            raise KeyringError(
                f"Không tìm thấy chùm khóa {path}. Khôi phục từ bản sao lưu, hoặc đặt DISPATCHER_KEYRING."
            )
        _create(path)
    try:
        return _read(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeyringError(
            f"Chùm khóa {path} không đọc được ({type(error).__name__}). Khôi phục từ bản sao lưu."
        ) from None


def _read(document: dict[str, Any]) -> Keyring:
    keys = {name: AESGCM(base64.b64decode(key)) for name, key in document["keys"].items()}
    if document["current"] not in keys:
        raise KeyError("current")
    return Keyring(
        current=document["current"],
        ciphers=keys,
        hash_key=_secret(document["hash_key"]),
        callback_key=_secret(document["callback_key"]),
    )


def _secret(written: str) -> bytes:
    """A key cut short would still hash, and anybody could then tell numbers from their hashes."""
    key = base64.b64decode(written)
    if len(key) != SECRET_BYTES:
        raise ValueError("a key of the wrong length")
    return key


def _create(path: Path) -> None:
    def fresh() -> str:
        return base64.b64encode(os.urandom(SECRET_BYTES)).decode()

    document = {"current": "1", "keys": {"1": fresh()}, "hash_key": fresh(), "callback_key": fresh()}
    write_once(path, json.dumps(document, indent=2))
