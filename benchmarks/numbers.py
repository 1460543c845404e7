"""Our reading of dirty numbers beside libphonenumber's, on cells whose truth is known: precision and recall by class.

Run with `python -m benchmarks.numbers [CELLS]`.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import phonenumbers
import polars as pl

from campaigns.msisdn import normalise_column
from campaigns.tables import rows

CELLS = 1_000_000
SEED = 33
CLOTHES = (" ", ".", "-", "\u00a0", "\u202f")
OBSOLETE = ("0130", "0150", "0170")  # never converted


class Case(NamedTuple):
    """A cell as somebody may have written it, and the numbers that it truly gives, as E.164 digits; none = to be refused."""

    kind: str
    cell: str
    truth: frozenset[str]


def prefixes() -> list[str]:
    """Every prefix of the plan without its 0: two digits, or three where only a part of a block is given out."""
    return [row["prefix"].removeprefix("0") for row in rows("prefixes.csv")]


def migrations() -> dict[str, str]:
    """Prefix of an eleven-digit number of before 2018 -> its prefix of today."""
    return {row["old_prefix"]: row["new_prefix"] for row in rows("prefix-migration.csv")}


PREFIXES = prefixes()
MIGRATIONS = sorted(migrations().items())
LANDLINES = [row["area_code"] for row in rows("landlines.csv")]


def _national(chance: random.Random) -> str:
    prefix = chance.choice(PREFIXES)
    return prefix + "".join(chance.choices("0123456789", k=9 - len(prefix)))


def _good(write: Callable[[random.Random, str], str]) -> Callable[[random.Random], tuple[str, frozenset[str]]]:
    def made(chance: random.Random) -> tuple[str, frozenset[str]]:
        number = _national(chance)
        return write(chance, number), frozenset({f"84{number}"})

    return made


def _bad(write: Callable[[random.Random], str]) -> Callable[[random.Random], tuple[str, frozenset[str]]]:
    return lambda chance: (write(chance), frozenset())


def _dressed(chance: random.Random, number: str) -> str:
    mark = chance.choice(CLOTHES)
    return f"0{number[:2]}{mark}{number[2:5]}{mark}{number[5:]}"


def _wide(chance: random.Random, number: str) -> str:
    zero = chance.choice((0xFF10, 0x0660))
    return "".join(chr(zero + int(digit)) for digit in f"0{number}")


def _hidden(chance: random.Random, number: str) -> str:
    return chance.choice(("\u202a0{}\u202c", "\ufeff0{}", "0{}\u200b", "'0{}", '="0{}"')).format(number)


def _old(front: str) -> Callable[[random.Random], tuple[str, frozenset[str]]]:
    def made(chance: random.Random) -> tuple[str, frozenset[str]]:
        old, new = chance.choice(MIGRATIONS)
        rest = "".join(chance.choices("0123456789", k=7))
        return front + old[1:] + rest, frozenset({f"84{new[1:]}{rest}"})

    return made


def _pair(chance: random.Random) -> tuple[str, frozenset[str]]:
    first, second = _national(chance), _national(chance)
    between = chance.choice((" / ", ";", ", ", " - ", "\n", " hoặc "))
    return f"0{first}{between}0{second}", frozenset({f"84{first}", f"84{second}"})


def _digits(chance: random.Random, count: int) -> str:
    return "".join(chance.choices("0123456789", k=count))


def _damaged(chance: random.Random) -> str:
    return f"{chance.randint(3, 9)}.{_digits(chance, 5)}E+08"


def _lettered(chance: random.Random) -> str:
    number = _national(chance)
    return chance.choice((f"O{number}", f"0{number[:4]}l{number[5:]}", f"0{number[:8]}I"))


def _named(chance: random.Random) -> str:
    return chance.choice(("0{} (chị Lan)", "0{} máy lẻ 12", "0{} gọi giờ hành chính")).format(_national(chance))


# The classes in which numbers arrive: how often in a thousand cells, and how such a cell is made.
KINDS: dict[str, tuple[int, Callable[[random.Random], tuple[str, frozenset[str]]]]] = {
    "0xxxxxxxxx": (300, _good(lambda _, n: f"0{n}")),
    "leading 0 lost": (90, _good(lambda _, n: n)),
    "84, +84, 0084": (90, _good(lambda c, n: c.choice(("84", "+84", "0084")) + n)),
    "84 and a 0 too many": (40, _good(lambda c, n: c.choice(("+84 0", "840", "00840")) + n)),
    "dots, spaces, hyphens": (90, _good(_dressed)),
    "invisible marks, apostrophes": (40, _good(_hidden)),
    "digits of other scripts": (20, _good(_wide)),
    "float text (.0)": (30, _good(lambda _, n: f"{n}.0")),
    "old 11 digits": (40, _old("0")),
    "old without 0, or after 84": (30, lambda c: _old(c.choice(("", "84", "+84")))(c)),
    "two numbers in a cell": (40, _pair),
    "old prefix never converted": (10, _bad(lambda c: c.choice(OBSOLETE) + _digits(c, 7))),
    "scientific notation": (20, _bad(_damaged)),
    "letters for digits": (20, _bad(_lettered)),
    "name or extension in the cell": (20, _bad(_named)),
    "address text, nothing": (20, _bad(lambda c: c.choice(("Thôn 2, xã Na Sầm", "", "-", "không có", "#N/A")))),
    "landline": (30, _bad(lambda c: (f"{c.choice(LANDLINES)}{_digits(c, 9)}")[:11])),
    "1800, 1900, 069, short codes": (
        20,
        _bad(
            lambda c: c.choice(("1800" + _digits(c, 4), "1900" + _digits(c, 6), "069" + _digits(c, 6), "113", "5656"))
        ),
    ),
    "foreign": (20, _bad(lambda c: c.choice(("+85620", "+86138", "+66812")) + _digits(c, 8))),
    "a digit too few or too many": (30, _bad(lambda c: c.choice((f"0{_national(c)[:-1]}", f"0{_national(c)}0")))),
}


def cases(count: int, seed: int = SEED) -> Iterator[Case]:
    """That many cells, the same for the same seed."""
    chance = random.Random(seed)
    kinds = list(KINDS)
    shares = [share for share, _ in KINDS.values()]
    for kind in chance.choices(kinds, shares, k=count):
        cell, truth = KINDS[kind][1](chance)
        yield Case(kind, cell, truth)


def ours(cells: list[str]) -> list[frozenset[str]]:
    """What each cell gives, by `normalise_column`."""
    found: list[set[str]] = [set() for _ in cells]
    for start in range(0, len(cells), 50_000):
        read = normalise_column(pl.Series(cells[start : start + 50_000], dtype=pl.String)).drop_nulls("msisdn")
        for position, msisdn in read.select("position", "msisdn").iter_rows():
            found[start + position].add(msisdn)
    return [frozenset(numbers) for numbers in found]


def libphonenumber(cells: list[str]) -> list[frozenset[str]]:
    """What each cell gives, by libphonenumber: a valid Vietnamese mobile number, or nothing."""
    return [_valid(cell) for cell in cells]


def _valid(cell: str) -> frozenset[str]:
    try:
        number = phonenumbers.parse(cell, "VN")
    except phonenumbers.NumberParseException:
        return frozenset()
    kinds = {phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE}
    if (
        number.country_code != 84
        or not phonenumbers.is_valid_number(number)
        or phonenumbers.number_type(number) not in kinds
    ):
        return frozenset()
    return frozenset({f"84{number.national_number}"})


@dataclass
class Score:
    """Numbers given that are true, given in all, and true in all."""

    right: int = 0
    given: int = 0
    true: int = 0

    def add(self, given: frozenset[str], truth: frozenset[str]) -> None:
        self.right += len(given & truth)
        self.given += len(given)
        self.true += len(truth)

    def __str__(self) -> str:
        precision = f"{self.right / self.given:.4f}" if self.given else "-"
        recall = f"{self.right / self.true:.4f}" if self.true else "-"
        return f"{precision:>9} {recall:>9} {self.given - self.right:>8}"


@dataclass
class Scores:
    """By class, and together under ""."""

    by_kind: dict[str, Score] = field(default_factory=dict)

    def add(self, case: Case, given: frozenset[str]) -> None:
        for kind in (case.kind, ""):
            self.by_kind.setdefault(kind, Score()).add(given, case.truth)


def compare(listed: list[Case]) -> tuple[Scores, Scores, dict[str, float]]:
    """Scores of ours and of libphonenumber over the same cells, and the seconds that each took."""
    cells = [case.cell for case in listed]
    seconds, found = {}, []
    for name, read in (("ours", ours), ("libphonenumber", libphonenumber)):
        started = time.perf_counter()
        given = read(cells)
        seconds[name] = time.perf_counter() - started
        scores = Scores()
        for case, numbers in zip(listed, given, strict=True):
            scores.add(case, numbers)
        found.append(scores)
    return found[0], found[1], seconds


def main(count: int) -> None:
    """Print the table."""
    listed = list(cases(count))
    mine, theirs, seconds = compare(listed)
    sizes = Counter(case.kind for case in listed)
    columns = f"{'precision':>9} {'recall':>9} {'wrong':>8}"
    print(f"{'':32} {'cells':>9}   ours: {columns}   lib: {columns}")
    for kind in [*KINDS, ""]:
        size = sizes[kind] if kind else count
        print(f"{kind or 'all':32} {size:>9,}         {mine.by_kind[kind]}        {theirs.by_kind[kind]}")
    print(f"seconds: ours {seconds['ours']:.1f}, libphonenumber {seconds['libphonenumber']:.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else CELLS)
