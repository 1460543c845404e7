"""Which route carries a message, and which next: a pure choice by network."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from ipaddress import ip_address
from typing import Any, get_args
from urllib.parse import urlsplit

from dispatcher.settings import Network, RouteConfig

ANY = "*"


def table(routes: Iterable[RouteConfig]) -> dict[str, str]:
    """network -> name of the first route that serves it; `*` serves every network that no route names."""
    chosen: dict[str, str] = {}
    for route in routes:
        for network in route.networks:
            chosen.setdefault(network, route.name)
    return chosen


def senders(routes: Iterable[RouteConfig]) -> tuple[str, ...]:
    """The brandnames that the routes send under; an Official Account of Zalo has none."""
    return tuple(dict.fromkeys(route.sender for route in routes if not route.provider.startswith("zalo")))


def unserved(chosen: Mapping[str, str], people: Mapping[str, int]) -> dict[str, int]:
    """The networks (with their people) that no route serves."""
    return {} if ANY in chosen else {network: n for network, n in people.items() if network not in chosen}


def onward(routes: Iterable[RouteConfig], without: Collection[str]) -> dict[str, str]:
    """network -> the first route that serves it, those in `without` left out; routes that name it before `*`."""
    there = [route for route in routes if route.name not in without]
    rest = next((route.name for route in there if ANY in route.networks), None)
    chosen = {network: rest for network in get_args(Network) if network != ANY} | table(there)
    return {network: name for network, name in chosen.items() if name and network != ANY}


def after_refusal(routes: Collection[RouteConfig], name: str) -> dict[str, str]:
    """network -> the route to try for a number that `name` refuses because it is not, or no longer, on that network.

    Where no other route serves the network, the number may have been carried to one that another route serves: the first.
    """
    guess = next((route.name for route in routes if route.name != name), None)
    guessed = {network: guess for network in get_args(Network) if network != ANY and guess}
    return {**guessed, **onward(routes, {name})}


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
