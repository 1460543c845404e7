"""The embedded servers of one folder: whoever comes first starts them, whoever leaves last stops them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from dispatcher.embedded import folders
from dispatcher.embedded.accounts import server_account
from dispatcher.embedded.binaries import PLACES, for_everybody, from_wheels
from dispatcher.embedded.errors import EmbeddedError
from dispatcher.embedded.session import Servers, Session

__all__ = ["Embedded", "EmbeddedError", "Servers"]

ANSWER_SECONDS = 120.0  # PostgreSQL may first have to recover up to `max_wal_size` of changes


class Embedded:
    """PostgreSQL and Valkey on the data in `folder`, for as long as anybody uses them.

        with Embedded(Path("var")) as servers:
            ...

    Any number of processes, and of objects in one process, may be inside at a time. Every user holds a shared lock on
    `run/users.lock`; starting and leaving happen under an exclusive lock on `run/start.lock`; who leaves and can turn the
    shared lock into an exclusive one was last, and stops the servers. The kernel frees the locks of the killed, so nothing
    is counted that could be counted wrong; servers left over by a kill are joined by the next user, and stopped by the last.

    `user` is who the servers run as when we are root (default: the owner of the data, then
    `postgres`, then `nobody`); `answer_seconds` is how long a server may take to answer.
    """

    def __init__(
        self,
        folder: Path,
        *,
        user: str | None = None,
        answer_seconds: float = ANSWER_SECONDS,
        places: Sequence[Path] = PLACES,
    ) -> None:
        self._given = folder
        self._user = user
        self._answer_seconds = answer_seconds
        self._places = places
        self._session: Session | None = None

    def __enter__(self) -> Servers:
        """Raises `EmbeddedError`, with nothing left running that was not running before."""
        if self._session:
            raise RuntimeError("an Embedded is entered once at a time; make a second one")
        with _explained(self._given):
            session = self._open()
            with session.starting():
                session.join()
                try:
                    servers = session.start()
                except BaseException:
                    session.leave()
                    raise
        self._session = session
        return servers

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session:
            with _explained(self._given), session.starting():
                session.leave()

    def _open(self) -> Session:
        folder = folders.root(self._given)
        for name in ("run", "log"):
            folders.private(folder / name)
        account = server_account(folder / "postgres", self._user)
        wheels = from_wheels()
        binaries = for_everybody(wheels, self._places) if account else wheels
        return Session(folder, account, binaries, self._answer_seconds)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EmbeddedError(f"Không dùng được máy chủ dữ liệu nhúng ở {folder}: {error}") from error
