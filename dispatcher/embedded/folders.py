"""The folders of the embedded servers: made private, checked before use, and never changed if others made them."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from dispatcher.embedded.accounts import Account
from dispatcher.embedded.errors import EmbeddedError

SOCKET_NAME = ".s.PGSQL.5432"
# sun_path: 108 bytes on Linux, 104 on macOS, a closing zero included.
SOCKET_PATH_BYTES = 103


def marker(folder: Path) -> str:
    """A short name for `folder`, found again among the words that its servers were started with."""
    return f"dispatcher-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]}"


def private(folder: Path, account: Account | None = None) -> Path:
    """`folder`, made with mode 700 for `account` (else for us). Raises `EmbeddedError` when it is not private."""
    uid = account.uid if account else os.geteuid()
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        _check_private(folder, uid)
        return folder
    if account:
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    return folder


def _check_private(folder: Path, uid: int) -> None:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise EmbeddedError(
            f"{folder} phải là một thư mục thật (không phải tệp hay liên kết); hãy xóa nó rồi chạy lại."
        )
    if found.st_uid != uid:
        raise EmbeddedError(
            f"{folder} thuộc về người dùng số {found.st_uid}, cần là {uid}. Hãy chạy lại bằng đúng tài khoản đó."
        )
    if found.st_mode & 0o077:
        raise EmbeddedError(f"{folder} đang mở cho người dùng khác; hãy chạy: chmod 700 {folder}")


def root(folder: Path) -> Path:
    """The folder of an installation, resolved, made with mode 700 if need be. Raises `EmbeddedError` if it is another's."""
    folder = folder.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        owner = folder.stat().st_uid
        # As root in a folder that somebody else can rearrange, every path could be turned against us.
        if owner != os.geteuid():
            raise EmbeddedError(
                f"Thư mục {folder} thuộc về người dùng số {owner}, còn chương trình chạy bằng người dùng số {os.geteuid()}."
                " Hãy chạy lại bằng đúng tài khoản đó, hoặc đặt DISPATCHER_FOLDER sang thư mục khác."
            ) from None
    return folder.resolve()


def short(folder: Path) -> Path:
    """`folder`, or a private folder with a short name whose links lead into it, where socket paths would be too long.

    The servers bind in their own working directory, so only clients need the short way.
    """
    if _fits(folder):
        return folder
    for parent in dict.fromkeys((tempfile.gettempdir(), "/tmp")):  # noqa: S108  checked by `private` before use
        shortcut = Path(parent) / f"{marker(folder)}-{os.geteuid()}"
        if _fits(shortcut):
            private(shortcut)
            for name in ("postgres", "valkey"):
                _link(shortcut / name, folder / name)
            return shortcut
    raise EmbeddedError(f"Đường dẫn {folder} quá dài cho ổ cắm Unix; đặt DISPATCHER_FOLDER hoặc TMPDIR ngắn hơn.")


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / "postgres" / SOCKET_NAME)) <= SOCKET_PATH_BYTES


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(target)
