"""Numbers as a carrier sees them: one form, and the network that serves them."""

from __future__ import annotations

import re

_MOBILE = re.compile(r"(?:\+?84|0)([35789][0-9]{8})")

# (telcoid of a callback, its name, two digits after the 0)
NETWORKS = (
    ("1", "VIETTEL", ("32", "33", "34", "35", "36", "37", "38", "39", "86", "96", "97", "98")),
    ("2", "MOBIFONE", ("70", "76", "77", "78", "79", "89", "90", "93")),
    ("3", "VINAPHONE", ("81", "82", "83", "84", "85", "88", "91", "94")),
    ("4", "VIETNAMOBILE", ("52", "56", "58", "92")),
    ("5", "GTEL", ("59", "99")),
    ("6", "ITEL", ("87",)),
    ("7", "REDDI", ("55",)),
)

_BY_PREFIX = {prefix: (number, name) for number, name, prefixes in NETWORKS for prefix in prefixes}


def normal(phone: str) -> str | None:
    """`0912345678`, `84912345678` and `+84912345678` are `84912345678`; None for anything else."""
    found = _MOBILE.fullmatch(phone)
    return f"84{found[1]}" if found else None


def network(phone: str) -> tuple[str, str]:
    """The telcoid and name for a number in its normal form; both empty where the prefix is unknown."""
    return _BY_PREFIX.get(phone[2:4], ("", ""))
