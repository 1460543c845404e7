"""How carriers sell length: how many units end each part, which differs from the standard where they add words.

The profiles that ship (data/lengths.csv) were published by somebody; a contract's own go into the office's terms file.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from campaigns.tables import rows
from campaigns.text import LIMITS, Encoding, Size


@dataclass(frozen=True, slots=True)
class Profile:
    """One provider's parts for one encoding. `ends` are the units that fit in one part, two, three ...

    `longest` is the most that is taken at all, None where no limit is known: beyond the last end, parts then grow as
    in the standard.
    """

    profile: str
    name: str
    encoding: Encoding
    ends: tuple[int, ...]
    longest: int | None
    source: str
    confidence: str = "contract"


@dataclass(frozen=True, slots=True)
class Fit:
    """A text on a profile: `parts` is None where it is longer than the provider takes, `left` the units still free."""

    profile: str
    name: str
    encoding: Encoding
    units: int
    parts: int | None
    left: int
    source: str
    confidence: str


def _profile(row: dict[str, str]) -> Profile:
    ends = tuple(map(int, row["ends"].split(";")))
    longest = int(row["longest"]) if row["longest"] else None
    return Profile(
        row["profile"], row["name"], Encoding(row["encoding"]), ends, longest, row["source"], row["confidence"]
    )


@cache
def profiles() -> tuple[Profile, ...]:
    """The published profiles."""
    return tuple(map(_profile, rows("lengths.csv")))


def fits(size: Size, own: Iterable[Profile] = ()) -> list[Fit]:
    """A size on every profile that knows its encoding; an office's own stand first, and hide those of their name."""
    mine = tuple(own)
    hidden = {profile.profile for profile in mine}
    others = (profile for profile in profiles() if profile.profile not in hidden)
    return [fit(size, profile) for profile in (*mine, *others) if profile.encoding is size.encoding]


def fit(size: Size, profile: Profile) -> Fit:
    """A size on one profile of its encoding.

    Where a profile's ends are those of the standard, its parts are the standard's, which also know that an escape or a
    surrogate pair is not torn apart.
    """
    parts = _parts(size, profile)
    end = _end(profile, parts) if parts else profile.longest or 0
    return Fit(
        profile.profile, profile.name, size.encoding, size.units, parts, end - size.units, profile.source,
        profile.confidence,
    )  # fmt: skip


def _parts(size: Size, profile: Profile) -> int | None:
    if profile.longest is not None and size.units > profile.longest:
        return None
    sold = bisect_left(profile.ends, size.units) + 1 if size.units else 0
    if sold > len(profile.ends):
        beyond = size.units - profile.ends[-1]
        sold = len(profile.ends) + -(-beyond // LIMITS[size.encoding].part)
    return max(sold, size.segments)


def _end(profile: Profile, parts: int) -> int:
    """Units that fit in so many parts."""
    more = parts - len(profile.ends)
    return profile.ends[parts - 1] if more <= 0 else profile.ends[-1] + more * LIMITS[profile.encoding].part
