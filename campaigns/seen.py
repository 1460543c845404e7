"""Which numbers of a roster came before: a bit for each of the thousand million that there can be."""

from __future__ import annotations

import polars as pl

NATIONAL_DIGITS = 9
_BIT = tuple(1 << place for place in range(8))


class Seen:
    """The numbers met so far. 125 MB of addresses, of which memory is taken where a mobile number falls: 63 MB at most."""

    def __init__(self) -> None:
        self._bits = bytearray(10**NATIONAL_DIGITS // 8)

    def add(self, msisdns: pl.Series) -> pl.Series:
        """Which of these (as `84912345678`) are met for the first time, as booleans in their order."""
        bits = self._bits
        fresh = bytearray(len(msisdns))
        for place, number in enumerate(msisdns.str.tail(NATIONAL_DIGITS).cast(pl.UInt32).to_list()):
            bit, at = _BIT[number & 7], number >> 3
            if not bits[at] & bit:
                bits[at] |= bit
                fresh[place] = 1
        return pl.Series(msisdns.name, list(fresh), dtype=pl.UInt8).cast(pl.Boolean)
