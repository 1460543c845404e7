"""Which route carries which network, and which addresses a rehearsal may reach."""

from __future__ import annotations

from typing import Any

import pytest

from dispatcher.routing import after_refusal, leaves_this_machine, only_network, onward, table, unserved
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


def test_a_message_goes_on_to_the_next_route_that_serves_its_network_and_the_one_for_the_rest_comes_last() -> None:
    routes = [route("rest", "*"), route("a", "viettel"), route("b", "viettel", "mobifone")]
    without_a = onward(routes, {"a"})
    assert (without_a["viettel"], without_a["mobifone"], without_a["unknown"]) == ("b", "b", "rest")
    assert onward(routes, {"a", "b"})["viettel"] == "rest"
    assert onward(routes[1:], {"b"}) == {"viettel": "a"}
    assert "*" not in onward(routes, set())


def test_a_number_refused_for_its_network_is_tried_where_another_network_is_served_when_nobody_else_serves_its_own() -> (
    None
):
    direct = [route("v", "viettel"), route("m", "mobifone"), route("n", "vinaphone")]
    assert after_refusal(direct, "v")["viettel"] == "m"
    assert after_refusal(direct, "m")["mobifone"] == "v"
    assert after_refusal([*direct, route("rest", "*")], "v")["viettel"] == "rest"
    assert after_refusal(direct[:1], "v") == {}


ONLY = [(("viettel",), "viettel"), (("*",), None), (("viettel", "mobifone"), None), (("viettel", "*"), None)]


@pytest.mark.parametrize(("networks", "only"), ONLY)
def test_only_a_route_of_one_network_proves_on_which_a_number_is(networks: tuple[str, ...], only: str | None) -> None:
    assert only_network(route("a", *networks)) == only


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
