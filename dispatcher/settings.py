"""The only reader of the environment and of routes.toml."""

from __future__ import annotations

import datetime
import os
import re
import tomllib
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from campaigns import confirmation, occasions, terms
from campaigns.calendar import Calendar, shipped
from campaigns.tariff import Tariff, tariffs
from dispatcher.errors import UserError

# The "network" of people who are known by an id at our Official Account, and not by a number.
FOLLOWERS = "zalo"
Network = Literal[
    "viettel", "mobifone", "vinaphone", "vietnamobile", "gmobile", "itel", "wintel", "unknown", "zalo", "*"
]


class Settings(BaseSettings):
    """Everything an installation may set, each as `DISPATCHER_<NAME>` in the environment or in `.env`."""

    model_config = SettingsConfigDict(env_prefix="DISPATCHER_", extra="ignore", frozen=True)

    folder: Path = Path("var")
    database_url: SecretStr | None = None
    owner_url: SecretStr | None = None
    redis_url: SecretStr | None = None
    subscribers_url: SecretStr | None = None
    routes: Path = Path("routes.toml")
    occasions: Path = Path("occasions.toml")
    reports: Path = Path("reports.toml")
    terms: Path = Path("terms.toml")
    keyring: Path | None = None
    signing_key: Path | None = None
    embedded_user: str | None = None
    web_host: str = "127.0.0.1"
    web_port: int = Field(default=8700, ge=0, le=65535)
    web_url: str | None = None
    webhook_hosts: str = ""
    web_proxies: str | None = None
    oidc_issuer: str | None = None
    oidc_client: str = "dispatcher"
    oidc_secret: SecretStr | None = None
    oidc_claim: str = "preferred_username"
    oidc_name: str | None = None
    workers: int = Field(default=1, ge=1, le=64)
    batch_size: int = Field(default=500, ge=1, le=10_000)
    lease_seconds: float = Field(default=60, gt=0)
    patience_seconds: float = Field(default=120, gt=0)
    settle_seconds: float = Field(default=72 * 3600, gt=0)
    refusal_words: str = "tc*,tu_choi*,tuchoi*,huy,huy_tin*,stop*,ngung,ngung_nhan*,khong_nhan*"
    confirm_refusals: Literal["advertising", "all"] = "advertising"
    confirmation_text: str | None = None
    confirmation_hours: str = "07:00-22:00"
    key_months: int = Field(default=6, ge=1, le=120)
    numbers_months: int = Field(default=18, ge=12, le=240)
    figures_months: int = Field(default=120, ge=12, le=1200)
    log_format: Literal["auto", "json", "console"] = "auto"

    @field_validator("confirmation_text")
    @classmethod
    def _fit_to_confirm(cls, value: str | None) -> str | None:
        if value and (wrong := "; ".join(confirmation.mistakes(value))):
            raise ValueError(wrong)
        return value

    @field_validator("confirmation_hours")
    @classmethod
    def _hours(cls, value: str) -> str:
        return _window(value) and value

    @property
    def confirmation(self) -> str:
        """The text that confirms a refusal, with both times left open."""
        return self.confirmation_text or confirmation.TEXT

    @property
    def hours_of_confirmation(self) -> tuple[datetime.time, datetime.time]:
        return _window(self.confirmation_hours)

    @property
    def owner(self) -> str:
        """The database given, as the owner of its tables; who owns them may be who works with them."""
        given = self.owner_url or self.database_url
        return given.get_secret_value() if given else ""

    @property
    def keyring_path(self) -> Path:
        return self.keyring or self.folder / "keys" / "keyring.json"

    @property
    def signing_path(self) -> Path:
        return self.signing_key or self.folder / "keys" / "signing.pem"


def _window(written: str) -> tuple[datetime.time, datetime.time]:
    """Hours of the day written as 07:00-22:00. Raises ValueError."""
    if not re.fullmatch(r"\d\d:\d\d-\d\d:\d\d", written):
        raise ValueError("viết dưới dạng 07:00-22:00")
    first, last = map(datetime.time.fromisoformat, written.split("-"))
    if first >= last:
        raise ValueError("giờ đầu phải trước giờ cuối, ví dụ 07:00-22:00")
    return first, last


def _addresses(written: object) -> IPv4Network | IPv6Network:
    try:
        return ip_network(written)  # type: ignore[arg-type]  # whatever it is, it says whether it can be one
    except ValueError:
        raise ValueError("phải là địa chỉ IP hoặc dải địa chỉ IP, ví dụ 203.0.113.7 hoặc 203.0.113.0/24") from None


class RouteConfig(BaseModel):
    """One `[[route]]` of routes.toml.

    `per_hour` and `per_day` are caps in segments, over clock hours and calendar days of Viet Nam.
    `tps` counts segments a second; `window` is how many messages one worker may have under way, and so how many one
    crash can leave uncertain. `when_down`: what waiting messages do when the route is parked, or its carrier has not
    answered for a while: move to the next route that serves their network, or wait. `callback_from`: the addresses that
    callbacks may come from (none: any). `callback_max_age_seconds`: older ones are refused, and those that tell no time.
    `vnd_per_message`: what Zalo charges for one; SMS are priced by network, in the office's terms.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    provider: str
    networks: Annotated[tuple[Network, ...], Field(min_length=1)]
    sender: Annotated[str, Field(min_length=1)]
    tps: Annotated[float, Field(gt=0, le=1_000_000)]
    per_hour: Annotated[int, Field(ge=1)] | None = None
    per_day: Annotated[int, Field(ge=1)] | None = None
    window: Annotated[int, Field(ge=1, le=10_000)] = 32
    when_down: Literal["move", "wait"] = "move"
    callback_from: tuple[Annotated[IPv4Network | IPv6Network, PlainValidator(_addresses)], ...] = ()
    callback_max_age_seconds: Annotated[int, Field(ge=60)] | None = None
    vnd_per_message: Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)] | None = None
    options: dict[str, Any] = Field(default_factory=dict, repr=False)

    @field_validator("networks", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value


class RoutesError(UserError):
    """routes.toml cannot be used."""


def load_settings() -> Settings:
    """Settings from the environment and `.env`; raises `UserError` naming each variable that cannot be used."""
    try:
        return Settings(_env_file=env_file())  # type: ignore[call-arg]  # known to pydantic-settings at run time
    except ValidationError as error:
        lines = [f"DISPATCHER_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors()]
        raise UserError("Cấu hình không dùng được:\n" + "\n".join(lines)) from None


def fixed(**values: Any) -> Settings:
    """Settings with these values and the defaults for the rest, whatever the environment says."""
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    return Settings(_env_file=None, **{**defaults, **values})  # type: ignore[call-arg]


def env_file() -> Path | None:
    """The file that adds to the environment: `.env`, or what DISPATCHER_ENV_FILE names (nothing: none)."""
    name = os.environ.get("DISPATCHER_ENV_FILE", ".env")
    return Path(name) if name else None


def environment() -> dict[str, str]:
    """The environment, with what the env file adds."""
    path = env_file()
    added = dotenv_values(path) if path else {}
    return {**{name: value for name, value in added.items() if value is not None}, **os.environ}


def load_calendar(path: Path) -> Calendar:
    """The shipped awareness days and themes, with those of the office's own file if there is one.

    Raises `DefinitionError` with everything that is wrong with the file.
    """
    return occasions.load(path) if path.exists() else shipped()


def load_prices(path: Path) -> dict[str, Tariff]:
    """What each network costs: as published, and over it what the office's own terms say, if there is such a file.

    Raises `DefinitionError` with everything that is wrong with the file.
    """
    return tariffs(terms.load(path).tariffs if path.exists() else ())


def load_routes(path: Path) -> tuple[RouteConfig, ...]:
    """The routes of `path`, `env:NAME` values filled in; raises `RoutesError` saying what and where."""
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise RoutesError(
            f"Không tìm thấy tệp đường gửi {path}. Chép routes.example.toml thành {path} rồi sửa."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise RoutesError(f"Không đọc được {path}: {error}") from None
    return parse_routes(text, str(path), environment())


def parse_routes(text: str, name: str, known: Mapping[str, str]) -> tuple[RouteConfig, ...]:
    """The routes written in `text`; `name` is the file's name for messages."""
    try:
        document = tomllib.loads(text)
    except ValueError as error:  # a number of thousands of digits is no TOMLDecodeError
        raise RoutesError(f"{name}: không phải TOML hợp lệ: {error}") from None
    if unknown := set(document) - {"route"}:
        raise RoutesError(f"{name}: khóa lạ {', '.join(sorted(unknown))}; tệp này chỉ gồm các bảng [[route]].")
    entries = document.get("route", [])
    if not isinstance(entries, list) or not entries:
        raise RoutesError(f"{name}: chưa có đường gửi nào; thêm ít nhất một bảng [[route]].")
    routes = tuple(_route(entry, name, number, known) for number, entry in enumerate(entries, 1))
    _check_names(routes, name)
    return routes


def _route(entry: Any, name: str, number: int, known: Mapping[str, str]) -> RouteConfig:
    where = f"{name}, [[route]] thứ {number}"
    if not isinstance(entry, dict):
        raise RoutesError(f"{where}: viết dưới dạng bảng [[route]].")
    try:
        route = RouteConfig.model_validate(entry)
    except ValidationError as error:
        raise RoutesError(explain(error, where)) from None
    filled = {
        key: _filled(value, f"{where} ({route.name}), options.{key}", known) for key, value in route.options.items()
    }
    return route.model_copy(update={"options": filled})


def _filled(value: Any, where: str, known: Mapping[str, str]) -> Any:
    """`value` with every `env:NAME` in it, also in tables within tables, replaced."""
    if isinstance(value, dict):
        return {key: _filled(inner, f"{where}.{key}", known) for key, inner in value.items()}
    if not (isinstance(value, str) and value.startswith("env:")):
        return value
    variable = value.removeprefix("env:")
    if variable not in known:
        raise RoutesError(f"{where}: chưa có biến môi trường {variable}; đặt biến này rồi chạy lại.")
    return known[variable]


def _check_names(routes: tuple[RouteConfig, ...], name: str) -> None:
    seen: set[str] = set()
    for route in routes:
        if route.name in seen:
            raise RoutesError(f"{name}: hai đường gửi cùng tên {route.name}; mỗi đường gửi cần một tên riêng.")
        seen.add(route.name)


# pydantic's kinds of mistakes, in the words of staff; what is in braces comes from the mistake's context.
_MISTAKES = {
    "missing": "chưa có; cần khai báo",
    "extra_forbidden": "khóa lạ; xem tài liệu của nhà cung cấp",
    "greater_than": "phải lớn hơn {gt}",
    "greater_than_equal": "phải từ {ge} trở lên",
    "less_than": "phải nhỏ hơn {lt}",
    "less_than_equal": "không được quá {le}",
    "finite_number": "phải là một số hữu hạn",
    "int_type": "phải là số nguyên",
    "int_parsing": "phải là số nguyên",
    "int_from_float": "phải là số nguyên",
    "float_type": "phải là số",
    "float_parsing": "phải là số",
    "bool_type": "phải là true hoặc false",
    "bool_parsing": "phải là true hoặc false",
    "string_type": "phải là chuỗi trong dấu nháy",
    "string_too_short": "cần ít nhất {min_length} ký tự",
    "string_too_long": "không được quá {max_length} ký tự",
    "string_pattern_mismatch": "có ký tự không được phép (mẫu: {pattern})",
    "too_short": "cần ít nhất {min_length} mục",
    "tuple_type": 'phải là danh sách trong ngoặc vuông, ví dụ ["..."]',
    "literal_error": "phải là một trong: {expected}",
    "enum": "phải là một trong: {expected}",
    "value_error": "{error}",
}


def explain(error: ValidationError, where: str) -> str:
    """A validation error as lines of `where: field: what`, without the values, which may be secret."""
    return "\n".join(f"{where}: {_field(e['loc'])}{_mistake(e)}" for e in error.errors(include_input=False))


def _field(place: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in place) + ": " if place else ""


def _mistake(told: Mapping[str, Any]) -> str:
    words = _MISTAKES.get(told["type"])
    return words.format_map(told.get("ctx", {})) if words else str(told["msg"])
