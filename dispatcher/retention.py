"""What is kept for how long, by two clocks: one for what leads to a person, one for figures; and a person erased."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

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

Progress = Callable[[float, float], None]
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


async def run(
    pool: Pool, key: SigningKey, clock: Clocks, by: str, *, dry: bool, progress: Progress = lambda _done, _total: None
) -> Forgotten:
    """Let go of everything that is too old, a slice a transaction, or only see what that would be, undone at the end.

    What a run that was killed has left is found by the next one. Raises `RetentionError`.
    """
    await sealing.seal_all(pool, key)
    async with pool.connection() as connection, retention.alone(connection) as alone:
        if not alone:
            raise RetentionError("Đang có một lần xóa dữ liệu hết hạn khác chạy; đợi nó xong.")
        await accounts.require(connection, by, KEEPERS, "xóa dữ liệu hết hạn lưu")
        if dry:
            return await _Run(connection, key, clock, progress, _go_on).through()
        await audit.record(connection, by, "retention.begin", f"{clock.numbers:%Y-%m-%d}")
        done = await _Run(connection, key, clock, progress, connection.commit).through()
        await audit.record(connection, by, "retention.run", f"{clock.numbers:%Y-%m-%d}", **done.plain())
        await connection.commit()
        return done


async def _go_on() -> None:
    """What ends a slice of a dry run: nothing, so that all of it can be undone."""


@dataclass
class _Run:
    """A way through everything that is too old; after each slice it settles for what is done."""

    connection: Connection
    key: SigningKey
    clock: Clocks
    progress: Progress
    settle: Callable[[], Awaitable[None]]
    done: Forgotten = field(default_factory=Forgotten)
    over: int = 0
    total: int = 0

    async def through(self) -> Forgotten:
        await self._messages()
        await self._log()
        for slice_ in await retention.old_rosters(self.connection, self.clock.numbers):
            await retention.forget_members(self.connection, *slice_, self.done)
            await self.settle()
        await retention.forget_people(self.connection, self.clock.numbers, self.done)
        await self.settle()
        await retention.forget_figures(self.connection, self.clock.figures, self.done)
        return self.done

    async def _messages(self) -> None:
        waves = await retention.old_waves(self.connection, self.clock.numbers)
        self.done.waves, self.total = len(waves), sum(waves.values())
        if waves:  # before the first of them goes: nobody counts what is half gone
            await retention.keep_from(self.connection, self.clock.numbers)
        for wave, planned in waves.items():
            while await retention.forget_messages(self.connection, wave, self.done):
                await self._settled(self.over)
            self.over += planned
            await self._settled(self.over)

    async def _log(self) -> None:
        """The rows of whole seals, each slice with the order that it goes by."""
        before = await retention.seals_before(self.connection, self.clock.numbers)
        pruned = list(_ordered(await seals.prunings(self.connection), self.key))
        old = await retention.old_seals(self.connection, before, pruned)
        self.total += sum(old.values())
        for chosen in batched(old, retention.SEALS):
            await retention.prune(self.connection, chosen, self.done)
            order = Pruning(tuple(ranges(chosen)), before)
            signed = sealing.signed_statement(PRUNING, order.lines(), self.key)
            await retention.keep_order(self.connection, signed)
            self.over += sum(old[n] for n in chosen)
            await self._settled(self.over)

    async def _settled(self, over: int) -> None:
        await self.settle()
        self.progress(over, self.total)


def batched(numbers: Iterable[int], size: int) -> Iterator[list[int]]:
    """So many at a time."""
    left = iter(numbers)
    while some := list(islice(left, size)):
        yield some


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
