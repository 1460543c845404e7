"""Messages of the Official Account: the text itself, to followers, whichever route of the account the webhook comes by."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from campaigns.campaign import Campaign, Channel
from campaigns.template import Form
from dispatcher import expansion, followers
from dispatcher.followers import FollowersError
from dispatcher.receipts import arrived, settle
from dispatcher.review import Office, review
from dispatcher.runtime import Runtime
from dispatcher.settings import Settings, fixed
from dispatcher.store import receipts
from providers.base import Callback, Receipt
from providers.sandbox import PretendCarrier
from providers.sandbox.zalo import PretendZalo, ZaloDials
from providers.sandbox.zalo.server import received
from providers.tokens import Signed
from providers.zalo.calls import Zalo
from tests.dispatcher.hall import EDITION, SENDER, Hall, june, numbers

PEOPLE = 60


@pytest.fixture
def zalo_dials() -> ZaloDials:
    return ZaloDials(followers=PEOPLE)


@pytest.fixture
async def zalo(zalo_dials: ZaloDials) -> AsyncIterator[PretendZalo]:
    async with PretendZalo(zalo_dials) as zalo:
        yield zalo


@pytest.fixture
def settings(tmp_path: Path, carrier: PretendCarrier, zalo: PretendZalo) -> Settings:
    """An SMS route, and two of one account: for its templates and for its own messages."""
    keys = {"base_url": carrier.base_url, "api_key": "sandbox-api-key", "secret_key": "sandbox-secret-key"}
    routes = tmp_path / "routes.toml"
    routes.write_text(
        _route("main", "esms", "*", SENDER, keys)
        + _route("zalo", "zalo_zbs", "zalo", "Công an tỉnh", {**zalo.options, "address": "uid"})
        + _route("oa", "zalo_oa", "zalo", "Công an tỉnh", zalo.account_options)
    )
    return fixed(folder=tmp_path / "var", routes=routes, batch_size=20)


def _route(name: str, provider: str, network: str, sender: str, options: dict[str, str]) -> str:
    told = "".join(f"{key} = {json.dumps(value)}\n" for key, value in options.items())
    head = f'name = "{name}"\nprovider = "{provider}"\nnetworks = ["{network}"]\nsender = "{sender}"\ntps = 5000\n'
    return f"[[route]]\n{head}[route.options]\n{told}"


@pytest.fixture
async def hall(runtime: Runtime, carrier: PretendCarrier, zalo: PretendZalo, tmp_path: Path) -> Hall:
    provider = runtime.routes["zalo"].provider  # one sign-in serves both routes
    assert isinstance(provider, Signed)
    await provider.tokens.begin(await provider.granted(zalo.account.grant, "verifier"))  # type: ignore[attr-defined]  # a Keeper
    return Hall(runtime, carrier, tmp_path)


@pytest.fixture
def account(hall: Hall) -> Zalo:
    provider = hall.runtime.routes["oa"].provider
    assert isinstance(provider, Zalo)
    return provider


def campaign() -> Campaign:
    plain = june()
    waves = tuple(wave.model_copy(update={"channel": Channel.OA, "form": Form.ACCENTED}) for wave in plain.waves)
    return plain.model_copy(update={"waves": waves})


async def gather(hall: Hall, account: Zalo, *, recent: bool = False) -> int:
    async with hall.runtime.pool.connection() as connection:
        listed = await followers.fetch(connection, hall.runtime.keyring, account, recent=recent)
        made = await followers.audience(connection, account, "people", "An", listed if recent else None)
    return made.recipients


async def sent(hall: Hall) -> None:
    await hall.rehearse()
    await hall.add(campaign())
    await hall.approve()
    await hall.start()
    (wave,) = await hall.open_waves()
    await expansion.expand(hall.runtime, wave)
    await hall.send_all()


async def hear(hall: Hall, zalo: PretendZalo, route: str) -> None:
    """Take the webhooks of all messages that have arrived, by the address of a route."""
    provider = hall.runtime.routes[route].provider
    for taken in zalo.account.messages.values():
        body, headers = zalo.webhooks.signed(received(zalo.dials, taken))
        read = provider.read_callback(Callback("POST", {}, headers, body))
        found = [arrived(route, one, hall.runtime.keyring) for one in read if isinstance(one, Receipt)]
        async with hall.runtime.pool.connection() as connection:
            await receipts.put(connection, found)
    await settle(hall.runtime)


@pytest.mark.parametrize("route", ["oa", "zalo"])
async def test_followers_get_the_text_itself_and_a_webhook_counts_by_whichever_route_it_comes(
    hall: Hall, account: Zalo, zalo: PretendZalo, route: str
) -> None:
    assert await gather(hall, account) == PEOPLE
    await sent(hall)
    assert await hall.counts() == {"submitted": PEOPLE}
    (body,) = await hall.sql("SELECT DISTINCT body FROM texts")
    assert {taken.order.text for taken in zalo.account.messages.values()} == {body.body}
    assert {row.segments for row in await hall.sql("SELECT DISTINCT segments FROM messages")} == {1}
    await hear(hall, zalo, route)
    assert await hall.counts() == {"delivered": PEOPLE}
    assert set(zalo.ledger.received.values()) == {1}
    assert not hall.carrier.ledger.received


async def test_a_webhook_about_somebody_else_moves_nobody(hall: Hall, account: Zalo, zalo: PretendZalo) -> None:
    await gather(hall, account)
    await sent(hall)
    (first, second, *_) = zalo.account.messages.values()
    told = received(zalo.dials, first) | {"recipient": {"id": second.order.address}}
    body, headers = zalo.webhooks.signed(told)
    (read,) = hall.runtime.routes["zalo"].provider.read_callback(Callback("POST", {}, headers, body))
    assert isinstance(read, Receipt)
    async with hall.runtime.pool.connection() as connection:
        await receipts.put(connection, [arrived("zalo", read, hall.runtime.keyring)])
    await settle(hall.runtime)
    assert await hall.counts() == {"submitted": PEOPLE}


@pytest.mark.parametrize("zalo_dials", [ZaloDials(followers=PEOPLE, active=0.5)])
async def test_zalo_refuses_whoever_did_nothing_for_seven_days_and_they_get_no_sms(
    hall: Hall, account: Zalo, zalo: PretendZalo
) -> None:
    await gather(hall, account)
    await sent(hall)
    counts: dict[str, Any] = await hall.counts()
    assert 0 < counts["rejected"] < PEOPLE
    assert counts["submitted"] == len(zalo.ledger.received) == PEOPLE - counts["rejected"]
    reasons = await hall.sql("SELECT DISTINCT code FROM attempts WHERE outcome = 'refused'")
    assert [row.code for row in reasons] == ["-230"]
    assert not hall.carrier.ledger.received


@pytest.mark.parametrize("zalo_dials", [ZaloDials(followers=PEOPLE, active=0.5)])
async def test_those_who_lately_did_something_can_be_asked_for_alone(
    hall: Hall, account: Zalo, zalo: PretendZalo
) -> None:
    everybody = await gather(hall, account)
    recent = await gather(hall, account, recent=True)
    assert 0 < recent < everybody == PEOPLE
    await sent(hall)
    assert await hall.counts() == {"submitted": recent}


@pytest.mark.parametrize("zalo_dials", [ZaloDials(followers=PEOPLE, active=0.0)])
async def test_nobody_who_lately_did_something_is_no_audience(hall: Hall, account: Zalo) -> None:
    with pytest.raises(FollowersError, match="7 ngày"):
        await gather(hall, account, recent=True)


async def test_an_approver_sees_that_people_with_numbers_are_not_reached(hall: Hall) -> None:
    await hall.rehearse()
    await hall.import_rows([(number,) for number in numbers(3)])
    await hall.add(campaign())
    async with hall.runtime.pool.connection() as connection:
        seen = await review(connection, EDITION, Office(hall.routes))
    assert any("chưa có đường gửi nào phục vụ" in warning for warning in seen.warnings)
    assert any("chưa ghi quan hệ trước đó" in refusal.message for refusal in seen.refusals)


@pytest.mark.parametrize("zalo_dials", [ZaloDials(followers=PEOPLE, access_uses=3)])
async def test_two_routes_of_one_account_refresh_its_token_once_for_each_end(hall: Hall, zalo: PretendZalo) -> None:
    for name in ("oa", "zalo", "oa", "zalo", "zalo", "oa", "oa", "zalo"):
        assert (await hall.runtime.routes[name].provider.check()).ok
    first, *renewals = zalo.account.refreshes
    assert first.granted
    assert [(one.granted, one.ended) for one in renewals] == [(True, True)] * 2
