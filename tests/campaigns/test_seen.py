"""Which numbers came before."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from campaigns.seen import Seen

NUMBERS = st.integers(0, 30).map(lambda last: f"84{912345600 + last}") | st.sampled_from(["84300000000", "84999999999"])


@given(st.lists(st.lists(NUMBERS, max_size=20), max_size=4))
def test_a_number_is_new_once_whatever_the_chunks(chunks):
    seen, known = Seen(), set()
    for numbers in chunks:
        expected = [number not in known and not known.add(number) for number in numbers]
        assert seen.add(pl.Series(numbers, dtype=pl.String)).to_list() == expected
