"""What a wave costs, way by way: by segments and networks where it goes by SMS, by the message where it goes by Zalo. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from campaigns import volume
from campaigns.campaign import Channel
from campaigns.tariff import Tariff
from campaigns.volume import Amount, Share
from dispatcher.routing import serving, table
from dispatcher.settings import FOLLOWERS, RouteConfig

# Where a message is one, whatever its length, a route says what it costs.
SOURCE = "routes.toml, đường gửi {route}"
# Where a price that is not known is to be written.
PRICE = 'Ghi vnd_per_message = {amount} cạnh tps, trong bảng [[route]] có name = "{route}" của routes.toml.'
TARIFFS = "Ghi đơn giá từng nhà mạng, mỗi nhà mạng một bảng [[price]], trong terms.toml (DISPATCHER_TERMS)."


@dataclass(frozen=True, slots=True)
class Way:
    """What a route carries at most of a wave's people on a network; `route` is None where none serves them.

    `whole`: a message costs the same whatever its length.
    """

    route: str | None
    amount: Amount
    whole: bool = False


def ways(
    found: Sequence[Share], channel: Channel, routes: Sequence[RouteConfig], prices: Mapping[str, Tariff]
) -> list[Way]:
    """The ways that a wave goes. Where Zalo comes first everybody may go both: what is not delivered there goes on by SMS."""
    by_sms = volume.amounts(found, prices)
    if channel is Channel.ZALO_THEN_SMS:
        onward = [amount for amount in by_sms if amount.network != FOLLOWERS]
        return [*_whole(by_sms, Channel.ZALO, routes), *_measured(onward, routes)]
    return _measured(by_sms, routes) if channel is Channel.SMS else _whole(by_sms, channel, routes)


def _measured(amounts: Iterable[Amount], routes: Sequence[RouteConfig]) -> list[Way]:
    chosen = table(routes)
    return [Way(serving(chosen, amount.network), amount) for amount in amounts]


def _whole(amounts: Iterable[Amount], channel: Channel, routes: Sequence[RouteConfig]) -> list[Way]:
    chosen, known = table(routes, channel), {route.name: route for route in routes}
    return [_by_message(amount, known.get(serving(chosen, amount.network) or "")) for amount in amounts]


def _by_message(amount: Amount, route: RouteConfig | None) -> Way:
    network, people = amount.network, amount.people
    if route is None:
        return Way(None, Amount(network, people, 0, 0.0, ""), whole=True)
    price = route.vnd_per_message
    vnd, source = (None, "") if price is None else (price * people, SOURCE.format(route=route.name))
    return Way(route.name, Amount(network, people, people, vnd, source), whole=True)


def dearest(gone: Iterable[Way]) -> list[Amount]:
    """Network by network, everybody by the dearer of their ways: Zalo charges what it delivers, and that goes no further."""
    each: defaultdict[str, list[Amount]] = defaultdict(list)
    for way in gone:
        each[way.amount.network].append(way.amount)
    return [_dearest(amounts) for amounts in each.values()]


def _dearest(amounts: Sequence[Amount]) -> Amount:
    dear = max(amounts, key=lambda amount: (amount.vnd is None, amount.vnd or 0.0))
    return Amount(dear.network, dear.people, max(amount.segments for amount in amounts), dear.vnd, dear.source)


def together(waves: Iterable[Iterable[Amount]]) -> list[Amount]:
    """All waves, network by network, the most people first."""
    each: defaultdict[str, list[Amount]] = defaultdict(list)
    for amounts in waves:
        for amount in amounts:
            each[amount.network].append(amount)
    found = [_sum(network, amounts) for network, amounts in each.items()]
    return sorted(found, key=lambda amount: amount.people, reverse=True)


def _sum(network: str, amounts: Sequence[Amount]) -> Amount:
    sources = dict.fromkeys(amount.source for amount in amounts if amount.source)
    return Amount(
        network,
        sum(amount.people for amount in amounts),
        sum(amount.segments for amount in amounts),
        total(amount.vnd for amount in amounts),
        "; ".join(sources),
    )


def total(values: Iterable[float | None]) -> float | None:
    """The sum, None where a part of it is not known."""
    known = list(values)
    return None if None in known else sum(value for value in known if value is not None)
