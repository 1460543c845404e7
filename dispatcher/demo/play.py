"""The demo's plot: import, approve, send wave by wave at a rehearsal clock, wait for receipts, compare, report."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from campaigns import definition, msisdn, schedule
from campaigns.calendar import spoken
from campaigns.campaign import Campaign
from dispatcher import control
from dispatcher.approval import approve
from dispatcher.control import View
from dispatcher.delivery_log import PAGE, Format, export
from dispatcher.demo import roster
from dispatcher.demo.audit import Finding, Logged, compare, read_ledger
from dispatcher.demo.stage import Stage, Wire
from dispatcher.importing import Imported, Order, import_audience, suppress
from dispatcher.keyring import Keyring, open_keyring
from dispatcher.lifecycle import Status, WaveStatus
from dispatcher.review import Office
from dispatcher.settings import load_routes
from dispatcher.store import campaigns, installation, log, receipts
from dispatcher.store.campaigns import StoredWave
from dispatcher.store.database import Pool, new_pool

CAMPAIGN = "drug_prevention_june"
YEAR = 2026
AUDIENCE = "nguoi-dan-lang-son"
PROVINCE = "20"
AUTHOR, APPROVER = "nguoi-soan-demo", "nguoi-duyet-demo"
REFUSALS = 25
SEED = 20260601
LOOK_SECONDS = 0.5
# Receipts that a carrier never sends are not waited for: so long without news, and the rest is taken as not coming.
QUIET_SECONDS = 6.0


@dataclass(frozen=True)
class Scene:
    """What a caller may show: a headline, a state of the campaign, or nothing new."""

    headline: str | None = None
    view: View | None = None


@dataclass(frozen=True)
class Outcome:
    """How it ended. `always_accounted`: planned equalled the sum of the statuses every time it was looked at."""

    imported: Imported
    view: View
    by_network: Counter[tuple[str, str]]
    by_commune: Counter[tuple[str, str]]
    finding: Finding
    looks: int
    always_accounted: bool
    export: Path

    @property
    def good(self) -> bool:
        return self.finding.clean and self.always_accounted and self.view.accounted and not self._unsent

    @property
    def _unsent(self) -> int:
        return sum(self.view.counts.get(s, 0) for s in (Status.QUEUED, Status.RETRYING, Status.SENDING))


class Play:
    """One performance on a stage whose processes run; `show` is told what happens."""

    def __init__(self, stage: Stage, people: int, show: Callable[[Scene], None]) -> None:
        self._stage = stage
        self._people = people
        self._show = show
        self._campaign: Campaign = definition.load(definition.library_path(CAMPAIGN), year=YEAR)
        # The pretend SMSC puts long texts together again and notes them; eSMS is handed them whole.
        self._compares_texts = stage.wire is Wire.SMPP
        self._looks = 0
        self._accounted = True

    async def run(self, ready: Callable[[], None]) -> Outcome:
        """Prepare, call `ready` (the moment to start the processes), perform, and answer how it went."""
        keyring = open_keyring(self._stage.settings.keyring_path, create=True)
        async with new_pool(self._stage.addresses.database_url, 2) as pool:
            imported = await self._prepare(pool, keyring)
            ready()
            for wave in await self._waves(pool):
                await self._perform(pool, wave)
            return await self._reckon(pool, keyring, imported)

    async def _prepare(self, pool: Pool, keyring: Keyring) -> Imported:
        path = self._stage.folder / "danh-sach-lang-son.csv"
        numbers = roster.write(path, self._people, SEED, PROVINCE)
        async with pool.connection() as connection:
            await installation.rehearse_at(connection, _before(self._campaign))
            self._tell(f"Nhập danh sách {path.name}")
            order = Order(path, AUDIENCE, AUTHOR, province=PROVINCE)
            imported = await import_audience(connection, keyring, order, lambda _done, _total: None)
        await self._refuse(pool, keyring, numbers[:: max(1, len(numbers) // REFUSALS)])
        routes = load_routes(self._stage.settings.routes)
        campaign = self._campaign.model_copy(update={"audience": AUDIENCE, "owner": "Ban Chỉ đạo 138 Lạng Sơn"})
        async with pool.connection() as connection:
            await control.add(connection, campaign, AUTHOR)
            await approve(connection, campaign.edition, APPROVER, Office(routes))
            await control.start(connection, campaign.edition, APPROVER, routes)
        self._tell(f"{AUTHOR} soạn, {APPROVER} duyệt, chiến dịch {campaign.edition} bắt đầu")
        return imported

    async def _refuse(self, pool: Pool, keyring: Keyring, numbers: list[str]) -> None:
        """A few of the people have refused to be texted before."""
        networks = {
            number: msisdn.network(number) for written in numbers for number in msisdn.normalise(written).numbers
        }
        async with pool.connection() as connection:
            new = await suppress(connection, keyring, networks, "từ chối nhận", "demo", AUTHOR)
        self._tell(f"{new} người đã từ chối nhận tin từ trước: không ai trong số này được gửi")

    async def _waves(self, pool: Pool) -> list[StoredWave]:
        async with pool.connection() as connection:
            stored = await control.find(connection, self._campaign.edition)
            return await campaigns.waves(connection, stored.id)

    async def _perform(self, pool: Pool, wave: StoredWave) -> None:
        """Move the clock to the wave's time, and watch until it is out and its receipts are in."""
        async with pool.connection() as connection:
            await installation.rehearse_at(connection, wave.opens_at)
        self._tell(f"Đồng hồ diễn tập: {spoken(wave.opens_at)}. Đợt {wave.slug}: {wave.title}")
        async for view in self._look(pool):
            self._show(Scene(view=view))
            if _state(view, wave.slug) in (WaveStatus.DONE, WaveStatus.MISSED):
                break
        await self._until_quiet(pool)

    async def _until_quiet(self, pool: Pool) -> None:
        """Wait until receipts have stopped coming."""
        quiet, last = 0.0, -1
        async for view in self._look(pool):
            self._show(Scene(view=view))
            async with pool.connection() as connection:
                pending = await receipts.waiting(connection)
            open_ = control.unfinished(view)
            quiet = 0.0 if pending or open_ != last else quiet + LOOK_SECONDS
            last = open_
            if open_ == 0 or quiet >= QUIET_SECONDS:
                return

    async def _look(self, pool: Pool) -> AsyncIterator[View]:
        while True:
            view = await self._view(pool)
            yield view
            await asyncio.sleep(LOOK_SECONDS)

    async def _view(self, pool: Pool) -> View:
        async with pool.connection() as connection:
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            view = await control.view(connection, self._campaign.edition)
        self._looks += 1
        self._accounted = self._accounted and view.accounted
        return view

    async def _reckon(self, pool: Pool, keyring: Keyring, imported: Imported) -> Outcome:
        """Let the settle time pass on the rehearsal clock, then compare with the carrier's ledger."""
        edition = self._campaign.edition
        async with pool.connection() as connection:
            later = await installation.now(connection) + timedelta(seconds=2 * self._stage.settings.settle_seconds)
            await installation.rehearse_at(connection, later)
        async for view in self._look(pool):
            if not view.counts.get(Status.UNCERTAIN):
                break
        async with pool.connection() as connection:
            networks = await log.outcomes(connection, edition, "network")
            communes = await log.outcomes(connection, edition, "area_code")
        path = self._stage.folder / "nhat-ky-gui-tin.csv"
        async with pool.connection() as connection:
            pages = log.of_campaign(connection, edition, PAGE)
            await export(pages, keyring, path, Format.CSV, reveal=False, progress=lambda _: None)
        return Outcome(
            imported,
            view,
            Counter({(value, status): n for value, status, n in networks}),
            Counter({(value, status): n for value, status, n in communes}),
            compare(await self._logged(pool, keyring), read_ledger(self._stage.ledger, texts=self._compares_texts)),
            self._looks,
            self._accounted,
            path,
        )

    async def _logged(self, pool: Pool, keyring: Keyring) -> list[Logged]:
        async with pool.connection() as connection:
            rows = [row async for page in log.of_campaign(connection, self._campaign.edition, PAGE) for row in page]
        return [
            Logged(
                row.id.hex,
                keyring.decrypt(row.cipher, row.msisdn_hash, row.key_id),
                Status(row.status),
                row.text if self._compares_texts else "",
            )
            for row in rows
            if row.cipher and row.key_id
        ]

    def _tell(self, headline: str) -> None:
        self._show(Scene(headline=headline))


def _before(campaign: Campaign) -> datetime:
    return min(wave.opens_at for wave in schedule.waves(campaign)) - timedelta(minutes=5)


def _state(view: View, slug: str) -> WaveStatus:
    return next(wave.status for wave in view.waves if wave.slug == slug)
