"""Which route carries a message: a pure choice by network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from dispatcher.settings import RouteConfig

ANY = "*"


def table(routes: Iterable[RouteConfig]) -> dict[str, str]:
    """network -> name of the first route that serves it; `*` serves every network that no route names."""
    chosen: dict[str, str] = {}
    for route in routes:
        for network in route.networks:
            chosen.setdefault(network, route.name)
    return chosen


def unserved(chosen: Mapping[str, str], people: Mapping[str, int]) -> dict[str, int]:
    """The networks (with their people) that no route serves."""
    return {} if ANY in chosen else {network: n for network, n in people.items() if network not in chosen}


def leaves_this_machine(options: Mapping[str, Any]) -> list[str]:
    """The addresses in a route's options that are not on loopback: a rehearsal must not reach them."""
    addresses = (str(value) for key, value in options.items() if key == "host" or "://" in str(value))
    return [address for address in addresses if not _loopback(address)]


def _loopback(address: str) -> bool:
    host = urlsplit(address).hostname if "://" in address else address
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False
