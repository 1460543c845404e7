"""A statement of one number for a competent authority: asked for by one person, released by another, only our own messages."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from campaigns import msisdn
from campaigns.calendar import VIETNAM
from campaigns.obligations import Office
from dispatcher import accounts, extracts, sealing
from dispatcher.accounts import RELEASERS, STATEMENT_CLERKS
from dispatcher.errors import UserError
from dispatcher.keyring import Keyring
from dispatcher.reports import letter
from dispatcher.reports.letter import Statement
from dispatcher.signing import SigningKey
from dispatcher.store import audit, installation, retention, statements
from dispatcher.store.database import Connection, Pool
from dispatcher.store.statements import Request

LONGEST = timedelta(days=5 * 366)


class StatementError(UserError):
    """A request that says too little, or a release by the wrong person."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the authority's letter says. `number` as it is written there."""

    number: str
    starts: date
    ends: date
    authority: str
    document: str
    document_date: date
    basis: str


@dataclass(frozen=True, slots=True)
class Released:
    """The papers, and the checkpoint and the public key that others check them by."""

    document: bytes
    printed: bytes
    extract: str
    checkpoint: str
    public_key: str
    messages: int
    unproved: tuple[str, ...]

    def contents(self) -> tuple[bytes, ...]:
        """The papers as files: letter, printed letter, extract, checkpoint, key."""
        return self.document, self.printed, self.extract.encode(), self.checkpoint.encode(), self.public_key.encode()


@dataclass(frozen=True, slots=True)
class Means:
    """What a release needs: our keys, who issues the letter, the extract's file name, and what puts the papers down."""

    keyring: Keyring
    key: SigningKey
    office: Office | None
    extract_name: str
    write: Callable[[Released], None]


async def ask(connection: Connection, keyring: Keyring, asked: Asked, by: str) -> int:
    """Enter a request; answers its number. Raises `StatementError`."""
    await accounts.require(connection, by, STATEMENT_CLERKS, "lập yêu cầu bảng kê")
    _check(asked, (await installation.now(connection)).astimezone(VIETNAM).date())
    hashed = _hash(keyring, asked.number)
    request = Request(
        0, hashed, asked.starts, asked.ends, asked.authority.strip(), asked.document.strip(), asked.document_date,
        asked.basis.strip(), by, await installation.now(connection), None, None,
    )  # fmt: skip
    number = await statements.ask(connection, request)
    detail = {
        "document": request.document,
        "authority": request.authority,
        "from": str(asked.starts),
        "to": str(asked.ends),
    }
    await audit.record(connection, by, "statement.ask", str(number), **detail)
    return number


def _check(asked: Asked, today: date) -> None:
    if not all(written.strip() for written in (asked.authority, asked.document, asked.basis)):
        raise StatementError("Cần ghi đủ cơ quan yêu cầu, số văn bản và căn cứ pháp luật.")
    if not asked.starts <= asked.ends <= today or asked.ends - asked.starts > LONGEST:
        raise StatementError(
            "Khoảng thời gian không đúng: từ ngày trước đến ngày sau, không quá hôm nay, nhiều nhất 5 năm."
        )
    if asked.document_date > today:
        raise StatementError("Ngày của văn bản yêu cầu ở sau hôm nay.")


def _hash(keyring: Keyring, written: str) -> bytes:
    try:
        return keyring.hash(msisdn.only(written))
    except ValueError as error:
        raise StatementError(str(error)) from None


async def release(pool: Pool, means: Means, number: int, written: str, by: str) -> Released:
    """Make the papers of a request, the number typed once more from the letter. Raises `StatementError`.

    Whoever releases is another person than who asked. Everything is sealed first, so that every row has its proof; and
    the papers are written before the release is recorded: what cannot be written was not handed out.
    """
    if means.office is None:
        raise StatementError("reports.toml chưa khai báo cơ quan ban hành (bảng [[office]]).")
    await sealing.seal_all(pool, means.key)
    checkpoint = await sealing.checkpoint(pool, means.key)
    async with pool.connection() as connection:
        request = await _releasable(connection, means.keyring, number, written, by)
        statement, extract = await _gathered(connection, means, request, msisdn.only(written))
        document = letter.render(statement, means.office)
        printed = await asyncio.to_thread(letter.printed, statement, means.office)
        sums = {"document": _sha256(document), "extract": statement.extract_sha256}
        await statements.release(connection, number, by, *sums.values())
        sums["printed"] = _sha256(printed)
        await audit.record(connection, by, "statement.release", str(number), messages=len(statement.sent), **sums)
        gaps, public = tuple(statement.unproved), means.key.public.written
        made = Released(document, printed, extract, checkpoint or "", public, len(statement.sent), gaps)
        await asyncio.to_thread(means.write, made)
    return made


async def _releasable(connection: Connection, keyring: Keyring, number: int, written: str, by: str) -> Request:
    await accounts.require(connection, by, RELEASERS, "cho xuất bảng kê")
    request = await statements.find(connection, number)
    if request is None:
        raise StatementError(f"Không có yêu cầu bảng kê số {number}. Xem: dispatcher statement list")
    if request.released_at:
        raise StatementError(
            f"Yêu cầu số {number} đã xuất rồi, do {request.released_by}. Cần bản nữa thì lập yêu cầu mới."
        )
    if request.asked_by.casefold() == by.casefold():
        raise StatementError("Người cho xuất phải khác người lập yêu cầu.")
    if request.msisdn_hash != _hash(keyring, written):
        raise StatementError("Số vừa nhập khác số trong yêu cầu; đọc lại văn bản yêu cầu.")
    kept = await retention.kept_from(connection)
    if kept and _bounds(request)[0] < kept:
        raise StatementError(
            f"Tin trước ngày {kept.astimezone(VIETNAM):%d/%m/%Y} đã hết hạn lưu, không lập bảng kê được."
        )
    return request


async def _gathered(connection: Connection, means: Means, request: Request, number: str) -> tuple[Statement, str]:
    sent = await statements.sent(connection, request.msisdn_hash, *_bounds(request))
    now = await installation.now(connection)
    about = {
        "authority": request.authority,
        "document": request.document,
        "document_date": request.document_date.isoformat(),
        "from": request.starts.isoformat(),
        "to": request.ends.isoformat(),
        "msisdn": number,
        "made_at": now.isoformat(),
    }
    extract, unproved = await extracts.extract(connection, means.key, about, sent, request.msisdn_hash)
    return Statement(request, number, sent, now, means.extract_name, _sha256(extract.encode()), unproved), extract


def _bounds(request: Request) -> tuple[datetime, datetime]:
    """The first moment, and the first one after, Viet Nam time."""
    after = request.ends + timedelta(days=1)
    return datetime.combine(request.starts, time(), VIETNAM), datetime.combine(after, time(), VIETNAM)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
