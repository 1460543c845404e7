"""Which user the servers run as: PostgreSQL refuses to be root, so root drops to a user that already exists."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from dispatcher.embedded.errors import EmbeddedError
from dispatcher.embedded.processes import PROC

# A dedicated user is better than `nobody`, whom other services may share: it comes first where it exists.
PREFERRED = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """A user that already exists on this machine."""

    name: str
    uid: int
    gid: int


def server_account(data: Path, wanted: str | None) -> Account | None:
    """The user for the servers, None for "as we are". Data that exists decides; then `wanted`; then the first that exists.

    Raises `EmbeddedError` when no such user can be had.
    """
    if os.geteuid() != 0:
        return None
    if not (PROC / "self" / "cwd").exists():
        raise EmbeddedError(
            "Hệ thống này không có /proc nên không thể chạy PostgreSQL nhúng bằng quyền root."
            " Hãy chạy lại bằng một tài khoản thường."
        )
    account = _owner(data) or _first(wanted)
    if wanted and account.name != wanted:
        raise EmbeddedError(
            f"Dữ liệu ở {data} thuộc về người dùng {account.name}, không phải {wanted}."
            f" Đặt DISPATCHER_EMBEDDED_USER={account.name} hoặc bỏ biến này."
        )
    return account


def _owner(data: Path) -> Account | None:
    try:
        uid, gid = data.lstat().st_uid, data.lstat().st_gid
    except FileNotFoundError:
        return None
    if uid == 0:
        return None
    try:
        return Account(pwd.getpwuid(uid).pw_name, uid, gid)
    except KeyError:
        return Account(str(uid), uid, gid)


def _first(wanted: str | None) -> Account:
    for name in (wanted,) if wanted else PREFERRED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name, entry.pw_uid, entry.pw_gid)
    tried = wanted or ", ".join(PREFERRED)
    raise EmbeddedError(
        f"Cần một người dùng không phải root để chạy PostgreSQL, nhưng không dùng được: {tried}."
        " Đặt DISPATCHER_EMBEDDED_USER là tên một người dùng có sẵn, hoặc chạy lại bằng tài khoản thường."
    )
