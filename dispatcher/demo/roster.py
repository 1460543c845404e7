"""A roster as an office would hand it in: real communes, synthetic numbers, every usual mess, the same for a seed."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from campaigns import places

HEADER = ("STT", "Số điện thoại", "Xã/phường", "Nhóm")
GROUPS = ("thanh niên", "học sinh, sinh viên", "người lao động", "cán bộ, công chức", "người có uy tín, trưởng thôn")

# First digits of a number and their share: roughly the market, ported numbers left aside.
PREFIXES = {
    "096": 14, "097": 14, "098": 12, "033": 5, "035": 5, "086": 4, "091": 9, "094": 7, "088": 4, "090": 6, "093": 5,
    "077": 4, "092": 3, "056": 2, "0993": 1, "087": 2, "0559": 1, "0899": 2,
}  # fmt: skip
# Before 2018 these began with 01 and had eleven digits; old lists still do.
OLD_PREFIXES = {"0165": "035", "0123": "083", "0122": "077"}

SPELLINGS: tuple[tuple[int, Callable[[str], str]], ...] = (
    (46, lambda n: n),
    (10, lambda n: f"{n[:4]} {n[4:7]} {n[7:]}"),
    (8, lambda n: f"{n[:4]}.{n[4:7]}.{n[7:]}"),
    (10, lambda n: f"+84{n[1:]}"),
    (7, lambda n: f"84{n[1:]}"),
    (9, lambda n: n[1:]),
    (3, lambda n: f"{n[1:]}.0"),
    (2, lambda n: f"\u202a{n}\u202c"),
    (2, lambda n: n.translate({ord(str(d)): chr(0xFF10 + d) for d in range(10)})),
    (2, lambda n: f"0084{n[1:]}"),
    (1, lambda n: f"'{n}"),
)
BROKEN = (
    "", "0205 3812 345", "18001567", "9.12346E+08", "thôn Nà Chì", "09o1234567", "096123", "+86 138 0013 8000",
    "01291234567890", "ông trưởng thôn 0961234567",
)  # fmt: skip


def write(path: Path, lines: int, seed: int, province: str) -> list[str]:
    """Write `lines` data lines: about 3 % duplicates, 3 % that are no mobile number, the rest spelled in every way.

    Answers the numbers that can be texted, as `0xxxxxxxxx`, in the order of the file.
    """
    numbers: list[str] = []
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file, delimiter=";")
        rows.writerow(HEADER)
        rows.writerows(_rows(lines, random.Random(seed), province, numbers))  # noqa: S311  repeatable, not secret
    return numbers


def _rows(lines: int, dice: random.Random, province: str, numbers: list[str]) -> Iterator[tuple[object, ...]]:
    communes = [area.name for area in places.areas().values() if area.province_code == province]
    for line in range(1, lines + 1):
        yield line, _cell(dice, numbers), dice.choice(communes), dice.choice(GROUPS)


def _cell(dice: random.Random, numbers: list[str]) -> str:
    lot = dice.random()
    if lot < 0.03:
        return dice.choice(BROKEN)
    if lot < 0.06 and numbers:
        return _spelled(dice, dice.choice(numbers))
    if lot < 0.08:
        old = dice.choice(list(OLD_PREFIXES))
        return old + "".join(dice.choices("0123456789", k=7))
    numbers.append(_number(dice))
    if lot < 0.085:
        numbers.append(_number(dice))
        return f"{numbers[-2]} / {numbers[-1]}"
    return _spelled(dice, numbers[-1])


def _number(dice: random.Random) -> str:
    prefix = dice.choices(list(PREFIXES), list(PREFIXES.values()))[0]
    return prefix + "".join(dice.choices("0123456789", k=10 - len(prefix)))


def _spelled(dice: random.Random, number: str) -> str:
    shares = [share for share, _ in SPELLINGS]
    return dice.choices([spell for _, spell in SPELLINGS], shares)[0](number)
