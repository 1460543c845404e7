"""Programs elsewhere are told what happens, signed as Standard Webhooks says (https://www.standardwebhooks.com, v1)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit
from uuid import UUID

import aiohttp
import psycopg
import structlog

from dispatcher import ending
from dispatcher.errors import UserError
from dispatcher.keyring import Keyring
from dispatcher.settings import Settings
from dispatcher.store import audit, webhooks
from dispatcher.store.database import Connection, Pool
from dispatcher.store.webhooks import Due

log = structlog.get_logger()

KINDS = ("campaign", "wave", "upload")
PREFIX = "whsec_"
SECRET_BYTES = 32
LONGEST_URL = 500
PASS_SECONDS = 1.0
FORGET_SECONDS = 3600.0
TIMEOUT = aiohttp.ClientTimeout(total=15)
# After how many seconds each further try follows: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h, then it is given up.
WAITS = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class WebhookError(UserError):
    """A webhook cannot be as asked."""


async def add(
    connection: Connection, keyring: Keyring, settings: Settings, url: str, kinds: list[str], by: str
) -> tuple[int, str]:
    """Tell the program at that address what happens; answers its number and the secret, which is shown once.

    Raises `WebhookError`.
    """
    _check(settings, url)
    wanted = sorted(set(kinds))
    if not wanted or not set(wanted) <= set(KINDS):
        raise WebhookError(f"Các loại sự kiện: {', '.join(KINDS)}.")
    raw = secrets.token_bytes(SECRET_BYTES)
    id_ = await webhooks.next_id(connection)
    cipher = keyring.encrypt(base64.b64encode(raw).decode(), _bound(id_))
    await webhooks.add(connection, id_, url, (cipher, keyring.current), wanted, by)
    await audit.record(connection, by, "webhook.add", str(id_), url=url, kinds=wanted)
    return id_, PREFIX + base64.b64encode(raw).decode()


async def end(connection: Connection, id_: int, by: str) -> None:
    """Tell it nothing any more. Raises `WebhookError`."""
    if not await webhooks.end(connection, id_):
        raise WebhookError(f"Không có webhook {id_}.")
    await audit.record(connection, by, "webhook.end", str(id_))


async def renew(connection: Connection, keyring: Keyring) -> None:
    """Encrypt the secrets that stand under other keys with the current one."""
    for id_, cipher, key_id in await webhooks.secrets(connection):
        if key_id in keyring.ciphers and key_id != keyring.current:
            secret = keyring.decrypt(cipher, _bound(id_), key_id)
            await webhooks.move_secret(connection, id_, keyring.encrypt(secret, _bound(id_)), keyring.current)


def _check(settings: Settings, url: str) -> None:
    """Only hosts that whoever runs the installation has named: an address given here must not open what lies inside."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise WebhookError("Địa chỉ webhook không đọc được.") from None
    allowed = {name.strip().casefold() for name in settings.webhook_hosts.split(",") if name.strip()}
    if len(url) > LONGEST_URL or not url.isprintable() or parts.username or parts.password:
        raise WebhookError("Địa chỉ webhook không dùng được.")
    if host.casefold() not in allowed:
        raise WebhookError(
            f"Máy chủ {host or url} chưa được phép nhận. Người quản trị thêm vào DISPATCHER_WEBHOOK_HOSTS."
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK):
        raise WebhookError("Địa chỉ webhook phải bắt đầu bằng https://")


def _bound(id_: int) -> bytes:
    return f"webhook/{id_}".encode()


def signature(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`."""
    signed = hmac.digest(secret, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(signed).decode()}"


def message_id(delivery: UUID) -> str:
    return f"msg_{delivery.hex}"


@asynccontextmanager
async def telling(pool: Pool, keyring: Keyring, settings: Settings, may: Callable[[], bool]) -> AsyncIterator[None]:
    """Tell in the background."""
    task = asyncio.create_task(run(pool, keyring, settings, may))
    try:
        yield
    finally:
        await ending.end(task)


async def run(pool: Pool, keyring: Keyring, settings: Settings, may: Callable[[], bool]) -> None:
    """Tell what is due until cancelled, while `may` says so."""
    forget_at = time.monotonic()
    async with aiohttp.ClientSession(timeout=TIMEOUT) as web:
        while True:
            await asyncio.sleep(PASS_SECONDS)
            try:
                if not may():
                    continue
                await tell_due(pool, keyring, settings, web)
                if time.monotonic() >= forget_at:
                    forget_at = time.monotonic() + FORGET_SECONDS
                    async with pool.connection() as connection:
                        await webhooks.forget(connection)
            except psycopg.OperationalError as error:
                log.warning("webhooks.database_gone", error=str(error))
            except Exception:
                log.exception("webhooks.failed")


async def tell_due(pool: Pool, keyring: Keyring, settings: Settings, web: aiohttp.ClientSession) -> int:
    """Tell each event whose time has come; answers how many."""
    async with pool.connection() as connection:
        found = await webhooks.take(connection)
    await asyncio.gather(*(_tell(pool, keyring, settings, web, due) for due in found))
    return len(found)


async def _tell(pool: Pool, keyring: Keyring, settings: Settings, web: aiohttp.ClientSession, due: Due) -> None:
    status, error = None, None
    try:
        _check(settings, due.url)
        status = await _send(keyring, web, due)
        error = None if 200 <= status < 300 else f"HTTP {status}"
    except WebhookError as refused:
        error = str(refused)
    except (aiohttp.ClientError, TimeoutError, OSError) as failed:
        error = type(failed).__name__
    if error:
        log.warning("webhook.not_delivered", webhook=due.webhook_id, tries=due.tries, error=error)
    again = WAITS[due.tries - 1] if error and due.tries <= len(WAITS) else None
    async with pool.connection() as connection:
        await webhooks.told(connection, due, status, error, again)


async def _send(keyring: Keyring, web: aiohttp.ClientSession, due: Due) -> int:
    told = {"type": due.kind, "timestamp": due.at.isoformat(), "data": due.data}
    body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    secret = base64.b64decode(keyring.decrypt(due.secret_cipher, _bound(due.webhook_id), due.secret_key_id))
    now, id_ = int(time.time()), message_id(due.id)
    headers = {
        "content-type": "application/json",
        "webhook-id": id_,
        "webhook-timestamp": str(now),
        "webhook-signature": signature(secret, id_, now, body),
    }
    async with web.post(due.url, data=body, headers=headers, allow_redirects=False) as answer:
        return answer.status
