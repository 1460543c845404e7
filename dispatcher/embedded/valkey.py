"""Embedded Valkey: an append-only file in its folder, served on a Unix socket beside it."""

from __future__ import annotations

from pathlib import Path
from signal import SIGKILL, SIGTERM
from urllib.parse import quote

import redis

from dispatcher.embedded.accounts import Account
from dispatcher.embedded.binaries import Binaries
from dispatcher.embedded.daemon import Daemon

SOCKET_NAME = "valkey.sock"
ANSWER_SECONDS = 1

# Paths are relative to the working directory, so that the user of the server need not reach it from the root.
CONFIGURATION = """\
port 0
unixsocket {socket}
unixsocketperm 700
dir .
pidfile valkey.pid
daemonize no
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
proc-title-template "{{title}} {marker}"
requirepass {password}
"""


def url(sockets: Path, password: str) -> str:
    """The connection URL (redis-py's form) for the socket in the folder `sockets`."""
    return f"unix://:{quote(password, safe='')}@{quote(str(sockets / SOCKET_NAME))}?db=0"


def daemon(
    folder: Path, log: Path, marker: str, account: Account | None, binaries: Binaries, redis_url: str, password: str
) -> Daemon:
    """The server on the data in `folder`; `redis_url` leads to its socket."""
    return Daemon(
        title="Valkey",
        program=binaries.valkey,
        # Read from stdin: the password shows neither in the list of processes nor in a file.
        arguments=("-",),
        folder=folder,
        pid_file="valkey.pid",
        log=log,
        marker=marker,
        account=account,
        stopping=((SIGTERM, 30), (SIGKILL, 10)),
        answers=lambda: _answers(redis_url),
        configuration=CONFIGURATION.format(socket=SOCKET_NAME, marker=marker, password=password).encode(),
    )


def _answers(redis_url: str) -> str | None:
    try:
        with redis.Redis.from_url(
            redis_url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS
        ) as client:
            client.ping()
    except redis.RedisError as error:
        return str(error)
    return None
