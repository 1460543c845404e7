"""The installation's signing key: what it signs, anybody who has the public half can check."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from dispatcher.errors import UserError
from dispatcher.keyfiles import write_once

KEY_ID_BYTES = 8


class SigningError(UserError):
    """There is no usable signing key, or what is given as a public key is none."""


@dataclass(frozen=True)
class PublicKey:
    """The half that is given away, as it is written: 32 bytes in base64."""

    written: str

    @property
    def id(self) -> str:
        """Which key it is, short enough to be read out on the telephone: 16 hexadecimal digits."""
        return hashlib.sha256(self._raw).hexdigest()[: 2 * KEY_ID_BYTES]

    def signed(self, content: bytes, signature: bytes) -> bool:
        """Whether this key's holder signed that content."""
        try:
            Ed25519PublicKey.from_public_bytes(self._raw).verify(signature, content)
        except InvalidSignature:
            return False
        return True

    @property
    def _raw(self) -> bytes:
        return base64.b64decode(self.written)


@dataclass(frozen=True)
class SigningKey:
    """The half that never leaves the installation (Ed25519)."""

    private: Ed25519PrivateKey = field(repr=False)

    @property
    def public(self) -> PublicKey:
        return PublicKey(base64.b64encode(self.private.public_key().public_bytes_raw()).decode())

    @property
    def id(self) -> str:
        return self.public.id

    def sign(self, content: bytes) -> bytes:
        """64 bytes, the same each time for the same content."""
        return self.private.sign(content)


def read_public_key(written: str) -> PublicKey:
    """The public key that somebody wrote down. Raises `SigningError`."""
    try:
        Ed25519PublicKey.from_public_bytes(base64.b64decode(written.strip(), validate=True))
    except (binascii.Error, ValueError):
        raise SigningError(f"Không phải khóa công khai Ed25519 (32 byte viết bằng base64): {written[:60]!r}") from None
    return PublicKey(written.strip())


def open_signing_key(path: Path, *, create: bool) -> SigningKey:
    """The key at `path` (PEM, mode 600); a new one if there is none and `create` is set. Raises `SigningError`."""
    if not path.exists():
        if not create:
            raise SigningError(
                f"Không tìm thấy khóa ký {path}. Khôi phục từ bản sao lưu, hoặc đặt DISPATCHER_SIGNING_KEY."
            )
        write_once(path, _fresh())
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise SigningError(
            f"Khóa ký {path} không đọc được ({type(error).__name__}). Khôi phục từ bản sao lưu."
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningError(f"Khóa ký {path} không phải khóa Ed25519.")
    return SigningKey(key)


def _fresh() -> str:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
