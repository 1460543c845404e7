"""Where the database and Valkey are: given by the settings, or embedded under the folder and started if need be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dispatcher.embedded import Embedded, EmbeddedError
from dispatcher.errors import UserError
from dispatcher.runtime import Addresses
from dispatcher.settings import Settings
from dispatcher.store.database import check_migrated, migrate


@contextmanager
def reach(settings: Settings) -> Iterator[Addresses]:
    """The addresses, good while inside. Embedded servers are brought up to date; foreign ones only checked."""
    if settings.database_url and settings.redis_url:
        database_url, redis_url = settings.database_url.get_secret_value(), settings.redis_url.get_secret_value()
        check_migrated(database_url)
        yield Addresses(database_url, redis_url, settings.owner)
    elif settings.database_url or settings.redis_url:
        raise UserError("Đặt cả DISPATCHER_DATABASE_URL và DISPATCHER_REDIS_URL, hoặc không đặt cái nào.")
    else:
        with _embedded(settings) as addresses:
            yield addresses


@contextmanager
def _embedded(settings: Settings) -> Iterator[Addresses]:
    servers = Embedded(settings.folder, user=settings.embedded_user)
    try:
        started = servers.__enter__()
    except EmbeddedError as error:
        raise UserError(f"Không khởi động được máy chủ nhúng trong {settings.folder}:\n{error}") from None
    try:
        migrate(started.database_url, started.processes_url)
        yield Addresses(started.processes_url, started.redis_url, started.database_url)
    finally:
        servers.__exit__(None, None, None)
