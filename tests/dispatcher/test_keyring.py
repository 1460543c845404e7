"""Numbers encrypted and hashed, and a keyring that is made once."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.keyring import Keyring, KeyringError, open_keyring

NUMBER, OTHER = "84912345678", "84987654321"


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    return open_keyring(tmp_path / "keyring.json", create=True)


def test_a_number_comes_back_as_it_went_in(ring: Keyring) -> None:
    hashed = ring.hash(NUMBER)
    cipher = ring.encrypt(NUMBER, hashed)
    assert NUMBER.encode() not in cipher
    assert len(hashed) == 16
    assert ring.decrypt(cipher, hashed, ring.current) == NUMBER


def test_many_numbers_are_treated_as_one_by_one(ring: Keyring) -> None:
    many = [f"849{i:08d}" for i in range(100)]
    hashes = ring.hashes(many)
    ciphers = ring.encrypt_all(many, hashes)
    assert hashes == [ring.hash(number) for number in many]
    assert [ring.decrypt(c, h, "1") for c, h in zip(ciphers, hashes, strict=True)] == many
    assert len({cipher[:12] for cipher in ciphers}) == 100


def test_the_same_number_is_never_encrypted_the_same_way_twice(ring: Keyring) -> None:
    hashed = ring.hash(NUMBER)
    assert ring.encrypt(NUMBER, hashed) != ring.encrypt(NUMBER, hashed)


def test_a_cipher_text_in_another_persons_row_is_refused(ring: Keyring) -> None:
    cipher = ring.encrypt(NUMBER, ring.hash(NUMBER))
    with pytest.raises(KeyringError, match="dữ liệu bị sửa"):
        ring.decrypt(cipher, ring.hash(OTHER), "1")


@given(st.integers(0, 38), st.integers(1, 255))
def test_one_changed_byte_is_found(position: int, change: int) -> None:
    ring = RING
    cipher = bytearray(ring.encrypt(NUMBER, ring.hash(NUMBER)))
    cipher[position] ^= change
    with pytest.raises(KeyringError):
        ring.decrypt(bytes(cipher), ring.hash(NUMBER), "1")


@pytest.mark.parametrize("cipher", [b"", b"short", b"x" * 20])
def test_a_cipher_text_that_is_none_is_refused(ring: Keyring, cipher: bytes) -> None:
    with pytest.raises(KeyringError):
        ring.decrypt(cipher, ring.hash(NUMBER), "1")


def test_a_key_that_is_gone_is_named(ring: Keyring) -> None:
    with pytest.raises(KeyringError, match="Không có khóa 2020"):
        ring.decrypt(b"x" * 40, ring.hash(NUMBER), "2020")


def test_an_added_key_leaves_old_numbers_readable(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    old = open_keyring(path, create=True)
    cipher = old.encrypt(NUMBER, old.hash(NUMBER))
    document = json.loads(path.read_text())
    document["keys"]["2"] = document["hash_key"]
    document["current"] = "2"
    path.write_text(json.dumps(document))
    new = open_keyring(path, create=False)
    assert new.hash(NUMBER) == old.hash(NUMBER)
    assert new.decrypt(cipher, new.hash(NUMBER), "1") == NUMBER
    assert new.decrypt(new.encrypt(NUMBER, new.hash(NUMBER)), new.hash(NUMBER), "2") == NUMBER


def test_hashes_differ_between_installations(tmp_path: Path) -> None:
    rings = [open_keyring(tmp_path / name / "keyring.json", create=True) for name in "ab"]
    assert rings[0].hash(NUMBER) != rings[1].hash(NUMBER)
    assert rings[0].callback_token("main") != rings[1].callback_token("main")


def test_a_callback_token_is_of_its_route_alone(ring: Keyring) -> None:
    assert ring.callback_token("main") == ring.callback_token("main")
    assert ring.callback_token("main") != ring.callback_token("other")
    assert len(ring.callback_token("main")) == 40


def test_a_new_keyring_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "keyring.json"
    open_keyring(path, create=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert os.listdir(path.parent) == ["keyring.json"]


def test_keys_do_not_show_in_a_repr(ring: Keyring, tmp_path: Path) -> None:
    secrets = json.loads((tmp_path / "keyring.json").read_text())
    assert repr(ring) == "Keyring(current='1')"
    assert secrets["hash_key"] not in repr(ring)


def test_a_missing_keyring_is_not_made_unless_asked(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match="Không tìm thấy chùm khóa"):
        open_keyring(tmp_path / "keyring.json", create=False)
    assert not os.listdir(tmp_path)


def test_creators_that_race_end_with_one_keyring(tmp_path: Path) -> None:
    path, together = tmp_path / "keys" / "keyring.json", Barrier(8)

    def create(_: int) -> bytes:
        together.wait()
        return open_keyring(path, create=True).hash(NUMBER)

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(create, range(8)))) == 1
    assert os.listdir(path.parent) == ["keyring.json"]


def broken(**changes: object) -> str:
    key = "A" * 43 + "="
    return json.dumps({"current": "1", "keys": {"1": key}, "hash_key": key, "callback_key": key} | changes)


BROKEN = {
    "empty": "",
    "not JSON": "{",
    "a list": "[]",
    "no keys": "{}",
    "current key missing": broken(current="9"),
    "key of the wrong length": broken(keys={"1": "AAAA"}),
    "key that is a number": broken(keys={"1": 5}),
    "keys that are a list": broken(keys=["A"]),
    "hash key empty": broken(hash_key=""),
    "hash key cut short": broken(hash_key="QUJD"),
    "hash key too long for the hash": broken(hash_key="A" * 200),
    "callback key empty": broken(callback_key=""),
    "hash key missing": json.dumps({"current": "1", "keys": {"1": "A" * 43 + "="}, "callback_key": "A" * 43 + "="}),
}


def test_the_keyring_that_the_broken_ones_are_made_from_is_sound(tmp_path: Path) -> None:
    (tmp_path / "keyring.json").write_text(broken())
    assert open_keyring(tmp_path / "keyring.json", create=False).current == "1"


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_keyring_is_one_sentence_without_its_content(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keyring.json"
    path.write_text(content)
    with pytest.raises(KeyringError, match=r"^Chùm khóa .* không đọc được .*\. Khôi phục từ bản sao lưu\.$") as told:
        open_keyring(path, create=True)
    assert "AAAA" not in str(told.value)
    assert path.read_text() == content


def _sound() -> Keyring:
    with tempfile.TemporaryDirectory() as folder:
        return open_keyring(Path(folder) / "keyring.json", create=True)


RING = _sound()
