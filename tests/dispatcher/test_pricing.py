"""What a wave costs by each channel, checked with a pencil."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaigns.campaign import Channel
from campaigns.compose import Variant
from campaigns.tariff import Tariff
from campaigns.text import Encoding
from campaigns.volume import Amount, Group, Share
from dispatcher.keyring import open_keyring
from dispatcher.pricing import Way, dearest, together, ways
from dispatcher.runtime import open_route
from dispatcher.settings import RouteConfig, RoutesError

PRICES = {"viettel": Tariff("viettel", 300.0, source="hợp đồng"), "itel": Tariff("itel", 50.0, source="hợp đồng")}


def route(name: str, provider: str, *networks: str, price: float | None = None) -> RouteConfig:
    return RouteConfig.model_validate(
        {"name": name, "provider": provider, "networks": networks, "sender": "X", "tps": 1, "vnd_per_message": price}
    )


def share(network: str, people: int, segments: int = 2) -> Share:
    return Share(Group(network, None, "", people), Variant(None, "x", Encoding.UCS2, 100, segments))


SMS = route("sms", "esms", "*")
ZALO = route("zalo", "zalo_zbs", "viettel", "itel", price=200)
FOLLOWERS = route("uid", "zalo_zbs", "zalo", price=140)
OA = route("oa", "zalo_oa", "zalo", price=55)
ROUTES = [SMS, ZALO, FOLLOWERS, OA]
PEOPLE = [share("viettel", 10), share("itel", 4), share("zalo", 3), share("gmobile", 2)]


def priced(channel: Channel, routes: list[RouteConfig] = ROUTES) -> dict[str, tuple[int, int, float | None]]:
    found = dearest(ways(PEOPLE, channel, routes, PRICES))
    return {amount.network: (amount.people, amount.segments, amount.vnd) for amount in found}


CASES = {
    Channel.SMS: {"viettel": (10, 20, 6000), "itel": (4, 8, 400), "zalo": (3, 6, None), "gmobile": (2, 4, None)},
    Channel.ZALO: {"viettel": (10, 10, 2000), "itel": (4, 4, 800), "zalo": (3, 3, 420), "gmobile": (2, 0, 0)},
    # Of two segments an SMS is the dearer way to Viettel, Zalo to iTel; nobody knows a number of those who follow.
    Channel.ZALO_THEN_SMS: {
        "viettel": (10, 20, 6000),
        "itel": (4, 8, 800),
        "zalo": (3, 3, 420),
        "gmobile": (2, 4, None),
    },
    Channel.OA: {"viettel": (10, 0, 0), "itel": (4, 0, 0), "zalo": (3, 3, 165), "gmobile": (2, 0, 0)},
}


@pytest.mark.parametrize("channel", CASES)
def test_each_channel_has_its_price(channel: Channel) -> None:
    assert priced(channel) == CASES[channel]


def test_a_route_without_a_price_leaves_the_cost_unknown() -> None:
    free = [SMS, ZALO.model_copy(update={"vnd_per_message": None}), FOLLOWERS]
    assert priced(Channel.ZALO, free)["viettel"] == (10, 10, None)
    assert priced(Channel.ZALO_THEN_SMS, free)["viettel"] == (10, 20, None)


def test_each_route_carries_what_may_come_to_it() -> None:
    told = [
        (way.route, way.amount.network, way.amount.people, way.whole)
        for way in ways(PEOPLE, Channel.ZALO_THEN_SMS, ROUTES, PRICES)
    ]
    assert told == [
        ("zalo", "viettel", 10, True),
        ("zalo", "itel", 4, True),
        ("uid", "zalo", 3, True),
        (None, "gmobile", 2, True),
        ("sms", "viettel", 10, False),
        ("sms", "itel", 4, False),
        ("sms", "gmobile", 2, False),
    ]
    assert Way("sms", Amount("viettel", 10, 20, 6000, "hợp đồng")) in ways(PEOPLE, Channel.SMS, ROUTES, PRICES)


def test_waves_add_up_by_network_with_every_source() -> None:
    first = [Amount("viettel", 10, 20, 6000, "a"), Amount("itel", 4, 8, 400, "a")]
    second = [Amount("itel", 40, 40, 800, "b"), Amount("viettel", 1, 1, None, "b")]
    assert together([first, second]) == [Amount("itel", 44, 48, 1200, "a; b"), Amount("viettel", 11, 21, None, "a; b")]


async def test_a_price_of_a_message_is_for_zalo_only(tmp_path: Path) -> None:
    keys = {"base_url": "http://127.0.0.1:9/", "api_key": "a", "secret_key": "b"}
    config = route("sms", "esms", "*", price=300).model_copy(update={"options": keys})
    with pytest.raises(RoutesError, match="vnd_per_message chỉ dùng cho Zalo"):
        async with open_route(config, open_keyring(tmp_path / "keyring.json", create=True)):
            pass
