"""What the routes of HTTP carriers set alike: where the carrier is, and where it reaches us."""

from __future__ import annotations

import datetime
import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from providers.base import Hours, Options

INSECURE = (
    "phải là địa chỉ bắt đầu bằng https:// (http:// chỉ dùng cho chính máy này, ví dụ 127.0.0.1, hoặc khi đã đi qua VPN"
    " hay kênh riêng và ghi plain_http = true)"
)


def _in_order(hours: tuple[datetime.time, datetime.time]) -> tuple[datetime.time, datetime.time]:
    if hours[0] >= hours[1]:
        raise ValueError('gồm giờ bắt đầu và giờ kết thúc, ví dụ ["07:00", "21:30"]')
    return hours


OpenHours = Annotated[
    Annotated[tuple[datetime.time, datetime.time], AfterValidator(_in_order)] | None, Field(strict=False)
]


class HttpOptions(Options):
    """`callback_base`: our public address, the dispatcher adds path and token.

    `plain_http`: the way to the carrier is a private line or VPN, so that keys may travel without TLS. `hours`: when the
    carrier takes messages, Viet Nam's time.
    """

    plain_http: bool = False
    base_url: str
    callback_base: str | None = None
    hours: OpenHours = None

    @field_validator("base_url")
    @classmethod
    def _safe_address(cls, value: str, info: ValidationInfo) -> str:
        """Keys travel in the call."""
        if not safe(value, plain=bool(info.data.get("plain_http"))):
            raise ValueError(INSECURE)
        return value.rstrip("/") + "/"

    @property
    def open_hours(self) -> Hours | None:
        """`hours` as a capability."""
        return Hours(*self.hours) if self.hours else None


def safe(address: str, *, plain: bool) -> bool:
    """Whether keys may be sent there: by https, or by http to this machine, or anywhere where `plain` http is allowed."""
    parts = urlsplit(address)
    if parts.scheme == "https":
        return bool(parts.hostname)
    return parts.scheme == "http" and bool(parts.hostname) and (plain or loopback(parts.hostname))


def loopback(host: str | None) -> bool:
    """Whether a host is this machine, without asking a name server."""
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
