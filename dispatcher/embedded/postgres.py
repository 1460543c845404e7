"""Embedded PostgreSQL: a data folder is made whole or not at all, then served on a Unix socket inside it."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGQUIT
from urllib.parse import quote

import psycopg

from dispatcher.embedded.accounts import Account
from dispatcher.embedded.binaries import POSTGRES_MAJOR, Binaries
from dispatcher.embedded.daemon import Daemon, open_log, surroundings
from dispatcher.embedded.errors import failed
from dispatcher.embedded.folders import SOCKET_NAME
from dispatcher.embedded.processes import PROC

NAME = "dispatcher"
# Who the processes are: not the owner of the tables, so that the database itself holds them to what they may do.
PROCESSES = "dispatcher_processes"
PORT = int(SOCKET_NAME.rpartition(".")[2])
CONNECT_SECONDS = 2
STAGING_PREFIX = "postgres.new-"
INIT_SECONDS = 120

# Written once into postgresql.conf: for a small machine, durable; the operator may change them there.
TUNING = {
    "max_connections": "100",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "min_wal_size": "256MB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "random_page_cost": "1.1",
    "jit": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# Given at every start: what our own safety rests on. Terse, because details of errors quote the data of rows.
FIXED = {
    "listen_addresses": "",
    "unix_socket_directories": ".",
    "unix_socket_permissions": "0700",
    "port": str(PORT),
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}
ROLE = (f"CREATE ROLE {NAME} LOGIN CREATEDB", f"CREATE DATABASE {NAME} OWNER {NAME}")
# Data of an earlier version has no such role.
ROLE_OF_PROCESSES = (
    f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{PROCESSES}')"
    f" THEN CREATE ROLE {PROCESSES} LOGIN; END IF; END $$"
)


def url(sockets: Path, password: str, role: str = NAME) -> str:
    """The connection URL (libpq's form) for the socket in the folder `sockets`."""
    return f"postgresql://{role}:{quote(password, safe='')}@/{NAME}?host={quote(str(sockets), safe='')}&port={PORT}"


def daemon(
    folder: Path, log: Path, marker: str, account: Account | None, binaries: Binaries, database_url: str
) -> Daemon:
    """The server on the data in `folder`."""
    return Daemon(
        title="PostgreSQL",
        program=binaries.postgres,
        arguments=("-D", _location(folder, account), *_options(FIXED | {"cluster_name": marker})),
        folder=folder,
        pid_file="postmaster.pid",
        log=log,
        marker=marker,
        account=account,
        # Fast (asks clients to leave, writes a checkpoint), then immediate (recovers at the next start).
        stopping=((SIGINT, 60), (SIGQUIT, 10), (SIGKILL, 10)),
        answers=lambda: _answers(database_url),
        lock_files=(f"{SOCKET_NAME}.lock",),
    )


def _location(folder: Path, account: Account | None) -> str:
    # A user who may not walk through a parent of the data still reaches the folder that it was started in.
    return str(PROC / "self" / "cwd") if account else str(folder)


def _options(settings: dict[str, str]) -> tuple[str, ...]:
    return tuple(word for name, value in settings.items() for word in ("-c", f"{name}={value}"))


def _answers(database_url: str) -> str | None:
    try:
        with psycopg.connect(database_url, connect_timeout=CONNECT_SECONDS) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error as error:
        return str(error).strip()
    return None


def prepare(
    folder: Path, log: Path, account: Account | None, binaries: Binaries, passwords: tuple[str, str] | None
) -> tuple[str, str]:
    """Make the data folder if there is none; returns the passwords of owner and processes, new ones where there were none.

    Everything is done in a sibling folder, renamed when whole. Raises `EmbeddedError`.
    """
    _sweep(folder)
    if _is_made(folder, log):
        return passwords or _with_passwords(folder, log, account, binaries)
    staging = Path(tempfile.mkdtemp(prefix=STAGING_PREFIX, dir=folder.parent))
    if account:
        os.chown(staging, account.uid, account.gid)
    _initialise(staging, log, account, binaries)
    _single(staging, ROLE, log, account, binaries)
    passwords = _with_passwords(staging, log, account, binaries)
    staging.rename(folder)  # over an empty folder too
    return passwords


def _sweep(folder: Path) -> None:
    # What an interrupted run left; should its initdb still be at work, it fails for lack of a folder.
    for leftover in folder.parent.glob(f"{STAGING_PREFIX}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _is_made(folder: Path, log: Path) -> bool:
    try:
        version = (folder / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        if folder.exists() and any(folder.iterdir()):
            raise failed(
                f"{folder} có tệp nhưng không phải dữ liệu PostgreSQL; hãy chuyển nó đi nơi khác rồi chạy lại.", log
            ) from None
        return False
    if version != str(POSTGRES_MAJOR):
        raise failed(f"Dữ liệu ở {folder} là của PostgreSQL {version}, chương trình này dùng {POSTGRES_MAJOR}.", log)
    return True


def _initialise(folder: Path, log: Path, account: Account | None, binaries: Binaries) -> None:
    command = [
        str(binaries.initdb), "-D", _location(folder, account), "--username=postgres", "--pwfile=/dev/stdin",
        "--auth-host=scram-sha-256", "--auth-local=scram-sha-256", "--encoding=UTF8", "--locale=C",
        "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--data-checksums", *_options(TUNING),
    ]  # fmt: skip
    # Nobody keeps the superuser's password: who needs him has the single-user mode.
    _run(command, f"{secrets.token_urlsafe(24)}\n", "initdb", folder, log, account)


def _with_passwords(folder: Path, log: Path, account: Account | None, binaries: Binaries) -> tuple[str, str]:
    owner, processes = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    settings = (f"ALTER ROLE {NAME} PASSWORD '{owner}'", f"ALTER ROLE {PROCESSES} PASSWORD '{processes}'")
    _single(folder, (ROLE_OF_PROCESSES, *settings), log, account, binaries)
    return owner, processes


def _single(folder: Path, statements: tuple[str, ...], log: Path, account: Account | None, binaries: Binaries) -> None:
    """Run statements (one line each) without a server, which also asks for no password."""
    settings = {"exit_on_error": "on", "log_min_error_statement": "panic", "log_checkpoints": "off"}
    command = [str(binaries.postgres), "--single", "-D", _location(folder, account), *_options(settings), "postgres"]
    _run(command, "".join(f"{statement}\n" for statement in statements), "postgres --single", folder, log, account)


def _run(command: list[str], text: str, title: str, folder: Path, log: Path, account: Account | None) -> None:
    with tempfile.TemporaryFile() as stdin, open_log(log) as output:
        stdin.write(text.encode())
        stdin.seek(0)
        if account:  # /dev/stdin is opened anew, by the user that we dropped to
            os.fchown(stdin.fileno(), account.uid, account.gid)
        try:
            subprocess.run(  # noqa: S603  our own program and words
                command, stdin=stdin, stdout=output, stderr=output, check=True, timeout=INIT_SECONDS, start_new_session=True,
                **surroundings(folder, account),
            )  # fmt: skip
        except subprocess.SubprocessError as error:
            raise failed(f"Không tạo được dữ liệu PostgreSQL ở {folder}: {title} thất bại ({error}).", log) from None
