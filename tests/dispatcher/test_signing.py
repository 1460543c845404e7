"""A key that is made once, and signatures that hold for one content only."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from dispatcher.settings import fixed
from dispatcher.signing import SigningError, SigningKey, open_signing_key, read_public_key


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return open_signing_key(tmp_path / "keys" / "signing.pem", create=True)


def test_what_was_signed_is_known_by_the_public_half_alone(key: SigningKey) -> None:
    public = read_public_key(key.public.written)
    signature = key.sign(b"yes")
    assert public.signed(b"yes", signature)
    assert not public.signed(b"Yes", signature)
    assert not public.signed(b"yes", signature[:-1] + bytes([signature[-1] ^ 1]))
    assert not public.signed(b"yes", b"")


def test_another_key_has_signed_nothing_of_it(key: SigningKey, tmp_path: Path) -> None:
    other = open_signing_key(tmp_path / "other.pem", create=True)
    assert other.id != key.id
    assert not other.public.signed(b"yes", key.sign(b"yes"))


def test_the_key_is_for_its_owner_only_and_stays_the_same(key: SigningKey, tmp_path: Path) -> None:
    path = tmp_path / "keys" / "signing.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert open_signing_key(path, create=True).id == key.id


def test_processes_that_start_together_make_one_key(tmp_path: Path) -> None:
    path = tmp_path / "signing.pem"
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: open_signing_key(path, create=True).id, range(8)))
    assert len(set(keys)) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["signing.pem"]


def test_a_missing_key_is_not_made_unasked(tmp_path: Path) -> None:
    with pytest.raises(SigningError, match="Không tìm thấy khóa ký"):
        open_signing_key(tmp_path / "signing.pem", create=False)


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "signing.pem"
    path.write_bytes(X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(SigningError, match="không phải khóa Ed25519"):
        open_signing_key(path, create=True)


@pytest.mark.parametrize("content", ["", "nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_broken_file_is_said_to_be_broken(content: str, tmp_path: Path) -> None:
    path = tmp_path / "signing.pem"
    path.write_text(content)
    with pytest.raises(SigningError, match="không đọc được"):
        open_signing_key(path, create=True)


@pytest.mark.parametrize("written", ["", "AAAA", "không phải", "A" * 43 + "*", "A" * 88])
def test_what_is_no_public_key_is_refused(written: str) -> None:
    with pytest.raises(SigningError, match="Không phải khóa công khai"):
        read_public_key(written)


def test_the_key_never_shows_itself(key: SigningKey) -> None:
    assert "Ed25519PrivateKey" not in repr(key)


def test_the_setting_names_the_file(tmp_path: Path) -> None:
    assert fixed(folder=tmp_path).signing_path == tmp_path / "keys" / "signing.pem"
    assert fixed(folder=tmp_path, signing_key=tmp_path / "a.pem").signing_path == tmp_path / "a.pem"
