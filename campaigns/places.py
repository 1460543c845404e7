"""Communes, wards and special zones since 1 July 2025, what they were before, and finding them by name.

The official lists themselves mix tone placement ("Thuận Hòa", "Thuận Hoà"), apostrophes and spaces, so names are
compared folded, and a name is never a key: 243 of them occur in more than one province.
"""

from __future__ import annotations

import datetime
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
    """A unit. `code` has five digits and is never reused; `name` is the official one without its kind.

    It is there from `valid_from` to `valid_to`, both included, None = still.
    """

    code: str
    name: str
    kind: Kind
    province_code: str
    province_name: str
    valid_from: datetime.date
    valid_to: datetime.date | None

    def __str__(self) -> str:
        return f"{self.kind} {self.name}, {self.province_name}"


@dataclass(frozen=True, slots=True)
class Region:
    """Units that belong together: a province of today, or the communes of one that was merged into it.

    Units keep the code of a commune that they were made of, and the communes of a province were numbered together.
    """

    name: str = ""
    province_code: str = ""
    first: str = "00000"
    last: str = "99999"
    valid_to: datetime.date | None = None

    def __contains__(self, area: Area) -> bool:
        return area.province_code.startswith(self.province_code) and self.first <= area.code <= self.last


class PlaceError(ValueError):
    """A place that cannot be told from its name; Vietnamese, with what to write instead."""


_KIND_OF = re.compile(r"(xa|phuong|dac khu|thi tran|x\.|p\.|tt\.)\s*(?=\S)")
_PROVINCE_OF = re.compile(r"(tinh|thanh pho|tp\b\.?|t\.)\s*(?=\S)")
# The zones that the law and the seeds of campaigns speak of; an office may name others.
ZONES = {
    "border": ("biên giới", "vùng biên giới", "xã biên giới"),
    "gate": ("cửa khẩu", "khu vực cửa khẩu"),
    "key": ("trọng điểm", "địa bàn trọng điểm", "trọng điểm phức tạp", "địa bàn trọng điểm, phức tạp"),
    "minority": ("dân tộc thiểu số", "vùng dân tộc thiểu số", "vùng đồng bào dân tộc thiểu số"),
}
_ALIASES = {"hcm": "79", "tphcm": "79", "saigon": "79", "thuathienhue": "46"}


_FORMER = re.compile(r"\s*\(?\b(cu|truoc sap nhap|truoc 07/2025)\)?$")


def _area(row: dict[str, str]) -> Area:
    kind = next(kind for kind in Kind if row["unit_name"].startswith(f"{kind} "))
    name = row["unit_name"].removeprefix(f"{kind} ")
    return Area(
        row["unit_code"], name, kind, row["province_code"], row["province_name"], *_validity(row["valid_from"], row)
    )


def _validity(start: str, row: dict[str, str]) -> tuple[datetime.date, datetime.date | None]:
    return datetime.date.fromisoformat(start), _day(row["valid_to"])


def _day(written: str) -> datetime.date | None:
    return datetime.date.fromisoformat(written) if written else None


@cache
def areas() -> dict[str, Area]:
    """All 3,321 units by code (data/areas.csv)."""
    return {area.code: area for area in map(_area, rows("areas.csv"))}


@cache
def provinces() -> dict[str, str]:
    """The 34 provinces and cities: code -> official name."""
    return {area.province_code: area.province_name for area in areas().values()}


@cache
def former_provinces() -> dict[str, Region]:
    """Provinces of before 1 July 2025 whose communes are known: folded name -> their communes of today.

    Not those eleven of which a unit of today has land together with a neighbour: without first and last unit in
    data/former-provinces.csv.
    """
    return {
        _folded(_bare(row["name"])): Region(
            f"{row['name']} (cũ)", row["merged_into"], row["first_unit"], row["last_unit"], _day(row["valid_to"])
        )
        for row in rows("former-provinces.csv")
        if row["first_unit"]
    }


@cache
def _mixed_provinces() -> frozenset[str]:
    return frozenset(_folded(_bare(row["name"])) for row in rows("former-provinces.csv") if not row["first_unit"])


def region(name: str) -> Region | None:
    """A province by name or code, the whole country for ""; "Lâm Đồng cũ" and "Đắk Nông" are those of before the merger.

    None when there is no such province.
    """
    code = province_code(name)
    if code is not None:
        return Region(provinces().get(code, ""), code)
    return former_provinces().get(_former_key(name))


def _former_key(name: str) -> str:
    return _folded(_bare(_FORMER.sub("", plain(name).strip().lower())))


@lru_cache(maxsize=65_536)
def find(name: str, province: str | None = None) -> Area | None:
    """The unit that a roster means: by code ("06124", also "6124"), or by name with or without kind and accents.

    Names match whatever their accents, tone placement, apostrophes and spaces; accents, kind and province narrow the
    choice when a name occurs twice. What follows a comma is read as the province ("xã Na Sầm, Lạng Sơn"). None when
    unknown or still ambiguous, and when the given province does not exist: no place is better than a wrong one.
    """
    found = matches(name, province)
    return found[0] if len(found) == 1 else None


def matches(name: str, province: str | None = None) -> list[Area]:
    """The units that a name may mean, as `find` reads it; several when it is ambiguous, none when it is unknown."""
    place, _, rest = name.partition(",")
    place = place.strip()
    if place.isascii() and place.isdigit():
        known = areas().get(place.zfill(5))
        return [known] if known else []
    within = region(province or rest.rpartition(",")[2] or rest)
    if within is None:
        return []
    return _narrowed(place, within) or _successors(place, within)


def chosen(phrase: str) -> frozenset[str]:
    """The codes of the units that a definition means: a province, one of before the merger ("Đắk Nông cũ"), or a unit.

    Raises `PlaceError` when there is no such place, or when there are several.
    """
    whole = region(phrase)
    if whole is not None and whole.name:
        return frozenset(area.code for area in areas().values() if area in whole)
    if _former_key(phrase) in _mixed_provinces():
        raise PlaceError(
            f"“{phrase}” đã hợp nhất, có xã gồm đất của hai tỉnh cũ; liệt kê các xã, hoặc dùng vùng tự đánh dấu"
        )
    found = matches(phrase)
    if not found:
        raise PlaceError(f"không có địa bàn “{phrase}”; viết tên tỉnh, “tên tỉnh cũ”, “tên xã, tên tỉnh” hoặc mã xã")
    if len(found) > 1:
        raise PlaceError(f"“{phrase}” có ở {len(found)} nơi: {listed(found)}; ghi thêm tên tỉnh hoặc dùng mã")
    return frozenset({found[0].code})


def zone(name: str) -> str:
    """The name that a zone is kept under: `border` for "Biên giới", what is written, without accents, for another."""
    words = " ".join(re.findall(r"[a-z0-9]+", plain(name).lower()))
    return _zones().get(words.replace(" ", ""), words)


@cache
def _zones() -> dict[str, str]:
    return {_folded(word): zone for zone, words in ZONES.items() for word in (zone, *words)}


def key(name: str) -> str:
    """What a commune's name is compared by: without accents, kind, spaces, and what stands behind a comma."""
    return _folded(_KIND_OF.sub("", plain(name.partition(",")[0]).strip().lower(), count=1))


def listed(found: list[Area]) -> str:
    """Units as they are offered to choose from, the first few."""
    shown = "; ".join(f"{area.code} {area}" for area in found[:4])
    return shown + (" ..." if len(found) > 4 else "")


def _narrowed(place: str, within: Region) -> list[Area]:
    found = [area for area in _candidates(place) if area in within]
    for narrowed in (_same_accents(found, place), _same_kind(found, place)):
        if len(found) > 1:
            found = [area for area in found if area in narrowed]
    return found


def _successors(place: str, within: Region) -> list[Area]:
    """Where the whole of a commune of before the merger is now; only within a province, since names recur."""
    if not within.province_code:
        return []
    return [area for area in _predecessors().get(key(place), ()) if area in within]


@cache
def _predecessors() -> dict[str, list[Area]]:
    found: dict[str, list[Area]] = defaultdict(list)
    for row in rows("predecessors.csv"):
        if row["relation"] == "whole":
            found[key(row["name"])].append(areas()[row["area_code"]])
    return dict(found)


def province_code(name: str) -> str | None:
    """Code of a province, "" when none was given, None when there is no such province."""
    key = plain(name).strip().lower()
    if not key:
        return ""
    if key.isdigit():
        return key.zfill(2) if key.zfill(2) in provinces() else None
    return _province_codes().get(_folded(_bare(key)))


@cache
def _province_codes() -> dict[str, str]:
    return {_folded(_bare(name)): code for code, name in provinces().items()} | _ALIASES


def _bare(name: str) -> str:
    """A province without its kind."""
    return _PROVINCE_OF.sub("", plain(name).strip().lower(), count=1)


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
