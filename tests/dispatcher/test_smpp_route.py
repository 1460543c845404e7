"""A campaign over SMPP: a route to a pretend SMSC, its link opened as a worker opens it, judged by the SMSC's own ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from dispatcher import confirmations, receipts
from dispatcher.demo import audit
from dispatcher.keyring import Keyring
from dispatcher.lifecycle import Status
from dispatcher.links import open_links
from dispatcher.runtime import Addresses, open_runtime
from dispatcher.settings import Settings, fixed
from dispatcher.store import log
from providers.sandbox import Spread
from providers.sandbox.smsc import Inbound, PretendSmsc, SmscDials, SmscReceiptDials
from tests.dispatcher.hall import EDITION, LAUNCH, NATIONAL_DAY, SENDER, Hall

PEOPLE = 12


@pytest.fixture
def smsc_dials() -> SmscDials:
    return SmscDials(senders=(SENDER,), receipts=SmscReceiptDials(delay_seconds=Spread()))


@pytest.fixture
async def smsc(smsc_dials: SmscDials, tmp_path: Path) -> AsyncIterator[PretendSmsc]:
    async with PretendSmsc(smsc_dials, ledger_file=tmp_path / "ledger.jsonl") as smsc:
        yield smsc


@pytest.fixture
def concatenation() -> str:
    return "udh8"


@pytest.fixture
def settings(tmp_path: Path, smsc: PretendSmsc, concatenation: str) -> Settings:
    """Settings of a small installation whose one route leads to the pretend SMSC."""
    routes = tmp_path / "routes.toml"
    routes.write_text(
        f"""
[[route]]
name = "main"
provider = "smpp"
networks = ["*"]
sender = "{SENDER}"
tps = 5000
[route.options]
host = "{smsc.host}"
port = {smsc.port}
system_id = "sandbox"
password = "secret"
concatenation = "{concatenation}"
"""
    )
    return fixed(folder=tmp_path / "var", routes=routes, batch_size=20)


@pytest.fixture
async def linked(hall: Hall, smsc: PretendSmsc) -> AsyncIterator[Hall]:
    """The hall with its link up."""
    async with open_links(hall.runtime):
        await until(lambda: smsc.ledger.binds)
        yield hall


async def until(done: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not done():  # noqa: ASYNC110  the ledger is a record, it tells nobody
            await asyncio.sleep(0.01)


async def settled(hall: Hall, smsc: PretendSmsc) -> None:
    """Wait until the SMSC has every receipt acknowledged, then apply them."""
    await until(lambda: not smsc.ledger.callbacks_pending)
    await receipts.settle(hall.runtime)


async def judged(hall: Hall) -> audit.Finding:
    """Our delivery log against the ledger that the SMSC wrote."""
    async with hall.runtime.pool.connection() as connection:
        rows = [row async for page in log.of_campaign(connection, EDITION, 100) for row in page]
    decrypt = hall.runtime.keyring.decrypt
    logged = [
        audit.Logged(row.id.hex, decrypt(row.cipher, row.msisdn_hash, row.key_id), Status(row.status))
        for row in rows
        if row.cipher and row.key_id
    ]
    return audit.compare(logged, audit.read_ledger(hall.folder / "ledger.jsonl"))


@pytest.mark.parametrize("concatenation", ["udh8", "udh16", "sar", "payload"])
@pytest.mark.parametrize(("wave", "encoding"), [(LAUNCH, "gsm7"), (NATIONAL_DAY, "ucs2")])
async def test_everybody_gets_the_text_as_it_was_composed(
    linked: Hall, smsc: PretendSmsc, wave: str, encoding: str
) -> None:
    await linked.planned(PEOPLE, wave)
    await linked.send()
    await settled(linked, smsc)
    assert await linked.counts() == {"delivered": PEOPLE}
    composed = {row.body for row in await linked.sql("SELECT t.body FROM messages m JOIN texts t ON t.id = m.text_id")}
    assert {(heard.encoding, heard.segments > 1) for heard in smsc.ledger.arrivals} == {(encoding, encoding == "ucs2")}
    assert {heard.text for heard in smsc.ledger.arrivals} == composed
    assert len(smsc.ledger.received) == PEOPLE
    found = await judged(linked)
    assert (found.clean, found.compared, found.taken, found.open_questions) == (True, PEOPLE, PEOPLE, 0)


@pytest.mark.parametrize(
    "smsc_dials",
    [
        SmscDials(
            receipts=SmscReceiptDials(delay_seconds=Spread(), early=0.5, repeated=0.5, out_of_order=0.5, form="both")
        )
    ],
    ids=["early, repeated, out of order"],
)
async def test_receipts_in_any_order_give_the_same_end(linked: Hall, smsc: PretendSmsc) -> None:
    await linked.planned(PEOPLE)
    await linked.send()
    await settled(linked, smsc)
    assert await linked.counts() == {"delivered": PEOPLE}


async def test_a_refusal_that_comes_over_the_link_is_on_the_list(linked: Hall, smsc: PretendSmsc) -> None:
    long = "Từ chối nhận tin nhắn tuyên truyền, xin cảm ơn các đồng chí đã quan tâm tới gia đình chúng tôi."
    smsc.say(Inbound(phone="84960000001", to="8138", text=long, backwards=True, times=2))
    await until(lambda: smsc.ledger.summary()["inbound_delivered"] == 4)
    assert [row.body for row in await linked.sql("SELECT body FROM inbound")] == [long]
    assert await linked.scalar("SELECT count(*) FROM suppressions") == 1


@pytest.fixture
def everybody_is_confirmed(settings: Settings) -> Settings:
    return settings.model_copy(update={"confirm_refusals": "all"})


async def test_a_refusal_over_the_link_is_confirmed_over_the_link_once(
    everybody_is_confirmed: Settings, addresses: Addresses, keyring: Keyring, smsc: PretendSmsc, tmp_path: Path
) -> None:
    async with open_runtime(everybody_is_confirmed, addresses) as runtime, open_links(runtime):
        hall = Hall(runtime, smsc, tmp_path)  # type: ignore[arg-type]  # the SMSC stands in for the HTTP carrier
        await until(lambda: smsc.ledger.binds)
        await hall.planned(2)
        smsc.say(Inbound(phone="84960000001", to="8138", text="TC", times=3))
        await until(lambda: smsc.ledger.summary()["inbound_delivered"] == 3)
        await confirmations.plan_owed(runtime)
        await hall.send()
        await settled(hall, smsc)
        said = {heard.phones[0]: heard.text for heard in smsc.ledger.arrivals}
        assert len(smsc.ledger.arrivals) == 2
        assert set(said) == {"84960000001", "84960000002"}
        assert said["84960000001"] == await hall.scalar("SELECT body FROM texts WHERE moment IS NOT NULL")
        assert said["84960000001"].startswith("Da nhan yeu cau tu choi nhan tin luc")
        rows = await hall.sql("SELECT status::text, count(*)::int AS n FROM messages GROUP BY 1 ORDER BY 1")
        assert [tuple(row) for row in rows] == [("delivered", 2), ("suppressed", 1)]


@pytest.fixture
def shared_account(settings: Settings) -> Settings:
    """A second route over the same account, under which the centre may report too."""
    written = settings.routes.read_text("utf-8")
    settings.routes.write_text(
        written.replace('networks = ["*"]', 'networks = ["viettel"]') + written.replace("main", "other")
    )
    return settings


async def test_a_receipt_that_comes_over_the_link_of_another_route_of_the_account_is_known(
    shared_account: Settings, addresses: Addresses, keyring: Keyring, smsc: PretendSmsc, tmp_path: Path
) -> None:
    """Binds of one account are all the same to a centre; its receipts waited an hour for a message of the wrong route."""
    async with open_runtime(shared_account, addresses) as runtime, open_links(runtime):
        hall = Hall(runtime, None, tmp_path)  # type: ignore[arg-type]  # no carrier over HTTP
        await until(lambda: smsc.ledger.binds == 2)
        await hall.planned(PEOPLE, NATIONAL_DAY)
        await hall.send()
        await settled(hall, smsc)
        assert await hall.counts() == {"delivered": PEOPLE}
        assert {row.route for row in await hall.sql("SELECT DISTINCT route FROM receipts")} == {"main"}
