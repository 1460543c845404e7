"""What a route of an SMPP account may set, and the account that it makes."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, field_validator, model_validator

from providers.base import Options
from providers.smpp.alphabet import Alphabet
from providers.smpp.codes import STATUSES, Command, Kind
from providers.smpp.link import Account
from providers.smpp.parts import Concatenation
from providers.smpp.pdu import MAX_NAME, Bind
from providers.smpp.receipt import Dialect, IdForm
from providers.smpp.session import Terms

VERSIONS = {"3.4": 0x34, "5.0": 0x50}
Octet = Annotated[int, Field(ge=0, le=255)]
Name = Annotated[str, Field(max_length=MAX_NAME, pattern=r"^[ -~]*$")]


class SmppOptions(Options):
    """`[route.options]` of an SMPP route; each is explained in docs/providers/smpp.md. Times in seconds.

    `timeout` is the response timer: a message without an answer by then is uncertain.
    """

    host: str = Field(min_length=1, max_length=253)
    port: int = Field(default=2775, ge=1, le=65535)
    tls: bool = False
    tls_ca: Path | None = None
    system_id: Annotated[Name, Field(min_length=1)]
    password: SecretStr = Field(max_length=MAX_NAME)
    system_type: Name = ""
    version: Literal["3.4", "5.0"] = "3.4"
    bind: Literal["transceiver", "separate"] = "transceiver"
    binds: int = Field(default=1, ge=1, le=32)
    window: int = Field(default=10, ge=1, le=10_000)
    connect_timeout: float = Field(default=15, gt=0, le=120)
    enquire_link: float = Field(default=30, gt=0, le=3600)
    enquire_timeout: float = Field(default=10, gt=0, le=300)

    alphabet: Literal[Alphabet.GSM, Alphabet.LATIN1] = Alphabet.GSM
    gsm_data_coding: Octet = 0
    ucs2_data_coding: Octet = 8
    concatenation: Concatenation = Concatenation.UDH8

    service_type: Annotated[str, Field(max_length=5, pattern=r"^[ -~]*$")] = ""
    source_ton: Octet = 5
    source_npi: Octet = 0
    dest_ton: Octet = 1
    dest_npi: Octet = 1
    priority: int = Field(default=0, ge=0, le=3)
    validity_minutes: int | None = Field(default=None, ge=1, le=63 * 24 * 60)
    receipts: bool = True
    user_reference: bool = True

    id_in_answers: IdForm = IdForm.RAW
    id_in_receipts: IdForm = IdForm.RAW
    time_zone: str = "Asia/Ho_Chi_Minh"
    accepted_is_delivered: bool = False
    query: bool = False
    codes: Mapping[str, Kind] = Field(default_factory=dict)

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("không có múi giờ này; ví dụ đúng: Asia/Ho_Chi_Minh") from None
        return value

    @field_validator("codes")
    @classmethod
    def _numbers(cls, value: Mapping[str, Kind]) -> Mapping[str, Kind]:
        for code in value:
            try:
                number = int(code, 0)
            except ValueError:
                raise ValueError(f"“{code[:20]}” không phải mã số; viết như 0x0400 hoặc 1024") from None
            if not 0 < number <= 0xFFFFFFFF:
                raise ValueError(f"“{code[:20]}” ngoài khoảng 0x01 đến 0xFFFFFFFF")
        return value

    @model_validator(mode="after")
    def _agree(self) -> SmppOptions:
        if self.tls_ca is not None and not self.tls:
            raise ValueError("tls_ca chỉ có nghĩa khi tls = true")
        try:
            _tls(self)
        except (OSError, ssl.SSLError):
            raise ValueError(f"tls_ca: không đọc được chứng thư PEM trong {self.tls_ca}") from None
        return self


def account(options: SmppOptions) -> Account:
    """What the link needs to know."""
    told = {int(code, 0): kind for code, kind in options.codes.items()}
    return Account(
        host=options.host,
        port=options.port,
        terms=terms(options),
        connect_seconds=options.connect_timeout,
        tls=_tls(options),
        kinds={code: status.kind for code, status in STATUSES.items()} | told,
    )


def terms(options: SmppOptions) -> tuple[Terms, ...]:
    """One for each bind; a receiver has no window."""
    bind = Bind(
        options.system_id.encode(),
        options.password.get_secret_value().encode(),
        options.system_type.encode(),
        VERSIONS[options.version],
    )
    kinds = {
        "transceiver": ((Command.BIND_TRANSCEIVER, options.window),),
        "separate": ((Command.BIND_TRANSMITTER, options.window), (Command.BIND_RECEIVER, 0)),
    }[options.bind]
    return tuple(
        Terms(command, bind, window, options.timeout, options.enquire_link, options.enquire_timeout)
        for _ in range(options.binds)
        for command, window in kinds
    )


def dialect(options: SmppOptions) -> Dialect:
    """How the account's receipts are to be read."""
    return Dialect(options.id_in_receipts, ZoneInfo(options.time_zone), options.accepted_is_delivered)


def _tls(options: SmppOptions) -> ssl.SSLContext | None:
    return ssl.create_default_context(cafile=options.tls_ca) if options.tls else None
