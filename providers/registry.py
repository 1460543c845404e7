"""Which class speaks to which provider: one table, imported on first use, open to outside packages."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from providers.base import Provider

PROVIDERS = {
    "esms": "providers.esms:Esms",
    "fpt": "providers.fpt:Fpt",
    "http_generic": "providers.generic:Generic",
    "mobifone": "providers.mobifone:MobiFone",
    "smpp": "providers.smpp.provider:Smpp",
    "speedsms": "providers.speedsms:SpeedSms",
    "viettel": "providers.viettel:Viettel",
    "vnpt": "providers.vnpt:Vnpt",
    "zalo_oa": "providers.zalo.oa:Oa",
    "zalo_zbs": "providers.zalo.zbs:Zbs",
}

ENTRY_POINTS = "dispatcher.providers"


class UnknownProvider(ValueError):  # noqa: N818  reads as the sentence it is
    """There is no provider of that name. The text is for staff: it appears beside the line of routes.toml."""


def provider_names() -> list[str]:
    """Every name that `provider_class` knows, sorted."""
    return sorted({*PROVIDERS, *_outside()})


def provider_class(name: str) -> type[Provider]:
    """The class for a name in routes.toml; our own table wins over outside packages.

    Raises `UnknownProvider`, and TypeError when an outside package offers something that is not a `Provider`.
    """
    found = _load(name)
    if not (isinstance(found, type) and issubclass(found, Provider)):
        raise TypeError(
            f"the entry point {name!r} of group {ENTRY_POINTS} is not a subclass of providers.base.Provider"
        )
    return found


def _load(name: str) -> object:
    if place := PROVIDERS.get(name):
        module, _, attribute = place.partition(":")
        return getattr(import_module(module), attribute)
    if point := _outside().get(name):
        return point.load()
    raise UnknownProvider(f"không có nhà cung cấp “{name}”; các tên dùng được: {', '.join(provider_names())}")


def _outside() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}
