"""Communes, wards and special zones since 1 July 2025, and finding one by the name that a roster gives.

The official lists themselves mix tone placement ("Thuận Hòa", "Thuận Hoà"), apostrophes and spaces, so names are
compared folded, and a name is never a key: 243 of them occur in more than one province.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache

from campaigns.tables import rows
from campaigns.text import nfc, plain
from campaigns.tones import toned


class Kind(StrEnum):
    """The three kinds of unit below a province, as written before their names."""

    COMMUNE = "Xã"
    WARD = "Phường"
    ZONE = "Đặc khu"


@dataclass(frozen=True, slots=True)
class Area:
    """A unit. `code` has five digits and is never reused; `name` is the official one without its kind."""

    code: str
    name: str
    kind: Kind
    province_code: str
    province_name: str


_KIND_OF = re.compile(r"(xa|phuong|dac khu|thi tran|x\.|p\.|tt\.)\s*(?=\S)")
_PROVINCE_OF = re.compile(r"(tinh|thanh pho|tp\b\.?|t\.)\s*(?=\S)")
_ALIASES = {"hcm": "79", "tphcm": "79"}


def _area(row: dict[str, str]) -> Area:
    kind = next(kind for kind in Kind if row["unit_name"].startswith(f"{kind} "))
    name = row["unit_name"].removeprefix(f"{kind} ")
    return Area(row["unit_code"], name, kind, row["province_code"], row["province_name"])


@cache
def areas() -> dict[str, Area]:
    """All 3,321 units by code (data/areas.csv)."""
    return {area.code: area for area in map(_area, rows("areas.csv"))}


@cache
def provinces() -> dict[str, str]:
    """The 34 provinces and cities: code -> official name."""
    return {area.province_code: area.province_name for area in areas().values()}


@lru_cache(maxsize=65_536)
def find(name: str, province: str | None = None) -> Area | None:
    """The unit that a roster means: by code ("06124", also "6124"), or by name with or without kind and accents.

    Names match whatever their accents, tone placement, apostrophes and spaces; accents, kind and province narrow the
    choice when a name occurs twice. What follows a comma is read as the province ("xã Na Sầm, Lạng Sơn"). None when
    unknown or still ambiguous, and when the given province does not exist: no place is better than a wrong one.
    """
    place, _, rest = name.partition(",")
    place = place.strip()
    if place.isascii() and place.isdigit():
        return areas().get(place.zfill(5))
    within = province_code(province or rest.rpartition(",")[2] or rest)
    return None if within is None else _choose(place, within)


def _choose(place: str, within: str) -> Area | None:
    found = [area for area in _candidates(place) if area.province_code.startswith(within)]
    for narrowed in (_same_accents(found, place), _same_kind(found, place)):
        if len(found) > 1:
            found = [area for area in found if area in narrowed]
    return found[0] if len(found) == 1 else None


def province_code(name: str) -> str | None:
    """Code of a province, "" when none was given, None when there is no such province."""
    key = plain(name).strip().lower()
    if not key:
        return ""
    if key.isdigit():
        return key.zfill(2) if key.zfill(2) in provinces() else None
    return _province_codes().get(_folded(_PROVINCE_OF.sub("", key, count=1)))


@cache
def _province_codes() -> dict[str, str]:
    named = {_folded(name.removeprefix("Tỉnh ").removeprefix("Thành phố ")): code for code, name in provinces().items()}
    return named | _ALIASES


def _candidates(place: str) -> list[Area]:
    whole = plain(place).lower()
    # Whole first: "Xa Dung" is the name of a commune, not a commune named Dung.
    return _by_name().get(_folded(whole)) or _by_name().get(_folded(_KIND_OF.sub("", whole, count=1)), [])


@cache
def _by_name() -> dict[str, list[Area]]:
    found: dict[str, list[Area]] = defaultdict(list)
    for area in areas().values():
        found[_folded(area.name)].append(area)
    return dict(found)


def _same_accents(found: list[Area], place: str) -> list[Area]:
    if plain(place) == nfc(place):
        return found  # written without accents: they say nothing
    return [area for area in found if _accented(place).endswith(_accented(area.name))]


def _same_kind(found: list[Area], place: str) -> list[Area]:
    """Those of the kind that is written; all when none is, since rosters keep the kind of before the reform."""
    return [area for area in found if plain(place).lower().startswith(plain(area.kind).lower())] or found


def _folded(name: str) -> str:
    return "".join(char for char in plain(name).lower() if char.isalnum())


def _accented(name: str) -> str:
    """Accents kept, tone placement evened out: "Hoà" and "Hòa" become one."""
    return "".join(toned(word) for word in re.findall(r"[^\W_]+", nfc(name).lower()))
