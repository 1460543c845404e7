"""One user's stay with the embedded servers of a folder: join, start what does not run, leave, stop what nobody uses."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from dispatcher.embedded import folders, postgres, valkey
from dispatcher.embedded.accounts import Account
from dispatcher.embedded.binaries import Binaries
from dispatcher.embedded.daemon import Daemon
from dispatcher.embedded.locks import exclusive, opened, same_file, taken
from dispatcher.embedded.passwords import Passwords, read_passwords, write_private
from dispatcher.embedded.processes import Process

UNKNOWN = Passwords(postgres="", processes="", valkey="")


@dataclass(frozen=True)
class Servers:
    """Where the two servers are; all URLs hold a password. `database_url` is that of the owner of the database."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    processes_url: str = field(repr=False)


class Session:
    """Called in this order: `starting` around `join` and `start`; later `starting` around `leave`."""

    def __init__(self, folder: Path, account: Account | None, binaries: Binaries, answer_seconds: float) -> None:
        self._folder = folder
        self._run = folder / "run"
        self._account = account
        self._binaries = binaries
        self._answer_seconds = answer_seconds
        self._held = ExitStack()
        self._users = -1
        self._sockets = folder
        self._daemons: tuple[Daemon, ...] = ()
        self._known: dict[str, Process] = {}

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Alone among the users of this folder. If it was deleted under us, nobody else can be meant any more."""
        if self._users != -1 and not self._intact():
            yield
            return
        # Whoever starts before us may use up its limit; stopping takes its time as well.
        with exclusive(self._run / "start.lock", 2 * self._answer_seconds + 60):
            yield

    def _intact(self) -> bool:
        return same_file(self._users, self._run / "users.lock")

    def join(self) -> None:
        self._users = self._hold(opened(self._run / "users.lock"))
        self._sockets = folders.short(self._folder)
        if self._sockets != self._folder:
            # Cleaners of temporary folders leave one alone that is locked (systemd-tmpfiles does).
            self._hold(os.open(self._sockets, os.O_RDONLY | os.O_DIRECTORY))

    def _hold(self, descriptor: int) -> int:
        self._held.callback(os.close, descriptor)
        taken(descriptor, fcntl.LOCK_SH)
        return descriptor

    def start(self) -> Servers:
        """Start what does not run, and wait until both answer. Raises `EmbeddedError`."""
        folders.private(self._folder / "valkey", self._account)
        passwords = read_passwords(self._run / "passwords.json")
        self._daemons = self._both(passwords or UNKNOWN)
        if passwords is None:
            self._stop()  # nobody can speak to them any more
        if passwords is None or not self._daemons[0].settled():
            passwords = self._prepare(passwords)
            self._daemons = self._both(passwords)
        for daemon in self._daemons:
            if not daemon.settled():
                daemon.launch()
        for daemon in self._daemons:
            self._known[daemon.title] = daemon.await_answer(self._answer_seconds)
        return self._publish(passwords)

    def _both(self, passwords: Passwords) -> tuple[Daemon, Daemon]:
        name, log = folders.marker(self._folder), self._folder / "log"
        common = (name, self._account, self._binaries)
        return (
            postgres.daemon(
                self._folder / "postgres", log / "postgres.log", *common, self._urls(passwords).database_url
            ),
            valkey.daemon(
                self._folder / "valkey", log / "valkey.log", *common, self._urls(passwords).redis_url, passwords.valkey
            ),
        )

    def _urls(self, passwords: Passwords) -> Servers:
        return Servers(
            postgres.url(self._sockets / "postgres", passwords.postgres),
            valkey.url(self._sockets / "valkey", passwords.valkey),
            postgres.url(self._sockets / "postgres", passwords.processes, postgres.PROCESSES),
        )

    def _prepare(self, passwords: Passwords | None) -> Passwords:
        log = self._folder / "log" / "postgres.log"
        old = (passwords.postgres, passwords.processes) if passwords else None
        owner, processes = postgres.prepare(self._folder / "postgres", log, self._account, self._binaries, old)
        new = Passwords(
            postgres=owner,
            processes=processes,
            valkey=passwords.valkey if passwords else secrets.token_urlsafe(24),
        )
        if new != passwords:
            write_private(self._run / "passwords.json", new.model_dump_json())
        return new

    def _publish(self, passwords: Passwords) -> Servers:
        servers = self._urls(passwords)
        write_private(self._run / "address.json", json.dumps(asdict(servers)))
        return servers

    def leave(self) -> None:
        """Stop the servers if nobody else uses them. Raises `EmbeddedError` when they cannot be stopped."""
        with self._held:
            if self._users != -1 and taken(self._users, fcntl.LOCK_EX):
                self._stop()
                (self._run / "address.json").unlink(missing_ok=True)
                self._unlink_shortcut()

    def _stop(self) -> None:
        intact = self._intact()
        with ExitStack() as both:  # one that cannot be stopped does not save the other
            for daemon in self._daemons:
                both.callback(_stop, daemon, self._known.get(daemon.title), intact)

    def _unlink_shortcut(self) -> None:
        if self._sockets != self._folder:
            with suppress(OSError):
                for link in self._sockets.iterdir():
                    link.unlink()
                self._sockets.rmdir()


def _stop(daemon: Daemon, known: Process | None, intact: bool) -> None:
    # In a folder that was deleted, and perhaps made anew by others, only those that we met ourselves are ours to stop.
    current = daemon.settled() if intact else None
    for target in (current, known):
        if target:
            daemon.stop(target, with_children=intact)
