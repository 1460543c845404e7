"""routes.toml and the environment: every mistake has its message, and no secret is in any."""

from __future__ import annotations

from pathlib import Path

import pytest

from dispatcher.errors import UserError
from dispatcher.keyring import open_keyring
from dispatcher.runtime import open_route
from dispatcher.settings import RoutesError, Settings, fixed, load_routes, load_settings, parse_routes

GOOD = """
[[route]]
name = "main"
provider = "esms"
networks = ["viettel", "*"]
sender = "CA LANGSON"
tps = 20
[route.options]
base_url = "http://127.0.0.1:1/"
api_key = "env:KEY"
secret_key = "s3cret-in-the-clear"
"""
KNOWN = {"KEY": "s3cret-of-the-environment"}
SECRETS = ("s3cret-in-the-clear", "s3cret-of-the-environment")


def changed(was: str, now: str) -> str:
    assert GOOD.count(was) == 1
    return GOOD.replace(was, now)


# What is written, what the message must say: the file, which route, which field.
BROKEN: dict[str, tuple[str, list[str]]] = {
    "empty": ("", ["chưa có đường gửi nào", "[[route]]"]),
    "only a comment": ("# nothing", ["chưa có đường gửi nào"]),
    "not TOML": ("route = [", ["không phải TOML hợp lệ"]),
    "a number without end": ("route = " + "9" * 5000, ["không phải TOML hợp lệ"]),
    "a table instead of tables": ("[route]\nname = 'a'", ["[[route]]"]),
    "a list of words": ("route = ['a']", ["[[route]] thứ 1"]),
    "unknown table": (GOOD + "\n[server]\nport = 1", ["khóa lạ server"]),
    "unknown key": (changed("tps = 20", "tps = 20\nspeed = 3"), ["[[route]] thứ 1", "speed"]),
    "no name": (changed('name = "main"\n', ""), ["[[route]] thứ 1", "name"]),
    "name with spaces": (changed('"main"', '"Main route"'), ["[[route]] thứ 1", "name"]),
    "name that is a path": (changed('"main"', '"../x"'), ["name"]),
    "no provider": (changed('provider = "esms"\n', ""), ["provider"]),
    "no networks": (changed('networks = ["viettel", "*"]\n', ""), ["networks"]),
    "networks empty": (changed('["viettel", "*"]', "[]"), ["networks"]),
    "network unknown": (changed('"viettel"', '"beeline"'), ["networks.0"]),
    "networks a word": (changed('["viettel", "*"]', '"viettel"'), ["networks"]),
    "no sender": (changed('"CA LANGSON"', '""'), ["sender"]),
    "tps zero": (changed("tps = 20", "tps = 0"), ["tps"]),
    "tps a word": (changed("tps = 20", 'tps = "fast"'), ["tps"]),
    "tps endless": (changed("tps = 20", "tps = inf"), ["tps"]),
    "callbacks from nowhere": (
        changed("tps = 20", 'tps = 20\ncallback_from = ["10.0.0.7/24"]'),
        ["callback_from.0", "IP"],
    ),
    "callbacks from a word": (changed("tps = 20", 'tps = 20\ncallback_from = "10.0.0.7"'), ["callback_from", "ngoặc"]),
    "callbacks of a minute": (changed("tps = 20", "tps = 20\ncallback_max_age_seconds = 59"), ["từ 60"]),
    "window zero": (changed("tps = 20", "tps = 20\nwindow = 0"), ["window"]),
    "options a word": (changed("[route.options]", "options = 's3cret-in-the-clear'\n[x]"), ["khóa lạ x"]),
    "two of one name": (GOOD + GOOD, ["hai đường gửi cùng tên main"]),
    "second route broken": (GOOD + GOOD.replace("tps = 20", "tps = -1"), ["[[route]] thứ 2", "tps"]),
    "variable not set": (changed("env:KEY", "env:MISSING"), ["options.api_key", "chưa có biến môi trường MISSING"]),
}


@pytest.mark.parametrize(("written", "told"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_is_told_by_place_and_field_and_without_its_secrets(written: str, told: list[str]) -> None:
    with pytest.raises(RoutesError) as error:
        parse_routes(written, "routes.toml", KNOWN)
    message = str(error.value)
    assert message.startswith("routes.toml")
    assert [part for part in told if part not in message] == []
    assert not any(secret in message for secret in SECRETS)


OPTIONS: dict[str, tuple[str, list[str]]] = {
    "unknown provider": (changed('"esms"', '"nobody"'), ["Đường gửi main", "nobody"]),
    "unknown option": (changed("base_url", "base_uri"), ["[route.options]", "base_uri"]),
    "plain http to the world": (changed("http://127.0.0.1:1/", "http://example.vn/"), ["base_url", "https://"]),
    "a secret missing": (changed('secret_key = "s3cret-in-the-clear"', ""), ["secret_key"]),
    "a secret that is a number": (changed('"env:KEY"', "12345678"), ["api_key"]),
    "a secret in the wrong place": (changed('api_key = "env:KEY"', 'timeout = "env:KEY"'), ["timeout"]),
}


@pytest.mark.parametrize(("written", "told"), OPTIONS.values(), ids=OPTIONS.keys())
async def test_broken_options_are_told_when_the_route_is_opened(tmp_path: Path, written: str, told: list[str]) -> None:
    keyring = open_keyring(tmp_path / "keyring.json", create=True)
    (config,) = parse_routes(written, "routes.toml", KNOWN)
    with pytest.raises(RoutesError) as error:
        async with open_route(config, keyring):
            raise AssertionError("opened")
    assert [part for part in told if part not in str(error.value)] == []
    assert not any(secret in str(error.value) for secret in (*SECRETS, "12345678"))


def test_a_good_file_is_read_with_its_secrets_filled_in_and_hidden() -> None:
    (route,) = parse_routes(GOOD, "routes.toml", KNOWN)
    assert (route.name, route.networks, route.tps, route.window) == ("main", ("viettel", "*"), 20, 32)
    assert route.options["api_key"] == "s3cret-of-the-environment"
    assert not any(secret in repr(route) for secret in SECRETS)


async def test_an_open_route_hides_its_secrets(tmp_path: Path) -> None:
    keyring = open_keyring(tmp_path / "keyring.json", create=True)
    (config,) = parse_routes(GOOD, "routes.toml", KNOWN)
    async with open_route(config, keyring) as route:
        assert not any(secret in repr(route) for secret in SECRETS)


def test_a_missing_file_says_what_to_copy(tmp_path: Path) -> None:
    with pytest.raises(RoutesError, match=r"Chép routes\.example\.toml"):
        load_routes(tmp_path / "routes.toml")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"name = '\xe9'"])
def test_a_file_of_another_encoding_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "routes.toml").write_bytes(content)
    with pytest.raises(RoutesError, match="Không đọc được"):
        load_routes(tmp_path / "routes.toml")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(RoutesError, match="Không đọc được"):
        load_routes(tmp_path)


def test_a_bom_does_no_harm_and_the_env_file_adds_to_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "routes.toml").write_text(GOOD, encoding="utf-8-sig")
    (tmp_path / "env").write_text("KEY=of-the-file\nDISPATCHER_WORKERS=3\n")
    monkeypatch.setenv("DISPATCHER_ENV_FILE", str(tmp_path / "env"))
    assert load_routes(tmp_path / "routes.toml")[0].options["api_key"] == "of-the-file"
    assert load_settings().workers == 3
    monkeypatch.setenv("KEY", "of-the-environment")
    assert load_routes(tmp_path / "routes.toml")[0].options["api_key"] == "of-the-environment"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WORKERS", "many"),
        ("WORKERS", "0"),
        ("WEB_PORT", "70000"),
        ("BATCH_SIZE", "0"),
        ("LEASE_SECONDS", "-1"),
        ("LOG_FORMAT", "x"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv("DISPATCHER_ENV_FILE", "")
    monkeypatch.setenv(f"DISPATCHER_{name}", value)
    with pytest.raises(UserError, match=f"DISPATCHER_{name}: "):
        load_settings()


def test_database_addresses_do_not_show_in_a_repr() -> None:
    settings = fixed(database_url="postgresql://u:pw-one@h/d", redis_url="redis://:pw-two@h")
    assert "pw-one" not in repr(settings)
    assert "pw-two" not in repr(settings)


def test_fixed_settings_ignore_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPATCHER_WORKERS", "9")
    assert fixed().workers == Settings.model_fields["workers"].default


def test_the_keyring_is_in_the_folder_unless_said_otherwise(tmp_path: Path) -> None:
    assert fixed(folder=tmp_path).keyring_path == tmp_path / "keys" / "keyring.json"
    assert fixed(folder=tmp_path, keyring=Path("/k")).keyring_path == Path("/k")


SMPP = """
[[route]]
name = "viettel"
provider = "smpp"
networks = ["*"]
sender = "CA LANGSON"
tps = 200
[route.options]
host = "127.0.0.1"
system_id = "camp"
password = "s3cret"
"""
# What is added or changed, and what staff read.
MISTAKES = {
    "windw = 10": "windw: khóa lạ",
    "window = 0": "window: phải từ 1 trở lên",
    "port = 70000": "port: không được quá 65535",
    "window = 1.5": "window: phải là số nguyên",
    'tls = "maybe"': "tls: phải là true hoặc false",
    "system_type = 5": "system_type: phải là chuỗi",
    'bind = "both"': "bind: phải là một trong: 'transceiver'",
    'concatenation = "udh"': "concatenation: phải là một trong: 'udh8'",
    'time_zone = "Hanoi"': "time_zone: không có múi giờ này",
    'tls_ca = "a.pem"': "tls_ca chỉ có nghĩa khi tls = true",
}


@pytest.mark.parametrize("mistake", MISTAKES)
async def test_a_mistake_in_options_is_explained_in_vietnamese(mistake: str, tmp_path: Path) -> None:
    (route,) = parse_routes(SMPP + mistake, "routes.toml", {})
    with pytest.raises(RoutesError) as caught:
        async with open_route(route, open_keyring(tmp_path / "keyring.json", create=True)):
            pass
    assert f"Đường gửi viettel, [route.options]: {MISTAKES[mistake]}" in str(caught.value)
    assert "s3cret" not in str(caught.value)


async def test_a_sender_that_a_carrier_cannot_show_is_explained(tmp_path: Path) -> None:
    (route,) = parse_routes(SMPP.replace("CA LANGSON", "CÔNG AN"), "routes.toml", {})
    with pytest.raises(RoutesError, match="Đường gửi viettel: tên hiển thị “CÔNG AN”"):
        async with open_route(route, open_keyring(tmp_path / "keyring.json", create=True)):
            pass
