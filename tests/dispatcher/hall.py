"""The everyday acts of a hall in one process, for tests: real database, real Valkey, real sockets to a pretend carrier."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from campaigns import definition, schedule
from campaigns.campaign import Campaign
from dispatcher import approval, clock, control, expansion, importing, sending
from dispatcher.approval import Approved
from dispatcher.control import View
from dispatcher.importing import Imported, Order
from dispatcher.lifecycle import Act
from dispatcher.review import Office
from dispatcher.runtime import Runtime
from dispatcher.settings import RouteConfig
from dispatcher.store import batches, campaigns, installation, messages
from providers.sandbox import PretendCarrier

SENDER = "CA LANGSON"
EDITION = "drug_prevention_june-2026"
AUTHOR, APPROVER = "Nguyễn An", "Trần Bình"
# Wave -> the communes its text is for: `launch` says the same to everybody, `disguised` names the commune.
LAUNCH, DISGUISED, NATIONAL_DAY = "launch", "disguised", "national-day"


def numbers(count: int, prefix: str = "096") -> list[str]:
    """That many different mobile numbers, as staff write them."""
    return [f"{prefix}{i:07d}" for i in range(1, count + 1)]


def june(*slugs: str, audience: str | None = "people") -> Campaign:
    """The June campaign of the library with these waves only (default: `launch`)."""
    whole = definition.load(definition.library_path("drug_prevention_june"), year=2026)
    waves = tuple(wave for wave in whole.waves if wave.slug in (slugs or (LAUNCH,)))
    return whole.model_copy(update={"audience": audience, "waves": waves})


@dataclass
class Hall:
    runtime: Runtime
    carrier: PretendCarrier
    folder: Path

    async def sql(self, statement: str, *arguments: Any) -> list[Any]:
        """Rows of a statement, none where it gives none."""
        async with self.runtime.pool.connection() as connection:
            cursor = await connection.execute(statement, arguments or None)
            return await cursor.fetchall() if cursor.description else []

    async def scalar(self, statement: str, *arguments: Any) -> Any:
        return (await self.sql(statement, *arguments))[0][0]

    def roster(self, rows: Iterable[Sequence[str]], name: str = "roster.csv") -> Path:
        path = self.folder / name
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter=";").writerows([("Số điện thoại", "Xã", "Nhóm"), *rows])
        return path

    async def import_rows(self, rows: Iterable[Sequence[str]], name: str = "people") -> Imported:
        order = Order(self.roster(rows), name, AUTHOR, province="20")
        async with self.runtime.pool.connection() as connection:
            return await importing.import_audience(connection, self.runtime.keyring, order, lambda _done, _total: None)

    async def rehearse(self, wave: str = LAUNCH, **after_opening: float) -> None:
        """Move the clock to a wave's opening, or so long after it."""
        planned = {w.slug: w for w in schedule.waves(june(LAUNCH, DISGUISED, NATIONAL_DAY))}[wave]
        async with self.runtime.pool.connection() as connection:
            await installation.rehearse_at(connection, planned.opens_at + timedelta(**after_opening))

    async def add(self, campaign: Campaign, by: str = AUTHOR) -> bool:
        async with self.runtime.pool.connection() as connection:
            return await control.add(connection, campaign, by)

    @property
    def routes(self) -> list[RouteConfig]:
        return [route.config for route in self.runtime.routes.values()]

    async def approve(self, by: str = APPROVER, **ways: str) -> Approved:
        async with self.runtime.pool.connection() as connection:
            return await approval.approve(connection, EDITION, by, Office(self.routes), **ways)

    async def start(self) -> None:
        async with self.runtime.pool.connection() as connection:
            await control.start(connection, EDITION, APPROVER, self.routes)

    async def stop(self, act: Act) -> control.Stopped:
        async with self.runtime.pool.connection() as connection:
            return await control.stop(connection, EDITION, APPROVER, act)

    async def resume(self) -> None:
        async with self.runtime.pool.connection() as connection:
            await control.resume(connection, EDITION, APPROVER)

    async def open_waves(self) -> list[int]:
        async with self.runtime.pool.connection() as connection:
            return await campaigns.open_due_waves(connection)

    async def running(self, rows: Iterable[Sequence[str]], *slugs: str) -> int:
        """Import, add, approve, start and open; answers the wave that is now expanding."""
        await self.rehearse(*slugs[:1])
        await self.import_rows(rows)
        await self.add(june(*slugs))
        await self.approve()
        await self.start()
        (wave,) = await self.open_waves()
        return wave

    async def planned(self, count: int = 10, *slugs: str) -> int:
        """A wave planned for that many people."""
        wave = await self.running([(number,) for number in numbers(count)], *slugs)
        await expansion.expand(self.runtime, wave)
        return wave

    async def due(self, requeue_seconds: float = 60) -> list[int]:
        async with self.runtime.pool.connection() as connection:
            due = await batches.enqueue_due(connection, requeue_seconds=requeue_seconds, per_route=1000)
        return [batch.id for batch in due]

    async def send(self) -> int:
        """Send every batch that is due, as workers would; answers how many there were."""
        due = await self.due()
        await asyncio.gather(*(sending.send(self.runtime, batch) for batch in due))
        return len(due)

    async def send_all(self) -> None:
        """Send until nothing is due, nor will be in a moment: what came too late for its permit waits for a second."""
        soon = (
            "UPDATE batches SET due_at = clock_timestamp() WHERE NOT done AND leased_until IS NULL"
            " AND due_at > clock_timestamp() AND due_at < clock_timestamp() + interval '2 s' RETURNING id"
        )
        while await self.send() or await self.sql(soon):
            pass

    async def fold(self) -> None:
        """Let messages have in their own rows what is true of them by their claims."""
        async with self.runtime.pool.connection() as connection:
            await messages.fold(connection, -1.0)

    async def tidy(self, settle_seconds: float = 3600) -> None:
        async with self.runtime.pool.connection() as connection:
            await clock.tidy(connection, settle_seconds)

    async def view(self) -> View:
        async with self.runtime.pool.connection() as connection:
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            return await control.view(connection, EDITION)

    async def counts(self) -> dict[str, int]:
        """The statuses as kept, after making sure that they are what the rows say."""
        seen = await self.view()
        rows = {
            row.status: row.n for row in await self.sql("SELECT status::text, count(*) AS n FROM messages GROUP BY 1")
        }
        assert seen.counts == rows
        assert seen.accounted
        return seen.counts

    async def wave_status(self) -> str:
        return str(await self.scalar("SELECT status::text FROM waves"))
