"""What is kept for how long, by two clocks: one for what leads to a person, one for figures; and a person erased."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns import msisdn
from dispatcher import accounts, sealing
from dispatcher.accounts import KEEPERS
from dispatcher.errors import UserError
from dispatcher.keyring import Keyring
from dispatcher.signing import SigningKey
from dispatcher.store import audit, installation, retention, seals
from dispatcher.store.database import Connection, Pool
from dispatcher.store.retention import Erased, Forgotten
from dispatcher.verify_log import PRUNING, Pruning, Unusable, read_keys, read_pruning

MONTH = timedelta(days=365.25 / 12)
# Decree 91/2020, art. 9(9) and 11(7): refusals and their confirmations are kept for a year at least.
LEAST_MONTHS = 12


class RetentionError(UserError):
    """Data that may not be let go yet, or a request that says too little."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """Before these moments nothing is kept: what leads to a person; figures."""

    numbers: datetime
    figures: datetime


async def clocks(connection: Connection, numbers_months: int, figures_months: int) -> Clocks:
    """Where the two clocks stand now."""
    now = await installation.now(connection)
    return Clocks(now - numbers_months * MONTH, now - figures_months * MONTH)


async def earlier(connection: Connection, clock: Clocks, asked: datetime) -> Clocks:
    """The clocks with the first one set by hand. Raises `RetentionError` for a moment that is too near."""
    latest = await installation.now(connection) - LEAST_MONTHS * MONTH
    if asked > latest:
        raise RetentionError(f"Phải giữ ít nhất {LEAST_MONTHS} tháng; chọn ngày trước {latest:%d/%m/%Y}.")
    return Clocks(asked, min(clock.figures, asked))


async def run(pool: Pool, key: SigningKey, clock: Clocks, by: str, *, dry: bool) -> Forgotten:
    """Let go of everything that is too old, all in one transaction, or only see what that would be."""
    await sealing.seal_all(pool, key)
    async with pool.connection() as connection:
        await accounts.require(connection, by, KEEPERS, "xóa dữ liệu hết hạn lưu")
        done = await _forget(connection, key, clock)
        if dry:
            await connection.rollback()
        else:
            await audit.record(connection, by, "retention.run", f"{clock.numbers:%Y-%m-%d}", **done.plain())
    return done


async def _forget(connection: Connection, key: SigningKey, clock: Clocks) -> Forgotten:
    done = Forgotten()
    await retention.forget_messages(connection, clock.numbers, done)
    await _prune(connection, key, clock.numbers, done)
    await retention.forget_people(connection, clock.numbers, done)
    await retention.forget_figures(connection, clock.figures, done)
    if done.messages:
        await retention.keep_from(connection, clock.numbers)
    return done


async def _prune(connection: Connection, key: SigningKey, before: datetime, done: Forgotten) -> None:
    before = await retention.seals_before(connection, before)
    pruned = await retention.prune(connection, before, list(_ordered(await seals.prunings(connection), key)), done)
    if pruned:
        order = Pruning(tuple(ranges(pruned)), before)
        await retention.keep_order(connection, sealing.signed_statement(PRUNING, order.lines(), key))


def _ordered(orders: Iterable[str], key: SigningKey) -> Iterator[int]:
    """The seals that are empty already. An order that cannot be believed is none: `log verify` tells of it."""
    for text in orders:
        try:
            order = read_pruning(text, read_keys(key.public.written))
        except Unusable:
            continue
        for first, last in order.seals:
            yield from range(first, last + 1)


def ranges(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Rising numbers as first and last of each stretch without a gap."""
    first = last = None
    for number in numbers:
        if first is not None and last is not None and number != last + 1:
            yield first, last
            first = None
        first, last = number if first is None else first, number
    if first is not None and last is not None:
        yield first, last


async def erase(connection: Connection, keyring: Keyring, number: str, document: str, reason: str, by: str) -> Erased:
    """Forget a person for good, and never text them again. Raises `RetentionError`.

    What stays carries the keyed hash and no number: messages, the sealed log, the refusal.
    """
    await accounts.require(connection, by, KEEPERS, "xóa dữ liệu của một người")
    if not (document.strip() and reason.strip()):
        raise RetentionError("Cần ghi văn bản yêu cầu (--document) và lý do (--reason).")
    try:
        hashed = keyring.hash(msisdn.only(number))
    except ValueError as error:
        raise RetentionError(str(error)) from None
    erased = await retention.erase(connection, hashed)
    await retention.leave_alone(connection, hashed, f"Xóa dữ liệu theo yêu cầu {document.strip()}", by)
    detail = {"document": document.strip(), "reason": reason.strip(), "rosters": erased.members, "texts": erased.texts}
    await audit.record(connection, by, "person.erase", hashed.hex(), **detail)
    return erased
