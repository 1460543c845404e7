"""Which route carries a message, and which next: a pure choice by network."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from ipaddress import ip_address
from typing import Any, get_args
from urllib.parse import urlsplit

from campaigns.campaign import Channel
from dispatcher.settings import FOLLOWERS, Network, RouteConfig
from dispatcher.store.batches import Ways
from providers.registry import UnknownProvider, provider_class

ANY = "*"
SMS = "sms"
# The networks that `*` stands for: numbers. Who is known by an id at our account is reached by routes that say so.
NUMBERS = tuple(network for network in get_args(Network) if network not in (ANY, FOLLOWERS))


@cache
def channel(provider: str) -> str:
    """By what a provider reaches people."""
    try:
        return provider_class(provider).capabilities.channel
    except UnknownProvider:  # said where routes are opened
        return SMS


def over(routes: Iterable[RouteConfig], wanted: str) -> list[RouteConfig]:
    """The routes of a channel."""
    return [route for route in routes if channel(route.provider) == wanted]


def table(routes: Iterable[RouteConfig], policy: Channel = Channel.SMS) -> dict[str, str]:
    """network -> name of the first route that serves it; `*` serves every network that no route names.

    Where Zalo comes first, SMS serves at once what no route of Zalo does.
    """
    routes = tuple(routes)
    if policy is not Channel.ZALO_THEN_SMS:
        return _first(over(routes, policy))
    chosen = _first(over(routes, Channel.ZALO))
    return chosen if ANY in chosen else _first(over(routes, SMS)) | chosen


def serving(chosen: Mapping[str, str], network: str) -> str | None:
    """The route of a table that serves a network; `*` stands for numbers only."""
    return chosen.get(network) or (chosen.get(ANY) if network != FOLLOWERS else None)


def _first(routes: Iterable[RouteConfig]) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for route in routes:
        for network in route.networks:
            chosen.setdefault(network, route.name)
    return chosen


def whole(routes: Iterable[RouteConfig]) -> list[str]:
    """The routes on which a message is one segment, whatever the text."""
    return [route.name for by in (Channel.ZALO, Channel.OA) for route in over(routes, by)]


def senders(routes: Iterable[RouteConfig]) -> tuple[str, ...]:
    """The brandnames that the routes send under; an Official Account of Zalo has none."""
    return tuple(dict.fromkeys(route.sender for route in over(routes, SMS)))


def unserved(chosen: Mapping[str, str], people: Mapping[str, int]) -> dict[str, int]:
    """The networks (with their people) that no route serves."""
    return {network: n for network, n in people.items() if serving(chosen, network) is None}


def onward(routes: Iterable[RouteConfig], without: Collection[str], by: str = SMS) -> dict[str, str]:
    """network -> the first route of a channel that serves it, those in `without` left out; routes that name it before `*`."""
    there = [route for route in over(routes, by) if route.name not in without]
    rest = next((route.name for route in there if ANY in route.networks), None)
    chosen = dict.fromkeys(NUMBERS, rest) | _first(there)
    return {network: name for network, name in chosen.items() if name and network != ANY}


def elsewhere(routes: Collection[RouteConfig], name: str, without: Collection[str]) -> list[Ways]:
    """Where what waits on a route may go while it is stopped: first to others of its channel, else from Zalo to SMS where the
    wave says so."""
    by = next((channel(route.provider) for route in routes if route.name == name), SMS)
    same = onward(routes, {*without, name}, by)
    if by == SMS:
        return [Ways(same)] if same else []
    if same:
        return [Ways(same, filled=True)]
    by_sms = onward(routes, {*without, name})
    return [Ways(by_sms, channels=(Channel.ZALO_THEN_SMS,))] if by_sms else []


def after_refusal(routes: Collection[RouteConfig], name: str) -> dict[str, str]:
    """network -> the route to try for a number that `name` refuses because it is not, or no longer, on that network.

    Where no other route serves the network, the number may have been carried to one that another route serves: the first.
    """
    by = next((channel(route.provider) for route in routes if route.name == name), SMS)
    guess = next((route.name for route in over(routes, by) if route.name != name), None)
    guessed = dict.fromkeys(NUMBERS, guess) if guess else {}
    return {**guessed, **onward(routes, {name}, by)}


def only_network(route: RouteConfig) -> str | None:
    """The network of a route that serves no other."""
    return route.networks[0] if len(route.networks) == 1 and route.networks[0] != ANY else None


def leaves_this_machine(options: Mapping[str, Any]) -> list[str]:
    """The addresses in a route's options that are not on loopback: a rehearsal must not reach them."""
    tables = [value for value in options.values() if isinstance(value, Mapping)]
    plain = {key: str(value) for key, value in options.items() if not isinstance(value, Mapping)}
    addresses = (value for key, value in plain.items() if key == "host" or "://" in value)
    away = [address for address in addresses if not _loopback(address)]
    return [*away, *(address for table in tables for address in leaves_this_machine(table))]


def _loopback(address: str) -> bool:
    host = urlsplit(address).hostname if "://" in address else address
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False
