"""Before a campaign: what each carrier is asked, and what staff are told to mend."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import time
from typing import Any

import pytest

from campaigns import compose
from campaigns.tariff import tariffs
from campaigns.volume import Amount
from dispatcher import control
from dispatcher.keyring import Keyring
from dispatcher.preflight import About, Checked, Finding, Freight, Level, Volume, freight, lacking, preflight, volumes
from dispatcher.pricing import Way
from dispatcher.review import Office
from dispatcher.runtime import Route, open_route
from dispatcher.settings import RouteConfig, Settings, load_routes
from providers.base import Capabilities, Health, Hours, Receipts, Terms
from providers.errors import ProviderError, Throttled, Unavailable, Uncertain
from providers.sandbox import Dials, PretendCarrier
from providers.tokens import NEVER_AUTHORISED, NotAuthorised
from tests.dispatcher.hall import LAUNCH, Hall, june

PRICES = tariffs(())
TEXT = compose.variants(june(), LAUNCH)[0].body


@dataclass
class Desk:
    route: Route
    carrier: PretendCarrier


@pytest.fixture
async def desk(settings: Settings, keyring: Keyring, carrier: PretendCarrier) -> AsyncIterator[Desk]:
    """The only route of an installation, and its carrier."""
    (config,) = load_routes(settings.routes)
    async with open_route(config, keyring) as route:
        yield Desk(replace(route, callback_url="https://tuyentruyen.example.gov.vn/"), carrier)


async def checked(desk: Desk, volume: Volume | None = None, **changes: Any) -> Checked:
    """The only route, checked for the June campaign; `changes` are to its capabilities."""
    route = desk.route
    route.provider.capabilities = replace(route.provider.capabilities, **changes)
    (one,) = await preflight([route], Freight(june(), {"main": volume} if volume else None))
    return one


def about(one: Checked) -> dict[About, Finding]:
    assert all(finding.route == "main" and finding.said and finding.do for finding in one.findings)
    return {finding.about: finding for finding in one.findings}


@pytest.mark.parametrize("dials", [Dials(templates=(TEXT,), balance=1e6)])
async def test_a_route_that_can_carry_the_campaign_has_nothing_to_mend(desk: Desk) -> None:
    one = await checked(desk, Volume(100, 50_000, 100))
    assert (one.ok, one.findings) == (True, ())
    assert desk.carrier.ledger.arrivals == []


@pytest.mark.parametrize("dials", [Dials(api_key="another")])
async def test_wrong_keys_stop_everything_and_say_where_to_look(desk: Desk) -> None:
    one = await checked(desk)
    finding = about(one)[About.CREDENTIALS]
    assert (one.ok, finding.level) == (False, Level.STOP)
    assert "dispatcher route check main" in finding.do


@pytest.mark.parametrize(
    ("error", "words", "do"),
    [
        (NotAuthorised(NEVER_AUTHORISED), "Chưa được cấp quyền: chưa ai cấp quyền", "dispatcher route authorise main"),
        (
            Unavailable("eSMS, ask for the balance: no connection, nothing was sent"),
            "Không gọi được nhà cung cấp: eSMS, hỏi số dư: không kết nối được",
            "base_url của đường gửi main trong routes.toml",
        ),
        (Throttled("too fast for the carrier"), "Nhà cung cấp bảo chờ: gọi quá nhanh", "Đợi vài phút"),
        (
            Uncertain("an answer without a code"),
            "Nhà cung cấp không trả lời rõ: trả lời không có mã",
            "hỏi nhà cung cấp",
        ),
    ],
)
async def test_each_kind_of_failure_says_what_to_do(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: ProviderError, words: str, do: str
) -> None:
    async def fails() -> Health:
        raise error

    monkeypatch.setattr(desk.route.provider, "check", fails)
    finding = about(await checked(desk))[About.CREDENTIALS]
    assert finding.said.startswith(words)
    assert do in finding.do


@pytest.mark.parametrize("dials", [Dials(balance=30_000)])
async def test_money_that_will_not_do_is_counted_up(desk: Desk) -> None:
    finding = about(await checked(desk, Volume(100, 50_000, 100)))[About.BALANCE]
    assert finding.said == "Tài khoản còn 30.000 đồng, dự kiến cần 50.000 đồng."
    assert finding.do == "Nạp thêm ít nhất 20.000 đồng trước khi gửi."
    unpriced = about(await checked(desk, Volume(100, None, 100)))
    assert About.BALANCE not in unpriced
    assert "[[price]], trong terms.toml" in unpriced[About.PRICE].do


@pytest.mark.parametrize("dials", [Dials(balance=0)])
async def test_an_empty_account_is_told_also_where_no_price_is_known(desk: Desk) -> None:
    assert about(await checked(desk))[About.BALANCE].do == "Nạp thêm trước khi gửi."


async def test_a_brandname_that_the_account_does_not_have_is_told_with_those_it_has(desk: Desk) -> None:
    route = desk.route
    given = replace(route, config=route.config.model_copy(update={"sender": "Ca Langson"}))
    (one,) = await preflight([given])
    finding = about(one)[About.BRANDNAME]
    assert finding.level is Level.STOP
    assert "“Ca Langson”; nhà cung cấp liệt kê: CA LANGSON" in finding.said


@pytest.mark.parametrize(
    ("template", "fits"),
    [
        (TEXT, True),
        (TEXT[:10] + "{P1,500}", True),
        ("{P1,20}" + TEXT[20:], True),
        ("{P1,10}" + TEXT[20:], False),
        (TEXT + ".", False),
        (".*", False),
    ],
)
async def test_a_text_must_fit_an_approved_template(desk: Desk, template: str, fits: bool) -> None:
    desk.carrier.dials = Dials(brandnames=desk.carrier.dials.brandnames, templates=("Khac", template))
    found = about(await checked(desk))
    assert (About.TEMPLATE not in found) is fits
    if not fits:
        assert f"đợt {LAUNCH}" in found[About.TEMPLATE].said
        assert found[About.TEMPLATE].level is Level.STOP


@pytest.mark.parametrize("dials", [Dials(templates=(TEXT,))])
@pytest.mark.parametrize(
    ("changes", "which", "level"),
    [
        ({"hours": Hours(time(8), time(20))}, About.HOURS, Level.WARN),
        ({"sandbox": True}, About.SANDBOX, Level.STOP),
        ({"min_per_call": 30}, About.NUMBERS, Level.STOP),
        ({"receipts": Receipts.NONE}, About.RECEIPTS, Level.NOTE),
        ({"receipts": Receipts.DAILY}, About.RECEIPTS, Level.NOTE),
        ({"negative_receipts": False}, About.RECEIPTS, Level.NOTE),
    ],
)
async def test_what_the_adapter_knows_of_its_carrier_is_told(
    desk: Desk, changes: dict[str, Any], which: About, level: Level
) -> None:
    one = await checked(desk, Volume(29, 0, 29), **changes)
    assert {finding.about: finding.level for finding in one.findings} == {which: level}
    assert one.ok is (level is not Level.STOP)


@pytest.mark.parametrize("dials", [Dials(templates=(TEXT,))])
async def test_a_quota_and_terms_that_cannot_be_had_are_warnings(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    route = desk.route

    async def few(_: object) -> Terms:
        return Terms(quota=99)

    async def silent(_: object) -> Terms:
        raise Uncertain("eSMS, list the brandnames: no answer")

    for terms, which in ((few, About.QUOTA), (silent, About.BRANDNAME)):
        monkeypatch.setattr(type(route.provider), "terms", terms)
        one = await checked(desk, Volume(100, 0, 100))
        assert {finding.about: finding.level for finding in one.findings} == {which: Level.WARN}
        assert one.ok


def config(name: str, *networks: str) -> RouteConfig:
    return RouteConfig.model_validate(
        {"name": name, "provider": "esms", "networks": networks, "sender": "CA LANGSON", "tps": 1}
    )


def test_volumes_follow_the_routes_and_are_not_priced_where_a_price_is_missing() -> None:
    launch = [
        Way("first", Amount("viettel", 100, 200, 100_000, "")),
        Way("second", Amount("vinaphone", 40, 80, 56_000, "")),
    ]
    second = [Way("first", Amount("viettel", 10, 10, 5_000, "")), Way("second", Amount("itel", 5, 5, None, ""))]
    everybody_refused = [Way("first", Amount("viettel", 0, 0, 0, ""))]
    unserved = [Way(None, Amount("gmobile", 7, 7, 700, ""))]
    carried = volumes([launch, second, everybody_refused, unserved])
    assert carried == {"first": Volume(110, 105_000, 10), "second": Volume(45, None, 5)}


@pytest.mark.parametrize("dials", [Dials(templates=("Khac",))])
async def test_a_draft_without_people_is_compared_as_far_as_it_goes(desk: Desk, hall: Hall) -> None:
    async with hall.runtime.pool.connection() as connection:
        await control.add(connection, june(), "an")
        carried = await freight(connection, june().edition, Office([desk.route.config]))
    assert (carried.campaign, carried.volumes) == (june(), None)
    (one,) = await preflight([desk.route], carried)
    found = about(one)
    assert found[About.TEMPLATE].level is Level.STOP
    assert "Chưa có nhóm người nhận people (đợt launch)" in found[About.NUMBERS].said


async def test_receipts_that_have_nowhere_to_go_are_told(desk: Desk) -> None:
    (one,) = await preflight([replace(desk.route, callback_url=None)])
    (finding,) = one.findings
    assert (one.ok, finding.about, finding.level) == (True, About.RECEIPTS, Level.WARN)
    assert "dispatcher route callback main" in finding.do


@pytest.mark.parametrize("dials", [Dials(balance=0)])
async def test_only_routes_that_carry_the_campaign_can_lack_something_for_it(desk: Desk) -> None:
    (said,) = await lacking([desk.route], Freight(june(), {"main": Volume(1, None, 1)}))
    assert said == "đường gửi main: Tài khoản còn 0 đồng. Nạp thêm trước khi gửi."
    assert await lacking([desk.route], Freight(june(), {"another": Volume(1, None, 1)})) == ()
    assert await lacking([desk.route], Freight(june(), None, "chưa có ai")) == ()


@pytest.mark.parametrize("dials", [Dials(balance=1)])
async def test_a_planned_campaign_is_compared_with_the_balance(desk: Desk, hall: Hall) -> None:
    await hall.planned(40)
    async with hall.runtime.pool.connection() as connection:
        carried = await freight(connection, june().edition, Office([desk.route.config], prices=PRICES))
    assert carried.volumes
    assert carried.volumes["main"].people == 40
    (one,) = await preflight([desk.route], carried)
    assert "dự kiến cần" in about(one)[About.BALANCE].said


async def test_a_route_that_carries_nothing_is_not_compared_with_the_campaign(desk: Desk) -> None:
    desk.carrier.dials = Dials(brandnames=desk.carrier.dials.brandnames, templates=("Khac",))
    route = desk.route
    (one,) = await preflight([route], Freight(june(), {"another": Volume(1, 0, 1)}))
    assert one.findings == ()


def test_capabilities_by_default_promise_nothing() -> None:
    plain = Capabilities("sms")
    assert (plain.dedupe_seconds, plain.status_lookup, plain.receipts) == (0, False, Receipts.NONE)
