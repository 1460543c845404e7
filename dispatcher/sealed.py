"""Signed files: a document with a digest of each of its fields, the digests signed, so that a change can be named."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dispatcher.errors import UserError
from dispatcher.signing import PublicKey, SigningKey

MOST_BYTES = 16 << 20
PARTS = {"content", "digests", "key", "signature"}
# What is signed begins with this: a signature over anything else that this key signs is none over such a file.
PREFIX = b"dispatcher signed file 1\n"


class SealError(UserError):
    """A signed file that cannot be believed; says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A signed file whose signature and digests hold; `digest` stands for the whole content."""

    content: dict[str, Any]
    key: PublicKey
    digest: str


def seal(content: Mapping[str, Any], key: SigningKey) -> str:
    """The content as a signed file; the same content and key give the same file."""
    digests = _digests(content)
    signature = base64.b64encode(key.sign(_signed(digests, key.id))).decode()
    document = {"content": content, "digests": digests, "key": key.id, "signature": signature}
    return json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def unseal(raw: bytes, trusted: Callable[[str], PublicKey | None]) -> Opened:
    """Read a signed file, whatever its spaces and order. `trusted` gives the key of an id. Raises `SealError`."""
    document = _read(raw)
    content, digests, name = document["content"], document["digests"], document["key"]
    key = trusted(name)
    if key is None:
        raise SealError(
            f"Tệp ký bằng khóa {name}, chưa được tin cậy ở đây. Kiểm tra mã khóa với bên gửi rồi thêm khóa."
        )
    if not key.signed(_signed(digests, name), _signature(document["signature"])):
        raise SealError(f"Chữ ký không đúng: mục lục của tệp đã bị sửa sau khi ký, hoặc tệp không do khóa {name} ký.")
    _compare(content, digests)
    return Opened(content, key, _digest(digests))


def _read(raw: bytes) -> dict[str, Any]:
    if len(raw) > MOST_BYTES:
        raise SealError(f"Tệp lớn hơn {MOST_BYTES >> 20} MB, không phải tệp đã ký.")
    try:
        document = json.loads(raw, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_refuse)
    except SealError:
        raise
    except (ValueError, RecursionError):
        raise SealError("Không phải tệp JSON đọc được; tệp bị cắt hoặc bị hỏng.") from None
    if not isinstance(document, dict) or set(document) != PARTS:
        raise SealError(f"Không phải tệp đã ký: cần đúng các mục {', '.join(sorted(PARTS))}.")
    if not all(isinstance(document[part], dict) for part in ("content", "digests")) or not isinstance(
        document["key"], str
    ):
        raise SealError("Không phải tệp đã ký: content và digests phải là bảng, key phải là chữ.")
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two readers could take two different ones of a doubled key for the true one."""
    read = dict(pairs)
    if len(read) != len(pairs):
        names = [name for name, _ in pairs]
        raise SealError(f"Khóa {next(name for name in names if names.count(name) > 1)!r} xuất hiện hai lần trong tệp.")
    return read


def _refuse(written: str) -> Any:
    raise SealError(f"Số {written[:20]} không dùng được trong tệp đã ký; chỉ dùng số nguyên.")


def _signature(written: object) -> bytes:
    try:
        return base64.b64decode(str(written), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _compare(content: Mapping[str, Any], digests: Mapping[str, Any]) -> None:
    if missing := sorted(set(digests) - set(content)):
        raise SealError(f"Mục {missing[0]} đã bị xóa sau khi ký.")
    if added := sorted(set(content) - set(digests)):
        raise SealError(f"Mục {added[0]} bị thêm vào sau khi ký.")
    found = _digests(content)
    if changed := sorted(name for name in digests if found[name] != digests[name]):
        raise SealError(f"Mục {', '.join(changed)} đã bị sửa sau khi ký.")


def _digests(content: Mapping[str, Any]) -> dict[str, str]:
    return {name: _digest(value) for name, value in content.items()}


def _digest(value: Any) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()


def _signed(digests: Mapping[str, Any], key: str) -> bytes:
    return PREFIX + canonical({"digests": digests, "key": key})


def canonical(value: Any) -> bytes:
    """The one way in which a value of JSON is written: keys in order, no spaces, UTF-8, no fractions."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "surrogatepass")
