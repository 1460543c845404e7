"""Which numbers of a roster came before: a bit for each of the thousand million that there can be."""

from __future__ import annotations

import numpy as np
import polars as pl

NATIONAL_DIGITS = 9


class Seen:
    """The numbers met so far. 125 MB of addresses, of which memory is taken where a mobile number falls: 63 MB at most."""

    def __init__(self) -> None:
        self._bits = np.zeros(10**NATIONAL_DIGITS // 8, dtype=np.uint8)

    def add(self, msisdns: pl.Series) -> pl.Series:
        """Which of these (as `84912345678`) are met for the first time, as booleans in their order."""
        numbers = msisdns.str.tail(NATIONAL_DIGITS).cast(pl.UInt32)
        places, bits = (numbers // 8).to_numpy(), np.left_shift(1, (numbers % 8).to_numpy()).astype(np.uint8)
        met = self._bits[places] & bits != 0
        np.bitwise_or.at(self._bits, places, bits)
        return numbers.is_first_distinct().alias(msisdns.name) & ~pl.Series(met)
