"""Numbers encrypted and hashed, with keys kept outside the database."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import hmac
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dispatcher.errors import UserError
from dispatcher.keyfiles import overwrite, write_once

NONCE_BYTES = 12
HASH_BYTES = 16
SECRET_BYTES = 32
KEY_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,19}")


class KeyringError(UserError):
    """The keyring cannot be read, or does not hold the key that a number was encrypted with."""


@dataclass(frozen=True)
class Keyring:
    """The installation's keys: AES-256-GCM keys by id, one for hashing numbers, one for callback addresses."""

    current: str
    ciphers: dict[str, AESGCM] = field(repr=False)
    hash_key: bytes = field(repr=False)
    callback_key: bytes = field(repr=False)
    made: dict[str, datetime | None] = field(default_factory=dict, repr=False)  # None: before times were written down
    path: Path | None = field(default=None, repr=False)

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
        if key_id not in self.ciphers and not self._added_since(key_id):
            raise KeyringError(f"Không có khóa {key_id} trong chùm khóa, không giải mã được số.")
        try:
            return self.ciphers[key_id].decrypt(cipher[:NONCE_BYTES], cipher[NONCE_BYTES:], hashed).decode()
        except (InvalidTag, ValueError):  # ValueError: shorter than a nonce
            raise KeyringError(
                f"Số đã mã hóa không khớp với khóa {key_id}: dữ liệu bị sửa hoặc sai chùm khóa."
            ) from None

    def _added_since(self, key_id: str) -> bool:
        """Whether the file has that key by now: a process that runs for weeks outlives a change of keys."""
        if key_id and self.path and self.path.exists():
            self.ciphers.update(open_keyring(self.path, create=False).ciphers)
        return key_id in self.ciphers

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
        return _read(json.loads(path.read_text("utf-8")), path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeyringError(
            f"Chùm khóa {path} không đọc được ({type(error).__name__}). Khôi phục từ bản sao lưu."
        ) from None


@contextmanager
def _changing(path: Path) -> Iterator[dict[str, Any]]:
    """The keyring's document, written back if all went well; one person at a time, for a lost key is lost numbers."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        open_keyring(path, create=False)
        document = json.loads(path.read_text("utf-8"))
        yield document
        overwrite(path, json.dumps(document, indent=2))
    finally:
        os.close(folder)


def path_of(ring: Keyring) -> Path:
    """Where the keyring was read from. Raises `KeyringError` for one that was not."""
    if ring.path is None:
        raise KeyringError("Chùm khóa này không đọc từ tệp nào.")
    return ring.path


def add_key(path: Path, name: str, at: datetime) -> None:
    """A new key for numbers, not in use yet: first every host must have the file. Raises `KeyringError`."""
    if not KEY_NAME.fullmatch(name):
        raise KeyringError("Tên khóa gồm 1-20 chữ thường không dấu, chữ số, gạch ngang; ví dụ 2026-ky-2.")
    with _changing(path) as document:
        if name in document["keys"]:
            raise KeyringError(f"Chùm khóa đã có khóa {name}.")
        document["keys"][name] = _fresh()
        document.setdefault("made", {})[name] = at.astimezone(UTC).isoformat(timespec="seconds")


def use_key(path: Path, name: str) -> None:
    """Encrypt with that key from now on. Raises `KeyringError`."""
    with _changing(path) as document:
        if name not in document["keys"]:
            raise KeyringError(f"Chùm khóa không có khóa {name}. Có: {', '.join(document['keys'])}.")
        document["current"] = name


def drop_key(path: Path, name: str) -> None:
    """Forget a key: what was encrypted with it is unreadable for ever. Raises `KeyringError`."""
    with _changing(path) as document:
        if name == document["current"]:
            raise KeyringError(f"Khóa {name} đang dùng, không bỏ được. Đổi khóa trước: dispatcher keys new")
        document["keys"].pop(name, None)
        document.get("made", {}).pop(name, None)


def _read(document: dict[str, Any], path: Path) -> Keyring:
    made = document.get("made", {})
    keys = {name: AESGCM(base64.b64decode(key)) for name, key in document["keys"].items()}
    if document["current"] not in keys:
        raise KeyError("current")
    return Keyring(
        current=document["current"],
        ciphers=keys,
        hash_key=_secret(document["hash_key"]),
        callback_key=_secret(document["callback_key"]),
        made={name: datetime.fromisoformat(made[name]) if name in made else None for name in keys},
        path=path,
    )


def _secret(written: str) -> bytes:
    """A key cut short would still hash, and anybody could then tell numbers from their hashes."""
    key = base64.b64decode(written)
    if len(key) != SECRET_BYTES:
        raise ValueError("a key of the wrong length")
    return key


def _fresh() -> str:
    return base64.b64encode(os.urandom(SECRET_BYTES)).decode()


def _create(path: Path) -> None:
    document = {
        "current": "1",
        "keys": {"1": _fresh()},
        "made": {"1": datetime.now(UTC).isoformat(timespec="seconds")},
        "hash_key": _fresh(),
        "callback_key": _fresh(),
    }
    write_once(path, json.dumps(document, indent=2))
