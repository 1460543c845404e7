"""Which route carries which network, and which addresses a rehearsal may reach."""

from __future__ import annotations

from typing import Any

import pytest

from dispatcher.routing import leaves_this_machine, table, unserved
from dispatcher.settings import RouteConfig


def route(name: str, *networks: str) -> RouteConfig:
    return RouteConfig(name=name, provider="esms", networks=networks, sender="X", tps=1)  # type: ignore[arg-type]


def test_the_first_route_that_names_a_network_carries_it() -> None:
    routes = [route("a", "viettel"), route("b", "viettel", "mobifone"), route("c", "*")]
    assert table(routes) == {"viettel": "a", "mobifone": "b", "*": "c"}


def test_a_network_is_unserved_only_without_a_route_for_the_rest() -> None:
    people = {"viettel": 5, "mobifone": 3, "unknown": 1}
    assert unserved({"viettel": "a"}, people) == {"mobifone": 3, "unknown": 1}
    assert unserved({"viettel": "a", "*": "b"}, people) == {}
    assert unserved({}, people) == people


ADDRESSES: list[tuple[dict[str, Any], list[str]]] = [
    ({"base_url": "http://127.0.0.1:8080/x"}, []),
    ({"base_url": "http://localhost/x", "callback_base": "http://[::1]:1"}, []),
    ({"base_url": "https://rest.esms.vn/x"}, ["https://rest.esms.vn/x"]),
    ({"base_url": "http://127.0.0.1.example.vn/"}, ["http://127.0.0.1.example.vn/"]),
    ({"base_url": "http://127.0.0.1@example.vn/"}, ["http://127.0.0.1@example.vn/"]),
    ({"base_url": "http://0.0.0.0/"}, ["http://0.0.0.0/"]),
    ({"host": "smpp.example.vn"}, ["smpp.example.vn"]),
    ({"host": "127.9.9.9"}, []),
    ({"host": ""}, [""]),
    ({"api_key": "key", "timeout": 30.0, "callback_base": None}, []),
    ({"base_url": "https:///nowhere"}, ["https:///nowhere"]),
]


@pytest.mark.parametrize(("options", "away"), ADDRESSES)
def test_addresses_off_this_machine_are_found(options: dict[str, Any], away: list[str]) -> None:
    assert leaves_this_machine(options) == away
